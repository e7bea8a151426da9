//! The stages that capture: a camera and a microphone, each read by a thread of its own.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lookhear_board::{Block, Camera, CaptureError, Delivery, Frame, Microphone};

use super::rate::Rate;
use super::sound_line::SoundWriter;
use super::supervisor::StageResult;
use crate::actuation::status::Status;
use crate::exchange::{Bulletin, Latest, Pulse, Viewfinder};
use crate::perception::resample_stream::StreamResampler;

/// After so many lost frames or blocks in a row the device is opened anew.
const MOST_LOST_IN_ROW: u32 = 30;
/// How often the frame rate is told.
const TELL_PERIOD: Duration = Duration::from_secs(1);

/// Who gets the frames of a camera.
#[derive(Debug, Default)]
pub struct FrameLine {
    /// Perception.
    pub latest: Latest<Frame>,
    /// The outputs that show the live picture.
    pub viewfinders: Vec<std::sync::Arc<Viewfinder>>,
}

/// Reads frames until the camera fails.
///
/// # Errors
/// What the camera says, unless asking again helps.
pub fn run_camera(camera: &mut dyn Camera, line: &FrameLine, status: &Bulletin<Status>, pulse: &Pulse) -> StageResult {
    let result = deliver(camera, line, status, pulse);
    status.post(|status| status.frames_per_second = 0.0);
    result
}

fn deliver(camera: &mut dyn Camera, line: &FrameLine, status: &Bulletin<Status>, pulse: &Pulse) -> StageResult {
    let (mut frame, mut spare) = (Frame::default(), Frame::default());
    let mut rate = Rate::default();
    let mut lost_in_row = 0;
    let mut told = pulse.now();
    while !pulse.should_stop() {
        match camera.next_frame(&mut frame) {
            Ok(Delivery::Fresh) => {
                lost_in_row = 0;
                pulse.beat();
                rate.count(pulse.now());
                for viewfinder in &line.viewfinders {
                    viewfinder.offer(&frame, &mut spare);
                }
                line.latest.put(&mut frame);
            }
            other => lost_in_row = bear(other, lost_in_row)?,
        }
        let now = pulse.now();
        if now.saturating_sub(told) >= TELL_PERIOD {
            told = now;
            let frames_per_second = rate.per_second(now);
            status.post(|status| status.frames_per_second = frames_per_second);
        }
    }
    Ok(())
}

/// Reads sound until the microphone fails, and brings it to the rate that perception takes.
///
/// # Errors
/// What the microphone says, unless asking again helps; or that its rate cannot be brought to the model's.
pub fn run_microphone(
    microphone: &mut dyn Microphone,
    line: &Mutex<SoundWriter>,
    model_rate_hz: u32,
    pulse: &Pulse,
) -> StageResult {
    let rate_hz = microphone.rate_hz();
    let mut resampler = StreamResampler::new(rate_hz, model_rate_hz)?;
    let mut watch = Watch::new(rate_hz, model_rate_hz);
    let mut block = Block::default();
    let mut resampled = Vec::new();
    let mut lost_in_row = 0;
    // Whatever was heard before this microphone was opened does not join what comes now.
    let mut after_gap = true;
    while !pulse.should_stop() {
        match microphone.next_block(&mut block) {
            Ok(Delivery::Fresh) => {
                lost_in_row = 0;
                pulse.beat();
                if block.after_gap {
                    after_gap = true;
                    resampler.reset();
                    watch.reset();
                }
                resampled.clear();
                resampler.push(&block.sound.samples, |samples| resampled.extend_from_slice(samples));
                let stamp = watch.stamp(&block, resampled.len());
                if !resampled.is_empty() {
                    // The microphone is the only one to write: nobody ever waits for this lock.
                    line.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(&resampled, stamp, after_gap);
                    after_gap = false;
                }
            }
            other => {
                after_gap = true;
                lost_in_row = bear(other, lost_in_row)?;
            }
        }
    }
    Ok(())
}

/// Tells when resampled sound was taken: by the stamp of the block that it came out with, less what the resampler still holds.
#[derive(Debug)]
struct Watch {
    rate_hz: f64,
    model_rate_hz: f64,
    samples_in: u64,
    samples_out: u64,
}

impl Watch {
    fn new(rate_hz: u32, model_rate_hz: u32) -> Self {
        Self {
            rate_hz: f64::from(rate_hz.max(1)),
            model_rate_hz: f64::from(model_rate_hz.max(1)),
            samples_in: 0,
            samples_out: 0,
        }
    }

    fn reset(&mut self) {
        (self.samples_in, self.samples_out) = (0, 0);
    }

    /// When the first of the `samples_out` samples was taken that came out after a block had gone in.
    fn stamp(&mut self, block: &Block, samples_out: usize) -> Duration {
        self.samples_in += block.sound.samples.len() as u64;
        let heard = self.samples_in as f64 / self.rate_hz;
        // The resampler leaves its filter's delay out: its sample i lies at i / rate of what went in.
        let first = self.samples_out as f64 / self.model_rate_hz;
        self.samples_out += samples_out as u64;
        let end = block.stamp + block.sound.duration();
        end.saturating_sub(Duration::try_from_secs_f64(heard - first).unwrap_or_default())
    }
}

/// Whether to go on after no frame or block came; how many were lost in a row by now.
fn bear(outcome: Result<Delivery, CaptureError>, lost_in_row: u32) -> Result<u32, CaptureError> {
    match outcome {
        Err(CaptureError::Retry { .. }) if lost_in_row < MOST_LOST_IN_ROW => Ok(lost_in_row + 1),
        Err(error) => Err(error),
        Ok(Delivery::Fresh) => Ok(0),
        Ok(Delivery::Ended) => Err(CaptureError::Rebuild {
            device: "the source".to_owned(),
            cause: "it ended".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use lookhear_board::Sound;

    use super::*;

    /// However a resampler holds sound back, what comes out is stamped with when it was taken.
    #[test]
    fn resampled_sound_is_stamped_with_when_it_was_taken() {
        for (rate_hz, block_samples) in [(48_000, 960), (44_100, 441), (16_000, 320)] {
            let mut resampler = StreamResampler::new(rate_hz, 16_000).unwrap();
            let mut watch = Watch::new(rate_hz, 16_000);
            let begun = Duration::from_secs(1000);
            let click = rate_hz as usize / 2;
            let mut heard = Vec::new();
            for number in 0..100 {
                let first = number * block_samples;
                let samples = (first..first + block_samples).map(|index| f32::from(u8::from(index == click)));
                let block = Block {
                    sound: Sound {
                        samples: samples.collect(),
                        rate_hz,
                    },
                    stamp: begun + Duration::from_secs_f64(first as f64 / f64::from(rate_hz)),
                    after_gap: false,
                };
                let mut out = Vec::new();
                resampler.push(&block.sound.samples, |samples| out.extend_from_slice(samples));
                let stamp = watch.stamp(&block, out.len()).as_secs_f64();
                let timed = out.iter().enumerate();
                heard.extend(timed.map(|(index, &sample)| (stamp + index as f64 / 16_000.0, sample)));
            }
            let loudest = heard.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            assert!(
                (loudest.0 - 1000.5).abs() < 0.001,
                "{rate_hz} Hz: heard at {}",
                loudest.0
            );
        }
    }
}
