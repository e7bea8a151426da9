//! From the values that a tensor took on real pictures and sounds to the 8-bit integers that stand for them.
//!
//! An activation gets one scale and one zero point ([`Affine`]), because its range is seldom centred on zero; zero itself is
//! always exact, so that padding and ReLU cost nothing. Weights get one scale for each output channel, without a zero point
//! ([`symmetric_scales`]): both as in Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
//! Integer-Arithmetic-Only Inference".

use serde::{Deserialize, Serialize};

use crate::FitError;

/// What the values are called in errors.
const VALUES: &str = "values of an activation";
/// Stretches of a [`ValueHistogram`]; half as many on each side of zero.
const BINS: usize = 4096;
/// Where the bins reach to at first, a power of two: no activation of a network that works is as small as this.
const NARROWEST: f32 = 1.0 / (1 << 24) as f32;
/// Steps of each end in the search for the least squared error.
const SEARCH_STEPS: usize = 64;
/// Integers that one 8-bit number tells apart, less one.
const STEPS: f32 = 255.0;
/// Greatest magnitude of a quantised weight; −128 is left out, so that negation is exact.
const WEIGHT_STEPS: f32 = 127.0;

/// How much of what was seen the integers have to reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RangeChoice {
    /// From the least to the greatest value: nothing is cut off, and a single stray value makes every step coarser.
    MinMax,
    /// What lies outside the middle share of the values is cut off.
    Percentile {
        /// The share kept below the upper end, and above the lower one, inside 0.5..1.
        share: f64,
    },
    /// The range for which rounding inside and cutting off outside together cost least, in mean squared error.
    MeanSquareError,
}

/// How many values of a tensor lay where; takes any number of values in constant memory.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueHistogram {
    /// The bins reach from −limit to limit.
    limit: f32,
    counts: Vec<u64>,
    /// Values that are exactly zero, which every quantisation keeps; they are in no bin.
    zeros: u64,
    total: u64,
    least: f32,
    greatest: f32,
}

impl Default for ValueHistogram {
    fn default() -> Self {
        Self {
            limit: NARROWEST,
            counts: vec![0; BINS],
            zeros: 0,
            total: 0,
            least: f32::INFINITY,
            greatest: f32::NEG_INFINITY,
        }
    }
}

impl ValueHistogram {
    /// Counts more values in.
    ///
    /// # Errors
    /// [`FitError::NotFinite`] for the first value that is infinite or not a number; those before it are counted.
    pub fn add(&mut self, values: &[f32]) -> Result<(), FitError> {
        for (index, &value) in values.iter().enumerate() {
            if !value.is_finite() {
                return Err(FitError::NotFinite {
                    what: VALUES,
                    index,
                    value,
                });
            }
            self.total += 1;
            self.least = self.least.min(value);
            self.greatest = self.greatest.max(value);
            if value == 0.0 {
                self.zeros += 1;
                continue;
            }
            while value.abs() >= self.limit {
                self.widen();
            }
            let bin = ((value / self.limit + 1.0) * (BINS / 2) as f32) as usize;
            if let Some(count) = self.counts.get_mut(bin.min(BINS - 1)) {
                *count += 1;
            }
        }
        Ok(())
    }

    /// How many values were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Least and greatest value, none when there was no value.
    pub fn extremes(&self) -> Option<(f32, f32)> {
        (self.total > 0).then_some((self.least, self.greatest))
    }

    /// The quantisation of the tensor.
    ///
    /// # Errors
    /// [`FitError::TooFew`] when no value was counted; [`FitError::Setting`] for a share that is not inside 0.5..1.
    pub fn fit(&self, choice: RangeChoice) -> Result<Affine, FitError> {
        let (least, greatest) = self.extremes().ok_or(FitError::TooFew {
            what: VALUES,
            have: 0,
            needed: 1,
        })?;
        let (low, high) = match choice {
            RangeChoice::MinMax => (least, greatest),
            RangeChoice::Percentile { share } => {
                if !(share > 0.5 && share < 1.0) {
                    return Err(FitError::Setting {
                        setting: "the share of an activation's values that is kept",
                        value: share,
                        range: "more than 0.5 and less than 1",
                    });
                }
                let left_out = ((1.0 - share) * self.total as f64) as u64;
                (self.end(left_out, false), self.end(left_out, true))
            }
            RangeChoice::MeanSquareError => self.least_squared_error(),
        };
        Ok(Affine::covering(low, high))
    }

    /// Twice the range: two bins become one.
    fn widen(&mut self) {
        let mut wider = vec![0; BINS];
        for (bin, count) in self.counts.iter().enumerate() {
            if let Some(into) = wider.get_mut(BINS / 4 + bin / 2) {
                *into += count;
            }
        }
        self.counts = wider;
        self.limit *= 2.0;
    }

