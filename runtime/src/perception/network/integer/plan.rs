//! Which steps of a program work on bytes.

use std::collections::HashMap;

use super::dense::IntegerDense;
use super::depthwise::IntegerDepthwise;
use super::quantise::{Grain, Quantise};
use super::vectors::GROUP;
use crate::perception::network::blocked::Shape;
use crate::perception::network::dense::Layout;
use crate::perception::network::lanes::Bounds;
use crate::perception::network::program::{Place, Step, Work};
use crate::perception::network::window::{Border, Window};

/// What a convolution was made of.
#[derive(Debug)]
pub struct Original {
    /// Of the input.
    pub shape: Shape,
    /// How the input lies.
    pub layout: Layout,
    /// What a cell sees.
    pub window: Window,
    /// `[outputs, inputs, height, width]`.
    pub weights: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

impl Original {
    /// How bytes lie that it takes; `None` where bytes would not make it faster.
    pub fn grain(&self) -> Option<Grain> {
        match self.layout {
            Layout::Blocked => Some(Grain::Block),
            // With more channels groups of four along the rows would be mostly empty for most windows.
            Layout::Planar if self.shape.channels <= GROUP => Some(Grain::Single),
            Layout::Planar => None,
        }
    }

    fn integer(&self, bounds: Bounds) -> Option<IntegerDense> {
        IntegerDense::new(
            self.shape,
            self.grain()?,
            self.window,
            &self.weights,
            &self.bias,
            bounds,
        )
    }
}

/// Steps in a new order, and where each of the old is among them.
pub struct Plan {
    /// All of them.
    pub steps: Vec<Step>,
    /// By old number.
    pub moved: Vec<usize>,
}

/// Lets convolutions work on bytes whose `originals` are given by the numbers of their steps. `outputs` are the steps whose values
/// are wanted outside.
pub fn plan(steps: Vec<Step>, originals: &HashMap<usize, Original>, outputs: &[usize]) -> Plan {
    let bounds = |step: &Step| match &step.work {
        Work::Dense(dense, _) => dense.bounds(),
        Work::Depthwise(depthwise) => depthwise.bounds(),
        _ => Bounds::NONE,
    };
    // Without bounds the channels of a depthwise convolution differ by orders of magnitude: with one scale for all, the small ones
    // are lost. Embeddings of sound that were understood so had a mean cosine of 0.985 to those of floats, and more were accepted
    // where their source was not in view.
    let is_uneven = |input: Place| match input.step().and_then(|input| steps.get(input)) {
        Some(step) => matches!(step.work, Work::Depthwise(_)) && bounds(step).high.is_infinite(),
        None => false,
    };
    let mut integers: HashMap<usize, IntegerDense> = originals
        .iter()
        .filter(|(index, _)| steps.get(**index).is_some_and(|step| !is_uneven(step.input)))
        .filter_map(|(index, original)| Some((*index, original.integer(bounds(steps.get(*index)?))?)))
        .collect();
    // A few convolutions on bytes among many on floats would cost accuracy and save next to no time.
    let operations = |index: &usize| steps.get(*index).map_or(0, |step| step.work.operations());
    if integers.keys().map(operations).sum::<usize>() < originals.keys().map(operations).sum::<usize>() / 2 {
        integers.clear();
    }
    let takes_bytes = |index: usize, integers: &HashMap<usize, IntegerDense>| {
        integers.contains_key(&index) || matches!(steps[index].work, Work::Depthwise(_))
    };
    // What each step stores as bytes, from zero up to that.
    let mut stored = Vec::<Option<f32>>::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let makes_bytes = match (&step.work, step.input) {
            (Work::Dense(_, None), _) => integers.contains_key(&index),
            (Work::Depthwise(_), Place::Step(input)) => stored[input].is_some(),
            _ => false,
        };
        let this = Place::Step(index);
        let mut takers = steps
            .iter()
            .enumerate()
            .filter(|(_, taker)| taker.inputs().any(|input| input == this));
        let are_bytes_taken = takers.all(|(number, taker)| {
            taker.input == this && taker.other() != Some(this) && takes_bytes(number, &integers)
        });
        let Bounds { low, high } = bounds(step);
        let is_bounded = low == 0.0 && high > 0.0 && (high / 255.0).is_normal();
        let is_hidden = !outputs.contains(&index);
        stored.push((makes_bytes && are_bytes_taken && is_bounded && is_hidden).then_some(high));
    }
    // What has to lie around what is brought into bytes: all that its takers want.
    let mut borders = HashMap::<Place, Border>::new();
    for index in integers.keys() {
        if let (Some(step), Some(original)) = (steps.get(*index), originals.get(index)) {
            let border = borders.entry(step.input).or_default();
            *border = border.with(original.window.border());
        }
    }
    let mut plan = Plan {
        steps: Vec::with_capacity(steps.len()),
        moved: Vec::with_capacity(steps.len()),
    };
    for (index, mut step) in steps.into_iter().enumerate() {
        let bytes = match step.input {
            Place::Step(input) => stored[input],
            _ => None,
        };
        let place = step.input;
        step.move_inputs(&plan.moved);
        step.work = match (step.work, integers.remove(&index), bytes) {
            (Work::Dense(_, residual), Some(dense), taken) => {
                let mut dense = dense;
                if taken.is_none()
                    && let Some(original) = originals.get(&index)
                {
                    let border = borders.get(&place).copied().unwrap_or_default();
                    step.input = plan.quantised(step.input, original, border, &step.name);
                    dense = dense.within(border);
                }
                let dense = match stored[index] {
                    Some(high) => dense.storing(high),
                    None => dense,
                };
                Work::IntegerDense(dense, residual)
            }
            (Work::Depthwise(depthwise), _, Some(high)) => {
                Work::IntegerDepthwise(IntegerDepthwise::new(&depthwise, high, stored[index]))
            }
            (work, ..) => work,
        };
        plan.moved.push(plan.steps.len());
        plan.steps.push(step);
    }
    plan
}

impl Plan {
    /// The step that brings a value into bytes, made where there is none yet.
    fn quantised(&mut self, place: Place, original: &Original, border: Border, taker: &str) -> Place {
        let grain = original.grain().unwrap_or(Grain::Block);
        let quantise = Quantise::new(original.shape, grain, border);
        let is_it =
            |step: &Step| step.input == place && matches!(&step.work, Work::Quantise(other) if *other == quantise);
        let step = self.steps.iter().position(is_it).unwrap_or_else(|| {
            self.steps.push(Step {
                name: format!("{taker} in bytes"),
                input: place,
                work: Work::Quantise(quantise),
            });
            self.steps.len() - 1
        });
        Place::Step(step)
    }
}
