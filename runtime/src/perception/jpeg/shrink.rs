//! A JPEG frame straight to a smaller picture, without its pixels.
//!
//! Down the columns each coefficient counts the moment it is read, and the many that are zero cost nothing; along the rows the sums of
//! the columns count once for each [`Band`]. But for clipping in between, which it does without, and chroma, which is not smoothed
//! before, the result is that of decoding the picture and resizing it.
//!
//! Several threads first read the codes, each a part of them, and then make each a part of the bands from what all have read.

use std::array::from_fn;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bands::{Colour, Layout, Making, Sums};
use super::frame::Baseline;
use super::huffman::{Damage, Kind, Table};
use super::lanes::Output;
use super::parts::{self, Units, read_in_parts};
use super::reader::{Reader, Scan};
use super::record::{Link, Record, Replay};
use super::scan::Segments;
use super::weights::{Across, Band, EDGE};
use crate::perception::network::workers::Workers;
use crate::perception::resize::Tap;

/// Weights and sums for frames of one size and sampling, made into pictures of one size.
#[derive(Debug)]
pub(super) struct Shrinker {
    layout: Layout,
    /// Of means and of waves.
    tables: Box<[[Table; 2]; 2]>,
    /// One for each who makes rows.
    sums: Vec<Sums>,
    /// One for each who reads.
    records: Vec<Record>,
    links: Vec<Link>,
}

impl Shrinker {
    /// `taps` are those of the columns and rows of the smaller picture, on the samples of luma. `None` where the colours are sampled in
    /// another way than in whole or in half, or where so few rows become so many that a band has no room for them.
    pub(super) fn new(baseline: &Baseline<'_>, size: (usize, usize), taps: [&[Tap]; 2]) -> Option<Self> {
        let found: Vec<_> = baseline.colours.iter().flatten().collect();
        let luma = found.first()?.component;
        if !(1..=2).contains(&luma.across) || !(1..=2).contains(&luma.down) {
            return None;
        }
        let units_across = size.0.div_ceil(luma.across * EDGE);
        let bands = Band::all(size.1.div_ceil(luma.down * EDGE), luma.down * EDGE, taps[1])?;
        let mut colours: Vec<Colour> = Vec::new();
        for colour in found {
            let sampling = (colour.component.across, colour.component.down);
            let across = on_own_samples(taps[0], luma.across, sampling.0)?;
            let down = on_own_samples(taps[1], luma.down, sampling.1)?;
            let first = colours.last().map_or(0, |before| before.blocks.end);
            colours.push(Colour {
                sampling,
                blocks: first..first + units_across * sampling.0,
                down: bands.iter().flat_map(|band| band.down(sampling.1, &down)).collect(),
                across: Across::new(&across, units_across * sampling.0),
                quantisation: [0.0; 64],
                columns: across.len(),
            });
        }
        Some(Self {
            layout: Layout {
                bands,
                units_across,
                colours,
            },
            tables: Box::new([Kind::Mean, Kind::Waves].map(|kind| [Table::new(kind), Table::new(kind)])),
            sums: Vec::new(),
            records: Vec::new(),
            links: Vec::new(),
        })
    }

    /// Fills `output` from the data of a scan, which are read in so many parts at most.
    pub(super) fn run(
        &mut self,
        baseline: &Baseline<'_>,
        segments: &Segments,
        output: Output<'_>,
        parts: usize,
        workers: &Workers,
    ) -> Result<(), Damage> {
        for (tables, codes) in self.tables.iter_mut().zip(&baseline.codes) {
            for (table, codes) in tables.iter_mut().zip(codes) {
                if let Some(codes) = codes {
                    table.set(codes.counts, codes.symbols).ok_or(Damage)?;
                }
            }
        }
        for (colour, found) in self.layout.colours.iter_mut().zip(baseline.colours.iter().flatten()) {
            colour.quantisation = found.steps();
        }
        let scan = Scan {
            segments,
            tables: &self.tables,
            colours: baseline
                .colours
                .map(|colour| colour.map_or([0; 2], |colour| colour.tables)),
            restart_interval: baseline.restart_interval,
        };
        let layout = &self.layout;
        let parts = parts.clamp(1, parts::MOST).min(layout.bands.len().max(1));
        if self.sums.len() < parts {
            self.sums.resize_with(parts, || Sums::new(layout));
            self.records.resize_with(parts, Record::default);
        }
        if let (1, Some(sums)) = (parts, self.sums.first_mut()) {
            let reader = pulp::Arch::new().dispatch(Making {
                layout,
                sums,
                bands: 0..layout.bands.len(),
                first_read: 0,
                blocks: Reader::new(scan)?,
                output,
            })?;
            return if reader.is_within() { Ok(()) } else { Err(Damage) };
        }
        let blocks = from_fn(|colour| {
            layout
                .colours
                .get(colour)
                .map_or(0, |colour| colour.sampling.0 * colour.sampling.1)
        });
        let units = Units {
            blocks,
            count: layout.units(),
        };
        read_in_parts(scan, units, &mut self.records[..parts], &mut self.links, workers)?;
        self.make_in_parts(parts, blocks.iter().sum(), output, workers)
    }

    /// Makes all bands from what was recorded of units of so many blocks.
    fn make_in_parts(
        &mut self,
        parts: usize,
        blocks: usize,
        output: Output<'_>,
        workers: &Workers,
    ) -> Result<(), Damage> {
        let Self {
            layout,
            sums,
            records,
            links,
            ..
        } = self;
        let layout = &*layout;
        let mut jobs = [const { None }; parts::MOST];
        let mut rest = output;
        for (number, (job, sums)) in jobs.iter_mut().zip(sums).take(parts).enumerate() {
            let [start, end] = [number, number + 1].map(|number| layout.bands.len() * number / parts);
            let (output, following) = rest.split(layout.first_row(end));
            rest = following;
            let first_read = layout.first_reaching(start);
            let first_unit = layout.bands[first_read].unit_rows.start * layout.units_across;
            *job = Some(Making {
                layout,
                sums,
                bands: start..end,
                first_read,
                blocks: Replay::new(records, links, blocks, first_unit).ok_or(Damage)?,
                output,
            });
        }
        let is_damaged = AtomicBool::new(false);
        workers.for_each_piece(&mut jobs[..parts], 1, |_, jobs| {
            for job in jobs.iter_mut().filter_map(Option::take) {
                if pulp::Arch::new().dispatch(job).is_err() {
                    is_damaged.store(true, Ordering::Relaxed);
                }
            }
        });
        match is_damaged.into_inner() {
            false => Ok(()),
            true => Err(Damage),
        }
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
