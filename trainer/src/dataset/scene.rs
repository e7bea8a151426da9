//! Scenes: a picture with one kind of thing that sounds and others that do not, and what is heard.

use std::collections::BTreeMap;

use image::RgbImage;
use lookhear_board::{Picture, Sound};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::error::DatasetError;
use super::library::Library;
use super::soundscape;
use super::view::{self, View};
use crate::corpus::{Bounds, Corpus, LabelledBox, SOUND_RATE_HZ, Split};

/// Photographs tried before a scene is composed instead.
const PHOTOGRAPH_ATTEMPTS: usize = 6;

/// How scenes are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Side of the square pictures, in pixels.
    pub side: u32,
    /// Length of the sounds.
    pub seconds: f32,
    /// Share of scenes that are real photographs, where the corpus has any.
    pub photograph_share: f64,
    /// Longer side of a composed thing over that of the picture: smallest and largest.
    pub thing_size: [f32; 2],
    /// Let only those categories sound whose sounds are known to be what they are called.
    pub confirmed_only: bool,
    /// Share of scenes in which a person speaks, where the corpus has both; left out, as often as any other category.
    pub speech_share: Option<f64>,
}

/// The category of people who speak.
const SPEECH: &str = "person_speech";

impl Default for Settings {
    fn default() -> Self {
        Self {
            side: 448,
            seconds: 3.0,
            photograph_share: 0.3,
            thing_size: [0.2, 0.6],
            confirmed_only: true,
            speech_share: None,
        }
    }
}

/// What kind of truth a scene holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SceneKind {
    /// Composed; what sounds is in view.
    Composed,
    /// A real photograph; what sounds is in view.
    Photograph,
    /// What sounds is not in view.
    OffScreen,
    /// Nothing sounds.
    Silence,
    /// Noise without a source.
    Noise,
}

/// A picture and what is heard with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// What kind of truth it holds.
    pub kind: SceneKind,
    /// The picture: RGB, square.
    pub picture: Picture,
    /// The sound, mono, 16 kHz.
    pub sound: Sound,
    /// What sounds; none for silence and noise.
    pub category: Option<String>,
    /// Where what sounds is in the picture; empty where it is not in view.
    pub boxes: Vec<Bounds>,
    /// What else is in the picture.
    pub silent: Vec<LabelledBox>,
    /// The corpus file that shows what sounds (for [`SceneKind::OffScreen`] and the like: the main thing in view).
    pub picture_id: String,
    /// The corpus file that is heard; empty for silence and noise.
    pub sound_id: String,
    /// Scenes whose sounds come from one recording have the same group: a loss must not tell them apart. Empty for silence and noise.
    pub sound_group: String,
}

/// Makes any number of scenes out of one part of a corpus.
#[derive(Debug)]
pub struct Composer {
    pub(super) library: Library,
    pub(super) settings: Settings,
    seed: u64,
    /// Categories that can sound and be composed.
    pub(super) composable: Vec<String>,
    /// Photographs, by category that can sound, by their place in the library.
    pub(super) photographs: BTreeMap<String, Vec<usize>>,
}

impl Composer {
    /// A composer for one part of a corpus, with default settings. Its scenes follow from `seed`.
    pub fn new(corpus: &Corpus, split: Split, seed: u64) -> Result<Self, DatasetError> {
        Self::with_settings(corpus, split, seed, Settings::default())
    }

