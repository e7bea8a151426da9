//! The steps of a network in the order in which they are done, and the memory that they share.

use super::blocked::Shape;
use super::dense::Dense;
use super::depthwise::Depthwise;
use super::integer::dense::IntegerDense;
use super::integer::depthwise::IntegerDepthwise;
use super::integer::quantise::{Quantise, Scale};
use super::integer::reach::Reach;
use super::integer::tile::Output;
use super::lanes::Bounds;
use super::map::Map;
use super::max_pool::MaxPool;
use super::planar::to_planar;
use super::product::Product;
use super::winograd::Winograd;
use super::workers::Workers;

/// Where a step finds what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// What the program is given, planar.
    Input,
    /// What the step of this number gives.
    Step(usize),
    /// A value that is always the same, planar, by its number.
    Constant(usize),
}

impl Place {
    /// The step that gives it.
    pub fn step(self) -> Option<usize> {
        match self {
            Self::Step(step) => Some(step),
            Self::Input | Self::Constant(_) => None,
        }
    }
}

/// How the output of a step lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In blocks.
    Blocked(Shape),
    /// As so many values in a row.
    Planar(usize),
    /// As so many bytes of a scale of their own.
    Bytes(usize),
}

impl Form {
    /// Values of 32 bits that it takes the memory of.
    pub fn values(&self) -> usize {
        match self {
            Self::Blocked(shape) => shape.blocked_len(),
            Self::Planar(len) => *len,
            Self::Bytes(bytes) => bytes.div_ceil(size_of::<f32>()),
        }
    }
}

/// What a step does.
#[derive(Debug)]
pub enum Work {
    /// A convolution, and the place of what is added to it.
    Dense(Dense, Option<Place>),
    /// The same by fewer multiplications.
    Winograd(Winograd, Option<Place>),
    /// A depthwise convolution.
    Depthwise(Depthwise),
    /// A convolution of bytes, and the place of what is added to it.
    IntegerDense(IntegerDense, Option<Place>),
    /// A depthwise convolution of bytes.
    IntegerDepthwise(IntegerDepthwise),
    /// Brings values into bytes.
    Quantise(Quantise),
    /// A pooling.
    MaxPool(MaxPool),
    /// A product with a second matrix.
    Product(Product, Place),
    /// An operation on planar values, and the place of the second where it takes two.
    Map(Map, Option<Place>),
    /// Brings blocks into planes.
    ToPlanar(Shape),
}

impl Work {
    /// How its output lies.
    pub fn output(&self) -> Form {
        let stored = |shape: Shape, scale: Option<Scale>| match scale {
            Some(_) => Form::Bytes(shape.blocked_len()),
            None => Form::Blocked(shape),
        };
        match self {
            Self::Dense(dense, _) => Form::Blocked(dense.output()),
            Self::Winograd(winograd, _) => Form::Blocked(winograd.output()),
            Self::Depthwise(depthwise) => Form::Blocked(depthwise.output()),
            Self::IntegerDense(dense, _) => stored(dense.output(), dense.stored()),
            Self::IntegerDepthwise(depthwise) => stored(depthwise.output(), depthwise.stored()),
            Self::Quantise(quantise) => Form::Bytes(quantise.output_len()),
            Self::MaxPool(pool) => Form::Blocked(pool.output()),
            Self::Product(product, _) => Form::Blocked(product.output()),
            Self::Map(map, _) => Form::Planar(map.output_len()),
            Self::ToPlanar(shape) => Form::Planar(shape.planar_len()),
        }
    }

    /// Multiplications with an addition each.
    pub fn operations(&self) -> usize {
        match self {
            Self::Dense(dense, _) => dense.operations(),
            Self::Winograd(winograd, _) => winograd.operations(),
            Self::Depthwise(depthwise) => depthwise.operations(),
            Self::IntegerDense(dense, _) => dense.operations(),
            Self::IntegerDepthwise(depthwise) => depthwise.operations(),
            Self::Product(product, _) => product.operations(),
            Self::Quantise(_) | Self::MaxPool(_) | Self::Map(..) | Self::ToPlanar(_) => 0,
        }
    }

    /// Whether those multiply bytes.
    pub fn is_integer(&self) -> bool {
        matches!(self, Self::IntegerDense(..))
    }

    /// Bytes that never change, which it reads in each run.
    pub fn weight_bytes(&self) -> usize {
        let floats = match self {
            Self::Dense(dense, _) => dense.weights(),
            Self::Winograd(winograd, _) => winograd.weights(),
            Self::Depthwise(depthwise) => depthwise.weights(),
            Self::IntegerDense(dense, _) => return dense.weight_bytes(),
            Self::IntegerDepthwise(depthwise) => return depthwise.weight_bytes(),
            Self::Quantise(_) | Self::MaxPool(_) | Self::Product(..) | Self::Map(..) | Self::ToPlanar(_) => 0,
        };
        floats * size_of::<f32>()
    }

