//! The part that learns: from the backbones' features and the bridge into the common space.
//!
//! Vision, in each cell: `ReLU(bridge(classes) + W·features + b)`, then unit length, then [spread](super::affinity) over what
//! looks alike. Sound, in each patch:
//! `ReLU(B·classes + W·features + b)`, summed over the patches, then unit length. `W` starts at zero but for the free channels,
//! so that training starts from what the bridge already knows. The biases stay, and so do the zeros in channels that only the
//! other sense uses: else the two senses learn to agree on what stands everywhere.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation::relu};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::bridge::Bridge;
use super::{affinity, efficient_net, yam_net};
use crate::export::graph::{Graph, Value, Window};

/// Below it a length counts as nothing.
const TINY: f32 = 1e-6;

/// Both projections.
#[derive(Module, Debug)]
pub struct Projection {
    /// `[channels, 1280]`.
    vision_weight: Param<Tensor<2>>,
    /// `[channels]`.
    vision_bias: Param<Tensor<1>>,
    /// `[521, channels]`, starts as the bridge.
    sound_classes: Param<Tensor<2>>,
    /// `[1024, channels]`.
    sound_weight: Param<Tensor<2>>,
    /// `[channels]`.
    sound_bias: Param<Tensor<1>>,
    /// 1 for channels whose weights learn from the picture's features, 0 for others, `[channels]`.
    seen: Param<Tensor<1>>,
    /// 1 for channels whose weights learn from sounds, 0 for others, `[channels]`.
    heard: Param<Tensor<1>>,
}

