//! Watches and listens until enough flashes or claps tell the time between picture and sound.

pub mod film;
#[cfg(test)]
mod tests;

use std::time::Duration;

use lookhear_board::microphone::sound_clock::SoundClock;
use lookhear_board::{Block, Camera, CaptureError, Clock, Delivery, Frame, Microphone};
use lookhear_calibration::LatencyFit;
use lookhear_calibration::latency::{Glimpse, LatencyError, Onset, OnsetDetector};
use serde::{Deserialize, Serialize};

use super::glance::Glance;

/// How often what was seen and heard is fitted, in seconds.
const FIT_PERIOD: f64 = 1.0;
/// What was measured before a break is kept so far apart from what comes after, in seconds.
const BREAK_SECONDS: f64 = 10.0;
/// After so many lost frames or blocks in a row it is given up.
const MOST_LOST_IN_ROW: u32 = 30;

/// What was seen and heard, from which [`LatencyFit`] is made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyRecord {
    /// Camera and microphone.
    pub source: String,
    /// What changed from frame to frame.
    pub glimpses: Vec<Glimpse>,
    /// The sudden sounds.
    pub sounds: Vec<Onset>,
}

impl LatencyRecord {
    /// Nothing yet, of a camera and a microphone.
    pub fn new(source: String) -> Self {
        Self {
            source,
            ..Self::default()
        }
    }

    /// The fit.
    ///
    /// # Errors
    /// Why there is none yet.
    pub fn fit(&self) -> Result<LatencyFit, LatencyError> {
        LatencyFit::fit(&self.glimpses, &self.sounds)
    }

    /// When what comes next begins, so that nothing of it is near to what was before.
    fn next_begin(&self) -> f64 {
        let seen = self.glimpses.last().map(|glimpse| glimpse.seconds);
        let heard = self.sounds.last().map(|sound| sound.seconds);
        seen.into_iter()
            .chain(heard)
            .reduce(f64::max)
            .map_or(0.0, |last| last + BREAK_SECONDS)
    }
}

/// How long is watched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatencyPatience {
    /// Until so many events agree, …
    pub pairs: usize,
    /// … and no longer than this.
    pub longest: Duration,
}

/// Watches and listens, and adds to what `record` holds, until enough events agree, the time is over, or a source ends.
/// `progress` hears about once a second how it stands.
///
/// # Errors
/// When the camera or the microphone fails. What was measured until then is in the record.
pub fn watch(
    camera: &mut dyn Camera,
    microphone: &mut dyn Microphone,
    clock: &dyn Clock,
    patience: LatencyPatience,
    record: &mut LatencyRecord,
    progress: &mut dyn FnMut(&LatencyRecord, &Result<LatencyFit, LatencyError>),
) -> Result<(), CaptureError> {
    let begin = record.next_begin();
    let mut times = Times { origin: None, begin };
    let mut glance = Glance::default();
    let mut ear = SuddenSounds::new(microphone.rate_hz());
    let (mut frame, mut block) = (Frame::default(), Block::default());
    let (deadline, mut lost_in_row) = (clock.now() + patience.longest, 0);
    let (mut first_frame, mut heard_seconds, mut fitted_at) = (None, 0.0, begin);
    let known = record.sounds.len();
    while clock.now() < deadline {
        match camera.next_frame(&mut frame) {
            Ok(Delivery::Fresh) => lost_in_row = 0,
            Ok(Delivery::Ended) => break,
            Err(CaptureError::Retry { .. }) if lost_in_row < MOST_LOST_IN_ROW => {
                lost_in_row += 1;
                continue;
            }
            Err(error) => return Err(error),
        }
        let seconds = times.of(frame.stamp);
        match glance.look(&frame.picture, seconds) {
            Ok(glimpse) => record.glimpses.extend(glimpse),
            Err(cause) => tracing::debug!("a picture was passed over: {cause}"),
        }
        // As much is listened to as was watched, whatever the stamps say: they are what is to be found out.
        let watched = seconds - *first_frame.get_or_insert(seconds);
        while heard_seconds <= watched {
            match microphone.next_block(&mut block) {
                Ok(Delivery::Fresh) => {
                    if block.after_gap {
                        heard_seconds = watched;
                    }
                    heard_seconds += block.sound.duration().as_secs_f64();
                    ear.hear(&block);
                }
                Ok(Delivery::Ended) => break,
                Err(CaptureError::Retry { .. }) if lost_in_row < MOST_LOST_IN_ROW => lost_in_row += 1,
                Err(error) => return Err(error),
            }
        }
        if seconds - fitted_at >= FIT_PERIOD {
            fitted_at = seconds;
            record.sounds.truncate(known);
            record.sounds.extend(ear.sounds(&mut times));
            let fit = record.fit();
            progress(record, &fit);
            if fit.is_ok_and(|fit| fit.pairs >= patience.pairs) {
                break;
            }
        }
    }
    record.sounds.truncate(known);
    record.sounds.extend(ear.sounds(&mut times));
    Ok(())
}

/// Brings stamps to the seconds of a record.
struct Times {
    origin: Option<Duration>,
    begin: f64,
}

impl Times {
    fn of(&mut self, stamp: Duration) -> f64 {
        let origin = *self.origin.get_or_insert(stamp);
        self.begin + stamp.as_secs_f64() - origin.as_secs_f64()
    }
}

/// The sudden sounds of a microphone, stamped as the running device stamps its sound: by a line through the stamps of all blocks.
struct SuddenSounds {
    rate_hz: u32,
    detector: OnsetDetector,
    clock: SoundClock,
    heard: u64,
    /// Sample and decibels of those since the last gap, …
    recent: Vec<(u64, f64)>,
    /// … and when those before it were.
    before: Vec<(Duration, f64)>,
}

impl SuddenSounds {
    fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz,
            detector: OnsetDetector::new(rate_hz),
            clock: SoundClock::new(rate_hz),
            heard: 0,
            recent: Vec::new(),
            before: Vec::new(),
        }
    }

    fn hear(&mut self, block: &Block) {
        if block.after_gap {
            self.before = self.stamped();
            self.recent.clear();
            self.detector = OnsetDetector::new(self.rate_hz);
            self.clock.reset();
            self.heard = 0;
        }
        self.clock.observe(self.heard, block.stamp);
        let recent = &mut self.recent;
        self.detector
            .push(&block.sound.samples, |sample, decibels| recent.push((sample, decibels)));
        self.heard += block.sound.samples.len() as u64;
    }

    fn stamped(&self) -> Vec<(Duration, f64)> {
        let recent = self.recent.iter();
        let stamped = recent.filter_map(|(sample, decibels)| Some((self.clock.time_of(*sample)?, *decibels)));
        self.before.iter().copied().chain(stamped).collect()
    }

    fn sounds(&self, times: &mut Times) -> Vec<Onset> {
        let onset = |(stamp, decibels): (Duration, f64)| Onset {
            seconds: times.of(stamp),
            decibels,
        };
        self.stamped().into_iter().map(onset).collect()
    }
}
