//! An ONNX network taken apart: its nodes, and its constant weights as f32 whatever they were stored as.

use std::collections::{BTreeMap, BTreeSet};

use half::f16;
use lookhear_calibration::FitError;
use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

use super::super::graph::{Graph, Storage, Value};

/// Why a network cannot be quantised.
#[derive(Debug, thiserror::Error)]
pub enum QuantiseError {
    /// It is no ONNX of the kind that this code exports.
    #[error("the network cannot be taken apart ({cause}); export it again with this version of lookhear-train")]
    Foreign {
        /// What was met.
        cause: String,
    },
    /// It does not run on the calibration examples.
    #[error(
        "the network cannot be run on the calibration examples: {cause}; the bundle may need another version of lookhear"
    )]
    Run {
        /// In tract's words.
        cause: String,
    },
    /// Its values give no range.
    #[error("the range of `{value}` cannot be found: {cause}")]
    Range {
        /// Name in the graph.
        value: String,
        /// Why.
        cause: FitError,
    },
}

impl QuantiseError {
    pub(super) fn foreign(cause: impl Into<String>) -> Self {
        Self::Foreign { cause: cause.into() }
    }
}

/// A constant of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Row-major.
    pub shape: Vec<usize>,
    /// As many as the shape says.
    pub values: Vec<f32>,
}

/// A network whose weights are all f32.
#[derive(Debug, Clone)]
pub struct Network {
    /// Nodes, inputs and outputs; no weight is computed by a node.
    pub(super) proto: GraphProto,
    /// The f32 constants by name; others (axes, shapes) stay in `proto`.
    pub(super) constants: BTreeMap<String, Constant>,
}

impl Network {
    /// Takes an ONNX file apart. Weights stored as f16 or int8 become f32 again, as a runtime makes them.
    pub fn decode(onnx: &[u8]) -> Result<Self, QuantiseError> {
        let mut proto = ModelProto::decode(onnx)
            .map_err(|cause| QuantiseError::foreign(cause.to_string()))?
            .graph
            .ok_or_else(|| QuantiseError::foreign("there is no graph in it"))?;
        let mut constants = BTreeMap::new();
        let mut others = Vec::new();
        for tensor in std::mem::take(&mut proto.initializer) {
            match constant(&tensor)? {
                Some(constant) => drop(constants.insert(tensor.name, constant)),
                None => others.push(tensor),
            }
        }
        proto.initializer = others;
        let mut nodes = Vec::with_capacity(proto.node.len());
        for node in std::mem::take(&mut proto.node) {
            match folded(&node, &constants) {
                Some((name, constant)) => drop(constants.insert(name, constant)),
                None => nodes.push(node),
            }
        }
        let used: BTreeSet<&String> = nodes.iter().flat_map(|node| &node.input).collect();
        constants.retain(|name, _| used.contains(name));
        proto.node = nodes;
        Ok(Self { proto, constants })
    }

    /// The network as a file, its large weights stored as asked.
    pub fn encode(&self, storage: Storage) -> Vec<u8> {
        let mut writer = Writer::new(self, storage);
        for node in &self.proto.node {
            writer.keep(node);
        }
        writer.graph.close()
    }

    /// The same network with these values as its outputs.
    pub(super) fn with_outputs(&self, values: &[String]) -> Self {
        let mut network = self.clone();
        network.proto.output = values
            .iter()
            .map(|name| tract_onnx::pb::ValueInfoProto {
                name: name.clone(),
                ..Default::default()
            })
            .collect();
        network
    }
}

/// Writes a network anew, node by node, each constant once and before it is used.
pub(super) struct Writer<'a> {
    pub(super) network: &'a Network,
    pub(super) graph: Graph,
    written: BTreeSet<String>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(network: &'a Network, storage: Storage) -> Self {
        let mut graph = Graph::between_the_ends_of(&network.proto, storage);
        for constant in &network.proto.initializer {
            graph.copy_constant(constant);
        }
        Self {
            network,
            graph,
            written: BTreeSet::new(),
        }
    }

    /// Whether a name comes up for the first time.
    pub(super) fn first(&mut self, name: &str) -> bool {
        self.written.insert(name.to_owned())
    }

    /// Writes the node as it is, with the constants that it needs.
    pub(super) fn keep(&mut self, node: &NodeProto) {
        for (index, name) in node.input.iter().enumerate() {
            let Some(Constant { shape, values }) = self.network.constants.get(name) else {
                continue;
            };
            if self.first(name) {
                if index == 1 && matches!(node.op_type.as_str(), "Conv" | "MatMul" | "Gemm") {
                    self.graph.weight(name, shape, values);
                } else {
                    self.graph.constant(name, shape, values);
                }
            }
        }
        self.graph.copy(node);
    }

    /// Writes a node of the same operator, name and attributes on other inputs.
    pub(super) fn keep_on(&mut self, node: &NodeProto, inputs: Vec<String>) {
        self.graph.copy(&NodeProto {
            input: inputs,
            ..node.clone()
        });
    }
}

/// The first output of a node, as which it is known.
pub(super) fn output(node: &NodeProto) -> Result<&str, QuantiseError> {
    let name = node.output.first().map(String::as_str);
    name.ok_or_else(|| QuantiseError::foreign(format!("the node `{}` has no output", node.name)))
}

/// An input of a node by its place.
pub(super) fn input(node: &NodeProto, place: usize) -> Result<Value, QuantiseError> {
    let name = node.input.get(place).map(|name| Value::named(name));
    name.ok_or_else(|| QuantiseError::foreign(format!("the node `{}` has no input {place}", node.name)))
}

/// Numbers that stand for reals; none for integers of more than 8 bits, which are axes and shapes.
fn constant(tensor: &TensorProto) -> Result<Option<Constant>, QuantiseError> {
    let raw = &tensor.raw_data;
    let values: Vec<f32> = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => raw
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect(),
        Ok(DataType::Float16) => raw
            .as_chunks::<2>()
            .0
            .iter()
            .map(|bytes| f16::from_le_bytes(*bytes).to_f32())
            .collect(),
        Ok(DataType::Int8) => raw.iter().map(|byte| f32::from(byte.cast_signed())).collect(),
        _ => return Ok(None),
    };
    let shape: Vec<usize> = tensor
        .dims
        .iter()
        .map(|&size| usize::try_from(size).unwrap_or(0))
        .collect();
    if values.len() != shape.iter().product::<usize>() {
        return Err(QuantiseError::foreign(format!(
            "`{}` has {} values where its shape {shape:?} asks for others",
            tensor.name,
            values.len()
        )));
    }
    Ok(Some(Constant { shape, values }))
}

/// What a node gives that only widens stored weights: a cast, or the product with a scale for each row.
fn folded(node: &NodeProto, constants: &BTreeMap<String, Constant>) -> Option<(String, Constant)> {
    let constant = |place: usize| constants.get(node.input.get(place)?);
    let folded = match node.op_type.as_str() {
        "Cast" => constant(0)?.clone(),
        "Mul" => {
            let (weights, scales) = (constant(0)?, constant(1)?);
            let row = weights.values.len() / scales.values.len().max(1);
            if row == 0
                || scales.shape.first() != weights.shape.first()
                || row * scales.values.len() != weights.values.len()
            {
                return None;
            }
            let scaled = weights.values.chunks(row).zip(&scales.values);
            Constant {
                shape: weights.shape.clone(),
                values: scaled
                    .flat_map(|(row, scale)| row.iter().map(move |value| value * scale))
                    .collect(),
            }
        }
        _ => return None,
    };
    Some((node.output.first()?.clone(), folded))
}
