//! The training loop over cached features.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::Distribution;
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use serde::Serialize;

use super::features::{SOUND_VALUES, SoundFeatures, VisionFeatures};
use crate::model::projection::Projection;
use crate::model::{efficient_net, yam_net};
use crate::objective::equivariance::equivariance;
use crate::objective::trimap::{Contrast, LeftOut, heatmaps, own_maps};

/// A picture with its sound, as the projections see them.
#[derive(Debug, Clone)]
pub struct Example {
    /// The augmented view.
    pub view: VisionFeatures,
    /// The same view after the geometric transform.
    pub transformed: VisionFeatures,
    /// Takes a map of the view to a map of the transformed one, `[cells, cells]` row-major.
    pub transform: Vec<f32>,
    /// 1 in the cells of the transformed map where the transform has data, 0 elsewhere.
    pub valid: Vec<f32>,
    /// What belongs to the picture.
    pub sound: SoundFeatures,
    /// Sorts of things in view, sounding or silent.
    pub in_view: Vec<u32>,
    /// The sort of thing that sounds.
    pub sounding: u32,
}

/// What there is to learn from.
#[derive(Debug)]
pub struct Examples {
    /// Pairs.
    pub pairs: Vec<Example>,
    /// Sounds that belong to no picture: silence, noise, ambience.
    pub strays: Vec<SoundFeatures>,
    /// Channels of the common space.
    pub channels: usize,
    /// Cells of the map, both axes together.
    pub cells: usize,
}

/// How to train.
#[derive(Debug, Clone, Serialize)]
pub struct Schedule {
    /// Passes over the pairs.
    pub epochs: usize,
    /// Pairs in a step.
    pub batch: usize,
    /// Stray sounds in a step.
    pub strays: usize,
    /// Adam's rates at the start; they fall to zero along a cosine.
    pub rates: Rates,
    /// Divides the logits of the contrast.
    pub temperature: f64,
    /// Share of the backbones' features that are left out of a step.
    pub dropout: f64,
    /// Weight of the equivariance term; the paper's is 1.
    pub equivariance: f64,
    /// Of the order of examples and the start of the free channels.
    pub seed: u64,
}

/// Adam's rates, by what the weights apply to.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rates {
    /// The picture's features.
    pub vision: f64,
    /// The sound's features.
    pub sound: f64,
    /// The sound's classes.
    pub classes: f64,
}

/// Means over an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Losses {
    /// Counted from 1.
    pub epoch: usize,
    /// The tri-map contrast, mean of both views.
    pub contrast: f64,
    /// The equivariance term.
    pub equivariance: f64,
}

/// Trains the projection; `report` hears of every epoch's losses and sees the projection as it stands.
pub fn train(
    mut projection: Projection,
    examples: &Examples,
    schedule: &Schedule,
    device: &Device,
    mut report: impl FnMut(Losses, &Projection),
) -> Projection {
    device.seed(schedule.seed);
    let device = device.clone().autodiff();
    projection = projection.to_device(&device).train();
    let learned = projection.learned();
    let Rates { vision, sound, classes } = schedule.rates;
    let mut groups = [
        (learned.vision, vision),
        (learned.sound, sound),
        (learned.classes, classes),
    ]
    .map(|(parameter, rate)| (parameter, rate, AdamConfig::new().init()));
    let mut random = StdRng::seed_from_u64(schedule.seed);
    let mut order: Vec<usize> = (0..examples.pairs.len()).collect();
    let batches = order.len() / schedule.batch.max(1);
    let steps = (batches * schedule.epochs).max(1);
    let mut step = 0;
    for epoch in 1..=schedule.epochs {
        order.shuffle(&mut random);
        let mut losses = Losses {
            epoch,
            ..Losses::default()
        };
        for chosen in order.chunks_exact(schedule.batch) {
            let batch = Batch::gather(examples, chosen, schedule.strays, &mut random, &device);
            let (contrast, equivariance) = batch.losses(&projection, schedule);
            losses.contrast += f64::from(contrast.clone().into_scalar::<f32>()) / batches as f64;
            losses.equivariance += f64::from(equivariance.clone().into_scalar::<f32>()) / batches as f64;
            let total = contrast + equivariance.mul_scalar(schedule.equivariance);
            let mut gradients = total.backward();
            let fall = 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos());
            for (parameter, rate, optimizer) in &mut groups {
                let own = GradientsParams::from_params(&mut gradients, &projection, &[*parameter]);
                projection = optimizer.step(*rate * fall, projection, own);
            }
            step += 1;
        }
        report(losses, &projection);
    }
    projection
}

