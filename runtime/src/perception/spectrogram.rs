//! The paper's front end: a mel spectrogram of ten seconds in decibels (SSL-TIE, section 4.2, and its published code).

use std::f64::consts::TAU;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, s};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::mel::MelFilterbank;

/// Mel bands of the spectrogram. At 16 kHz several of the lowest are narrower than a bin of the spectrum, and stay
/// empty.
pub const MEL_BANDS: usize = 257;
/// Seconds that the spectrogram covers.
pub const CLIP_SECONDS: usize = 10;

const FFT_SAMPLES: usize = 512;
const HOP_SAMPLES: usize = 239;
const BINS: usize = FFT_SAMPLES / 2 + 1;
/// Power below which everything is silence: −100 dB.
const LEAST_POWER: f32 = 1e-10;

/// Spectrograms of sounds of one sample rate.
///
/// Periodic Hann window of 512, hop 239, centred with reflected ends, normalised by the window's L2 norm; power; 257
/// HTK mel bands from 0 Hz to half the rate without area normalisation; `10 · log10(max(power, 1e-10))`. Computed in
/// double precision: in quiet bands beside loud ones, single precision is off by up to 0.07 dB.
pub struct PaperSpectrogram {
    clip_samples: usize,
    window: Vec<f64>,
    fft: Arc<dyn RealToComplex<f64>>,
    clip: Vec<f32>,
    windowed: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    powers: Vec<f64>,
    filterbank: MelFilterbank<f64>,
}

impl PaperSpectrogram {
    /// For mono sounds of `rate_hz` samples a second.
    pub fn new(rate_hz: u32) -> Self {
        Self::of_clip(rate_hz, CLIP_SECONDS * rate_hz as usize)
    }

    /// The same of a clip of another length than ten seconds, `clip_samples` long: for training at a smaller scale.
    pub fn of_clip(rate_hz: u32, clip_samples: usize) -> Self {
        let hann = |i: usize| 0.5 - 0.5 * (TAU * i as f64 / FFT_SAMPLES as f64).cos();
        let norm = (0..FFT_SAMPLES).map(|i| hann(i).powi(2)).sum::<f64>().sqrt();
        let fft = RealFftPlanner::new().plan_fft_forward(FFT_SAMPLES);
        Self {
            clip_samples,
            window: (0..FFT_SAMPLES).map(|i| hann(i) / norm).collect(),
            clip: Vec::new(),
            windowed: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
            powers: vec![0.0; BINS],
            filterbank: MelFilterbank::linear_in_hertz(rate_hz, BINS, MEL_BANDS),
        }
    }

    /// Frames of every spectrogram: 670 of ten seconds at 16 kHz.
    pub fn frames(&self) -> usize {
        1 + self.clip_samples / HOP_SAMPLES
    }

    /// The spectrogram of `samples` (−1..1) in decibels, `[257, frames]`, bands × time, row-major.
    ///
    /// A sound shorter than ten seconds is repeated to ten, of a longer one the first ten count; no samples at all are
    /// silence.
    pub fn compute(&mut self, samples: &[f32]) -> Array2<f32> {
        let mut power = self.power(samples);
        to_decibels(&mut power);
        power
    }

    /// The same before the decibels: power, `[257, frames]`. For [`mask`] and then [`to_decibels`].
    pub fn power(&mut self, samples: &[f32]) -> Array2<f32> {
        self.fill_clip(samples);
        let mut mel = Array2::zeros((MEL_BANDS, self.frames()));
        let mut bands = [0.0; MEL_BANDS];
        for (frame, mut column) in mel.columns_mut().into_iter().enumerate() {
            self.frame_power(frame, &mut bands);
            column
                .iter_mut()
                .zip(&bands)
                .for_each(|(value, &band)| *value = band as f32);
        }
        mel
    }

    /// Repeats or cuts `samples` to ten seconds and mirrors half a window at either end.
    fn fill_clip(&mut self, samples: &[f32]) {
        const MARGIN: usize = FFT_SAMPLES / 2;
        self.clip.clear();
        self.clip.resize(self.clip_samples + 2 * MARGIN, 0.0);
        let (middle, end) = (MARGIN, MARGIN + self.clip_samples);
        for (value, &sample) in self.clip[middle..end].iter_mut().zip(samples.iter().cycle()) {
            *value = sample;
        }
        if self.clip_samples > MARGIN {
            for distance in 1..=MARGIN {
                self.clip[middle - distance] = self.clip[middle + distance];
                self.clip[end - 1 + distance] = self.clip[end - 1 - distance];
            }
        }
    }

    #[allow(clippy::expect_used, reason = "the plan made the three buffers to its own measure")]
    fn frame_power(&mut self, frame: usize, bands: &mut [f64; MEL_BANDS]) {
        let samples = &self.clip[frame * HOP_SAMPLES..];
        for ((windowed, &sample), weight) in self.windowed.iter_mut().zip(samples).zip(&self.window) {
            *windowed = f64::from(sample) * weight;
        }
        self.fft
            .process_with_scratch(&mut self.windowed, &mut self.spectrum, &mut self.scratch)
            .expect("buffers made by the plan fit it");
        for (power, bin) in self.powers.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr();
        }
        self.filterbank.apply(&self.powers, bands);
    }
}

impl fmt::Debug for PaperSpectrogram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PaperSpectrogram")
            .field("clip_samples", &self.clip_samples)
            .finish_non_exhaustive()
    }
}

