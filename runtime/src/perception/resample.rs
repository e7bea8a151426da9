//! Change of sample rate for whole sounds.

use std::ops::RangeInclusive;

use lookhear_board::Sound;
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler};

/// Sample rates that any part of perception accepts: from the lowest that still carries speech to the highest that
/// sound cards offer.
pub const SUPPORTED_RATES_HZ: RangeInclusive<u32> = 1_000..=768_000;

/// Least length, in samples of the slower side, of the anti-aliasing filter: the longer, the closer its edge lies to
/// the Nyquist frequency.
const FILTER_SAMPLES: usize = 1024;

/// Why a sound could not be resampled.
#[derive(Debug, thiserror::Error)]
pub enum ResampleError {
    /// One of the two rates is no sound's. Correct the rate.
    #[error(
        "a sample rate of {rate_hz} Hz is out of range: give one between {} and {} Hz",
        SUPPORTED_RATES_HZ.start(),
        SUPPORTED_RATES_HZ.end()
    )]
    RateOutOfRange {
        /// The offending rate.
        rate_hz: u32,
    },
    /// The two rates are each fine, but the resampler refuses the pair.
    #[error("cannot resample from {from_hz} to {to_hz} Hz: {reason}; choose a common rate")]
    Refused {
        /// Rate of the sound that was given.
        from_hz: u32,
        /// Rate that was asked for.
        to_hz: u32,
        /// What the resampler said.
        reason: String,
    },
}

/// The same sound at `rate_hz`, band-limited to the lower of both Nyquist frequencies.
///
/// Nothing is shifted in time: sample `i` of the result lies at `i / rate_hz` seconds, and there are `round(n · to /
/// from)` of them. Equal rates give an exact copy.
///
/// # Errors
/// [`ResampleError::RateOutOfRange`] for a rate outside [`SUPPORTED_RATES_HZ`].
pub fn resample(sound: &Sound, rate_hz: u32) -> Result<Sound, ResampleError> {
    for rate_hz in [sound.rate_hz, rate_hz] {
        if !SUPPORTED_RATES_HZ.contains(&rate_hz) {
            return Err(ResampleError::RateOutOfRange { rate_hz });
        }
    }
    if sound.rate_hz == rate_hz || sound.samples.is_empty() {
        return Ok(Sound {
            samples: sound.samples.clone(),
            rate_hz,
        });
    }
    let refused = |reason: String| refusal(sound.rate_hz, rate_hz, reason);
    let mut resampler = filter(sound.rate_hz, rate_hz)?;
    let length = sound.samples.len();
    let input = InterleavedOwned::new_from(sound.samples.clone(), 1, length).map_err(|e| refused(e.to_string()))?;
    let mut samples = resampler
        .process_all(&input, length, None)
        .map_err(|e| refused(e.to_string()))?
        .take_data();
    samples.resize(resampled_length(length, sound.rate_hz as usize, rate_hz as usize), 0.0);
    Ok(Sound { samples, rate_hz })
}

/// The filter between two different rates, with blocks of a fixed length on both sides.
pub(super) fn filter(from_hz: u32, to_hz: u32) -> Result<Fft<f32>, ResampleError> {
    let (from, to) = (from_hz as usize, to_hz as usize);
    let common = greatest_common_divisor(from, to);
    // The filter delays by half a block: only a block of an even number of samples on both sides makes that a whole
    // number.
    let blocks = FILTER_SAMPLES.div_ceil(from.min(to) / common).next_multiple_of(2);
    Fft::new(from, to, blocks * (from / common), 1, FixedSync::Both)
        .map_err(|error| refusal(from_hz, to_hz, error.to_string()))
}

fn refusal(from_hz: u32, to_hz: u32, reason: String) -> ResampleError {
    ResampleError::Refused { from_hz, to_hz, reason }
}

/// `round(length · to / from)`.
fn resampled_length(length: usize, from: usize, to: usize) -> usize {
    ((length as u128 * to as u128 + from as u128 / 2) / from as u128) as usize
}

