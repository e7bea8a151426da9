//! The model that ships, on every backend of the processor.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::perception::bundle::Bundle;

/// Numbers like those of a picture or a spectrogram.
fn input(shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    (0..count)
        .map(|index| ((index * 7919 % 2003) as f32 / 1001.0 - 1.0) * 2.0)
        .collect()
}

/// Both networks of a bundle of `edge`, with what they take.
fn networks(bundle: &Bundle) -> [(&'static str, &[u8], Vec<usize>); 2] {
    let side = bundle.manifest.picture.side_pixels;
    [
        ("vision.onnx", &bundle.vision, vec![1, 3, side, side]),
        ("audio.onnx", &bundle.audio, vec![1, 1, 96, 64]),
    ]
}

#[test]
fn our_operators_run_the_whole_default_model_and_agree_with_tract() {
    let bundle = Bundle::default_model().unwrap();
    for (name, onnx, shape) in networks(&bundle) {
        let values = input(&shape);
        let mut alone = Encoder::load(name, onnx, &shape, &Backend::new(TRACT, 1).unwrap()).unwrap();
        assert!(alone.program().is_none());
        let expected = alone.run(&values).unwrap();
        for threads in [1, 2] {
            let mut ours = Encoder::load(name, onnx, &shape, &Backend::new(CPU, threads).unwrap()).unwrap();
            assert!(ours.program().is_some() && ours.is_without_tract(), "{name}");
            let mut sibling = ours.sibling(&Backend::new(CPU, 1).unwrap()).unwrap();
            for encoder in [&mut ours, &mut sibling] {
                let found = encoder.run(&values).unwrap();
                let differences = found
                    .iter()
                    .zip(expected)
                    .map(|(found, expected)| (found - expected).abs());
                let largest = differences.fold(0.0, f32::max);
                assert!(found.len() == expected.len() && largest < 5e-6, "{name}: {largest}");
            }
        }
    }
}

#[test]
fn in_integers_the_default_model_points_the_same_way() {
    let backend = |threads| Backend::new(CPU_INT8, threads).unwrap();
    if let Some(caveat) = backend(1).caveat() {
        eprintln!("not tested: {caveat}");
        return;
    }
    let bundle = Bundle::default_model().unwrap();
    for (name, onnx, shape) in networks(&bundle) {
        let values = input(&shape);
        let mut floats = Encoder::load(name, onnx, &shape, &Backend::default()).unwrap();
        let expected = floats.run(&values).unwrap();
        let mut first = Encoder::load(name, onnx, &shape, &backend(1)).unwrap();
        let found = first.run(&values).unwrap().to_vec();
        let works = first.program().unwrap().steps().iter().map(|step| step.work.name());
        let integers = works.filter(|work| work.contains("int8")).count();
        // Nothing in the sound's network has bounds, and its first convolution alone is not worth the rounding.
        assert!(
            if name == "vision.onnx" {
                integers > 40
            } else {
                integers == 0
            },
            "{name}: {integers}"
        );
        // Values of a cell lie a plane apart; a sound is one cell.
        let cells = first.output_shape().iter().skip(2).product::<usize>().max(1);
        for cell in 0..cells {
            let dot = |one: &[f32], other: &[f32]| -> f32 {
                let of_cell = |values: &[f32]| values.iter().copied().skip(cell).step_by(cells).collect::<Vec<_>>();
                of_cell(one)
                    .iter()
                    .zip(of_cell(other))
                    .map(|(one, other)| one * other)
                    .sum()
            };
            let cosine = dot(&found, expected) / (dot(&found, &found) * dot(expected, expected)).sqrt();
            assert!(cosine > 0.98, "{name}, cell {cell}: {cosine}");
        }
        assert_eq!(found != expected, integers > 0, "{name}: nothing was rounded");
        let mut others = [
            first.sibling(&backend(2)).unwrap(),
            Encoder::load(name, onnx, &shape, &backend(2)).unwrap(),
        ];
        for other in &mut others {
            assert!(
                other.run(&values).unwrap() == found,
                "{name}: whoever runs it, integers come out the same"
            );
        }
    }
}

#[test]
fn an_input_of_another_size_is_an_error_and_no_panic() {
    let bundle = Bundle::default_model().unwrap();
    let mut encoder = Encoder::load("audio.onnx", &bundle.audio, &[1, 1, 96, 64], &Backend::default()).unwrap();
    let error = encoder.run(&[0.0; 7]).unwrap_err();
    assert!(
        error.to_string().contains("7 values came in where 6144 were due"),
        "{error}"
    );
}

/// Where there is no GPU there is nothing to see: the test says so and ends.
#[cfg(any(feature = "cuda", feature = "cuda-12"))]
#[test]
fn on_a_gpu_every_operator_has_a_kernel_there() {
    let bundle = Bundle::default_model().unwrap();
    // In halves as tests/halves.rs bounds it, on the processor.
    for (backend, room) in [("cuda", 1e-3), ("cuda-f16", 5e-3)] {
        let backend = Backend::new(backend, 1).unwrap();
        for (name, onnx, shape) in networks(&bundle) {
            let mut encoder = match Encoder::load(name, onnx, &shape, &backend) {
                Err(EncoderError::Backend { name, cause }) => {
                    eprintln!("`{name}` is not tested: {cause}");
                    continue;
                }
                outcome => outcome.unwrap(),
            };
            assert_eq!(encoder.left_on_processor(), Vec::<String>::new());
            let mut ours = Encoder::load(name, onnx, &shape, &Backend::default()).unwrap();
            let values = input(&shape);
            let expected = ours.run(&values).unwrap();
            for (found, expected) in encoder.run(&values).unwrap().iter().zip(expected) {
                assert!((found - expected).abs() < room, "{name}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn without_a_gpu_the_processor_runs_the_network_in_single_precision() {
    let bundle = Bundle::default_model().unwrap();
    let (name, onnx, shape) = networks(&bundle)[1].clone();
    let values = input(&shape);
    let mut ours = Encoder::load(name, onnx, &shape, &Backend::default()).unwrap();
    let expected = ours.run(&values).unwrap();
    for backend in [GPU_OR_CPU, GPU_F16_OR_CPU] {
        let backend = Backend::new(backend, 1).unwrap();
        if backend.caveat().is_none() {
            eprintln!("not tested: there is a GPU");
            continue;
        }
        let mut encoder = Encoder::load(name, onnx, &shape, &backend).unwrap();
        assert!(encoder.is_without_tract() && encoder.run(&values).unwrap() == expected);
    }
}
