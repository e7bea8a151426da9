//! `model.toml`: everything needed to serve a bundle's networks correctly, and to judge them.

use std::collections::BTreeMap;

use lookhear_calibration::ConfidenceFit;
use serde::{Deserialize, Serialize};

use super::picture::PictureTransform;

/// The version of the bundle format that this code reads and writes.
pub const FORMAT: u32 = 1;

/// The contents of `model.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the bundle format, [`FORMAT`].
    pub format: u32,
    /// What people call the model.
    pub name: String,
    /// `edge` or `paper`.
    pub architecture: Architecture,
    /// Version of the code that wrote it.
    pub code_version: String,
    /// How the weights are stored, in words: `f32`, `f16`, `int8 weights`.
    pub precision: String,
    /// Length of the common embedding, in channels.
    pub embedding_channels: usize,
    /// SPDX expression for the model, with what it was made from in `notices`.
    pub licence: String,
    /// Notices that the licences of the initial weights and of the data ask for.
    pub notices: Vec<String>,
    /// How a picture becomes the input of the vision network.
    pub picture: PictureInput,
    /// How sound becomes the input of the audio network.
    pub sound: SoundInput,
    /// What counts as found.
    pub threshold: Threshold,
    /// How sure a similarity makes one that the source is in view, at the peak; `None` where that was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<ConfidenceFit>,
    /// Which networks are inside, by part: `vision`, `audio`.
    pub parts: BTreeMap<String, Part>,
    /// What it learned from and how; free-form, enough to make it again.
    #[serde(default)]
    pub training: BTreeMap<String, toml::Value>,
    /// What it scored, beside the baselines that see no input; free-form.
    #[serde(default)]
    pub scores: BTreeMap<String, toml::Value>,
}

impl Manifest {
    /// What tells the model from every other, also of its own name: the name, and the beginnings of its parts' checksums. What
    /// was fitted to one bundle says nothing of another.
    pub fn identity(&self) -> String {
        let beginnings = self.parts.values().map(|part| part.sha256.get(..6).unwrap_or_default());
        beginnings.fold(self.name.clone(), |name, beginning| format!("{name}-{beginning}"))
    }
}

/// Which pair of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// EfficientNet-Lite0 and YAMNet with a projection into a common space.
    Edge,
    /// Two ResNet-18s (Liu et al. 2022).
    Paper,
}

/// How a picture becomes the input `[1, 3, side, side]` of the vision network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureInput {
    /// Edge of the square input, in pixels.
    pub side_pixels: usize,
    /// How the frame is fitted into the square.
    pub transform: PictureTransform,
    /// Per colour (red, green, blue), of values in 0..1.
    pub mean: [f32; 3],
    /// Per colour (red, green, blue), of values in 0..1.
    pub deviation: [f32; 3],
    /// Cells along an edge of the map that comes out.
    pub map_cells: usize,
}

/// How sound becomes the input of the audio network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundInput {
    /// Which front end.
    pub front_end: SoundFrontEnd,
    /// Samples a second that the front end takes.
    pub rate_hz: u32,
    /// How much sound, up to the stamp of the picture, is taken together in a stream, in seconds.
    pub window_seconds: f32,
}

/// The front ends for sound that this code knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoundFrontEnd {
    /// YAMNet's log-mel patches `[1, 1, 96, 64]`.
    LogMel,
    /// The paper's mel spectrogram in dB `[1, 1, 257, 670]`: ten seconds at 16 kHz.
    Spectrogram,
}

/// The similarity from which on something in view is taken to be the source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Raw similarity, −1..1.
    pub similarity: f32,
    /// How it was found, in words.
    pub found_by: String,
}

/// One file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Name inside the bundle.
    pub file: String,
    /// Lower-case hexadecimal SHA-256 of its bytes.
    pub sha256: String,
}
