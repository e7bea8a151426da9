//! Whether probabilities are true: of what was called 70 % sure, seven in ten must be so.

use serde::{Deserialize, Serialize};

use crate::statistics::share_upper_bound;

/// Bins of the diagram, of equal width.
pub const BINS: usize = 10;
/// The least probability that a loss is taken of.
const LEAST: f64 = 1e-6;

/// A reliability diagram with its scores (DeGroot and Fienberg 1983).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reliability {
    /// How many probabilities were looked at.
    pub cases: usize,
    /// The share of them that came true, 0..1.
    pub true_share: f64,
    /// Expected calibration error (Naeini and others 2015): the mean distance between what was said and what came true, over
    /// the bins by their cases.
    pub calibration_error: f64,
    /// What chance alone makes of that with so many cases, where every probability is true.
    pub calibration_error_of_chance: f64,
    /// Mean squared distance between probability and truth (Brier 1950); who always says `true_share` has
    /// `true_share · (1 − true_share)`.
    pub brier: f64,
    /// Mean negative logarithm of the probability given to what came true.
    pub log_loss: f64,
    /// The diagram, from low to high; bins without cases are left out.
    pub bins: Vec<Bin>,
}

/// What was said alike.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// How many probabilities fell into it.
    pub cases: usize,
    /// Their mean.
    pub said: f64,
    /// The share that came true.
    pub came_true: f64,
    /// Both ends of the interval in which that share lies at 95 % (Clopper and Pearson 1934).
    pub interval: [f64; 2],
}

impl Reliability {
    /// Of probabilities (0..1) and whether each came true; `None` without any.
    pub fn of(said: &[(f64, bool)]) -> Option<Self> {
        if said.is_empty() {
            return None;
        }
        let cases = said.len() as f64;
        let mean = |of: &dyn Fn(f64, bool) -> f64| said.iter().map(|(p, truth)| of(*p, *truth)).sum::<f64>() / cases;
        let bins = (0..BINS).filter_map(|number| Bin::of(said, number));
        let bins: Vec<Bin> = bins.collect();
        let over_bins =
            |of: &dyn Fn(&Bin) -> f64| bins.iter().map(|bin| bin.cases as f64 * of(bin)).sum::<f64>() / cases;
        Some(Self {
            cases: said.len(),
            true_share: mean(&|_, truth| f64::from(u8::from(truth))),
            calibration_error: over_bins(&|bin| (bin.said - bin.came_true).abs()),
            // The mean distance of a normal variable from its middle is √(2/π) of its deviation.
            calibration_error_of_chance: over_bins(&|bin| {
                (std::f64::consts::FRAC_2_PI * bin.said * (1.0 - bin.said) / bin.cases as f64).sqrt()
            }),
            brier: mean(&|p, truth| (p - f64::from(u8::from(truth))).powi(2)),
            log_loss: log_loss(said.iter().copied()),
            bins,
        })
    }
}

impl Bin {
    fn of(said: &[(f64, bool)], number: usize) -> Option<Self> {
        let is_within = |p: f64| ((p * BINS as f64) as usize).min(BINS - 1) == number;
        let within = || said.iter().filter(|(p, _)| is_within(*p));
        let (cases, came_true) = (within().count(), within().filter(|(_, truth)| *truth).count());
        (cases > 0).then(|| Self {
            cases,
            said: within().map(|(p, _)| p).sum::<f64>() / cases as f64,
            came_true: came_true as f64 / cases as f64,
            interval: [
                1.0 - share_upper_bound(cases - came_true, cases, 0.975),
                share_upper_bound(came_true, cases, 0.975),
            ],
        })
    }
}

/// The mean negative natural logarithm of the probability that was given to what came true; 0 of none.
pub(crate) fn log_loss(said: impl ExactSizeIterator<Item = (f64, bool)>) -> f64 {
    let cases = said.len().max(1) as f64;
    let losses = said.map(|(p, truth)| -(if truth { p } else { 1.0 - p }).max(LEAST).ln());
    losses.sum::<f64>() / cases
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_true_has_no_error_and_what_boasts_has() {
        let tenths = |p: f64, right: usize| (0..100).map(move |case| (p, case < right));
        let honest: Vec<(f64, bool)> = tenths(0.25, 25).chain(tenths(0.75, 75)).collect();
        let found = Reliability::of(&honest).unwrap();
        assert!(found.calibration_error < 1e-12 && found.calibration_error_of_chance > 0.02);
        assert!((found.brier - 0.1875).abs() < 1e-12 && found.true_share == 0.5);
        assert!((found.log_loss - 0.5623).abs() < 1e-3);
        assert_eq!(found.bins.len(), 2);
        let [low, high] = found.bins[1].interval;
        assert!(low > 0.64 && low < 0.67 && high > 0.82 && high < 0.85, "{low} {high}");
        let boasting: Vec<(f64, bool)> = tenths(0.95, 60).collect();
        assert!((Reliability::of(&boasting).unwrap().calibration_error - 0.35).abs() < 1e-12);
        assert_eq!(Reliability::of(&[]), None);
    }

    proptest! {
        #[test]
        fn all_scores_lie_in_their_ranges(said in prop::collection::vec((0.0..=1.0_f64, any::<bool>()), 1..200)) {
            let found = Reliability::of(&said).unwrap();
            prop_assert_eq!(found.bins.iter().map(|bin| bin.cases).sum::<usize>(), said.len());
            for score in [found.true_share, found.calibration_error, found.calibration_error_of_chance, found.brier] {
                prop_assert!((0.0..=1.0).contains(&score));
            }
            for bin in &found.bins {
                prop_assert!(bin.interval[0] <= bin.came_true && bin.came_true <= bin.interval[1]);
            }
        }
    }
}
