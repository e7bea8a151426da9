//! `paper` learns: both encoders, all the way from pictures and spectrograms.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use super::learner::{Batches, Learner, Losses, Validation};
use super::mixing::Partners;
use super::plan::Plan;
use crate::dataset::Profile;
use crate::dataset::loader::{Loader, Mixing, Mixings, PaperBatch};
use crate::model::named::{self, NamedTensor};
use crate::model::paper::PaperNetworks;
use crate::objective::equivariance::equivariance;
use crate::objective::trimap::{Contrast, LeftOut, heatmaps, own_first, own_maps};

/// Both encoders with the pairs they learn from.
pub struct Paper<'a> {
    /// Of the pairs that are trained on.
    pub training: Loader,
    /// Of the pairs that are held out, where there are enough for a batch.
    pub validation: Option<Loader>,
    /// Parameters to begin with instead of random ones.
    pub start: BTreeMap<String, NamedTensor>,
    /// How to train.
    pub plan: &'a Plan,
}

impl Paper<'_> {
    fn contrast(&self) -> Contrast {
        Contrast {
            temperature: self.plan.temperature,
            published: self.plan.profile == Profile::Paper,
        }
    }

    /// Which sounds are known to be no negatives of which pictures.
    fn left_out(&self, batch: &PaperBatch) -> LeftOut {
        let pairs = || batch.indices.iter().zip(&batch.sorts);
        let rows = batch.indices.iter().zip(&batch.in_view).flat_map(|(own, in_view)| {
            pairs()
                .map(move |(other, sort)| own == other || sort.is_some_and(|sort| in_view.binary_search(&sort).is_ok()))
        });
        LeftOut(rows.collect())
    }
}

impl Learner for Paper<'_> {
    type Network = PaperNetworks;
    type Batch = PaperBatch;

    fn start(&self, device: &Device) -> anyhow::Result<PaperNetworks> {
        let networks = PaperNetworks::new(self.plan.width, self.plan.precision, device);
        let mut tensors = networks.random_weights(self.plan.seed);
        tensors.extend(self.start.clone());
        Ok(named::write(networks, &tensors)?)
    }

    fn relative_rate(&self, parameter: &str) -> Option<f64> {
        (!parameter.contains("running_")).then_some(1.0)
    }

    fn batches_in_epoch(&self) -> usize {
        self.training.batches()
    }

    fn batches(&self, epoch: usize, from: usize, partners: &Partners) -> anyhow::Result<Batches<'_, PaperBatch>> {
        let alpha = partners.alpha as f32;
        let mixings: Mixings = partners
            .of
            .iter()
            .map(|&(index, partner)| (index, Mixing { partner, alpha }))
            .collect();
        let batches = self.training.training(epoch as u64, from, mixings);
        Ok(Box::new(batches.map(|batch| Ok(batch?))))
    }

    fn losses(&self, network: &PaperNetworks, batch: &PaperBatch, device: &Device) -> Losses {
        let count = batch.len();
        let left_out = self.left_out(batch);
        let sound = network.hear(spectrograms(batch, device));
        let views = [
            (&batch.pictures, batch.side),
            (&batch.transformed, batch.transformed_side),
        ]
        .map(|(pictures, side)| {
            heatmaps(
                flat(network.see(pictures_of(pictures, count, side, device))),
                sound.clone(),
            )
        });
        let contrasts = views.clone().map(|maps| self.contrast().loss(maps, &left_out));
        let [own, own_transformed] = views.map(own_maps);
        let ([_, cells], [_, moved]) = (own.dims(), own_transformed.dims());
        let transform = Tensor::from_data(TensorData::new(batch.transforms.clone(), [count, moved, cells]), device);
        let valid = Tensor::from_data(TensorData::new(batch.valid.clone(), [count, moved]), device);
        let [view, transformed] = contrasts;
        Losses {
            contrast: (view + transformed).mul_scalar(0.5),
            equivariance: equivariance(own, own_transformed, transform, valid),
        }
    }

    fn validate(&self, network: &PaperNetworks, device: &Device) -> anyhow::Result<Option<Validation>> {
        let Some(validation) = &self.validation else {
            return Ok(None);
        };
        let (mut contrast, mut own, mut pairs) = (0.0, 0.0, 0);
        for batch in validation.evaluation() {
            let batch = batch?;
            // The rest that fills no batch would have fewer others to be told from.
            if batch.len() < self.plan.batch {
                continue;
            }
            let left_out = self.left_out(&batch);
            let vision = network.see(pictures_of(&batch.pictures, batch.len(), batch.side, device));
            let maps = heatmaps(flat(vision), network.hear(spectrograms(&batch, device)));
            let loss: f32 = self.contrast().loss(maps.clone(), &left_out).into_scalar();
            contrast += f64::from(loss) * batch.len() as f64;
            own += own_first(maps, &left_out) * batch.len() as f64;
            pairs += batch.len();
        }
        Ok((pairs > 0).then(|| Validation {
            contrast: contrast / pairs as f64,
            own_sound_first: own / pairs as f64,
            pairs,
        }))
    }

    fn embeddings(&self, network: &PaperNetworks, device: &Device) -> anyhow::Result<Vec<Vec<f32>>> {
        let nothing = vec![0.0; self.plan.width * 8];
        let mut embeddings = vec![nothing; self.training.source().len()];
        for batch in self.training.evaluation() {
            let batch = batch?;
            let sounds = network.hear(spectrograms(&batch, device));
            let [_, channels] = sounds.dims();
            let values: Vec<f32> = sounds.into_data().convert::<f32>().try_to_vec().unwrap_or_default();
            for (&index, embedding) in batch.indices.iter().zip(values.chunks(channels)) {
                if let Some(place) = embeddings.get_mut(index) {
                    *place = embedding.to_vec();
                }
            }
        }
        Ok(embeddings)
    }
}

fn pictures_of(values: &[f32], count: usize, side: usize, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values.to_vec(), [count, 3, side, side]), device)
}

fn spectrograms(batch: &PaperBatch, device: &Device) -> Tensor<4> {
    let bands = batch.spectrograms.len() / (batch.len() * batch.frames).max(1);
    let shape = [batch.len(), 1, bands, batch.frames];
    Tensor::from_data(TensorData::new(batch.spectrograms.clone(), shape), device)
}

/// `[batch, channels, height, width]` → `[batch, channels, cells]`.
fn flat(maps: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = maps.dims();
    maps.reshape([batch, channels, height * width])
}
