//! YAMNet's front end: log-mel patches of 16 kHz sound.
//!
//! Window of 25 ms (periodic Hann) every 10 ms, FFT of 512, **magnitude** (not power), 64 mel bands over 125–7500 Hz,
//! `ln(mel + 0.001)`; 96 frames make a patch, one every 48. Source: the `params.py` and `features.py` published with
//! YAMNet (TensorFlow Model Garden).
//!
//! [`PatchStream`] serves a microphone and [`log_mel_patches`] a whole sound; both run the same [`LogMelFrame`], so
//! that a model is trained on the very numbers that it is served.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use ndarray::Array3;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::mel::MelFilterbank;

/// Samples per second that this front end takes; [`resample`](super::resample::resample) first what has another rate.
pub const RATE_HZ: u32 = 16_000;
/// Samples under one window.
pub const WINDOW_SAMPLES: usize = 400;
/// Samples from one frame to the next.
pub const HOP_SAMPLES: usize = 160;
/// Mel bands of one frame.
pub const BANDS: usize = 64;
/// Frames in one patch.
pub const PATCH_FRAMES: usize = 96;
/// Frames from one patch to the next.
pub const PATCH_HOP_FRAMES: usize = 48;
/// Values in one patch.
pub const PATCH_VALUES: usize = PATCH_FRAMES * BANDS;
/// Samples that one patch spans: 0.975 s.
pub const PATCH_SAMPLES: usize = WINDOW_SAMPLES + (PATCH_FRAMES - 1) * HOP_SAMPLES;
/// Samples from one patch to the next: 0.48 s.
pub const PATCH_HOP_SAMPLES: usize = PATCH_HOP_FRAMES * HOP_SAMPLES;

const FFT_SAMPLES: usize = 512;
const BINS: usize = FFT_SAMPLES / 2 + 1;
const LOWEST_HZ: f64 = 125.0;
const HIGHEST_HZ: f64 = 7500.0;
/// Added before the logarithm, so that silence stays finite.
const LOG_OFFSET: f32 = 0.001;

/// One window of sound → one log-mel frame. Allocates nothing once made.
struct LogMelFrame {
    window: Vec<f32>,
    fft: Arc<dyn RealToComplex<f32>>,
    windowed: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    magnitudes: Vec<f32>,
    filterbank: MelFilterbank<f32>,
}

impl fmt::Debug for LogMelFrame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LogMelFrame").finish_non_exhaustive()
    }
}

impl LogMelFrame {
    fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(FFT_SAMPLES);
        Self {
            window: (0..WINDOW_SAMPLES)
                .map(|i| (0.5 - 0.5 * (TAU * i as f64 / WINDOW_SAMPLES as f64).cos()) as f32)
                .collect(),
            windowed: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
            magnitudes: vec![0.0; BINS],
            filterbank: MelFilterbank::linear_in_mel(RATE_HZ, BINS, BANDS, LOWEST_HZ, HIGHEST_HZ),
        }
    }

    /// `samples`: [`WINDOW_SAMPLES`] of them.
    #[allow(clippy::expect_used, reason = "the plan made the three buffers to its own measure")]
    fn compute(&mut self, samples: &[f32], bands: &mut [f32; BANDS]) {
        let (head, tail) = self.windowed.split_at_mut(WINDOW_SAMPLES);
        for ((windowed, sample), weight) in head.iter_mut().zip(samples).zip(&self.window) {
            *windowed = sample * weight;
        }
        tail.fill(0.0);
        self.fft
            .process_with_scratch(&mut self.windowed, &mut self.spectrum, &mut self.scratch)
            .expect("buffers made by the plan fit it");
        for (magnitude, bin) in self.magnitudes.iter_mut().zip(&self.spectrum) {
            *magnitude = (bin.re * bin.re + bin.im * bin.im).sqrt();
        }
        self.filterbank.apply(&self.magnitudes, bands);
        for band in bands {
            *band = (*band + LOG_OFFSET).ln();
        }
    }
}

/// Log-mel frames of a stream: each is computed once, whatever the chunks that the samples come in.
///
/// Frame `k` since the last [`reset`](Self::reset) covers the samples `k · HOP_SAMPLES ..` over [`WINDOW_SAMPLES`].
/// Allocates nothing once made.
#[derive(Debug)]
pub struct LogMelStream {
    frame: LogMelFrame,
    pending: Vec<f32>,
    pending_samples: usize,
}

