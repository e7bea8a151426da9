//! Adam, with its state by the name of the parameter, so that a run goes on to the bit in another process.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer as _, decay::WeightDecayConfig};
use burn::tensor::{Device, Tensor, TensorData};

use super::gradients::{Flat, change};
use crate::model::named::NamedTensor;

/// Adam as PyTorch has it, weight decay coupled (added to the gradient).
#[derive(Clone)]
pub struct Optimizer {
    adam: Adam,
    states: BTreeMap<String, AdamState<1>>,
}

/// Names of the two moments in a checkpoint, before the name of the parameter.
const MOMENTS: [&str; 2] = ["first_moment.", "second_moment."];

impl Optimizer {
    /// Nothing learned yet. `weight_decay` is the factor of L2, `epsilon` what keeps small gradients from large steps.
    pub fn new(weight_decay: f64, epsilon: f64) -> Self {
        let decay = (weight_decay > 0.0).then(|| WeightDecayConfig::new(weight_decay as f32));
        Self {
            adam: AdamConfig::new()
                .with_epsilon(epsilon as f32)
                .with_weight_decay(decay)
                .build(),
            states: BTreeMap::new(),
        }
    }

    /// One step: each parameter that has a gradient and a rate moves.
    pub fn step<M: Module>(&mut self, network: M, mut gradients: Flat, rate: impl Fn(&str) -> Option<f64>) -> M {
        change(network, |name, value| {
            let gradient = gradients.remove(name)?;
            let (value, state) = self.adam.step(rate(name)?, value, gradient, self.states.remove(name));
            if let Some(state) = state {
                self.states.insert(name.to_owned(), state);
            }
            Some(value)
        })
    }

    /// Steps taken so far, and both moments of every parameter that has moved.
    pub fn state(&self) -> (usize, BTreeMap<String, NamedTensor>) {
        let steps = self.states.values().map(|state| state.momentum.time).max().unwrap_or(0);
        let mut tensors = BTreeMap::new();
        for (name, AdamState { momentum }) in &self.states {
            for (prefix, moment) in MOMENTS.into_iter().zip([&momentum.moment_1, &momentum.moment_2]) {
                tensors.insert(format!("{prefix}{name}"), named(moment));
            }
        }
        (steps, tensors)
    }

    /// Goes on from a [`state`](Self::state).
    pub fn restore(&mut self, steps: usize, tensors: &BTreeMap<String, NamedTensor>, device: &Device) {
        let [first, second] = MOMENTS;
        self.states = tensors
            .iter()
            .filter_map(|(key, moment)| {
                let name = key.strip_prefix(first)?;
                let other = tensors.get(&format!("{second}{name}"))?;
                let state = AdaptiveMomentumState::new(steps, tensor(moment, device), tensor(other, device));
                Some((name.to_owned(), AdamState::new(state)))
            })
            .collect();
    }
}

impl std::fmt::Debug for Optimizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Adam over {} parameters", self.states.len())
    }
}

/// A flat tensor on the host.
pub fn named(tensor: &Tensor<1>) -> NamedTensor {
    let values: Vec<f32> = tensor.to_data().convert::<f32>().try_to_vec().unwrap_or_default();
    NamedTensor {
        shape: vec![values.len()],
        values,
    }
}

/// A tensor of the host, flat on a device.
pub fn tensor(named: &NamedTensor, device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(named.values.clone(), [named.values.len()]), device)
}
