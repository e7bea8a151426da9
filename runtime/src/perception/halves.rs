//! Puts a network into half precision (IEEE 754 binary16: eleven bits, at most 65504), where that does no harm.
//!
//! Convolutions and products of matrices are where the time goes: they begin half precision. What keeps or moves values, takes the
//! larger of two, adds or scales stays in the precision that it is given. Everything else ends it: sums over an axis lose small
//! terms beside a large sum, squares overflow from 256 on, and the tiny number that keeps a length from being zero *is* zero in
//! halves; so roots, quotients, exponentials, logarithms and softmax have single precision. On a GPU the same holds for a better
//! reason than caution: tract-cuda 0.23.9 adds up in the type of what comes in (`src/kernels/cu/nn.cu`).
//!
//! Inputs and outputs stay in single precision: the casts are part of the network, and run where it runs.

use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{AxisOp, ensure};
use tract_onnx::tract_core::ops::array::{MultiBroadcastTo, Pad, PadMode, Slice, TypedConcat};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_core::ops::cnn::{Conv, MaxPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};

/// The same network with weights and maps in halves; what goes in and comes out is f32 as before.
///
/// # Errors
/// What tract says of a network that it cannot rebuild.
pub fn in_halves(model: &TypedModel) -> TractResult<TypedModel> {
    let mut rebuilding = Rebuilding {
        source: model,
        target: TypedModel::default(),
        mapping: HashMap::new(),
        in_other_precision: HashMap::new(),
    };
    for node in model.eval_order()? {
        rebuilding.append(model.node(node))?;
    }
    let mut outputs = Vec::new();
    for outlet in &model.outputs {
        let Some(&outlet) = rebuilding.mapping.get(outlet) else {
            continue;
        };
        outputs.push(rebuilding.wire_in(outlet, f32::datum_type())?);
    }
    ensure!(outputs.len() == model.outputs.len(), "an output is computed nowhere");
    rebuilding.target.select_output_outlets(&outputs)?;
    Ok(rebuilding.target)
}

/// What an operator does to the precision of what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Begins,
    Keeps,
    Ends,
}

fn effect(node: &TypedNode) -> Effect {
    if node.op_is::<Conv>() || node.op_is::<EinSum>() {
        return Effect::Begins;
    }
    let moves = node.op_is::<AxisOp>()
        || node.op_is::<Slice>()
        || node.op_is::<TypedConcat>()
        || node.op_is::<MultiBroadcastTo>()
        || node.op_is::<MaxPool>();
    let pads = node
        .op_as::<Pad>()
        .is_some_and(|pad| !matches!(&pad.mode, PadMode::Constant(value) if !holds(value)));
    let chooses = node
        .op_as::<Reduce>()
        .is_some_and(|reduce| matches!(reduce.reducer, Reducer::Max | Reducer::Min));
    let is_square = node.inputs.first() == node.inputs.get(1);
    let combines = node.op_as::<TypedBinOp>().is_some_and(|operator| {
        let name = operator.0.name();
        ["Add", "Sub", "Max", "Min"].contains(&name) || (name == "Mul" && !is_square)
    });
    if moves || pads || chooses || combines {
        Effect::Keeps
    } else {
        Effect::Ends
    }
}

/// Whether numbers stay what they are but for rounding: none becomes infinite or, being more than nothing, nothing.
fn holds(values: &Tensor) -> bool {
    all_in_both(values, |wide, narrow| {
        wide.is_finite() == narrow.is_finite() && (wide == 0.0) == (narrow == 0.0)
    })
}

/// The same of weights: of many that are summed up, some may well become nothing.
fn holds_as_weights(values: &Tensor) -> bool {
    all_in_both(values, |wide, narrow| wide.is_finite() == narrow.is_finite())
}

fn all_in_both(values: &Tensor, is_well: impl Fn(f32, f32) -> bool) -> bool {
    let (Ok(wide), Ok(narrow)) = (values.cast_to::<f32>(), values.cast_to::<f16>()) else {
        return false;
    };
    let (Ok(wide), Ok(narrow)) = (wide.to_plain_array_view::<f32>(), narrow.to_plain_array_view::<f16>()) else {
        return false;
    };
    let mut both = wide.iter().zip(narrow.iter());
    both.all(|(wide, narrow)| is_well(*wide, narrow.to_f32()))
}