impl LogMelStream {
    /// A stream that has heard nothing yet.
    pub fn new() -> Self {
        Self {
            frame: LogMelFrame::new(),
            pending: vec![0.0; WINDOW_SAMPLES],
            pending_samples: 0,
        }
    }

    /// Takes any number of samples (mono, [`RATE_HZ`], −1..1) and gives `sink` every frame that they complete, in
    /// order.
    pub fn push(&mut self, mut samples: &[f32], mut sink: impl FnMut(&[f32; BANDS])) {
        let mut bands = [0.0; BANDS];
        while !samples.is_empty() {
            let (taken, rest) = samples.split_at(samples.len().min(WINDOW_SAMPLES - self.pending_samples));
            self.pending[self.pending_samples..][..taken.len()].copy_from_slice(taken);
            self.pending_samples += taken.len();
            samples = rest;
            if self.pending_samples == WINDOW_SAMPLES {
                self.frame.compute(&self.pending, &mut bands);
                sink(&bands);
                self.pending.copy_within(HOP_SAMPLES.., 0);
                self.pending_samples = WINDOW_SAMPLES - HOP_SAMPLES;
            }
        }
    }

    /// Forgets what it has heard: call it where samples were lost, for a window across the gap means nothing.
    pub fn reset(&mut self) {
        self.pending_samples = 0;
    }
}

impl Default for LogMelStream {
    fn default() -> Self {
        Self::new()
    }
}

/// Patches of a stream: one as soon as 96 frames are there, then one for every 48 more.
///
/// Patch `k` since the last [`reset`](Self::reset) covers the samples `k · PATCH_HOP_SAMPLES ..` over
/// [`PATCH_SAMPLES`]. Allocates nothing once made.
#[derive(Debug)]
pub struct PatchStream {
    frames: LogMelStream,
    patch: Box<[f32; PATCH_VALUES]>,
    filled_values: usize,
}

impl PatchStream {
    /// A stream that has heard nothing yet.
    pub fn new() -> Self {
        Self {
            frames: LogMelStream::new(),
            patch: Box::new([0.0; PATCH_VALUES]),
            filled_values: 0,
        }
    }

    /// Takes any number of samples (mono, [`RATE_HZ`], −1..1) and gives `sink` every patch that they complete, in
    /// order: `[96, 64]`, frames × bands, row-major.
    pub fn push(&mut self, samples: &[f32], mut sink: impl FnMut(&[f32; PATCH_VALUES])) {
        let Self {
            frames,
            patch,
            filled_values,
        } = self;
        frames.push(samples, |bands| {
            patch[*filled_values..][..BANDS].copy_from_slice(bands);
            *filled_values += BANDS;
            if *filled_values == PATCH_VALUES {
                sink(patch);
                patch.copy_within(PATCH_HOP_FRAMES * BANDS.., 0);
                *filled_values = PATCH_VALUES - PATCH_HOP_FRAMES * BANDS;
            }
        });
    }

    /// Forgets what it has heard: call it where samples were lost.
    pub fn reset(&mut self) {
        self.frames.reset();
        self.filled_values = 0;
    }
}

impl Default for PatchStream {
    fn default() -> Self {
        Self::new()
    }
}

