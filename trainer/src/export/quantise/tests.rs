//! A small network and the one that ships, in every precision, on the engine that serves them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::{Backend, Encoder};
use lookhear_calibration::quantisation::RangeChoice;

use super::super::graph::{Graph, Storage, Window, integer};
use super::*;

const CHOICES: [RangeChoice; 3] = [
    RangeChoice::MinMax,
    RangeChoice::Percentile { share: 0.9999 },
    RangeChoice::MeanSquareError,
];
const SHAPE: [usize; 4] = [1, 3, 16, 16];

/// Numbers of −1..1 that look like chance.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count)
        .map(|index| (((index + 31 * seed) * 7919) % 2003) as f32 / 1001.5 - 1.0)
        .collect()
}

/// A dense convolution that pads, a depthwise one, a pointwise one with a shortcut around it, and unit length at the end.
fn small() -> Vec<u8> {
    let mut graph = Graph::new("small", Storage::Float32);
    let window = |kernel: usize, stride, groups| Window {
        kernel,
        stride,
        padding: (kernel / 2, kernel / 2),
        groups,
    };
    let x = graph.input("x", &SHAPE);
    let x = graph.layer(
        "stem",
        &x,
        &[24, 3, 3, 3],
        &numbers(648, 1),
        &numbers(24, 2),
        window(3, 2, 1),
    );
    let (low, high) = (graph.constant("low", &[], &[0.0]), graph.constant("high", &[], &[6.0]));
    let around = graph.node("Clip", &[&x, &low, &high], "stem.relu6", vec![]);
    let x = graph.layer(
        "depth",
        &around,
        &[24, 1, 3, 3],
        &numbers(216, 3),
        &[0.1; 24],
        window(3, 1, 24),
    );
    let x = graph.node("Relu", &[&x], "depth.relu", vec![]);
    // Rows of very different size: what a scale for each channel is for.
    let mut weights = numbers(24 * 24, 4);
    weights.chunks_mut(24).enumerate().for_each(|(row, weights)| {
        weights
            .iter_mut()
            .for_each(|weight| *weight *= 0.001 + row as f32 / 100.0);
    });
    let x = graph.layer("point", &x, &[24, 24, 1, 1], &weights, &numbers(24, 5), window(1, 1, 1));
    let x = graph.node("Add", &[&x, &around], "sum", vec![]);
    let probabilities = graph.node("Softmax", &[&x], "soft", vec![integer("axis", 1)]);
    let bridge = numbers(24 * 24, 6);
    let y = graph.layer(
        "bridge",
        &probabilities,
        &[24, 24, 1, 1],
        &bridge,
        &[0.0; 24],
        window(1, 1, 1),
    );
    let y = graph.unit_length(&y, 4, "y");
    graph.finish(&y, &[1, 24, 8, 8])
}

