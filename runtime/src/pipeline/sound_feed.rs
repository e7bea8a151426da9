//! A whole sound, handed out stretch by stretch as the pictures come.

use std::time::Duration;

use lookhear_board::Sound;
use lookhear_calibration::Level;

use crate::perception::resample::{ResampleError, resample};

/// How much silence follows a sound: more than any model hears at once. After it there is nothing new to hear, and stamps
/// that leap ahead cost no memory.
const SILENCE_AFTER: Duration = Duration::from_secs(61);

/// Hands out the sound of a clip up to the stamp of each picture. Where the sound is over, a minute of silence follows.
#[derive(Debug, Clone)]
pub struct SoundFeed {
    sound: Sound,
    /// When the first sample sounds, on the clock of the pictures.
    start: Duration,
    handed_out: usize,
    stretch: Vec<f32>,
}

impl SoundFeed {
    /// A feed, at `rate_hz`, of a sound whose first sample sounds at `start` on the clock of the pictures.
    pub fn new(sound: &Sound, start: Duration, rate_hz: u32) -> Result<Self, ResampleError> {
        Ok(Self {
            sound: resample(sound, rate_hz)?,
            start,
            handed_out: 0,
            stretch: Vec::new(),
        })
    }

    /// The samples from where the last call ended up to a moment; none when it lies before that.
    pub fn until(&mut self, moment: Duration) -> &[f32] {
        let samples = &self.sound.samples;
        let end = self
            .index(moment)
            .min(samples.len() + SILENCE_AFTER.as_secs() as usize * self.sound.rate_hz as usize);
        let there = samples.len().min(self.handed_out)..samples.len().min(end.max(self.handed_out));
        self.stretch.clear();
        self.stretch.extend_from_slice(&samples[there]);
        self.stretch.resize(end.saturating_sub(self.handed_out), 0.0);
        self.handed_out = self.handed_out.max(end);
        &self.stretch
    }

    /// How far into the sound a moment lies; `None` before its start.
    pub fn sound_time(&self, moment: Duration) -> Option<Duration> {
        moment.checked_sub(self.start)
    }

    /// How loud the sound is in the `window` that ends at a moment; what lies before its start or after its end is silent.
    pub fn level(&self, moment: Duration, window: Duration) -> Level {
        let end = self.index(moment);
        let window_samples = (window.as_secs_f64() * f64::from(self.sound.rate_hz)).round() as usize;
        let samples = &self.sound.samples;
        let heard = &samples[samples.len().min(end.saturating_sub(window_samples))..samples.len().min(end)];
        // Of the whole window, not of what there is in it: a click after the end would else stay loud.
        let share = heard.len() as f32 / window_samples.max(1) as f32;
        Level::from_decibels(Level::of(heard).decibels() + 10.0 * share.log10())
    }

    /// How many samples lie before a moment.
    fn index(&self, moment: Duration) -> usize {
        let seconds = moment.saturating_sub(self.start).as_secs_f64();
        (seconds * f64::from(self.sound.rate_hz)).round() as usize
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    const RATE_HZ: u32 = 16_000;

    fn ramp(samples: usize) -> Sound {
        Sound {
            samples: (1..=samples).map(|n| n as f32 / samples as f32).collect(),
            rate_hz: RATE_HZ,
        }
    }

    #[test]
    fn the_sound_ends_at_the_stamp_of_the_picture() {
        let mut feed = SoundFeed::new(&ramp(16_000), Duration::ZERO, RATE_HZ).unwrap();
        assert_eq!(feed.until(Duration::ZERO).len(), 0);
        assert_eq!(feed.until(Duration::from_millis(40)).len(), 640);
        let next = feed.until(Duration::from_millis(80));
        assert_eq!((next.len(), next[0]), (640, 641.0 / 16_000.0));
        assert_eq!(
            feed.until(Duration::from_millis(60)).len(),
            0,
            "an earlier stamp gets nothing twice"
        );
    }

    #[test]
    fn a_sound_that_starts_late_is_heard_late() {
        let mut feed = SoundFeed::new(&ramp(16_000), Duration::from_millis(500), RATE_HZ).unwrap();
        assert_eq!(feed.until(Duration::from_millis(400)).len(), 0);
        assert_eq!(feed.sound_time(Duration::from_millis(400)), None);
        assert_eq!(feed.until(Duration::from_millis(600)).len(), 1600);
        assert_eq!(
            feed.sound_time(Duration::from_millis(600)),
            Some(Duration::from_millis(100))
        );
    }

    #[test]
    fn after_the_sound_there_is_silence() {
        let mut feed = SoundFeed::new(&ramp(1600), Duration::ZERO, RATE_HZ).unwrap();
        let stretch = feed.until(Duration::from_millis(200)).to_vec();
        assert_eq!(stretch.len(), 3200);
        assert!(stretch[1600..].iter().all(|&sample| sample == 0.0));
        let window = Duration::from_millis(100);
        assert!(feed.level(Duration::from_millis(100), window) > Level::from_decibels(-20.0));
        assert_eq!(feed.level(Duration::from_millis(201), window), Level::SILENCE);
        assert_eq!(feed.level(Duration::from_secs(9), window), Level::SILENCE);
        assert_eq!(feed.level(Duration::ZERO, window), Level::SILENCE);
        assert_eq!(feed.level(Duration::from_secs(9), Duration::ZERO), Level::SILENCE);
        assert!(feed.until(Duration::from_secs(1 << 40)).len() < 62 * 16_000);
        assert_eq!(feed.until(Duration::MAX).len(), 0);
        assert_eq!(feed.level(Duration::MAX, window), Level::SILENCE);
    }

    proptest! {
        #[test]
        fn stretches_join_without_seam(
            samples in 1usize..5000, start_ms in 0u64..100, steps in prop::collection::vec(0u64..120, 1..30),
        ) {
            let sound = ramp(samples);
            let start = Duration::from_millis(start_ms);
            let mut feed = SoundFeed::new(&sound, start, RATE_HZ).unwrap();
            let (mut heard, mut now) = (Vec::new(), Duration::ZERO);
            for step in steps {
                now += Duration::from_millis(step);
                heard.extend_from_slice(feed.until(now));
            }
            prop_assert_eq!(heard.len() as u128, now.saturating_sub(start).as_millis() * 16);
            for (index, sample) in heard.into_iter().enumerate() {
                prop_assert_eq!(sample, sound.samples.get(index).copied().unwrap_or(0.0));
            }
        }
    }
}
