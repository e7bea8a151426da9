//! Channels of an activation brought to like ranges before one scale has to serve them all.
//!
//! Each channel is divided by a factor, and the weights that meet it are multiplied by it: in f32 nothing changes. Without this a network
//! whose channels differ by orders of magnitude, as YAMNet's do, loses its quiet channels to the steps that its loud ones need.
//! The factor shares the difficulty between activation and weights: √(range of the channel / range of its weights), as in Xiao et al.
//! 2023, "SmoothQuant", with a strength of ½, and Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
//! Correction". A depthwise convolution has a scale for each channel anyway and takes the whole of it.

use tract_onnx::pb::NodeProto;

use super::integer::Layers;
use super::network::{Constant, Network, output};
use super::ranges::ChannelMaxima;

/// The same network with what goes into these layers balanced. Layers whose input has no maxima stay as they are.
pub fn balanced(network: &Network, maxima: &ChannelMaxima, layers: Layers) -> Network {
    let mut balanced = network.clone();
    balanced.proto.node.clear();
    for node in &network.proto.node {
        let weight = network.weight_of(node, layers);
        let channels = node.input.first().and_then(|value| maxima.get(value));
        let (Some(weight), Some(maxima), Ok(name)) = (weight, channels, output(node)) else {
            balanced.proto.node.push(node.clone());
            continue;
        };
        let names = ["balance", "balanced", "weight.balanced"].map(|part| format!("{name}.{part}"));
        let [balance, value, weights] = &names;
        let factors = factors(weight, maxima);
        let mut by_channel = vec![1; weight.shape.len()];
        if let Some(axis) = by_channel.get_mut(1) {
            *axis = factors.len();
        }
        let inverse = Constant {
            shape: by_channel,
            values: factors.iter().map(|factor| factor.recip()).collect(),
        };
        balanced.constants.insert(balance.clone(), inverse);
        balanced.constants.insert(weights.clone(), scaled(weight, &factors));
        let input = node.input.first().cloned().unwrap_or_default();
        balanced.proto.node.push(NodeProto {
            op_type: "Mul".to_owned(),
            name: value.clone(),
            input: vec![input, balance.clone()],
            output: vec![value.clone()],
            ..Default::default()
        });
        let mut node = node.clone();
        for (place, name) in [value, weights].into_iter().enumerate() {
            if let Some(input) = node.input.get_mut(place) {
                input.clone_from(name);
            }
        }
        balanced.proto.node.push(node);
    }
    let nodes = &balanced.proto.node;
    let used = |name: &String| nodes.iter().any(|node| node.input.contains(name));
    balanced.constants.retain(|name, _| used(name));
    balanced
}

/// Which input channel a weight meets, by its place among the weights `[out, in / groups, …]` of a convolution with so many inputs.
fn meets(weight: &Constant, inputs: usize) -> impl Fn(usize) -> usize {
    let across = weight.shape.get(1).copied().unwrap_or(1).max(1);
    let taps = weight.shape.iter().skip(2).product::<usize>().max(1);
    let out = weight.shape.first().copied().unwrap_or(1).max(1);
    let groups = (inputs / across).max(1);
    move |place| {
        let (filter, channel) = (place / (taps * across), place / taps % across);
        filter / (out / groups).max(1) * across + channel
    }
}

fn factors(weight: &Constant, maxima: &[f32]) -> Vec<f32> {
    let meets = meets(weight, maxima.len());
    let mut weights = vec![0.0f32; maxima.len()];
    for (place, value) in weight.values.iter().enumerate() {
        if let Some(most) = weights.get_mut(meets(place)) {
            *most = most.max(value.abs());
        }
    }
    let depthwise = weight.shape.get(1) == Some(&1) && maxima.len() > 1;
    let factor = |(most, weights): (&f32, f32)| {
        let factor = if depthwise { *most } else { (most / weights).sqrt() };
        // A channel that is never anything, or that nobody listens to, says nothing of its range.
        if factor.is_normal() { factor } else { 1.0 }
    };
    maxima.iter().zip(weights).map(factor).collect()
}

fn scaled(weight: &Constant, factors: &[f32]) -> Constant {
    let meets = meets(weight, factors.len());
    let factor = |place: usize| factors.get(meets(place)).copied().unwrap_or(1.0);
    Constant {
        shape: weight.shape.clone(),
        values: weight
            .values
            .iter()
            .enumerate()
            .map(|(place, value)| value * factor(place))
            .collect(),
    }
}
