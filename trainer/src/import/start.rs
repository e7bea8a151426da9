//! A ResNet-18 as torchvision names it, trained on ImageNet: a start for the picture's encoder.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;

use super::ImportError;
use super::checkpoint::Checkpoint;
use super::published::take;
use crate::export::paper::VISION;
use crate::model::named::{self, NamedTensor};
use crate::model::paper::layers::Precision;
use crate::model::paper::res_net::{ResNet, WIDTH};

/// The picture's encoder from a torchvision-named ResNet-18 or from a checkpoint of the paper's, safetensors or PyTorch's, under
/// the names that [`PaperNetworks`](crate::model::paper::PaperNetworks) has for it (`imgnet.conv1.weight`, …). The classifier is
/// left out.
///
/// # Errors
/// All of [`Checkpoint`]'s, and [`ImportError::Foreign`].
pub fn vision(path: &Path) -> Result<BTreeMap<String, NamedTensor>, ImportError> {
    let checkpoint = Checkpoint::open(path)?;
    let prefixed = |name: &str| format!("{VISION}.{name}");
    let whole = checkpoint.shape(&prefixed("conv1.weight")).is_some();
    let tensors = take(&checkpoint, "ResNet-18 for pictures", &expected(), |name| {
        if whole { prefixed(name) } else { name.to_owned() }
    })?;
    let named = tensors.into_iter().map(|(name, tensor)| (prefixed(&name), tensor));
    Ok(named.collect())
}

/// Whether all of a ResNet-18's layers for pictures are there, under torchvision's names and shapes.
pub(super) fn is_res_net(checkpoint: &Checkpoint) -> bool {
    expected()
        .iter()
        .all(|(name, tensor)| checkpoint.shape(name) == Some(&tensor.shape))
}

fn expected() -> BTreeMap<String, NamedTensor> {
    named::read(&ResNet::new(3, WIDTH, Precision::F32, &Device::flex()))
}
