//! What the values inside a network are on real pictures and sounds.

use std::collections::BTreeMap;

use lookhear_calibration::quantisation::ValueHistogram;
use tract_onnx::prelude::*;

use super::super::graph::Storage;
use super::network::{Network, QuantiseError};

/// The histogram of each value, by its name in the graph.
pub type Histograms = BTreeMap<String, ValueHistogram>;

/// The greatest magnitude of each channel of each value, by its name in the graph.
pub type ChannelMaxima = BTreeMap<String, Vec<f32>>;

/// Runs the f32 network on every example and counts the values of these tensors.
///
/// `examples` gives row-major inputs of `input_shape`, one at a time: they need not be in memory together.
pub fn observe<E: From<QuantiseError>>(
    network: &Network,
    values: &[String],
    input_shape: &[usize],
    examples: impl Iterator<Item = Result<Vec<f32>, E>>,
) -> Result<Histograms, E> {
    let mut histograms: Histograms = values
        .iter()
        .map(|name| (name.clone(), ValueHistogram::default()))
        .collect();
    run(network, values, input_shape, examples, |name, output| {
        let counted = histograms.entry(name.to_owned()).or_default();
        let added = match output.as_slice_memory_order() {
            Some(values) => counted.add(values),
            None => counted.add(&output.iter().copied().collect::<Vec<f32>>()),
        };
        added.map_err(|cause| QuantiseError::Range {
            value: name.to_owned(),
            cause,
        })
    })?;
    Ok(histograms)
}

/// Runs the f32 network on every example and keeps the greatest magnitude of each channel (axis 1) of these tensors.
pub fn channel_maxima<E: From<QuantiseError>>(
    network: &Network,
    values: &[String],
    input_shape: &[usize],
    examples: impl Iterator<Item = Result<Vec<f32>, E>>,
) -> Result<ChannelMaxima, E> {
    let mut maxima = ChannelMaxima::new();
    run(network, values, input_shape, examples, |name, output| {
        let channels = output.axis_iter(tract_ndarray::Axis(1));
        let greatest = channels.map(|channel| channel.iter().fold(0.0f32, |most, value| most.max(value.abs())));
        let known = maxima
            .entry(name.to_owned())
            .or_insert_with(|| vec![0.0; output.shape()[1]]);
        known
            .iter_mut()
            .zip(greatest)
            .for_each(|(known, seen)| *known = known.max(seen));
        Ok(())
    })?;
    Ok(maxima)
}

fn run<E: From<QuantiseError>>(
    network: &Network,
    values: &[String],
    input_shape: &[usize],
    examples: impl Iterator<Item = Result<Vec<f32>, E>>,
    mut take: impl FnMut(&str, &tract_ndarray::ArrayViewD<f32>) -> Result<(), QuantiseError>,
) -> Result<(), E> {
    let failed = |cause: TractError| QuantiseError::Run {
        cause: format!("{cause:#}"),
    };
    let onnx = network.with_outputs(values).encode(Storage::Float32);
    let plan = tract_onnx::onnx()
        .model_for_read(&mut std::io::Cursor::new(onnx))
        .and_then(|model| model.with_input_fact(0, f32::fact(input_shape).into()))
        .and_then(|model| model.into_optimized())
        .and_then(|model| model.into_runnable())
        .map_err(failed)?;
    for example in examples {
        let input = Tensor::from_shape(input_shape, &example?).map_err(failed)?;
        let outputs = plan.run(tvec!(input.into_tvalue())).map_err(failed)?;
        for (name, output) in values.iter().zip(outputs.iter()) {
            take(name, &output.to_plain_array_view::<f32>().map_err(failed)?)?;
        }
    }
    Ok(())
}
