//! Where the source is, as people drew it.

use lookhear::perception::heatmap::Point;

use super::SIDE;

/// An axis-aligned box in fractions of the picture: left, top, right, bottom.
pub type NormalisedBox = [f64; 4];

/// Width and height of the pictures that Flickr's annotators drew on, in pixels.
const FLICKR_SIDE: f64 = 256.0;

/// What becomes of a box that reaches over the left or the upper edge of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clipping {
    /// It ends at the edge.
    ToFrame,
    /// Nothing is done, as in the published code: its negative pixels count from the opposite edge, as indices into a NumPy
    /// array do, and most such boxes come out empty.
    AsPublished,
}

/// Boxes of a picture, and how surely each of `SIDE × SIDE` pixels belongs to the source.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    boxes: Vec<NormalisedBox>,
    /// Twice the certainty: 0, 1 or 2.
    halves: Vec<u8>,
}

impl Truth {
    /// The union of the boxes: the rule of VGG-SS. Boxes are clipped to the frame; one without area marks nothing.
    pub fn union(boxes: &[NormalisedBox]) -> Self {
        Self::union_clipped(boxes, Clipping::ToFrame)
    }

    /// Half the number of boxes over a pixel, at most 1: the rule of Flickr, one box an annotator, in pixels of a picture
    /// of 256 × 256.
    pub fn consensus(boxes: &[[f64; 4]]) -> Self {
        Self::consensus_clipped(boxes, Clipping::ToFrame)
    }

    /// [`union`](Self::union), with a say in what happens at the edges.
    pub fn union_clipped(boxes: &[NormalisedBox], clipping: Clipping) -> Self {
        Self::new(boxes.to_vec(), 2, clipping)
    }

    /// [`consensus`](Self::consensus), with a say in what happens at the edges.
    pub fn consensus_clipped(boxes: &[[f64; 4]], clipping: Clipping) -> Self {
        let shares = boxes.iter().map(|corners| corners.map(|value| value / FLICKR_SIDE));
        Self::new(shares.collect(), 1, clipping)
    }

    fn new(boxes: Vec<NormalisedBox>, halves_a_box: u8, clipping: Clipping) -> Self {
        let mut halves = vec![0u8; SIDE * SIDE];
        for &corners in &boxes {
            let [left, top, right, bottom] = corners.map(|fraction| pixel(fraction, clipping));
            for row in halves.chunks_exact_mut(SIDE).take(bottom).skip(top) {
                for half in row.iter_mut().take(right).skip(left) {
                    *half = (*half + halves_a_box).min(2);
                }
            }
        }
        Self { boxes, halves }
    }

    /// The boxes in fractions of the picture, unclipped.
    pub fn boxes(&self) -> &[NormalisedBox] {
        &self.boxes
    }

    /// Certainty of each pixel, 0, ½ or 1, rows from the top, `SIDE × SIDE`.
    pub fn certainties(&self) -> impl ExactSizeIterator<Item = f64> {
        self.halves.iter().map(|&halves| f64::from(halves) / 2.0)
    }

    /// Whether a point, such as the peak of a map, lies in any of the boxes, edges included.
    pub fn contains(&self, point: Point) -> bool {
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        self.boxes
            .iter()
            .any(|&[left, top, right, bottom]| (left..=right).contains(&x) && (top..=bottom).contains(&y))
    }
}

/// The pixel in which a fraction of the side falls, `SIDE` for what lies behind the last.
fn pixel(fraction: f64, clipping: Clipping) -> usize {
    // `as` cuts towards zero, as the published rule does, and takes what is no number for zero.
    let pixel = (fraction * SIDE as f64) as i64;
    let from_the_end = if pixel < 0 && clipping == Clipping::AsPublished {
        SIDE as i64
    } else {
        0
    };
    pixel.saturating_add(from_the_end).clamp(0, SIDE as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(truth: &Truth) -> f64 {
        truth.certainties().sum()
    }

    #[test]
    fn boxes_that_overlap_count_once_in_a_union_and_twice_in_a_consensus() {
        let union = Truth::union(&[[0.0, 0.0, 0.5, 0.5], [0.25, 0.0, 0.75, 0.5]]);
        assert_eq!(area(&union), 168.0 * 112.0);
        let consensus = Truth::consensus(&[
            [0.0, 0.0, 128.0, 128.0],
            [64.0, 0.0, 192.0, 128.0],
            [64.0, 0.0, 65.9, 128.0],
        ]);
        assert_eq!(area(&consensus), (0.5 + 1.0 + 0.5) * 56.0 * 112.0);
        let certainties: Vec<f64> = consensus.certainties().collect();
        assert_eq!(
            (certainties[0], certainties[56], certainties[112], certainties[168]),
            (0.5, 1.0, 0.5, 0.0)
        );
    }

    #[test]
    fn a_point_is_in_any_box_or_outside() {
        let truth = Truth::consensus(&[[0.0, 0.0, 64.0, 64.0], [192.0, 192.0, 256.0, 256.0]]);
        for (x, y, inside) in [
            (0.1, 0.1, true),
            (0.25, 0.25, true),
            (0.9, 1.0, true),
            (0.1, 0.9, false),
            (0.5, 0.5, false),
        ] {
            assert_eq!(truth.contains(Point { x, y }), inside, "{x} {y}");
        }
    }

    #[test]
    fn the_published_rule_counts_negative_pixels_from_the_opposite_edge() {
        let marked = |corners| area(&Truth::union_clipped(&[corners], Clipping::AsPublished));
        assert_eq!(marked([-0.25, 0.0, 0.5, 0.5]), 0.0);
        assert_eq!(marked([-0.25, 0.0, 1.0, 1.0]), 56.0 * 224.0);
        assert_eq!(marked([0.5, 0.5, 1.5, 1.5]), 112.0 * 112.0);
        assert_eq!(marked([-0.004, 0.0, 0.5, 0.5]), 112.0 * 112.0);
        assert_eq!(
            area(&Truth::consensus_clipped(
                &[[-64.0, 0.0, 256.0, 256.0]],
                Clipping::AsPublished
            )),
            0.5 * 56.0 * 224.0
        );
    }

    proptest! {
        #[test]
        fn any_box_is_clipped_to_the_frame(corners in prop::array::uniform4(prop::num::f64::ANY)) {
            let [left, top, right, bottom] = corners.map(|value| if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) });
            let expected = ((right - left).max(0.0) * (bottom - top).max(0.0) * (SIDE * SIDE) as f64) as i64;
            let found = area(&Truth::union(&[corners])) as i64;
            prop_assert!((found - expected).abs() <= 2 * SIDE as i64, "{found} {expected}");
        }

        #[test]
        fn a_consensus_of_two_alike_is_their_union(corners in prop::array::uniform4(0.0f64..256.0)) {
            let both = Truth::consensus(&[corners, corners]);
            let union = Truth::union(&[corners.map(|value| value / 256.0)]);
            prop_assert!(both.certainties().eq(union.certainties()));
        }
    }
}
