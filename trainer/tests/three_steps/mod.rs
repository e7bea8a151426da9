//! Three steps of training on the golden model, held against the golden numbers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../src/golden.rs"]
#[allow(dead_code)]
mod golden;

use burn::tensor::{Device, Tensor, TensorData};
use golden::{Golden, largest_difference, weights};
use lookhear_trainer::dataset::PublishedWarp;
use lookhear_trainer::fit::gradients::gradients;
use lookhear_trainer::fit::optimizer::Optimizer;
use lookhear_trainer::model::named::{self, NamedTensor};
use lookhear_trainer::model::paper::PaperNetworks;
use lookhear_trainer::objective::equivariance::equivariance;
use lookhear_trainer::objective::trimap::{Contrast, LeftOut, heatmaps, own_maps};

fn networks(seed: &str, device: &Device) -> PaperNetworks {
    let networks = PaperNetworks::new(device);
    let tensors = named::read(&networks)
        .into_iter()
        .map(|(name, NamedTensor { shape, .. })| {
            let published = name.replace("audnet.conv1.", "audnet.conv1_a.");
            let values = weights(seed, &published, &shape);
            (name, NamedTensor { shape, values })
        })
        .collect();
    named::write(networks, &tensors).unwrap()
}

fn tensor<const D: usize>(golden: &Golden, name: &str, device: &Device) -> Tensor<D> {
    let (values, shape) = golden.array(name);
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_to_vec().unwrap()
}

/// `[batch, channels, height, width]` → `[batch, channels, cells]`.
fn flat(map: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = map.dims();
    map.reshape([batch, channels, height * width])
}

/// What a warp does to a map, `[cells of the transformed map, cells]`: each cell on its own, as if it were a channel.
fn matrix(warp: &PublishedWarp) -> Vec<f32> {
    let cells = 14 * 14;
    let each: Vec<f32> = (0..cells * cells).map(|at| f32::from(at % (cells + 1) == 0)).collect();
    let moved = warp.apply_to_map(&each);
    let rows = moved.len() / cells;
    (0..rows * cells)
        .map(|at| moved[(at % cells) * rows + at / cells])
        .collect()
}

/// Trains for three steps on a device that has not been trained on yet, and holds every loss of step `n` to the `n`th of
/// `tolerances`, relative.
pub fn agree(device: Device, tolerances: [f32; 3]) {
    let (golden, model) = (Golden::read("training.safetensors"), Golden::read("model.safetensors"));
    let device = device.autodiff();
    let (half, flip) = (golden.metadata("scale") == "0.5", golden.metadata("flip") == "True");
    let angles: Vec<i32> = serde_json::from_str(&golden.metadata("angles")).unwrap();
    let warps: Vec<PublishedWarp> = angles
        .into_iter()
        .map(|angle_degrees| PublishedWarp {
            angle_degrees,
            half,
            flip,
        })
        .collect();
    let (images, shape) = model.array("images");
    let transformed: Vec<f32> = images
        .chunks_exact(images.len() / shape[0])
        .zip(&warps)
        .flat_map(|(image, warp)| warp.apply_to_picture(image))
        .collect();
    let batch = shape[0];
    let side = (transformed.len() / (3 * batch)).isqrt();
    let transformed = Tensor::<4>::from_data(TensorData::new(transformed, [batch, 3, side, side]), &device);
    let matrices: Vec<f32> = warps.iter().flat_map(matrix).collect();
    let cells = matrices.len() / (batch * 196);
    let matrices = Tensor::<3>::from_data(TensorData::new(matrices, [batch, cells, 196]), &device);
    let all = Tensor::<2>::ones([batch, cells], &device);
    let images: Tensor<4> = tensor(&model, "images", &device);
    let sounds: Tensor<4> = tensor(&model, "specs", &device);

    let mut networks = networks(&golden.metadata("seed"), &device);
    let mut optimizer = Optimizer::new(1e-4);
    let nothing = LeftOut(vec![false; batch * batch]);
    for (step, tolerance) in tolerances.into_iter().enumerate() {
        let sound = networks.hear(sounds.clone());
        let maps = heatmaps(flat(networks.see(images.clone())), sound.clone());
        let moved = heatmaps(flat(networks.see(transformed.clone())), sound);
        let views = [&maps, &moved].map(|maps| Contrast::PUBLISHED.loss(maps.clone(), &nothing));
        let (own, own_moved) = (own_maps(maps), own_maps(moved));
        if step == 0 {
            let (expected, _) = golden.array("train.heatmap");
            assert!(largest_difference(&values(own.clone()), &expected) < 1e-4);
            let (expected, _) = golden.array("train.heatmap_transformed");
            assert!(largest_difference(&values(own_moved.clone()), &expected) < 1e-4);
        }
        let follows = equivariance(own, own_moved, matrices.clone(), all.clone());
        let [view, moved] = views;
        let total = (view.clone() + moved.clone()).mul_scalar(0.5) + follows.clone();
        let losses = [view, moved, follows, total.clone()].map(|loss| loss.into_scalar::<f64>() as f32);
        let (expected, _) = golden.array(&format!("step{step}.losses"));
        for (found, expected) in losses.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < tolerance * expected.abs(),
                "step {step}: {losses:?} against {expected:?}"
            );
        }
        let gradients = gradients(&networks, &total.backward());
        if step == 0 {
            assert_eq!(gradients.len(), 2 * 60, "a parameter without a gradient");
            for (name, gradient) in &gradients {
                let norm = gradient.clone().powi_scalar(2).sum().sqrt().into_scalar::<f64>() as f32;
                let published = name.replace("audnet.conv1.", "audnet.conv1_a.");
                let expected = golden.array(&format!("gradnorm.{published}")).0[0];
                assert!(
                    (norm - expected).abs() < 1e-2 * expected.abs(),
                    "{name}: {norm} against {expected}"
                );
            }
        }
        networks = optimizer.step(networks, gradients, |_| Some(1e-4));
    }
}
