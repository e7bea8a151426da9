//! A training run on disk: everything it needs to go on to the bit, in one file that is replaced as a whole.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::mixing::Partners;
use super::plan::Plan;
use super::record::Beginning;
use crate::model::named::NamedTensor;
use lookhear_board::write_whole;

/// The version of the file's layout.
const FORMAT: u32 = 1;
/// The entry of the file's metadata that tells where the run stands.
const STANDING: &str = "lookhear";

/// Why a checkpoint cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Look at the folder's permissions and free space; the run itself is not harmed.
    #[error("the checkpoint {path:?} cannot be written: {cause}; free some space or choose another folder with --run")]
    Unwritable {
        /// Of the file.
        path: PathBuf,
        /// In the system's words.
        cause: String,
    },
    /// Start the run anew, or bring a whole file.
    #[error("the checkpoint {path:?} cannot be read: {cause}; remove it to start the run anew")]
    Unreadable {
        /// Of the file.
        path: PathBuf,
        /// In the reader's words.
        cause: String,
    },
}

/// Where a run stands, but for its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Version of the layout.
    pub format: u32,
    /// What determines the run.
    pub plan: Plan,
    /// What it was begun with.
    pub beginning: Beginning,
    /// The epoch that is under way, counted from 1.
    pub epoch: usize,
    /// Its batches that are done.
    pub batches_done: usize,
    /// Optimiser steps taken so far.
    pub steps: usize,
    /// Sums over the batches of the epoch so far: contrast, equivariance.
    pub sums: [f64; 2],
    /// The best validation so far and its epoch.
    pub best: Option<(usize, f64)>,
    /// Sounds that are mixed in this epoch.
    pub partners: Partners,
    /// The metrics of this run so far, in bytes of their file.
    pub metrics_bytes: u64,
}

impl Standing {
    /// Nothing done yet.
    pub fn new(plan: Plan, beginning: Beginning) -> Self {
        Self {
            format: FORMAT,
            plan,
            beginning,
            epoch: 1,
            batches_done: 0,
            steps: 0,
            sums: [0.0; 2],
            best: None,
            partners: Partners::default(),
            metrics_bytes: 0,
        }
    }

    /// Whether the run has been through all epochs of a plan.
    pub fn is_through(&self, plan: &Plan) -> bool {
        self.epoch > plan.epochs
    }
}

/// All of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Where it stands.
    pub standing: Standing,
    /// Parameters and running statistics.
    pub network: BTreeMap<String, NamedTensor>,
    /// Their moving average, where one is kept.
    pub average: Option<BTreeMap<String, NamedTensor>>,
    /// The optimiser's moments.
    pub moments: BTreeMap<String, NamedTensor>,
}

impl Checkpoint {
    /// Writes it beside the old one and puts it in its place, so that whoever reads finds one or the other.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let unwritable = |cause: &dyn std::fmt::Display| CheckpointError::Unwritable {
            path: path.to_owned(),
            cause: cause.to_string(),
        };
        // TOML, as its reader gives every number back to the bit.
        let standing = toml::to_string(&self.standing).map_err(|cause| unwritable(&cause))?;
        let parts = [
            ("network.", Some(&self.network)),
            ("average.", self.average.as_ref()),
            ("optimizer.", Some(&self.moments)),
        ];
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = parts
            .into_iter()
            .filter_map(|(prefix, tensors)| Some((prefix, tensors?)))
            .flat_map(|(prefix, tensors)| {
                tensors.iter().map(move |(name, NamedTensor { shape, values })| {
                    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                    (format!("{prefix}{name}"), shape.clone(), bytes)
                })
            })
            .collect();
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|cause| unwritable(&cause))?;
        let metadata = HashMap::from([(STANDING.to_owned(), standing)]);
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(|cause| unwritable(&cause))?;
        write_whole(path, &bytes).map_err(|cause| unwritable(&cause))
    }

    /// Reads one; `None` where there is none yet.
    pub fn read(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let unreadable = |cause: &dyn std::fmt::Display| CheckpointError::Unreadable {
            path: path.to_owned(),
            cause: cause.to_string(),
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(unreadable(&cause)),
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|cause| unreadable(&cause))?;
        let standing = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(STANDING))
            .ok_or_else(|| unreadable(&"it is no checkpoint of a training run"))?;
        let standing: Standing = toml::from_str(standing).map_err(|cause| unreadable(&cause))?;
        if standing.format != FORMAT {
            return Err(unreadable(&format!(
                "its format is {}, this program knows {FORMAT}",
                standing.format
            )));
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|cause| unreadable(&cause))?;
        let part = |prefix: &str| -> BTreeMap<String, NamedTensor> {
            file.iter()
                .filter(|(_, view)| view.dtype() == Dtype::F32)
                .filter_map(|(name, view)| {
                    let (fours, _) = view.data().as_chunks::<4>();
                    let values = fours.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                    let shape = view.shape().to_vec();
                    Some((name.strip_prefix(prefix)?.to_owned(), NamedTensor { shape, values }))
                })
                .collect()
        };
        let average = part("average.");
        Ok(Some(Self {
            standing,
            network: part("network."),
            average: (!average.is_empty()).then_some(average),
            moments: part("optimizer."),
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn checkpoint() -> Checkpoint {
        let tensor = |value: f32| NamedTensor {
            shape: vec![2, 1],
            values: vec![value, f32::MIN_POSITIVE],
        };
        let mut standing = Standing::new(Plan::default(), Beginning::default());
        standing.partners.of = vec![(3, 4)];
        standing.plan.rate = 1.047_128_548_050_899_5e-5;
        standing.best = Some((2, 0.1 + 0.2));
        Checkpoint {
            standing,
            network: BTreeMap::from([("a.weight".to_owned(), tensor(0.1))]),
            average: Some(BTreeMap::from([("a.weight".to_owned(), tensor(0.2))])),
            moments: BTreeMap::from([("first_moment.a.weight".to_owned(), tensor(0.3))]),
        }
    }

    #[test]
    fn what_is_written_is_read_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        assert_eq!(Checkpoint::read(&path).unwrap(), None);
        checkpoint().write(&path).unwrap();
        checkpoint().write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), Some(checkpoint()));
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn another_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.safetensors");
        let one: [(&str, TensorView<'_>); 0] = [];
        std::fs::write(&path, safetensors::serialize(one, None).unwrap()).unwrap();
        let error = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("other.safetensors") && error.contains("no checkpoint"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_refused_or_read_and_never_a_panic(cut in 0usize..2000, at in 0usize..2000, with: u8) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("last.safetensors");
            checkpoint().write(&path).unwrap();
            let mut bytes = std::fs::read(&path).unwrap();
            let length = bytes.len();
            bytes[at % length] = with;
            bytes.truncate(length - cut % length);
            std::fs::write(&path, bytes).unwrap();
            let _ = Checkpoint::read(&path);
        }
    }
}
