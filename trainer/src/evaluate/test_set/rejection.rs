//! Is the source in view at all? Scores of the raw map, with a threshold that was found on the negatives of other pictures
//! (METHOD "Scores", beyond the paper).

use std::collections::BTreeMap;

use lookhear_calibration::{FitError, Method, ThresholdFit};
use serde::Serialize;

use super::measure::Case;
use super::negatives::{NegativeKind, fits_threshold};
use super::profile::truth as truth_of;
use super::summary::interval_over;
use crate::dataset::Profile;
use crate::evaluate::scores::{
    Interval, Mask, SUCCESS, average_precision, ciou, f_loc, greatest_f1, image_area_share, roc_area,
};

/// How well the greatest similarity tells pictures that show the source from those that do not; all but the counts in 0..1.
#[derive(Debug, Clone, Serialize)]
pub struct Detection {
    /// Pictures with their own sound.
    pub positives: usize,
    /// Pictures with a sound of something else.
    pub negatives: usize,
    /// What average precision a blind guess has: the share of positives.
    pub blind_average_precision: f64,
    /// Average precision.
    pub average_precision: Option<Interval>,
    /// The greatest harmonic mean of precision and recall over all thresholds.
    pub greatest_f1: Option<Interval>,
    /// Area under the ROC curve; blind is ½.
    pub roc_area: Option<Interval>,
}

/// What negatives of one kind do, shares in 0..1.
#[derive(Debug, Clone, Serialize)]
pub struct KindScores {
    /// The share of the picture that the raw map lights up, best 0 (pIA).
    pub image_area: Option<Interval>,
    /// The share of these negatives that reach the threshold.
    pub accepted: Option<Interval>,
    /// They alone against the positives.
    pub in_view: Detection,
}

/// The scores of one half of the pictures, with the threshold found on the other half; shares in 0..1.
#[derive(Debug, Clone, Serialize)]
pub struct RejectionScores {
    /// Third quartile of the greatest similarity of the negatives of the other half.
    pub threshold: ThresholdFit,
    /// The share of positives that reach the threshold.
    pub accepted: Option<Interval>,
    /// The share of positives whose map, cut at the threshold instead of its own median, has a cIoU of at least ½.
    pub ciou_at_threshold: Option<Interval>,
    /// The mean share of the picture that negatives light up, best 0 (pIA).
    pub image_area: Option<Interval>,
    /// Harmonic mean of `ciou_at_threshold` and 1 − `image_area` (F_LOC).
    pub f_loc: Option<Interval>,
    /// Positives against negatives of all kinds.
    pub in_view: Detection,
    /// By kind of negative.
    pub by_kind: BTreeMap<NegativeKind, KindScores>,
}

/// What the scores need to know of a picture of the half that is scored.
struct Scored<'a> {
    case: &'a Case,
    localised: bool,
    /// Kind, greatest similarity, share of the picture lit up.
    negatives: Vec<(NegativeKind, f32, f64)>,
}

impl RejectionScores {
    /// Scores the cases. `None` where no negatives were made.
    ///
    /// # Errors
    /// When there are too few negatives, or one is not finite.
    pub fn over(cases: &[Case], profile: Profile) -> Result<Option<Self>, FitError> {
        if cases.iter().all(|case| case.negatives.is_empty()) {
            return Ok(None);
        }
        let (fitting, scored): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| fits_threshold(&case.id));
        let similarities: Vec<f32> = fitting
            .iter()
            .flat_map(|case| case.negatives.values().map(|heatmap| heatmap.similarity()))
            .collect();
        let threshold = ThresholdFit::fit(&similarities, Method::ThirdQuartile)?;
        let scored: Vec<Scored> = scored
            .into_iter()
            .map(|case| Scored::new(case, profile, threshold.threshold))
            .collect();
        let interval = |statistic: &dyn Fn(&[usize]) -> Option<f64>| interval_over(scored.len(), statistic);
        let localised = |drawn: &[usize]| mean(drawn.iter().map(|&index| f64::from(u8::from(scored[index].localised))));
        let image_area = |drawn: &[usize]| mean(areas(&scored, drawn, None));
        let kinds = NegativeKind::ALL.into_iter().filter(|kind| {
            let mut all = scored.iter().flat_map(|scored| &scored.negatives);
            all.any(|(other, ..)| other == kind)
        });
        Ok(Some(Self {
            accepted: interval(&|drawn| {
                mean(
                    drawn
                        .iter()
                        .map(|&index| f64::from(u8::from(threshold.accepts(scored[index].case.similarity)))),
                )
            }),
            ciou_at_threshold: interval(&localised),
            image_area: interval(&image_area),
            f_loc: interval(&|drawn| Some(f_loc(localised(drawn)?, image_area(drawn)?))),
            in_view: Detection::over(&scored, None),
            by_kind: kinds
                .map(|kind| {
                    let accepted = |drawn: &[usize]| {
                        let similarities = similarities_of(&scored, drawn, Some(kind));
                        mean(
                            similarities
                                .into_iter()
                                .map(|value| f64::from(u8::from(threshold.accepts(value)))),
                        )
                    };
                    let scores = KindScores {
                        image_area: interval(&|drawn| mean(areas(&scored, drawn, Some(kind)))),
                        accepted: interval(&accepted),
                        in_view: Detection::over(&scored, Some(kind)),
                    };
                    (kind, scores)
                })
                .collect(),
            threshold,
        }))
    }
}

