//! Is the source in view at all? Positives against negatives, by one similarity each.
//!
//! What is no number ranks below everything.

/// One similarity and how many positives and negatives have it.
struct Step {
    positives: usize,
    negatives: usize,
}

/// Counts at each distinct similarity, from the greatest down.
fn descending(positives: &[f32], negatives: &[f32]) -> Vec<Step> {
    let number = |value: &f32| if value.is_nan() { f32::NEG_INFINITY } else { *value };
    let mut scored: Vec<(f32, bool)> = positives.iter().map(|value| (number(value), true)).collect();
    scored.extend(negatives.iter().map(|value| (number(value), false)));
    scored.sort_by(|first, second| second.0.total_cmp(&first.0));
    scored
        .chunk_by(|first, second| first.0 == second.0)
        .map(|alike| {
            let positives = alike.iter().filter(|(_, positive)| *positive).count();
            Step {
                positives,
                negatives: alike.len() - positives,
            }
        })
        .collect()
}

/// Precision and recall when everything down to each distinct similarity is accepted, from the greatest down.
fn precision_and_recall(positives: &[f32], negatives: &[f32]) -> impl Iterator<Item = (f64, f64)> {
    let total = positives.len() as f64;
    descending(positives, negatives)
        .into_iter()
        .scan((0, 0), move |(right, accepted), step| {
            *right += step.positives;
            *accepted += step.positives + step.negatives;
            Some((*right as f64 / *accepted as f64, *right as f64 / total))
        })
}

/// Recall and precision, both in 0..1, when everything down to each distinct similarity is accepted, recall rising; empty without
/// positives.
pub fn precision_recall_curve(positives: &[f32], negatives: &[f32]) -> Vec<[f64; 2]> {
    let points = precision_and_recall(positives, negatives).map(|(precision, recall)| [recall, precision]);
    points.take_while(|[recall, _]| recall.is_finite()).collect()
}

/// The probability that a positive is above a negative, 0..1, a tie counting half (area under the ROC curve); `None` without
/// either.
pub fn roc_area(positives: &[f32], negatives: &[f32]) -> Option<f64> {
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    let mut above = 0.0;
    let area: f64 = descending(positives, negatives)
        .iter()
        .map(|step| {
            let won = step.negatives as f64 * (above + step.positives as f64 / 2.0);
            above += step.positives as f64;
            won
        })
        .sum();
    Some(area / (positives.len() as f64 * negatives.len() as f64))
}

/// Precision averaged over the gains in recall, 0..1, without interpolation; `None` without positives.
pub fn average_precision(positives: &[f32], negatives: &[f32]) -> Option<f64> {
    let mut recalled = 0.0;
    let area = precision_and_recall(positives, negatives)
        .map(|(precision, recall)| precision * (recall - std::mem::replace(&mut recalled, recall)))
        .sum();
    (!positives.is_empty()).then_some(area)
}

/// The harmonic mean of precision and recall at the threshold that serves it best, 0..1; `None` without positives.
pub fn greatest_f1(positives: &[f32], negatives: &[f32]) -> Option<f64> {
    let greatest = precision_and_recall(positives, negatives)
        .filter(|(precision, _)| *precision > 0.0)
        .map(|(precision, recall)| 2.0 * precision * recall / (precision + recall))
        .fold(0.0, f64::max);
    (!positives.is_empty()).then_some(greatest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hand_counted_examples() {
        let (positives, negatives) = ([0.9, 0.7, 0.4], [0.8, 0.4, 0.1]);
        assert!((roc_area(&positives, &negatives).unwrap() - 6.5 / 9.0).abs() < 1e-12);
        let precision = (1.0 + 2.0 / 3.0 + 3.0 / 5.0) / 3.0;
        assert!((average_precision(&positives, &negatives).unwrap() - precision).abs() < 1e-12);
        assert!((greatest_f1(&positives, &negatives).unwrap() - 0.75).abs() < 1e-12);
        let curve = precision_recall_curve(&[0.9, 0.4], &[0.8, 0.4]);
        assert_eq!(curve, [[0.5, 1.0], [0.5, 0.5], [1.0, 0.5]]);
        assert!(precision_recall_curve(&[], &[0.1]).is_empty());
    }

    #[test]
    fn what_is_apart_scores_full_and_what_is_alike_scores_the_share() {
        assert_eq!(roc_area(&[0.5, 0.6], &[0.1]), Some(1.0));
        assert_eq!(average_precision(&[0.5, 0.6], &[0.1]), Some(1.0));
        assert_eq!(greatest_f1(&[0.5, 0.6], &[0.1]), Some(1.0));
        assert_eq!(roc_area(&[0.5], &[0.5, 0.5, 0.5]), Some(0.5));
        assert_eq!(average_precision(&[0.5], &[0.5, 0.5, 0.5]), Some(0.25));
        assert_eq!(greatest_f1(&[0.5], &[0.5, 0.5, 0.5]), Some(0.4));
        assert_eq!(roc_area(&[0.1], &[f32::NAN]), Some(1.0));
        assert_eq!(roc_area(&[0.0], &[-0.0]), Some(0.5));
    }

    #[test]
    fn nothing_to_compare_has_no_score() {
        assert_eq!(roc_area(&[], &[0.1]), None);
        assert_eq!(roc_area(&[0.1], &[]), None);
        assert_eq!(average_precision(&[], &[0.1]), None);
        assert_eq!(greatest_f1(&[], &[0.1]), None);
    }

    fn similarities() -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec((0u8..12).prop_map(|step| f32::from(step) / 12.0), 1..30)
    }

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_in_order(positives in similarities(), negatives in similarities()) {
            let mut won = 0.0;
            for positive in &positives {
                for negative in &negatives {
                    won += if positive > negative { 1.0 } else if positive == negative { 0.5 } else { 0.0 };
                }
            }
            let share = won / (positives.len() * negatives.len()) as f64;
            let found = roc_area(&positives, &negatives).unwrap();
            prop_assert!((found - share).abs() < 1e-9);
            prop_assert!((roc_area(&negatives, &positives).unwrap() - (1.0 - share)).abs() < 1e-9);
        }

        #[test]
        fn the_best_threshold_is_among_the_similarities(positives in similarities(), negatives in similarities()) {
            let best = positives.iter().chain(&negatives).map(|threshold| {
                let right = positives.iter().filter(|&value| value >= threshold).count() as f64;
                let wrong = negatives.iter().filter(|&value| value >= threshold).count() as f64;
                2.0 * right / (right + wrong + positives.len() as f64)
            }).fold(0.0, f64::max);
            prop_assert!((greatest_f1(&positives, &negatives).unwrap() - best).abs() < 1e-9);
            let precision = average_precision(&positives, &negatives).unwrap();
            prop_assert!(precision > 0.0 && precision <= 1.0 + 1e-9);
        }

        #[test]
        fn no_score_depends_on_the_order(positives in similarities(), negatives in similarities()) {
            let (backward, other): (Vec<f32>, Vec<f32>) =
                (positives.iter().rev().copied().collect(), negatives.iter().rev().copied().collect());
            for score in [roc_area, average_precision, greatest_f1] {
                prop_assert_eq!(score(&positives, &negatives), score(&backward, &other));
            }
        }
    }
}
