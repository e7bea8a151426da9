//! What the values inside a network are on real pictures and sounds.

use std::collections::BTreeMap;

use lookhear_calibration::quantisation::ValueHistogram;
use tract_onnx::prelude::*;

use super::super::graph::Storage;
use super::network::{Network, QuantiseError};

/// The histogram of each value, by its name in the graph.
pub type Histograms = BTreeMap<String, ValueHistogram>;

/// Runs the f32 network on every example and counts the values of these tensors.
///
/// `examples` gives row-major inputs of `input_shape`, one at a time: they need not be in memory together.
pub fn observe<E: From<QuantiseError>>(
    network: &Network,
    values: &[String],
    input_shape: &[usize],
    examples: impl Iterator<Item = Result<Vec<f32>, E>>,
) -> Result<Histograms, E> {
    let run = |cause: TractError| QuantiseError::Run {
        cause: format!("{cause:#}"),
    };
    let onnx = network.with_outputs(values).encode(Storage::Float32);
    let plan = tract_onnx::onnx()
        .model_for_read(&mut std::io::Cursor::new(onnx))
        .and_then(|model| model.with_input_fact(0, f32::fact(input_shape).into()))
        .and_then(|model| model.into_optimized())
        .and_then(|model| model.into_runnable())
        .map_err(run)?;
    let mut histograms: Histograms = values
        .iter()
        .map(|name| (name.clone(), ValueHistogram::default()))
        .collect();
    for example in examples {
        let input = Tensor::from_shape(input_shape, &example?).map_err(run)?;
        let outputs = plan.run(tvec!(input.into_tvalue())).map_err(run)?;
        for (name, output) in values.iter().zip(outputs.iter()) {
            let output = output.to_plain_array_view::<f32>().map_err(run)?;
            let counted = histograms.entry(name.clone()).or_default();
            let added = match output.as_slice_memory_order() {
                Some(values) => counted.add(values),
                None => counted.add(&output.iter().copied().collect::<Vec<f32>>()),
            };
            added.map_err(|cause| QuantiseError::Range {
                value: name.clone(),
                cause,
            })?;
        }
    }
    Ok(histograms)
}