    /// The bins with something in them: lower end, upper end, count.
    fn bins(&self) -> impl DoubleEndedIterator<Item = (f32, f32, u64)> + '_ {
        let edge = |bin: usize| (bin as f32 / (BINS / 2) as f32 - 1.0) * self.limit;
        self.counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(move |(bin, &count)| (edge(bin), edge(bin + 1), count))
    }

    /// The end of the range that leaves at most `left_out` values beyond it, at the accuracy of a bin.
    fn end(&self, left_out: u64, upper: bool) -> f32 {
        let mut beyond = 0;
        let mut found = None;
        let mut look = |(low, high, count): (f32, f32, u64)| {
            beyond += count;
            if found.is_none() && beyond > left_out {
                found = Some(if upper {
                    high.min(self.greatest)
                } else {
                    low.max(self.least)
                });
            }
        };
        if upper {
            self.bins().rev().for_each(&mut look);
        } else {
            self.bins().for_each(&mut look);
        }
        // The range holds zero in any case, so that values that are all zero or all on one side need no care.
        found.unwrap_or(0.0)
    }

    /// Both ends shrunk together first, then each by itself.
    fn least_squared_error(&self) -> (f32, f32) {
        let (least, greatest) = (self.least.min(0.0), self.greatest.max(0.0));
        let shares = || (1..=SEARCH_STEPS).map(|step| step as f32 / SEARCH_STEPS as f32);
        let best = |candidates: &mut dyn Iterator<Item = (f32, f32)>| {
            candidates
                .map(|range| (self.squared_error(range), range))
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .map_or((least, greatest), |(_, range)| range)
        };
        (0..2).fold(
            best(&mut shares().map(|share| (least * share, greatest * share))),
            |(_, high), _| {
                let (low, _) = best(&mut shares().map(|share| (least * share, high)));
                best(&mut shares().map(|share| (low, greatest * share)))
            },
        )
    }

    /// Sum of the squared errors of a range: a step² / 12 for what is rounded, the distance to the end for what is cut off.
    fn squared_error(&self, (low, high): (f32, f32)) -> f64 {
        let step = f64::from((high - low) / STEPS);
        self.bins()
            .map(|(from, to, count)| {
                let middle = 0.5 * (from + to);
                let beyond = f64::from((low - middle).max(middle - high).max(0.0));
                count as f64 * (step * step / 12.0 + beyond * beyond)
            })
            .sum()
    }
}

/// What an 8-bit integer stands for: `(integer − zero_point) · scale`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// From one integer to the next.
    pub scale: f32,
    /// The integer that stands for zero.
    pub zero_point: i8,
}

impl Affine {
    /// The finest steps that reach from `low` to `high` (finite) and hold zero; a range of nothing has steps of 1.
    pub fn covering(low: f32, high: f32) -> Self {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let scale = high / STEPS - low / STEPS;
        if scale < f32::MIN_POSITIVE {
            return Self {
                scale: 1.0,
                zero_point: 0,
            };
        }
        Self {
            scale,
            zero_point: (f32::from(i8::MIN) - low / scale).round() as i8,
        }
    }

    /// The nearest integer, ties to even, held to −128..=127: ONNX's `QuantizeLinear`.
    pub fn quantise(&self, value: f32) -> i8 {
        ((value / self.scale).round_ties_even() + f32::from(self.zero_point)) as i8
    }

    /// The value that an integer stands for: ONNX's `DequantizeLinear`.
    pub fn value(&self, integer: i8) -> f32 {
        (f32::from(integer) - f32::from(self.zero_point)) * self.scale
    }
}

/// For each of `rows` equal stretches of weights, one for each output channel, the scale of its integers −127..=127.
///
/// [`RangeChoice::MeanSquareError`] searches between half the greatest magnitude and all of it; the other choices reach the
/// greatest magnitude, since a percentile of a few dozen weights means nothing. A row of zeros has the scale 1.
pub fn symmetric_scales(weights: &[f32], rows: usize, choice: RangeChoice) -> Vec<f32> {
    weights
        .chunks(row_length(weights, rows))
        .map(|row| {
            let greatest = row.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            if greatest < f32::MIN_POSITIVE * WEIGHT_STEPS {
                return 1.0;
            }
            let full = greatest / WEIGHT_STEPS;
            if choice != RangeChoice::MeanSquareError {
                return full;
            }
            let error = |scale: f32| -> f64 {
                let off = |value: &f32| f64::from(value - f32::from(weight(*value, scale)) * scale);
                row.iter().map(|value| off(value).powi(2)).sum()
            };
            (SEARCH_STEPS / 2..=SEARCH_STEPS)
                .map(|step| full * step as f32 / SEARCH_STEPS as f32)
                .map(|scale| (error(scale), scale))
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .map_or(full, |(_, scale)| scale)
        })
        .collect()
}

/// Rounds each of as many equal stretches of weights as there are scales to nearest.
pub fn quantise_rows(weights: &[f32], scales: &[f32]) -> Vec<i8> {
    weights
        .chunks(row_length(weights, scales.len()))
        .zip(scales)
        .flat_map(|(row, &scale)| row.iter().map(move |&value| weight(value, scale)))
        .collect()
}

fn row_length(weights: &[f32], rows: usize) -> usize {
    (weights.len() / rows.max(1)).max(1)
}

fn weight(value: f32, scale: f32) -> i8 {
    (value / scale).round().clamp(-WEIGHT_STEPS, WEIGHT_STEPS) as i8
}

#[cfg(test)]
mod tests;
