//! A ResNet-18 as torchvision names it, trained on ImageNet: a start for the picture's encoder.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;

use super::ImportError;
use super::checkpoint::Checkpoint;
use super::published::take;
use crate::export::paper::VISION;
use crate::model::named::{self, NamedTensor};
use crate::model::paper::res_net::ResNet;

/// The picture's encoder from a torchvision-named ResNet-18 or from a checkpoint of the paper's, safetensors or PyTorch's, under
/// the names that [`PaperNetworks`](crate::model::paper::PaperNetworks) has for it (`imgnet.conv1.weight`, …). The classifier is
/// left out.
///
/// # Errors
/// All of [`Checkpoint`]'s, and [`ImportError::Foreign`].
pub fn vision(path: &Path) -> Result<BTreeMap<String, NamedTensor>, ImportError> {
    let checkpoint = Checkpoint::open(path)?;
    let stem = format!("{VISION}.conv1.weight");
    let prefix = checkpoint.shape(&stem).map_or("", |_| "imgnet.");
    let tensors = take(&checkpoint, "ResNet-18 for pictures", &expected(), |name| {
        format!("{prefix}{name}")
    })?;
    Ok(tensors
        .into_iter()
        .map(|(name, tensor)| (format!("{VISION}.{name}"), tensor))
        .collect())
}

/// Whether all of a ResNet-18's layers for pictures are there, under torchvision's names and shapes.
pub(super) fn is_res_net(checkpoint: &Checkpoint) -> bool {
    expected()
        .iter()
        .all(|(name, tensor)| checkpoint.shape(name) == Some(&tensor.shape))
}

fn expected() -> BTreeMap<String, NamedTensor> {
    named::read(&ResNet::new(3, &Device::flex()))
}