fn serve(onnx: &[u8], shape: &[usize], input: &[f32]) -> Vec<f32> {
    let mut encoder = Encoder::load("test", onnx, shape, &Backend::default()).unwrap();
    encoder.run(input).unwrap().to_vec()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn seen(network: &Network, layers: Layers, shape: &[usize], examples: usize) -> Histograms {
    let count = shape.iter().product();
    let inputs = (0..examples).map(|seed| Ok::<_, QuantiseError>(numbers(count, seed)));
    observe(network, &network.convolved(layers), shape, inputs).unwrap()
}

#[test]
fn a_small_network_is_nearly_the_same_in_every_precision() {
    let onnx = small();
    let network = Network::decode(&onnx).unwrap();
    let input = numbers(SHAPE.iter().product(), 77);
    let plain = serve(&onnx, &SHAPE, &input);
    assert_eq!(serve(&network.encode(Storage::Float32), &SHAPE, &input), plain);
    let half = worst(&plain, &serve(&in_half_precision(&network).unwrap(), &SHAPE, &input));
    assert!(half > 0.0 && half < 0.01, "{half}");
    assert_eq!(network.convolutions(Layers::Dense), 2);
    assert_eq!(network.convolutions(Layers::All), 3);
    for layers in [Layers::Dense, Layers::All] {
        let histograms = seen(&network, layers, &SHAPE, 6);
        for choice in CHOICES {
            let integers = in_integers(&network, &histograms, choice, layers).unwrap();
            let off = worst(&plain, &serve(&integers, &SHAPE, &input));
            assert!(off > 0.0 && off < 0.05, "{layers:?} {choice:?}: {off}");
        }
    }
}

#[test]
fn weights_that_were_rounded_for_storage_are_found_again() {
    let onnx = small();
    let network = Network::decode(&onnx).unwrap();
    for storage in [Storage::Float16, Storage::Int8] {
        let stored = network.encode(storage);
        let again = Network::decode(&stored).unwrap();
        assert_eq!(again.constants.len(), network.constants.len());
        for (name, constant) in &network.constants {
            let most = constant.values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            assert!(
                worst(&constant.values, &again.constants[name].values) <= most / 250.0,
                "{name}"
            );
        }
        assert_eq!(
            again.encode(Storage::Float32),
            Network::decode(&again.encode(storage))
                .unwrap()
                .encode(Storage::Float32)
        );
    }
}

#[test]
fn a_balanced_network_is_the_same_in_f32_and_nearer_in_integers() {
    let mut graph = Graph::new("uneven", Storage::Float32);
    let shape = [1, 8, 6, 6];
    let x = graph.input("x", &shape);
    let window = Window {
        kernel: 3,
        stride: 1,
        padding: (1, 1),
        groups: 8,
    };
    // Channels that differ by a factor of 10,000, and weights that make up for it.
    let size = |channel: usize| 10f32.powf(channel as f32 * 4.0 / 7.0 - 2.0);
    let mut weights = numbers(72, 1);
    weights
        .iter_mut()
        .enumerate()
        .for_each(|(place, weight)| *weight *= size(place / 9));
    let x = graph.layer("depth", &x, &[8, 1, 3, 3], &weights, &[0.0; 8], window);
    let mut weights = numbers(64, 2);
    weights
        .iter_mut()
        .enumerate()
        .for_each(|(place, weight)| *weight /= size(place % 8));
    let window = Window {
        kernel: 1,
        padding: (0, 0),
        groups: 1,
        ..window
    };
    let y = graph.layer("point", &x, &[8, 8, 1, 1], &weights, &[0.0; 8], window);
    let onnx = graph.finish(&y, &shape);
    let network = Network::decode(&onnx).unwrap();
    let examples = || (0..4).map(|seed| Ok::<_, QuantiseError>(numbers(288, seed)));
    let input = numbers(288, 9);
    let plain = serve(&onnx, &shape, &input);
    for layers in [Layers::Dense, Layers::All] {
        let maxima = channel_maxima(&network, &network.convolved(layers), &shape, examples()).unwrap();
        let even = balanced(&network, &maxima, layers);
        assert!(worst(&plain, &serve(&even.encode(Storage::Float32), &shape, &input)) < 1e-4);
        let off = |network: &Network| {
            let histograms = observe(network, &network.convolved(layers), &shape, examples()).unwrap();
            let integers = in_integers(network, &histograms, RangeChoice::MinMax, layers).unwrap();
            worst(&plain, &serve(&integers, &shape, &input))
        };
        let (before, after) = (off(&network), off(&even));
        assert!(after * 10.0 < before, "{layers:?}: {before} before, {after} after");
    }
}

#[test]
fn what_was_never_seen_has_no_range() {
    let network = Network::decode(&small()).unwrap();
    let error = in_integers(&network, &Histograms::new(), RangeChoice::MinMax, Layers::Dense).unwrap_err();
    assert!(error.to_string().contains("`x`"), "{error}");
    assert!(matches!(
        Network::decode(b"no network"),
        Err(QuantiseError::Foreign { .. })
    ));
}

#[test]
fn the_model_that_ships_hears_the_same_in_integers() {
    let bundle = Bundle::default_model().unwrap();
    let network = Network::decode(&bundle.audio).unwrap();
    let shape = [1, 1, 96, 64];
    let patch = |seed: usize| -> Vec<f32> { numbers(96 * 64, seed).iter().map(|value| 2.0 * value - 3.0).collect() };
    let examples = || (0..4).map(|seed| Ok::<_, QuantiseError>(patch(seed)));
    let maxima = channel_maxima(&network, &network.convolved(Layers::Dense), &shape, examples()).unwrap();
    let network = balanced(&network, &maxima, Layers::Dense);
    let histograms = observe(&network, &network.convolved(Layers::Dense), &shape, examples()).unwrap();
    let plain = serve(&bundle.audio, &shape, &patch(9));
    for choice in CHOICES {
        let onnx = in_integers(&network, &histograms, choice, Layers::Dense).unwrap();
        let heard = serve(&onnx, &shape, &patch(9));
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let cosine = product(&plain, &heard) / (product(&plain, &plain) * product(&heard, &heard)).sqrt();
        assert!(cosine > 0.97, "{choice:?}: {cosine}");
    }
}