/// Tensors of one step.
struct Batch {
    /// `[2 · batch, 1280, cells]`: the views, then the transformed views.
    features: Tensor<3>,
    /// `[2 · batch, channels, cells]`.
    bridged: Tensor<3>,
    transform: Tensor<3>,
    valid: Tensor<2>,
    sound_features: Tensor<3>,
    sound_classes: Tensor<3>,
    present: Tensor<2>,
    left_out: LeftOut,
    pictures: usize,
}

impl Batch {
    fn gather(examples: &Examples, chosen: &[usize], strays: usize, random: &mut StdRng, device: &Device) -> Self {
        let Examples { channels, cells, .. } = *examples;
        let pairs: Vec<&Example> = chosen.iter().filter_map(|&index| examples.pairs.get(index)).collect();
        let mut sounds: Vec<&SoundFeatures> = pairs.iter().map(|pair| &pair.sound).collect();
        let count = strays.min(examples.strays.len());
        sounds.extend(
            rand::seq::index::sample(random, examples.strays.len(), count)
                .iter()
                .map(|index| &examples.strays[index]),
        );
        let split = efficient_net::FEATURES * cells;
        let views = || {
            pairs
                .iter()
                .map(|pair| &pair.view.0)
                .chain(pairs.iter().map(|pair| &pair.transformed.0))
        };
        let widen = |part: &[half::f16]| part.iter().map(|value| value.to_f32()).collect::<Vec<f32>>();
        let features: Vec<f32> = views().flat_map(|view| widen(&view[..split])).collect();
        let bridged: Vec<f32> = views().flat_map(|view| widen(&view[split..])).collect();
        let patches = sounds.iter().map(|sound| sound.0.len()).max().unwrap_or(1).max(1);
        let mut sound_features = Vec::with_capacity(sounds.len() * patches * yam_net::FEATURES);
        let mut sound_classes = Vec::with_capacity(sounds.len() * patches * yam_net::CLASSES);
        let mut present = Vec::with_capacity(sounds.len() * patches);
        let padding = vec![0.0; SOUND_VALUES];
        for sound in &sounds {
            for index in 0..patches {
                let patch = sound.0.get(index).unwrap_or(&padding);
                let (features, classes) = patch.split_at(yam_net::FEATURES);
                sound_features.extend_from_slice(features);
                sound_classes.extend_from_slice(classes);
                present.push(if index < sound.0.len() { 1.0f32 } else { 0.0 });
            }
        }
        let left_out = pairs
            .iter()
            .flat_map(|picture| {
                let known = pairs.iter().map(|other| picture.in_view.contains(&other.sounding));
                known.chain(std::iter::repeat_n(false, count))
            })
            .collect();
        let batch = pairs.len();
        let cube = |values: Vec<f32>, shape: [usize; 3]| Tensor::<3>::from_data(TensorData::new(values, shape), device);
        let sheet =
            |values: Vec<f32>, shape: [usize; 2]| Tensor::<2>::from_data(TensorData::new(values, shape), device);
        let transform = pairs.iter().flat_map(|pair| pair.transform.iter().copied()).collect();
        let valid = pairs.iter().flat_map(|pair| pair.valid.iter().copied()).collect();
        Self {
            features: cube(features, [2 * batch, efficient_net::FEATURES, cells]),
            bridged: cube(bridged, [2 * batch, channels, cells]),
            transform: cube(transform, [batch, cells, cells]),
            valid: sheet(valid, [batch, cells]),
            sound_features: cube(sound_features, [sounds.len(), patches, yam_net::FEATURES]),
            sound_classes: cube(sound_classes, [sounds.len(), patches, yam_net::CLASSES]),
            present: sheet(present, [sounds.len(), patches]),
            left_out: LeftOut(left_out),
            pictures: batch,
        }
    }

