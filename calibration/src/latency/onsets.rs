//! The moments at which sounds begin suddenly.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Loudness is looked at in hops of so many a second.
const HOPS_PER_SECOND: u32 = 1000;
/// How many hops before a sound must be quieter than it, …
const HOPS_BEFORE: usize = 60;
/// … by this factor of energy (10 dB), …
const RISE: f64 = 10.0;
/// … and on the average by this (15 dB).
const RISE_OVER_MEAN: f64 = 30.0;
/// The last hops before it may hold its very beginning.
const HOPS_OF_ATTACK: usize = 2;
/// Within so many hops of a sound there is no other: what comes is its echo.
const HOPS_AFTER: u64 = 150;
/// For so many hops a sound may grow, to tell its strength.
const HOPS_OF_STRENGTH: usize = 5;
/// Weaker than this (mean square) is the least step of a converter.
const LEAST_ENERGY: f64 = 1e-9;
/// The share of its peak that a sound has reached when it has begun.
const BEGUN: f32 = 0.25;

/// A sound that begins suddenly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Onset {
    /// When, in seconds on the clock of the stamps.
    pub seconds: f64,
    /// How strong it is, in decibels below full scale.
    pub decibels: f64,
}

/// Finds the samples at which sounds begin suddenly: clicks, claps, knocks.
///
/// It listens to the differences between samples, which lifts the high notes of a clap above hum and voices.
#[derive(Debug, Clone)]
pub struct OnsetDetector {
    hop_samples: usize,
    last: f32,
    /// The differences of the hop that is under way.
    hop: Vec<f32>,
    /// Energies of the hops before, the newest last.
    before: VecDeque<f64>,
    /// How many hops are over.
    hops: u64,
    /// The sound that still grows: its sample, energy, and the hops that it may go on to grow.
    growing: Option<(u64, f64, usize)>,
    last_hop: Option<u64>,
}

impl OnsetDetector {
    /// For sound of so many samples a second.
    pub fn new(rate_hz: u32) -> Self {
        let hop_samples = (rate_hz / HOPS_PER_SECOND).max(1) as usize;
        Self {
            hop_samples,
            last: 0.0,
            hop: Vec::with_capacity(hop_samples),
            before: VecDeque::with_capacity(HOPS_BEFORE + HOPS_OF_ATTACK),
            hops: 0,
            growing: None,
            last_hop: None,
        }
    }

    /// Listens on; tells of every sound that began: its sample, counted from the first that was heard, and its strength in
    /// decibels below full scale. It is told up to 6 ms after it began.
    pub fn push(&mut self, samples: &[f32], mut found: impl FnMut(u64, f64)) {
        for &sample in samples {
            self.hop.push(sample - self.last);
            self.last = sample;
            if self.hop.len() == self.hop_samples {
                self.end_hop(&mut found);
            }
        }
    }

    fn end_hop(&mut self, found: &mut impl FnMut(u64, f64)) {
        let squares: f64 = self.hop.iter().map(|value| f64::from(*value).powi(2)).sum();
        let energy = squares / self.hop_samples as f64;
        if let Some((sample, strength, left)) = &mut self.growing {
            *strength = strength.max(energy);
            *left -= 1;
            if *left == 0 {
                found(*sample, 10.0 * strength.log10());
                self.growing = None;
            }
        } else if self.begins(energy) {
            let peak = self.hop.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
            let begun = self
                .hop
                .iter()
                .position(|value| value.abs() >= BEGUN * peak)
                .unwrap_or(0);
            let sample = self.hops * self.hop_samples as u64 + begun as u64;
            self.growing = Some((sample, energy, HOPS_OF_STRENGTH));
            self.last_hop = Some(self.hops);
        }
        if self.before.len() == HOPS_BEFORE + HOPS_OF_ATTACK {
            self.before.pop_front();
        }
        self.before.push_back(energy);
        self.hops += 1;
        self.hop.clear();
    }

    fn begins(&self, energy: f64) -> bool {
        let is_alone = self.last_hop.is_none_or(|last| self.hops - last > HOPS_AFTER);
        if !is_alone || energy < LEAST_ENERGY || self.before.len() < HOPS_BEFORE + HOPS_OF_ATTACK {
            return false;
        }
        let quiet = self.before.iter().take(HOPS_BEFORE);
        let loudest = quiet.clone().copied().fold(0.0, f64::max);
        let mean = quiet.sum::<f64>() / HOPS_BEFORE as f64;
        energy > RISE * loudest && energy > RISE_OVER_MEAN * mean
    }
}