/// Euclid's algorithm.
fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::f64::consts::TAU;

    use proptest::prelude::*;

    use super::*;

    fn sine(frequency_hz: f64, phase: f64, rate_hz: u32, seconds: f64) -> Sound {
        let samples = (0..(seconds * f64::from(rate_hz)) as usize)
            .map(|i| (0.5 * (TAU * frequency_hz * i as f64 / f64::from(rate_hz) + phase).sin()) as f32)
            .collect();
        Sound { samples, rate_hz }
    }

    #[test]
    fn sine_keeps_frequency_level_and_phase() {
        for (from, to) in [
            (48_000, 16_000),
            (44_100, 16_000),
            (16_000, 48_000),
            (8_000, 16_000),
            (22_050, 44_100),
            (16_001, 16_000),
        ] {
            let out = resample(&sine(997.0, 0.7, from, 1.0), to).unwrap();
            let expected = sine(997.0, 0.7, to, 1.0);
            assert_eq!(out.samples.len(), expected.samples.len());
            // The ends ring, for the sine begins and stops there.
            let margin = out.samples.len() / 5;
            let worst = out.samples[margin..out.samples.len() - margin]
                .iter()
                .zip(&expected.samples[margin..])
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 1e-4, "{from} → {to}: off by {worst}");
        }
    }

    #[test]
    fn what_lies_above_the_new_nyquist_frequency_vanishes() {
        let out = resample(&sine(10_000.0, 0.0, 48_000, 1.0), 16_000).unwrap();
        let worst = out.samples[4000..12_000]
            .iter()
            .fold(0.0, |worst: f32, s| worst.max(s.abs()));
        assert!(worst < 1e-4, "{worst}");
    }

    #[test]
    fn impulse_stays_in_place() {
        for (from, to) in [
            (48_000u32, 16_000u32),
            (44_100, 16_000),
            (16_000, 44_100),
            (96_000, 16_000),
        ] {
            let mut samples = vec![0.0; from as usize];
            samples[from as usize / 4] = 1.0;
            let out = resample(&Sound { samples, rate_hz: from }, to).unwrap();
            let loudest = (0..out.samples.len())
                .max_by(|&a, &b| out.samples[a].total_cmp(&out.samples[b]))
                .unwrap();
            assert_eq!(loudest, to as usize / 4, "{from} → {to}");
            let (before, after) = (out.samples[loudest - 1], out.samples[loudest + 1]);
            assert!(
                (before - after).abs() < 1e-3,
                "{from} → {to}: leans, {before} against {after}"
            );
        }
    }

    #[test]
    fn equal_rates_pass_through() {
        let sound = sine(440.0, 0.1, 16_000, 0.1);
        assert_eq!(resample(&sound, 16_000).unwrap(), sound);
    }

    #[test]
    fn absurd_rates_are_errors() {
        for (from, to) in [
            (0, 16_000),
            (16_000, 0),
            (16_000, 999),
            (768_001, 16_000),
            (u32::MAX, u32::MAX),
        ] {
            let error = resample(
                &Sound {
                    samples: vec![0.0; 10],
                    rate_hz: from,
                },
                to,
            )
            .unwrap_err();
            assert!(matches!(error, ResampleError::RateOutOfRange { .. }), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn length_is_right_and_a_constant_keeps_its_level(
            length in 0usize..3000, from in 40u32..480, to in 40u32..480, level in -1.0f32..1.0,
        ) {
            let (from, to) = (from * 100, to * 100);
            let out = resample(&Sound { samples: vec![level; length], rate_hz: from }, to).unwrap();
            prop_assert_eq!(out.rate_hz, to);
            prop_assert_eq!(out.samples.len(), (length as f64 * f64::from(to) / f64::from(from)).round() as usize);
            if length as u32 > from / 20 {
                let middle = out.samples[out.samples.len() / 2];
                prop_assert!((middle - level).abs() < 0.02, "{} not {}", middle, level);
            }
        }
    }
}
