//! YAMNet (Google, AudioSet; a MobileNet over log-mel patches): the sound's backbone.

use super::folding::{Norm, fold};
use super::weights::{Weights, WeightsError};
use crate::export::graph::{Graph, Value, Window, integer, integers};

/// Length of [`Backbone::features`].
pub const FEATURES: usize = 1024;
/// AudioSet classes.
pub const CLASSES: usize = 521;
/// BatchNorm's, as in the published network.
const EPSILON: f32 = 1e-4;

/// Stride and output channels of each depthwise-separable layer, the second to the fourteenth.
const LAYERS: [(usize, usize); 13] = [
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (2, 1024),
    (1, 1024),
];

/// What the backbone gives for a patch.
#[derive(Debug)]
pub struct Backbone {
    /// The pooled features `[1, 1024]`, not negative.
    pub features: Value,
    /// Probabilities of the 521 classes `[1, 521]`, each for itself.
    pub classes: Value,
}

/// Adds the network to a graph; `patch` is `[1, 1, 96, 64]`.
pub fn append(graph: &mut Graph, weights: &Weights, patch: &Value) -> Result<Backbone, WeightsError> {
    let mut x = convolution(graph, weights, patch, "layer1.conv", [32, 1, 3], 2, false)?;
    let mut channels = 32;
    for (index, (stride, out)) in LAYERS.into_iter().enumerate() {
        let layer = index + 2;
        x = convolution(
            graph,
            weights,
            &x,
            &format!("layer{layer}.depthwise_conv"),
            [channels, channels, 3],
            stride,
            true,
        )?;
        x = convolution(
            graph,
            weights,
            &x,
            &format!("layer{layer}.pointwise_conv"),
            [out, channels, 1],
            1,
            false,
        )?;
        channels = out;
    }
    let attributes = vec![integers("axes", &[2, 3]), integer("keepdims", 0)];
    let features = graph.node("ReduceMean", &[&x], "features", attributes);
    let kernel = transpose(weights.get("dense.kernel", &[FEATURES, CLASSES])?, CLASSES);
    let kernel = graph.weight("classifier.weight", &[CLASSES, FEATURES], &kernel);
    let bias = graph.constant("classifier.bias", &[CLASSES], weights.get("dense.bias", &[CLASSES])?);
    let logits = graph.node(
        "Gemm",
        &[&features, &kernel, &bias],
        "classifier",
        vec![integer("transB", 1)],
    );
    let classes = graph.node("Sigmoid", &[&logits], "classes", vec![]);
    Ok(Backbone { features, classes })
}

/// A convolution with its BatchNorm (which has no gamma) folded in, and ReLU; `[out, in, kernel]`.
fn convolution(
    graph: &mut Graph,
    weights: &Weights,
    input: &Value,
    layer: &str,
    [out, channels, kernel]: [usize; 3],
    stride: usize,
    depthwise: bool,
) -> Result<Value, WeightsError> {
    let (key, shape) = if depthwise {
        ("depthwise_kernel", [kernel, kernel, channels, 1])
    } else {
        ("kernel", [kernel, kernel, channels, out])
    };
    let values = weights.get(&format!("{layer}.{key}"), &shape)?;
    let across = if depthwise { 1 } else { channels };
    let positions = kernel * kernel;
    let mut filters = vec![0.0; out * across * positions];
    // TensorFlow keeps kernels as height, width, in, out; a depthwise one has its channels where "in" stands.
    for (index, value) in filters.iter_mut().enumerate() {
        let (filter, rest) = (index / (across * positions), index % (across * positions));
        let (channel, position) = (rest / positions, rest % positions);
        let source = if depthwise {
            position * channels + filter
        } else {
            (position * channels + channel) * out + filter
        };
        *value = values.get(source).copied().unwrap_or_default();
    }
    let norm = |part: &str| weights.get(&format!("{layer}.bn.{part}"), &[out]);
    let norm = Norm {
        gamma: None,
        beta: norm("beta")?,
        mean: norm("moving_mean")?,
        variance: norm("moving_variance")?,
        epsilon: EPSILON,
    };
    let bias = fold(&mut filters, &norm);
    let total = kernel - stride.min(kernel);
    let padding = (total / 2, total - total / 2);
    let groups = if depthwise { channels } else { 1 };
    let window = Window {
        kernel,
        stride,
        padding,
        groups,
    };
    let output = graph.layer(layer, input, &[out, across, kernel, kernel], &filters, &bias, window);
    Ok(graph.node("Relu", &[&output], &format!("{layer}.relu"), vec![]))
}

/// A row-major matrix of `columns` columns, turned over.
fn transpose(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| values.iter().skip(column).step_by(columns).copied())
        .collect()
}
