//! A recording in place of a live microphone: blocks come when they are due, and it begins again when it ends.

use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use super::{Microphone, time_of};
use crate::camera::replay::Rounds;
use crate::capture::{CaptureError, Delivery};
use crate::sound_file::{SoundTrack, read_sound_track};
use crate::{Block, Clock};

/// How long a block lasts, in blocks a second.
const BLOCKS_PER_SECOND: u32 = 50;

/// Plays the sound of a file round after round on a clock, as a live microphone would deliver it; where the sound is shorter
/// than the round there is silence.
pub struct ReplayMicrophone {
    track: SoundTrack,
    rounds: Rounds,
    round_start: Duration,
    /// The next sample of this round.
    next: u64,
    block_samples: u64,
    after_gap: bool,
    clock: Arc<dyn Clock>,
}

impl ReplayMicrophone {
    /// Reads a sound that is played in `rounds`.
    ///
    /// # Errors
    /// [`CaptureError::GiveUp`] when it is no sound that can be read.
    pub fn open(path: &Path, rounds: Rounds, clock: Arc<dyn Clock>) -> Result<Self, CaptureError> {
        let track = read_sound_track(path).map_err(|cause| CaptureError::GiveUp {
            device: path.display().to_string(),
            cause: cause.to_string(),
        })?;
        let now = clock.now();
        let round_start = rounds.start_of_round(now);
        let block_samples = u64::from((track.sound.rate_hz / BLOCKS_PER_SECOND).max(1));
        let played = (now.saturating_sub(round_start).as_secs_f64() * f64::from(track.sound.rate_hz)) as u64;
        Ok(Self {
            next: played - played % block_samples,
            track,
            rounds,
            round_start,
            block_samples,
            after_gap: false,
            clock,
        })
    }

    /// The sample of the round at an index; silence beside the sound.
    fn sample(&self, index: u64) -> f32 {
        let rate_hz = self.track.sound.rate_hz;
        let lead = (self.track.stamp.as_secs_f64() * f64::from(rate_hz)).round() as u64;
        let inside = index.checked_sub(lead).and_then(|index| usize::try_from(index).ok());
        inside
            .and_then(|index| self.track.sound.samples.get(index))
            .copied()
            .unwrap_or(0.0)
    }
}

impl Microphone for ReplayMicrophone {
    /// Never ends. Who comes back after seconds gets the present sound, after a gap.
    fn next_block(&mut self, into: &mut Block) -> Result<Delivery, CaptureError> {
        let rate_hz = self.track.sound.rate_hz;
        let round_samples = (self.rounds.period.as_secs_f64() * f64::from(rate_hz)).round() as u64;
        if self.next >= round_samples {
            self.next = 0;
            self.round_start += self.rounds.period;
        }
        let now = self.clock.now();
        if now.saturating_sub(self.round_start + time_of(self.next, rate_hz)) > Duration::from_secs(2) {
            self.round_start = self.rounds.start_of_round(now);
            self.next = ((now - self.round_start).as_secs_f64() * f64::from(rate_hz)) as u64;
            self.after_gap = true;
        }
        let end = round_samples.min(self.next + self.block_samples).max(self.next + 1);
        let heard_at = self.round_start + time_of(end, rate_hz);
        if let Some(early) = heard_at.checked_sub(self.clock.now()) {
            sleep(early);
        }
        into.sound.rate_hz = rate_hz;
        into.sound.samples.clear();
        for index in self.next..end {
            let sample = self.sample(index);
            into.sound.samples.push(sample);
        }
        into.stamp = self.round_start + time_of(self.next, rate_hz);
        into.after_gap = std::mem::take(&mut self.after_gap);
        self.next = end;
        Ok(Delivery::Fresh)
    }

    fn rate_hz(&self) -> u32 {
        self.track.sound.rate_hz
    }
}
