//! Times training steps of `paper` on one device, on random pictures and sounds of the paper's size: seconds a step, one a line.
//!
//!     cargo run --release -p lookhear-trainer --example step -- BATCH STEPS [DEVICE] [f32|bf16]
//!
//! `tests/peers/torch_step.py` takes turns with it and compares.

use std::io::Write;
use std::time::Instant;

use anyhow::Context;
use burn::tensor::{Distribution, Tensor, TensorData};
use clap::ValueEnum;
use lookhear_trainer::fit::device::DeviceName;
use lookhear_trainer::fit::gradients::gradients;
use lookhear_trainer::fit::optimizer::Optimizer;
use lookhear_trainer::model::named;
use lookhear_trainer::model::paper::PaperNetworks;
use lookhear_trainer::model::paper::layers::Precision;
use lookhear_trainer::model::paper::res_net::WIDTH;
use lookhear_trainer::objective::equivariance::equivariance;
use lookhear_trainer::objective::trimap::{Contrast, LeftOut, heatmaps, own_maps};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize, otherwise: &str| arguments.get(index).map_or(otherwise.to_owned(), Clone::clone);
    let (batch, steps): (usize, usize) = (argument(0, "8").parse()?, argument(1, "3").parse()?);
    let device = argument(2, "cpu").parse::<DeviceName>()?.open()?;
    let precision = Precision::from_str(&argument(3, "f32"), true)
        .ok()
        .context("the precision is f32 or bf16")?;
    let trains = device.clone().autodiff();
    let networks = PaperNetworks::new(WIDTH, precision, &trains);
    let start = networks.random_weights(1);
    let mut networks = named::write(networks, &start)?;
    let mut optimizer = Optimizer::new(1e-4, 1e-8);
    let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &trains);
    let (pictures, transformed) = (random([batch, 3, 224, 224]), random([batch, 3, 224, 224]));
    let sounds = random([batch, 1, 257, 670]);
    let cells = 14 * 14;
    let identity: Vec<f32> = (0..batch * cells * cells)
        .map(|at| f32::from(at % (cells * cells) % (cells + 1) == 0))
        .collect();
    let transform = Tensor::<3>::from_data(TensorData::new(identity, [batch, cells, cells]), &trains);
    let nothing = LeftOut(vec![false; batch * batch]);
    for _ in 0..=steps {
        let begun = Instant::now();
        let sound = networks.hear(sounds.clone());
        let views = [&pictures, &transformed].map(|pictures| {
            let map = networks.see(pictures.clone());
            let [batch, channels, height, width] = map.dims();
            heatmaps(map.reshape([batch, channels, height * width]), sound.clone())
        });
        let [view, moved] = views.clone().map(|maps| Contrast::PUBLISHED.loss(maps, &nothing));
        let [own, own_moved] = views.map(own_maps);
        let valid = Tensor::<2>::ones([batch, cells], &trains);
        let total = (view + moved).mul_scalar(0.5) + equivariance(own, own_moved, transform.clone(), valid);
        let found = gradients(&networks, &total.backward());
        networks = optimizer.step(networks, found, |_| Some(1e-4));
        total.into_scalar::<f32>();
        device.sync().map_err(|error| anyhow::anyhow!("{error:?}"))?;
        writeln!(std::io::stdout(), "{}", begun.elapsed().as_secs_f64())?;
    }
    Ok(())
}
