//! The numbers of a measurement.

use std::collections::BTreeMap;

use lookhear_calibration::FitError;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::measure::{Case, Measurement, Skipped};
use super::rejection::RejectionScores;
use crate::dataset::Profile;
use crate::evaluate::baselines::Baselines;
use crate::evaluate::scores::{Interval, Localisation, SUCCESS, interval_of};

/// Of the intervals.
pub const CONFIDENCE: f64 = 0.95;
/// Of the bootstrap.
pub const RESAMPLES: usize = 1000;

/// What a bundle scores on a test set; shares in 0..1, intervals hold 95 % of a bootstrap over items.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// How many items were scored.
    pub items: usize,
    /// The published protocol.
    #[serde(flatten)]
    pub localisation: LocalisationScores,
    /// What needs no input on the same items, and the most that the protocol can give.
    pub baselines: Option<Baselines>,
    /// How far cIoU lies above that of the centred disk on the same items.
    pub above_disk: Option<Interval>,
    /// Quads found in the right quadrant; blind is ¼.
    pub quads: Option<QuadScores>,
    /// Whether the source is in view at all.
    pub rejection: Option<RejectionScores>,
    /// By what sounds, where that is known.
    pub by_class: BTreeMap<String, ClassScores>,
}

/// The published score, and where the peak lies.
#[derive(Debug, Clone, Serialize)]
pub struct LocalisationScores {
    /// The share of items with a cIoU of at least ½.
    pub ciou: Option<Interval>,
    /// The area under that share over all thresholds.
    pub auc: Option<Interval>,
    /// The share of items whose peak lies in one of their boxes.
    pub peak_in_box: Option<Interval>,
}

/// What became of the quads.
#[derive(Debug, Clone, Serialize)]
pub struct QuadScores {
    /// How many.
    pub quads: usize,
    /// The share of them found in the right quadrant.
    pub right: Option<Interval>,
}

/// The scores of one class.
#[derive(Debug, Clone, Serialize)]
pub struct ClassScores {
    /// How many items.
    pub items: usize,
    /// Theirs.
    #[serde(flatten)]
    pub localisation: LocalisationScores,
    /// The share of them that the centred disk finds, 0..1.
    pub centred_disk: f64,
    /// The most that the protocol can give, 0..1.
    pub ceiling: f64,
}

/// One item in the JSON document.
#[derive(Debug, Clone, Serialize)]
pub struct CaseScores {
    /// Its name.
    pub id: String,
    /// What sounds, where it is known.
    pub category: Option<String>,
    /// 0..1.
    pub ciou: f64,
    /// Of the centred disk, 0..1.
    pub centred_disk: f64,
    /// The most possible, 0..1.
    pub ceiling: f64,
    /// The greatest of the raw map.
    pub similarity: f32,
    /// Where it lies: shares of the picture from its left and upper edge.
    pub peak: [f32; 2],
    /// It lies in a box.
    pub peak_in_box: bool,
    /// The greatest of the raw map with each sound whose source is not in the picture.
    pub negatives: BTreeMap<&'static str, f32>,
}

/// Everything that is known of an evaluation, as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Document<'a> {
    /// Name of the model.
    pub bundle: &'a str,
    /// SHA-256 of the bundle's file.
    pub bundle_sha256: String,
    /// As it is called on the command line.
    pub data_set: String,
    /// `default` or `paper`.
    pub profile: &'static str,
    /// All scores.
    pub scores: &'a Summary,
    /// Items that could not be read, with the cause.
    pub skipped: &'a [Skipped],
    /// Items that are listed or annotated and of which files are not there.
    pub missing: &'a [String],
    /// Item by item.
    pub cases: Vec<CaseScores>,
}

impl Summary {
    /// Sums a measurement up.
    ///
    /// # Errors
    /// When the negatives are too few to find a threshold.
    pub fn of(measurement: &Measurement, profile: Profile) -> Result<Self, FitError> {
        let cases = &measurement.cases;
        let all: Vec<&Case> = cases.iter().collect();
        let mut classes: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        for case in cases {
            if let Some(category) = &case.category {
                classes.entry(category).or_default().push(case);
            }
        }
        let gain = |case: &Case| f64::from(success(case.ciou)) - f64::from(success(case.baselines.centred_disk));
        let right = |index: usize| measurement.quads[index].sounding == measurement.quads[index].found;
        Ok(Self {
            items: cases.len(),
            localisation: LocalisationScores::over(&all),
            baselines: Baselines::sum_up(cases.iter().map(|case| case.baselines)),
            above_disk: mean_over(cases.len(), |index| gain(&cases[index])),
            quads: (!measurement.quads.is_empty()).then(|| QuadScores {
                quads: measurement.quads.len(),
                right: mean_over(measurement.quads.len(), |index| f64::from(u8::from(right(index)))),
            }),
            rejection: RejectionScores::over(cases, profile)?,
            by_class: classes
                .into_iter()
                .map(|(class, cases)| (class.to_owned(), ClassScores::over(&cases)))
                .collect(),
        })
    }
}

