//! EfficientNet-Lite0 (Tan and Le 2019, the Lite variant without squeeze-and-excitation, ReLU6): the picture's backbone.
//! At stride 32 a 448-pixel picture gives 14×14 cells.

use super::folding::{Norm, fold};
use super::weights::{Weights, WeightsError};
use crate::export::graph::{Graph, Value, Window};

/// Channels of [`Backbone::features`].
pub const FEATURES: usize = 1280;
/// ImageNet classes.
pub const CLASSES: usize = 1000;
/// Pixels to a cell along each axis.
pub const STRIDE: usize = 32;
/// BatchNorm's, as in the published network.
const EPSILON: f32 = 1e-3;

/// Blocks, kernel, stride of the first block, expansion, output channels.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

/// What the backbone gives for each cell.
#[derive(Debug)]
pub struct Backbone {
    /// The last features `[1, 1280, cells, cells]`, in 0..6.
    pub features: Value,
    /// Probabilities of the 1,000 classes `[1, 1000, cells, cells]`: the classifier applied to each cell by itself (its
    /// class-activation map), softened by a temperature.
    pub classes: Value,
}

/// Softens the classifier, which learned on whole pictures, for single cells: a development set of photographs in quads
/// scored alike from 1.5 to 2.5 and worse below.
const TEMPERATURE: f32 = 2.0;

/// Adds the network to a graph; `image` is `[1, 3, side, side]`.
pub fn append(graph: &mut Graph, weights: &Weights, image: &Value) -> Result<Backbone, WeightsError> {
    let mut layers = Layers { graph, weights };
    let mut x = layers.convolution(image, "_conv_stem", "_bn0", [32, 3, 3], 2, 1, true)?;
    let mut channels = 32;
    let mut block = 0;
    for (blocks, kernel, first_stride, expansion, out) in STAGES {
        for index in 0..blocks {
            let stride = if index == 0 { first_stride } else { 1 };
            x = layers.inverted_residual(&x, block, [channels, out], kernel, stride, expansion)?;
            channels = out;
            block += 1;
        }
    }
    let features = layers.convolution(&x, "_conv_head", "_bn1", [FEATURES, channels, 1], 1, 1, true)?;
    let temper = |values: &[f32]| values.iter().map(|value| value / TEMPERATURE).collect::<Vec<_>>();
    let weight = temper(weights.get("_fc.weight", &[CLASSES, FEATURES])?);
    let weight = graph.weight("classifier.weight", &[CLASSES, FEATURES, 1, 1], &weight);
    let bias = graph.constant(
        "classifier.bias",
        &[CLASSES],
        &temper(weights.get("_fc.bias", &[CLASSES])?),
    );
    let window = Window {
        kernel: 1,
        stride: 1,
        padding: (0, 0),
        groups: 1,
    };
    let logits = graph.convolution("classifier", &features, &weight, &bias, window);
    let classes = graph.node(
        "Softmax",
        &[&logits],
        "classes",
        vec![crate::export::graph::integer("axis", 1)],
    );
    Ok(Backbone { features, classes })
}

struct Layers<'a> {
    graph: &'a mut Graph,
    weights: &'a Weights,
}

impl Layers<'_> {
    /// Expansion, depthwise and projection, around them a shortcut where the shape stays.
    fn inverted_residual(
        &mut self,
        input: &Value,
        block: usize,
        [channels, out]: [usize; 2],
        kernel: usize,
        stride: usize,
        expansion: usize,
    ) -> Result<Value, WeightsError> {
        let wide = channels * expansion;
        let prefix = format!("_blocks.{block}.");
        let name = |layer: &str| format!("{prefix}{layer}");
        let mut x = input.clone();
        if expansion > 1 {
            x = self.convolution(
                &x,
                &name("_expand_conv"),
                &name("_bn0"),
                [wide, channels, 1],
                1,
                1,
                true,
            )?;
        }
        x = self.convolution(
            &x,
            &name("_depthwise_conv"),
            &name("_bn1"),
            [wide, 1, kernel],
            stride,
            wide,
            true,
        )?;
        x = self.convolution(&x, &name("_project_conv"), &name("_bn2"), [out, wide, 1], 1, 1, false)?;
        if stride == 1 && channels == out {
            x = self.graph.node("Add", &[&x, input], &name("sum"), vec![]);
        }
        Ok(x)
    }

    /// A convolution with its BatchNorm folded in, and ReLU6 where asked for; `[out, in, kernel]`. Padding as TensorFlow's
    /// `SAME` has it for even sizes.
    #[allow(clippy::too_many_arguments)]
    fn convolution(
        &mut self,
        input: &Value,
        layer: &str,
        norm: &str,
        [out, channels, kernel]: [usize; 3],
        stride: usize,
        groups: usize,
        activation: bool,
    ) -> Result<Value, WeightsError> {
        let shape = [out, channels, kernel, kernel];
        let mut filters = self.weights.get(&format!("{layer}.weight"), &shape)?.to_vec();
        let norm = |part: &str| self.weights.get(&format!("{norm}.{part}"), &[out]);
        let norm = Norm {
            gamma: Some(norm("weight")?),
            beta: norm("bias")?,
            mean: norm("running_mean")?,
            variance: norm("running_var")?,
            epsilon: EPSILON,
        };
        let bias = fold(&mut filters, &norm);
        let total = kernel - stride.min(kernel);
        let padding = (total / 2, total - total / 2);
        let window = Window {
            kernel,
            stride,
            padding,
            groups,
        };
        let output = self.graph.layer(layer, input, &shape, &filters, &bias, window);
        Ok(if activation {
            let low = self.graph.constant(&format!("{layer}.low"), &[], &[0.0]);
            let high = self.graph.constant(&format!("{layer}.high"), &[], &[6.0]);
            self.graph
                .node("Clip", &[&output, &low, &high], &format!("{layer}.relu6"), vec![])
        } else {
            output
        })
    }
}
