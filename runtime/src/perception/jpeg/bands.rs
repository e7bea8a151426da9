//! Blocks to rows of the smaller picture, band by band.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::huffman::{Damage, Entry};
use super::lanes::{LANES, Lanes, Output, TURNED};
use super::reader::{Blocks, COEFFICIENTS, Taker};
use super::weights::{Across, Band, EDGE};

/// Places of coefficients in the order of the scan, and as many more as a run of zeros can lead beyond them.
const PLACES: usize = 128;

/// Columns of the coefficients in the order of the scan.
#[rustfmt::skip]
const COLUMNS: [u8; PLACES] = [
    0, 1, 0, 0, 1, 2, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4,
    3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 5, 6, 7, 7, 6, 7,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Rows of the coefficients in the order of the scan.
#[rustfmt::skip]
const ROWS: [u8; COEFFICIENTS] = [
    0, 0, 1, 2, 1, 0, 0, 1, 2, 3, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3,
    4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 4, 5, 6, 7, 7, 6, 5, 6, 7, 7,
];

/// How coefficients become rows.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) bands: Vec<Band>,
    /// Units of the interleaved scan in a row.
    pub(super) units_across: usize,
    pub(super) colours: Vec<Colour>,
}

/// What belongs to a colour.
#[derive(Debug)]
pub(super) struct Colour {
    /// Blocks of a unit, across and down.
    pub(super) sampling: (usize, usize),
    /// Its columns of coefficients among those of all colours.
    pub(super) blocks: Range<usize>,
    /// For each row of blocks and each row of coefficients, what the coefficient gives to the rows of its band.
    pub(super) down: Vec<[Lanes; EDGE]>,
    pub(super) across: Across,
    /// In the order of the scan.
    pub(super) quantisation: [f32; COEFFICIENTS],
    /// Of the smaller picture.
    pub(super) columns: usize,
}

impl Layout {
    /// Units of the whole scan.
    pub(super) fn units(&self) -> usize {
        self.bands.last().map_or(0, |band| band.unit_rows.end) * self.units_across
    }

    /// The first row of the smaller picture that this band completes, or one of those behind it; beyond the last band, any row is
    /// before.
    pub(super) fn first_row(&self, band: usize) -> usize {
        self.bands.get(band).map_or(usize::MAX, |band| band.rows.start)
    }

    /// The first band that reaches rows which are left to this one or those behind it.
    pub(super) fn first_reaching(&self, band: usize) -> usize {
        let row = self.first_row(band);
        self.bands[..band.min(self.bands.len())].partition_point(|before| before.rows.end <= row)
    }
}

/// Sums of one who makes rows.
#[derive(Debug)]
pub(super) struct Sums {
    /// Columns of coefficients of all colours.
    blocks: Vec<[Lanes; EDGE]>,
    colours: Vec<ColourSums>,
}

#[derive(Debug)]
struct ColourSums {
    /// What coefficients give to the rows of their band, by place in the scan and times the quantisation, for the rows of blocks of
    /// a row of units.
    weights: Vec<[Lanes; PLACES]>,
    /// Columns of the smaller picture, each row in the lane of its number.
    columns: Vec<Lanes>,
}

impl Sums {
    pub(super) fn new(layout: &Layout) -> Self {
        let colours = layout.colours.iter().map(|colour| ColourSums {
            weights: vec![[Lanes::ZERO; PLACES]; colour.sampling.1],
            columns: vec![Lanes::ZERO; colour.columns.next_multiple_of(TURNED)],
        });
        Self {
            blocks: vec![[Lanes::ZERO; EDGE]; layout.colours.last().map_or(0, |colour| colour.blocks.end)],
            colours: colours.collect(),
        }
    }
}

/// Some bands to be made.
pub(super) struct Making<'a, Source> {
    pub(super) layout: &'a Layout,
    pub(super) sums: &'a mut Sums,
    pub(super) bands: Range<usize>,
    /// The band from which on blocks are read.
    pub(super) first_read: usize,
    pub(super) blocks: Source,
    pub(super) output: Output<'a>,
}

impl<Source: Blocks> WithSimd for Making<'_, Source> {
    type Output = Result<Source, Damage>;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) -> Self::Output {
        let Layout {
            bands,
            units_across,
            colours,
        } = self.layout;
        let Sums {
            blocks: block_sums,
            colours: sums,
        } = self.sums;
        block_sums.fill([Lanes::ZERO; EDGE]);
        sums.iter_mut().for_each(|sums| sums.columns.fill(Lanes::ZERO));
        for number in self.first_read..self.bands.end {
            let band = &bands[number];
            for unit_row in band.unit_rows.clone() {
                colours
                    .iter()
                    .zip(&mut *sums)
                    .for_each(|(colour, sums)| sums.weigh(colour, unit_row));
                for unit in 0..*units_across {
                    self.blocks.begin_unit()?;
                    for (index, (colour, sums)) in colours.iter().zip(&*sums).enumerate() {
                        let (across, _) = colour.sampling;
                        for weights in &sums.weights {
                            for sums in &mut block_sums[colour.blocks.start + unit * across..][..across] {
                                self.blocks.next(index, &mut Adding { simd, weights, sums })?;
                            }
                        }
                    }
                }
            }
            for (colour, sums) in colours.iter().zip(&mut *sums) {
                colour
                    .across
                    .add(simd, &mut block_sums[colour.blocks.clone()], &mut sums.columns);
            }
            // Rows that the next band reaches as well wait for it.
            let following = bands.get(number + 1).map_or(band.rows.end, |next| next.rows.start);
            let whole = band.rows.start..following.clamp(band.rows.start, band.rows.end);
            if number >= self.bands.start {
                let columns = from_fn(|colour| sums.get(colour).map_or(&[][..], |sums| &sums.columns));
                self.output.write(simd, columns, whole.clone());
            }
            let mut waiting = Lanes([1.0; LANES]);
            whole.for_each(|row| waiting.0[row % LANES] = 0.0);
            for column in sums.iter_mut().flat_map(|sums| &mut sums.columns) {
                column.multiply(simd, &waiting);
            }
        }
        Ok(self.blocks)
    }
}

impl ColourSums {
    /// Makes the weights for a row of units.
    #[inline(always)]
    fn weigh(&mut self, colour: &Colour, unit_row: usize) {
        let rows = &colour.down[unit_row * colour.sampling.1..][..colour.sampling.1];
        for (weights, down) in self.weights.iter_mut().zip(rows) {
            for ((lanes, step), row) in weights.iter_mut().zip(colour.quantisation).zip(ROWS) {
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

/// Adds each coefficient of a block, times the weights of its place, to the sums of its column.
struct Adding<'a, S> {
    simd: S,
    weights: &'a [Lanes; PLACES],
    sums: &'a mut [Lanes; EDGE],
}

impl<S: Simd> Adding<'_, S> {
    #[inline(always)]
    fn add(&mut self, place: usize, value: i32) {
        let place = place % PLACES;
        self.sums[usize::from(COLUMNS[place]) % EDGE].add(self.simd, value as f32, &self.weights[place]);
    }
}

impl<S: Simd> Taker for Adding<'_, S> {
    #[inline(always)]
    fn mean(&mut self, level: i32) {
        self.sums[0].add(self.simd, level as f32, &self.weights[0]);
    }

    #[inline(always)]
    fn waves(&mut self, place: usize, entry: Entry) {
        self.add(place + entry.first_place(), entry.first());
        self.add(place + entry.second_place(), entry.second());
    }
}
