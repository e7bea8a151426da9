//! Sound as a microphone delivers it.

use std::time::Duration;

/// A stretch of mono sound.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sound {
    /// Samples in −1..1.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate_hz: u32,
}

impl Sound {
    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.samples.len() as f64 / f64::from(self.rate_hz.max(1)))
    }
}

/// A stretch of sound with the moment of its first sample.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Block {
    /// The samples, mixed to mono.
    pub sound: Sound,
    /// When the first sample was taken, on the same clock as the frames.
    pub stamp: Duration,
    /// Samples were lost just before this block (an xrun): a window across its start is not to be trusted.
    pub after_gap: bool,
}