impl LocalisationScores {
    fn over(cases: &[&Case]) -> Self {
        let localisation = |part: fn(Localisation) -> f64| {
            interval_over(cases.len(), |drawn| {
                let cious: Vec<f64> = drawn.iter().map(|&index| cases[index].ciou).collect();
                Localisation::over(&cious).map(part)
            })
        };
        Self {
            ciou: localisation(|found| found.success),
            auc: localisation(|found| found.area),
            peak_in_box: mean_over(cases.len(), |index| f64::from(u8::from(cases[index].peak_in_box))),
        }
    }
}

impl ClassScores {
    fn over(cases: &[&Case]) -> Self {
        let share = |score: fn(&Case) -> f64| {
            let found = cases.iter().filter(|case| success(score(case)) == 1).count();
            found as f64 / cases.len().max(1) as f64
        };
        Self {
            items: cases.len(),
            localisation: LocalisationScores::over(cases),
            centred_disk: share(|case| case.baselines.centred_disk),
            ceiling: share(|case| case.baselines.ceiling),
        }
    }
}

impl CaseScores {
    /// Of one case.
    pub fn of(case: &Case) -> Self {
        let negatives = case.negatives.iter();
        Self {
            id: case.id.clone(),
            category: case.category.clone(),
            ciou: case.ciou,
            centred_disk: case.baselines.centred_disk,
            ceiling: case.baselines.ceiling,
            similarity: case.similarity,
            peak: [case.peak.x, case.peak.y],
            peak_in_box: case.peak_in_box,
            negatives: negatives
                .map(|(kind, heatmap)| (kind.name(), heatmap.similarity()))
                .collect(),
        }
    }
}

fn success(ciou: f64) -> u8 {
    u8::from(ciou >= SUCCESS)
}

fn mean_over(count: usize, value: impl Fn(usize) -> f64) -> Option<Interval> {
    interval_over(count, |drawn| {
        Some(drawn.iter().map(|&index| value(index)).sum::<f64>() / drawn.len() as f64)
    })
}

/// The interval of a statistic over items, from the same draws in every table.
pub(super) fn interval_over(count: usize, statistic: impl Fn(&[usize]) -> Option<f64>) -> Option<Interval> {
    interval_of(
        count,
        CONFIDENCE,
        RESAMPLES,
        &mut ChaCha8Rng::seed_from_u64(0),
        statistic,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::fixture::case;
    use super::super::quads::Quad;
    use super::*;
    use crate::evaluate::scores::Quadrant;

    #[test]
    fn the_numbers_stand_beside_those_of_no_input() {
        let cases = vec![
            case("a", "dog", 0.9, &[], [0.0, 0.0, 0.5, 0.5]),
            case("b", "dog", 0.9, &[], [0.15, 0.15, 0.85, 0.85]),
            case("c", "cat", 0.9, &[], [0.9, 0.9, 1.0, 1.0]),
        ];
        let quad = |found| Quad {
            ids: ["a", "b", "c", "d"].map(str::to_owned),
            sounding: Quadrant::TopLeft,
            found,
        };
        let measurement = Measurement {
            cases,
            skipped: Vec::new(),
            quads: vec![quad(Quadrant::TopLeft), quad(Quadrant::TopRight)],
        };
        let found = Summary::of(&measurement, Profile::Default).unwrap();
        assert_eq!(found.items, 3);
        assert_eq!(found.localisation.ciou.unwrap().mean, 1.0 / 3.0);
        assert_eq!(found.localisation.peak_in_box.unwrap().mean, 2.0 / 3.0);
        assert_eq!(found.above_disk.unwrap().mean, 0.0);
        assert_eq!(found.baselines.unwrap().centred_disk.success, 1.0 / 3.0);
        assert_eq!(found.quads.unwrap().right.unwrap().mean, 0.5);
        assert!(found.rejection.is_none());
        let dog = &found.by_class["dog"];
        assert_eq!((dog.items, dog.centred_disk, dog.ceiling), (2, 0.5, 1.0));
        assert_eq!(dog.localisation.ciou.unwrap().mean, 0.5);
        assert_eq!(found.by_class["cat"].localisation.auc.unwrap().mean, 0.025);
        let interval = found.localisation.auc.unwrap();
        assert!(interval.low <= interval.mean && interval.mean <= interval.high);
    }
}
