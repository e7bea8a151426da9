//! What one channel of a microphone does to the sound.

use super::ChannelFit;
use super::hum::{self, Hum};
use crate::{Level, Sorted};

/// Levels are those of blocks of so many a second.
const BLOCKS_PER_SECOND: u32 = 10;
/// What is at least so near to full scale is at full scale.
const FULL_SCALE: f32 = 0.999;
/// Two samples are alike within one and a half of the least steps of 16 bits.
const STEP: f32 = 1.5 / 32_768.0;
/// A top is flat from so many samples on.
const FLAT_SAMPLES: usize = 4;
/// So many flat tops are no accident.
const LEAST_FLAT_TOPS: usize = 3;
/// And as many samples at full scale.
const LEAST_FULL_SCALE: usize = 12;
/// Sounds weaker than this have no top that could be flat.
const LEAST_PEAK: f32 = 0.05;
/// Zeros in a row that last so long, in seconds, are a hole, …
const HOLE_SECONDS: f64 = 0.001;
/// … and so long, a gate that was shut.
const GATE_SECONDS: f64 = 0.1;
/// Around a hole the sound is louder than this (mean of magnitudes): less would round to zero by itself.
const AROUND_HOLE: f32 = 8.0 / 32_768.0;

/// One channel, as it is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// What is kept of it.
    pub fit: ChannelFit,
    /// Every sample is the same.
    pub is_constant: bool,
    /// How many holes are in its sound.
    pub dropouts: usize,
    /// The share of samples that are zero for long.
    pub gated_share: f64,
    /// The hum of the mains, where there is any to speak of.
    pub hum: Option<Hum>,
}

impl Channel {
    /// Of its samples in the quiet room and, where somebody talked, in the talk.
    pub fn of(quiet: &[f32], talk: Option<&Vec<f32>>, rate_hz: u32) -> Self {
        let talk = talk.filter(|talk| !talk.is_empty()).map(Vec::as_slice);
        let parts = [Some(quiet), talk];
        let all = || parts.iter().flatten().copied();
        let count: usize = all().map(<[f32]>::len).sum();
        let sum: f64 = all().flatten().map(|sample| f64::from(*sample)).sum();
        let first = quiet.first().copied().unwrap_or(0.0);
        let holes: Vec<Holes> = all().map(|samples| Holes::of(samples, rate_hz)).collect();
        let cut: usize = all().map(cut_samples).sum();
        Self {
            fit: ChannelFit {
                quiet: level(quiet, rate_hz, 0.5),
                talk: talk.map(|talk| level(talk, rate_hz, 0.9)),
                offset: (sum / count.max(1) as f64) as f32,
                clipped_share: cut as f32 / count.max(1) as f32,
            },
            is_constant: all().flatten().all(|sample| *sample == first),
            dropouts: holes.iter().map(|holes| holes.short).sum(),
            gated_share: holes.iter().map(|holes| holes.long_samples).sum::<usize>() as f64 / count.max(1) as f64,
            hum: hum::of(quiet, rate_hz),
        }
    }

    /// Its level at its loudest part, in dBFS.
    pub fn loudness(&self) -> f32 {
        self.fit
            .talk
            .map_or(self.fit.quiet, |talk| talk.max_of(self.fit.quiet))
            .decibels()
    }
}

impl Level {
    fn max_of(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
}

/// The level that a share of all blocks stay below.
fn level(samples: &[f32], rate_hz: u32, share: f64) -> Level {
    let block = (rate_hz / BLOCKS_PER_SECOND).max(1) as usize;
    let levels: Vec<f32> = samples.chunks(block).map(|block| Level::of(block).decibels()).collect();
    Sorted::new("levels", &levels).map_or(Level::SILENCE, |sorted| Level::from_decibels(sorted.quantile(share)))
}

/// How many samples are cut off: at full scale, or in a flat top at the greatest or least of all values.
///
/// A top is flat when samples in a row are alike and the sound comes and goes steeply: the round top of a slow wave is
/// alike for a while too, but two samples before it is only a few steps lower.
fn cut_samples(samples: &[f32]) -> usize {
    let at_full_scale = samples.iter().filter(|sample| sample.abs() >= FULL_SCALE).count();
    let cut = [1.0, -1.0].map(|sign| {
        let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sign * sample));
        if peak < LEAST_PEAK {
            return 0;
        }
        let below = |index: Option<usize>| {
            let sample = index.and_then(|index| samples.get(index));
            sample.is_some_and(|sample| peak - sign * sample > 8.0 * STEP)
        };
        let (mut tops, mut cut) = (0, 0);
        let mut begun = None;
        for (index, sample) in samples.iter().enumerate() {
            if peak - sign * sample <= STEP {
                begun.get_or_insert(index);
            } else if let Some(begun) = begun.take()
                && index - begun >= FLAT_SAMPLES
                && below(usize::checked_sub(begun, 2))
                && below(Some(index + 1))
            {
                tops += 1;
                cut += index - begun;
            }
        }
        if tops >= LEAST_FLAT_TOPS { cut } else { 0 }
    });
    let full = if at_full_scale >= LEAST_FULL_SCALE {
        at_full_scale
    } else {
        0
    };
    full.max(cut[0] + cut[1])
}

/// Zeros in a row.
struct Holes {
    short: usize,
    long_samples: usize,
}

impl Holes {
    fn of(samples: &[f32], rate_hz: u32) -> Self {
        let length = |seconds: f64| (seconds * f64::from(rate_hz)).ceil() as usize;
        let (hole, gate, around) = (length(HOLE_SECONDS).max(8), length(GATE_SECONDS), length(0.005).max(8));
        let (mut short, mut long_samples) = (0, 0);
        let mut index = 0;
        for run in samples.chunk_by(|one, other| (*one == 0.0) == (*other == 0.0)) {
            let (begin, end) = (index, index + run.len());
            index = end;
            if run.first() != Some(&0.0) || run.len() < hole {
                continue;
            }
            let magnitude =
                |part: &[f32]| part.iter().map(|sample| sample.abs()).sum::<f32>() / part.len().max(1) as f32;
            let before = magnitude(&samples[begin.saturating_sub(around)..begin]);
            let after = magnitude(&samples[end..samples.len().min(end + around)]);
            if run.len() >= gate {
                long_samples += run.len();
            } else if before > AROUND_HOLE && after > AROUND_HOLE {
                short += 1;
            }
        }
        Self { short, long_samples }
    }
}
