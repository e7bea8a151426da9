//! The convolutions and what lies between them computed in f16; the ends, where small numbers are squared and divided, in f32.

use std::collections::BTreeSet;

use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::super::graph::{Storage, Value};
use super::network::{Network, QuantiseError, Writer, output};

/// Operators that lose nothing that matters in f16.
const HALF: [&str; 5] = ["Conv", "Clip", "Relu", "Add", "MaxPool"];

/// The network with its convolutions in f16.
pub fn in_half_precision(network: &Network) -> Result<Vec<u8>, QuantiseError> {
    let mut writer = Writer::new(network, Storage::Float16);
    let last: BTreeSet<&str> = network.proto.output.iter().map(|value| value.name.as_str()).collect();
    let mut in_half: BTreeSet<String> = BTreeSet::new();
    for node in &network.proto.node {
        let name = output(node)?;
        let half = HALF.contains(&node.op_type.as_str()) && !last.contains(name);
        if half {
            in_half.insert(name.to_owned());
            halve(&mut writer, node, &in_half);
        } else {
            widen(&mut writer, node, &in_half);
        }
    }
    Ok(writer.graph.close())
}

/// Writes the node on inputs in f16.
fn halve(writer: &mut Writer<'_>, node: &NodeProto, in_half: &BTreeSet<String>) {
    let mut inputs = Vec::with_capacity(node.input.len());
    for name in &node.input {
        if name.is_empty() || in_half.contains(name) {
            inputs.push(name.clone());
            continue;
        }
        let other = format!("{name}.f16");
        if writer.first(&other) {
            match writer.network.constants.get(name) {
                Some(constant) => drop(writer.graph.half(&other, &constant.shape, &constant.values)),
                None => drop(writer.graph.cast(&Value::named(name), DataType::Float16, &other)),
            }
        }
        inputs.push(other);
    }
    writer.keep_on(node, inputs);
}

/// Writes the node on inputs in f32.
fn widen(writer: &mut Writer<'_>, node: &NodeProto, in_half: &BTreeSet<String>) {
    let mut widened = node.clone();
    for name in &mut widened.input {
        if in_half.contains(name) {
            let other = format!("{name}.f32");
            if writer.first(&other) {
                writer.graph.cast(&Value::named(name), DataType::Float, &other);
            }
            *name = other;
        }
    }
    writer.keep(&widened);
}
