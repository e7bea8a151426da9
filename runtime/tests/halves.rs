//! A network in half precision gives nearly what it gives in single: run by tract on the processor, which needs no GPU to round.
#![allow(clippy::unwrap_used)]

mod networks;

use lookhear::perception::for_gpu::{Precision, for_gpu};
use lookhear::perception::network::read::read;
use networks::{Network, Noise, of_default_model, of_paper};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::floats::FloatPrecisionTranslator;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::math;
use tract_onnx::tract_core::ops::nn::{DataFormat, Reduce, Reducer};
use tract_onnx::tract_core::transform::ModelTransform;

fn outcome(model: &TypedModel, input: &Tensor) -> Vec<f32> {
    let runnable = model.clone().into_optimized().unwrap().into_runnable().unwrap();
    let output = runnable.run(tvec!(input.clone().into_tvalue())).unwrap().remove(0);
    let output = output.cast_to::<f32>().unwrap().into_owned();
    output.to_plain_array_view::<f32>().unwrap().iter().copied().collect()
}

/// The least cosine between two maps over their cells, and by how much a value differs at most; both are no number where a value is
/// none. A cell's values lie a plane apart; a sound is one cell.
fn agreement(found: &[f32], expected: &[f32], cells: usize) -> (f32, f32) {
    assert_eq!(found.len(), expected.len());
    let cosine = |cell: usize| {
        let of_cell = |values: &[f32]| values.iter().copied().skip(cell).step_by(cells).collect::<Vec<_>>();
        let dot = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>();
        let (found, expected) = (of_cell(found), of_cell(expected));
        dot(&found, &expected) / (dot(&found, &found) * dot(&expected, &expected)).sqrt()
    };
    let worst = |one: f32, other: f32, is_worse: bool| if is_worse || other.is_nan() { other } else { one };
    let differences = found
        .iter()
        .zip(expected)
        .map(|(found, expected)| (found - expected).abs());
    (
        (0..cells)
            .map(cosine)
            .fold(1.0, |least, one| worst(least, one, one < least)),
        differences.fold(0.0, |most, one| worst(most, one, one > most)),
    )
}

/// Numbers like those of a normalised picture or of a spectrogram: smooth, with an edge, and somewhat noisy.
fn input(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let width = shape.last().copied().unwrap_or(1);
    let mut noise = Noise(1);
    let mut cell = |index: usize| {
        let (row, column) = ((index / width) as f32, (index % width) as f32);
        let edge = if (row - column).abs() < 20.0 { 1.0 } else { -0.5 };
        (row * 0.05).sin() + (column * 0.03).cos() * 0.5 + edge + noise.next() * 0.2
    };
    let values: Vec<f32> = (0..count).map(&mut cell).collect();
    Tensor::from_shape(shape, &values).unwrap()
}

/// A half has eleven bits: each rounding moves a value by at most 0.0005 of it, and those of the weights, sums and maps of a deep
/// network meet like errors of chance. Ten of them in a row are 0.005, which is what a value of a cell of length one may move by;
/// a cosine of 0.9999 is an error of 1.4 % of the whole, by which much a similarity moves at most.
#[test]
fn in_halves_a_network_points_the_same_way() {
    for Network { name, onnx, shape } in of_default_model().into_iter().chain(of_paper(32, 64, 64)) {
        let model = read(&onnx, &shape).unwrap();
        let input = input(&shape);
        let single = for_gpu(&model, Precision::Single).unwrap().into_decluttered().unwrap();
        let half = for_gpu(&model, Precision::Half).unwrap().into_decluttered().unwrap();
        for fact in [
            single.input_fact(0),
            single.output_fact(0),
            half.input_fact(0),
            half.output_fact(0),
        ] {
            assert_eq!(fact.unwrap().datum_type, f32::datum_type(), "{name}");
        }
        let casts = half.nodes.iter().filter(|node| node.op_is::<Cast>()).count();
        assert!(
            (2..=12).contains(&casts),
            "{name}: {casts} casts, each of which is a walk over a map"
        );
        let (found, expected) = (outcome(&half, &input), outcome(&single, &input));
        let shape = half.output_fact(0).unwrap().shape.as_concrete().unwrap().to_vec();
        let cells = shape.iter().skip(2).product::<usize>().max(1);
        let (cosine, difference) = agreement(&found, &expected, cells);
        eprintln!("{name}: cosine {cosine}, difference {difference}");
        assert!(
            cosine > 0.9999 && difference < 0.005,
            "{name}: cosine {cosine}, difference {difference}"
        );
        assert!(difference > 1e-6, "{name}: nothing was rounded");
    }
}

