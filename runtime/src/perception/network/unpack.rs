//! Weights that a file keeps in fewer bits, made f32 before anything else looks at them.
//!
//! A `Cast` of a constant to f32, and a `Mul` of such a constant with one factor for each of its filters, become one constant. A
//! general runtime finds that too, by running each operator of the graph on its constants, which takes longer than all the rest
//! of a start.

use std::collections::{HashMap, HashSet};

use half::f16;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

/// Unpacks what can be unpacked, and leaves everything else as it is.
pub fn unpack(graph: &mut GraphProto) {
    let has_bodies = |node: &NodeProto| {
        node.attribute
            .iter()
            .any(|part| part.g.is_some() || !part.graphs.is_empty())
    };
    if graph.node.iter().any(has_bodies) {
        // Their operators take constants from out here.
        return;
    }
    let given: HashSet<String> = graph.input.iter().map(|input| input.name.clone()).collect();
    let mut constants: HashMap<String, TensorProto> = graph
        .initializer
        .drain(..)
        .map(|tensor| (tensor.name.clone(), tensor))
        .collect();
    let mut uses = HashMap::<String, usize>::new();
    for name in graph.node.iter().flat_map(|node| &node.input) {
        *uses.entry(name.clone()).or_default() += 1;
    }
    graph.node.retain(|node| {
        let Some(unpacked) = cast(node, &constants).or_else(|| product(node, &constants)) else {
            return true;
        };
        for input in &node.input {
            if uses.get(input) == Some(&1) && !given.contains(input) {
                constants.remove(input);
            }
        }
        constants.insert(unpacked.name.clone(), unpacked);
        false
    });
    graph.initializer = constants.into_values().collect();
    graph
        .initializer
        .sort_unstable_by(|one, other| one.name.cmp(&other.name));
}

fn cast(node: &NodeProto, constants: &HashMap<String, TensorProto>) -> Option<TensorProto> {
    let ("Cast", [input], [output]) = (node.op_type.as_str(), node.input.as_slice(), node.output.as_slice()) else {
        return None;
    };
    let to = node.attribute.iter().find(|attribute| attribute.name == "to")?;
    let tensor = constants.get(input).filter(|tensor| !tensor.raw_data.is_empty())?;
    if to.i != DataType::Float as i64 {
        return None;
    }
    let values: Vec<f32> = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Int8 => tensor
            .raw_data
            .iter()
            .map(|byte| f32::from(byte.cast_signed()))
            .collect(),
        DataType::Float16 => {
            let pairs = tensor.raw_data.chunks_exact(2);
            pairs
                .map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32())
                .collect()
        }
        _ => return None,
    };
    is_whole(tensor, values.len()).then(|| constant(output, &tensor.dims, &values))
}

/// Whether a tensor has as many values as its dimensions say.
fn is_whole(tensor: &TensorProto, values: usize) -> bool {
    let length = |count: usize, dim: &i64| count.checked_mul(usize::try_from(*dim).ok()?);
    tensor.dims.iter().try_fold(1, length) == Some(values)
}

fn product(node: &NodeProto, constants: &HashMap<String, TensorProto>) -> Option<TensorProto> {
    let ("Mul", [values, factors], [output]) = (node.op_type.as_str(), node.input.as_slice(), node.output.as_slice())
    else {
        return None;
    };
    let (tensor, factors) = (constants.get(values)?, constants.get(factors)?);
    let (mut values, scales) = (floats(tensor)?, floats(factors)?);
    let is_one_for_each_filter = tensor.dims.len() == factors.dims.len()
        && tensor.dims.first() == factors.dims.first()
        && factors.dims.iter().skip(1).all(|length| *length == 1);
    if !is_one_for_each_filter || scales.is_empty() || values.is_empty() {
        return None;
    }
    let filter = values.len() / scales.len();
    for (filter, scale) in values.chunks_exact_mut(filter).zip(scales) {
        filter.iter_mut().for_each(|value| *value *= scale);
    }
    Some(constant(output, &tensor.dims, &values))
}

fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    let is_float = tensor.data_type == DataType::Float as i32 && !tensor.raw_data.is_empty();
    let quads = tensor.raw_data.chunks_exact(4);
    (is_float && is_whole(tensor, quads.len())).then(|| {
        quads
            .map(|quad| f32::from_le_bytes([quad[0], quad[1], quad[2], quad[3]]))
            .collect()
    })
}

fn constant(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let mut raw_data = Vec::with_capacity(size_of_val(values));
    for value in values {
        raw_data.extend_from_slice(&value.to_le_bytes());
    }
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        raw_data,
        ..Default::default()
    }
}
