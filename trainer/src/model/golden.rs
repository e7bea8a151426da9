//! The reference numbers of the paper's networks, and the generator of the weights that they were computed with.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::tensor::Device;
use safetensors::SafeTensors;

use super::named::{self, NamedTensor};
use super::paper::PaperNetworks;

/// The folder in `LOOKHEAR_GOLDEN`, or the repository's own.
pub fn folder() -> PathBuf {
    std::env::var_os("LOOKHEAR_GOLDEN").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden").into(),
        PathBuf::from,
    )
}

/// `model.safetensors` of the folder.
pub struct Golden {
    tensors: BTreeMap<String, NamedTensor>,
    seed: String,
}

impl Golden {
    /// From [`folder`].
    pub fn read() -> Self {
        let bytes = std::fs::read(folder().join("model.safetensors")).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let seed = metadata.metadata().as_ref().unwrap()["seed"].clone();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.iter().map(|(name, view)| {
            let values = view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect();
            let shape = view.shape().to_vec();
            (name.to_owned(), NamedTensor { shape, values })
        });
        Self {
            tensors: tensors.collect(),
            seed,
        }
    }

    /// A tensor of the file.
    pub fn get(&self, name: &str) -> &NamedTensor {
        &self.tensors[name]
    }

    /// One sample of a batch.
    pub fn sample(&self, name: &str, index: usize) -> &[f32] {
        let tensor = self.get(name);
        let length = tensor.values.len() / tensor.shape[0];
        &tensor.values[index * length..(index + 1) * length]
    }

    /// The weights that the numbers belong to, under the names of the published checkpoints.
    pub fn weights(&self) -> BTreeMap<String, NamedTensor> {
        weights(&self.seed)
    }
}

/// Weights from a seed, under the names of the published checkpoints.
pub fn weights(seed: &str) -> BTreeMap<String, NamedTensor> {
    let shapes = named::read(&PaperNetworks::new(&Device::flex()));
    let named = shapes.into_iter().map(|(name, NamedTensor { shape, .. })| {
        let name = if name == "audnet.conv1.weight" {
            "audnet.conv1_a.weight".to_owned()
        } else {
            name
        };
        let values = values(seed, &name, &shape);
        (name, NamedTensor { shape, values })
    });
    named.collect()
}

fn values(seed: &str, name: &str, shape: &[usize]) -> Vec<f32> {
    let hash = fnv1a64(format!("{seed}/{name}").as_bytes());
    let scale = (6.0 / shape[1..].iter().product::<usize>() as f64).sqrt();
    let value = |index: usize| {
        let mixed = splitmix64(hash.wrapping_add((index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let u = (mixed >> 40) as f64 / (1u64 << 23) as f64 - 1.0;
        match name.rsplit('.').next() {
            _ if shape.len() == 4 => u * scale,
            Some("weight") => 1.0 + 0.1 * u,
            Some("running_var") => 1.0 + 0.5 * u.abs(),
            _ => 0.1 * u,
        }
    };
    (0..shape.iter().product()).map(|index| value(index) as f32).collect()
}

/// Fowler, Noll and Vo's hash, 1a, 64 bits.
fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn splitmix64(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
