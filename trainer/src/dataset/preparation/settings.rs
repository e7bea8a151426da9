//! How examples are prepared.

use serde::{Deserialize, Serialize};

use super::super::augment::PictureChanges;
use super::super::profile::Profile;

/// What a training example goes through at random. Each part can be switched off alone, and leaves the others as they were drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Augmentations {
    /// Changes of the picture that the first view already has.
    pub picture: PictureChanges,
    /// A stretch of time and a stretch of mel bands of the sound are silenced, with p = 0.8.
    pub masks: bool,
    /// Parts of the geometric transform that makes the second view of the first.
    pub transform: TransformParts,
}

impl Augmentations {
    /// The method's.
    pub const ALL: Self = Self {
        picture: PictureChanges::ALL,
        masks: true,
        transform: TransformParts::ALL,
    };
    /// Nothing is random: what validation sees.
    pub const NONE: Self = Self {
        picture: PictureChanges::NONE,
        masks: false,
        transform: TransformParts::NONE,
    };
}

/// Parts of the geometric transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformParts {
    /// A turn by whole degrees in ±30°.
    pub rotation: bool,
    /// Things become smaller.
    pub scale: bool,
    /// Left and right exchanged.
    pub flip: bool,
}

impl TransformParts {
    /// All of it.
    pub const ALL: Self = Self {
        rotation: true,
        scale: true,
        flip: true,
    };
    /// The second view is the first.
    pub const NONE: Self = Self {
        rotation: false,
        scale: false,
        flip: false,
    };
}

/// How examples are prepared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Whose reading of the method.
    pub profile: Profile,
    /// Width and height of the view, a multiple of 32 (at half scale the map still has whole cells): 224 in the paper.
    pub side_pixels: usize,
    /// Length that every sound is repeated or cut to, in seconds: 10 in the paper.
    pub sound_seconds: f32,
    /// What is random.
    pub augment: Augmentations,
}

impl Default for Settings {
    /// The method's, with its oddities mended.
    fn default() -> Self {
        Self {
            profile: Profile::Default,
            side_pixels: 224,
            sound_seconds: 10.0,
            augment: Augmentations::ALL,
        }
    }
}
