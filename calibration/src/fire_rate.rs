//! From streams of negatives to the threshold at which false fires are as rare as stated.
//!
//! Fires far apart are rare events: as many as a Poisson variable has them in the hours observed. Where the hours suffice for the
//! stated rate, the threshold is one of the peaks themselves (an order statistic), and nothing is assumed about how they spread:
//! without a single fire in T hours the rate is at most 3/T at 95 % (the rule of three). Where they do not, the peaks beyond the
//! greatest half or fewer are taken to fall off exponentially (peaks over threshold; Davison and Smith 1990), as slowly and from as
//! many as agree with what was heard at the stated confidence. Similarities end at 1, so that their own tail is in the end the
//! lighter one. A tail that looks heavier than exponential by its coefficient of variation (Castillo,
//! Daoudi and Lockhart 2014) is not extrapolated.

use serde::{Deserialize, Serialize};

use crate::fires::{FireRule, Moment};
use crate::poisson::poisson_mean;
use crate::threshold::NEGATIVES;
use crate::{FitError, Method, Sorted, ThresholdFit};

/// What peaks are called in errors.
const PEAKS: &str = "peaks of similarity in the stream";
/// The fewest peaks over which a tail is told.
const FEWEST_PEAKS: usize = 10;
/// From one number of peaks to the next smaller, in the search for an exponential tail.
const FEWER: f64 = 0.8;
/// How far beyond 1 the coefficient of variation of an exponential sample of n lies in one case of twenty, times √n.
const VARIATION_BOUND: f64 = 1.645;
/// Steps of each quantity over which a quantile is taken.
const STEPS: usize = 64;
/// Shares of the similarities above which peaks are looked for.
const BASES: [f64; 10] = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99];

/// What is known of the rate of false fires at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FireRate {
    /// How long the negatives were listened to.
    pub hours: f64,
    /// How often they fired.
    pub fires: usize,
    /// How many fires an hour are to be expected.
    pub expected_per_hour: f64,
    /// The greatest rate that agrees with what was heard, at the method's confidence.
    pub per_hour_bound: f64,
    /// By what tail the threshold was extrapolated beyond what was heard; `None` where the hours sufficed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<Tail>,
}

/// An exponential tail of peaks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tail {
    /// Where it begins.
    pub from: f32,
    /// By how much more similarity there are e times fewer peaks.
    pub scale: f64,
    /// How many peaks it was found from.
    pub peaks: usize,
}

impl FireRate {
    /// What `fires` in some `hours` say, at a confidence (inside 0..1).
    pub fn observed(fires: usize, hours: f64, confidence: f64) -> Self {
        Self {
            hours,
            fires,
            expected_per_hour: (fires + 1) as f64 / hours,
            per_hour_bound: poisson_mean(fires, 1.0 - confidence) / hours,
            tail: None,
        }
    }

    /// The lowest rate that can be promised without a tail after so many hours, at a confidence (inside 0..1): the rule of three.
    pub fn lowest_without_tail(hours: f64, confidence: f64) -> f64 {
        poisson_mean(0, 1.0 - confidence) / hours
    }

    /// Whether its numbers can be those of a rate.
    pub(crate) fn is_possible(&self) -> bool {
        let numbers = [self.hours, self.expected_per_hour, self.per_hour_bound];
        let tail = self.tail.is_none_or(|tail| tail.from.is_finite() && tail.scale >= 0.0);
        tail && numbers.iter().all(|number| number.is_finite() && *number >= 0.0)
    }
}

