//! Golden vectors for tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use safetensors::{Dtype, SafeTensors};

/// One array of a golden file.
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    bytes: Vec<u8>,
    dtype: Dtype,
}

impl Tensor {
    pub(crate) fn floats(&self) -> Vec<f32> {
        assert_eq!(self.dtype, Dtype::F32);
        self.bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&value| f32::from_le_bytes(value))
            .collect()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        assert_eq!(self.dtype, Dtype::U8);
        &self.bytes
    }
}

/// A file of the method's golden vectors, from `LOOKHEAR_GOLDEN` where that is set.
pub(crate) fn method(file: &str) -> BTreeMap<String, Tensor> {
    load(
        std::env::var_os("LOOKHEAR_GOLDEN")
            .map_or_else(shipped, PathBuf::from)
            .join(file),
    )
}

/// The golden vectors of the front ends, which ship with the tests.
pub(crate) fn front_ends() -> BTreeMap<String, Tensor> {
    load(shipped().join("front_ends.safetensors"))
}

fn shipped() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden"))
}

fn load(path: PathBuf) -> BTreeMap<String, Tensor> {
    let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tensors = SafeTensors::deserialize(&file).unwrap();
    tensors
        .iter()
        .map(|(name, view)| {
            let tensor = Tensor {
                shape: view.shape().to_vec(),
                bytes: view.data().to_vec(),
                dtype: view.dtype(),
            };
            (name.to_string(), tensor)
        })
        .collect()
}

/// The largest difference between two slices of the same length.
pub(crate) fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}
