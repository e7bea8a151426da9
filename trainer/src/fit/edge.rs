//! `edge` learns: the projections, from features of the backbones that were computed once.

use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::features::{SOUND_VALUES, SoundFeatures, VisionFeatures};
use super::learner::{Batches, Learner, Losses, Validation};
use super::mixing::Partners;
use super::plan::Plan;
use crate::model::bridge::Bridge;
use crate::model::projection::Projection;
use crate::model::{affinity, efficient_net, yam_net};
use crate::objective::equivariance::equivariance;
use crate::objective::trimap::{Contrast, LeftOut, heatmaps, own_first, own_maps};

/// Stray sounds in a step.
const STRAYS: usize = 4;

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
    /// The sort of thing that sounds, where it is known.
    pub sounding: Option<u32>,
    /// The number of the pair in its source.
    pub index: usize,
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

impl Examples {
    /// Nothing, for a run that has learned all it is to learn.
    pub fn none(channels: usize) -> Self {
        Self {
            pairs: Vec::new(),
            strays: Vec::new(),
            channels,
            cells: 0,
        }
    }
}

/// The projections with the examples they learn from.
#[derive(Debug)]
pub struct Edge<'a> {
    bridge: &'a Bridge,
    examples: &'a Examples,
    plan: &'a Plan,
    /// Numbers of the pairs that are trained on, and of those that are held out.
    trained: Vec<usize>,
    held_out: Vec<usize>,
}

impl<'a> Edge<'a> {
    /// Holds out the plan's share of the pairs, drawn by its seed. The held-out pictures are augmented like the others, once.
    pub fn new(bridge: &'a Bridge, examples: &'a Examples, plan: &'a Plan) -> Self {
        let mut trained: Vec<usize> = (0..examples.pairs.len()).collect();
        trained.shuffle(&mut StdRng::seed_from_u64(plan.seed));
        let held_out = trained.split_off(trained.len() - (plan.validation * trained.len() as f64) as usize);
        Self {
            bridge,
            examples,
            plan,
            trained,
            held_out,
        }
    }
}

impl Learner for Edge<'_> {
    type Network = Projection;
    type Batch = Batch;

    fn start(&self, device: &Device) -> anyhow::Result<Projection> {
        Ok(Projection::new(self.bridge, self.plan.seed, device))
    }

    /// Small weights on the features, which many channels share: at the rate of the classes the bridge is soon unlearned.
    fn relative_rate(&self, parameter: &str) -> Option<f64> {
        match parameter {
            "sound_classes" => Some(1.0),
            "vision_weight" => Some(0.1),
            "sound_weight" => Some(1.0 / 30.0),
            _ => None,
        }
    }

    fn batches_in_epoch(&self) -> usize {
        self.trained.len() / self.plan.batch
    }

    fn batches(&self, epoch: usize, from: usize, _: &Partners) -> anyhow::Result<Batches<'_, Batch>> {
        let mut order = self.trained.clone();
        order.shuffle(&mut StdRng::seed_from_u64(self.plan.seed.wrapping_add(epoch as u64)));
        let batch = self.plan.batch;
        Ok(Box::new((from..self.batches_in_epoch()).map(move |number| {
            let place = (epoch as u64) << 32 | number as u64;
            let mut random = StdRng::seed_from_u64(self.plan.seed ^ place);
            let chosen = &order[number * batch..(number + 1) * batch];
            Ok(Batch::gather(
                self.examples,
                chosen,
                STRAYS,
                self.plan.dropout,
                &mut random,
            ))
        })))
    }

    fn losses(&self, network: &Projection, batch: &Batch, device: &Device) -> Losses {
        batch.losses(network, self.plan, device)
    }

    fn validate(&self, network: &Projection, device: &Device) -> anyhow::Result<Option<Validation>> {
        let batches = self.held_out.chunks_exact(self.plan.batch);
        let count = batches.len() as f64;
        if self.held_out.len() < self.plan.batch {
            return Ok(None);
        }
        let (mut contrast, mut own) = (0.0, 0.0);
        for chosen in batches {
            let batch = Batch::gather(
                self.examples,
                chosen,
                0,
                0.0,
                &mut StdRng::seed_from_u64(self.plan.seed),
            );
            let maps = batch.maps(network, device);
            let [_, sounds, cells] = maps.dims();
            let maps = maps.slice([0..chosen.len(), 0..sounds, 0..cells]);
            contrast += batch
                .contrast(self.plan)
                .loss(maps.clone(), &batch.left_out)
                .into_scalar::<f32>() as f64
                / count;
            own += own_first(maps, &batch.left_out) / count;
        }
        Ok(Some(Validation {
            contrast,
            own_sound_first: own,
            pairs: count as usize * self.plan.batch,
        }))
    }

    fn embeddings(&self, _: &Projection, _: &Device) -> anyhow::Result<Vec<Vec<f32>>> {
        anyhow::bail!("the sounds of edge are heard once and cannot be mixed; leave --mixing to paper")
    }
}

