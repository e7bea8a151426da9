//! The two networks of the paper as ONNX, from weights under the names of the published checkpoints.

use lookhear::perception::spectrogram::MEL_BANDS;

use super::graph::{Graph, Storage, Value, Window, integer, integers};
use crate::model::folding::{Norm, fold};
use crate::model::paper::res_net::{STAGES, STRIDES, WIDTH};
use crate::model::weights::{Weights, WeightsError};

/// Pixels to a cell along each axis.
pub const STRIDE: usize = 16;
/// Prefix of the picture's weights.
pub const VISION: &str = "imgnet";
/// Prefix of the sound's weights.
pub const SOUND: &str = "audnet";
/// The sound's stem in published checkpoints, which keep an unused one of three channels under the plain name.
pub const PUBLISHED_SOUND_STEM: &str = "audnet.conv1_a.weight";
/// The sound's stem in networks that have but one.
pub const SOUND_STEM: &str = "audnet.conv1.weight";
/// BatchNorm's, PyTorch's default.
const EPSILON: f32 = 1e-5;

/// Channels of the first stage; the embedding has eight times as many.
pub fn width(weights: &Weights) -> usize {
    weights
        .iter()
        .find(|(name, _)| *name == "imgnet.bn1.weight")
        .map_or(WIDTH, |(_, norm)| norm.values.len())
}

/// Picture `[1, 3, side, side]` → vision map `[1, 8 · width, side / 16, side / 16]`, each cell of unit length; `side` is a multiple
/// of 16.
pub fn vision(weights: &Weights, side: usize, storage: Storage) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("vision", storage);
    let image = graph.input("image", &[1, 3, side, side]);
    let width = width(weights);
    let stem = weights.get("imgnet.conv1.weight", &[width, 3, 7, 7])?;
    let features = append(&mut graph, weights, VISION, stem, &image)?;
    let map = graph.unit_length(&features, 4, "vision_map");
    let cells = side / STRIDE;
    Ok(graph.finish(&map, &[1, width * STAGES[3], cells, cells]))
}

/// Spectrogram in dB `[1, 1, 257, frames]` → embedding `[1, 8 · width]` of unit length: the greatest value of each channel.
pub fn sound(weights: &Weights, frames: usize, storage: Storage) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("audio", storage);
    let spectrogram = graph.input("spectrogram", &[1, 1, MEL_BANDS, frames]);
    let width = width(weights);
    let shape = [width, 1, 7, 7];
    let stem = weights
        .get(PUBLISHED_SOUND_STEM, &shape)
        .or_else(|_| weights.get(SOUND_STEM, &shape))?;
    let features = append(&mut graph, weights, SOUND, stem, &spectrogram)?;
    let attributes = vec![integers("axes", &[2, 3]), integer("keepdims", 0)];
    let pooled = graph.node("ReduceMax", &[&features], "pooled", attributes);
    let embedding = graph.unit_length(&pooled, 2, "embedding");
    Ok(graph.finish(&embedding, &[1, width * STAGES[3]]))
}

/// Adds a ResNet-18 without a head: `[1, channels, height, width]` → `[1, 8 · width, ⌈height / 16⌉, ⌈width / 16⌉]`.
fn append(
    graph: &mut Graph,
    weights: &Weights,
    prefix: &str,
    stem: &[f32],
    input: &Value,
) -> Result<Value, WeightsError> {
    let mut layers = Layers { graph, weights };
    let width = width(weights);
    let channels = stem.len() / (width * 7 * 7);
    let stem_name = format!("{prefix}.conv1");
    let stem_norm = format!("{prefix}.bn1");
    let x = layers.folded(input, &stem_name, stem, &stem_norm, [width, channels, 7], 2)?;
    let x = layers.relu(&x, &stem_name);
    let pool = vec![
        integers("kernel_shape", &[3, 3]),
        integers("strides", &[2, 2]),
        integers("pads", &[1, 1, 1, 1]),
    ];
    let mut x = layers.graph.node("MaxPool", &[&x], &format!("{prefix}.maxpool"), pool);
    let mut before = width;
    for (stage, (out, stride)) in STAGES.into_iter().zip(STRIDES).enumerate() {
        let out = width * out;
        let stage = format!("{prefix}.layer{}", stage + 1);
        x = layers.block(&x, &format!("{stage}.0"), [before, out], stride)?;
        x = layers.block(&x, &format!("{stage}.1"), [out, out], 1)?;
        before = out;
    }
    Ok(x)
}

struct Layers<'a> {
    graph: &'a mut Graph,
    weights: &'a Weights,
}

