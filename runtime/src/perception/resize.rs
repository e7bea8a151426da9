//! Separable, antialiased bilinear resizing of rows of bytes.
//!
//! The filter is the one of Pillow's `resize(BILINEAR)` and torchvision's `Resize(antialias=True)`: a triangle as wide as two output pixels when
//! shrinking and as two input pixels when enlarging, cut at the border and normalised.
//!
//! Columns are blended first ([`RowBlend`]), for that touches every byte of the picture and runs along rows, many bytes an instruction; each of the
//! few blended rows is then resized along itself ([`Stretch`]).

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

/// The range of input samples that `taps` reach, with an even start, so that no pair of pixels that shares its chroma is torn.
pub(super) fn reach(taps: &[Tap]) -> std::ops::Range<usize> {
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
    /// The first `length` bytes of row `row`.
    pub(super) fn row(&self, row: usize, length: usize) -> &'a [u8] {
        &self.bytes[row * self.stride_bytes..][..length]
    }

    /// `N` bytes of row `row`.
    fn tile<const N: usize>(&self, row: usize, start: usize) -> Option<&'a [u8; N]> {
        self.bytes.get(row * self.stride_bytes + start..)?.first_chunk()
    }
}

/// Weights in units of 1/65536. They sum to one unit less than 1, so that no sum of products overflows.
#[derive(Debug)]
struct FixedTap {
    first: usize,
    weights: Vec<u16>,
}

/// Blends neighbouring rows into one, along columns.
///
/// Fixed-point: each product is a 16-bit number of 1/256 levels, cut off below; what is cut off makes half a unit a row on average, which is
/// added at the start. The result is right to a few hundredths of a level.
#[derive(Debug)]
pub(super) struct RowBlend {
    taps: Vec<FixedTap>,
}

/// Takes what [`RowBlend`] gives back to levels 0..255.
pub(super) const BLEND_UNIT: f32 = (65536.0 / 65535.0 / 256.0) as f32;

/// Bytes that are blended together: as many sums as fit the registers of every 64-bit processor.
const TILE_BYTES: usize = 32;

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
            FixedTap {
                first: tap.first,
                weights: weights.collect(),
            }
        };
        Self {
            taps: taps.iter().map(fixed).collect(),
        }
    }

    /// Output row `output` of `rows`, bytes `start..start + blended.len()`, in units of [`BLEND_UNIT`].
    pub(super) fn bytes(&self, rows: Rows<'_>, output: usize, start: usize, blended: &mut [f32]) {
        let Some(tap) = self.taps.get(output) else { return };
        let whole = blended.len() / TILE_BYTES * TILE_BYTES;
        let (tiles, rest) = blended.split_at_mut(whole);
        for (i, tile) in tiles.as_chunks_mut::<TILE_BYTES>().0.iter_mut().enumerate() {
            *tile = tap.tile(rows, start + i * TILE_BYTES).map(f32::from);
        }
        for (i, value) in rest.iter_mut().enumerate() {
            [*value] = tap.tile::<1>(rows, start + whole + i).map(f32::from);
        }
    }

    /// As [`bytes`](Self::bytes), with the bytes at even places given apart from those at odd ones (`even` and `odd` are equally long).
    pub(super) fn byte_pairs(&self, rows: Rows<'_>, output: usize, start: usize, even: &mut [f32], odd: &mut [f32]) {
        const PAIRS: usize = TILE_BYTES / 2;
        let Some(tap) = self.taps.get(output) else { return };
        let whole = even.len() / PAIRS * PAIRS;
        let (even_tiles, even_rest) = even.split_at_mut(whole);
        let (odd_tiles, odd_rest) = odd.split_at_mut(whole);
        let tiles = even_tiles
            .as_chunks_mut::<PAIRS>()
            .0
            .iter_mut()
            .zip(odd_tiles.as_chunks_mut::<PAIRS>().0);
        for (i, (even, odd)) in tiles.enumerate() {
            let sums = tap.pair_tile(rows, start + i * TILE_BYTES);
            (*even, *odd) = (sums.0.map(f32::from), sums.1.map(f32::from));
        }
        for (i, (even, odd)) in even_rest.iter_mut().zip(odd_rest).enumerate() {
            [*even, *odd] = tap.tile::<2>(rows, start + 2 * (whole + i)).map(f32::from);
        }
    }
}

impl FixedTap {
    /// What rounding down takes away on average, kept small enough not to overflow.
    fn bias(&self) -> u16 {
        (self.weights.len() / 2).min(255) as u16
    }

    fn tile<const N: usize>(&self, rows: Rows<'_>, start: usize) -> [u16; N] {
        let mut sums = [self.bias(); N];
        for (i, &weight) in self.weights.iter().enumerate() {
            let Some(bytes) = rows.tile::<N>(self.first + i, start) else {
                continue;
            };
            for (sum, &byte) in sums.iter_mut().zip(bytes) {
                *sum += weigh(u16::from(byte) << 8, weight);
            }
        }
        sums
    }