    /// In one word, for a table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dense(..) => "dense",
            Self::Winograd(..) => "winograd",
            Self::Depthwise(_) => "depthwise",
            Self::IntegerDense(..) => "dense, int8",
            Self::IntegerDepthwise(_) => "depthwise, int8",
            Self::Quantise(_) => "to bytes",
            Self::MaxPool(_) => "max pool",
            Self::Product(..) => "product",
            Self::Map(..) => "map",
            Self::ToPlanar(_) => "to planes",
        }
    }

    /// The bounds of what it stores, where it has any.
    pub fn bounds_mut(&mut self) -> Option<&mut Bounds> {
        match self {
            Self::Dense(dense, _) => Some(dense.bounds_mut()),
            Self::Winograd(winograd, _) => Some(winograd.bounds_mut()),
            Self::Depthwise(depthwise) => Some(depthwise.bounds_mut()),
            _ => None,
        }
    }

    /// The scale of the bytes that it stores, where it always is the same.
    fn scale(&self) -> Option<Scale> {
        match self {
            Self::IntegerDense(dense, _) => dense.stored(),
            Self::IntegerDepthwise(depthwise) => depthwise.stored(),
            _ => None,
        }
    }

    fn scratch_len(&self) -> usize {
        match self {
            Self::Dense(dense, _) => dense.scratch_len(),
            Self::Winograd(winograd, _) => winograd.scratch_len(),
            Self::IntegerDense(dense, _) => dense.scratch_bytes().div_ceil(size_of::<f32>()),
            Self::Product(product, _) => product.scratch_len(),
            _ => 0,
        }
    }
}

/// One step.
#[derive(Debug)]
pub struct Step {
    /// As in the network's file.
    pub name: String,
    /// What it takes.
    pub input: Place,
    /// What it does with it.
    pub work: Work,
}

impl Step {
    /// All that it takes.
    pub fn inputs(&self) -> impl Iterator<Item = Place> + use<> {
        std::iter::once(self.input).chain(self.other())
    }

    /// The second of two that it takes.
    pub fn other(&self) -> Option<Place> {
        match &self.work {
            Work::Dense(_, other) | Work::Winograd(_, other) | Work::IntegerDense(_, other) | Work::Map(_, other) => {
                *other
            }
            Work::Product(_, other) => Some(*other),
            Work::Depthwise(_)
            | Work::IntegerDepthwise(_)
            | Work::Quantise(_)
            | Work::MaxPool(_)
            | Work::ToPlanar(_) => None,
        }
    }

    /// Takes what it takes from steps of new numbers, given by the old.
    pub fn move_inputs(&mut self, moved: &[usize]) {
        let move_place = |place: &mut Place| {
            if let Place::Step(step) = place {
                *step = moved[*step];
            }
        };
        move_place(&mut self.input);
        match &mut self.work {
            Work::Dense(_, Some(other))
            | Work::Winograd(_, Some(other))
            | Work::IntegerDense(_, Some(other))
            | Work::Map(_, Some(other))
            | Work::Product(_, other) => move_place(other),
            _ => {}
        }
    }
}

/// A network, or the first part of one. It does not change, and many cameras may share it: each has a [`Memory`] of its own.
#[derive(Debug)]
pub struct Program {
    steps: Vec<Step>,
    constants: Vec<Vec<f32>>,
    /// For each step, in which buffer its output lies.
    buffers: Vec<usize>,
    buffer_lens: Vec<usize>,
    scratch_len: usize,
    /// Steps whose outputs the program gives.
    outputs: Vec<usize>,
}

impl Program {
    /// Puts steps together; each may take only what earlier ones give. `outputs` are the steps whose outputs are wanted.
    pub fn new(steps: Vec<Step>, constants: Vec<Vec<f32>>, outputs: Vec<usize>) -> Self {
        let mut last_use: Vec<usize> = (0..steps.len()).collect();
        for (index, step) in steps.iter().enumerate() {
            for place in step.inputs() {
                if let Place::Step(earlier) = place {
                    last_use[earlier] = index;
                }
            }
        }
        for output in &outputs {
            last_use[*output] = usize::MAX;
        }
        let (mut buffers, mut buffer_lens) = (Vec::with_capacity(steps.len()), Vec::<usize>::new());
        // The step whose output holds a buffer, by buffer.
        let mut holders = Vec::<usize>::new();
        for (index, step) in steps.iter().enumerate() {
            let wanted = step.work.output().values();
            let free = (0..holders.len()).filter(|buffer| last_use[holders[*buffer]] < index);
            // The one that needs to grow least, and of those that need not the smallest.
            let best = free.min_by_key(|buffer| (wanted.saturating_sub(buffer_lens[*buffer]), buffer_lens[*buffer]));
            let buffer = best.unwrap_or_else(|| {
                holders.push(index);
                buffer_lens.push(0);
                holders.len() - 1
            });
            holders[buffer] = index;
            buffer_lens[buffer] = buffer_lens[buffer].max(wanted);
            buffers.push(buffer);
        }
        let scratch_len = steps.iter().map(|step| step.work.scratch_len()).max().unwrap_or(0);
        Self {
            steps,
            constants,
            buffers,
            buffer_lens,
            scratch_len,
            outputs,
        }
    }