impl Layers<'_> {
    /// Two convolutions and a way around them, which has a convolution of its own where the shape changes.
    fn block(
        &mut self,
        input: &Value,
        name: &str,
        [channels, out]: [usize; 2],
        stride: usize,
    ) -> Result<Value, WeightsError> {
        let part = |part: &str| format!("{name}.{part}");
        let inner = self.convolution(input, &part("conv1"), &part("bn1"), [out, channels, 3], stride)?;
        let inner = self.relu(&inner, &part("conv1"));
        let inner = self.convolution(&inner, &part("conv2"), &part("bn2"), [out, out, 3], 1)?;
        let around = if channels != out || stride != 1 {
            let (layer, norm) = (part("downsample.0"), part("downsample.1"));
            self.convolution(input, &layer, &norm, [out, channels, 1], stride)?
        } else {
            input.clone()
        };
        let sum = self.graph.node("Add", &[&inner, &around], &part("sum"), vec![]);
        Ok(self.relu(&sum, name))
    }

    /// A convolution `[out, in, kernel]` with the norm after it folded in.
    fn convolution(
        &mut self,
        input: &Value,
        layer: &str,
        norm: &str,
        [out, channels, kernel]: [usize; 3],
        stride: usize,
    ) -> Result<Value, WeightsError> {
        let weights = self
            .weights
            .get(&format!("{layer}.weight"), &[out, channels, kernel, kernel])?;
        self.folded(input, layer, weights, norm, [out, channels, kernel], stride)
    }

    fn folded(
        &mut self,
        input: &Value,
        layer: &str,
        filters: &[f32],
        norm: &str,
        [out, channels, kernel]: [usize; 3],
        stride: usize,
    ) -> Result<Value, WeightsError> {
        let mut filters = filters.to_vec();
        let norm = |part: &str| self.weights.get(&format!("{norm}.{part}"), &[out]);
        let norm = Norm {
            gamma: Some(norm("weight")?),
            beta: norm("bias")?,
            mean: norm("running_mean")?,
            variance: norm("running_var")?,
            epsilon: EPSILON,
        };
        let bias = fold(&mut filters, &norm);
        let window = Window {
            kernel,
            stride,
            padding: (kernel / 2, kernel / 2),
            groups: 1,
        };
        Ok(self
            .graph
            .layer(layer, input, &[out, channels, kernel, kernel], &filters, &bias, window))
    }

    fn relu(&mut self, input: &Value, name: &str) -> Value {
        self.graph.node("Relu", &[input], &format!("{name}.relu"), vec![])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use lookhear::perception::encoder::{Backend, Encoder};
    use lookhear::perception::heatmap::Heatmap;
    use lookhear::perception::localiser::Localiser;
    use lookhear::perception::picture::PictureTransform;
    use lookhear_board::{Picture, PixelFormat, Sound};

    use super::*;
    use crate::export::bundle::{Provenance, unmeasured_paper};
    use crate::golden::largest_difference;
    use crate::model::golden::Golden;

    #[test]
    fn the_served_bundle_gives_the_golden_numbers() {
        let golden = Golden::read();
        let weights = Weights::from(golden.weights());
        let provenance = Provenance {
            licence: "CC0-1.0".to_owned(),
            notices: vec![],
        };
        let transform = (224, PictureTransform::FullFrame);
        let bundle = unmeasured_paper("golden", &weights, transform, Storage::Float32, provenance).unwrap();
        let bundle = lookhear::perception::bundle::Bundle::from_bytes(&bundle.to_bytes().unwrap()).unwrap();
        let mut vision = Encoder::load("vision", &bundle.vision, &[1, 3, 224, 224], &Backend::default()).unwrap();
        let mut sound = Encoder::load("audio", &bundle.audio, &[1, 1, 257, 670], &Backend::default()).unwrap();
        let mut heatmap = Heatmap::default();
        for index in 0..golden.get("images").shape[0] {
            let map = vision.run(&golden.sample("images", index)).unwrap();
            let embedding = sound.run(&golden.sample("specs", index)).unwrap();
            if index == 0 {
                assert!(largest_difference(map, &golden.get("eval.vision_map.0").values) < 1e-4);
            }
            assert!(largest_difference(embedding, &golden.sample("eval.audio_embedding", index)) < 1e-4);
            heatmap.fill(map, 14, 14, embedding);
            let found: Vec<f32> = heatmap.rows().flatten().copied().collect();
            assert!(largest_difference(&found, &golden.sample("eval.heatmap", index)) < 1e-4);
        }

        let mut localiser = Localiser::new(&bundle, &Backend::default()).unwrap();
        let samples: Vec<f32> = (0..16_000).map(|index| (index as f32 * 0.2).sin() * 0.3).collect();
        let heard = localiser
            .hear(&Sound {
                rate_hz: 16_000,
                samples: samples.clone(),
            })
            .unwrap();
        localiser.ear().push(&samples).unwrap();
        let streamed = localiser.ear().embedding_until(Duration::from_secs(1)).unwrap();
        let length: f32 = streamed.values().iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-4);
        let picture = Picture {
            width: 320,
            height: 240,
            stride_bytes: 960,
            format: PixelFormat::Rgb,
            bytes: (0..320 * 240 * 3).map(|index| (index % 251) as u8).collect(),
        };
        let percept = localiser.localise(&picture, &heard, Duration::ZERO).unwrap();
        assert!(
            percept.accepted && percept.similarity > 0.0 && percept.similarity <= 1.0,
            "{percept:?}"
        );
    }

    #[test]
    fn a_tensor_that_is_missing_or_of_another_shape_is_named() {
        let mut tensors = crate::model::golden::weights("any");
        tensors.remove("imgnet.layer4.1.bn2.running_var");
        let shape = &mut tensors.get_mut("audnet.layer2.0.downsample.0.weight").unwrap().shape;
        *shape = vec![128, 64, 3, 3];
        let weights = Weights::from(tensors);
        let missing = vision(&weights, 224, Storage::Float32).unwrap_err().to_string();
        assert!(missing.contains("imgnet.layer4.1.bn2.running_var"), "{missing}");
        let misshapen = sound(&weights, 670, Storage::Float32).unwrap_err().to_string();
        assert!(misshapen.contains("audnet.layer2.0.downsample.0.weight"), "{misshapen}");
    }
}
