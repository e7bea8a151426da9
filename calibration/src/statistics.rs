//! Order statistics of small samples, and what their size allows to be said.

/// Why a number cannot be found from the data given.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// More data of the same kind is needed.
    #[error("{have} {what} are too few: at least {needed} are needed; record more of them, or ask for less")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many it takes.
        needed: usize,
    },
    /// The data is damaged: a value is infinite or not a number.
    #[error("{what} number {index} is {value}: every one must be a finite number; leave it out or measure it again")]
    NotFinite {
        /// What was measured.
        what: &'static str,
        /// Position of the first such value, from 0.
        index: usize,
        /// The value itself.
        value: f32,
    },
    /// The recording holds no signal at all.
    #[error(
        "the recording holds digital silence only: the microphone is muted or delivers nothing; check it and record again"
    )]
    NoSignal,
    /// The greatest values are too unlike each other for what lies beyond them to be told.
    #[error(
        "the {peaks} greatest {what} spread more widely than an exponential tail: what comes beyond them cannot be told; record for {hours:.1} hours, or allow more"
    )]
    HeavyTail {
        /// What was measured.
        what: &'static str,
        /// How many of the greatest were looked at last.
        peaks: usize,
        /// How long a recording takes that needs no tail, in hours.
        hours: f64,
    },
    /// A rate was asked of values without times.
    #[error("a rate per hour cannot be found from {what} without their times; fit it to a stream of them")]
    WithoutTimes {
        /// What was given.
        what: &'static str,
    },
    /// A setting is outside the range in which it means something.
    #[error("{setting} is {value}: it must be {range}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// What it was set to.
        value: f64,
        /// The range allowed, in words.
        range: &'static str,
    },
}

/// A sample of finite numbers in ascending order; never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Sorted(Vec<f32>);

impl Sorted {
    /// Sorts `values`, which are called `what` (a plural) in errors.
    ///
    /// # Errors
    /// [`FitError::TooFew`] when there is none, [`FitError::NotFinite`] when one is infinite or not a number.
    pub fn new(what: &'static str, values: &[f32]) -> Result<Self, FitError> {
        if values.is_empty() {
            return Err(FitError::TooFew {
                what,
                have: 0,
                needed: 1,
            });
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(FitError::NotFinite {
                what,
                index,
                value: values[index],
            });
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f32::total_cmp);
        Ok(Self(sorted))
    }

    /// The values in ascending order.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// The value below which a `share` (held to 0..=1) of the sample lies, linear between neighbours: definition 7 of
    /// Hyndman and Fan (1996), which NumPy and R use too.
    pub fn quantile(&self, share: f64) -> f32 {
        let last = self.0.len() - 1;
        let position = share.clamp(0.0, 1.0) * last as f64;
        let below = (position.floor() as usize).min(last);
        let above = (below + 1).min(last);
        let weight = position - below as f64;
        let (low, high) = (f64::from(self.0[below]), f64::from(self.0[above]));
        (low + weight * (high - low)) as f32
    }

    /// The value in the middle, or the mean of the two.
    pub fn median(&self) -> f32 {
        self.quantile(0.5)
    }

    /// How many values are strictly above `limit`.
    pub fn above(&self, limit: f32) -> usize {
        self.0.len() - self.0.partition_point(|value| *value <= limit)
    }
}

/// Natural logarithms of the probabilities that a binomial variable of `trials` trials, each successful with probability
/// `share` (inside 0..1), is 0, 1, 2, …, `trials`.
fn binomial_log_probabilities(trials: usize, share: f64) -> impl Iterator<Item = f64> {
    let log_odds = share.ln() - (-share).ln_1p();
    let none = trials as f64 * (-share).ln_1p();
    (1..=trials + 1).scan(none, move |term, next| {
        let now = *term;
        *term += log_odds + ((trials + 1 - next) as f64 / next as f64).ln();
        Some(now)
    })
}

/// Probability that at most `successes` of `trials` trials succeed when each does with probability `share` (0..=1).
pub fn binomial_at_most(successes: usize, trials: usize, share: f64) -> f64 {
    if successes >= trials || share <= 0.0 {
        return 1.0;
    }
    if share >= 1.0 {
        return 0.0;
    }
    binomial_log_probabilities(trials, share)
        .take(successes + 1)
        .map(f64::exp)
        .sum::<f64>()
        .min(1.0)
}

