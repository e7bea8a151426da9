//! Microphones, and what can stand in for one: a sound file, a composed sound.

#[cfg(feature = "devices")]
pub mod alsa;
#[cfg(feature = "media")]
pub mod file;
#[cfg(feature = "media")]
pub mod replay;
pub mod sound_clock;
pub mod synthetic;

use std::time::Duration;

use crate::Block;
use crate::capture::{CaptureError, Delivery};

/// A source of sound, mixed to mono.
pub trait Microphone {
    /// Waits for the next stretch of sound and writes it, with its stamp, over `into`, whose memory is used again.
    ///
    /// Blocks follow each other without a break, save where one says that it comes after a gap. Once a source has said
    /// that it ended it says so for ever.
    fn next_block(&mut self, into: &mut Block) -> Result<Delivery, CaptureError>;

    /// Samples a second in all its blocks.
    fn rate_hz(&self) -> u32;

    /// How long it will sound from the first sample to the last, if that is known beforehand.
    fn duration(&self) -> Option<Duration> {
        None
    }

    /// Writes the channels from which the last block was mixed, each as long as it, over `into`; the block itself where there is
    /// but one, or no more is known.
    fn channels(&self, last: &Block, into: &mut Vec<Vec<f32>>) {
        into.resize_with(1, Vec::new);
        if let Some(only) = into.first_mut() {
            only.clone_from(&last.sound.samples);
        }
    }
}

impl<M: Microphone + ?Sized> Microphone for Box<M> {
    fn next_block(&mut self, into: &mut Block) -> Result<Delivery, CaptureError> {
        (**self).next_block(into)
    }

    fn rate_hz(&self) -> u32 {
        (**self).rate_hz()
    }

    fn duration(&self) -> Option<Duration> {
        (**self).duration()
    }

    fn channels(&self, last: &Block, into: &mut Vec<Vec<f32>>) {
        (**self).channels(last, into);
    }
}

/// When a sample is heard, by its number.
fn time_of(sample: u64, rate_hz: u32) -> Duration {
    let rate = u64::from(rate_hz.max(1));
    let nanoseconds = sample % rate * 1_000_000_000 / rate;
    Duration::new(sample / rate, u32::try_from(nanoseconds).unwrap_or(0))
}
