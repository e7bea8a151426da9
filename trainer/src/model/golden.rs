//! The golden numbers and weights of the paper's networks, under their names.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::named::{self, NamedTensor};
use super::paper::PaperNetworks;
use crate::golden;

/// `model.safetensors` of the golden folder.
pub struct Golden(golden::Golden);

impl Golden {
    /// From the golden folder.
    pub fn read() -> Self {
        Self(golden::Golden::read("model.safetensors"))
    }

    /// A tensor of the file.
    pub fn get(&self, name: &str) -> NamedTensor {
        let (values, shape) = self.0.array(name);
        NamedTensor { shape, values }
    }

    /// One sample of a batch.
    pub fn sample(&self, name: &str, index: usize) -> Vec<f32> {
        let NamedTensor { shape, values } = self.get(name);
        values.chunks(values.len() / shape[0]).nth(index).unwrap().to_vec()
    }

    /// The weights that the numbers belong to, under the names of the published checkpoints.
    pub fn weights(&self) -> BTreeMap<String, NamedTensor> {
        weights(&self.0.metadata("seed"))
    }
}

/// Weights from a seed, under the names of the published checkpoints.
pub fn weights(seed: &str) -> BTreeMap<String, NamedTensor> {
    let shapes = named::read(&PaperNetworks::published(&Device::flex()));
    let named = shapes.into_iter().map(|(name, NamedTensor { shape, .. })| {
        let name = name.replace("audnet.conv1.", "audnet.conv1_a.");
        let values = golden::weights(seed, &name, &shape);
        (name, NamedTensor { shape, values })
    });
    named.collect()
}
