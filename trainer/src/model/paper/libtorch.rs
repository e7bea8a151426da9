//! A convolution with what follows it as one operation of PyTorch's own library, its gradients with it: put together of single
//! operations, those of BatchNorm alone take a dozen passes over memory.
//!
//! burn sees one operation; within it libtorch keeps the graph that its own differentiation follows.

#![allow(
    deprecated,
    reason = "burn means to give up libtorch for kernels of its own, which are not as fast on processors yet"
)]

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::libtorch::TchTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, ExtensionType, LibTorch, backend_extension};
use burn::tensor::{Device, Tensor};
use tch::Tensor as Torch;

/// What a layer works on.
#[derive(Debug, ExtensionType)]
pub struct Inputs<B: Backend> {
    /// `[batch, in, height, width]`.
    pub x: FloatTensor<B>,
    /// `[out, in, kernel, kernel]`.
    pub kernel: FloatTensor<B>,
    /// γ, `[out]`.
    pub weight: FloatTensor<B>,
    /// β, `[out]`.
    pub bias: FloatTensor<B>,
}

/// What is added to its normalised sums.
#[derive(Debug, ExtensionType)]
pub enum Beside<B: Backend> {
    /// Nothing.
    Nothing,
    /// A map of the shape of the output.
    Residual(FloatTensor<B>),
}

/// How it works.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// In cells.
    pub stride: usize,
    /// In cells, on all sides.
    pub padding: usize,
    /// BatchNorm's.
    pub epsilon: f64,
    /// Whether nothing is left below zero.
    pub is_rectified: bool,
}

/// What it gives.
#[derive(Debug, ExtensionType)]
pub struct Normalised<B: Backend> {
    /// `[batch, out, height, width]`.
    pub output: FloatTensor<B>,
    /// Of the batch, `[out]`.
    pub mean: FloatTensor<B>,
    /// Of the batch, unbiased, `[out]`.
    pub variance: FloatTensor<B>,
}

/// The operation.
#[backend_extension(LibTorch, Autodiff)]
pub trait NormalisedConvolution: Backend {
    /// Convolves, normalises by the batch's own statistics, adds what is beside and rectifies.
    fn normalised_convolution(
        #[extension_type] inputs: Inputs<Self>,
        #[extension_type] beside: Beside<Self>,
        manner: Manner,
    ) -> Normalised<Self>;
}

impl NormalisedConvolution for LibTorch {
    fn normalised_convolution(inputs: Inputs<Self>, beside: Beside<Self>, manner: Manner) -> Normalised<Self> {
        let Inputs {
            x,
            kernel,
            weight,
            bias,
        } = inputs;
        let residual = match beside {
            Beside::Nothing => None,
            Beside::Residual(residual) => Some(residual.tensor),
        };
        let [output, mean, variance] = compute(
            [&x, &kernel, &weight, &bias].map(|tensor| &tensor.tensor),
            residual.as_ref(),
            manner,
        )
        .map(TchTensor::new);
        Normalised { output, mean, variance }
    }
}

impl<C: CheckpointStrategy> NormalisedConvolution for Autodiff<LibTorch, C> {
    fn normalised_convolution(inputs: Inputs<Self>, beside: Beside<Self>, manner: Manner) -> Normalised<Self> {
        let Inputs {
            x,
            kernel,
            weight,
            bias,
        } = inputs;
        match beside {
            Beside::Nothing => differentiated([x, kernel, weight, bias], manner),
            Beside::Residual(residual) => differentiated([x, kernel, weight, bias, residual], manner),
        }
    }
}

