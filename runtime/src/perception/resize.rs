//! Separable, antialiased bilinear resizing of rows of bytes.
//!
//! The filter is the one of Pillow's `resize(BILINEAR)` and torchvision's `Resize(antialias=True)`: a triangle as wide
//! as two output pixels when shrinking and as two input pixels when enlarging, cut at the border and normalised.
//!
//! Columns are blended first ([`RowBlend`]), for that touches every byte of the picture and runs along rows, many bytes
//! an instruction. The few blended rows are then resized along themselves ([`Stretch`]), [`LANES`] of them side by
//! side.

use std::ops::Range;

/// Which input samples make one output sample, and how much each counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tap {
    /// The first input sample.
    pub first: usize,
    /// Weights of the samples from there on; they sum to 1.
    pub weights: Vec<f64>,
}

/// The taps of output samples `offset..offset + count` of an axis of `input` samples that is resized to `resized`.
pub(super) fn bilinear_taps(input: usize, resized: usize, offset: usize, count: usize) -> Vec<Tap> {
    let scale = input as f64 / resized.max(1) as f64;
    let support = scale.max(1.0);
    (offset..offset + count)
        .map(|output| {
            let centre = (output as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(input);
            let weights = (first..end).map(|i| (1.0 - (i as f64 + 0.5 - centre).abs() / support).max(0.0));
            Tap {
                first,
                weights: weights.collect(),
            }
            .trimmed()
        })
        .collect()
}

impl Tap {
    /// Without zeros at either end, and normalised.
    fn trimmed(mut self) -> Self {
        while self.weights.last() == Some(&0.0) {
            self.weights.pop();
        }
        let zeros = self.weights.iter().take_while(|&&weight| weight == 0.0).count();
        self.weights.drain(..zeros);
        self.first += zeros;
        let sum: f64 = self.weights.iter().sum();
        self.weights.iter_mut().for_each(|weight| *weight /= sum);
        self
    }

    /// The same tap over samples half as dense, each of which stands for two neighbours (chroma).
    pub(super) fn halved(&self) -> Self {
        let first = self.first / 2;
        let mut weights = vec![0.0; (self.first + self.weights.len()).div_ceil(2) - first];
        for (i, weight) in self.weights.iter().enumerate() {
            weights[(self.first + i) / 2 - first] += weight;
        }
        Self { first, weights }
    }
}

/// The range of input samples that `taps` reach, with an even start, so that no pair of pixels that shares its chroma
/// is torn.
pub(super) fn reach(taps: &[Tap]) -> Range<usize> {
    let start = taps.iter().map(|tap| tap.first).min().unwrap_or(0) & !1;
    start..taps.iter().map(|tap| tap.first + tap.weights.len()).max().unwrap_or(0)
}

/// Rows of bytes inside a buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    /// From the first byte of the first row to at least the last byte of the last.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride_bytes: usize,
}

impl<'a> Rows<'a> {
    /// `length` bytes of row `row`, from byte `start` of the row on.
    pub(super) fn part(&self, row: usize, start: usize, length: usize) -> &'a [u8] {
        &self.bytes[row * self.stride_bytes + start..][..length]
    }
}

/// Weights in units of 1/65536, an even number of them. They sum to one unit less than 1, so that no sum of products
/// overflows.
#[derive(Debug)]
struct FixedTap {
    first: usize,
    weights: Vec<[u16; 2]>,
    /// What rounding down takes away on average, kept small enough not to overflow.
    bias: u16,
}

/// Blends neighbouring rows into one, along columns.
///
/// Fixed-point: each product is a 16-bit number of 1/256 levels, cut off below; what is cut off makes half a unit a row
/// on average, which is added at the start. The result is right to a few hundredths of a level.
#[derive(Debug)]
pub(super) struct RowBlend {
    taps: Vec<FixedTap>,
}

/// Takes what [`RowBlend`] gives back to levels 0..255.
pub(super) const BLEND_UNIT: f32 = (65536.0 / 65535.0 / 256.0) as f32;