    /// A composer with its own settings.
    pub fn with_settings(corpus: &Corpus, split: Split, seed: u64, settings: Settings) -> Result<Self, DatasetError> {
        let library = Library::new(corpus, split);
        let sounds = |category: &str| {
            library.sounds.contains_key(category) && (!settings.confirmed_only || library.is_confirmed(category))
        };
        let composable: Vec<_> = library
            .pictures
            .keys()
            .filter(|category| sounds(category))
            .cloned()
            .collect();
        let mut photographs: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, photograph) in library.photographs.iter().enumerate() {
            let large = photograph
                .item
                .boxes
                .iter()
                .filter(|labelled| view::area(&labelled.bounds) >= view::MIN_SOUNDING_AREA);
            let mut categories: Vec<_> = large
                .map(|labelled| &labelled.category)
                .filter(|category| sounds(category))
                .collect();
            categories.sort_unstable();
            categories.dedup();
            for category in categories {
                photographs.entry(category.clone()).or_default().push(index);
            }
        }
        if composable.len() < 2 {
            return Err(library.too_little("fewer than two categories with both a picture and a sound"));
        }
        if library.backgrounds.is_empty() {
            return Err(library.too_little("no background"));
        }
        Ok(Self {
            library,
            settings,
            seed,
            composable,
            photographs,
        })
    }

    /// Categories that sound in the scenes of this composer.
    pub fn categories(&self) -> Vec<&str> {
        let mut categories: Vec<_> = self
            .composable
            .iter()
            .chain(self.photographs.keys())
            .map(String::as_str)
            .collect();
        categories.sort_unstable();
        categories.dedup();
        categories
    }

    /// The scene of that number, with what sounds in view. The same seed and number give the same scene.
    pub fn compose(&self, index: u64) -> Result<Scene, DatasetError> {
        let mut random = self.random(Stream::Scene, index);
        let (kind, category, view) = self.draw_view(&mut random)?;
        let heard = self.draw_recording(&category, &mut random)?;
        Ok(self.scene(kind, view, Some(heard)))
    }

    /// A scene in which what is heard, if anything, is not in view: half of them sounds of other things (where any are not
    /// in view), the rest silence and noise.
    pub fn negative(&self, index: u64) -> Result<Scene, DatasetError> {
        let mut random = self.random(Stream::Negative, index);
        let (_, category, view) = self.draw_view(&mut random)?;
        match random.random_range(0..8) {
            0..4 => {
                let in_view = |other: &str| {
                    let shown = view.silent.iter().map(|labelled| labelled.category.as_str());
                    shown
                        .chain([category.as_str()])
                        .any(|shown| self.library.alike(shown, other))
                };
                let absent: Vec<_> = self
                    .library
                    .sounds
                    .keys()
                    .filter(|other| self.library.is_confirmed(other) && !in_view(other))
                    .collect();
                match absent.choose(&mut random) {
                    Some(absent) => {
                        let heard = self.draw_recording(absent, &mut random)?;
                        Ok(self.scene(SceneKind::OffScreen, view, Some(heard)))
                    }
                    None => Ok(self.noisy(view, &mut random)),
                }
            }
            4 => {
                let mut scene = self.scene(SceneKind::Silence, view, None);
                scene.sound.samples = soundscape::silence(self.sound_length(), &mut random);
                Ok(scene)
            }
            _ => Ok(self.noisy(view, &mut random)),
        }
    }

    fn noisy(&self, view: View, random: &mut ChaCha8Rng) -> Scene {
        let mut scene = self.scene(SceneKind::Noise, view, None);
        scene.sound.samples = soundscape::noise(self.sound_length(), random);
        scene
    }

    /// A sound that belongs to no picture: of categories that the part never shows (three in eight, where it has any), silence, or noise.
    pub fn stray(&self, index: u64) -> Result<Sound, DatasetError> {
        let mut random = self.random(Stream::Stray, index);
        let is_shown = |category: &str| {
            let library = &self.library;
            let in_photograph = library.photographs.iter().flat_map(|photograph| &photograph.item.boxes);
            library.pictures.contains_key(category)
                || library.silent.contains_key(category)
                || in_photograph.into_iter().any(|labelled| labelled.category == category)
        };
        let unseen: Vec<_> = self
            .library
            .sounds
            .keys()
            .filter(|category| !is_shown(category))
            .collect();
        let draw = random.random_range(0..8);
        let samples = match (draw, unseen.choose(&mut random)) {
            (0..3, Some(category)) => return Ok(self.draw_recording(category, &mut random)?.sound),
            (3, _) => soundscape::silence(self.sound_length(), &mut random),
            _ => soundscape::noise(self.sound_length(), &mut random),
        };
        Ok(Sound {
            samples,
            rate_hz: SOUND_RATE_HZ,
        })
    }

    fn draw_view(&self, random: &mut ChaCha8Rng) -> Result<(SceneKind, String, View), DatasetError> {
        if !self.photographs.is_empty() && random.random_bool(self.settings.photograph_share) {
            let categories: Vec<_> = self.photographs.keys().map(String::as_str).collect();
            for _ in 0..PHOTOGRAPH_ATTEMPTS {
                let Some(category) = self.draw_category(&categories, random) else {
                    break;
                };
                if let Some(view) = self.draw_photograph(category, self.settings.side, random)? {
                    return Ok((SceneKind::Photograph, category.to_owned(), view));
                }
            }
        }
        let composable: Vec<_> = self.composable.iter().map(String::as_str).collect();
        let category = self
            .draw_category(&composable, random)
            .ok_or_else(|| self.library.too_little("no category"))?;
        let silent = random.random_range(1..=3);
        let view = view::compose(
            &self.library,
            category,
            silent,
            self.settings.side,
            self.settings.thing_size,
            random,
        )?;
        Ok((SceneKind::Composed, category.to_owned(), view))
    }

    /// One of the categories; speech as often as the settings ask for.
    pub(super) fn draw_category<'a>(&self, categories: &[&'a str], random: &mut ChaCha8Rng) -> Option<&'a str> {
        let speech = categories.iter().position(|category| *category == SPEECH);
        match (speech, self.settings.speech_share) {
            (Some(speech), Some(share)) if categories.len() > 1 => {
                if random.random_bool(share.clamp(0.0, 1.0)) {
                    return categories.get(speech).copied();
                }
                let other = random.random_range(0..categories.len() - 1);
                categories.get(if other < speech { other } else { other + 1 }).copied()
            }
            _ => categories.choose(random).copied(),
        }
    }

    /// A crop of a photograph with that category; those that show other categories as well are three times as likely.
    pub(super) fn draw_photograph(
        &self,
        category: &str,
        side: u32,
        random: &mut ChaCha8Rng,
    ) -> Result<Option<View>, DatasetError> {
        let Some(candidates) = self.photographs.get(category) else {
            return Ok(None);
        };
        let weight = |index: &usize| {
            let boxes = &self.library.photographs[*index].item.boxes;
            if boxes
                .iter()
                .any(|labelled| !self.library.alike(&labelled.category, category))
            {
                3.0
            } else {
                1.0
            }
        };
        let Ok(index) = candidates.choose_weighted(random, weight) else {
            return Ok(None);
        };
        let Some(mut view) = view::crop_photograph(&self.library.photographs[*index], category, side, random)? else {
            return Ok(None);
        };
        // Something alike, such as goats among sheep, is neither right nor wrong: where it stands out the photograph has no clear truth.
        let largest = |boxes: &mut dyn Iterator<Item = &Bounds>| boxes.map(view::area).fold(0.0, f32::max);
        let is_alike = |labelled: &&LabelledBox| self.library.alike(&labelled.category, category);
        let alike = largest(&mut view.silent.iter().filter(is_alike).map(|labelled| &labelled.bounds));
        if alike > 0.5 * largest(&mut view.boxes.iter()) {
            return Ok(None);
        }
        view.silent
            .retain(|labelled| !self.library.alike(&labelled.category, category));
        Ok(Some(view))
    }

    pub(super) fn draw_recording(&self, category: &str, random: &mut ChaCha8Rng) -> Result<Heard, DatasetError> {
        let recordings = self.library.sounds.get(category);
        let recording = recordings
            .and_then(|all| all.choose(random))
            .ok_or_else(|| self.library.too_little("no sound of a category"))?;
        let samples = soundscape::compose(&self.library, category, &recording.get()?, self.sound_length(), random)?;
        Ok(Heard {
            category: category.to_owned(),
            sound: Sound {
                samples,
                rate_hz: SOUND_RATE_HZ,
            },
            sound_id: recording.item.file.clone(),
            sound_group: recording.item.group.clone(),
        })
    }

    fn scene(&self, kind: SceneKind, view: View, heard: Option<Heard>) -> Scene {
        let in_view = matches!(kind, SceneKind::Composed | SceneKind::Photograph);
        let heard = heard.unwrap_or_else(|| Heard {
            category: String::new(),
            sound: Sound {
                samples: Vec::new(),
                rate_hz: SOUND_RATE_HZ,
            },
            sound_id: String::new(),
            sound_group: String::new(),
        });
        Scene {
            kind,
            picture: to_picture(view.pixels),
            sound: heard.sound,
            category: (!heard.category.is_empty()).then_some(heard.category),
            boxes: if in_view { view.boxes } else { Vec::new() },
            silent: view.silent,
            picture_id: view.picture_id,
            sound_id: heard.sound_id,
            sound_group: heard.sound_group,
        }
    }

    pub(super) fn random(&self, stream: Stream, index: u64) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let split = match self.library.split {
            Split::Train => 0,
            Split::HeldOut => 1,
            Split::Unheard => 2,
        };
        random.set_stream((index << 4) | (split << 2) | stream as u64);
        random
    }

    fn sound_length(&self) -> usize {
        (self.settings.seconds * SOUND_RATE_HZ as f32) as usize
    }
}

/// What is heard in a scene.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub category: String,
    pub sound: Sound,
    pub sound_id: String,
    pub sound_group: String,
}

/// Keeps the draws of different kinds of scenes of one number apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Scene,
    Negative,
    Quad,
    Stray,
}

pub(super) fn to_picture(pixels: RgbImage) -> Picture {
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    Picture {
        width,
        height,
        stride_bytes: width * 3,
        format: lookhear_board::PixelFormat::Rgb,
        bytes: pixels.into_raw(),
    }
}

#[cfg(test)]
mod tests;