/// A convolution that only scales, and cells made as long as one, the way our networks end.
fn lengths(scale: f32) -> TypedModel {
    let mut model = TypedModel::default();
    let input = model.add_source("input", f32::fact([1, 4, 1, 4])).unwrap();
    let mut weights = vec![0_f32; 16];
    weights.iter_mut().step_by(5).for_each(|weight| *weight = scale);
    let weights = Tensor::from_shape(&[4, 4, 1, 1], &weights).unwrap();
    let weights = model.add_const("weights", weights).unwrap();
    let bias = model
        .add_const("bias", Tensor::from_shape(&[4], &[0_f32; 4]).unwrap())
        .unwrap();
    let convolution = Conv {
        pool_spec: PoolSpec::new(DataFormat::NCHW, tvec!(1, 1), PaddingSpec::Valid, None, None, 4, 4),
        kernel_fmt: KernelFormat::OIHW,
        group: 1,
        q_params: None,
    };
    let value = model.wire_node("scaled", convolution, &[input, weights, bias]).unwrap()[0];
    let square = model.wire_node("square", math::mul(), &[value, value]).unwrap();
    let sum = Reduce::new(tvec!(1), Reducer::Sum);
    let sum = model.wire_node("sum", sum, &square).unwrap()[0];
    let tiny = Tensor::from_shape(&[1, 1, 1, 1], &[1e-12_f32]).unwrap();
    let tiny = model.add_const("tiny", tiny).unwrap();
    let sum = model.wire_node("above_zero", math::add(), &[sum, tiny]).unwrap();
    let length = model.wire_node("length", math::sqrt(), &sum).unwrap()[0];
    let output = model.wire_node("output", math::div(), &[value, length]).unwrap();
    model.select_output_outlets(&output).unwrap();
    model
}

/// Cells of nothing, of little and of much: what tract makes of the whole network in halves shows what the rules are for.
#[test]
fn lengths_neither_vanish_nor_overflow() {
    let values = [
        0.0, 1.0, 0.5, 0.25, 0.0, 2.0, 0.5, 0.25, 0.0, -1.0, 0.5, 0.75, 0.0, 0.0, 0.5, 0.25_f32,
    ];
    let input = Tensor::from_shape(&[1, 4, 1, 4], &values).unwrap();
    for scale in [1e-3, 1.0, 1000.0] {
        let model = lengths(scale);
        let expected = outcome(&model, &input);
        let found = outcome(&for_gpu(&model, Precision::Half).unwrap(), &input);
        let (_, difference) = agreement(&found, &expected, 1);
        assert!(difference < 0.001, "{scale}: {found:?}, not {expected:?}");
        let all = FloatPrecisionTranslator::new(f32::datum_type(), f16::datum_type());
        let all = outcome(&all.transform_into(model).unwrap(), &input.cast_to::<f16>().unwrap());
        let (_, difference) = agreement(&all, &expected, 1);
        assert!(difference.is_nan() || difference > 0.1, "{scale}: {all:?}");
    }
}

/// tract's convolutions on this processor add up halves in halves, one after the other: after 2048 ones another changes nothing. That
/// is no better than what a GPU does, where cuBLAS adds up in single precision and cuDNN in blocks, as tract-cuda 0.23.9 asks for sums
/// in halves too (`src/kernels/conv_cudnn.rs`, by the descriptors of cudarc 0.19).
#[test]
fn sums_are_as_coarse_here_as_anywhere() {
    let mut model = TypedModel::default();
    let input = model.add_source("input", f32::fact([1, 512, 5, 5])).unwrap();
    let weights = Tensor::from_shape(&[1, 512, 3, 3], &[1_f32; 512 * 9]).unwrap();
    let weights = model.add_const("weights", weights).unwrap();
    let bias = model
        .add_const("bias", Tensor::from_shape(&[1], &[0_f32]).unwrap())
        .unwrap();
    let convolution = Conv {
        pool_spec: PoolSpec::new(DataFormat::NCHW, tvec!(3, 3), PaddingSpec::Valid, None, None, 512, 1),
        kernel_fmt: KernelFormat::OIHW,
        group: 1,
        q_params: None,
    };
    let output = model.wire_node("sums", convolution, &[input, weights, bias]).unwrap();
    model.select_output_outlets(&output).unwrap();
    let ones = Tensor::from_shape(&[1, 512, 5, 5], &[1_f32; 512 * 25]).unwrap();
    let found = outcome(&for_gpu(&model, Precision::Half).unwrap(), &ones);
    assert!(found.iter().all(|sum| *sum == 2048.0), "{found:?}");
}