impl RowBlend {
    pub(super) fn new(taps: &[Tap]) -> Self {
        let fixed = |tap: &Tap| {
            // Rounding the running sum rather than each weight keeps their total.
            let (mut exact, mut given) = (0.0, 0u32);
            let weights = tap.weights.iter().map(|weight| {
                exact += weight * 65535.0;
                let total = (exact.round() as u32).min(65535);
                let step = total - given;
                given = total;
                step as u16
            });
            let weights: Vec<u16> = weights.collect();
            let pairs = weights
                .chunks(2)
                .map(|pair| [pair[0], pair.get(1).copied().unwrap_or(0)]);
            FixedTap {
                first: tap.first,
                weights: pairs.collect(),
                bias: (tap.weights.len() / 2).min(255) as u16,
            }
        };
        Self {
            taps: taps.iter().map(fixed).collect(),
        }
    }

    /// Output row `output` of `rows`, from byte `start` on, in units of [`BLEND_UNIT`]: the bytes at even places apart
    /// from those at odd ones, of which there may be one less.
    ///
    /// Pairs of bytes fit 16-bit lanes as they lie; single ones would first have to be spread out.
    pub(super) fn apply(&self, rows: Rows<'_>, output: usize, start: usize, even: &mut [u16], odd: &mut [u16]) {
        let tap = &self.taps[output];
        even.fill(tap.bias);
        odd.fill(tap.bias);
        for (weights, [upper, lower]) in tap.row_pairs(rows, start, even.len() + odd.len()) {
            let (upper_pairs, upper_last) = upper.as_chunks::<2>();
            let (lower_pairs, lower_last) = lower.as_chunks::<2>();
            let sums = even.iter_mut().zip(odd.iter_mut());
            for (((even, odd), &upper), &lower) in sums.zip(upper_pairs).zip(lower_pairs) {
                let (upper, lower) = (u16::from_le_bytes(upper), u16::from_le_bytes(lower));
                *even = even.wrapping_add(weigh([upper << 8, lower << 8], weights));
                *odd = odd.wrapping_add(weigh([upper & 0xFF00, lower & 0xFF00], weights));
            }
            if let (Some(even), [upper], [lower]) = (even.last_mut(), upper_last, lower_last) {
                *even = even.wrapping_add(weigh([u16::from(*upper) << 8, u16::from(*lower) << 8], weights));
            }
        }
    }
}

impl FixedTap {
    /// The rows that are blended, two at a time, with their weights; a last odd one is paired with itself at no weight.
    fn row_pairs<'a>(
        &self,
        rows: Rows<'a>,
        start: usize,
        length: usize,
    ) -> impl Iterator<Item = ([u16; 2], [&'a [u8]; 2])> {
        self.weights.iter().enumerate().map(move |(i, &weights)| {
            let upper = self.first + 2 * i;
            let lower = if weights[1] == 0 { upper } else { upper + 1 };
            (
                weights,
                [rows.part(upper, start, length), rows.part(lower, start, length)],
            )
        })
    }
}

/// Upper halves of the 32-bit products, added: three instructions on vectors.
fn weigh(values: [u16; 2], weights: [u16; 2]) -> u16 {
    let product = |i: usize| ((u32::from(values[i]) * u32::from(weights[i])) >> 16) as u16;
    product(0).wrapping_add(product(1))
}

/// Rows that are resized side by side: a vector of every 64-bit processor.
pub(super) const LANES: usize = 4;

/// The same sample of [`LANES`] rows.
pub(super) type Lanes = [f32; LANES];

/// Resizes rows along themselves.
#[derive(Debug)]
pub(super) struct Stretch {
    firsts: Vec<usize>,
    /// `taps` for each output sample, filled up with zeros.
    weights: Vec<f32>,
    taps: usize,
}

