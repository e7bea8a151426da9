//! What a test set gives away without looking or listening, and the most that its protocol can give.
//!
//! The published mask always covers half of the picture and sources lie near the middle, so a blind guess scores high:
//! on VGG-SS a centred disk reaches a cIoU of 34.01 % where published models reach 38.63 % and no mask of half the area
//! can pass 50.58 %. Every table of scores stands beside these numbers of its own data set.

use lookhear::perception::heatmap::{Heatmap, Point};
use serde::Serialize;

use super::scores::{Localisation, Mask, SIDE, Truth, ciou, ratio};

/// The middle of the picture: the peak that needs no input.
pub const CENTRE: Point = Point { x: 0.5, y: 0.5 };

/// A map that falls evenly from the middle (near 1) to the corners (near 0): its [`Mask::above_median`] is the centred disk
/// of half the area.
pub fn centred_disk() -> Heatmap {
    let middle = SIDE as f32 / 2.0;
    let offset = |pixel: usize| pixel as f32 + 0.5 - middle;
    let distance = |row, column| offset(row).hypot(offset(column)) / middle.hypot(middle);
    Heatmap {
        width: SIDE,
        height: SIDE,
        values: (0..SIDE * SIDE)
            .map(|pixel| 1.0 - distance(pixel / SIDE, pixel % SIDE))
            .collect(),
    }
}

/// The best cIoU, 0..1, that a mask of half the area can reach.
pub fn ceiling(truth: &Truth) -> f64 {
    best_ciou(truth, SIDE * SIDE / 2)
}

/// The best cIoU that a mask of `marked` pixels can reach: that of one which takes the surest pixels first.
fn best_ciou(truth: &Truth, marked: usize) -> f64 {
    let (mut sure, mut unsure) = (0usize, 0usize);
    for certainty in truth.certainties() {
        sure += usize::from(certainty == 1.0);
        unsure += usize::from(certainty == 0.5);
    }
    let (taken_sure, total) = (sure.min(marked), sure as f64 + unsure as f64 / 2.0);
    let taken_unsure = unsure.min(marked - taken_sure);
    let outside = marked - taken_sure - taken_unsure;
    ratio(taken_sure as f64 + taken_unsure as f64 / 2.0, total + outside as f64)
}

/// What one picture gives away: the cIoU, 0..1, of masks that are the same for every picture, and of the best mask there is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PictureBaselines {
    /// Of the centred disk of half the area.
    pub centred_disk: f64,
    /// Of the whole picture.
    pub whole_picture: f64,
    /// The most that a mask of half the area can reach.
    pub ceiling: f64,
    /// The middle lies in one of the boxes.
    pub centre_in_box: bool,
}

/// The masks that are the same for every picture.
#[derive(Debug)]
pub struct BlindMasks {
    disk: Mask,
    whole: Mask,
}

impl Default for BlindMasks {
    fn default() -> Self {
        Self {
            disk: Mask::above_median(&centred_disk()),
            whole: Mask::whole(),
        }
    }
}

impl BlindMasks {
    /// What they score on a picture.
    pub fn score(&self, truth: &Truth) -> PictureBaselines {
        PictureBaselines {
            centred_disk: ciou(&self.disk, truth),
            whole_picture: ciou(&self.whole, truth),
            ceiling: ceiling(truth),
            centre_in_box: truth.contains(CENTRE),
        }
    }
}

/// The baselines of a test set and its ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Baselines {
    /// The centred disk of half the area.
    pub centred_disk: Localisation,
    /// The whole picture.
    pub whole_picture: Localisation,
    /// The best mask of half the area for each picture.
    pub ceiling: Localisation,
    /// The share of pictures, 0..1, whose middle lies in one of their boxes.
    pub centre_in_box: f64,
}

impl Baselines {
    /// Scores a test set, a truth for each picture; `None` without a picture.
    pub fn over(truths: impl IntoIterator<Item = Truth>) -> Option<Self> {
        let masks = BlindMasks::default();
        Self::sum_up(truths.into_iter().map(|truth| masks.score(&truth)))
    }

