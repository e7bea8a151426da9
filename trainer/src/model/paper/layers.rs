//! Convolution and BatchNorm as PyTorch has them, with its names for their parameters.

use burn::module::{Initializer, Module, Param, RunningState};
use burn::tensor::activation::relu;
use burn::tensor::module::{batch_norm, batch_norm_train, conv2d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, FloatDType, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

#[cfg(feature = "libtorch")]
use super::libtorch;

/// BatchNorm's ε, PyTorch's default.
const EPSILON: f64 = 1e-5;
/// Share of a batch in the running statistics, PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// What convolutions are computed in; everything else, and what is kept, is in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// bfloat16: for GPUs that have it.
    Bf16,
}

/// A convolution without bias, `[out, in, kernel, kernel]`.
#[derive(Module, Debug)]
pub struct Convolution {
    /// Row-major, as PyTorch keeps it.
    pub weight: Param<Tensor<4>>,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    padding: usize,
    #[module(skip)]
    precision: Precision,
}

impl Convolution {
    /// All weights zero.
    pub fn new([out, channels, kernel]: [usize; 3], stride: usize, precision: Precision, device: &Device) -> Self {
        Self {
            weight: Initializer::Zeros.init([out, channels, kernel, kernel], device),
            stride,
            padding: kernel / 2,
            precision,
        }
    }

    /// `[batch, in, height, width]` → `[batch, out, ⌈height / stride⌉, ⌈width / stride⌉]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let options = ConvOptions::new([self.stride; 2], [self.padding; 2], [1; 2], 1);
        let weight = self.weight.val();
        match self.precision {
            Precision::F32 => conv2d(x, weight, None, options),
            Precision::Bf16 => {
                let kept = x.dtype();
                conv2d(x.cast(FloatDType::BF16), weight.cast(FloatDType::BF16), None, options).cast(kept)
            }
        }
    }
}

/// BatchNorm over `[batch, channels, height, width]`.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// γ, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// β, `[channels]`.
    pub bias: Param<Tensor<1>>,
    /// `[channels]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// `[channels]`.
    pub running_var: RunningState<Tensor<1>>,
}

impl BatchNorm {
    /// Changes nothing, at the start.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self {
            weight: Initializer::Ones.init([channels], device),
            bias: Initializer::Zeros.init([channels], device),
            running_mean: RunningState::new(Tensor::zeros([channels], device)),
            running_var: RunningState::new(Tensor::ones([channels], device)),
        }
    }

    /// Takes the running statistics towards those of a batch: its mean and its unbiased variance.
    fn follow(&self, mean: Tensor<1>, variance: Tensor<1>) {
        let follow = |running: &RunningState<Tensor<1>>, found: Tensor<1>| {
            let kept = running.value_sync().mul_scalar(1.0 - MOMENTUM);
            running.update((kept + found.detach().mul_scalar(MOMENTUM)).detach());
        };
        follow(&self.running_mean, mean);
        follow(&self.running_var, variance);
    }

    /// On a device that trains, by the batch's own statistics, which the running ones follow; elsewhere by the running ones.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if !x.device().is_autodiff() {
            let (mean, variance) = (self.running_mean.value(), self.running_var.value());
            return batch_norm(x, self.weight.val(), self.bias.val(), mean, variance, EPSILON);
        }
        let [batch, _, height, width] = x.dims();
        let samples = (batch * height * width) as f64;
        let found = batch_norm_train(x, self.weight.val(), self.bias.val(), EPSILON);
        // PyTorch normalises by the biased variance and keeps the unbiased one.
        let unbiased = found.variance.mul_scalar(samples / (samples - 1.0).max(1.0));
        self.follow(found.mean, unbiased);
        found.output
    }

    /// Makes the running statistics of the last forward pass visible to whoever reads the parameters.
    pub fn settle(&self) {
        self.running_mean.value_sync();
        self.running_var.value_sync();
    }
}

/// What comes after a convolution and its BatchNorm.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one at a time, for as long as a call takes"
)]
pub enum Ending {
    /// Nothing.
    Plain,
    /// ReLU.
    Rectified,
    /// The sum with another map, and ReLU.
    Joined(Tensor<4>),
}

/// A convolution, its BatchNorm and what comes after them. Where PyTorch's library trains, that is one operation of it.
pub fn layer(convolution: &Convolution, norm: &BatchNorm, x: Tensor<4>, ending: Ending) -> Tensor<4> {
    #[cfg(feature = "libtorch")]
    if x.device().is_autodiff() && convolution.precision == Precision::F32 && libtorch::runs_on(&x.device()) {
        let manner = libtorch::Manner {
            stride: convolution.stride,
            padding: convolution.padding,
            epsilon: EPSILON,
            is_rectified: !matches!(ending, Ending::Plain),
        };
        let residual = match ending {
            Ending::Joined(residual) => Some(residual),
            Ending::Plain | Ending::Rectified => None,
        };
        let (maps, vectors) = ([x, convolution.weight.val()], [norm.weight.val(), norm.bias.val()]);
        let (output, [mean, variance]) = libtorch::layer(maps, vectors, residual, manner);
        norm.follow(mean, variance);
        return output;
    }
    let output = norm.forward(convolution.forward(x));
    match ending {
        Ending::Plain => output,
        Ending::Rectified => relu(output),
        Ending::Joined(residual) => relu(output + residual),
    }
}
