//! What the training loop asks of an architecture.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::mixing::Partners;

/// The two terms of the objective, each one number with its graph behind it.
#[derive(Debug)]
pub struct Losses {
    /// The tri-map contrast, mean of both views.
    pub contrast: Tensor<1>,
    /// The equivariance term, without its weight.
    pub equivariance: Tensor<1>,
}

/// What an evaluation of the held-out part says.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Validation {
    /// The contrast over batches that are not augmented; lower is better.
    pub contrast: f64,
    /// Share of pictures that are more like their own sound than like any other of their batch, 0..1.
    pub own_sound_first: f64,
    /// Pairs.
    pub pairs: usize,
}

/// Batches of an epoch, one after the other.
pub type Batches<'a, Batch> = Box<dyn Iterator<Item = anyhow::Result<Batch>> + 'a>;

/// An architecture with its data.
pub trait Learner {
    /// The part that learns.
    type Network: Module;
    /// What a step takes.
    type Batch;

    /// The network at its start: a function of the plan's seed, the same on every device.
    fn start(&self, device: &Device) -> anyhow::Result<Self::Network>;

    /// Adam's rate for a parameter, over the rate of the schedule; `None` for what does not learn.
    fn relative_rate(&self, parameter: &str) -> Option<f64>;

    /// Batches in an epoch.
    fn batches_in_epoch(&self) -> usize;

    /// The batches of an epoch, counted from 1, from the `from`th on: the same as those of the whole epoch.
    fn batches(&self, epoch: usize, from: usize, partners: &Partners) -> anyhow::Result<Batches<'_, Self::Batch>>;

    /// The losses of a batch, for a network on a device that trains.
    fn losses(&self, network: &Self::Network, batch: &Self::Batch, device: &Device) -> Losses;

    /// Measures a network, on a device that does not train, on the held-out part; `None` without one.
    fn validate(&self, network: &Self::Network, device: &Device) -> anyhow::Result<Option<Validation>>;

    /// Embeddings of all training sounds, for the mixing of sounds that are near each other.
    fn embeddings(&self, network: &Self::Network, device: &Device) -> anyhow::Result<Vec<Vec<f32>>>;
}
