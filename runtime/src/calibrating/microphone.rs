//! Listens to a quiet room and to somebody who talks, channel by channel.

#[cfg(test)]
mod tests;

use std::time::Duration;

use lookhear_board::{Block, CaptureError, Clock, Delivery, Microphone};
use lookhear_calibration::microphone::rate::true_rate_hz;
use lookhear_calibration::microphone::{Listening, Side};
use lookhear_calibration::{FitError, Level, MicrophoneFit, NoiseFloorFit};

use crate::perception::resample::ResampleError;
use crate::perception::resample_stream::StreamResampler;

/// A microphone that is just opened clicks and settles for so long, in seconds.
const SETTLING_SECONDS: f64 = 0.5;
/// The level of the room is taken so many times a second.
const LEVELS_PER_SECOND: u32 = 10;
/// How far above the room the gate is, in decibels.
const MARGIN_DECIBELS: f32 = 6.0;
/// After so many lost blocks in a row it is given up.
const MOST_LOST_IN_ROW: u32 = 30;

/// What was heard for a while.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recording {
    /// Samples of every channel, all of one length.
    pub channels: Vec<Vec<f32>>,
    /// What the device hears of them.
    pub heard: Vec<f32>,
    /// Samples a second.
    pub rate_hz: u32,
    /// How often samples were lost.
    pub gaps: usize,
    /// Since the last gap: how many samples came before each block, and its stamp in seconds.
    pub marks: Vec<(u64, f64)>,
}

/// Listens until there are so many seconds of sound; less comes where the source ends or takes three times as long.
///
/// # Errors
/// When the microphone fails.
pub fn listen(microphone: &mut dyn Microphone, clock: &dyn Clock, seconds: f64) -> Result<Recording, CaptureError> {
    let rate_hz = microphone.rate_hz();
    let samples = |seconds: f64| (seconds * f64::from(rate_hz)) as usize;
    let (wanted, mut settling) = (samples(seconds), samples(SETTLING_SECONDS));
    let longest = Duration::try_from_secs_f64(3.0 * (seconds + SETTLING_SECONDS)).unwrap_or(Duration::MAX);
    let deadline = clock.now().saturating_add(longest);
    let mut recording = Recording {
        rate_hz,
        ..Recording::default()
    };
    let (mut block, mut channels) = (Block::default(), Vec::new());
    let (mut since_gap, mut lost_in_row) = (0, 0);
    while recording.heard.len() < wanted && clock.now() < deadline {
        match microphone.next_block(&mut block) {
            Ok(Delivery::Fresh) => lost_in_row = 0,
            Ok(Delivery::Ended) => break,
            Err(CaptureError::Retry { .. }) if lost_in_row < MOST_LOST_IN_ROW => {
                lost_in_row += 1;
                continue;
            }
            Err(error) => return Err(error),
        }
        if settling > 0 {
            settling = settling.saturating_sub(block.sound.samples.len());
            continue;
        }
        if block.after_gap {
            recording.gaps += 1;
            recording.marks.clear();
            since_gap = 0;
        }
        recording.marks.push((since_gap, block.stamp.as_secs_f64()));
        since_gap += block.sound.samples.len() as u64;
        recording.heard.extend_from_slice(&block.sound.samples);
        microphone.channels(&block, &mut channels);
        recording.channels.resize_with(channels.len(), Vec::new);
        for (whole, part) in recording.channels.iter_mut().zip(&channels) {
            whole.extend_from_slice(part);
        }
    }
    Ok(recording)
}

/// What a microphone is to be judged for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Which channel the device hears: 0 the mean of all.
    pub heard_channel: usize,
    /// From which side the talk came, where somebody said so.
    pub from: Option<Side>,
    /// Samples a second that the model takes.
    pub model_rate_hz: u32,
    /// The stretch of sound that the model listens to, in seconds.
    pub window_seconds: f64,
}

/// Why there is nothing to say of a microphone.
#[derive(Debug, thiserror::Error)]
pub enum JudgementError {
    /// The recording says too little.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// It cannot be brought to the model's rate.
    #[error(transparent)]
    Rate(#[from] ResampleError),
}

/// What is to be said of a microphone, and the noise floor of its room; `None` where that holds no signal.
///
/// # Errors
/// When the recording is too short, or of a rate that cannot be brought to the model's.
pub fn judge(
    quiet: &Recording,
    talk: Option<&Recording>,
    judgement: Judgement,
) -> Result<(MicrophoneFit, Option<NoiseFloorFit>), JudgementError> {
    let fit = MicrophoneFit::fit(&Listening {
        quiet: &quiet.channels,
        talk: talk.map_or(&[], |talk| &talk.channels),
        rate_hz: quiet.rate_hz,
        true_rate_hz: true_rate_hz(&quiet.marks, quiet.rate_hz),
        heard_channel: judgement.heard_channel,
        from: judgement.from,
        gaps: quiet.gaps + talk.map_or(0, |talk| talk.gaps),
    })?;
    match NoiseFloorFit::fit(&levels(quiet, judgement)?, MARGIN_DECIBELS) {
        Ok(floor) => Ok((fit, Some(floor))),
        Err(FitError::NoSignal) => Ok((fit, None)),
        Err(error) => Err(error.into()),
    }
}

/// Levels of the quiet room as the running device takes them: at the model's rate, of windows as long as the model's.
fn levels(quiet: &Recording, judgement: Judgement) -> Result<Vec<Level>, ResampleError> {
    let mut resampler = StreamResampler::new(quiet.rate_hz, judgement.model_rate_hz)?;
    let mut samples = Vec::with_capacity(quiet.heard.len());
    resampler.push(&quiet.heard, |part| samples.extend_from_slice(part));
    let window = (judgement.window_seconds * f64::from(judgement.model_rate_hz)) as usize;
    let step = (judgement.model_rate_hz / LEVELS_PER_SECOND).max(1) as usize;
    Ok(samples.windows(window.max(1)).step_by(step).map(Level::of).collect())
}
