//! A JPEG frame straight to a smaller picture, without its pixels.
//!
//! Down the columns each coefficient counts the moment it is read, and the many that are zero cost nothing; along the rows the sums of
//! the columns count once for each [`Band`]. But for clipping in between, which it does without, and chroma, which is not smoothed
//! before, the result is that of decoding the picture and resizing it.

use pulp::{Simd, WithSimd};

use super::frame::{Baseline, Colour};
use super::huffman::{Damage, Kind, Table};
use super::lanes::{LANES, Lanes, Output, TURNED};
use super::scan::{PLACES, ROWS, Segments, add_block};
use super::weights::{Across, Band, EDGE};
use crate::perception::resize::Tap;

/// Weights and sums for frames of one size and sampling, made into pictures of one size.
#[derive(Debug)]
pub(super) struct Shrinker {
    bands: Vec<Band>,
    /// Units of the interleaved scan in a row.
    units_across: usize,
    colours: Vec<ColourSums>,
    /// Columns of coefficients of all colours.
    sums: Vec<[Lanes; EDGE]>,
    /// Of means and of waves.
    tables: Box<[[Table; 2]; 2]>,
}

#[derive(Debug)]
struct ColourSums {
    /// Blocks of a unit, across and down.
    sampling: (usize, usize),
    /// Its columns of coefficients among all.
    blocks: std::ops::Range<usize>,
    /// For each row of blocks and each row of coefficients, what the coefficient gives to the rows of its band.
    down: Vec<[Lanes; EDGE]>,
    /// The same by place in the scan and times the quantisation, for the rows of blocks of a row of units.
    weights: Vec<[Lanes; PLACES]>,
    across: Across,
    quantisation: [f32; 64],
    /// Numbers of its tables of means and waves.
    tables: [usize; 2],
    /// The first coefficient of the block before.
    mean: i32,
    /// Columns of the smaller picture, each row in the lane of its number.
    columns: Vec<Lanes>,
}

impl Shrinker {
    /// `taps` are those of the columns and rows of the smaller picture, on the samples of luma. `None` where the colours are sampled in
    /// another way than in whole or in half, or where so few rows become so many that a band has no room for them.
    pub(super) fn new(baseline: &Baseline<'_>, size: (usize, usize), taps: [&[Tap]; 2]) -> Option<Self> {
        let found: Vec<&Colour<'_>> = baseline.colours.iter().flatten().collect();
        let luma = found.first()?.component;
        if !(1..=2).contains(&luma.across) || !(1..=2).contains(&luma.down) {
            return None;
        }
        let units_across = size.0.div_ceil(luma.across * EDGE);
        let bands = Band::all(size.1.div_ceil(luma.down * EDGE), luma.down * EDGE, taps[1])?;
        let mut colours: Vec<ColourSums> = Vec::new();
        for colour in found {
            let sampling = (colour.component.across, colour.component.down);
            let across = on_own_samples(taps[0], luma.across, sampling.0)?;
            let down = on_own_samples(taps[1], luma.down, sampling.1)?;
            let first = colours.last().map_or(0, |before| before.blocks.end);
            colours.push(ColourSums {
                sampling,
                blocks: first..first + units_across * sampling.0,
                down: bands.iter().flat_map(|band| band.down(sampling.1, &down)).collect(),
                weights: vec![[Lanes::ZERO; PLACES]; sampling.1],
                across: Across::new(&across, units_across * sampling.0),
                quantisation: [0.0; 64],
                tables: [0; 2],
                mean: 0,
                columns: vec![Lanes::ZERO; across.len().next_multiple_of(TURNED)],
            });
        }
        Some(Self {
            bands,
            units_across,
            sums: vec![[Lanes::ZERO; EDGE]; colours.last()?.blocks.end],
            colours,
            tables: Box::new([Kind::Mean, Kind::Waves].map(|kind| [Table::new(kind), Table::new(kind)])),
        })
    }