impl ThresholdFit {
    /// Finds the threshold at which streams of negatives fire at most `per_hour` times an hour at a `confidence`
    /// ([`Method::FalseFiresPerHour`]).
    ///
    /// # Errors
    /// [`FitError::TooFew`] without moments, or when the hours take a tail and there are too few peaks for one;
    /// [`FitError::HeavyTail`]; [`FitError::NotFinite`]; [`FitError::Setting`].
    pub fn fit_streams(
        streams: &[&[Moment]],
        rule: FireRule,
        per_hour: f64,
        confidence: f64,
    ) -> Result<Self, FitError> {
        let method = Method::FalseFiresPerHour { per_hour, confidence };
        method.confidence()?;
        let similarities: Vec<f32> = streams
            .iter()
            .flat_map(|stream| stream.iter().map(|moment| moment.similarity))
            .collect();
        let sorted = Sorted::new(NEGATIVES, &similarities)?;
        let hours = streams.iter().map(|stream| rule.observed_seconds(stream)).sum::<f64>() / 3600.0;
        if hours <= 0.0 {
            return Err(FitError::TooFew {
                what: NEGATIVES,
                have: similarities.len(),
                needed: 2,
            });
        }
        let peaks = |base: f32| peaks_over(streams, rule, base);
        let base = base_of_most_peaks(streams, rule, &sorted);
        let (threshold, tail) = match most_fires(hours, per_hour, confidence) {
            Some(most) => (lowest_with(most, base, peaks), None),
            None => {
                let tail = Tail::find(base, peaks, FireRate::lowest_without_tail(1.0, confidence) / per_hour)?;
                // Whatever the tail says, what was heard itself must keep to the rate.
                let heard = lowest_with((per_hour * hours) as usize, base, peaks);
                (tail.threshold(hours, per_hour, confidence).max(heard), Some(tail))
            }
        };
        Ok(Self::at(threshold, method, tail, streams, rule))
    }

    /// The same fit with a threshold that is `at_least` so high, which fires no more often; what it does on the streams that it was
    /// found from is counted anew.
    #[must_use]
    pub fn raised_to(self, at_least: f32, streams: &[&[Moment]], rule: FireRule) -> Self {
        let threshold = self.threshold.max(at_least);
        let tail = self.rate.and_then(|rate| rate.tail);
        Self::at(threshold, self.method, tail, streams, rule)
    }

    /// What a threshold does on streams.
    fn at(threshold: f32, method: Method, tail: Option<Tail>, streams: &[&[Moment]], rule: FireRule) -> Self {
        let similarities = || {
            streams
                .iter()
                .flat_map(|stream| stream.iter().map(|moment| moment.similarity))
        };
        let negatives = similarities().count();
        let fired = similarities().filter(|similarity| *similarity >= threshold).count();
        let fires = streams.iter().map(|stream| rule.fires(stream, threshold).len()).sum();
        let hours = streams.iter().map(|stream| rule.observed_seconds(stream)).sum::<f64>() / 3600.0;
        let observed = FireRate::observed(fires, hours, method.confidence().unwrap_or(0.95));
        let rate = match (tail, method) {
            (Some(tail), Method::FalseFiresPerHour { per_hour, .. }) => FireRate {
                expected_per_hour: tail.expected_per_hour(threshold, hours),
                per_hour_bound: per_hour,
                tail: Some(tail),
                ..observed
            },
            _ => observed,
        };
        Self {
            threshold,
            negatives,
            fired,
            expected_false_fire_share: (fired + 1) as f64 / (negatives + 1) as f64,
            false_fire_share_bound: 1.0,
            method,
            rate: Some(rate),
        }
    }
}

/// The most fires in some hours with which a rate above the stated one is ruled out; `None` where not even their absence does.
fn most_fires(hours: f64, per_hour: f64, confidence: f64) -> Option<usize> {
    let is_ruled_out = |fires: usize| poisson_mean(fires, 1.0 - confidence) <= per_hour * hours;
    // The bound of n fires lies above n.
    let (mut within, mut beyond) = (0, (per_hour * hours).min(1e9) as usize + 1);
    if !is_ruled_out(within) {
        return None;
    }
    while beyond - within > 1 {
        let middle = within + (beyond - within) / 2;
        if is_ruled_out(middle) {
            within = middle;
        } else {
            beyond = middle;
        }
    }
    Some(within)
}