/// The operation on libtorch's tensors, which follows whatever of them wants gradients.
fn compute(inputs: [&Torch; 4], residual: Option<&Torch>, manner: Manner) -> [Torch; 3] {
    let [x, kernel, weight, bias] = inputs;
    let [stride, padding] = [manner.stride, manner.padding].map(|cells| [cells as i64; 2]);
    let x = if x.device() == tch::Device::Cpu {
        channels_last(x)
    } else {
        x.shallow_clone()
    };
    let sums = x.conv2d(kernel, None::<&Torch>, stride, padding, [1; 2], 1);
    // With a momentum of one the running statistics are those of the batch.
    let mean = weight.detach().zeros_like();
    let variance = mean.zeros_like();
    let (mut output, ..) = sums.native_batch_norm(
        Some(weight),
        Some(bias),
        Some(&mean),
        Some(&variance),
        true,
        1.0,
        manner.epsilon,
    );
    if let Some(residual) = residual {
        output = output.g_add_(residual);
    }
    if manner.is_rectified {
        output = output.relu_();
    }
    [output, mean, variance]
}

/// Axes with the channels last, and back.
const LAST: [i64; 4] = [0, 2, 3, 1];
const FIRST: [i64; 4] = [0, 3, 1, 2];

/// The same map with the channels of a cell side by side in memory, as convolutions on processors want it; so are the maps that
/// they give.
fn channels_last(map: &Torch) -> Torch {
    map.permute(LAST).contiguous().permute(FIRST)
}

/// All values of a map in a row, without a copy where the channels of a cell lie side by side.
fn row(map: &Torch) -> Torch {
    map.permute(LAST).reshape(-1)
}

/// What libtorch needs to give the gradients of one layer.
#[derive(Debug, Clone)]
struct Graph {
    output: TchTensor,
    /// In the order of the operation's parents.
    leaves: Vec<TchTensor>,
}

/// Asks libtorch for the gradients of a layer with so many inputs.
#[derive(Debug)]
struct Gradient<const INPUTS: usize>;

impl<const INPUTS: usize> Backward<LibTorch, INPUTS> for Gradient<INPUTS> {
    type State = Graph;

    fn backward(self, ops: Ops<Graph, INPUTS>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<LibTorch>(&ops.node);
        let Graph { output, leaves } = ops.state;
        // Of this scalar the gradient at the output is the one that came in.
        let root = row(&output.tensor).dot(&row(&gradient.tensor));
        let wanted: Vec<_> = ops
            .parents
            .into_iter()
            .zip(&leaves)
            .filter_map(|(node, leaf)| Some((node?, &leaf.tensor)))
            .collect();
        let tensors: Vec<&Torch> = wanted.iter().map(|(_, leaf)| *leaf).collect();
        let found = Torch::run_backward(&[&root], &tensors, false, false);
        for ((node, _), gradient) in wanted.into_iter().zip(found) {
            grads.register::<LibTorch>(node.id, TchTensor::new(gradient));
        }
    }
}

/// The operation with its gradients, on the tensors whose nodes these are.
fn differentiated<const INPUTS: usize, C: CheckpointStrategy>(
    tensors: [FloatTensor<Autodiff<LibTorch, C>>; INPUTS],
    manner: Manner,
) -> Normalised<Autodiff<LibTorch, C>> {
    let nodes = tensors.each_ref().map(|tensor| tensor.node());
    let leaves = tensors.map(|tensor| {
        let is_tracked = tensor.is_tracked();
        let TchTensor { tensor, storage } = tensor.into_primitive();
        // It keeps the storage: as long as somebody else holds it, burn does not write to it.
        TchTensor {
            tensor: tensor.detach().set_requires_grad(is_tracked),
            storage,
        }
    });
    let [x, kernel, weight, bias] = std::array::from_fn(|index| &leaves[index].tensor);
    let residual = leaves.get(4).map(|residual| &residual.tensor);
    let [output, mean, variance] = compute([x, kernel, weight, bias], residual, manner);
    let given = TchTensor::new(output.detach());
    let output = match Gradient::<INPUTS>.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let graph = Graph {
                output: TchTensor {
                    tensor: output,
                    storage: given.storage.clone(),
                },
                leaves: leaves.to_vec(),
            };
            prepared.finish(graph, given)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(given),
    };
    // libtorch keeps the originals for the gradients, and burn may write to what it is given.
    let [mean, variance] =
        [mean, variance].map(|tensor| FloatTensor::<Autodiff<LibTorch, C>>::new(TchTensor::new(tensor.copy())));
    Normalised { output, mean, variance }
}