    /// Fills `output` from the data of a scan.
    pub(super) fn run(
        &mut self,
        baseline: &Baseline<'_>,
        segments: &Segments,
        output: Output<'_>,
    ) -> Result<(), Damage> {
        for (tables, codes) in self.tables.iter_mut().zip(&baseline.codes) {
            for (table, codes) in tables.iter_mut().zip(codes) {
                if let Some(codes) = codes {
                    table.set(codes.counts, codes.symbols).ok_or(Damage)?;
                }
            }
        }
        for (sums, colour) in self.colours.iter_mut().zip(baseline.colours.iter().flatten()) {
            sums.tables = colour.tables;
            sums.quantisation = colour.steps();
            sums.mean = 0;
            sums.columns.fill(Lanes::ZERO);
        }
        self.sums.fill([Lanes::ZERO; EDGE]);
        pulp::Arch::new().dispatch(Reading {
            shrinker: self,
            segments,
            restart_interval: baseline.restart_interval,
            output,
        })
    }
}

/// Taps on luma as taps on a colour that has as many samples or half as many.
fn on_own_samples(taps: &[Tap], luma: usize, own: usize) -> Option<Vec<Tap>> {
    match (luma, own) {
        _ if luma == own => Some(taps.to_vec()),
        (2, 1) => Some(taps.iter().map(Tap::halved).collect()),
        _ => None,
    }
}

struct Reading<'a> {
    shrinker: &'a mut Shrinker,
    segments: &'a Segments,
    restart_interval: usize,
    output: Output<'a>,
}

impl WithSimd for Reading<'_> {
    type Output = Result<(), Damage>;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) -> Self::Output {
        let Shrinker {
            bands,
            units_across,
            colours,
            sums,
            tables,
        } = self.shrinker;
        let mut segment = 0;
        let mut bits = self.segments.bits(segment).ok_or(Damage)?;
        let mut units_left = self.restart_interval;
        for (number, band) in bands.iter().enumerate() {
            for unit_row in band.unit_rows.clone() {
                colours.iter_mut().for_each(|colour| colour.weigh(unit_row));
                for unit in 0..*units_across {
                    if self.restart_interval > 0 && units_left == 0 {
                        if !bits.is_within() {
                            return Err(Damage);
                        }
                        segment += 1;
                        bits = self.segments.bits(segment).ok_or(Damage)?;
                        units_left = self.restart_interval;
                        colours.iter_mut().for_each(|colour| colour.mean = 0);
                    }
                    units_left = units_left.wrapping_sub(1);
                    for colour in colours.iter_mut() {
                        let [means, waves] = colour.tables;
                        let tables = [&tables[0][means % 2], &tables[1][waves % 2]];
                        let (across, _) = colour.sampling;
                        for weights in &colour.weights {
                            for sums in &mut sums[colour.blocks.start + unit * across..][..across] {
                                add_block(simd, &mut bits, tables, &mut colour.mean, weights, sums)?;
                            }
                        }
                    }
                }
            }
            for colour in colours.iter_mut() {
                let sums = &mut sums[colour.blocks.clone()];
                colour.across.add(simd, sums, &mut colour.columns);
            }
            // Rows that the next band reaches as well wait for it.
            let following = bands.get(number + 1).map_or(band.rows.end, |next| next.rows.start);
            let whole = band.rows.start..following.clamp(band.rows.start, band.rows.end);
            let columns = std::array::from_fn(|colour| colours.get(colour).map_or(&[][..], |colour| &colour.columns));
            self.output.write(simd, columns, whole.clone());
            let mut waiting = Lanes([1.0; LANES]);
            whole.for_each(|row| waiting.0[row % LANES] = 0.0);
            for column in colours.iter_mut().flat_map(|colour| &mut colour.columns) {
                column.multiply(simd, &waiting);
            }
        }
        if bits.is_within() { Ok(()) } else { Err(Damage) }
    }
}

impl ColourSums {
    /// Makes the weights for a row of units.
    #[inline(always)]
    fn weigh(&mut self, unit_row: usize) {
        let rows = &self.down[unit_row * self.sampling.1..][..self.sampling.1];
        for (weights, down) in self.weights.iter_mut().zip(rows) {
            for ((lanes, step), row) in weights.iter_mut().zip(self.quantisation).zip(ROWS) {
                let wave = &down[usize::from(row) % EDGE];
                lanes
                    .0
                    .iter_mut()
                    .zip(wave.0)
                    .for_each(|(lane, weight)| *lane = weight * step);
            }
        }
    }
}
