//! Puts a network into operators that tract has kernels for on a GPU.
//!
//! tract-cuda 0.23.9 has none for max pooling, nor for a convolution of 1×1 with a stride: each would take a trip to the processor
//! and back. A pooling with stride two becomes the maximum of its even and odd rows, then columns; a convolution of 1×1 with a
//! stride becomes one of 3×3 whose other weights are zero.
//!
//! cuDNN, which it hands convolutions to, pads both ends of an axis alike (`src/ops/conv.rs`, `wire_cuda_conv`). Another convolution,
//! such as those with a stride of two in networks that come from TensorFlow, gets a plain kernel with a thread for each sum; so
//! the zeros are put around its input first. Groups do not matter for that. What the network gives stays the same.

use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{AxisOp, ToDim, tract_ndarray::Array4};
use tract_onnx::tract_core::ops::array::{Pad, PadMode, Slice};
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::math;
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::halves::{in_halves, is_float};

/// In which a GPU computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// f32.
    Single,
    /// f16 where that does no harm, f32 elsewhere; what goes in and comes out is f32.
    Half,
}

/// The same network for a GPU.
///
/// # Errors
/// What tract says of a network that it cannot rebuild.
pub fn for_gpu(model: &TypedModel, precision: Precision) -> TractResult<TypedModel> {
    let rebuilt = in_operators_with_kernels(model)?;
    match precision {
        Precision::Single => Ok(rebuilt),
        Precision::Half => in_halves(&rebuilt),
    }
}

