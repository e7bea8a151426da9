//! The networks by themselves, against tract and against what the processor could do at best.

use std::time::Instant;

use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::{Backend, Encoder, TRACT};
use lookhear::perception::network::machine::{bytes_per_second, integer_operations_per_second, operations_per_second};
use lookhear::perception::network::program::Work;
use lookhear::perception::network::workers::Workers;
use serde::Serialize;

use super::threads::on_a_thread;
use super::times::{Times, milliseconds};

/// What the processor could do at best.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Machine {
    threads: usize,
    /// Multiplications with an addition each.
    operations_per_second: f64,
    /// The same of bytes; none where the processor has no instructions for them.
    integer_operations_per_second: Option<f64>,
    /// Read from memory.
    bytes_per_second: f64,
}

impl Machine {
    /// Measures it; takes about a second.
    pub fn measure(threads: usize) -> anyhow::Result<Self> {
        on_a_thread(|| {
            let workers = Workers::new(threads)?;
            Ok(Self {
                threads,
                operations_per_second: operations_per_second(&workers),
                integer_operations_per_second: integer_operations_per_second(&workers),
                bytes_per_second: bytes_per_second(&workers),
            })
        })
    }

    /// How long the multiplications of a step would take at best, in milliseconds.
    fn floor(&self, work: &Work) -> f64 {
        let rate = match self.integer_operations_per_second {
            Some(rate) if work.is_integer() => rate,
            _ => self.operations_per_second,
        };
        work.operations() as f64 / rate * 1000.0
    }
}

/// One network.
#[derive(Debug, Serialize)]
pub struct NetworkTimes {
    name: String,
    operations: usize,
    weight_bytes: usize,
    /// How long the operations would take at best, in milliseconds. Where fewer multiplications do the same (Winograd), those.
    operations_floor: f64,
    /// How long it would take at best to read the weights once from memory, in milliseconds.
    bytes_floor: f64,
    /// On a GPU: the operators without a kernel there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_on_processor: Vec<String>,
    /// The operators of `lookhear`, or what the backend makes of the network.
    ours: Times,
    /// tract alone, on one thread.
    tract: Times,
    /// Cosine between what the two give for the same input: 1 where they agree, less where the backend rounds more.
    cosine: f64,
    /// Ours, step by step.
    steps: Vec<StepTimes>,
}

#[derive(Debug, Serialize)]
struct StepTimes {
    name: String,
    work: &'static str,
    operations: usize,
    /// How long those would take at best, in milliseconds.
    floor: f64,
    /// In milliseconds.
    median: f64,
}

/// The networks of a bundle with the shapes that they take.
pub fn of_bundle(bundle: &Bundle, sound_shape: &[usize]) -> Vec<(&'static str, Vec<u8>, Vec<usize>)> {
    let side = bundle.manifest.picture.side_pixels;
    vec![
        ("vision.onnx", bundle.vision.clone(), vec![1, 3, side, side]),
        ("audio.onnx", bundle.audio.clone(), sound_shape.to_vec()),
    ]
}

/// Times one network.
pub fn measure(
    name: &str,
    onnx: &[u8],
    shape: &[usize],
    backend: &str,
    machine: Machine,
    ticks: u32,
) -> anyhow::Result<NetworkTimes> {
    on_a_thread(|| measure_here(name, onnx, shape, backend, machine, ticks))
}

fn measure_here(
    name: &str,
    onnx: &[u8],
    shape: &[usize],
    backend: &str,
    machine: Machine,
    ticks: u32,
) -> anyhow::Result<NetworkTimes> {
    let mut ours = Encoder::load(name, onnx, shape, &Backend::new(backend, machine.threads)?)?;
    let mut tract = Encoder::load(name, onnx, shape, &Backend::new(TRACT, 1)?)?;
    let count: usize = shape.iter().product();
    let input: Vec<f32> = (0..count)
        .map(|index| (index * 31 % 251) as f32 / 125.0 - 1.0)
        .collect();
    let step_count = ours.program().map_or(0, |program| program.steps().len());
    let mut our_times = Times::recorder(ticks);
    let mut step_times: Vec<_> = (0..step_count).map(|_| Times::recorder(ticks)).collect();
    for tick in 0..=ticks {
        let start = Instant::now();
        let mut before = start;
        let mut steps = Vec::with_capacity(step_count);
        ours.run_watched(&input, |_| {
            let now = Instant::now();
            steps.push(milliseconds(now - before));
            before = now;
        })?;
        // The first tick warms up.
        if tick > 0 {
            our_times.push(milliseconds(start.elapsed()));
            step_times
                .iter_mut()
                .zip(steps)
                .for_each(|(times, step)| times.push(step));
        }
    }
    let tract_times = Times::of(ticks.div_ceil(3), || Ok(tract.run(&input).map(|_| ())?))?;
    let cosine = cosine(ours.run(&input)?, tract.run(&input)?);
    let steps: Vec<StepTimes> = ours
        .program()
        .map(|program| program.steps())
        .unwrap_or_default()
        .iter()
        .zip(step_times)
        .map(|(step, times)| StepTimes {
            name: step.name.clone(),
            work: step.work.name(),
            operations: step.work.operations(),
            floor: machine.floor(&step.work),
            median: times.finish().median,
        })
        .collect();
    let operations = steps.iter().map(|step| step.operations).sum();
    let weight_bytes = ours.program().map_or(0, |program| program.weight_bytes());
    Ok(NetworkTimes {
        name: name.to_owned(),
        operations,
        weight_bytes,
        operations_floor: steps.iter().map(|step| step.floor).sum(),
        bytes_floor: weight_bytes as f64 / machine.bytes_per_second * 1000.0,
        left_on_processor: ours.left_on_processor(),
        ours: our_times.finish(),
        tract: tract_times,
        cosine,
        steps,
    })
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let dot = |one: &[f32], other: &[f32]| -> f64 {
        let products = one.iter().zip(other);
        products.map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
    };
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}
