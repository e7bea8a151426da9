//! Change of sample rate for a sound that goes on.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, Resampler};

use super::resample::{ResampleError, SUPPORTED_RATES_HZ, filter};

/// Resamples stretch after stretch of one sound, sample for sample as [`super::resample::resample`] does the whole.
///
/// Nothing is shifted in time: sample `i` of all that comes out lies at `i / to` seconds after the first that went in. It only
/// comes out later, by no more than [`Self::delay_samples`].
pub struct StreamResampler {
    /// None where both rates are the same.
    conversion: Option<Conversion>,
}

struct Conversion {
    resampler: Fft<f32>,
    /// What has not yet been resampled; as long as a block once it is full.
    input: Vec<f32>,
    filled: usize,
    output: Vec<f32>,
    /// Samples of the output that still lie before the sound's first.
    before: usize,
}

impl StreamResampler {
    /// A resampler from one rate to another, both in samples a second.
    ///
    /// # Errors
    /// [`ResampleError::RateOutOfRange`] for a rate outside [`SUPPORTED_RATES_HZ`].
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, ResampleError> {
        for rate_hz in [from_hz, to_hz] {
            if !SUPPORTED_RATES_HZ.contains(&rate_hz) {
                return Err(ResampleError::RateOutOfRange { rate_hz });
            }
        }
        if from_hz == to_hz {
            return Ok(Self { conversion: None });
        }
        let resampler = filter(from_hz, to_hz)?;
        let conversion = Conversion {
            input: vec![0.0; resampler.input_frames_next()],
            filled: 0,
            output: vec![0.0; resampler.output_frames_next()],
            before: resampler.output_delay(),
            resampler,
        };
        Ok(Self {
            conversion: Some(conversion),
        })
    }

    /// Takes in a stretch of any length and hands what it completes to `sink`, in stretches that follow each other.
    pub fn push(&mut self, mut samples: &[f32], mut sink: impl FnMut(&[f32])) {
        let Some(conversion) = &mut self.conversion else {
            sink(samples);
            return;
        };
        while !samples.is_empty() {
            let room = conversion.input.len() - conversion.filled;
            let (fitting, rest) = samples.split_at(room.min(samples.len()));
            conversion.input[conversion.filled..][..fitting.len()].copy_from_slice(fitting);
            conversion.filled += fitting.len();
            samples = rest;
            if conversion.filled == conversion.input.len() {
                sink(conversion.convert());
            }
        }
    }

    /// How many samples of its output it may lie behind its input: those of the block being filled and those of the filter.
    pub fn delay_samples(&self) -> usize {
        let conversion = self.conversion.as_ref();
        conversion.map_or(0, |conversion| {
            conversion.output.len() + conversion.resampler.output_delay()
        })
    }

    /// Forgets what went in, as it must when samples were lost. What comes out then begins with the next sample that goes in.
    pub fn reset(&mut self) {
        if let Some(conversion) = &mut self.conversion {
            conversion.resampler.reset();
            conversion.filled = 0;
            conversion.before = conversion.resampler.output_delay();
        }
    }
}

impl Conversion {
    /// Resamples a full block.
    fn convert(&mut self) -> &[f32] {
        self.filled = 0;
        let (taken, given) = (self.input.len(), self.output.len());
        let input = SequentialSlice::new(&self.input, 1, taken);
        let output = SequentialSlice::new_mut(&mut self.output, 1, given);
        // Block and buffers are of the lengths that the resampler named, so that it has nothing to refuse.
        if let (Ok(input), Ok(mut output)) = (input, output) {
            let _ = self.resampler.process_into_buffer(&input, &mut output, None);
        }
        let skipped = self.before.min(given);
        self.before -= skipped;
        &self.output[skipped..]
    }
}

impl std::fmt::Debug for StreamResampler {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("StreamResampler")
            .field("delay_samples", &self.delay_samples())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use lookhear_board::Sound;
    use proptest::prelude::*;

    use super::super::resample::resample;
    use super::*;

    /// The whole of a sound in stretches of a length.
    fn streamed(sound: &Sound, to_hz: u32, stretch: usize) -> Vec<f32> {
        let mut resampler = StreamResampler::new(sound.rate_hz, to_hz).unwrap();
        let mut out = Vec::new();
        for samples in sound.samples.chunks(stretch) {
            resampler.push(samples, |samples| out.extend_from_slice(samples));
        }
        out
    }

    /// A sound with something at every frequency.
    fn noise(samples: usize, rate_hz: u32) -> Sound {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        Sound {
            samples: (0..samples).map(|_| next()).collect(),
            rate_hz,
        }
    }

    #[test]
    fn a_stream_gives_what_the_whole_gives() {
        for (from, to) in [
            (48_000, 16_000),
            (44_100, 16_000),
            (32_000, 16_000),
            (8_000, 16_000),
            (96_000, 16_000),
        ] {
            let sound = noise(from as usize, from);
            let whole = resample(&sound, to).unwrap().samples;
            for stretch in [1, 160, 961, 100_000] {
                let out = streamed(&sound, to, stretch);
                assert_eq!(out, whole[..out.len()], "{from} to {to} in stretches of {stretch}");
            }
        }
    }

    #[test]
    fn it_lies_behind_by_no_more_than_it_says() {
        for (from, to) in [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (16_000, 16_000)] {
            let mut resampler = StreamResampler::new(from, to).unwrap();
            let (mut given, mut taken) = (0usize, 0usize);
            for _ in 0..2000 {
                resampler.push(&[0.1; 37], |samples| given += samples.len());
                taken += 37;
                let due = taken * to as usize / from as usize;
                assert!(
                    given <= due && due - given <= resampler.delay_samples(),
                    "{from} to {to}: {given} of {due}"
                );
            }
        }
    }

    #[test]
    fn equal_rates_pass_through() {
        let sound = noise(1000, 16_000);
        assert_eq!(streamed(&sound, 16_000, 7), sound.samples);
        assert_eq!(StreamResampler::new(16_000, 16_000).unwrap().delay_samples(), 0);
    }

    #[test]
    fn after_a_reset_it_is_as_new() {
        let sound = noise(20_000, 48_000);
        let mut resampler = StreamResampler::new(48_000, 16_000).unwrap();
        resampler.push(&sound.samples[..12_345], |_| ());
        resampler.reset();
        let mut out = Vec::new();
        resampler.push(&sound.samples, |samples| out.extend_from_slice(samples));
        assert_eq!(out, streamed(&sound, 16_000, 480));
    }

    #[test]
    fn absurd_rates_are_errors() {
        for (from, to) in [(0, 16_000), (16_000, 0), (u32::MAX, 16_000)] {
            let error = StreamResampler::new(from, to).unwrap_err();
            assert!(matches!(error, ResampleError::RateOutOfRange { .. }), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn how_it_is_cut_does_not_matter(cuts in prop::collection::vec(0usize..3000, 1..20), from in 80u32..960) {
            let from = from * 100;
            let sound = noise(cuts.iter().sum(), from);
            let mut resampler = StreamResampler::new(from, 16_000).unwrap();
            let (mut rest, mut out) = (sound.samples.as_slice(), Vec::new());
            for cut in cuts {
                let (stretch, after) = rest.split_at(cut);
                resampler.push(stretch, |samples| out.extend_from_slice(samples));
                rest = after;
            }
            prop_assert_eq!(out, streamed(&sound, 16_000, 480));
        }
    }
}
