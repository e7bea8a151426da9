//! From a similarity to the probability that the source really is in view, at the peak.
//!
//! A similarity orders percepts and says nothing of how sure one is: 0.5 may be certain for one model and a guess for another. The
//! fit finds the probability from percepts whose truth is known. As many of them should show their source as not: the probability is
//! then that of a percept of which nothing else is known, and where sources out of view are more frequent it is lower.

use serde::{Deserialize, Serialize};

use crate::reliability::log_loss;
use crate::{FitError, Sorted};

/// What percepts are called in errors.
const FOUND: &str = "percepts whose source is at the peak";
const NOT_FOUND: &str = "percepts whose source is not at the peak";
/// The fewest of either kind.
const FEWEST: usize = 20;
/// How often the curves are tried on what they were not fitted to.
const FOLDS: usize = 10;
/// Both curves are as good when their losses differ by less.
const AS_GOOD: f64 = 0.002;
/// Percentiles of the similarities of true positives that are kept: 0, 5, 10 … 100.
const PERCENTILES: usize = 21;

/// A percept whose truth is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The greatest similarity.
    pub similarity: f32,
    /// Whether what sounds is in view, and at the peak.
    pub is_found: bool,
}

/// From similarities to probabilities; it never falls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Curve {
    /// 1 / (1 + exp(−(slope · similarity + offset))) (Platt 1999).
    Logistic {
        /// By how much the logarithm of the odds rises over the whole of a similarity; not negative.
        slope: f64,
        /// The logarithm of the odds at similarity 0.
        offset: f64,
    },
    /// Straight lines between points, level beyond the first and the last (isotonic regression over groups of like
    /// similarity).
    Isotonic {
        /// Of the points; rising.
        similarities: Vec<f32>,
        /// At the points, 0..1; never falling.
        probabilities: Vec<f64>,
    },
}

/// A curve, and what is known about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfidenceFit {
    /// How many percepts with their source at the peak it was found from.
    pub found: usize,
    /// How many without.
    pub not_found: usize,
    /// Mean log loss of the logistic curve on tenths of the percepts, each fitted to the other nine.
    pub logistic_loss: f64,
    /// The same of the isotonic curve.
    pub isotonic_loss: f64,
    /// Similarities of the percepts with their source at the peak: their percentiles 0, 5, 10 … 100. They tell how many of
    /// these a threshold refuses.
    pub found_percentiles: Vec<f32>,
    /// The better of both curves on what it was not fitted to; the logistic one where they are as good.
    pub curve: Curve,
}

impl Curve {
    /// The probability at a similarity, 0..1.
    pub fn probability(&self, similarity: f32) -> f64 {
        match self {
            Self::Logistic { slope, offset } => logistic(slope * f64::from(similarity) + offset),
            Self::Isotonic {
                similarities,
                probabilities,
            } => interpolated(similarities, probabilities, similarity),
        }
    }

    fn logistic(outcomes: &[Outcome]) -> Self {
        let (slope, offset) = platt(outcomes);
        Self::Logistic { slope, offset }
    }

    /// Groups of like similarity, about as many as each holds, their shares pulled half a case towards either side, and pooled
    /// where they fall (Ayer and others 1955).
    fn isotonic(outcomes: &[Outcome]) -> Self {
        struct Pool {
            cases: f64,
            similarity: f64,
            probability: f64,
        }
        let mut sorted = outcomes.to_vec();
        sorted.sort_by(|one, other| one.similarity.total_cmp(&other.similarity));
        let group = ((sorted.len() as f64).sqrt() as usize).max(1);
        let mut pools: Vec<Pool> = Vec::new();
        for group in sorted.chunks(group) {
            let cases = group.len() as f64;
            let found = group.iter().filter(|outcome| outcome.is_found).count() as f64;
            let mut pool = Pool {
                cases,
                similarity: group.iter().map(|outcome| f64::from(outcome.similarity)).sum::<f64>() / cases,
                probability: (found + 0.5) / (cases + 1.0),
            };
            while let Some(before) =
                pools.pop_if(|before| before.probability >= pool.probability || before.similarity >= pool.similarity)
            {
                let cases = before.cases + pool.cases;
                let mean = |one: f64, other: f64| (one * before.cases + other * pool.cases) / cases;
                pool = Pool {
                    similarity: mean(before.similarity, pool.similarity),
                    probability: mean(before.probability, pool.probability),
                    cases,
                };
            }
            pools.push(pool);
        }
        Self::Isotonic {
            similarities: pools.iter().map(|pool| pool.similarity as f32).collect(),
            probabilities: pools.iter().map(|pool| pool.probability).collect(),
        }
    }

