//! Which of a checkpoint's tensors are the networks of the paper.

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::ImportError;
use super::checkpoint::Checkpoint;
use crate::export::paper::{PUBLISHED_SOUND_STEM, SOUND, SOUND_STEM, VISION};
use crate::model::named::{self, Misshapen, NamedTensor};
use crate::model::paper::PaperNetworks;

/// The networks' tensors, and what was not taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Under the names that [`PaperNetworks`] has for them.
    pub tensors: BTreeMap<String, NamedTensor>,
    /// Layers of the published code that take no part in what it computes.
    pub unused: Vec<String>,
    /// Tensors that neither the networks nor the published code have.
    pub unknown: Vec<String>,
}

/// Takes the networks of the paper out of a checkpoint.
///
/// # Errors
/// [`ImportError::OnlyAStart`] for a torchvision-named ResNet-18, [`ImportError::Foreign`] for other networks, and all that
/// [`Checkpoint::read`] has.
pub fn select(checkpoint: &Checkpoint) -> Result<Published, ImportError> {
    let expected = named::read(&PaperNetworks::new(&Device::flex()));
    let mine = |name: &str| [VISION, SOUND].iter().any(|sense| belongs(name, sense));
    if !checkpoint.names().any(mine) && super::start::is_res_net(checkpoint) {
        return Err(ImportError::OnlyAStart {
            path: checkpoint.path().to_owned(),
        });
    }
    let published_stem = checkpoint.shape(PUBLISHED_SOUND_STEM).is_some();
    let name_there = |name: &str| match name {
        SOUND_STEM if published_stem => PUBLISHED_SOUND_STEM.to_owned(),
        name => name.to_owned(),
    };
    let tensors = take(checkpoint, "paper's networks", &expected, name_there)?;
    let left = checkpoint.names().filter(|name| match *name {
        SOUND_STEM => published_stem,
        PUBLISHED_SOUND_STEM => false,
        name => !expected.contains_key(name),
    });
    let (unused, unknown) = left.map(str::to_owned).partition(|name| is_unused(name));
    Ok(Published {
        tensors,
        unused,
        unknown,
    })
}

/// Reads every tensor of a network after looking whether all of them are there and fit.
pub(super) fn take(
    checkpoint: &Checkpoint,
    network: &'static str,
    expected: &BTreeMap<String, NamedTensor>,
    name_there: impl Fn(&str) -> String,
) -> Result<BTreeMap<String, NamedTensor>, ImportError> {
    let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
    let mut tensors = BTreeMap::new();
    for (name, tensor) in expected {
        let there = name_there(name);
        match checkpoint.shape(&there) {
            None => missing.push(there),
            Some(found) if found != tensor.shape => misshapen.push(Misshapen {
                name: there,
                expected: tensor.shape.clone(),
                found: found.to_vec(),
            }),
            Some(_) => {}
        }
    }
    if missing.is_empty() && misshapen.is_empty() {
        for name in expected.keys() {
            let there = name_there(name);
            match checkpoint.read(&there)? {
                Some(tensor) => drop(tensors.insert(name.clone(), tensor)),
                None => missing.push(there),
            }
        }
    }
    if missing.is_empty() && misshapen.is_empty() {
        return Ok(tensors);
    }
    Err(ImportError::Foreign {
        path: checkpoint.path().to_owned(),
        network,
        missing,
        misshapen,
        found: checkpoint.names().len(),
    })
}

fn belongs(name: &str, sense: &str) -> bool {
    name.strip_prefix(sense).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether the published code has such a layer and never uses it for what it gives: classifiers, stems for other inputs, a head
/// that was left out, and counts of batches.
fn is_unused(name: &str) -> bool {
    const PARTS: [&str; 7] = ["fc", "conv1", "conv1_a", "conv1_flow", "vision_fc1", "conv3", "norm3"];
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [.., "num_batches_tracked"] => true,
        [sense, layer, _] if [VISION, SOUND].contains(sense) => PARTS.contains(layer),
        [layer, _] => PARTS.contains(layer),
        _ => false,
    }
}