    fn pair_tile(&self, rows: Rows<'_>, start: usize) -> ([u16; TILE_BYTES / 2], [u16; TILE_BYTES / 2]) {
        let mut even = [self.bias(); TILE_BYTES / 2];
        let mut odd = even;
        for (i, &weight) in self.weights.iter().enumerate() {
            let Some(bytes) = rows.tile::<TILE_BYTES>(self.first + i, start) else {
                continue;
            };
            for ((even, odd), &pair) in even.iter_mut().zip(&mut odd).zip(bytes.as_chunks::<2>().0) {
                let pair = u16::from_le_bytes(pair);
                *even += weigh(pair << 8, weight);
                *odd += weigh(pair & 0xFF00, weight);
            }
        }
        (even, odd)
    }
}

/// Upper half of the 32-bit product: one instruction on vectors.
fn weigh(value: u16, weight: u16) -> u16 {
    ((u32::from(value) * u32::from(weight)) >> 16) as u16
}

/// Resizes a row along itself.
#[derive(Debug)]
pub(super) struct Stretch {
    firsts: Vec<usize>,
    /// `taps` weights for each output sample.
    weights: Vec<f32>,
    /// Weights of one output sample, filled up with zeros to a multiple of [`LANES`].
    taps: usize,
}

/// Products that are summed side by side: a vector of every 64-bit processor.
const LANES: usize = 4;

impl Stretch {
    /// `origin`: the input sample that the rows will start with; `unit`: what their values are to be multiplied by.
    pub(super) fn new(taps: &[Tap], origin: usize, unit: f32) -> Self {
        let longest = taps
            .iter()
            .map(|tap| tap.weights.len())
            .max()
            .unwrap_or(0)
            .next_multiple_of(LANES);
        let padded = |tap: &Tap| {
            let weights = tap
                .weights
                .iter()
                .map(|&weight| weight as f32 * unit)
                .chain(std::iter::repeat(0.0));
            weights.take(longest).collect::<Vec<f32>>()
        };
        Self {
            firsts: taps.iter().map(|tap| tap.first - origin).collect(),
            weights: taps.iter().flat_map(padded).collect(),
            taps: longest,
        }
    }

    /// Samples that a row must have beyond its last one: they are multiplied by zero, and must therefore be finite.
    pub(super) fn padding(&self) -> usize {
        self.taps
    }

    fn taps(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.firsts
            .iter()
            .copied()
            .zip(self.weights.chunks_exact(self.taps.max(1)))
    }

    /// A row of one channel: `row` (padded) to `stretched`.
    pub(super) fn planar(&self, row: &[f32], stretched: &mut [f32]) {
        for (value, (first, weights)) in stretched.iter_mut().zip(self.taps()) {
            let samples = row[first..][..self.taps].as_chunks::<LANES>().0;
            let mut sums = [0.0; LANES];
            for (samples, weights) in samples.iter().zip(weights.as_chunks::<LANES>().0) {
                for ((sum, sample), weight) in sums.iter_mut().zip(samples).zip(weights) {
                    *sum += sample * weight;
                }
            }
            *value = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        }
    }

    /// A row of three interleaved channels: `row` (padded, three values a sample, and one more) to three rows.
    pub(super) fn interleaved(&self, row: &[f32], stretched: [&mut [f32]; 3]) {
        let [reds, greens, blues] = stretched;
        let outputs = reds.iter_mut().zip(greens).zip(blues);
        for (((red, green), blue), (first, weights)) in outputs.zip(self.taps()) {
            let samples = &row[first * 3..][..self.taps * 3 + 1];
            let mut sums = [0.0; LANES];
            for (i, weight) in weights.iter().enumerate() {
                // The fourth lane sums the next pixel's red, and is dropped.
                for (sum, sample) in sums.iter_mut().zip(&samples[i * 3..i * 3 + LANES]) {
                    *sum += sample * weight;
                }
            }
            [*red, *green, *blue, _] = sums;
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
            let (mut together, mut even, mut odd) =
                (vec![0.0; row_bytes], vec![0.0; row_bytes / 2], vec![0.0; row_bytes / 2]);
            for (output, tap) in taps.iter().enumerate() {
                blend.bytes(source, output, 0, &mut together);
                for (column, &blended) in together.iter().enumerate() {
                    let exact: f64 =
                        tap.weights.iter().enumerate().map(|(i, w)| w * f64::from(bytes[(tap.first + i) * row_bytes + column])).sum();
                    prop_assert!((f64::from(blended * BLEND_UNIT) - exact).abs() < 0.1, "{} not {}", blended * BLEND_UNIT, exact);
                }
                blend.byte_pairs(source, output, 0, &mut even, &mut odd);
                for (i, pair) in together.as_chunks::<2>().0.iter().enumerate() {
                    prop_assert_eq!(*pair, [even[i], odd[i]]);
                }
            }
        }
    }
}