impl<'a> Scored<'a> {
    fn new(case: &'a Case, profile: Profile, threshold: f32) -> Self {
        let negatives = case
            .negatives
            .iter()
            .map(|(&kind, heatmap)| (kind, heatmap.similarity(), image_area_share(heatmap, threshold)));
        Self {
            localised: ciou(
                &Mask::reaching(&case.heatmap, threshold),
                &truth_of(profile, &case.annotation),
            ) >= SUCCESS,
            negatives: negatives.collect(),
            case,
        }
    }
}

impl Detection {
    /// A resample takes pictures with all the sounds that were put to them, because those go together.
    fn over(scored: &[Scored], kind: Option<NegativeKind>) -> Self {
        let score = |score: fn(&[f32], &[f32]) -> Option<f64>| {
            interval_over(scored.len(), |drawn: &[usize]| {
                let positives: Vec<f32> = drawn.iter().map(|&index| scored[index].case.similarity).collect();
                score(&positives, &similarities_of(scored, drawn, kind))
            })
        };
        let all: Vec<usize> = (0..scored.len()).collect();
        let negatives = similarities_of(scored, &all, kind).len();
        Self {
            positives: scored.len(),
            negatives,
            blind_average_precision: scored.len() as f64 / (scored.len() + negatives).max(1) as f64,
            average_precision: score(average_precision),
            greatest_f1: score(greatest_f1),
            roc_area: score(roc_area),
        }
    }
}

fn similarities_of(scored: &[Scored], drawn: &[usize], kind: Option<NegativeKind>) -> Vec<f32> {
    let negatives = drawn.iter().flat_map(|&index| &scored[index].negatives);
    let of_kind = negatives.filter(|(other, ..)| kind.is_none_or(|kind| kind == *other));
    of_kind.map(|&(_, similarity, _)| similarity).collect()
}

fn areas(scored: &[Scored], drawn: &[usize], kind: Option<NegativeKind>) -> impl Iterator<Item = f64> {
    let negatives = drawn.iter().flat_map(|&index| &scored[index].negatives);
    let of_kind = negatives.filter(move |(other, ..)| kind.is_none_or(|kind| kind == *other));
    of_kind.map(|&(.., area)| area)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::fixture::case;
    use super::*;

    const QUARTER: [f64; 4] = [0.0, 0.0, 0.5, 0.5];

    /// Names of which the first `fitting` help to find the threshold and the others are scored.
    fn names(fitting: usize, scored: usize) -> Vec<String> {
        let of = |half: bool, count| {
            (0..)
                .map(|index| format!("n{index}"))
                .filter(move |id| fits_threshold(id) == half)
                .take(count)
        };
        of(true, fitting).chain(of(false, scored)).collect()
    }

    #[test]
    fn the_threshold_is_of_one_half_and_the_scores_are_of_the_other() {
        let names = names(5, 4);
        let negative = [0.1, 0.2, 0.3, 0.4, 0.9, 0.45, 0.1, 0.1, 0.1];
        let positive = [0.0, 0.0, 0.0, 0.0, 0.0, 0.8, 0.7, 0.3, 0.41];
        let cases: Vec<Case> = (0..9)
            .map(|index| {
                case(
                    &names[index],
                    "x",
                    positive[index],
                    &[(NegativeKind::Noise, negative[index])],
                    QUARTER,
                )
            })
            .collect();
        let found = RejectionScores::over(&cases, Profile::Default).unwrap().unwrap();
        assert_eq!(found.threshold.threshold, 0.4_f32.next_up());
        assert_eq!((found.in_view.positives, found.in_view.negatives), (4, 4));
        assert_eq!(found.accepted.unwrap().mean, 0.75);
        assert_eq!(found.in_view.blind_average_precision, 0.5);
        assert_eq!(found.in_view.roc_area.unwrap().mean, (4.0 + 4.0 + 3.0 + 3.0) / 16.0);
        assert_eq!(found.by_kind[&NegativeKind::Noise].accepted.unwrap().mean, 0.25);
        // Only the negative of 0.45 lights anything: at most the quarter that is lit, at least its middle.
        let area = found.image_area.unwrap().mean;
        assert!(area > 0.15 / 4.0 && area < 0.25 / 4.0, "{area}");
        let localised = found.ciou_at_threshold.unwrap().mean;
        assert_eq!(localised, 0.75);
        assert!((found.f_loc.unwrap().mean - f_loc(localised, area)).abs() < 1e-12);
    }

    #[test]
    fn without_negatives_there_is_nothing_to_reject() {
        let cases = [case("a", "x", 0.5, &[], QUARTER)];
        assert!(RejectionScores::over(&cases, Profile::Default).unwrap().is_none());
    }

    #[test]
    fn negatives_of_one_half_alone_give_no_score_or_no_threshold() {
        let silent = [(NegativeKind::Silence, 0.1)];
        let only = |id: &str| [case(id, "x", 0.5, &silent, QUARTER)];
        let names = names(1, 1);
        let found = RejectionScores::over(&only(&names[0]), Profile::Default)
            .unwrap()
            .unwrap();
        assert_eq!((found.in_view.positives, found.f_loc), (0, None));
        assert!(RejectionScores::over(&only(&names[1]), Profile::Default).is_err());
    }
}