/// What one step takes, not yet on a device.
#[derive(Debug)]
pub struct Batch {
    /// `[2 · batch, 1280, cells]`: the views, then the transformed views.
    features: TensorData,
    /// `[2 · batch, channels, cells]`.
    bridged: TensorData,
    transform: TensorData,
    valid: TensorData,
    sound_features: TensorData,
    sound_classes: TensorData,
    present: TensorData,
    /// 0 for features of a view that are left out of the step, above 1 for the others so that their sum stays:
    /// `[2 · batch, 1280, 1]`.
    seen: TensorData,
    /// The same of the sounds, `[sounds, 1, 1024]`.
    heard: TensorData,
    left_out: LeftOut,
    pictures: usize,
}

impl Batch {
    fn gather(examples: &Examples, chosen: &[usize], strays: usize, dropout: f64, random: &mut StdRng) -> Self {
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
                let known = pairs.iter().map(|other| {
                    let alike = other.sounding.is_some_and(|sort| picture.in_view.contains(&sort));
                    alike || picture.index == other.index
                });
                known.chain(std::iter::repeat_n(false, count))
            })
            .collect();
        let batch = pairs.len();
        let mut kept = |count: usize| -> Vec<f32> {
            let kept = 1.0 / (1.0 - dropout) as f32;
            (0..count)
                .map(|_| if random.random_bool(dropout) { 0.0 } else { kept })
                .collect()
        };
        let seen = kept(2 * batch * efficient_net::FEATURES);
        let heard = kept(sounds.len() * yam_net::FEATURES);
        let transform: Vec<f32> = pairs.iter().flat_map(|pair| pair.transform.iter().copied()).collect();
        let valid: Vec<f32> = pairs.iter().flat_map(|pair| pair.valid.iter().copied()).collect();
        Self {
            features: TensorData::new(features, [2 * batch, efficient_net::FEATURES, cells]),
            bridged: TensorData::new(bridged, [2 * batch, channels, cells]),
            transform: TensorData::new(transform, [batch, cells, cells]),
            valid: TensorData::new(valid, [batch, cells]),
            sound_features: TensorData::new(sound_features, [sounds.len(), patches, yam_net::FEATURES]),
            sound_classes: TensorData::new(sound_classes, [sounds.len(), patches, yam_net::CLASSES]),
            present: TensorData::new(present, [sounds.len(), patches]),
            seen: TensorData::new(seen, [2 * batch, efficient_net::FEATURES, 1]),
            heard: TensorData::new(heard, [sounds.len(), 1, yam_net::FEATURES]),
            left_out: LeftOut(left_out),
            pictures: batch,
        }
    }

    /// Heatmaps of all views, then of all transformed views, with every sound, `[2 · batch, sounds, cells]`.
    fn maps(&self, projection: &Projection, device: &Device) -> Tensor<3> {
        let tensor = |data: &TensorData| Tensor::<3>::from_data(data.clone(), device);
        let features = tensor(&self.features);
        let weights = affinity::weights(features.clone());
        let vision = projection.see(features * tensor(&self.seen), tensor(&self.bridged), weights);
        let present = Tensor::<2>::from_data(self.present.clone(), device);
        let features = tensor(&self.sound_features) * tensor(&self.heard);
        heatmaps(vision, projection.hear(features, tensor(&self.sound_classes), present))
    }

    fn contrast(&self, plan: &Plan) -> Contrast {
        Contrast {
            temperature: plan.temperature,
            published: false,
        }
    }

    /// The contrast, mean of both views, and the equivariance between them.
    fn losses(&self, projection: &Projection, plan: &Plan, device: &Device) -> Losses {
        let batch = self.pictures;
        let maps = self.maps(projection, device);
        let [_, count, cells] = maps.dims();
        let original = maps.clone().slice([0..batch, 0..count, 0..cells]);
        let transformed = maps.slice([batch..2 * batch, 0..count, 0..cells]);
        let follows = equivariance(
            own_maps(original.clone()),
            own_maps(transformed.clone()),
            Tensor::from_data(self.transform.clone(), device),
            Tensor::from_data(self.valid.clone(), device),
        );
        let contrast = self.contrast(plan);
        let contrasts = contrast.loss(original, &self.left_out) + contrast.loss(transformed, &self.left_out);
        Losses {
            contrast: contrasts.mul_scalar(0.5),
            equivariance: follows,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::super::metrics::Line;
    use super::super::record::{Beginning, Start};
    use super::super::training::{Ending, Outcome, Run, train};
    use super::*;
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
                sounding: Some(sort as u32),
                index,
            });
        }
        Examples {
            pairs,
            strays: vec![SoundFeatures(vec![vec![0.0; SOUND_VALUES]])],
            channels: bridge.channels,
            cells,
        }
    }

    fn plan(epochs: usize) -> Plan {
        Plan {
            epochs,
            batch: 8,
            rate: 3e-2,
            temperature: 0.1,
            dropout: 0.1,
            validation: 0.25,
            average: 0.9,
            accumulate: 2,
            seed: 5,
            ..Plan::default()
        }
    }

    fn carry_out(examples: &Examples, bridge: &Bridge, plan: &Plan, folder: &Path, stop: bool) -> Outcome {
        let run = Run {
            plan,
            beginning: &Beginning::default(),
            folder,
            device: &Device::flex(),
            stop: &AtomicBool::new(stop),
            save_every: Duration::MAX,
        };
        train(&Edge::new(bridge, examples, plan), &run).unwrap()
    }

    fn contrasts(folder: &Path) -> Vec<f64> {
        let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
        text.lines()
            .filter_map(|line| match serde_json::from_str(line).unwrap() {
                Line::Batch { contrast, .. } => Some(contrast),
                Line::Epoch { .. } => None,
            })
            .collect()
    }

    #[test]
    fn pairs_teach_what_the_bridge_does_not_know() {
        let bridge = Bridge::committed().unwrap();
        let examples = examples(&bridge, 44);
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            accumulate: 1,
            ..plan(12)
        };
        let outcome = carry_out(&examples, &bridge, &plan, folder.path(), false);
        let curve = contrasts(folder.path());
        assert_eq!((outcome.ending, curve.len()), (Ending::Finished, 12 * 4));
        assert!(curve[curve.len() - 1] < 0.7 * curve[0], "{curve:?}");
        assert!(outcome.best.unwrap().1 < 0.8 * curve[0], "{:?}", outcome.best);
        let page = std::fs::read_to_string(folder.path().join("curves.html")).unwrap();
        assert!(page.contains("<svg") && page.contains("Equivariance"));
    }

    #[test]
    fn a_run_that_is_stopped_at_every_step_ends_as_one_that_is_not() {
        let bridge = Bridge::committed().unwrap();
        let examples = examples(&bridge, 54);
        let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let plan = plan(3);
        let expected = carry_out(&examples, &bridge, &plan, whole.path(), false);
        let mut stops = 0;
        let outcome = loop {
            let outcome = carry_out(&examples, &bridge, &plan, broken.path(), true);
            if outcome.ending == Ending::Finished {
                break outcome;
            }
            stops += 1;
        };
        assert_eq!(stops, 3 * 3, "41 trained pairs in batches of 8, two to a step");
        assert!(outcome == expected, "{:?} against {:?}", outcome.best, expected.best);
        assert_eq!(contrasts(broken.path()), contrasts(whole.path()));
        let again = carry_out(&Examples::none(bridge.channels), &bridge, &plan, whole.path(), false);
        assert!(again == expected, "what has ended is read again, without examples");
    }

    #[test]
    fn a_run_ends_early_when_nothing_becomes_better() {
        let bridge = Bridge::committed().unwrap();
        let examples = examples(&bridge, 44);
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            rate: 0.0,
            patience: 2,
            ..plan(12)
        };
        let outcome = carry_out(&examples, &bridge, &plan, folder.path(), false);
        assert_eq!((outcome.ending, outcome.epochs), (Ending::Early, 3));
        let other = Plan {
            seed: 6,
            ..plan.clone()
        };
        let run = Run {
            plan: &other,
            beginning: &Beginning::default(),
            folder: folder.path(),
            device: &Device::flex(),
            stop: &AtomicBool::new(false),
            save_every: Duration::MAX,
        };
        let error = train(&Edge::new(&bridge, &examples, &other), &run).unwrap_err();
        assert!(error.to_string().contains("differs in seed"), "{error}");
        let foreign = Beginning {
            start: Start([("backbone".to_owned(), "sum".to_owned())].into()),
            ..Beginning::default()
        };
        let run = Run {
            plan: &plan,
            beginning: &foreign,
            ..run
        };
        let error = train(&Edge::new(&bridge, &examples, &plan), &run).unwrap_err();
        assert!(error.to_string().contains("backbone"), "{error}");
        let few = Plan {
            batch: 64,
            ..plan.clone()
        };
        let run = Run {
            plan: &few,
            beginning: &Beginning::default(),
            folder: &folder.path().join("few"),
            ..run
        };
        let error = train(&Edge::new(&bridge, &examples, &few), &run).unwrap_err();
        assert!(error.to_string().contains("smaller --batch"), "{error}");
    }
}
