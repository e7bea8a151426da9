//! Sounds that nothing in the picture makes: silence, noise, what another picture's source sounds like, and sounds that the user
//! names.

use std::fmt;

use lookhear::perception::listener::SoundEmbedding;
use lookhear::perception::localiser::LocaliserError;
use lookhear_board::Sound;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::model::Model;
use crate::dataset::soundscape::{decibels, hum, level_of, pink, white};

/// Samples a second of silence and noise.
const RATE_HZ: u32 = 16_000;
/// Length of silence and noise: that of the paper's input.
const SECONDS: usize = 10;
/// Mean levels of noise, in dB of full scale: barely heard, clear, loud.
const LEVELS_DB: [f32; 3] = [-60.0, -40.0, -20.0];

/// What sort of sound is put to a picture that does not show its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NegativeKind {
    /// Digital silence.
    Silence,
    /// White or pink noise or mains hum, at one of three levels.
    Noise,
    /// The sound of another picture, of another class where classes are known.
    OffScreen,
    /// A sound that the user named.
    Given,
}

impl NegativeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Silence, Self::Noise, Self::OffScreen, Self::Given];

    /// As it is called in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Noise => "noise",
            Self::OffScreen => "off_screen",
            Self::Given => "given",
        }
    }
}

impl fmt::Display for NegativeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name().replace('_', " "))
    }
}

/// Whether the negatives of an item help to find the threshold; those of the others are scored. Half of all ids do: those whose
/// SHA-256 is even in its first byte.
pub fn fits_threshold(id: &str) -> bool {
    Sha256::digest(id).first().is_some_and(|byte| byte % 2 == 0)
}

/// A number that belongs to an id and to nothing else: the second to ninth byte of its SHA-256, little-endian.
pub fn number_of(id: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes
        .iter_mut()
        .zip(Sha256::digest(id).iter().skip(1))
        .for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(bytes)
}

/// The sounds that go with any picture, heard once.
#[derive(Debug)]
pub struct NegativeSounds {
    silence: SoundEmbedding,
    noise: Vec<SoundEmbedding>,
    given: Vec<SoundEmbedding>,
}

impl NegativeSounds {
    /// Makes silence and noise, and hears them and the sounds `given`.
    ///
    /// # Errors
    /// Those of [`Model::hear`].
    pub fn new(model: &mut Model, given: &[Sound], seed: u64) -> Result<Self, LocaliserError> {
        let hear = |model: &mut Model, samples| {
            model.hear(&Sound {
                samples,
                rate_hz: RATE_HZ,
            })
        };
        let length = RATE_HZ as usize * SECONDS;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut noise = Vec::new();
        for colour in [white, pink, hum] {
            let plain = colour(length, &mut random);
            for level in LEVELS_DB {
                let gain = decibels(level) / level_of(&plain).max(1e-6);
                noise.push(hear(model, plain.iter().map(|sample| sample * gain).collect())?);
            }
        }
        Ok(Self {
            silence: hear(model, vec![0.0; length])?,
            noise,
            given: given.iter().map(|sound| model.hear(sound)).collect::<Result<_, _>>()?,
        })
    }

    /// What is put to the picture of an item: one of each kind there is, which one by the id.
    pub fn of(&self, id: &str) -> Vec<(NegativeKind, &SoundEmbedding)> {
        let pick = |sounds: &'_ [SoundEmbedding]| (!sounds.is_empty()).then(|| number_of(id) as usize % sounds.len());
        let mut chosen = vec![(NegativeKind::Silence, &self.silence)];
        chosen.extend(pick(&self.noise).map(|index| (NegativeKind::Noise, &self.noise[index])));
        chosen.extend(pick(&self.given).map(|index| (NegativeKind::Given, &self.given[index])));
        chosen
    }
}

/// Which of `others` (an id and a class each) is put to the picture of `id` as the sound of something off screen: the first of
/// another class (of another id, where a class is not known), from a place on that belongs to the id. `None` where there is none.
pub fn off_screen(id: &str, class: Option<&str>, others: &[(&str, Option<&str>)]) -> Option<usize> {
    let start = number_of(id) as usize % others.len().max(1);
    (start..others.len()).chain(0..start).find(|&index| {
        let (other, other_class) = others[index];
        other != id && class.is_none_or(|class| other_class != Some(class))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_half_of_all_ids_fit_the_threshold() {
        let fitting = (0..1000)
            .filter(|index| fits_threshold(&format!("item-{index}")))
            .count();
        assert!((450..550).contains(&fitting), "{fitting}");
        assert!(fits_threshold("a") && !fits_threshold(""));
    }

    #[test]
    fn what_is_off_screen_is_of_another_class() {
        let others = [("a", Some("dog")), ("b", Some("dog")), ("c", Some("cat"))];
        assert_eq!(off_screen("a", Some("dog"), &others), Some(2));
        assert_ne!(off_screen("c", Some("cat"), &others), Some(2));
        assert_eq!(off_screen("a", Some("dog"), &others[..2]), None);
        assert_ne!(off_screen("a", None, &others), Some(0));
        assert_eq!(off_screen("a", None, &[]), None);
    }
}
