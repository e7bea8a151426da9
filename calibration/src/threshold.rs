//! From similarities of sounds whose source is not in the picture to the similarity from which on one is believed.
//!
//! A negative is a picture with a sound that nothing in it makes: silence, noise, something off screen. Its similarity
//! is the maximum of the raw heatmap, never of one stretched to 0..1: such a map always has a peak, also where there is
//! nothing to find. A similarity is accepted when it reaches the threshold, and a threshold is the smallest number above
//! the similarity that a method settles on: what is like a negative is refused, also where many are exactly alike, as
//! those of silence are.

use serde::{Deserialize, Serialize};

use crate::statistics::{fewest_trials, most_successes_below, share_upper_bound};
use crate::{FireRate, FitError, Sorted};

/// What the similarities are called in errors.
pub(crate) const NEGATIVES: &str = "similarities of negatives";

/// With which confidence [`ThresholdFit::false_fire_share_bound`] holds when the method states none.
const CONFIDENCE: f64 = 0.95;

/// The range of shares and confidences.
const INSIDE: &str = "more than 0 and less than 1";

/// How a threshold is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Method {
    /// The third quartile of the negatives' similarities, as scores on public test sets use it: a quarter of what is not
    /// there gets through, which is meant for comparing models, not for moving a camera.
    ThirdQuartile,
    /// The lowest similarity of a negative above which, at the stated confidence, at most a stated share of further
    /// negatives will come to lie.
    ///
    /// It is one of the similarities themselves (an order statistic), so that nothing is assumed about how they are
    /// spread, only that those to come are like those seen. The price is their number: with the usual 95 % confidence, a
    /// share of 5 % takes 59 negatives and one of 1 % takes 299 (the "rule of three": three divided by the share).
    FalseFireShare {
        /// The share of negatives that may be accepted, inside 0..1.
        share: f64,
        /// The probability with which the fit keeps to that share, inside 0..1.
        confidence: f64,
    },
    /// The lowest threshold at which, at the stated confidence, a stream of negatives fires at most so often an hour; what
    /// a fire is says [`FireRule`](crate::FireRule), how it is found [`ThresholdFit::fit_streams`].
    FalseFiresPerHour {
        /// How many fires an hour are allowed, more than 0.
        per_hour: f64,
        /// The probability with which the fit keeps to that rate, inside 0..1.
        confidence: f64,
    },
}

/// A threshold, and what is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdFit {
    /// A similarity is accepted from this one on.
    pub threshold: f32,
    /// How many negatives it was found from.
    pub negatives: usize,
    /// How many of those reach it.
    pub fired: usize,
    /// The share of further negatives expected to reach it, 0..1: `(fired + 1) / (negatives + 1)`, because the next
    /// negative is equally likely to fall into any of the gaps that those seen leave between them.
    pub expected_false_fire_share: f64,
    /// The greatest such share that agrees with what was seen, at the method's confidence or else at 95 %. 1 where the
    /// threshold was found from streams: their similarities hang together, and nothing is promised of single ones.
    pub false_fire_share_bound: f64,
    /// How it was found.
    pub method: Method,
    /// What is known of the rate of false fires, where it was found from streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<FireRate>,
}

impl ThresholdFit {
    /// Finds the threshold from the similarities of negatives, in any order.
    ///
    /// # Errors
    /// [`FitError::TooFew`] when there are too few for what the method promises, with the number that it takes;
    /// [`FitError::NotFinite`] when one is not a finite number; [`FitError::Setting`] when a share or a confidence is not
    /// inside 0..1.
    pub fn fit(similarities: &[f32], method: Method) -> Result<Self, FitError> {
        let confidence = method.confidence()?;
        let sorted = Sorted::new(NEGATIVES, similarities)?;
        let negatives = sorted.values().len();
        let refused = match method {
            Method::ThirdQuartile => sorted.quantile(0.75),
            Method::FalseFiresPerHour { .. } => return Err(FitError::WithoutTimes { what: NEGATIVES }),
            Method::FalseFireShare { share, confidence } => {
                let above = most_successes_below(share, negatives, confidence).ok_or_else(|| FitError::TooFew {
                    what: NEGATIVES,
                    have: negatives,
                    needed: fewest_trials(share, confidence),
                })?;
                sorted.values()[negatives - 1 - above]
            }
        };
        let fired = sorted.above(refused);
        Ok(Self {
            threshold: refused.next_up(),
            negatives,
            fired,
            expected_false_fire_share: (fired + 1) as f64 / (negatives + 1) as f64,
            false_fire_share_bound: share_upper_bound(fired, negatives, confidence),
            method,
            rate: None,
        })
    }

    /// Whether a similarity is believed.
    pub fn accepts(&self, similarity: f32) -> bool {
        similarity >= self.threshold
    }
}

