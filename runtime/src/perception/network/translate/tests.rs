//! Graphs that are not made the way the exporter makes them.

#![allow(clippy::unwrap_used)]

use tract_onnx::tract_core::internal::ToDim;
use tract_onnx::tract_core::ops::cnn::{PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::{DataFormat, sigmoid};
use tract_onnx::tract_core::ops::{array::TypedConcat, math};

use super::*;
use crate::perception::network::workers::Workers;

fn noise(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|index| (index * 7919 % 2003) as f32 / 1001.0 - 1.0)
        .collect();
    Tensor::from_shape(shape, &values).unwrap()
}

/// A convolution of 1×1 of the input `[1, 3, 4, 5]`, with what is behind it still to come.
fn begun(pad: usize) -> (TypedModel, OutletId, OutletId) {
    let mut model = TypedModel::default();
    let input = model.add_source("input", f32::fact([1, 3, 4, 5])).unwrap();
    let weights = model.add_const("weights", noise(&[3, 3, 1, 1])).unwrap();
    let bias = model.add_const("bias", noise(&[3])).unwrap();
    let padding = PaddingSpec::Explicit(tvec!(0, 0), tvec!(0, pad));
    let convolution = Conv {
        pool_spec: PoolSpec::new(DataFormat::NCHW, tvec!(1, 1), padding, None, None, 3, 3),
        kernel_fmt: KernelFormat::OIHW,
        group: 1,
        q_params: None,
    };
    let output = model
        .wire_node("convolution", convolution, &[input, weights, bias])
        .unwrap()[0];
    (model, input, output)
}

fn agrees_with_tract(model: &TypedModel) {
    let Translation { program, rest } = translate(model, Arithmetic::Float).unwrap().unwrap();
    assert!(rest.is_none(), "all of it is known");
    let input = noise(&[1, 3, 4, 5]);
    let mut memory = program.memory();
    let values = input.to_plain_array_view::<f32>().unwrap();
    program.run(values.as_slice().unwrap(), &mut memory, &Workers::default(), |_| {});
    let runnable = model.clone().into_optimized().unwrap().into_runnable().unwrap();
    let expected = runnable.run(tvec!(input.clone().into_tvalue())).unwrap();
    for (number, expected) in expected.iter().enumerate() {
        let expected = expected.to_plain_array_view::<f32>().unwrap();
        let mut found = vec![0.0; expected.len()];
        program.output(number, &memory, &mut found);
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-5,
                "output {number}: {found}, not {expected}"
            );
        }
    }
}

/// A bound behind a change of axes belongs to that side only: the value has another taker without it.
#[test]
fn a_bound_behind_a_change_of_axes_leaves_the_other_taker_alone() {
    let (mut model, _, output) = begun(0);
    let flat = AxisOp::Reshape(2, tvec!(4.to_dim(), 5.to_dim()), tvec!(20.to_dim()));
    let flat = model.wire_node("flat", flat, &[output]).unwrap()[0];
    let zero = model.add_const("zero", tensor3(&[[[0.0_f32]]])).unwrap();
    let bounded = model.wire_node("bounded", math::max(), &[flat, zero]).unwrap()[0];
    let gate = model.wire_node("gate", sigmoid(), &[output]).unwrap()[0];
    model.select_output_outlets(&[bounded, gate]).unwrap();
    agrees_with_tract(&model);
}

#[test]
fn a_network_that_wants_its_input_again_at_the_end_is_left_to_tract() {
    let (mut model, input, output) = begun(0);
    let joined = model
        .wire_node("joined", TypedConcat::new(1), &[input, output])
        .unwrap();
    model.select_output_outlets(&joined).unwrap();
    assert!(translate(&model, Arithmetic::Float).unwrap().is_none());
}

/// A window that sees nothing but padding, or a map larger than memory, is not for the operators here.
#[test]
fn sizes_that_no_camera_has_are_left_to_tract() {
    for pad in [1, 1 << 40, 1 << 60] {
        let (mut model, _, output) = begun(pad);
        model.select_output_outlets(&[output]).unwrap();
        assert!(translate(&model, Arithmetic::Float).unwrap().is_none(), "{pad}");
    }
    let shape = |height: usize, width: usize| Shape {
        channels: 16,
        height,
        width,
    };
    assert!(Window::ONE_CELL.output(shape(1 << 12, 1 << 13), 16).is_none());
    assert!(Window::ONE_CELL.output(shape(1 << 40, 1 << 40), 16).is_none());
    assert!(Window::ONE_CELL.output(shape(0, 4), 16).is_none());
    assert!(Window::ONE_CELL.output(shape(448, 448), 16).is_some());
}