/// Of a network that a backend prepared for a GPU: the operators for which there is no kernel there, each with the name of its node.
pub fn left_on_processor(model: &TypedModel) -> Vec<String> {
    let is_there = |name: &str| {
        ["Cuda", "Metal", "Gpu", "DeviceSync"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || ["Source", "Const"].contains(&name)
    };
    let names = model.nodes.iter().map(|node| (node.op.name(), &node.name));
    names
        .filter(|(operator, _)| !is_there(operator))
        .map(|(operator, name)| format!("{operator} {name}"))
        .collect()
}

fn in_operators_with_kernels(model: &TypedModel) -> TractResult<TypedModel> {
    let mut target = TypedModel::default();
    let mut mapping = HashMap::<OutletId, OutletId>::new();
    for node in model.eval_order()? {
        let node = model.node(node);
        let inputs: TVec<OutletId> = node
            .inputs
            .iter()
            .filter_map(|input| mapping.get(input).copied())
            .collect();
        let outputs = if model.inputs.contains(&node.id.into()) {
            tvec!(target.add_source(node.name.clone(), model.outlet_fact(node.id.into())?.clone())?)
        } else if let Some(output) = replaced(model, node, &mut target, &inputs)? {
            tvec!(output)
        } else {
            target.wire_node(node.name.clone(), node.op.clone(), &inputs)?
        };
        for (slot, output) in outputs.into_iter().enumerate() {
            mapping.insert(OutletId::new(node.id, slot), output);
        }
    }
    let outputs: Vec<OutletId> = model
        .outputs
        .iter()
        .filter_map(|outlet| mapping.get(outlet).copied())
        .collect();
    target.select_output_outlets(&outputs)?;
    Ok(target)
}

fn replaced(
    model: &TypedModel,
    node: &TypedNode,
    target: &mut TypedModel,
    inputs: &[OutletId],
) -> TractResult<Option<OutletId>> {
    if let Some(operator) = node.op_as::<MaxPool>() {
        return pooled(model, node, operator, target, inputs);
    }
    if let Some(operator) = node.op_as::<Conv>() {
        return match widened(model, node, operator, target, inputs)? {
            None => padded_before(model, node, operator, target, inputs),
            wired => Ok(wired),
        };
    }
    Ok(None)
}

/// A convolution of 1×1 with a stride as one of 3×3.
fn widened(
    model: &TypedModel,
    node: &TypedNode,
    operator: &Conv,
    target: &mut TypedModel,
    inputs: &[OutletId],
) -> TractResult<Option<OutletId>> {
    let pool = &operator.pool_spec;
    let is_strided = pool.kernel_shape.as_slice() == [1, 1] && pool.strides().iter().any(|stride| *stride > 1);
    let Some(weights) = model.outlet_fact(node.inputs[1])?.konst.clone() else {
        return Ok(None);
    };
    let is_plain = operator.kernel_fmt == KernelFormat::OIHW && operator.q_params.is_none();
    if !is_strided || !is_plain || !pads_nothing(&pool.padding) || !is_float(weights.datum_type()) {
        return Ok(None);
    }
    let single = weights.cast_to::<f32>()?;
    let narrow = single
        .to_plain_array_view::<f32>()?
        .into_dimensionality::<tract_ndarray::Ix4>()?;
    let (outputs, channels, _, _) = narrow.dim();
    let mut wide = Array4::<f32>::zeros((outputs, channels, 3, 3));
    for ((output, channel, _, _), weight) in narrow.indexed_iter() {
        wide[(output, channel, 1, 1)] = *weight;
    }
    let wide = wide.into_tensor().cast_to_dt(weights.datum_type())?.into_owned();
    let weights = target.add_const(format!("{}.wide", node.name), wide)?;
    let pool_spec = PoolSpec {
        kernel_shape: tvec!(3, 3),
        padding: PaddingSpec::Explicit(tvec!(1, 1), tvec!(1, 1)),
        dilations: None,
        ..pool.clone()
    };
    convolved(node, operator, pool_spec, target, &[inputs[0], weights, inputs[2]])
}

/// The same convolution with another window.
fn convolved(
    node: &TypedNode,
    operator: &Conv,
    pool_spec: PoolSpec,
    target: &mut TypedModel,
    inputs: &[OutletId],
) -> TractResult<Option<OutletId>> {
    let operator = Conv {
        pool_spec,
        ..operator.clone()
    };
    let wired = target.wire_node(node.name.clone(), operator, inputs)?;
    Ok(wired.first().copied())
}

/// A convolution that pads the ends of an axis differently as zeros around its input and a convolution without padding.
fn padded_before(
    model: &TypedModel,
    node: &TypedNode,
    operator: &Conv,
    target: &mut TypedModel,
    inputs: &[OutletId],
) -> TractResult<Option<OutletId>> {
    let pool = &operator.pool_spec;
    let fact = model.outlet_fact(node.inputs[0])?;
    let Some(shape) = fact.shape.as_concrete() else {
        return Ok(None);
    };
    let shape = pool.data_format.shape(shape)?;
    let padding = pool.computed_padding(shape.hw_dims());
    let is_even = padding.iter().all(|axis| axis.pad_before == axis.pad_after);
    if is_even || operator.q_params.is_some() || !is_float(fact.datum_type) {
        return Ok(None);
    }
    let mut pads = vec![(0, 0); shape.rank()];
    for (pad, axis) in pads[shape.hw_axes()].iter_mut().zip(&padding) {
        *pad = (axis.pad_before, axis.pad_after);
    }
    let mode = PadMode::Constant(tensor0(0_f32).into_arc_tensor());
    let padded = target.wire_node(format!("{}.padded", node.name), Pad { pads, mode }, &[inputs[0]])?[0];
    // tract takes zeros back into a convolution, unless its padding is of a pooling's kind (`declutter_precursor_padding`).
    let none = tvec!(0; padding.len());
    let pool_spec = PoolSpec {
        padding: PaddingSpec::ExplicitOnnxPool(none.clone(), none, false),
        ..pool.clone()
    };
    convolved(node, operator, pool_spec, target, &[padded, inputs[1], inputs[2]])
}

/// A pooling with stride two and a window of two or three as maxima of rows, then of columns.
fn pooled(
    model: &TypedModel,
    node: &TypedNode,
    operator: &MaxPool,
    target: &mut TypedModel,
    inputs: &[OutletId],
) -> TractResult<Option<OutletId>> {
    let pool = &operator.pool_spec;
    let fact = model.outlet_fact(node.inputs[0])?;
    let (Some(&[1, _, height, width]), Some(&[_, _, rows, columns])) = (
        fact.shape.as_concrete(),
        model.outlet_fact(node.id.into())?.shape.as_concrete(),
    ) else {
        return Ok(None);
    };
    let is_known = pool.data_format == DataFormat::NCHW
        && pool.strides().iter().all(|stride| *stride == 2)
        && pool.kernel_shape.iter().all(|size| (2..=3).contains(size))
        && pool.dilations().iter().all(|dilation| *dilation == 1)
        && operator.with_index_outputs.is_none()
        && is_float(fact.datum_type);
    if !is_known {
        return Ok(None);
    }
    let padding = pool.computed_padding(&[height, width]);
    let mut value = inputs[0];
    for (axis, cells, length) in [(2, height, rows), (3, width, columns)] {
        let before = padding[axis - 2].pad_before;
        // One pair more than there are windows: the last window's third cell lies in it.
        let pairs = length + 1;
        let Some(after) = (2 * pairs).checked_sub(before + cells) else {
            return Ok(None);
        };
        let name = |part: &str| format!("{}.{part}{axis}", node.name);
        let mut pads = vec![(0, 0); 4];
        pads[axis] = (before, after);
        let mode = PadMode::Constant(tensor0(f32::NEG_INFINITY).into_arc_tensor());
        value = target.wire_node(name("padded"), Pad { pads, mode }, &[value])?[0];
        let cut = AxisOp::Reshape(axis, tvec!((2 * pairs).to_dim()), tvec!(pairs.to_dim(), 2.to_dim()));
        let paired = target.wire_node(name("paired"), cut, &[value])?[0];
        let mut largest = None;
        for tap in 0..pool.kernel_shape[axis - 2] {
            let (phase, first) = (tap % 2, tap / 2);
            let one = Slice::new(axis + 1, phase, phase + 1);
            let one = target.wire_node(name(&format!("phase{tap}.")), one, &[paired])?[0];
            let one = target.wire_node(name(&format!("lone{tap}.")), AxisOp::Rm(axis + 1), &[one])?[0];
            let some = Slice::new(axis, first, first + length);
            let some = target.wire_node(name(&format!("tap{tap}.")), some, &[one])?[0];
            largest = Some(match largest {
                None => some,
                Some(before) => target.wire_node(name(&format!("larger{tap}.")), math::max(), &[before, some])?[0],
            });
        }
        let Some(largest) = largest else {
            return Ok(None);
        };
        value = largest;
    }
    Ok(Some(value))
}

fn pads_nothing(padding: &PaddingSpec) -> bool {
    match padding {
        PaddingSpec::Valid => true,
        PaddingSpec::Explicit(before, after) | PaddingSpec::ExplicitOnnxPool(before, after, _) => {
            before.iter().chain(after).all(|cells| *cells == 0)
        }
        PaddingSpec::SameUpper | PaddingSpec::SameLower => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tract_onnx::tract_core::internal::Approximation;

    use super::*;

    fn noise(shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|index| (index * 7919 % 2003) as f32 / 1001.0 - 1.0)
            .collect();
        Tensor::from_shape(shape, &values).unwrap()
    }

    fn spec(size: usize, padding: PaddingSpec, channels: usize, outputs: usize) -> PoolSpec {
        PoolSpec::new(
            DataFormat::NCHW,
            tvec!(size, size),
            padding,
            None,
            Some(tvec!(2, 2)),
            channels,
            outputs,
        )
    }

    /// As a ResNet has them: a pooling, then a way around with a convolution of 1×1.
    fn network(height: usize, width: usize, size: usize, pad: usize) -> TypedModel {
        let mut model = TypedModel::default();
        let input = model.add_source("input", f32::fact([1, 4, height, width])).unwrap();
        let padding = PaddingSpec::ExplicitOnnxPool(tvec!(pad, pad), tvec!(pad, pad), false);
        let pool = MaxPool::new(spec(size, padding, 4, 4), None);
        let pooled = model.wire_node("pool", pool, &[input]).unwrap();
        let weights = model.add_const("weights", noise(&[6, 4, 1, 1])).unwrap();
        let bias = model.add_const("bias", noise(&[6])).unwrap();
        let convolution = Conv {
            pool_spec: spec(1, PaddingSpec::Explicit(tvec!(0, 0), tvec!(0, 0)), 4, 6),
            kernel_fmt: KernelFormat::OIHW,
            group: 1,
            q_params: None,
        };
        let output = model
            .wire_node("convolution", convolution, &[pooled[0], weights, bias])
            .unwrap();
        model.select_output_outlets(&output).unwrap();
        model
    }

    /// What a network gives for noise.
    fn outcome(model: TypedModel) -> Tensor {
        let fact = model.input_fact(0).unwrap();
        let input = noise(fact.shape.as_concrete().unwrap());
        let runnable = model.into_optimized().unwrap().into_runnable().unwrap();
        runnable
            .run(tvec!(input.into_tvalue()))
            .unwrap()
            .remove(0)
            .into_tensor()
    }

    /// As networks from TensorFlow have it: a convolution of `size`×`size` with stride two and a group for each `per_group` of eight
    /// channels.
    fn strided(height: usize, width: usize, size: usize, padding: PaddingSpec, per_group: usize) -> TypedModel {
        let mut model = TypedModel::default();
        let input = model.add_source("input", f32::fact([1, 8, height, width])).unwrap();
        let weights = model.add_const("weights", noise(&[8, per_group, size, size])).unwrap();
        let bias = model.add_const("bias", noise(&[8])).unwrap();
        let convolution = Conv {
            pool_spec: spec(size, padding, 8, 8),
            kernel_fmt: KernelFormat::OIHW,
            group: 8 / per_group,
            q_params: None,
        };
        let output = model
            .wire_node("convolution", convolution, &[input, weights, bias])
            .unwrap();
        model.select_output_outlets(&output).unwrap();
        model
    }

    #[test]
    fn zeros_that_are_not_alike_at_both_ends_are_put_there_before_and_the_network_gives_the_same() {
        let beside = PaddingSpec::Explicit(tvec!(0, 2), tvec!(1, 1));
        let below = PaddingSpec::Explicit(tvec!(0, 0), tvec!(1, 0));
        for (height, width, size, padding, pads) in [
            (12, 20, 3, PaddingSpec::SameUpper, [(0, 1), (0, 1)]),
            (12, 9, 5, PaddingSpec::SameLower, [(2, 1), (2, 2)]),
            (11, 8, 3, beside, [(0, 1), (2, 1)]),
            (8, 8, 1, below, [(0, 1), (0, 0)]),
        ] {
            for per_group in [1, 8] {
                let model = strided(height, width, size, padding.clone(), per_group);
                let expected = outcome(model.clone());
                for (precision, approximation) in [
                    (Precision::Single, Approximation::Close),
                    (Precision::Half, Approximation::VeryApproximate),
                ] {
                    let rebuilt = for_gpu(&model, precision).unwrap().into_decluttered().unwrap();
                    let pad = rebuilt.nodes.iter().find_map(|node| node.op_as::<Pad>()).unwrap();
                    assert_eq!(pad.pads[2..], pads);
                    let convolution = rebuilt.nodes.iter().find_map(|node| node.op_as::<Conv>()).unwrap();
                    assert!(pads_nothing(&convolution.pool_spec.padding));
                    outcome(rebuilt).close_enough(&expected, approximation).unwrap();
                }
            }
        }
    }

    #[test]
    fn zeros_that_are_alike_at_both_ends_stay_with_the_convolution() {
        for padding in [
            PaddingSpec::Explicit(tvec!(1, 0), tvec!(1, 0)),
            PaddingSpec::SameUpper,
            PaddingSpec::Valid,
        ] {
            let rebuilt = for_gpu(&strided(11, 13, 3, padding, 1), Precision::Single).unwrap();
            assert!(!rebuilt.nodes.iter().any(|node| node.op_is::<Pad>()));
        }
    }

    #[test]
    fn what_has_no_kernel_is_gone_and_the_network_gives_the_same() {
        for (height, width, size, pad) in [(12, 20, 3, 1), (13, 9, 3, 1), (12, 11, 2, 0), (11, 12, 3, 0)] {
            let model = network(height, width, size, pad);
            let rebuilt = for_gpu(&model, Precision::Single).unwrap();
            for node in &rebuilt.nodes {
                assert!(!node.op_is::<MaxPool>(), "{}", node.name);
                let strided =
                    |conv: &Conv| conv.pool_spec.kernel_shape.as_slice() == [1, 1] && conv.pool_spec.stride(0) > 1;
                assert!(!node.op_as::<Conv>().is_some_and(strided), "{}", node.name);
            }
            outcome(rebuilt)
                .close_enough(&outcome(model), Approximation::Close)
                .unwrap();
        }
    }
}