impl Stretch {
    /// `columns`: the input samples that the rows hold, which are all that `taps` reach; `unit`: what their values are
    /// to be multiplied by.
    pub(super) fn new(taps: &[Tap], columns: &Range<usize>, unit: f32) -> Self {
        let longest = taps.iter().map(|tap| tap.weights.len()).max().unwrap_or(0);
        let mut weights = vec![0.0; taps.len() * longest];
        let mut firsts = Vec::with_capacity(taps.len());
        for (tap, filled) in taps.iter().zip(weights.chunks_exact_mut(longest.max(1))) {
            // At the end of the row the zeros go in front.
            let first = tap.first.min(columns.end - longest);
            let given = filled[tap.first - first..].iter_mut().zip(&tap.weights);
            given.for_each(|(weight, &exact)| *weight = exact as f32 * unit);
            firsts.push(first - columns.start);
        }
        Self {
            firsts,
            weights,
            taps: longest,
        }
    }

    /// A line of `CHANNELS` interleaved channels to one line for each of them.
    pub(super) fn apply<const CHANNELS: usize>(&self, line: &[Lanes], mut stretched: [&mut [Lanes]; CHANNELS]) {
        let line = line.as_chunks::<CHANNELS>().0;
        let weights = self.weights.chunks_exact(self.taps.max(1));
        for (output, (&first, weights)) in self.firsts.iter().zip(weights).enumerate() {
            let mut sums = [[0.0; LANES]; CHANNELS];
            for (samples, &weight) in line[first..].iter().zip(weights) {
                for (sums, samples) in sums.iter_mut().zip(samples) {
                    for (sum, sample) in sums.iter_mut().zip(samples) {
                        *sum += sample * weight;
                    }
                }
            }
            for (stretched, sums) in stretched.iter_mut().zip(sums) {
                stretched[output] = sums;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn same_size_is_the_identity() {
        for (i, tap) in bilinear_taps(17, 17, 0, 17).iter().enumerate() {
            assert_eq!(
                *tap,
                Tap {
                    first: i,
                    weights: vec![1.0]
                }
            );
        }
    }

    #[test]
    fn halving_takes_a_triangle_of_four() {
        let taps = bilinear_taps(8, 4, 1, 1);
        assert_eq!(
            taps,
            [Tap {
                first: 1,
                weights: vec![0.125, 0.375, 0.375, 0.125]
            }]
        );
    }

    #[test]
    fn halved_tap_counts_each_pair_once() {
        let tap = Tap {
            first: 1,
            weights: vec![0.125, 0.375, 0.375, 0.125],
        };
        assert_eq!(
            tap.halved(),
            Tap {
                first: 0,
                weights: vec![0.125, 0.75, 0.125]
            }
        );
    }

    proptest! {
        #[test]
        fn taps_lie_inside_and_sum_to_one(input in 1usize..3000, resized in 1usize..3000) {
            let taps = bilinear_taps(input, resized, 0, resized);
            for tap in taps.iter().chain(&taps.iter().map(Tap::halved).collect::<Vec<_>>()) {
                prop_assert!(tap.first + tap.weights.len() <= input);
                prop_assert!(!tap.weights.is_empty());
                prop_assert!((tap.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            }
        }

        #[test]
        fn fixed_point_blend_is_right_to_a_tenth_of_a_level(
            rows in 1usize..200, row_bytes in 1usize..90, resized in 1usize..200, seed in any::<u32>(),
        ) {
            let bytes: Vec<u8> = (0..rows * row_bytes).map(|i| ((i as u32).wrapping_mul(seed | 1) >> 24) as u8).collect();
            let taps = bilinear_taps(rows, resized, 0, resized);
            let blend = RowBlend::new(&taps);
            let source = Rows { bytes: &bytes, stride_bytes: row_bytes };
            let (mut even, mut odd) = (vec![0; row_bytes.div_ceil(2)], vec![0; row_bytes / 2]);
            for (output, tap) in taps.iter().enumerate() {
                blend.apply(source, output, 0, &mut even, &mut odd);
                for column in 0..row_bytes {
                    let level = |row: usize| f64::from(bytes[row * row_bytes + column]);
                    let exact: f64 = tap.weights.iter().zip(tap.first..).map(|(weight, row)| weight * level(row)).sum();
                    let found = if column % 2 == 0 { even[column / 2] } else { odd[column / 2] };
                    let found = f64::from(f32::from(found) * BLEND_UNIT);
                    prop_assert!((found - exact).abs() < 0.1, "{} not {}", found, exact);
                }
            }
        }
    }
}