struct Rebuilding<'a> {
    source: &'a TypedModel,
    target: TypedModel,
    mapping: HashMap<OutletId, OutletId>,
    /// Values that were cast already, by what they were and what they are.
    in_other_precision: HashMap<(OutletId, DatumType), OutletId>,
}

impl Rebuilding<'_> {
    fn append(&mut self, node: &TypedNode) -> TractResult<()> {
        let outlets = if self.source.inputs.contains(&node.id.into()) {
            let fact = self.source.outlet_fact(node.id.into())?.clone();
            tvec!(self.target.add_source(node.name.clone(), fact)?)
        } else {
            let mut inputs = tvec!();
            for input in &node.inputs {
                let mapped = self.mapping.get(input).copied();
                inputs.extend(mapped);
            }
            ensure!(
                inputs.len() == node.inputs.len(),
                "{} comes before what it is given",
                node.name
            );
            let precision = self.precision(node, &inputs)?;
            for input in &mut inputs {
                *input = self.wire_in(*input, precision)?;
            }
            let operator = in_precision(node, precision);
            self.target.wire_node(node.name.clone(), operator, &inputs)?
        };
        for (slot, outlet) in outlets.into_iter().enumerate() {
            self.mapping.insert(OutletId::new(node.id, slot), outlet);
        }
        Ok(())
    }

    /// In which a node works.
    fn precision(&self, node: &TypedNode, inputs: &[OutletId]) -> TractResult<DatumType> {
        let (single, half) = (f32::datum_type(), f16::datum_type());
        let effect = effect(node);
        let facts = inputs.iter().map(|input| self.target.outlet_fact(*input));
        let facts = facts.collect::<TractResult<Vec<_>>>()?;
        let mut floats = facts.iter().filter(|fact| is_float(fact.datum_type));
        let is_half = match effect {
            Effect::Begins => floats.all(|fact| fact.konst.as_deref().is_none_or(holds_as_weights)),
            // One value in single precision is enough: it was not meant to be rounded.
            Effect::Keeps => {
                facts.iter().any(|fact| fact.datum_type == half)
                    && floats.all(|fact| fact.konst.as_deref().map_or(fact.datum_type == half, holds))
            }
            Effect::Ends => false,
        };
        Ok(if is_half { half } else { single })
    }

    /// A value in a precision; what is no float stays as it is.
    fn wire_in(&mut self, outlet: OutletId, precision: DatumType) -> TractResult<OutletId> {
        let fact = self.target.outlet_fact(outlet)?.clone();
        if fact.datum_type == precision || !is_float(fact.datum_type) {
            return Ok(outlet);
        }
        if let Some(known) = self.in_other_precision.get(&(outlet, precision)) {
            return Ok(*known);
        }
        let name = self
            .target
            .unique_name(format!("{}.{precision:?}", self.target.node(outlet.node).name));
        let other = match fact.konst {
            Some(constant) => self
                .target
                .add_const(name, constant.cast_to_dt(precision)?.into_owned())?,
            None => self.target.wire_node(name, cast(precision), &[outlet])?[0],
        };
        self.in_other_precision.insert((outlet, precision), other);
        Ok(other)
    }
}

/// Whether numbers have a precision that may be another.
pub fn is_float(datum_type: DatumType) -> bool {
    [f32::datum_type(), f16::datum_type()].contains(&datum_type)
}

/// An operator for values of a precision: most take it from what they are given.
fn in_precision(node: &TypedNode, precision: DatumType) -> Box<dyn TypedOp> {
    if let Some(operator) = node
        .op_as::<EinSum>()
        .filter(|operator| is_float(operator.operating_dt))
    {
        return Box::new(EinSum {
            operating_dt: precision,
            ..operator.clone()
        });
    }
    node.op.clone()
}
