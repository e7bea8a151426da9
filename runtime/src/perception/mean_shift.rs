//! The middle of the thing that sounds: the similarity peaks anywhere on it, on a head or on a wing.

use super::heatmap::{Heatmap, Point};

/// Standard deviation of the window, in shares of the picture's width and height. Wider windows left things that are cut off by the
/// picture's edge, narrower ones stayed at the edges of great things.
const WINDOW: f32 = 0.12;
/// Cells count from this share of the way from the map's median to its peak on, …
const LEVEL: f32 = 0.3;
/// … and count in full this share further: how far a thing reaches says more of its middle than where the map is highest.
const RISE: f32 = 0.1;
/// It has come to rest once a step is shorter, in shares of the picture.
const REST: f32 = 1e-3;
const MOST_STEPS: usize = 20;

/// Finds the middle of what stands out around a map's peak; its buffers are kept from map to map.
#[derive(Debug, Clone, Default)]
pub struct MeanShift {
    sorted: Vec<f32>,
    across: Vec<f32>,
    down: Vec<f32>,
}

impl MeanShift {
    /// From the peak on, a Gaussian window of fixed size is moved to the weighted mean of the cells under it until it rests (Comaniciu
    /// and Meer 2002, section 2). (0.5, 0.5) for an empty map, the peak where nothing stands out.
    pub fn centre(&mut self, heatmap: &Heatmap) -> Point {
        let mut centre = heatmap.peak();
        let median = self.median(&heatmap.values);
        let height = heatmap.similarity() - median;
        let (level, rise) = (median + LEVEL * height, RISE * height);
        for _ in 0..MOST_STEPS {
            window(&mut self.across, heatmap.width, centre.x);
            window(&mut self.down, heatmap.height, centre.y);
            let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
            for (row, (values, down)) in heatmap.rows().zip(&self.down).enumerate() {
                for (column, (value, across)) in values.iter().zip(&self.across).enumerate() {
                    let weight = (value - level).min(rise).max(0.0) * across * down;
                    x += weight * middle(column, heatmap.width);
                    y += weight * middle(row, heatmap.height);
                    sum += weight;
                }
            }
            if sum <= f32::MIN_POSITIVE {
                break;
            }
            let next = Point { x: x / sum, y: y / sum };
            let step = (next.x - centre.x).hypot(next.y - centre.y);
            centre = next;
            if step < REST {
                break;
            }
        }
        centre
    }

    fn median(&mut self, values: &[f32]) -> f32 {
        self.sorted.clear();
        self.sorted.extend_from_slice(values);
        let middle = self.sorted.len() / 2;
        if middle < self.sorted.len() {
            *self.sorted.select_nth_unstable_by(middle, f32::total_cmp).1
        } else {
            0.0
        }
    }
}

/// The window along one axis of so many cells.
fn window(weights: &mut Vec<f32>, cells: usize, centre: f32) {
    weights.clear();
    weights.extend((0..cells).map(|cell| {
        let distance = (middle(cell, cells) - centre) / WINDOW;
        (-0.5 * distance * distance).exp()
    }));
}

/// Where a cell lies, 0..1.
fn middle(cell: usize, cells: usize) -> f32 {
    (cell as f32 + 0.5) / cells as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIDE: usize = 14;

    /// A map in which rectangles (left, top, right, bottom, in cells) stand out.
    fn map(rectangles: &[([usize; 4], f32)]) -> Heatmap {
        let mut values = vec![0.1; SIDE * SIDE];
        for &([left, top, right, bottom], height) in rectangles {
            for row in top..bottom {
                values[row * SIDE + left..row * SIDE + right].fill(height);
            }
        }
        Heatmap {
            width: SIDE,
            height: SIDE,
            values,
        }
    }

    fn beside(found: Point, x: f32, y: f32) -> f32 {
        (found.x - x / SIDE as f32).hypot(found.y - y / SIDE as f32)
    }

    #[test]
    fn the_middle_of_a_thing_is_found_from_its_edge() {
        let thing = map(&[([3, 4, 10, 8], 0.6), ([3, 4, 4, 5], 0.7)]);
        assert!(beside(thing.peak(), 6.5, 6.0) > 0.2);
        let centre = MeanShift::default().centre(&thing);
        assert!(beside(centre, 6.5, 6.0) < 0.04, "{centre:?}");
    }

    #[test]
    fn what_stands_further_away_does_not_count() {
        let two = map(&[([1, 5, 4, 9], 0.7), ([10, 5, 13, 9], 0.69)]);
        let centre = MeanShift::default().centre(&two);
        assert!(beside(centre, 2.5, 7.0) < 0.02, "{centre:?}");
    }

    #[test]
    fn a_map_in_which_nothing_stands_out_gives_its_peak() {
        let mut shift = MeanShift::default();
        assert_eq!(shift.centre(&Heatmap::default()), Point { x: 0.5, y: 0.5 });
        let flat = map(&[]);
        assert_eq!(shift.centre(&flat), flat.peak());
    }

    proptest! {
        #[test]
        fn a_mirrored_map_has_a_mirrored_middle(mut values in prop::collection::vec(-1.0f32..1.0, 35), peak in 0usize..35) {
            values[peak] = 1.5;
            let map = |values: &[f32]| Heatmap { width: 7, height: 5, values: values.to_vec() };
            let mut shift = MeanShift::default();
            let straight = shift.centre(&map(&values));
            for row in values.chunks_exact_mut(7) {
                row.reverse();
            }
            let mirrored = shift.centre(&map(&values));
            prop_assert!((0.0..=1.0).contains(&straight.x) && (0.0..=1.0).contains(&straight.y));
            prop_assert!((straight.x + mirrored.x - 1.0).abs() < 3e-3 && (straight.y - mirrored.y).abs() < 3e-3);
        }
    }
}