/// Whether a device runs PyTorch's library.
pub fn runs_on(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::LibTorch(_))
}

/// A layer's output, and of its batch the mean and the unbiased variance of each channel.
pub fn layer(
    [x, kernel]: [Tensor<4>; 2],
    [weight, bias]: [Tensor<1>; 2],
    residual: Option<Tensor<4>>,
    manner: Manner,
) -> (Tensor<4>, [Tensor<1>; 2]) {
    let inputs = Inputs::<Dispatch> {
        x: x.into_dispatch(),
        kernel: kernel.into_dispatch(),
        weight: weight.into_dispatch(),
        bias: bias.into_dispatch(),
    };
    let beside = match residual {
        None => Beside::Nothing,
        Some(residual) => Beside::Residual(residual.into_dispatch()),
    };
    let found = <Dispatch as NormalisedConvolution>::normalised_convolution(inputs, beside, manner);
    let [mean, variance] = [found.mean, found.variance].map(Tensor::from_dispatch);
    (Tensor::from_dispatch(found.output), [mean, variance])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use burn::tensor::Distribution;
    use burn::tensor::activation::relu;

    use super::super::layers::{BatchNorm, Convolution, Ending, Precision, layer};
    use super::*;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().to_vec().unwrap()
    }

    fn assert_close(found: &[f32], expected: &[f32], what: &str) {
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 2e-5 * largest,
                "{what}: {found}, not {expected}"
            );
        }
    }

    /// Output, gradients of everything and running statistics of a layer, by one operation of libtorch or by many of burn.
    fn measured(is_one_operation: bool, is_joined: bool, stride: usize) -> Vec<(&'static str, Vec<f32>)> {
        let device = Device::libtorch().autodiff();
        device.seed(7);
        let random = |shape: [usize; 4]| {
            Tensor::<4>::random(shape, Distribution::Normal(0.3, 1.0), &device)
                .detach()
                .require_grad()
        };
        let [x, residual, kernel, mask] = [
            [2, 5, 12, 9],
            [2, 6, 12_usize.div_ceil(stride), 9_usize.div_ceil(stride)],
            [6, 5, 3, 3],
            [2, 6, 12_usize.div_ceil(stride), 9_usize.div_ceil(stride)],
        ]
        .map(random);
        let mut convolution = Convolution::new([6, 5, 3], stride, Precision::F32, &device);
        convolution.weight = burn::module::Param::from_tensor(kernel);
        let norm = BatchNorm::new(6, &device);
        let output = if is_one_operation {
            let ending = if is_joined {
                Ending::Joined(residual.clone())
            } else {
                Ending::Rectified
            };
            layer(&convolution, &norm, x.clone(), ending)
        } else {
            let sums = norm.forward(convolution.forward(x.clone()));
            relu(if is_joined { sums + residual.clone() } else { sums })
        };
        let given = values(output.clone());
        // What comes after may write into the output where nobody else holds it: the gradients must not see that.
        let gradients = (output.mul_scalar(2.0) * mask.detach()).sum().backward();
        norm.settle();
        let mut found = vec![
            ("output", given),
            ("x", values(x.grad(&gradients).unwrap())),
            ("kernel", values(convolution.weight.val().grad(&gradients).unwrap())),
            ("weight", values(norm.weight.val().grad(&gradients).unwrap())),
            ("bias", values(norm.bias.val().grad(&gradients).unwrap())),
            ("running mean", values(norm.running_mean.value_sync())),
            ("running variance", values(norm.running_var.value_sync())),
        ];
        if is_joined {
            found.push(("residual", values(residual.grad(&gradients).unwrap())));
        }
        found
    }

    #[test]
    fn one_operation_gives_what_many_give_and_the_same_gradients() {
        for (is_joined, stride) in [(false, 1), (true, 1), (false, 2), (true, 2)] {
            let expected = measured(false, is_joined, stride);
            for ((what, found), (_, expected)) in measured(true, is_joined, stride).iter().zip(&expected) {
                assert_close(found, expected, what);
            }
        }
    }
}
