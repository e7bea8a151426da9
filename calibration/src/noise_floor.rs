//! From a recording of the quiet room to the level above which there is a sound to look for.

use serde::{Deserialize, Serialize};

use crate::{FitError, Level, Sorted};

/// What the levels are called in errors.
const LEVELS: &str = "levels of the quiet room";

/// The share of the quiet blocks from whose level the gate is built: the loudest twentieth may hold a step or a cough.
const LOUD_SHARE: f64 = 0.95;

/// What a recording of the quiet room says about the microphone and the room.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseFloorFit {
    /// The median level of the quiet room, in dBFS.
    pub floor: Level,
    /// The level above which a block holds a sound, in dBFS.
    pub gate: Level,
    /// How many blocks of the quiet room were heard.
    pub blocks: usize,
}

impl NoiseFloorFit {
    /// Finds the floor as the median of the levels of blocks of the quiet room, and the gate `margin_decibels` above the
    /// level that 95 % of them stay below. The median and the quantile keep a single loud event from moving either.
    ///
    /// # Errors
    /// [`FitError::TooFew`] without levels, [`FitError::NoSignal`] when half the blocks or more are digital silence,
    /// [`FitError::Setting`] when the margin is negative or not finite.
    pub fn fit(levels: &[Level], margin_decibels: f32) -> Result<Self, FitError> {
        if !(0.0..=100.0).contains(&margin_decibels) {
            return Err(FitError::Setting {
                setting: "the margin above the noise floor",
                value: f64::from(margin_decibels),
                range: "between 0 and 100 dB",
            });
        }
        let decibels: Vec<f32> = levels.iter().map(|level| level.decibels()).collect();
        let sorted = Sorted::new(LEVELS, &decibels)?;
        let floor = Level::from_decibels(sorted.median());
        if floor <= Level::SILENCE {
            return Err(FitError::NoSignal);
        }
        let gate = Level::from_decibels(sorted.quantile(LOUD_SHARE) + margin_decibels);
        Ok(Self {
            floor,
            gate,
            blocks: levels.len(),
        })
    }

    /// Whether a block of this level holds more than the room's own noise.
    pub fn is_open(&self, level: Level) -> bool {
        level > self.gate
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn levels(decibels: &[f32]) -> Vec<Level> {
        decibels.iter().copied().map(Level::from_decibels).collect()
    }

    #[test]
    fn one_cough_moves_neither_floor_nor_gate() {
        let mut quiet = vec![-60.0; 100];
        let before = NoiseFloorFit::fit(&levels(&quiet), 6.0).unwrap();
        quiet[17] = -5.0;
        assert_eq!(NoiseFloorFit::fit(&levels(&quiet), 6.0).unwrap(), before);
        assert_eq!((before.floor.decibels(), before.gate.decibels()), (-60.0, -54.0));
        assert!(!before.is_open(Level::from_decibels(-54.0)));
        assert!(before.is_open(Level::from_decibels(-53.9)));
    }

    #[test]
    fn a_muted_microphone_is_told_apart_from_a_quiet_room() {
        assert_eq!(NoiseFloorFit::fit(&[Level::SILENCE; 20], 6.0), Err(FitError::NoSignal));
        assert!(matches!(NoiseFloorFit::fit(&[], 6.0), Err(FitError::TooFew { .. })));
        let negative = NoiseFloorFit::fit(&levels(&[-60.0]), -1.0).unwrap_err();
        assert_eq!(
            negative.to_string(),
            "the margin above the noise floor is -1: it must be between 0 and 100 dB"
        );
    }

    proptest! {
        #[test]
        fn few_quiet_blocks_open_the_gate(
            decibels in prop::collection::vec(-100.0_f32..0.0, 1..200), margin in 0.0_f32..30.0,
        ) {
            let levels = levels(&decibels);
            let fit = NoiseFloorFit::fit(&levels, margin).unwrap();
            prop_assert!(fit.gate >= fit.floor);
            let open = levels.iter().filter(|level| fit.is_open(**level)).count();
            prop_assert!(open as f64 <= (levels.len() as f64 * (1.0 - LOUD_SHARE)).ceil());
        }
    }
}
