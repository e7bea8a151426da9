//! How much each coefficient of a JPEG frame counts in each sample of a smaller picture.
//!
//! A block's samples are sums of cosines (ITU T.81, A.3.3), and each sample of the smaller picture is a sum of samples: so it is a sum of
//! coefficients, whose weights are known before the frame comes.

use std::array::from_fn;
use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::ops::Range;

use pulp::Simd;

use super::lanes::{LANES, Lanes};
use crate::perception::resize::Tap;

/// Edge of a block, in samples.
pub(super) const EDGE: usize = 8;

/// How much a wave, by its number, counts in a tap, of the block that begins at sample `start`.
fn wave_in_tap(tap: &Tap, start: usize, wave: usize) -> f32 {
    let scale = if wave == 0 { FRAC_1_SQRT_2 } else { 1.0 } / 2.0;
    let end = tap.first + tap.weights.len();
    let samples = start.max(tap.first)..end.min(start + EDGE);
    let weight = samples.map(|sample| {
        let angle = (2 * (sample - start) + 1) as f64 * wave as f64 * PI / 16.0;
        tap.weights[sample - tap.first] * scale * angle.cos()
    });
    weight.sum::<f64>() as f32
}

/// The taps that reach any of some samples.
fn reached(taps: &[Tap], samples: Range<usize>) -> Range<usize> {
    let start = taps.partition_point(|tap| tap.first + tap.weights.len() <= samples.start);
    let end = taps.partition_point(|tap| tap.first < samples.end);
    start..end.max(start)
}

/// Rows of units whose blocks reach no more than [`LANES`] rows of the smaller picture.
#[derive(Debug)]
pub(super) struct Band {
    /// Rows of units of the interleaved scan.
    pub(super) unit_rows: Range<usize>,
    /// Rows of the smaller picture that they reach.
    pub(super) rows: Range<usize>,
}

impl Band {
    /// As few as can be; `None` where one row of units reaches too many rows. `taps` are on the samples of luma, of which a unit has
    /// `unit_samples` rows.
    pub(super) fn all(unit_rows: usize, unit_samples: usize, taps: &[Tap]) -> Option<Vec<Self>> {
        let reached_by = |units: Range<usize>| reached(taps, units.start * unit_samples..units.end * unit_samples);
        let mut bands: Vec<Self> = Vec::new();
        for row in 0..unit_rows {
            if let Some(band) = bands.last_mut() {
                let rows = reached_by(band.unit_rows.start..row + 1);
                if rows.len() <= LANES {
                    (band.unit_rows.end, band.rows) = (row + 1, rows);
                    continue;
                }
            }
            let rows = reached_by(row..row + 1);
            if rows.len() > LANES {
                return None;
            }
            let unit_rows = row..row + 1;
            bands.push(Self { unit_rows, rows });
        }
        Some(bands)
    }

    /// What coefficients of rows of blocks give to the rows of the smaller picture, each in the lane of its number; `taps` are on the
    /// colour's own samples, `blocks` its blocks in a unit, one below the other.
    pub(super) fn down(&self, blocks: usize, taps: &[Tap]) -> impl Iterator<Item = [Lanes; EDGE]> {
        (self.unit_rows.start * blocks..self.unit_rows.end * blocks).map(|block| {
            from_fn(|wave| {
                let mut lanes = Lanes::ZERO;
                for row in self.rows.clone() {
                    lanes.0[row % LANES] = wave_in_tap(&taps[row], block * EDGE, wave);
                }
                lanes
            })
        })
    }
}

/// What columns of coefficients give to the columns of the smaller picture.
#[derive(Debug)]
pub(super) struct Across {
    /// For each block the columns that it reaches.
    reached: Vec<Range<usize>>,
    /// For each block and each column that it reaches.
    weights: Vec<[f32; EDGE]>,
}

impl Across {
    /// For so many blocks side by side; `taps` are on the colour's own samples.
    pub(super) fn new(taps: &[Tap], blocks: usize) -> Self {
        let mut across = Self {
            reached: Vec::new(),
            weights: Vec::new(),
        };
        for start in (0..blocks).map(|block| block * EDGE) {
            let reached = reached(taps, start..start + EDGE);
            let weights = taps[reached.clone()]
                .iter()
                .map(|tap| from_fn(|wave| wave_in_tap(tap, start, wave)));
            across.weights.extend(weights);
            across.reached.push(reached);
        }
        across
    }

    /// Adds what the sums of the blocks' columns give to the columns of the smaller picture.
    #[inline(always)]
    pub(super) fn add<S: Simd>(&self, simd: S, sums: &mut [[Lanes; EDGE]], columns: &mut [Lanes]) {
        let mut weights = self.weights.as_slice();
        for (reached, sums) in self.reached.iter().zip(sums) {
            let (these, rest) = weights.split_at(reached.len());
            weights = rest;
            for part in 0..LANES / S::F32_LANES {
                let sums: [S::f32s; EDGE] = from_fn(|wave| S::as_simd_f32s(&sums[wave].0).0[part]);
                for (weights, column) in these.iter().zip(&mut columns[reached.clone()]) {
                    let column = &mut S::as_mut_simd_f32s(&mut column.0).0[part];
                    // Two chains of sums, neither of which waits for the other.
                    let mut even = simd.mul_add_e_f32s(simd.splat_f32s(weights[0]), sums[0], *column);
                    let mut odd = simd.mul_f32s(simd.splat_f32s(weights[1]), sums[1]);
                    for wave in (2..EDGE).step_by(2) {
                        even = simd.mul_add_e_f32s(simd.splat_f32s(weights[wave]), sums[wave], even);
                        odd = simd.mul_add_e_f32s(simd.splat_f32s(weights[wave + 1]), sums[wave + 1], odd);
                    }
                    *column = simd.add_f32s(even, odd);
                }
            }
            *sums = [Lanes::ZERO; EDGE];
        }
    }
}
