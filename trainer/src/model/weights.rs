//! Weights by name: what import, training and export hand to one another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use super::named::NamedTensor;

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

/// Named f32 tensors, in the order of their names.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, NamedTensor>,
}

impl From<BTreeMap<String, NamedTensor>> for Weights {
    fn from(tensors: BTreeMap<String, NamedTensor>) -> Self {
        Self { tensors }
    }
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
                let chunks = view.data().as_chunks::<4>().0;
                let values = chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                let shape = view.shape().to_vec();
                (name.to_owned(), NamedTensor { shape, values })
            })
            .collect();
        Ok(Self { tensors })
    }

    /// The values of a tensor, row-major, of exactly this shape.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&[f32], WeightsError> {
        match self.tensors.get(name) {
            Some(tensor) if tensor.shape == shape => Ok(&tensor.values),
            _ => Err(WeightsError::Foreign {
                name: name.to_owned(),
                shape: shape.to_vec(),
            }),
        }
    }

    /// Every tensor with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &NamedTensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The tensors themselves.
    pub fn into_tensors(self) -> BTreeMap<String, NamedTensor> {
        self.tensors
    }
}
