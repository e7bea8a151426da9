//! The published score: consensus intersection over union.

use serde::Serialize;

use super::{Mask, Truth, ratio};

/// From which cIoU on a picture counts as localised.
pub const SUCCESS: f64 = 0.5;

/// How many thresholds the area is taken over: 0, 0.05 … 1.
const THRESHOLDS: usize = 21;
const STEP: f64 = 0.05;

/// Consensus intersection over union of a mask P with a truth G, 0..1: `Σ P·G / (Σ G + Σ P·[G = 0])`; 0 where both are empty.
pub fn ciou(mask: &Mask, truth: &Truth) -> f64 {
    let (mut inside, mut total, mut outside) = (0.0, 0.0, 0.0);
    for (&marked, certainty) in mask.pixels().iter().zip(truth.certainties()) {
        total += certainty;
        if marked && certainty > 0.0 {
            inside += certainty;
        } else if marked {
            outside += 1.0;
        }
    }
    ratio(inside, total + outside)
}

/// The cIoU of many pictures in the two numbers that are published, both in 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Localisation {
    /// The share of pictures whose cIoU reaches [`SUCCESS`]: what tables call "cIoU".
    pub success: f64,
    /// The area under that share over the thresholds 0, 0.05 … 1 by trapezoids: what tables call "AUC".
    pub area: f64,
}

impl Localisation {
    /// Sums up the cIoU of each picture; `None` without a picture.
    pub fn over(cious: &[f64]) -> Option<Self> {
        if cious.is_empty() {
            return None;
        }
        let share =
            |threshold: f64| cious.iter().filter(|&&ciou| ciou >= threshold).count() as f64 / cious.len() as f64;
        let shares: Vec<f64> = (0..THRESHOLDS).map(|index| share(index as f64 * STEP)).collect();
        Some(Self {
            success: share(SUCCESS),
            area: shares.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0 * STEP).sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::PathBuf;

    use super::*;
    use lookhear::perception::heatmap::Heatmap;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Case {
        heatmap: Vec<f32>,
        boxes: Vec<[f64; 4]>,
        ciou: f64,
    }

    #[derive(Deserialize)]
    struct Rule {
        cases: Vec<Case>,
        #[serde(rename = "success_at_0.5")]
        success: f64,
        auc: f64,
    }

    #[derive(Deserialize)]
    struct Golden {
        vggss: Rule,
        flickr: Rule,
    }

    fn golden() -> Golden {
        let folder = std::env::var_os("LOOKHEAR_GOLDEN").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden")),
            PathBuf::from,
        );
        serde_json::from_slice(&std::fs::read(folder.join("evaluation.json")).unwrap()).unwrap()
    }

    fn assert_agrees(rule: &Rule, truth: impl Fn(&[[f64; 4]]) -> Truth) {
        assert!(!rule.cases.is_empty());
        let cious: Vec<f64> = rule
            .cases
            .iter()
            .map(|case| {
                let heatmap = Heatmap {
                    width: 14,
                    height: 14,
                    values: case.heatmap.clone(),
                };
                ciou(&Mask::above_median(&heatmap), &truth(&case.boxes))
            })
            .collect();
        for (index, (found, case)) in cious.iter().zip(&rule.cases).enumerate() {
            let expected = case.ciou;
            assert!((found - expected).abs() < 1e-6, "case {index}: {found}, not {expected}");
        }
        let found = Localisation::over(&cious).unwrap();
        assert!((found.success - rule.success).abs() < 1e-6, "{found:?}");
        assert!((found.area - rule.auc).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn the_rule_of_vggss_agrees_with_the_reference() {
        assert_agrees(&golden().vggss, Truth::union);
    }

    #[test]
    fn the_rule_of_flickr_agrees_with_the_reference() {
        assert_agrees(&golden().flickr, Truth::consensus);
    }

    #[test]
    fn nothing_marked_and_nothing_there_is_no_overlap() {
        let empty = Mask::above_median(&Heatmap::default());
        assert_eq!(ciou(&empty, &Truth::union(&[])), 0.0);
        assert_eq!(ciou(&Mask::whole(), &Truth::union(&[])), 0.0);
        assert_eq!(Localisation::over(&[]), None);
    }

    #[test]
    fn the_area_counts_every_threshold() {
        let whole = Localisation::over(&[1.0, 1.0]).unwrap();
        assert!((whole.area - 1.0).abs() < 1e-9 && whole.success == 1.0);
        let half = Localisation::over(&[0.5, 0.0]).unwrap();
        assert!(
            (half.area - (0.025 * 1.5 + 0.45 * 0.5 + 0.025 * 0.5)).abs() < 1e-9,
            "{half:?}"
        );
        assert_eq!(half.success, 0.5);
    }

    proptest! {
        #[test]
        fn scores_lie_within_0_and_1_and_more_overlap_is_never_worse(
            values in prop::collection::vec(-1.0f32..1.0, 196),
            boxes in prop::collection::vec(prop::array::uniform4(-10.0f64..270.0), 0..4),
            cious in prop::collection::vec(0.0f64..1.0, 1..20),
        ) {
            let mask = Mask::above_median(&Heatmap { width: 14, height: 14, values });
            let score = ciou(&mask, &Truth::consensus(&boxes));
            prop_assert!((0.0..=1.0).contains(&score));
            let better: Vec<f64> = cious.iter().map(|ciou| ciou.sqrt()).collect();
            let (few, many) = (Localisation::over(&cious).unwrap(), Localisation::over(&better).unwrap());
            prop_assert!(few.success <= many.success && few.area <= many.area && many.area <= 1.0 + 1e-9);
        }
    }
}