/// The base over which there are most peaks.
fn base_of_most_peaks(streams: &[&[Moment]], rule: FireRule, sorted: &Sorted) -> f32 {
    let count = |base: f32| -> usize { streams.iter().map(|stream| rule.fires(stream, base).len()).sum() };
    // What cannot be accepted at all is no base.
    let lowest = (-1.0_f32).next_up();
    let bases = BASES.map(|share| sorted.quantile(share).max(lowest));
    let counted = bases.into_iter().map(|base| (count(base), base));
    let most = counted.max_by(|one, other| one.0.cmp(&other.0).then(other.1.total_cmp(&one.1)));
    most.map_or(lowest, |(_, base)| base)
}

/// The peaks over a base, the greatest first.
fn peaks_over(streams: &[&[Moment]], rule: FireRule, base: f32) -> Vec<f32> {
    let mut peaks: Vec<f32> = streams.iter().flat_map(|stream| rule.peaks(stream, base)).collect();
    peaks.sort_by(|one, other| other.total_cmp(one));
    peaks
}

/// The lowest threshold from a base on at which there are at most so many fires: above one of the peaks. What is one long fire
/// at a low base may be several higher up, so that they are told anew from there.
fn lowest_with(most: usize, base: f32, peaks: impl Fn(f32) -> Vec<f32>) -> f32 {
    let mut threshold = base;
    while let Some(refused) = peaks(threshold).get(most) {
        threshold = refused.next_up();
    }
    threshold
}

impl Tail {
    /// The tail over the most of the greatest peaks, half of all at most, that do not look heavier than exponential. `hours`
    /// are those that would do without.
    fn find(base: f32, peaks: impl Fn(f32) -> Vec<f32>, hours: f64) -> Result<Self, FitError> {
        let all = peaks(base);
        let mut count = all.len() / 2;
        if count < FEWEST_PEAKS {
            return Err(FitError::TooFew {
                what: PEAKS,
                have: all.len(),
                needed: 2 * FEWEST_PEAKS,
            });
        }
        while count >= FEWEST_PEAKS {
            let from = all[count];
            let excesses: Vec<f64> = peaks(from.next_up())
                .iter()
                .map(|peak| f64::from(*peak) - f64::from(from))
                .collect();
            let peaks = excesses.len().max(2);
            let scale = excesses.iter().sum::<f64>() / peaks as f64;
            let variance = excesses.iter().map(|excess| (excess - scale).powi(2)).sum::<f64>() / (peaks - 1) as f64;
            if variance.sqrt() <= scale * (1.0 + VARIATION_BOUND / (peaks as f64).sqrt()) {
                return Ok(Self { from, scale, peaks });
            }
            count = (count as f64 * FEWER) as usize;
        }
        Err(FitError::HeavyTail {
            what: PEAKS,
            peaks: FEWEST_PEAKS,
            hours,
        })
    }

    /// Where the tail has fallen to a rate, at a confidence: the quantile over all scales, and all numbers of peaks an hour, that
    /// agree with the peaks heard (a generalised pivotal quantity; Weerahandi 1993).
    fn threshold(&self, hours: f64, per_hour: f64, confidence: f64) -> f32 {
        let shares = (0..STEPS).map(|step| (step as f64 + 0.5) / STEPS as f64);
        // Of n excesses the sum is a gamma variable of the shape n, times the scale.
        let scales = shares
            .clone()
            .map(|share| self.scale * self.peaks as f64 / poisson_mean(self.peaks - 1, share));
        let logarithms: Vec<f64> = shares
            .map(|share| (poisson_mean(self.peaks, share) / (hours * per_hour)).ln().max(0.0))
            .collect();
        let mut beyond: Vec<f64> = scales
            .flat_map(|scale| logarithms.iter().map(move |logarithm| scale * logarithm))
            .collect();
        beyond.sort_by(f64::total_cmp);
        let at = ((beyond.len() as f64 * confidence) as usize).min(beyond.len() - 1);
        ((f64::from(self.from) + beyond[at]) as f32).next_up()
    }

    fn expected_per_hour(&self, threshold: f32, hours: f64) -> f64 {
        let beyond = f64::from(threshold) - f64::from(self.from);
        self.peaks as f64 / hours * (-beyond / self.scale.max(1e-12)).exp()
    }
}

#[cfg(test)]
mod tests;
