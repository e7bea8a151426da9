//! How loud a stretch of sound is.

use serde::{Deserialize, Serialize};

/// A level in decibels relative to full scale (dBFS): 0 is the root mean square of a full-scale square wave, so that a
/// full-scale sine reads −3.01. Always a finite number.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Level(f32);

impl Default for Level {
    /// Silence.
    fn default() -> Self {
        Self::SILENCE
    }
}

impl Level {
    /// What digital silence reads: the range of 24-bit sound, which no microphone reaches.
    pub const SILENCE: Self = Self(-144.5);

    /// The loudest level there is: more than any sound in floating point that is worth the name.
    pub const LOUDEST: Self = Self(60.0);

    /// The level of `samples` (one channel, full scale −1..1) about their mean, because cheap microphones add a constant
    /// that nobody hears. No samples are silence; samples that are not numbers count as zero.
    pub fn of(samples: &[f32]) -> Self {
        let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
        for sample in samples.iter().filter(|sample| sample.is_finite()) {
            let sample = f64::from(*sample);
            sum += sample;
            squares += sample * sample;
        }
        let count = samples.len().max(1) as f64;
        let mean = sum / count;
        let variance = (squares / count - mean * mean).max(0.0);
        Self::from_decibels((10.0 * variance.log10()) as f32)
    }

    /// The level of so many dBFS, held between [`Level::SILENCE`], which also stands for what is not a number, and
    /// [`Level::LOUDEST`].
    pub fn from_decibels(decibels: f32) -> Self {
        if decibels > Self::SILENCE.0 {
            Self(decibels.min(Self::LOUDEST.0))
        } else {
            Self::SILENCE
        }
    }

    /// The level in dBFS.
    pub fn decibels(self) -> f32 {
        self.0
    }
}

/// A level outside what can be measured.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a level of {decibels} dBFS cannot be: it must lie between {} and {}", Level::SILENCE.0, Level::LOUDEST.0)]
pub struct ImpossibleLevel {
    /// The level given, in dBFS.
    decibels: f32,
}

impl TryFrom<f32> for Level {
    type Error = ImpossibleLevel;

    fn try_from(decibels: f32) -> Result<Self, ImpossibleLevel> {
        if (Self::SILENCE.0..=Self::LOUDEST.0).contains(&decibels) {
            Ok(Self(decibels))
        } else {
            Err(ImpossibleLevel { decibels })
        }
    }
}

impl From<Level> for f32 {
    fn from(level: Level) -> f32 {
        level.0
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:.1} dBFS", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sine(amplitude: f32, offset: f32) -> Vec<f32> {
        (0..1_600)
            .map(|n| offset + amplitude * (n as f32 * 0.05 * std::f32::consts::PI).sin())
            .collect()
    }

    #[test]
    fn levels_of_known_signals() {
        assert_eq!(Level::of(&[]), Level::SILENCE);
        assert_eq!(Level::of(&[0.25; 100]), Level::SILENCE);
        assert!((Level::of(&[1.0, -1.0, 1.0, -1.0]).decibels()).abs() < 1e-4);
        assert!((Level::of(&sine(1.0, 0.0)).decibels() + 3.0103).abs() < 1e-3);
        assert_eq!(Level::of(&sine(0.1, 0.0)).to_string(), "-23.0 dBFS");
    }

    #[test]
    fn a_constant_offset_is_not_sound() {
        let difference = Level::of(&sine(0.01, 0.3)).decibels() - Level::of(&sine(0.01, 0.0)).decibels();
        assert!(difference.abs() < 0.01, "{difference}");
    }

    proptest! {
        #[test]
        fn any_samples_have_a_level(bits in prop::collection::vec(any::<u32>(), 0..64)) {
            let samples: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
            let level = Level::of(&samples);
            prop_assert!(level.decibels().is_finite() && level >= Level::SILENCE);
        }

        #[test]
        fn a_level_is_kept_within_what_can_be_read_back(bits in any::<u32>()) {
            let level = Level::from_decibels(f32::from_bits(bits));
            prop_assert_eq!(Level::try_from(level.decibels()), Ok(level));
        }

        #[test]
        fn a_gain_shifts_the_level_by_its_decibels(gain in 0.01_f32..1.0) {
            let shift = Level::of(&sine(gain, 0.0)).decibels() - Level::of(&sine(1.0, 0.0)).decibels();
            prop_assert!((shift - 20.0 * gain.log10()).abs() < 0.01);
        }
    }
}