    fn is_possible(&self) -> bool {
        match self {
            Self::Logistic { slope, offset } => slope.is_finite() && *slope >= 0.0 && offset.is_finite(),
            Self::Isotonic {
                similarities,
                probabilities,
            } => {
                !similarities.is_empty()
                    && similarities.len() == probabilities.len()
                    && similarities.iter().all(|similarity| similarity.is_finite())
                    && similarities.is_sorted()
                    && probabilities
                        .iter()
                        .all(|probability| (0.0..=1.0).contains(probability))
                    && probabilities.is_sorted()
            }
        }
    }
}

impl ConfidenceFit {
    /// Finds the curve from percepts whose truth is known, in any order that does not sort them.
    ///
    /// # Errors
    /// [`FitError::TooFew`] with fewer than twenty of either kind; [`FitError::NotFinite`].
    pub fn fit(outcomes: &[Outcome]) -> Result<Self, FitError> {
        let similarities = |is_found: bool| -> Vec<f32> {
            let of_kind = outcomes.iter().filter(|outcome| outcome.is_found == is_found);
            of_kind.map(|outcome| outcome.similarity).collect()
        };
        let (found, not_found) = (similarities(true), similarities(false));
        for (what, of_kind) in [(FOUND, &found), (NOT_FOUND, &not_found)] {
            if of_kind.len() < FEWEST {
                return Err(FitError::TooFew {
                    what,
                    have: of_kind.len(),
                    needed: FEWEST,
                });
            }
            Sorted::new(what, of_kind)?;
        }
        let percentiles = Sorted::new(FOUND, &found)?;
        let logistic_loss = cross_validated(outcomes, Curve::logistic);
        let isotonic_loss = cross_validated(outcomes, Curve::isotonic);
        let curve = if isotonic_loss < logistic_loss - AS_GOOD {
            Curve::isotonic(outcomes)
        } else {
            Curve::logistic(outcomes)
        };
        Ok(Self {
            found: found.len(),
            not_found: not_found.len(),
            logistic_loss,
            isotonic_loss,
            found_percentiles: (0..PERCENTILES)
                .map(|step| percentiles.quantile(step as f64 / (PERCENTILES - 1) as f64))
                .collect(),
            curve,
        })
    }

    /// The probability that the source is in view, at the peak, 0..1.
    pub fn probability(&self, similarity: f32) -> f32 {
        self.curve.probability(similarity) as f32
    }

    /// The share of percepts with their source at the peak that a threshold refuses, 0..1.
    pub fn refused_share(&self, threshold: f32) -> f64 {
        let last = self.found_percentiles.len().saturating_sub(1).max(1) as f64;
        let shares: Vec<f64> = (0..self.found_percentiles.len())
            .map(|step| step as f64 / last)
            .collect();
        match (self.found_percentiles.first(), self.found_percentiles.last()) {
            (Some(least), _) if threshold <= *least => 0.0,
            (_, Some(greatest)) if threshold > *greatest => 1.0,
            _ => interpolated(&self.found_percentiles, &shares, threshold),
        }
    }

    /// Whether its numbers can be those of a fit.
    pub fn is_possible(&self) -> bool {
        let percentiles = &self.found_percentiles;
        self.curve.is_possible()
            && percentiles.len() == PERCENTILES
            && percentiles.iter().all(|similarity| similarity.is_finite())
            && percentiles.is_sorted()
    }
}