impl Projection {
    /// The starting point: the bridge, and small random weights for its free channels.
    pub fn new(bridge: &Bridge, seed: u64, device: &Device) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let channels = bridge.channels;
        let free = bridge.free_channels();
        let mut vision = vec![0.0f32; channels * efficient_net::FEATURES];
        for value in &mut vision[free.start * efficient_net::FEATURES..free.end * efficient_net::FEATURES] {
            *value = random.random_range(-0.001..0.001);
        }
        let mut sound = vec![0.0f32; yam_net::FEATURES * channels];
        for row in sound.chunks_exact_mut(channels) {
            row[free.clone()]
                .iter_mut()
                .for_each(|value| *value = random.random_range(-0.001..0.001));
        }
        let mut sound_classes = vec![0.0f32; yam_net::CLASSES * channels];
        for (index, value) in sound_classes.iter_mut().enumerate() {
            *value = bridge.sound[index % channels * yam_net::CLASSES + index / channels];
        }
        let matrix = |values: Vec<f32>, rows: usize, columns: usize| {
            Param::from_tensor(Tensor::from_data(TensorData::new(values, [rows, columns]), device))
        };
        let vector = |values: &[f32]| {
            Param::from_tensor(Tensor::from_data(
                TensorData::new(values.to_vec(), [values.len()]),
                device,
            ))
        };
        Self {
            vision_weight: matrix(vision, channels, efficient_net::FEATURES),
            vision_bias: vector(&bridge.vision_bias),
            sound_classes: matrix(sound_classes, yam_net::CLASSES, channels),
            sound_weight: matrix(sound, yam_net::FEATURES, channels),
            sound_bias: vector(&bridge.sound_bias),
            seen: vector(&bridge.seen()),
            heard: vector(&bridge.heard()),
        }
    }

    /// Vision maps `[batch, channels, cells]`, means of cells of unit length, from `features` `[batch, 1280, cells]`, `bridged`
    /// `[batch, channels, cells]` (what the bridge says of the class probabilities) and [the weights](affinity::weights) of the
    /// means.
    pub fn see(&self, features: Tensor<3>, bridged: Tensor<3>, weights: Tensor<3>) -> Tensor<3> {
        let [channels, _] = self.vision_weight.dims();
        let weight = self.vision_weight.val() * self.seen.val().reshape([channels, 1]);
        let projected = weight.unsqueeze::<3>().matmul(features);
        let bias = self.vision_bias.val().reshape([1, channels, 1]);
        let map = relu(projected + bridged + bias);
        let length = map.clone().powi_scalar(2).sum_dim(1).add_scalar(TINY * TINY).sqrt();
        affinity::spread(map / length, weights)
    }

    /// Sound embeddings `[batch, channels]` of unit length, from `features` `[batch, patches, 1024]`, `classes`
    /// `[batch, patches, 521]` and `present` `[batch, patches]`: 1 for a patch that is there, 0 for padding.
    pub fn hear(&self, features: Tensor<3>, classes: Tensor<3>, present: Tensor<2>) -> Tensor<2> {
        let [batch, patches, _] = features.dims();
        let [_, channels] = self.sound_weight.dims();
        let bias = self.sound_bias.val().reshape([1, 1, channels]);
        let heard = self.heard.val().reshape([1, channels]);
        let raw = features.matmul((self.sound_weight.val() * heard.clone()).unsqueeze::<3>())
            + classes.matmul((self.sound_classes.val() * heard).unsqueeze::<3>())
            + bias;
        let sum = (relu(raw) * present.reshape([batch, patches, 1]))
            .sum_dim(1)
            .reshape([batch, channels]);
        let length = sum.clone().powi_scalar(2).sum_dim(1).add_scalar(TINY * TINY).sqrt();
        sum / length
    }

    /// Adds the vision projection to a graph: from the backbone's features and the bridged class probabilities, both with so many
    /// cells along an edge, to the vision map.
    pub fn append_vision(&self, graph: &mut Graph, features: &Value, bridged: &Value, cells: usize) -> Value {
        let [channels, _] = self.vision_weight.dims();
        let window = Window {
            kernel: 1,
            stride: 1,
            padding: (0, 0),
            groups: 1,
        };
        let weight = graph.weight(
            "projection.weight",
            &[channels, efficient_net::FEATURES, 1, 1],
            &values(&self.vision_weight),
        );
        let bias = graph.constant("projection.bias", &[channels], &values(&self.vision_bias));
        let projected = graph.convolution("projection", features, &weight, &bias, window);
        let sum = graph.node("Add", &[&projected, bridged], "joined", vec![]);
        let map = graph.node("Relu", &[&sum], "map", vec![]);
        let map = graph.unit_length(&map, 4, "unit_map");
        affinity::append(graph, features, &map, channels, cells)
    }

    /// Adds the sound projection to a graph: from the backbone's features and class probabilities to the embedding of a patch,
    /// not yet of unit length, so that patches can be summed.
    pub fn append_sound(&self, graph: &mut Graph, backbone: &yam_net::Backbone, channels: usize) -> Value {
        let weight = graph.weight(
            "projection.weight",
            &[yam_net::FEATURES, channels],
            &values(&self.sound_weight),
        );
        let projected = graph.node("MatMul", &[&backbone.features, &weight], "projection", vec![]);
        let weight = graph.weight(
            "bridge.weight",
            &[yam_net::CLASSES, channels],
            &values(&self.sound_classes),
        );
        let bridged = graph.node("MatMul", &[&backbone.classes, &weight], "bridge", vec![]);
        let bias = graph.constant("projection.bias", &[1, channels], &values(&self.sound_bias));
        let sum = graph.node("Add", &[&projected, &bridged], "joined", vec![]);
        let sum = graph.node("Add", &[&sum, &bias], "biased", vec![]);
        graph.node("Relu", &[&sum], "embedding", vec![])
    }
}