/// SpecAugment: silences a stretch of time and a stretch of mel bands of a **power** spectrogram `[bands, frames]`.
/// What of the ranges lies outside is ignored; an empty range masks nothing.
pub fn mask(power: &mut Array2<f32>, frames: Range<usize>, bands: Range<usize>) {
    let within =
        |range: Range<usize>, length: usize| range.start.min(length)..range.end.clamp(range.start.min(length), length);
    let (all_bands, all_frames) = power.dim();
    power.slice_mut(s![.., within(frames, all_frames)]).fill(0.0);
    power.slice_mut(s![within(bands, all_bands), ..]).fill(0.0);
}

/// Power to decibels in place: `10 · log10(max(power, 1e-10))`.
pub fn to_decibels(power: &mut Array2<f32>) {
    power.mapv_inplace(|power| 10.0 * power.max(LEAST_POWER).log10());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use ndarray::ArrayView2;

    use super::*;
    use crate::perception::golden::{self, Tensor, largest_difference};

    /// The golden file keeps all frames, or every seventh.
    fn kept(spectrogram: &Array2<f32>, golden: &Tensor) -> Vec<f32> {
        let step = if golden.shape[1] == spectrogram.ncols() { 1 } else { 7 };
        spectrogram.slice(s![.., ..;step]).iter().copied().collect()
    }

    #[test]
    fn agrees_with_the_golden_spectrograms() {
        let golden = golden::method("audio.safetensors");
        let clips: Vec<&str> = golden.keys().filter_map(|name| name.strip_prefix("wave.")).collect();
        assert!(!clips.is_empty());
        for clip in clips {
            let rate_hz = clip.split('.').next().unwrap().parse().unwrap();
            let wave = golden[&format!("wave.{clip}")].floats();
            let mut spectrogram = PaperSpectrogram::new(rate_hz);
            assert_eq!(
                spectrogram.frames() as f32,
                golden[&format!("frames.{clip}")].floats()[0]
            );

            let expected = &golden[&format!("mel_power.{clip}")];
            let largest = expected.floats().iter().copied().fold(0.0, f32::max);
            let worst = largest_difference(&kept(&spectrogram.power(&wave), expected), &expected.floats());
            assert!(worst < 1e-4 * largest, "{clip}: power off by {worst} of {largest}");

            let expected = &golden[&format!("mel_db.{clip}")];
            let worst = largest_difference(&kept(&spectrogram.compute(&wave), expected), &expected.floats());
            assert!(worst < 2e-3, "{clip}: off by {worst} dB");
        }
    }

    #[test]
    fn agrees_with_the_golden_masks() {
        let golden = golden::method("audio.safetensors");
        // Named `specaug_db.t{first frame}+{frames}.f{first band}+{bands}`.
        let (name, expected) = golden.iter().find(|(name, _)| name.starts_with("specaug_db.")).unwrap();
        let numbers: Vec<usize> = name
            .split(['.', '+', 't', 'f'])
            .filter_map(|part| part.parse().ok())
            .collect();
        let [frame, frames, band, bands] = numbers[..] else {
            panic!("{name}")
        };
        let mut power = PaperSpectrogram::new(16_000).power(&golden["wave.16000.3s"].floats());
        mask(&mut power, frame..frame + frames, band..band + bands);
        to_decibels(&mut power);
        let worst = largest_difference(&kept(&power, expected), &expected.floats());
        assert!(worst < 2e-3, "off by {worst} dB");
    }

    #[test]
    fn short_sounds_repeat_and_long_ones_are_cut() {
        let mut spectrogram = PaperSpectrogram::new(8000);
        let sound: Vec<f32> = (0..30_000).map(|i| (i as f32 * 0.37).sin() * 0.3).collect();
        let repeated: Vec<f32> = sound.iter().cycle().take(90_000).copied().collect();
        assert_eq!(spectrogram.compute(&sound), spectrogram.compute(&repeated));
        assert_eq!(spectrogram.compute(&repeated), spectrogram.compute(&repeated[..80_000]));
    }

    #[test]
    fn a_shorter_clip_is_the_start_of_a_longer_one() {
        let sound: Vec<f32> = (0..80_000).map(|i| (i as f32 * 0.37).sin() * 0.3).collect();
        let (mut short, mut whole) = (PaperSpectrogram::of_clip(8000, 24_000), PaperSpectrogram::new(8000));
        assert_eq!(short.frames(), 101);
        // The last two windows reach the end of the clip, where it is mirrored.
        let (short, whole) = (short.compute(&sound), whole.compute(&sound));
        assert_eq!(short.slice(s![.., ..99]), whole.slice(s![.., ..99]));
    }

    #[test]
    fn silence_and_nothing_are_minus_a_hundred_decibels() {
        for samples in [&[][..], &[0.0; 100]] {
            assert!(
                PaperSpectrogram::new(16_000)
                    .compute(samples)
                    .iter()
                    .all(|&decibels| decibels == -100.0)
            );
        }
    }

    #[test]
    fn absurd_rates_do_no_harm() {
        for rate_hz in [0, 1, 25, 26] {
            let mut spectrogram = PaperSpectrogram::new(rate_hz);
            let frames = spectrogram.frames();
            assert_eq!(spectrogram.compute(&[0.5, -0.5]).dim(), (MEL_BANDS, frames));
        }
    }

    #[test]
    fn masks_beyond_the_edges_are_cut() {
        let mut power = Array2::ones((3, 4));
        mask(&mut power, 3..9, 7..8);
        assert_eq!(
            power,
            ArrayView2::from_shape((3, 4), &[1., 1., 1., 0., 1., 1., 1., 0., 1., 1., 1., 0.]).unwrap()
        );
        #[allow(clippy::reversed_empty_ranges, reason = "a caller may compute such a range")]
        mask(&mut power, 9..3, 2..1);
        assert_eq!(power.sum(), 9.0);
    }
}
