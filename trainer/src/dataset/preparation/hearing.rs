//! From a sound to its spectrogram.

use std::ops::Range;

use lookhear::perception::resample::{ResampleError, resample};
use lookhear::perception::spectrogram::{PaperSpectrogram, mask, to_decibels};
use lookhear_board::Sound;
use rand::Rng;

use crate::corpus::SOUND_RATE_HZ;

/// How often a spectrogram is masked.
const MASKED_SHARE: f64 = 0.8;
/// Bound of the time band's width, over the frames of the whole: 180 of the 670 in ten seconds.
const TIME_BAND_SHARE: f64 = 180.0 / 670.0;
/// Bound of the mel band's width, in bands.
const MEL_BAND_WIDTH: f64 = 35.0;
/// Resampled beyond what is used, so that the filter's end does not reach into it, in seconds.
const MARGIN_SECONDS: f32 = 0.5;

/// The bands of time and pitch that are silenced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Masks {
    frames: Range<usize>,
    bands: Range<usize>,
}

impl Masks {
    /// Draws the masks of a spectrogram `[bands, frames]`, with p = 0.8: widths and places uniform, as torchaudio's `TimeMasking(180)` and
    /// `FrequencyMasking(35)` draw them. For clips of other lengths than ten seconds the time band is in proportion.
    pub fn draw(bands: usize, frames: usize, random: &mut impl Rng) -> Option<Self> {
        let masked = random.random_bool(MASKED_SHARE);
        let mut band = |most: f64, length: usize| {
            let width = random.random_range(0.0..=1.0) * most;
            let start = random.random_range(0.0..=1.0) * (length as f64 - width).max(0.0);
            start as usize..start as usize + width as usize
        };
        let frames = band((TIME_BAND_SHARE * frames as f64).round(), frames);
        let bands = band(MEL_BAND_WIDTH, bands);
        masked.then_some(Self { frames, bands })
    }
}

/// The samples of a sound at 16 kHz, no more than `seconds` of them.
pub(super) fn samples(sound: &Sound, seconds: f32) -> Result<Vec<f32>, ResampleError> {
    let kept = ((seconds + MARGIN_SECONDS) * sound.rate_hz as f32) as usize;
    let start = Sound {
        samples: sound.samples.iter().take(kept).copied().collect(),
        rate_hz: sound.rate_hz,
    };
    let mut samples = resample(&start, SOUND_RATE_HZ)?.samples;
    samples.truncate(clip_samples(seconds));
    Ok(samples)
}

/// Length of a clip at 16 kHz.
pub(super) fn clip_samples(seconds: f32) -> usize {
    (seconds * SOUND_RATE_HZ as f32).round() as usize
}

/// (1 − α) · own + α · partner, as long as the shorter of the two (METHOD, "Sound mixing").
pub(super) fn mix(own: &[f32], partner: &[f32], alpha: f32) -> Vec<f32> {
    let both = own.iter().zip(partner);
    both.map(|(own, partner)| (1.0 - alpha) * own + alpha * partner)
        .collect()
}

/// The spectrogram of samples at 16 kHz in decibels, `[257, frames]`, row-major.
pub(super) fn hear(spectrogram: &mut PaperSpectrogram, samples: &[f32], masks: Option<Masks>) -> Vec<f32> {
    let mut power = spectrogram.power(samples);
    if let Some(masks) = masks {
        mask(&mut power, masks.frames, masks.bands);
    }
    to_decibels(&mut power);
    power.into_raw_vec_and_offset().0
}