/// The greatest share of successes that still agrees with having seen `successes` in `trials`: the one-sided upper bound
/// of Clopper and Pearson (1934) at the given `confidence` (inside 0..1). With no success in n trials and a confidence
/// of 0.95 it is close to 3/n, the "rule of three".
pub fn share_upper_bound(successes: usize, trials: usize, confidence: f64) -> f64 {
    if successes >= trials {
        return 1.0;
    }
    let doubt = 1.0 - confidence;
    let (mut low, mut high) = (successes as f64 / trials as f64, 1.0);
    // Each step halves the interval, so that 60 of them reach the resolution of a double.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if binomial_at_most(successes, trials, middle) > doubt {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The most successes in `trials` trials with which a share of successes of `share` or more is ruled out at the given
/// `confidence`; `None` when not even their absence rules it out, because the trials are too few. All but `trials` lie
/// inside 0..1.
pub fn most_successes_below(share: f64, trials: usize, confidence: f64) -> Option<usize> {
    let doubt = 1.0 - confidence;
    let allowed = binomial_log_probabilities(trials, share)
        .take(trials)
        .scan(0.0, |sum, term| {
            *sum += term.exp();
            (*sum <= doubt).then_some(())
        })
        .count();
    allowed.checked_sub(1)
}

/// The fewest trials without a success that rule out a share of successes of `share` or more at the given `confidence`,
/// both inside 0..1: Wilks (1941).
pub fn fewest_trials(share: f64, confidence: f64) -> usize {
    ((-confidence).ln_1p() / (-share).ln_1p()).ceil() as usize
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_agree_with_the_worked_definition() {
        let sorted = Sorted::new("values", &[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(sorted.median(), 2.5);
        assert_eq!(sorted.quantile(0.75), 3.25);
        assert_eq!(sorted.quantile(0.0), 1.0);
        assert_eq!(sorted.quantile(1.0), 4.0);
        assert_eq!(sorted.above(2.0), 2);
        assert_eq!(sorted.above(4.0), 0);
    }

    #[test]
    fn nothing_and_not_a_number_are_refused() {
        assert_eq!(
            Sorted::new("levels", &[]).unwrap_err().to_string(),
            "0 levels are too few: at least 1 are needed; record more of them, or ask for less"
        );
        let error = Sorted::new("levels", &[0.5, f32::NAN]).unwrap_err();
        assert!(matches!(error, FitError::NotFinite { index: 1, .. }), "{error}");
    }

    /// Values from the published tables of exact binomial limits.
    #[test]
    fn upper_bounds_agree_with_tables() {
        for (successes, trials, confidence, bound) in [
            (0, 10, 0.95, 0.258_87),
            (1, 10, 0.95, 0.394_16),
            (0, 100, 0.95, 0.029_51),
            (5, 100, 0.975, 0.112_83),
            (10, 10, 0.95, 1.0),
        ] {
            let found = share_upper_bound(successes, trials, confidence);
            assert!(
                (found - bound).abs() < 5e-5,
                "{successes} of {trials}: {found}, not {bound}"
            );
        }
    }

    #[test]
    fn the_fewest_trials_are_those_of_the_tables() {
        assert_eq!(fewest_trials(0.05, 0.95), 59);
        assert_eq!(fewest_trials(0.01, 0.95), 299);
        assert_eq!(fewest_trials(0.10, 0.90), 22);
    }

    #[test]
    fn probabilities_add_up_for_large_samples() {
        let total: f64 = binomial_log_probabilities(100_000, 0.013).map(f64::exp).sum();
        assert!((total - 1.0).abs() < 1e-9, "{total}");
        assert!((binomial_at_most(1_300, 100_000, 0.013) - 0.5).abs() < 0.02);
    }

    proptest! {
        #[test]
        fn a_quantile_lies_within_the_sample_and_grows_with_the_share(
            values in prop::collection::vec(-1e6_f32..1e6, 1..60),
            (less, more) in (0.0..=1.0, 0.0..=1.0).prop_map(|(a, b): (f64, f64)| (a.min(b), a.max(b))),
        ) {
            let sorted = Sorted::new("values", &values).unwrap();
            let (low, high) = (sorted.quantile(less), sorted.quantile(more));
            prop_assert!(low <= high);
            prop_assert!(sorted.values()[0] <= low && high <= sorted.values()[values.len() - 1]);
            prop_assert!(sorted.above(high) <= ((1.0 - more) * values.len() as f64).ceil() as usize);
        }

        #[test]
        fn the_bound_is_where_the_evidence_turns(
            trials in 1_usize..400, part in 0.0..1.0_f64, confidence in 0.5..0.999_f64,
        ) {
            let successes = (part * trials as f64) as usize;
            let bound = share_upper_bound(successes, trials, confidence);
            prop_assert!(bound > successes as f64 / trials as f64);
            prop_assert!((binomial_at_most(successes, trials, bound) - (1.0 - confidence)).abs() < 1e-6);
            prop_assert!(bound <= share_upper_bound(successes + 1, trials, confidence));
        }

        #[test]
        fn the_most_successes_allowed_are_the_last_whose_bound_holds(
            trials in 1_usize..400, share in 0.01..0.99_f64, confidence in 0.5..0.999_f64,
        ) {
            match most_successes_below(share, trials, confidence) {
                Some(most) => {
                    prop_assert!(share_upper_bound(most, trials, confidence) <= share + 1e-9);
                    prop_assert!(share_upper_bound(most + 1, trials, confidence) >= share - 1e-9);
                    prop_assert!(trials >= fewest_trials(share, confidence));
                }
                None => prop_assert!(trials < fewest_trials(share, confidence) ),
            }
        }
    }
}