/// The mean loss on each tenth of a curve that is fitted to the other nine. Both kinds are dealt out in turn.
fn cross_validated(outcomes: &[Outcome], fit: impl Fn(&[Outcome]) -> Curve) -> f64 {
    let mut dealt = [0_usize; 2];
    let folds: Vec<usize> = outcomes
        .iter()
        .map(|outcome| {
            let kind = &mut dealt[usize::from(outcome.is_found)];
            *kind += 1;
            *kind % FOLDS
        })
        .collect();
    let mut said = Vec::with_capacity(outcomes.len());
    for fold in 0..FOLDS {
        let of = |is_held_out: bool| -> Vec<Outcome> {
            let chosen = outcomes
                .iter()
                .zip(&folds)
                .filter(|(_, of)| (**of == fold) == is_held_out);
            chosen.map(|(outcome, _)| *outcome).collect()
        };
        let curve = fit(&of(false));
        let held_out = of(true).into_iter();
        said.extend(held_out.map(|outcome| (curve.probability(outcome.similarity), outcome.is_found)));
    }
    log_loss(said.into_iter())
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Between points whose `x` rises.
fn interpolated(x: &[f32], y: &[f64], at: f32) -> f64 {
    let above = x.partition_point(|x| *x < at);
    match (
        above
            .checked_sub(1)
            .and_then(|below| Some((*x.get(below)?, *y.get(below)?))),
        x.get(above).zip(y.get(above)),
    ) {
        (Some((from_x, from_y)), Some((to_x, to_y))) => {
            let share = f64::from(at - from_x) / f64::from(to_x - from_x).max(1e-9);
            from_y + share.clamp(0.0, 1.0) * (to_y - from_y)
        }
        (Some((_, last)), None) => last,
        (None, Some((_, first))) => *first,
        (None, None) => 0.0,
    }
}

/// Slope and offset of the logistic curve by Newton's method, with targets a little inside of 0 and 1 (Platt 1999; Lin, Lin and
/// Weng 2007).
fn platt(outcomes: &[Outcome]) -> (f64, f64) {
    let found = outcomes.iter().filter(|outcome| outcome.is_found).count() as f64;
    let not_found = outcomes.len() as f64 - found;
    let targets = [1.0 / (not_found + 2.0), (found + 1.0) / (found + 2.0)];
    let points: Vec<(f64, f64)> = outcomes
        .iter()
        .map(|outcome| (f64::from(outcome.similarity), targets[usize::from(outcome.is_found)]))
        .collect();
    let loss = |slope: f64, offset: f64| -> f64 {
        let of = |(x, target): &(f64, f64)| {
            let log_odds = slope * x + offset;
            // ln(1 + e^z) − target · z, without overflow.
            log_odds.max(0.0) + (-log_odds.abs()).exp().ln_1p() - target * log_odds
        };
        points.iter().map(of).sum()
    };
    let (mut slope, mut offset) = (0.0, ((found + 1.0) / (not_found + 1.0)).ln());
    let mut least = loss(slope, offset);
    for _ in 0..100 {
        let (mut gradient, mut hessian) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
        for (x, target) in &points {
            let p = logistic(slope * x + offset);
            let (error, weight) = (p - target, p * (1.0 - p));
            gradient = [gradient[0] + error * x, gradient[1] + error];
            hessian = [
                hessian[0] + weight * x * x,
                hessian[1] + weight * x,
                hessian[2] + weight,
            ];
        }
        let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
        let step = [
            (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant,
            (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant,
        ];
        let halvings = (0..30).map(|halving| 0.5_f64.powi(halving));
        let taken = halvings
            .map(|share| (slope - share * step[0], offset - share * step[1]))
            .find(|(slope, offset)| loss(*slope, *offset) < least - 1e-10);
        let Some((better_slope, better_offset)) = taken else {
            break;
        };
        (slope, offset) = (better_slope, better_offset);
        least = loss(slope, offset);
    }
    // Where similarity tells the wrong way round it tells nothing.
    if slope >= 0.0 {
        (slope, offset)
    } else {
        (0.0, ((found + 1.0) / (not_found + 1.0)).ln())
    }
}

#[cfg(test)]
mod tests;
