//! What is done to each value of a planar tensor, or along one of its axes.

use super::lanes::dispatch;

/// A tensor as `[outer, along, inner]`: an axis with what comes before it and what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Of all axes before.
    pub outer: usize,
    /// Of the axis.
    pub along: usize,
    /// Of all axes after.
    pub inner: usize,
}

impl Split {
    /// Values of the tensor.
    pub fn values(&self) -> usize {
        self.outer * self.along * self.inner
    }
}

/// What is done to two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// `a + b`.
    Sum,
    /// `a - b`.
    Difference,
    /// `a × b`.
    Product,
    /// `a / b`.
    Quotient,
    /// The larger.
    Larger,
    /// The smaller.
    Smaller,
}

/// An operation whose output has as many values as its input, or one for each place beside an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// With a second tensor, which has the length of the axis and is repeated outside and inside of it.
    Pair(Pair, Split),
    /// The square root of each value.
    SquareRoot(Split),
    /// 1 / (1 + exp(-x)) of each value.
    Sigmoid(Split),
    /// The sum along the axis.
    Total(Split),
    /// The largest along the axis.
    Largest(Split),
    /// Softmax along the axis.
    Softmax(Split),
}

/// Values that are worked on side by side.
const LANES: usize = 16;

/// Places beside an axis that are worked on together: their sums stay in the nearest cache.
const PLACES: usize = 256;

impl Map {
    /// Values that come out.
    pub fn output_len(&self) -> usize {
        match self {
            Self::Pair(_, split) | Self::SquareRoot(split) | Self::Sigmoid(split) | Self::Softmax(split) => {
                split.values()
            }
            Self::Total(split) | Self::Largest(split) => split.outer * split.inner,
        }
    }

    /// Does it to `input`, and `other` where there are two.
    ///
    /// # Panics
    /// When a slice is shorter than it should be.
    pub fn run(&self, input: &[f32], other: &[f32], output: &mut [f32]) {
        let output = &mut output[..self.output_len()];
        dispatch(|| match *self {
            Self::Pair(pair, split) => match pair {
                Pair::Sum => with(input, other, split, output, |a, b| a + b),
                Pair::Difference => with(input, other, split, output, |a, b| a - b),
                Pair::Product => with(input, other, split, output, |a, b| a * b),
                Pair::Quotient => with(input, other, split, output, |a, b| a / b),
                Pair::Larger => with(input, other, split, output, larger),
                Pair::Smaller => with(input, other, split, output, |a, b| if a < b { a } else { b }),
            },
            Self::SquareRoot(_) => each(input, output, f32::sqrt),
            Self::Sigmoid(_) => each(input, output, |value| 1.0 / (1.0 + exp(-value))),
            Self::Total(split) => along(input, split, output, 0.0, |a, b| a + b),
            Self::Largest(split) => along(input, split, output, f32::NEG_INFINITY, larger),
            Self::Softmax(split) => softmax(input, split, output),
        });
    }
}

/// The larger one; unlike `f32::max` a single instruction.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn each(input: &[f32], output: &mut [f32], function: impl Fn(f32) -> f32) {
    for (to, value) in output.iter_mut().zip(input) {
        *to = function(*value);
    }
}

#[inline(always)]
fn with(input: &[f32], other: &[f32], split: Split, output: &mut [f32], function: impl Fn(f32, f32) -> f32) {
    let Split { along, inner, .. } = split;
    let other = &other[..along];
    if inner == 1 {
        for (to, values) in output.chunks_exact_mut(along).zip(input.chunks_exact(along)) {
            for ((to, value), other) in to.iter_mut().zip(values).zip(other) {
                *to = function(*value, *other);
            }
        }
    } else {
        let repeated = other.iter().cycle();
        for ((to, values), other) in output
            .chunks_exact_mut(inner)
            .zip(input.chunks_exact(inner))
            .zip(repeated)
        {
            for (to, value) in to.iter_mut().zip(values) {
                *to = function(*value, *other);
            }
        }
    }
}

