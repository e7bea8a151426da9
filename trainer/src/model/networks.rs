//! The whole `edge` networks as ONNX, for export and for computing the features that training caches.

use super::bridge::Bridge;
use super::projection::Projection;
use super::weights::{Weights, WeightsError};
use super::{efficient_net, yam_net};
use crate::export::graph::{Graph, Storage, Value, Window, integer};
use lookhear::perception::log_mel::{BANDS, PATCH_FRAMES};

/// The pretrained weights of both backbones.
#[derive(Debug)]
pub struct Backbones {
    /// EfficientNet-Lite0, ImageNet.
    pub vision: Weights,
    /// YAMNet, AudioSet.
    pub sound: Weights,
}

impl Backbones {
    /// File of the picture's backbone inside a weights folder.
    pub const VISION_FILE: &str = "efficientnet_lite0_imagenet.safetensors";
    /// File of the sound's backbone inside a weights folder.
    pub const SOUND_FILE: &str = "yamnet_tfhub.safetensors";

    /// Both.
    pub const FILES: [&str; 2] = [Self::VISION_FILE, Self::SOUND_FILE];

    /// Reads both from a folder.
    pub fn read(folder: &std::path::Path) -> Result<Self, WeightsError> {
        Ok(Self {
            vision: Weights::read(&folder.join(Self::VISION_FILE))?,
            sound: Weights::read(&folder.join(Self::SOUND_FILE))?,
        })
    }
}

/// Picture `[1, 3, side, side]` → what the vision projection takes, `[1, 1280 + channels, cells, cells]`: the features, then what
/// the bridge says of the class probabilities.
pub fn vision_features(
    backbones: &Backbones,
    bridge: &Bridge,
    side: usize,
    storage: Storage,
) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("vision_features", storage);
    let image = graph.input("image", &[1, 3, side, side]);
    let backbone = efficient_net::append(&mut graph, &backbones.vision, &image)?;
    let bridged = bridged(&mut graph, &backbone, bridge);
    let both = graph.node(
        "Concat",
        &[&backbone.features, &bridged],
        "both",
        vec![integer("axis", 1)],
    );
    let cells = side / efficient_net::STRIDE;
    Ok(graph.finish(&both, &[1, efficient_net::FEATURES + bridge.channels, cells, cells]))
}

/// Patch `[1, 1, 96, 64]` → what the sound projection takes, `[1, 1024 + 521]`: the features, then the class probabilities.
pub fn sound_features(backbones: &Backbones, storage: Storage) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("sound_features", storage);
    let patch = graph.input("patch", &[1, 1, PATCH_FRAMES, BANDS]);
    let backbone = yam_net::append(&mut graph, &backbones.sound, &patch)?;
    let both = graph.node(
        "Concat",
        &[&backbone.features, &backbone.classes],
        "both",
        vec![integer("axis", 1)],
    );
    Ok(graph.finish(&both, &[1, yam_net::FEATURES + yam_net::CLASSES]))
}

/// Picture `[1, 3, side, side]` → vision map `[1, channels, cells, cells]`, no cell longer than 1.
pub fn vision(
    backbones: &Backbones,
    bridge: &Bridge,
    projection: &Projection,
    side: usize,
    storage: Storage,
) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("vision", storage);
    let image = graph.input("image", &[1, 3, side, side]);
    let backbone = efficient_net::append(&mut graph, &backbones.vision, &image)?;
    let bridged = bridged(&mut graph, &backbone, bridge);
    let cells = side / efficient_net::STRIDE;
    let map = projection.append_vision(&mut graph, &backbone.features, &bridged, cells);
    Ok(graph.finish(&map, &[1, bridge.channels, cells, cells]))
}

/// Patch `[1, 1, 96, 64]` → embedding `[1, channels]`, not negative and not yet of unit length.
pub fn sound(
    backbones: &Backbones,
    projection: &Projection,
    channels: usize,
    storage: Storage,
) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("audio", storage);
    let patch = graph.input("patch", &[1, 1, PATCH_FRAMES, BANDS]);
    let backbone = yam_net::append(&mut graph, &backbones.sound, &patch)?;
    let embedding = projection.append_sound(&mut graph, &backbone, channels);
    Ok(graph.finish(&embedding, &[1, channels]))
}

/// How much each channel's classes are there in each cell: the length of the vector of their probabilities, each times the bridge's
/// number. Between the sum, in which many faint classes of a large group outweigh a sure one, and the greatest.
fn bridged(graph: &mut Graph, backbone: &efficient_net::Backbone, bridge: &Bridge) -> Value {
    const TINY: f32 = 1e-12;
    let squared: Vec<f32> = bridge.vision.iter().map(|share| share * share).collect();
    let weight = graph.weight(
        "bridge.weight",
        &[bridge.channels, efficient_net::CLASSES, 1, 1],
        &squared,
    );
    let tiny = graph.constant("bridge.bias", &[bridge.channels], &vec![TINY; bridge.channels]);
    let classes = &backbone.classes;
    let squares = graph.node("Mul", &[classes, classes], "bridge.squares", vec![]);
    let sums = graph.convolution(
        "bridge.sums",
        &squares,
        &weight,
        &tiny,
        Window {
            kernel: 1,
            stride: 1,
            padding: (0, 0),
            groups: 1,
        },
    );
    graph.node("Sqrt", &[&sums], "bridge", vec![])
}