    /// The contrast, mean of both views, and the equivariance between them.
    fn losses(&self, projection: &Projection, schedule: &Schedule) -> (Tensor<1>, Tensor<1>) {
        let batch = self.pictures;
        let keep = 1.0 - schedule.dropout;
        let device = self.features.device();
        let [views, channels, _] = self.features.dims();
        let seen = Tensor::<3>::random([views, channels, 1], Distribution::Bernoulli(keep), &device).div_scalar(keep);
        let [sounds, _, channels] = self.sound_features.dims();
        let heard = Tensor::<3>::random([sounds, 1, channels], Distribution::Bernoulli(keep), &device).div_scalar(keep);
        let vision = projection.see(self.features.clone() * seen, self.bridged.clone());
        let features = self.sound_features.clone() * heard;
        let sounds = projection.hear(features, self.sound_classes.clone(), self.present.clone());
        let maps = heatmaps(vision, sounds);
        let [_, count, cells] = maps.dims();
        let original = maps.clone().slice([0..batch, 0..count, 0..cells]);
        let transformed = maps.slice([batch..2 * batch, 0..count, 0..cells]);
        let follows = equivariance(
            own_maps(original.clone()),
            own_maps(transformed.clone()),
            self.transform.clone(),
            self.valid.clone(),
        );
        let contrast = Contrast {
            temperature: schedule.temperature,
            published: false,
        };
        let contrasts = contrast.loss(original, &self.left_out) + contrast.loss(transformed, &self.left_out);
        (contrasts.mul_scalar(0.5), follows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::bridge::Bridge;
    use half::f16;
    use rand::Rng;

    /// Two sorts of things, told apart by one feature of the picture and one of the sound that the bridge knows nothing of.
    fn examples(bridge: &Bridge, count: usize) -> Examples {
        let cells = 4;
        let mut random = StdRng::seed_from_u64(3);
        let mut pairs = Vec::new();
        for index in 0..count {
            let sort = index % 2;
            let place = random.random_range(0..cells);
            let mut view = vec![f16::ZERO; (efficient_net::FEATURES + bridge.channels) * cells];
            view[(10 + sort) * cells + place] = f16::from_f32(6.0);
            let mut patch = vec![0.0; SOUND_VALUES];
            patch[20 + sort] = 3.0;
            let identity = (0..cells * cells)
                .map(|at| if at % (cells + 1) == 0 { 1.0 } else { 0.0 })
                .collect();
            pairs.push(Example {
                view: VisionFeatures(view.clone()),
                transformed: VisionFeatures(view),
                transform: identity,
                valid: vec![1.0; cells],
                sound: SoundFeatures(vec![patch]),
                in_view: vec![sort as u32],
                sounding: sort as u32,
            });
        }
        Examples {
            pairs,
            strays: vec![SoundFeatures(vec![vec![0.0; SOUND_VALUES]])],
            channels: bridge.channels,
            cells,
        }
    }

    fn schedule(epochs: usize) -> Schedule {
        Schedule {
            epochs,
            batch: 8,
            strays: 1,
            rates: Rates {
                vision: 3e-3,
                sound: 3e-3,
                classes: 0.0,
            },
            temperature: 0.1,
            dropout: 0.0,
            equivariance: 1.0,
            seed: 5,
        }
    }

    #[test]
    fn pairs_teach_what_the_bridge_does_not_know() {
        let Ok(bridge) = Bridge::committed() else {
            panic!("the committed list of groups cannot be read")
        };
        let examples = examples(&bridge, 32);
        let device = Device::flex();
        let mut curve = Vec::new();
        train(
            Projection::new(&bridge, 1, &device),
            &examples,
            &schedule(12),
            &device,
            |losses, _| curve.push(losses),
        );
        let (first, last) = (curve[0].contrast, curve[curve.len() - 1].contrast);
        assert!(last < 0.7 * first, "{first} → {last}");
    }

    #[test]
    fn the_same_seed_gives_the_same_losses() {
        let Ok(bridge) = Bridge::committed() else {
            panic!("the committed list of groups cannot be read")
        };
        let examples = examples(&bridge, 16);
        let device = Device::flex();
        let run = || {
            let mut curve = Vec::new();
            train(
                Projection::new(&bridge, 1, &device),
                &examples,
                &schedule(2),
                &device,
                |losses, _| curve.push(losses),
            );
            curve
        };
        assert_eq!(run(), run());
    }
}
