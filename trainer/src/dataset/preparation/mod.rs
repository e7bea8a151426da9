//! From a decoded picture and its sound to what the paper's networks learn from.
//!
//! METHOD, sections "Sound", "Picture", "Loss" (the transform T) and "Sound mixing", and its last table for the profiles.

mod geometry;
mod hearing;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use lookhear::perception::picture::{
    IMAGENET_DEVIATION, IMAGENET_MEAN, PictureError, PictureFrontEnd, PictureTransform,
};
use lookhear::perception::resample::ResampleError;
use lookhear::perception::spectrogram::{MEL_BANDS, PaperSpectrogram};
use lookhear_board::{Picture, Sound};
use rand::Rng;
use thiserror::Error;

use super::augment::Augmentation;
use super::profile::Profile;
use crate::corpus::{Bounds, SOUND_RATE_HZ};
use geometry::Transform;
pub use geometry::{BatchTransform, CELL_PIXELS};
use hearing::Masks;
pub use settings::{Augmentations, Settings, TransformParts};

/// Sounds longer than this would need more memory than a batch may take.
const MOST_SOUND_SECONDS: f32 = 60.0;

/// Why an example cannot be prepared.
#[derive(Debug, Error)]
pub enum PreparationError {
    /// The side does not fit the networks: choose another.
    #[error("pictures of {side_pixels} pixels do not fit the networks: give a multiple of 32, 224 in the paper")]
    Side {
        /// What was asked for.
        side_pixels: usize,
    },
    /// The length is no sound's: choose another.
    #[error(
        "sounds cannot be brought to {seconds} seconds: give more than 0 and at most {MOST_SOUND_SECONDS}, 10 in the paper"
    )]
    Seconds {
        /// What was asked for.
        seconds: f32,
    },
    /// Augmentation works on decoded pictures: convert it to RGB.
    #[error("the picture is not packed RGB; convert it first")]
    NotRgb,
    /// The picture cannot be looked at.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The sound cannot be brought to 16 kHz.
    #[error(transparent)]
    Sound(#[from] ResampleError),
}

/// A picture in two views and its sound, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct PaperExample {
    /// The augmented picture, normalised with ImageNet's mean and deviation: `[3, side, side]`.
    pub view: Vec<f32>,
    /// The view after the transform T, zeros outside: `[3, transformed side, transformed side]`.
    pub transformed: Vec<f32>,
    /// Side of `transformed`, in pixels.
    pub transformed_side: usize,
    /// The sound, in decibels: `[1, 257, frames]`.
    pub spectrogram: Vec<f32>,
    /// Takes a map of the view to a map of the transformed view: `[transformed cells, cells]`.
    pub transform: Vec<f32>,
    /// 1 for cells that count in the equivariance term, else 0: `[transformed cells]`.
    pub valid: Vec<f32>,
}

/// A sound that is mixed into another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Partner<'a> {
    /// What is mixed in.
    pub sound: &'a Sound,
    /// Its share, 0..1.
    pub alpha: f32,
}

/// Prepares examples, on any number of threads at once.
#[derive(Debug)]
pub struct Preparation {
    settings: Settings,
    /// Tools that no thread uses at the moment.
    tools: Mutex<Vec<Tools>>,
}

/// What costs to make and is needed alone.
#[derive(Debug)]
struct Tools {
    spectrogram: PaperSpectrogram,
    front_end: PictureFrontEnd,
}

impl Preparation {
    /// # Errors
    /// [`PreparationError::Side`] and [`PreparationError::Seconds`].
    pub fn new(settings: Settings) -> Result<Self, PreparationError> {
        let Settings {
            side_pixels,
            sound_seconds: seconds,
            ..
        } = settings;
        if side_pixels == 0 || side_pixels % (2 * CELL_PIXELS) != 0 {
            return Err(PreparationError::Side { side_pixels });
        }
        if !(seconds > 0.0 && seconds <= MOST_SOUND_SECONDS) {
            return Err(PreparationError::Seconds { seconds });
        }
        Ok(Self {
            settings,
            tools: Mutex::default(),
        })
    }

    /// As given.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Frames of every spectrogram: 670 of ten seconds.
    pub fn frames(&self) -> usize {
        self.with_tools(|tools| tools.spectrogram.frames())
    }

    /// Cells along either side of the view's map: 14 of 224 pixels.
    pub fn map_side(&self) -> usize {
        self.settings.side_pixels / CELL_PIXELS
    }