#[inline(always)]
fn along(input: &[f32], split: Split, output: &mut [f32], start: f32, function: impl Fn(f32, f32) -> f32) {
    let Split { along, inner, .. } = split;
    if inner == 1 {
        for (to, values) in output.iter_mut().zip(input.chunks_exact(along)) {
            *to = fold(values, start, &function);
        }
        return;
    }
    for (folded, values) in output.chunks_exact_mut(inner).zip(input.chunks_exact(along * inner)) {
        folded.fill(start);
        for values in values.chunks_exact(inner) {
            for (folded, value) in folded.iter_mut().zip(values) {
                *folded = function(*folded, *value);
            }
        }
    }
}

/// Folds values that lie together, side by side in lanes.
#[inline(always)]
fn fold(values: &[f32], start: f32, function: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = function(*lane, *value);
        }
    }
    lanes
        .iter()
        .chain(rest)
        .fold(start, |folded, value| function(folded, *value))
}

#[inline(always)]
fn softmax(input: &[f32], split: Split, output: &mut [f32]) {
    let Split { along, inner, .. } = split;
    for (to, values) in output
        .chunks_exact_mut(along * inner)
        .zip(input.chunks_exact(along * inner))
    {
        if inner == 1 {
            let largest = fold(values, f32::NEG_INFINITY, larger);
            each(values, to, |value| exp(value - largest));
            let scale = 1.0 / fold(to, 0.0, |a, b| a + b);
            to.iter_mut().for_each(|value| *value *= scale);
            continue;
        }
        for first in (0..inner).step_by(PLACES) {
            let places = first..inner.min(first + PLACES);
            let (mut largest, mut sums) = ([f32::NEG_INFINITY; PLACES], [0.0_f32; PLACES]);
            for row in values.chunks_exact(inner) {
                for (largest, value) in largest.iter_mut().zip(&row[places.clone()]) {
                    *largest = larger(*largest, *value);
                }
            }
            for (to, row) in to.chunks_exact_mut(inner).zip(values.chunks_exact(inner)) {
                let row = row[places.clone()].iter().zip(&largest);
                for ((to, sum), (value, largest)) in to[places.clone()].iter_mut().zip(&mut sums).zip(row) {
                    *to = exp(value - largest);
                    *sum += *to;
                }
            }
            let scales = sums.map(|sum| 1.0 / sum);
            for to in to.chunks_exact_mut(inner) {
                to[places.clone()]
                    .iter_mut()
                    .zip(&scales)
                    .for_each(|(to, scale)| *to *= scale);
            }
        }
    }
}

/// e to the power of `value`, to 2 units in the last place between -87 and 88, and bounded by those outside.
///
/// Cephes' polynomial (Moshier) on what is left of `value` after the nearest power of two.
#[inline(always)]
fn exp(value: f32) -> f32 {
    /// Adding it leaves the nearest integer in the lowest bits.
    const ROUNDING: f32 = 12_582_912.0;
    let value = value.clamp(-87.0, 88.0);
    let rounded = value * std::f32::consts::LOG2_E + ROUNDING;
    let power = rounded - ROUNDING;
    let rest = value - power * 0.693_359_4 - power * -2.121_944_4e-4;
    let mut sum = 1.987_569_1e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        sum = sum * rest + coefficient;
    }
    let fraction = sum * rest * rest + rest + 1.0;
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000));
    fraction * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_e_agree_with_those_of_the_library() {
        for step in -8700..8800 {
            let value = step as f32 / 100.0;
            let (ours, theirs) = (f64::from(exp(value)), f64::from(value).exp());
            assert!((ours / theirs - 1.0).abs() < 3e-7, "{value}: {ours} {theirs}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1000.0) < 1e-37 && exp(1000.0) > 1e38);
    }
}