impl Method {
    /// The confidence of the bound that goes with the method.
    pub(crate) fn confidence(self) -> Result<f64, FitError> {
        let (allowed, what, most, confidence) = match self {
            Self::ThirdQuartile => return Ok(CONFIDENCE),
            Self::FalseFireShare { share, confidence } => (share, "the share of false fires", 1.0, confidence),
            Self::FalseFiresPerHour { per_hour, confidence } => {
                (per_hour, "the rate of false fires", f64::INFINITY, confidence)
            }
        };
        for (setting, value, most, range) in [
            (
                what,
                allowed,
                most,
                if most == 1.0 { INSIDE } else { "more than 0 an hour" },
            ),
            ("the confidence of the threshold", confidence, 1.0, INSIDE),
        ] {
            if !(value > 0.0 && value < most) {
                return Err(FitError::Setting { setting, value, range });
            }
        }
        Ok(confidence)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn one_percent() -> Method {
        Method::FalseFireShare {
            share: 0.01,
            confidence: 0.95,
        }
    }

    fn ramp(count: usize) -> Vec<f32> {
        (0..count).map(|n| n as f32 / count as f32).collect()
    }

    #[test]
    fn the_third_quartile_lets_a_quarter_through() {
        let fit = ThresholdFit::fit(&ramp(400), Method::ThirdQuartile).unwrap();
        assert_eq!((fit.negatives, fit.fired), (400, 100));
        assert!((fit.expected_false_fire_share - 0.25).abs() < 0.003);
        assert!(fit.false_fire_share_bound > 0.28 && fit.false_fire_share_bound < 0.30);
    }

    #[test]
    fn too_few_negatives_are_told_how_many_it_takes() {
        let error = ThresholdFit::fit(&ramp(298), one_percent()).unwrap_err();
        assert_eq!(
            error,
            FitError::TooFew {
                what: NEGATIVES,
                have: 298,
                needed: 299
            }
        );
        let fit = ThresholdFit::fit(&ramp(299), one_percent()).unwrap();
        assert_eq!(fit.fired, 0);
        assert_eq!(fit.threshold, ramp(299)[298].next_up());
        assert!(fit.false_fire_share_bound <= 0.01);
    }

    #[test]
    fn nothing_lies_above_negatives_that_are_all_alike() {
        let fit = ThresholdFit::fit(&[0.3; 300], one_percent()).unwrap();
        assert_eq!((fit.threshold, fit.fired), (0.3_f32.next_up(), 0));
        assert!(!fit.accepts(0.3));
        assert!(fit.accepts(0.300_001));
        assert!(!fit.accepts(f32::NAN));
    }

    #[test]
    fn a_certain_promise_is_refused() {
        for share in [0.0, 1.0, -0.1, f64::NAN] {
            let error = ThresholdFit::fit(
                &ramp(10),
                Method::FalseFireShare {
                    share,
                    confidence: 0.95,
                },
            )
            .unwrap_err();
            assert!(
                matches!(
                    error,
                    FitError::Setting {
                        setting: "the share of false fires",
                        ..
                    }
                ),
                "{error}"
            );
        }
    }

    /// The promise itself: over many fits to fresh negatives of a known spread, the share of fits whose true false-fire
    /// share exceeds the stated one is at most the doubt.
    #[test]
    fn the_stated_share_is_kept_as_often_as_stated() {
        let (share, confidence) = (0.05, 0.9);
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u32 << 24) as f32
        };
        let fits = 2_000;
        let broken = (0..fits)
            .filter(|_| {
                let negatives: Vec<f32> = (0..120).map(|_| uniform()).collect();
                let fit = ThresholdFit::fit(&negatives, Method::FalseFireShare { share, confidence }).unwrap();
                // Of numbers spread evenly over 0..1, the share above a threshold is what is left of 1.
                f64::from(1.0 - fit.threshold) > share
            })
            .count();
        let doubt = broken as f64 / f64::from(fits);
        assert!(doubt > 0.02 && doubt < 0.12, "{doubt}");
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_the_counts_are_true(
            mut similarities in prop::collection::vec(-1.0_f32..=1.0, 1..300), share in 0.02..0.9_f64,
        ) {
            for method in [Method::ThirdQuartile, Method::FalseFireShare { share, confidence: 0.9 }] {
                let fit = ThresholdFit::fit(&similarities, method);
                similarities.reverse();
                prop_assert_eq!(&fit, &ThresholdFit::fit(&similarities, method));
                match fit {
                    Ok(fit) => {
                        prop_assert_eq!(fit.fired, similarities.iter().filter(|s| fit.accepts(**s)).count());
                        prop_assert!(fit.expected_false_fire_share <= 1.0 && fit.false_fire_share_bound <= 1.0);
                        if method != Method::ThirdQuartile {
                            prop_assert!(similarities.contains(&fit.threshold.next_down()));
                            prop_assert!(fit.false_fire_share_bound <= share + 1e-9);
                        }
                    }
                    Err(FitError::TooFew { have, needed, .. }) => prop_assert!(have < needed),
                    Err(other) => prop_assert!(false, "{}", other),
                }
            }
        }

        #[test]
        fn a_smaller_share_never_lowers_the_threshold(
            similarities in prop::collection::vec(-1.0_f32..=1.0, 60..300),
            (less, more) in (0.06..0.9, 0.06..0.9).prop_map(|(a, b): (f64, f64)| (a.min(b), a.max(b))),
        ) {
            let threshold = |share| {
                ThresholdFit::fit(&similarities, Method::FalseFireShare { share, confidence: 0.95 }).unwrap().threshold
            };
            prop_assert!(threshold(less) >= threshold(more));
        }
    }
}