/// All patches of a whole sound (mono, [`RATE_HZ`], −1..1): `[patches, 96, 64]`.
///
/// A sound shorter than a patch is padded with zeros to one, as YAMNet pads it; no samples, no patch. A longer one
/// gives every full patch, and one more that ends with the last frame where over half a patch hop of frames would else
/// go unheard.
pub fn log_mel_patches(samples: &[f32]) -> Array3<f32> {
    if samples.is_empty() {
        return Array3::zeros((0, PATCH_FRAMES, BANDS));
    }
    let mut frames = Vec::with_capacity(samples.len().max(PATCH_SAMPLES) / HOP_SAMPLES * BANDS);
    let mut stream = LogMelStream::new();
    let mut collect = |bands: &[f32; BANDS]| frames.extend_from_slice(bands);
    stream.push(samples, &mut collect);
    if samples.len() < PATCH_SAMPLES {
        stream.push(&vec![0.0; PATCH_SAMPLES - samples.len()], &mut collect);
    }

    let last_start = frames.len() / BANDS - PATCH_FRAMES;
    let mut starts: Vec<usize> = (0..=last_start).step_by(PATCH_HOP_FRAMES).collect();
    if last_start % PATCH_HOP_FRAMES > PATCH_HOP_FRAMES / 2 {
        starts.push(last_start);
    }
    Array3::from_shape_fn((starts.len(), PATCH_FRAMES, BANDS), |(patch, frame, band)| {
        frames[(starts[patch] + frame) * BANDS + band]
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::perception::golden;

    fn noise(length: usize) -> Vec<f32> {
        let mut state = 7u32;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state as f32 / u32::MAX as f32 - 0.5
            })
            .collect()
    }

    #[test]
    fn agrees_with_an_independent_restatement() {
        let golden = golden::front_ends();
        let wave = golden["log_mel.wave"].floats();
        for (samples, expected) in [
            (&wave[..], "log_mel.patches"),
            (&wave[..5000], "log_mel.patches_of_first_5000"),
        ] {
            let patches = log_mel_patches(samples);
            let expected = &golden[expected];
            assert_eq!(patches.shape(), expected.shape);
            let worst = golden::largest_difference(patches.as_slice().unwrap(), &expected.floats());
            assert!(worst < 2e-3, "off by {worst}");
        }
    }

    #[test]
    fn silence_is_the_logarithm_of_the_offset() {
        let patches = log_mel_patches(&[0.0; PATCH_SAMPLES]);
        assert!(patches.iter().all(|value| (value - 0.001f32.ln()).abs() < 1e-6));
    }

    #[test]
    fn number_of_patches_follows_the_length() {
        let after = |frames: usize| PATCH_SAMPLES + frames * HOP_SAMPLES;
        for (samples, patches) in [
            (0, 0),
            (1, 1),
            (PATCH_SAMPLES, 1),
            (after(24), 1),
            (after(25), 2),
            (after(48), 2),
            (after(48 + 25) - 1, 2),
            (after(48 + 25), 3),
        ] {
            assert_eq!(
                log_mel_patches(&vec![0.1; samples]).shape(),
                [patches, PATCH_FRAMES, BANDS],
                "{samples} samples"
            );
        }
    }

    #[test]
    fn last_patch_ends_with_the_last_frame() {
        let samples = noise(PATCH_SAMPLES + 30 * HOP_SAMPLES);
        let patches = log_mel_patches(&samples);
        let end = log_mel_patches(&samples[30 * HOP_SAMPLES..]);
        assert_eq!(
            patches.index_axis(ndarray::Axis(0), 1),
            end.index_axis(ndarray::Axis(0), 0)
        );
    }

    #[test]
    fn reset_forgets_what_came_before() {
        let samples = noise(2 * PATCH_SAMPLES);
        let collect = |stream: &mut PatchStream| {
            let mut patches = Vec::new();
            stream.push(&samples, |patch| patches.push(*patch));
            patches
        };
        let mut stream = PatchStream::new();
        let fresh = collect(&mut stream);
        stream.push(&samples[..777], |_| {});
        stream.reset();
        assert!(collect(&mut stream) == fresh);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn stream_and_whole_sound_agree_exactly(
            length in 0usize..50_000, chunks in prop::collection::vec(0usize..4000, 1..40),
        ) {
            let samples = noise(length);
            let mut streamed: Vec<[f32; PATCH_VALUES]> = Vec::new();
            let mut stream = PatchStream::new();
            let mut rest = &samples[..];
            for chunk in chunks {
                let (taken, left) = rest.split_at(chunk.min(rest.len()));
                stream.push(taken, |patch| streamed.push(*patch));
                rest = left;
            }
            stream.push(rest, |patch| streamed.push(*patch));

            let whole = log_mel_patches(&samples);
            let full = samples.len().checked_sub(PATCH_SAMPLES).map_or(0, |more| 1 + more / PATCH_HOP_SAMPLES);
            prop_assert_eq!(streamed.len(), full);
            for (streamed, whole) in streamed.iter().zip(whole.outer_iter()) {
                prop_assert_eq!(&streamed[..], whole.as_slice().unwrap());
            }
        }
    }
}
