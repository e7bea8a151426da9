//! The exponential moving average of a network's parameters, which is validated and exported instead of the last step's.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::Device;

use super::gradients::{Flat, change, parameters};
use super::optimizer::{named, tensor};
use crate::model::named::NamedTensor;

/// The average so far.
#[derive(Debug, Clone)]
pub struct Average {
    decay: f64,
    values: Flat,
}

impl Average {
    /// Starts at the network itself; `decay` in 0..1 is what a step keeps of the average.
    pub fn new<M: Module>(network: &M, decay: f64) -> Self {
        Self {
            decay,
            values: parameters(network),
        }
    }

    /// Follows the network by one step. `step` counts from 1: an early average is of few steps and follows faster.
    pub fn follow<M: Module>(&mut self, network: &M, step: usize) {
        let kept = self.decay.min((1.0 + step as f64) / (10.0 + step as f64));
        for (name, value) in parameters(network) {
            if let Some(average) = self.values.remove(&name) {
                let moved = average.mul_scalar(kept) + value.mul_scalar(1.0 - kept);
                self.values.insert(name, moved);
            }
        }
    }

    /// The network with the averages for its parameters.
    pub fn put_into<M: Module>(&self, network: M) -> M {
        change(network, |name, _| self.values.get(name).cloned())
    }

    /// The averages on the host.
    pub fn state(&self) -> BTreeMap<String, NamedTensor> {
        self.values
            .iter()
            .map(|(name, value)| (name.clone(), named(value)))
            .collect()
    }

    /// Goes on from a [`state`](Self::state).
    pub fn restore(decay: f64, state: &BTreeMap<String, NamedTensor>, device: &Device) -> Self {
        let values = state
            .iter()
            .map(|(name, value)| (name.clone(), tensor(value, device)))
            .collect();
        Self { decay, values }
    }
}
