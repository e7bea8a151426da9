//! What perception knows of the sound: what it meant and how loud it was, in the window that ends at any moment of late.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lookhear_board::microphone::sound_clock::SoundClock;
use lookhear_calibration::Level;

use super::sound_line::SoundReader;
use crate::perception::listener::{Ear, SoundEmbedding, SoundError};

/// The stretch of sound whose level the meter shows.
const METER: Duration = Duration::from_millis(150);
/// When no sound has come for so long there is none: the microphone is gone, and what it heard last is no longer true.
const STALE_AFTER: Duration = Duration::from_millis(1500);

/// Drains the line from the microphone and keeps the newest sound.
pub struct Hearing {
    clock: SoundClock,
    rate_hz: u32,
    window_samples: usize,
    /// The newest samples, a ring.
    recent: Vec<f32>,
    /// How many samples were heard since the last gap.
    heard_samples: u64,
    stretch: Vec<f32>,
    window: Vec<f32>,
    heard: Heard,
}

/// The sound in the window that ends at a moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// What it means.
    pub embedding: SoundEmbedding,
    /// How loud it is.
    pub level: Level,
}

impl Hearing {
    /// For an ear that takes sound at `rate_hz` and listens to the last `window`.
    pub fn new(rate_hz: u32, window: Duration) -> Self {
        let samples = |duration: Duration| (duration.as_secs_f64() * f64::from(rate_hz)).round() as usize;
        Self {
            clock: SoundClock::new(rate_hz),
            rate_hz,
            window_samples: samples(window),
            // The window may end a while before the newest sample: pictures come later than sound.
            recent: vec![0.0; samples(window + Duration::from_secs(1)).max(1)],
            heard_samples: 0,
            stretch: Vec::new(),
            window: Vec::new(),
            heard: Heard::default(),
        }
    }

    /// Takes in all that has come by now; gives how many stretches there were. What lies before a gap is forgotten: a window
    /// across it is not to be trusted.
    ///
    /// # Errors
    /// When the audio network fails.
    pub fn drain(&mut self, line: &Mutex<SoundReader>, ear: &mut Ear) -> Result<usize, SoundError> {
        let mut stretches = 0;
        // Perception is the only one to read: nobody ever waits for this lock.
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mark) = line.pop(&mut self.stretch) {
            if mark.after_gap {
                ear.reset();
                self.clock.reset();
                self.heard_samples = 0;
            }
            self.clock.observe(self.heard_samples, mark.stamp);
            ear.push(&self.stretch)?;
            let capacity = self.recent.len() as u64;
            for (index, &sample) in (self.heard_samples..).zip(&self.stretch) {
                self.recent[(index % capacity) as usize] = sample;
            }
            self.heard_samples += self.stretch.len() as u64;
            stretches += 1;
        }
        Ok(stretches)
    }

    /// The sound in the window that ends at a moment; `None` where there is not enough of it, or it stopped coming.
    pub fn until(&mut self, moment: Duration, ear: &Ear) -> Option<&Heard> {
        let end = self.sample_at(moment)?;
        let end_of_window = Duration::from_secs_f64(end as f64 / f64::from(self.rate_hz.max(1)));
        if !ear.embed_until(end_of_window, &mut self.heard.embedding) {
            return None;
        }
        self.heard.level = self.level(end, self.window_samples);
        Some(&self.heard)
    }

    /// How loud it was just before a moment; silence where nothing was heard.
    pub fn meter(&mut self, moment: Duration) -> Level {
        let samples = (METER.as_secs_f64() * f64::from(self.rate_hz)) as usize;
        self.sample_at(moment)
            .map_or(Level::SILENCE, |end| self.level(end, samples))
    }

    /// The number of the sample that was taken at a moment, at most of the newest.
    fn sample_at(&self, moment: Duration) -> Option<u64> {
        if self.heard_samples == 0 || moment > self.clock.time_of(self.heard_samples)? + STALE_AFTER {
            return None;
        }
        Some(self.clock.sample_at(moment)?.min(self.heard_samples))
    }

    fn level(&mut self, end: u64, samples: usize) -> Level {
        let oldest = self.heard_samples.saturating_sub(self.recent.len() as u64);
        let start = end.saturating_sub(samples as u64).max(oldest);
        let capacity = self.recent.len() as u64;
        self.window.clear();
        let recent = &self.recent;
        self.window
            .extend((start..end).map(|index| recent[(index % capacity) as usize]));
        Level::of(&self.window)
    }
}
