//! Scores of the raw map with sounds whose source is not in the picture (Juanola et al., "A Critical Assessment of Visual
//! Sound Source Localization Models Including Negative Audio", 2024).

use lookhear::perception::heatmap::Heatmap;

use super::{Mask, ratio};

/// The share of the picture, 0..1, at which the raw map reaches the threshold (pIA, "percentage of image area"): what a
/// sound without a source in view lights up, best 0. The threshold is fitted on other negatives, by
/// `lookhear_calibration`'s third quartile.
pub fn image_area_share(heatmap: &Heatmap, threshold: f32) -> f64 {
    Mask::reaching(heatmap, threshold).share()
}

/// Harmonic mean (F_LOC), 0..1, of a score on sounds whose source is in view and of what sounds without one leave dark:
/// `1 − mean pIA`. 0 where both are 0.
pub fn f_loc(positive_score: f64, mean_image_area: f64) -> f64 {
    let dark = 1.0 - mean_image_area;
    ratio(2.0 * positive_score * dark, positive_score + dark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_map_lights_up_where_it_reaches_the_threshold() {
        let heatmap = Heatmap {
            width: 2,
            height: 1,
            values: vec![0.0, 0.5],
        };
        assert_eq!(image_area_share(&heatmap, 0.5), 0.25);
        assert_eq!(image_area_share(&heatmap, 0.5f32.next_up()), 0.0);
        assert_eq!(image_area_share(&heatmap, 0.25), 0.5);
    }

    #[test]
    fn both_halves_of_f_loc_must_hold() {
        assert_eq!(f_loc(1.0, 0.0), 1.0);
        assert_eq!(f_loc(1.0, 1.0), 0.0);
        assert_eq!(f_loc(0.0, 0.0), 0.0);
        assert_eq!(f_loc(0.0, 1.0), 0.0);
        assert!((f_loc(0.5, 0.2) - 0.8 / 1.3).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn f_loc_lies_between_its_halves(positive in 0.0f64..=1.0, share in 0.0f64..=1.0) {
            let found = f_loc(positive, share);
            let dark = 1.0 - share;
            prop_assert!(found >= positive.min(dark) - 1e-12 && found <= positive.max(dark) + 1e-12);
        }
    }
}
