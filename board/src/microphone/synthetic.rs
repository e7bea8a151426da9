//! A composed sound in place of a microphone, with its truth known.

use std::f64::consts::TAU;
use std::time::Duration;

use super::{Microphone, time_of};
use crate::Block;
use crate::capture::{CaptureError, Delivery};
use crate::chance::{fraction, mixed};

/// What is heard for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// Nothing: all samples zero.
    Silence,
    /// A sine.
    Tone {
        /// Its frequency.
        hertz: f64,
        /// Its peak, in 0..1.
        amplitude: f32,
    },
    /// White noise, every sample as likely to be anywhere in its range.
    Noise {
        /// Half the breadth of the range, in 0..1.
        amplitude: f32,
    },
}

/// Signals one after the other, each with how long it is heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// What is heard, and for how long.
    pub parts: Vec<(Signal, Duration)>,
    /// Samples a second.
    pub rate_hz: u32,
    /// What decides the noise: two scores of one seed sound alike to the bit.
    pub seed: u64,
}

impl Score {
    /// What is heard at a time; `None` once all is over.
    pub fn signal_at(&self, time: Duration) -> Option<Signal> {
        let mut end = Duration::ZERO;
        self.parts.iter().find_map(|(signal, duration)| {
            end += *duration;
            (time < end).then_some(*signal)
        })
    }

    /// How long all is.
    pub fn duration(&self) -> Duration {
        self.parts.iter().map(|(_, duration)| *duration).sum()
    }

    fn sample(&self, number: u64) -> Option<f32> {
        let time = time_of(number, self.rate_hz);
        Some(match self.signal_at(time)? {
            Signal::Silence => 0.0,
            Signal::Tone { hertz, amplitude } => amplitude * (TAU * hertz * time.as_secs_f64()).sin() as f32,
            Signal::Noise { amplitude } => {
                let chance = fraction(mixed(self.seed ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93)));
                amplitude * (2.0 * chance - 1.0) as f32
            }
        })
    }
}

/// A microphone that hears a [`Score`].
#[derive(Debug)]
pub struct SyntheticMicrophone {
    score: Score,
    block_samples: usize,
    next: u64,
}

impl SyntheticMicrophone {
    /// Hears a score from its beginning, `block_samples` (at least one) at a time, as fast as it is asked.
    pub fn new(score: Score, block_samples: usize) -> Self {
        Self {
            score,
            block_samples: block_samples.max(1),
            next: 0,
        }
    }
}

impl Microphone for SyntheticMicrophone {
    fn next_block(&mut self, into: &mut Block) -> Result<Delivery, CaptureError> {
        let numbers = self.next..self.next + self.block_samples as u64;
        if self.score.sample(numbers.start).is_none() {
            return Ok(Delivery::Ended);
        }
        into.sound.samples.clear();
        into.sound
            .samples
            .extend(numbers.map_while(|number| self.score.sample(number)));
        into.sound.rate_hz = self.score.rate_hz;
        into.stamp = time_of(self.next, self.score.rate_hz);
        into.after_gap = false;
        self.next += into.sound.samples.len() as u64;
        Ok(Delivery::Fresh)
    }

    fn rate_hz(&self) -> u32 {
        self.score.rate_hz
    }

    fn duration(&self) -> Option<Duration> {
        Some(self.score.duration())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn score(seed: u64) -> Score {
        let second = Duration::from_secs(1);
        let parts = vec![
            (Signal::Silence, second),
            (
                Signal::Tone {
                    hertz: 440.0,
                    amplitude: 0.5,
                },
                second,
            ),
            (Signal::Noise { amplitude: 0.25 }, second / 2),
        ];
        Score {
            parts,
            rate_hz: 8000,
            seed,
        }
    }

    fn heard(seed: u64) -> Vec<f32> {
        let mut microphone = SyntheticMicrophone::new(score(seed), 300);
        let (mut block, mut samples) = (Block::default(), Vec::new());
        while microphone.next_block(&mut block).unwrap() == Delivery::Fresh {
            assert_eq!(block.stamp, time_of(samples.len() as u64, 8000));
            samples.extend_from_slice(&block.sound.samples);
        }
        samples
    }

    fn power(samples: &[f32]) -> f64 {
        samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64
    }

    #[test]
    fn every_part_sounds_as_written() {
        let samples = heard(3);
        assert_eq!(samples.len(), 20_000);
        assert!(samples[..8000].iter().all(|sample| *sample == 0.0));
        assert!((power(&samples[8000..16_000]) - 0.125).abs() < 1e-3);
        assert!((power(&samples[16_000..]) - 0.0625 / 3.0).abs() < 1e-3);
        let mean: f32 = samples[16_000..].iter().sum::<f32>() / 4000.0;
        assert!(mean.abs() < 0.01, "{mean}");
        assert_eq!(
            score(3).signal_at(Duration::from_millis(1500)),
            Some(Signal::Tone {
                hertz: 440.0,
                amplitude: 0.5
            })
        );
        assert_eq!(score(3).signal_at(Duration::from_millis(2500)), None);
    }

    #[test]
    fn the_seed_decides_the_noise_alone() {
        let (one, other) = (heard(1), heard(2));
        assert_eq!(one, heard(1));
        assert_eq!(one[..16_000], other[..16_000]);
        assert_ne!(one[16_000..], other[16_000..]);
    }
}
