//! The golden vectors and the golden model's weights, for tests of this crate.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use safetensors::SafeTensors;

/// One file of golden vectors.
pub struct Golden(Vec<u8>);

impl Golden {
    /// From the folder that `LOOKHEAR_GOLDEN` names, or from the repository's own.
    pub fn read(file: &str) -> Self {
        let built_in = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden");
        let folder = std::env::var_os("LOOKHEAR_GOLDEN").map_or_else(|| PathBuf::from(built_in), PathBuf::from);
        let path = folder.join(file);
        Self(std::fs::read(&path).unwrap_or_else(|error| panic!("golden file {}: {error}", path.display())))
    }

    /// The values and the shape of an array.
    pub fn array(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (fours, _) = view.data().as_chunks::<4>();
        let values = fours.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        (values, view.shape().to_vec())
    }

    /// An entry of the file's metadata.
    pub fn metadata(&self, name: &str) -> String {
        let (_, header) = SafeTensors::read_metadata(&self.0).unwrap();
        header.metadata().as_ref().unwrap()[name].clone()
    }
}

/// The greatest distance between two arrays of one length.
pub fn largest_difference(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The values of a parameter of the golden model, as `golden/README.md` generates them.
pub fn weights(seed: &str, name: &str, shape: &[usize]) -> Vec<f32> {
    let hash = format!("{seed}/{name}")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let uniform = |index: u64| {
        let mut x = hash.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        (x >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    let values = (1..=shape.iter().product::<usize>() as u64).map(uniform);
    let fan_in: usize = shape.iter().skip(1).product();
    let scale = (6.0 / fan_in as f64).sqrt();
    values
        .map(|u| match name.rsplit('.').next() {
            _ if shape.len() == 4 => u * scale,
            Some("weight") => 1.0 + 0.1 * u,
            Some("running_var") => 1.0 + 0.5 * u.abs(),
            _ => 0.1 * u,
        })
        .map(|value| value as f32)
        .collect()
}
