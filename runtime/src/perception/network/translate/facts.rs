//! What tract's graph says of sizes, constants and axes.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;

use crate::perception::network::blocked::Shape;
use crate::perception::network::map::Split;
use crate::perception::network::window::Window;

/// The shape of a value of fixed size.
pub(super) fn concrete(model: &TypedModel, outlet: OutletId) -> Option<Vec<usize>> {
    model
        .outlet_fact(outlet)
        .ok()?
        .shape
        .as_concrete()
        .map(<[usize]>::to_vec)
}

/// How many operators may stand between a constant and what its file holds: weights are unpacked by two or three.
const DEEPEST: usize = 6;

/// The value of an outlet that depends on no input.
pub(super) fn constant(model: &TypedModel, outlet: OutletId) -> TractResult<Option<Arc<Tensor>>> {
    constant_within(model, outlet, DEEPEST)
}

fn constant_within(model: &TypedModel, outlet: OutletId, depth: usize) -> TractResult<Option<Arc<Tensor>>> {
    if let Some(value) = &model.outlet_fact(outlet)?.konst {
        return Ok(Some(value.clone()));
    }
    let node = model.node(outlet.node);
    if depth == 0 || node.inputs.is_empty() {
        return Ok(None);
    }
    let mut inputs = tvec!();
    for input in &node.inputs {
        match constant_within(model, *input, depth - 1)? {
            Some(value) => inputs.push(value.into_tvalue()),
            None => return Ok(None),
        }
    }
    // What cannot be worked out now is left to tract, which will say why.
    let values = node.op.eval_out_of_plan(inputs).ok().flatten();
    Ok(values.and_then(|values| values.get(outlet.slot).map(|value| value.clone().into_arc_tensor())))
}

/// A matrix of so many columns with its columns as rows.
pub(super) fn turned(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| values.iter().skip(column).step_by(columns).copied())
        .collect()
}

/// How a smaller tensor is repeated to make one of `shape`: along one axis, or neighbouring ones, it is as long, and along all
/// others it has length one.
pub(super) fn repeated(shape: &[usize], smaller: &[usize]) -> Option<Split> {
    if shape.len() != smaller.len() {
        return None;
    }
    let first = smaller.iter().position(|length| *length != 1).unwrap_or(0);
    let end = smaller
        .iter()
        .rposition(|length| *length != 1)
        .map_or(0, |last| last + 1)
        .max(first);
    (shape[first..end] == smaller[first..end]).then(|| Split {
        outer: shape[..first].iter().product(),
        along: shape[first..end].iter().product(),
        inner: shape[end..].iter().product(),
    })
}

/// Of a product in Einstein's notation, `mk,kn->mn` or alike: whether the left and the right matrix lie the other way round.
pub(super) fn matrices(expression: &str) -> Option<(bool, bool)> {
    let (inputs, output) = expression.split_once("->")?;
    let (left, right) = inputs.split_once(',')?;
    let axes = |text: &str| <[char; 2]>::try_from(text.chars().collect::<Vec<_>>()).ok();
    let ([row, column], left, right) = (axes(output)?, axes(left)?, axes(right)?);
    let (left_turned, right_turned) = (left[1] == row, right[0] == column);
    let left_inner = left[usize::from(!left_turned)];
    let right_inner = right[usize::from(right_turned)];
    let fits = left.contains(&row) && right.contains(&column) && left_inner == right_inner;
    (fits && left_inner != row && left_inner != column).then_some((left_turned, right_turned))
}

/// The window of one of tract's operators on an input of this size; `None` where there is none here.
pub(super) fn window(spec: &PoolSpec, input: Shape) -> Option<Window> {
    let is_explicit = matches!(
        spec.padding,
        PaddingSpec::Explicit(..)
            | PaddingSpec::ExplicitOnnxPool(_, _, false)
            | PaddingSpec::Valid
            | PaddingSpec::SameUpper
            | PaddingSpec::SameLower
    );
    let dense = spec
        .dilations
        .as_ref()
        .is_none_or(|dilations| dilations.iter().all(|cells| *cells == 1));
    let &[height, width] = spec.kernel_shape.as_slice() else {
        return None;
    };
    let strides = spec.strides();
    if spec.data_format != DataFormat::NCHW || !dense || strides[0] != strides[1] || !is_explicit {
        return None;
    }
    let padding = spec.computed_padding(&[input.height, input.width]);
    Some(Window {
        height,
        width,
        stride: strides[0],
        before: [padding[0].pad_before, padding[1].pad_before],
        after: [padding[0].pad_after, padding[1].pad_after],
    })
}
