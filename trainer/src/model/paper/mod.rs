//! The networks of the paper (Liu et al. 2022): two ResNet-18s, one for the picture and one for the sound's spectrogram.

pub mod layers;
#[cfg(feature = "libtorch")]
mod libtorch;
pub mod res_net;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::named::{self, NamedTensor};
use layers::Precision;
use res_net::{ResNet, STAGES, WIDTH};

/// Length of the common embedding.
pub const CHANNELS: usize = WIDTH * STAGES[3];
/// Below it a length counts as nothing; PyTorch's `normalize`.
const TINY: f64 = 1e-12;

/// Both encoders, under the names of the published checkpoints.
#[derive(Module, Debug)]
pub struct PaperNetworks {
    /// Of the picture.
    pub imgnet: ResNet,
    /// Of the sound.
    pub audnet: ResNet,
}

impl PaperNetworks {
    /// Without weights yet: convolutions of zeros. `width` is the channels of the first stage, [`WIDTH`] in the paper; the embedding
    /// has eight times as many.
    pub fn new(width: usize, precision: Precision, device: &Device) -> Self {
        Self {
            imgnet: ResNet::new(3, width, precision, device),
            audnet: ResNet::new(1, width, precision, device),
        }
    }

    /// The paper's, in single precision.
    pub fn published(device: &Device) -> Self {
        Self::new(WIDTH, Precision::F32, device)
    }

    /// All parameters and running statistics as the published code starts them: convolutions normal with a variance of 2 over what goes
    /// out (He et al. 2015), BatchNorm that changes nothing. The same seed gives the same numbers for every device.
    pub fn random_weights(&self, seed: u64) -> BTreeMap<String, NamedTensor> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut tensors = named::read(self);
        for NamedTensor { shape, values } in tensors.values_mut() {
            if let [out, _, height, width] = shape[..] {
                let deviation = (2.0 / (out * height * width) as f32).sqrt();
                values
                    .iter_mut()
                    .for_each(|value| *value = deviation * random.sample::<f32, _>(StandardNormal));
            }
        }
        tensors
    }

    /// Pictures `[batch, 3, height, width]` → maps `[batch, 512, height / 16, width / 16]`, each cell of unit length.
    pub fn see(&self, pictures: Tensor<4>) -> Tensor<4> {
        unit_length(self.imgnet.forward(pictures))
    }

    /// Spectrograms in dB `[batch, 1, 257, frames]` → embeddings `[batch, 512]` of unit length: the greatest value of each
    /// channel over all of the sound.
    pub fn hear(&self, spectrograms: Tensor<4>) -> Tensor<2> {
        let map = self.audnet.forward(spectrograms);
        let [batch, channels, height, width] = map.dims();
        let pooled = map.reshape([batch, channels, height * width]).max_dim(2);
        unit_length(pooled.reshape([batch, channels]))
    }
}

/// Divides by the Euclidean length over the channels, the second axis.
fn unit_length<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // Under the root: its slope at nothing has no end.
    let length = x.clone().powi_scalar(2).sum_dim(1).clamp_min(TINY * TINY).sqrt();
    x / length
}

#[cfg(test)]
mod tests;