    /// An example to learn from. `batch` is what the transforms of its batch share; everything else random comes from `random`, drawn alike
    /// whatever is switched off.
    ///
    /// # Errors
    /// A picture that is not packed RGB, a sound of an absurd rate.
    pub fn training(
        &self,
        picture: &Picture,
        sound: &Sound,
        partner: Option<Partner<'_>>,
        batch: BatchTransform,
        random: &mut impl Rng,
    ) -> Result<PaperExample, PreparationError> {
        let Settings {
            profile,
            side_pixels: side,
            augment,
            ..
        } = self.settings;
        let augmentation = Augmentation::draw(picture.width, picture.height, random)
            .only(augment.picture, self.uncropped(picture.width, picture.height));
        let transform = Transform::draw(profile, augment.transform, batch, random);
        let masks = Masks::draw(MEL_BANDS, self.frames(), random).filter(|_| augment.masks);

        let view = augmentation
            .apply(picture, side as u32)
            .ok_or(PreparationError::NotRgb)?;
        let spectrogram = self.hear(sound, partner, masks)?;
        Ok(self.example(normalised(&view.bytes), spectrogram, transform))
    }

    /// The example without anything random, as it is validated on and tested with: the transform changes nothing.
    ///
    /// # Errors
    /// A picture that cannot be decoded, a sound of an absurd rate.
    pub fn evaluation(&self, picture: &Picture, sound: &Sound) -> Result<PaperExample, PreparationError> {
        let view = self.with_tools(|tools| {
            let mut view = vec![0.0; tools.front_end.output_values()];
            tools.front_end.prepare(picture, &mut view).map(|()| view)
        })?;
        let spectrogram = self.hear(sound, None, None)?;
        Ok(self.example(view, spectrogram, Transform::Identity))
    }

    fn example(&self, view: Vec<f32>, spectrogram: Vec<f32>, transform: Transform) -> PaperExample {
        let (side, map_side) = (self.settings.side_pixels, self.map_side());
        PaperExample {
            transformed: transform.apply(&view, side),
            transformed_side: transform.side(side),
            view,
            spectrogram,
            transform: transform.matrix(map_side),
            valid: transform.valid(map_side),
        }
    }

    fn hear(
        &self,
        sound: &Sound,
        partner: Option<Partner<'_>>,
        masks: Option<Masks>,
    ) -> Result<Vec<f32>, PreparationError> {
        let seconds = self.settings.sound_seconds;
        let mut samples = hearing::samples(sound, seconds)?;
        if let Some(partner) = partner {
            samples = hearing::mix(&samples, &hearing::samples(partner.sound, seconds)?, partner.alpha);
        }
        Ok(self.with_tools(|tools| hearing::hear(&mut tools.spectrogram, &samples, masks)))
    }

    /// What the test picture shows of the frame, which is what a training picture shows without a random crop.
    fn uncropped(&self, width: usize, height: usize) -> Bounds {
        let shorter = width.min(height) as f32;
        let margin = |length: usize| match self.settings.profile {
            Profile::Paper => (1.0 - shorter / (length as f32).max(1.0)) / 2.0,
            Profile::Default => 0.0,
        };
        let (left, top) = (margin(width), margin(height));
        [left, top, 1.0 - left, 1.0 - top]
    }

    fn with_tools<R>(&self, work: impl FnOnce(&mut Tools) -> R) -> R {
        let free = self.tools.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut tools = free.unwrap_or_else(|| Tools::new(&self.settings));
        let result = work(&mut tools);
        self.tools.lock().unwrap_or_else(PoisonError::into_inner).push(tools);
        result
    }
}

impl Tools {
    fn new(settings: &Settings) -> Self {
        let transform = match settings.profile {
            Profile::Paper => PictureTransform::CentreCrop,
            Profile::Default => PictureTransform::FullFrame,
        };
        Self {
            spectrogram: PaperSpectrogram::of_clip(SOUND_RATE_HZ, hearing::clip_samples(settings.sound_seconds)),
            front_end: PictureFrontEnd::new(settings.side_pixels, transform, IMAGENET_MEAN, IMAGENET_DEVIATION),
        }
    }
}

/// RGB pixels as planes, `[3, height, width]`, with ImageNet's mean and deviation.
fn normalised(pixels: &[u8]) -> Vec<f32> {
    let channels = IMAGENET_MEAN.into_iter().zip(IMAGENET_DEVIATION).enumerate();
    let planes = channels.flat_map(|(channel, (mean, deviation))| {
        let values = pixels.iter().skip(channel).step_by(3);
        values.map(move |&value| (f32::from(value) / 255.0 - mean) / deviation)
    });
    planes.collect()
}
