//! Pretrained weights by name, from safetensors files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

/// Why weights cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be read.
    #[error("the weights {path:?} cannot be read: {cause}; trainer/README.md says where they come from")]
    Unreadable {
        /// Of the file.
        path: PathBuf,
        /// In the reader's words.
        cause: String,
    },
    /// The file has no such tensor, or one of another shape.
    #[error("the weights have no `{name}` of shape {shape:?}: this is another network's file")]
    Foreign {
        /// Of the tensor.
        name: String,
        /// That was asked for.
        shape: Vec<usize>,
    },
}

/// Named f32 tensors.
#[derive(Debug)]
pub struct Weights {
    tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Weights {
    /// Reads a safetensors file; tensors that are not f32 are passed over.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let unreadable = |cause: &dyn std::fmt::Display| WeightsError::Unreadable {
            path: path.to_owned(),
            cause: cause.to_string(),
        };
        let bytes = std::fs::read(path).map_err(|cause| unreadable(&cause))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|cause| unreadable(&cause))?;
        let tensors = file
            .iter()
            .filter(|(_, view)| view.dtype() == Dtype::F32)
            .map(|(name, view)| {
                let values = view
                    .data()
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|bytes| f32::from_le_bytes(*bytes))
                    .collect();
                (name.to_owned(), (view.shape().to_vec(), values))
            })
            .collect();
        Ok(Self { tensors })
    }

    /// The values of a tensor, row-major, of exactly this shape.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&[f32], WeightsError> {
        match self.tensors.get(name) {
            Some((found, values)) if found == shape => Ok(values),
            _ => Err(WeightsError::Foreign {
                name: name.to_owned(),
                shape: shape.to_vec(),
            }),
        }
    }
}
