//! How far a mean over a test set can be trusted.

use rand::Rng;
use serde::Serialize;

/// A mean, or another statistic, and the range in which it would lie for other test sets of the same kind and size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The statistic of the values themselves.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// [`interval_of`] a mean. `None` without values or resamples.
pub fn mean_interval(values: &[f64], confidence: f64, resamples: usize, random: &mut impl Rng) -> Option<Interval> {
    interval_of(values.len(), confidence, resamples, random, |drawn| {
        Some(drawn.iter().map(|&index| values[index]).sum::<f64>() / drawn.len() as f64)
    })
}

/// Percentile bootstrap (Efron, 1979) of a statistic of `count` cases, given which of them (each index below `count`): draws
/// `resamples` sets of as many cases with replacement and takes the middle `confidence` (inside 0..1, such as 0.95) of what
/// the statistic is of them. `None` without cases or resamples, or where the statistic of all cases is `None`; a resample
/// of which it is `None` is left out.
pub fn interval_of(
    count: usize,
    confidence: f64,
    resamples: usize,
    random: &mut impl Rng,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> Option<Interval> {
    if count == 0 {
        return None;
    }
    let mut drawn: Vec<usize> = (0..count).collect();
    let mean = statistic(&drawn)?;
    let mut found: Vec<f64> = (0..resamples)
        .filter_map(|_| {
            drawn.fill_with(|| random.random_range(0..count));
            statistic(&drawn)
        })
        .collect();
    if found.is_empty() {
        return None;
    }
    found.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence.clamp(0.0, 1.0)) / 2.0;
    Some(Interval {
        mean,
        low: quantile(&found, tail),
        high: quantile(&found, 1.0 - tail),
    })
}

/// The value at a share of the way through an ascending list that is not empty, linear between its members.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let last = ascending.len() - 1;
    let position = share * last as f64;
    let below = (position as usize).min(last);
    let (low, high) = (ascending[below], ascending[(below + 1).min(last)]);
    low + (high - low) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn a_share_gets_the_interval_of_the_binomial() {
        let values: Vec<f64> = (0..400).map(|index| f64::from(u8::from(index % 4 == 0))).collect();
        let found = mean_interval(&values, 0.95, 2000, &mut StdRng::seed_from_u64(7)).unwrap();
        let expected = 1.96 * (0.25f64 * 0.75 / 400.0).sqrt();
        assert_eq!(found.mean, 0.25);
        assert!((found.mean - found.low - expected).abs() < 0.15 * expected, "{found:?}");
        assert!(
            (found.high - found.mean - expected).abs() < 0.15 * expected,
            "{found:?}"
        );
    }

    #[test]
    fn quantiles_are_linear_between_members() {
        assert_eq!(quantile(&[1.0, 3.0], 0.25), 1.5);
        assert_eq!(
            (quantile(&[1.0, 3.0, 4.0], 0.0), quantile(&[1.0, 3.0, 4.0], 1.0)),
            (1.0, 4.0)
        );
    }

    #[test]
    fn nothing_has_no_interval() {
        let mut random = StdRng::seed_from_u64(0);
        assert_eq!(mean_interval(&[], 0.95, 100, &mut random), None);
        assert_eq!(mean_interval(&[1.0], 0.95, 0, &mut random), None);
    }

    #[test]
    fn a_statistic_may_have_no_value_for_some_draws() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let greatest = |drawn: &[usize]| {
            let known = drawn.iter().filter(|&&index| index > 0).map(|&index| values[index]);
            known.reduce(f64::max)
        };
        let found = interval_of(4, 0.9, 500, &mut StdRng::seed_from_u64(3), greatest).unwrap();
        assert_eq!((found.mean, found.high), (4.0, 4.0));
        assert!((2.0..4.0).contains(&found.low), "{found:?}");
        assert_eq!(interval_of(4, 0.9, 500, &mut StdRng::seed_from_u64(3), |_| None), None);
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_interval_and_more_confidence_a_wider_one(
            values in prop::collection::vec(-1.0f64..1.0, 1..40),
            seed in 0u64..1000,
        ) {
            let interval = |confidence| mean_interval(&values, confidence, 200, &mut StdRng::seed_from_u64(seed)).unwrap();
            let (narrow, wide) = (interval(0.5), interval(0.99));
            prop_assert_eq!(narrow, interval(0.5));
            prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.high && narrow.high <= wide.high);
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(wide.low >= least - 1e-9 && wide.high <= greatest + 1e-9);
        }
    }
}