    /// Sums up what the pictures of a test set give away; `None` without a picture.
    pub fn sum_up(pictures: impl IntoIterator<Item = PictureBaselines>) -> Option<Self> {
        let pictures: Vec<PictureBaselines> = pictures.into_iter().collect();
        let over =
            |score: fn(&PictureBaselines) -> f64| Localisation::over(&pictures.iter().map(score).collect::<Vec<f64>>());
        let centred = pictures.iter().filter(|picture| picture.centre_in_box).count();
        Some(Self {
            centred_disk: over(|picture| picture.centred_disk)?,
            whole_picture: over(|picture| picture.whole_picture)?,
            ceiling: over(|picture| picture.ceiling)?,
            centre_in_box: centred as f64 / pictures.len() as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_disk_is_round_and_covers_half() {
        let mask = Mask::above_median(&centred_disk());
        assert!(mask.share() < 0.5 && mask.share() > 0.499, "{}", mask.share());
        let radius = (0.5 / std::f64::consts::PI).sqrt() * SIDE as f64;
        for (pixel, &marked) in mask.pixels().iter().enumerate() {
            let from_middle = |pixel: usize| pixel as f64 + 0.5 - SIDE as f64 / 2.0;
            let distance = from_middle(pixel / SIDE).hypot(from_middle(pixel % SIDE));
            assert!(
                (distance - radius).abs() < 0.5 || marked == (distance < radius),
                "pixel {pixel}"
            );
        }
    }

    #[test]
    fn the_peak_of_the_disk_is_the_middle() {
        let peak = centred_disk().peak();
        assert!(
            (peak.x - 0.5).abs() < 1.0 / SIDE as f32 && (peak.y - 0.5).abs() < 1.0 / SIDE as f32,
            "{peak:?}"
        );
    }

    #[test]
    fn half_the_area_cannot_suit_a_small_or_a_large_source() {
        let quarter = Truth::union(&[[0.0, 0.0, 0.5, 0.5]]);
        assert_eq!(ceiling(&quarter), 0.5);
        assert_eq!(ceiling(&Truth::union(&[[0.0, 0.0, 0.5, 1.0]])), 1.0);
        assert_eq!(ceiling(&Truth::union(&[[0.0, 0.0, 1.0, 1.0]])), 0.5);
        assert_eq!(ceiling(&Truth::union(&[])), 0.0);
        assert_eq!(
            ceiling(&Truth::consensus(&[[0.0, 0.0, 256.0, 256.0], [0.0, 0.0, 128.0, 256.0]])),
            1.0 / 1.5
        );
    }

    #[test]
    fn a_test_set_is_summed_up() {
        let found = Baselines::over([
            Truth::union(&[[0.15, 0.15, 0.85, 0.85]]),
            Truth::union(&[[0.0, 0.0, 0.1, 0.1]]),
        ])
        .unwrap();
        assert_eq!(
            (
                found.centred_disk.success,
                found.whole_picture.success,
                found.ceiling.success
            ),
            (0.5, 0.0, 0.5)
        );
        assert_eq!(found.centre_in_box, 0.5);
        assert_eq!(Baselines::over([]), None);
    }

    proptest! {
        #[test]
        fn no_mask_of_as_many_pixels_passes_the_ceiling(
            values in prop::collection::vec(-1.0f32..1.0, 196),
            boxes in prop::collection::vec(prop::array::uniform4(0.0f64..256.0), 0..4),
        ) {
            let truth = Truth::consensus(&boxes);
            let mask = Mask::above_median(&Heatmap { width: 14, height: 14, values });
            let marked = mask.pixels().iter().filter(|&&marked| marked).count();
            prop_assert!(ciou(&mask, &truth) <= best_ciou(&truth, marked) + 1e-9);
        }
    }
}
