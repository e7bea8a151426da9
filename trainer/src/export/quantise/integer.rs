//! Convolutions on 8-bit integers: activations with one scale and zero point found beforehand, weights with a scale for each output
//! channel, sums of 32 bits, and what they stand for in f32 again.

use lookhear_calibration::quantisation::{RangeChoice, quantise_rows, symmetric_scales};
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::super::graph::{Storage, Value};
use super::network::{Constant, Network, QuantiseError, Writer, input, output};
use super::ranges::Histograms;

/// Which convolutions become integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layers {
    /// Those that mix channels, but for what is convolved out of probabilities.
    Dense,
    /// Depthwise ones too.
    All,
}

impl Network {
    /// The names of the values that go into those convolutions, each once.
    pub fn convolved(&self, layers: Layers) -> Vec<String> {
        let mut names: Vec<String> = self
            .proto
            .node
            .iter()
            .filter(|node| self.weight_of(node, layers).is_some())
            .filter_map(|node| node.input.first().cloned())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// How many convolutions become integers.
    pub fn convolutions(&self, layers: Layers) -> usize {
        let nodes = self.proto.node.iter();
        nodes.filter(|node| self.weight_of(node, layers).is_some()).count()
    }

    /// Whether a value is a probability among many: most of a thousand are smaller than the smallest step of 8 bits in 0..1, and all
    /// of them would be rounded to nothing.
    fn is_probability(&self, value: &String) -> bool {
        let soft = |node: &&NodeProto| matches!(node.op_type.as_str(), "Softmax" | "Sigmoid");
        let mut soft = self.proto.node.iter().filter(soft);
        soft.any(|node| node.output.contains(value))
    }

    /// The weights of a convolution, if it is one of these layers and its weights are constant.
    pub(super) fn weight_of(&self, node: &NodeProto, layers: Layers) -> Option<&Constant> {
        let group = node.attribute.iter().find(|attribute| attribute.name == "group");
        let dense = group.is_none_or(|attribute| attribute.i == 1);
        (node.op_type == "Conv" && (dense || layers == Layers::All) && !self.is_probability(node.input.first()?))
            .then(|| self.constants.get(node.input.get(1)?))
            .flatten()
    }
}

/// The network with these layers in integers, all other large weights stored as int8.
///
/// # Errors
/// [`QuantiseError::Range`] when a value that is convolved was not observed.
pub fn in_integers(
    network: &Network,
    histograms: &Histograms,
    choice: RangeChoice,
    layers: Layers,
) -> Result<Vec<u8>, QuantiseError> {
    let mut writer = Writer::new(network, Storage::Int8);
    for node in &network.proto.node {
        match network.weight_of(node, layers) {
            Some(weight) => convolution(&mut writer, node, weight, histograms, choice)?,
            None => writer.keep(node),
        }
    }
    Ok(writer.graph.close())
}

fn convolution(
    writer: &mut Writer<'_>,
    node: &NodeProto,
    weight: &Constant,
    histograms: &Histograms,
    choice: RangeChoice,
) -> Result<(), QuantiseError> {
    let value = node.input.first().cloned().unwrap_or_default();
    let histogram = histograms.get(&value).cloned().unwrap_or_default();
    let affine = histogram.fit(choice).map_err(|cause| QuantiseError::Range {
        value: value.clone(),
        cause,
    })?;
    let named = |part: &str| format!("{value}.{part}");
    let quantised = Value::named(&named("quantised"));
    let zero = Value::named(&named("zero_point"));
    if writer.first(&named("quantised")) {
        let scale = writer.graph.constant(&named("scale"), &[], &[affine.scale]);
        writer.graph.integers8(&named("zero_point"), &[], &[affine.zero_point]);
        let from = input(node, 0)?;
        writer
            .graph
            .node("QuantizeLinear", &[&from, &scale, &zero], &named("quantised"), vec![]);
    }
    let name = output(node)?;
    let channels = weight.shape.first().copied().unwrap_or(1);
    let scales = symmetric_scales(&weight.values, channels, choice);
    let integers = quantise_rows(&weight.values, &scales);
    let graph = &mut writer.graph;
    let filters = graph.integers8(&format!("{name}.filters"), &weight.shape, &integers);
    let no_zero = graph.integers8(&format!("{name}.filters.zero_point"), &[], &[0]);
    let sums = graph.node(
        "ConvInteger",
        &[&quantised, &filters, &zero, &no_zero],
        &format!("{name}.sums"),
        node.attribute.clone(),
    );
    let sums = graph.cast(&sums, DataType::Float, &format!("{name}.sums.f32"));
    let mut by_channel = vec![1; weight.shape.len()];
    if let Some(axis) = by_channel.get_mut(1) {
        *axis = channels;
    }
    let steps: Vec<f32> = scales.iter().map(|scale| scale * affine.scale).collect();
    let steps = graph.constant(&format!("{name}.steps"), &by_channel, &steps);
    let bias = node.input.get(2).and_then(|bias| writer.network.constants.get(bias));
    let graph = &mut writer.graph;
    match bias {
        Some(bias) => {
            let bias = graph.constant(&format!("{name}.bias"), &by_channel, &bias.values);
            let scaled = graph.node("Mul", &[&sums, &steps], &format!("{name}.scaled"), vec![]);
            graph.node("Add", &[&scaled, &bias], name, vec![]);
        }
        None => drop(graph.node("Mul", &[&sums, &steps], name, vec![])),
    }
    Ok(())
}
