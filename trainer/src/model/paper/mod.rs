//! The networks of the paper (Liu et al. 2022): two ResNet-18s, one for the picture and one for the sound's spectrogram.

pub mod layers;
pub mod res_net;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use res_net::{ResNet, STAGES};

/// Length of the common embedding.
pub const CHANNELS: usize = STAGES[3];
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
    /// Random weights; seed the device before.
    pub fn new(device: &Device) -> Self {
        Self {
            imgnet: ResNet::new(3, device),
            audnet: ResNet::new(1, device),
        }
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
    let length = x.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(TINY);
    x / length
}

#[cfg(test)]
mod tests;