    /// What it does, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What a run reads of weights.
    pub fn weight_bytes(&self) -> usize {
        self.steps.iter().map(|step| step.work.weight_bytes()).sum()
    }

    /// Memory for one camera.
    pub fn memory(&self) -> Memory {
        Memory {
            buffers: self.buffer_lens.iter().map(|len| vec![0.0; *len]).collect(),
            scratch: vec![0.0; self.scratch_len],
            scales: self
                .steps
                .iter()
                .map(|step| step.work.scale().unwrap_or(Scale::up_to(1.0)))
                .collect(),
            reaches: vec![None; self.steps.len()],
        }
    }

    /// Does every step on a planar input. `seen` is told the number of each step when it is done.
    ///
    /// # Panics
    /// When the input is shorter than the first step's shape, or the memory is another program's.
    pub fn run(&self, input: &[f32], memory: &mut Memory, workers: &Workers, mut seen: impl FnMut(usize) + Send) {
        workers.within(|| {
            for (index, step) in self.steps.iter().enumerate() {
                let mut output = std::mem::take(&mut memory.buffers[self.buffers[index]]);
                let Memory {
                    buffers,
                    scratch,
                    scales,
                    reaches,
                } = memory;
                let reach = step.input.step().and_then(|input| reaches[input]);
                let at = |place: Place| -> &[f32] {
                    match place {
                        Place::Input => input,
                        Place::Step(earlier) => &buffers[self.buffers[earlier]],
                        Place::Constant(number) => &self.constants[number],
                    }
                };
                let from = at(step.input);
                let bytes_from = || bytemuck::cast_slice::<f32, u8>(from);
                match &step.work {
                    Work::Dense(dense, residual) => {
                        dense.run(from, residual.map(at), &mut output, scratch, workers);
                    }
                    Work::Winograd(winograd, residual) => {
                        winograd.run(from, residual.map(at), &mut output, scratch, workers);
                    }
                    Work::Depthwise(depthwise) => depthwise.run(from, &mut output, workers),
                    Work::IntegerDense(dense, residual) => {
                        let scale = scales[step.input.step().unwrap_or(index)];
                        let output = store(&mut output, dense.stored());
                        let scratch = bytemuck::cast_slice_mut(scratch);
                        reaches[index] =
                            Some(dense.run(bytes_from(), scale, residual.map(at), output, scratch, workers));
                    }
                    Work::IntegerDepthwise(depthwise) => {
                        depthwise.run(bytes_from(), store(&mut output, depthwise.stored()), workers);
                    }
                    Work::Quantise(quantise) => {
                        scales[index] = quantise.run(from, reach, bytemuck::cast_slice_mut(&mut output), workers);
                    }
                    Work::MaxPool(pool) => {
                        pool.run(from, &mut output, workers);
                        // It reaches no farther than what it is made of.
                        reaches[index] = reach;
                    }
                    Work::Product(product, right) => product.run(from, at(*right), &mut output, scratch, workers),
                    Work::Map(map, other) => map.run(from, other.map_or(&[], at), &mut output),
                    Work::ToPlanar(shape) => to_planar(from, *shape, &mut output, workers),
                }
                memory.buffers[self.buffers[index]] = output;
                seen(index);
            }
        });
    }

    /// Copies the output of the given number out of the memory after a run, row-major.
    ///
    /// # Panics
    /// When there is no output of this number, or `planar` is shorter than it.
    pub fn output(&self, number: usize, memory: &Memory, planar: &mut [f32]) {
        let step = self.outputs[number];
        let values = &memory.buffers[self.buffers[step]];
        match self.steps[step].work.output() {
            Form::Blocked(shape) => to_planar(values, shape, planar, &Workers::default()),
            Form::Planar(len) => planar[..len].copy_from_slice(&values[..len]),
            Form::Bytes(_) => unreachable!("bytes are given to steps alone"),
        }
    }
}

/// A buffer as a step stores into it.
fn store(buffer: &mut [f32], scale: Option<Scale>) -> Output<'_> {
    match scale {
        Some(_) => Output::Bytes(bytemuck::cast_slice_mut(buffer)),
        None => Output::Floats(buffer),
    }
}

/// What a [`Program`] writes while it runs.
#[derive(Debug)]
pub struct Memory {
    buffers: Vec<Vec<f32>>,
    scratch: Vec<f32>,
    /// Of the bytes that each step stores, where it does.
    scales: Vec<Scale>,
    /// Of the values that each step stores, where that is known.
    reaches: Vec<Option<Reach>>,
}