/// The values of a parameter, row-major.
pub fn values<const D: usize>(parameter: &Param<Tensor<D>>) -> Vec<f32> {
    parameter
        .val()
        .into_data()
        .convert::<f32>()
        .try_to_vec()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::export::graph::Storage;
    use lookhear::perception::encoder::Encoder;

    const CELLS: usize = 4;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..count).map(|_| random.random_range(0.0..1.0)).collect()
    }

    fn cut(graph: &mut Graph, input: &Value, name: &str, from: usize, to: usize) -> Value {
        let start = graph.integers(&format!("{name}.start"), &[from as i64]);
        let end = graph.integers(&format!("{name}.end"), &[to as i64]);
        let axis = graph.integers(&format!("{name}.axis"), &[1]);
        graph.node("Slice", &[input, &start, &end, &axis], name, vec![])
    }

    #[test]
    fn what_is_exported_sees_what_was_trained() {
        let bridge = Bridge::committed().unwrap();
        let device = Device::flex();
        let projection = Projection::new(&bridge, 7, &device);
        let (channels, features) = (bridge.channels, efficient_net::FEATURES);
        let input = numbers((features + channels) * CELLS, 1);
        let tensor = |values: &[f32], rows: usize| {
            Tensor::<3>::from_data(TensorData::new(values.to_vec(), [1, rows, CELLS]), &device)
        };
        let (seen, bridged) = input.split_at(features * CELLS);
        let seen_features = tensor(seen, features);
        let weights = affinity::weights(seen_features.clone());
        let map = projection.see(seen_features, tensor(bridged, channels), weights);
        let trained: Vec<f32> = map.into_data().try_to_vec().unwrap();

        let mut graph = Graph::new("vision_projection", Storage::Float32);
        let shape = [1, features + channels, 2, 2];
        let both = graph.input("both", &shape);
        let seen = cut(&mut graph, &both, "seen", 0, features);
        let bridged = cut(&mut graph, &both, "bridged", features, features + channels);
        let map = projection.append_vision(&mut graph, &seen, &bridged, 2);
        let onnx = graph.finish(&map, &[1, channels, 2, 2]);
        let mut encoder = Encoder::load(
            "test",
            &onnx,
            &shape,
            &lookhear::perception::encoder::Backend::default(),
        )
        .unwrap();
        let exported = encoder.run(&input).unwrap();
        assert_eq!(exported.len(), trained.len());
        let worst = trained
            .iter()
            .zip(exported)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0f32, f32::max);
        assert!(worst < 1e-5, "{worst}");
        let length: f32 = (0..channels).map(|channel| exported[channel * CELLS].powi(2)).sum();
        assert!((0.2..1.0001).contains(&length), "{length}");
    }

    #[test]
    fn what_is_exported_hears_what_was_trained() {
        let bridge = Bridge::committed().unwrap();
        let device = Device::flex();
        let projection = Projection::new(&bridge, 7, &device);
        let input = numbers(yam_net::FEATURES + yam_net::CLASSES, 2);
        let (features, classes) = input.split_at(yam_net::FEATURES);
        let tensor =
            |values: &[f32]| Tensor::<3>::from_data(TensorData::new(values.to_vec(), [1, 1, values.len()]), &device);
        let present = Tensor::<2>::ones([1, 1], &device);
        let trained: Vec<f32> = projection
            .hear(tensor(features), tensor(classes), present)
            .into_data()
            .try_to_vec()
            .unwrap();

        let mut graph = Graph::new("sound_projection", Storage::Float32);
        let shape = [1, yam_net::FEATURES + yam_net::CLASSES];
        let both = graph.input("both", &shape);
        let features = cut(&mut graph, &both, "features_cut", 0, yam_net::FEATURES);
        let classes = cut(&mut graph, &both, "classes_cut", yam_net::FEATURES, shape[1]);
        let backbone = yam_net::Backbone { features, classes };
        let embedding = projection.append_sound(&mut graph, &backbone, bridge.channels);
        let onnx = graph.finish(&embedding, &[1, bridge.channels]);
        let mut encoder = Encoder::load(
            "test",
            &onnx,
            &shape,
            &lookhear::perception::encoder::Backend::default(),
        )
        .unwrap();
        let mut exported = encoder.run(&input).unwrap().to_vec();
        lookhear::perception::heatmap::normalise(&mut exported);
        let worst = trained
            .iter()
            .zip(&exported)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0f32, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }
}
