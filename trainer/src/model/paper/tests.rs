//! The networks and the loss without training, held against the golden numbers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use burn::tensor::{Device, Tensor, TensorData};

use super::PaperNetworks;
use super::layers::Precision;
use crate::golden::{Golden, largest_difference};
use crate::model::golden::weights;
use crate::model::named;
use crate::objective::trimap::{Contrast, LeftOut, heatmaps, own_maps};

fn networks(seed: &str, device: &Device) -> PaperNetworks {
    let own = |name: String| name.replace("audnet.conv1_a.", "audnet.conv1.");
    let tensors = weights(seed).into_iter().map(|(name, tensor)| (own(name), tensor));
    named::write(PaperNetworks::published(device), &tensors.collect()).unwrap()
}

fn tensor<const D: usize>(golden: &Golden, name: &str, device: &Device) -> Tensor<D> {
    let (values, shape) = golden.array(name);
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// `[batch, channels, height, width]` → `[batch, channels, cells]`.
fn flat(map: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = map.dims();
    map.reshape([batch, channels, height * width])
}

#[test]
fn evaluation_agrees_with_the_golden_numbers() {
    let golden = Golden::read("model.safetensors");
    let device = Device::flex();
    let networks = networks(&golden.metadata("seed"), &device);
    let vision = networks.see(tensor(&golden, "images", &device));
    let sound = networks.hear(tensor(&golden, "specs", &device));
    let first = values(vision.clone().narrow(0, 0, 1));
    assert!(largest_difference(&first, &golden.array("eval.vision_map.0").0) < 1e-4);
    assert!(largest_difference(&values(sound.clone()), &golden.array("eval.audio_embedding").0) < 1e-4);
    let maps = heatmaps(flat(vision), sound);
    let own = values(own_maps(maps.clone()));
    assert!(largest_difference(&own, &golden.array("eval.heatmap").0) < 1e-4);
    let nothing = LeftOut(vec![false; 16]);
    let logits = values(Contrast::PUBLISHED.logits(maps.clone(), &nothing));
    let (expected, _) = golden.array("eval.logits");
    for (found, expected) in logits.iter().zip(&expected) {
        assert!(
            (found - expected).abs() < 1e-4 * expected.abs(),
            "{found} against {expected}"
        );
    }
    let loss: f32 = Contrast::PUBLISHED.loss(maps, &nothing).into_scalar();
    let (expected, _) = golden.array("eval.loss");
    assert!(
        (loss - expected[0]).abs() < 1e-4 * expected[0].abs(),
        "{loss} against {expected:?}"
    );
}

#[test]
fn a_start_follows_from_its_seed_and_keeps_the_scale_of_what_goes_through() {
    let networks = PaperNetworks::new(16, Precision::F32, &Device::flex());
    let start = networks.random_weights(7);
    assert_eq!(start, networks.random_weights(7));
    assert_ne!(start, networks.random_weights(8));
    let weights = &start["imgnet.layer4.1.conv2.weight"].values;
    let variance = weights.iter().map(|value| value * value).sum::<f32>() / weights.len() as f32;
    assert!((variance * 128.0 * 9.0 - 2.0).abs() < 0.1, "{variance}");
    assert!(start["imgnet.bn1.weight"].values.iter().all(|&value| value == 1.0));
}
