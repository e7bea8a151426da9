//! One network: numbers in, numbers out.

use std::sync::{Arc, Weak};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{ensure, format_err};
use tract_onnx::tract_core::runtime::{Runnable, Runtime, State};

use super::for_gpu::{for_gpu, left_on_processor};
use super::network::program::{Memory, Program};
use super::network::read::read;
use super::network::translate::translate;
use super::network::workers::Workers;
use probe::try_out;

pub use backend::{Backend, CPU, CPU_INT8, GPU_F16_OR_CPU, GPU_OR_CPU, TRACT};

mod backend;
mod probe;

/// What may go wrong with a network.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// The backend is not in this build, or its driver or libraries are missing: choose another.
    #[error("backend `{name}` cannot be used: {cause}; choose `cpu`, or `gpu-or-cpu` to take a GPU where there is one")]
    Backend {
        /// As asked for.
        name: String,
        /// In the backend's words.
        cause: String,
    },
    /// The machine has not so many threads to give: ask for fewer.
    #[error("{threads} threads cannot be started for the networks: {cause}; set fewer `threads`")]
    Threads {
        /// As asked for.
        threads: usize,
        /// In the system's words.
        cause: String,
    },
    /// The network cannot be read or run: the bundle is not for this version.
    #[error("the network `{name}` cannot be {doing}: {cause}; the model bundle may need another version of lookhear")]
    Network {
        /// Of the network inside the bundle.
        name: String,
        /// `read`, `translated`, `prepared` or `run`.
        doing: &'static str,
        /// In tract's words.
        cause: String,
    },
}

/// A network ready to run, with memory of its own. [`sibling`](Self::sibling) gives others of the same network.
#[derive(Debug)]
pub struct Encoder {
    network: Arc<Network>,
    workers: Arc<Workers>,
    memory: Option<Memory>,
    state: Option<Box<dyn State>>,
    output: Vec<f32>,
}

/// A network that encoders share for as long as one of them lives.
#[derive(Debug, Clone)]
pub struct SharedNetwork(Weak<Network>);

impl SharedNetwork {
    /// One more of them, as by [`Encoder::sibling`]; `None` where none is left.
    ///
    /// # Errors
    /// When tract cannot begin it.
    pub fn encoder(&self, backend: &Backend) -> Result<Option<Encoder>, EncoderError> {
        self.0
            .upgrade()
            .map(|network| Encoder::of(network, backend))
            .transpose()
    }
}

/// What siblings share.
#[derive(Debug)]
struct Network {
    name: String,
    program: Option<Program>,
    /// What tract runs, on what the program gives.
    rest: Option<Rest>,
    input_shape: Vec<usize>,
    output_shape: Vec<usize>,
}

#[derive(Debug)]
struct Rest {
    runnable: Box<dyn Runnable>,
    is_on_gpu: bool,
    input_shapes: Vec<Vec<usize>>,
}

impl Network {
    fn error(&self, doing: &'static str, cause: &TractError) -> EncoderError {
        EncoderError::Network {
            name: self.name.clone(),
            doing,
            cause: format!("{cause:#}"),
        }
    }
}

impl Encoder {
    /// The threads that share its work on the processor.
    pub(super) fn workers(&self) -> Arc<Workers> {
        self.workers.clone()
    }

    /// Reads an ONNX network with one input, fixed here to `input_shape`, and one output, and prepares it for a backend.
    ///
    /// # Errors
    /// When the backend is not there, or the network cannot be read or prepared.
    pub fn load(name: &str, onnx: &[u8], input_shape: &[usize], backend: &Backend) -> Result<Self, EncoderError> {
        let runtime = backend.runtime()?;
        let wanted = input_shape
            .iter()
            .try_fold(1_usize, |count, length| count.checked_mul(*length));
        if wanted.is_none_or(|wanted| wanted == 0) {
            return Err(EncoderError::Network {
                name: name.to_owned(),
                doing: "prepared",
                cause: format!("no input has the shape {input_shape:?}"),
            });
        }
        let mut network = Network {
            name: name.to_owned(),
            program: None,
            rest: None,
            input_shape: input_shape.to_vec(),
            output_shape: Vec::new(),
        };
        let model = read(onnx, input_shape).map_err(|cause| network.error("read", &cause))?;
        let is_on_processor = runtime.name().as_ref() == CPU;
        network.output_shape = output_shape(&model).map_err(|cause| network.error("read", &cause))?;
        let translation = match is_on_processor && backend.name() != TRACT {
            true => translate(&model, backend.arithmetic()).map_err(|cause| network.error("translated", &cause))?,
            false => None,
        };
        let rest = match translation {
            None if is_on_processor => Some(model),
            None => Some(for_gpu(&model, backend.precision()).map_err(|cause| network.error("translated", &cause))?),
            Some(translation) => {
                network.program = Some(translation.program);
                translation.rest
            }
        };
        network.rest = rest
            .map(|rest| Rest::prepare(rest, runtime))
            .transpose()
            .map_err(|cause| network.error("prepared", &cause))?;
        Self::of(Arc::new(network), backend)
    }

    /// Another encoder of the same network, for another camera: it shares the weights and has memory of its own. The threads are
    /// those of `backend`; what runs the network stays.
    ///
    /// # Errors
    /// When tract cannot begin it.
    pub fn sibling(&self, backend: &Backend) -> Result<Self, EncoderError> {
        Self::of(self.network.clone(), backend)
    }

    /// Its network, for others.
    pub fn share(&self) -> SharedNetwork {
        SharedNetwork(Arc::downgrade(&self.network))
    }

    fn of(network: Arc<Network>, backend: &Backend) -> Result<Self, EncoderError> {
        let state = match &network.rest {
            Some(rest) => Some(
                rest.runnable
                    .spawn()
                    .map_err(|cause| network.error("prepared", &cause))?,
            ),
            None => None,
        };
        Ok(Self {
            memory: network.program.as_ref().map(Program::memory),
            state,
            output: vec![0.0; network.output_shape.iter().product()],
            workers: backend.workers(),
            network,
        })
    }

    /// Shape of what [`run`](Self::run) takes.
    pub fn input_shape(&self) -> &[usize] {
        &self.network.input_shape
    }

    /// Shape of what [`run`](Self::run) gives.
    pub fn output_shape(&self) -> &[usize] {
        &self.network.output_shape
    }

    /// What our own operators do of the network, step by step; `None` where tract does it all.
    pub fn program(&self) -> Option<&Program> {
        self.network.program.as_ref()
    }

    /// Whether tract does nothing of the network.
    pub fn is_without_tract(&self) -> bool {
        self.network.rest.is_none()
    }

    /// On a GPU: the operators for which there is no kernel there, each of which costs a trip to the processor and back. None where
    /// all is well, and none on the processor.
    pub fn left_on_processor(&self) -> Vec<String> {
        let rest = self.network.rest.as_ref().filter(|rest| rest.is_on_gpu);
        rest.and_then(|rest| rest.runnable.typed_model())
            .map(|model| left_on_processor(model))
            .unwrap_or_default()
    }

    /// Runs the network once on row-major values of [`input_shape`](Self::input_shape). Where tract does nothing of it, nothing is
    /// allocated.
    ///
    /// # Errors
    /// When the input has another size, or tract cannot run.
    pub fn run(&mut self, input: &[f32]) -> Result<&[f32], EncoderError> {
        self.run_watched(input, |_| {})
    }

    /// The same; `done` is told the number of each step of the [`program`](Self::program) when it is done.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_watched(&mut self, input: &[f32], done: impl FnMut(usize) + Send) -> Result<&[f32], EncoderError> {
        let Self {
            network,
            workers,
            memory,
            state,
            output,
        } = self;
        let wanted: usize = network.input_shape.iter().product();
        if input.len() != wanted {
            let cause = format_err!("{} values came in where {wanted} were due", input.len());
            return Err(network.error("run", &cause));
        }
        let program = network.program.as_ref().zip(memory.as_mut());
        if let Some((program, memory)) = program {
            program.run(input, memory, workers, done);
            match (&network.rest, state) {
                (Some(rest), Some(state)) => rest
                    .run(
                        state.as_mut(),
                        |number, values| program.output(number, memory, values),
                        output,
                    )
                    .map_err(|cause| network.error("run", &cause))?,
                _ => program.output(0, memory, output),
            }
        } else if let (Some(rest), Some(state)) = (&network.rest, state) {
            rest.run(state.as_mut(), |_, values| values.copy_from_slice(input), output)
                .map_err(|cause| network.error("run", &cause))?;
        }
        Ok(&self.output)
    }
}

impl Rest {
    fn prepare(model: TypedModel, runtime: &dyn Runtime) -> TractResult<Self> {
        let model = model.into_decluttered()?;
        let mut input_shapes = Vec::new();
        for input in &model.inputs {
            let shape = model.outlet_fact(*input)?.shape.as_concrete().map(<[usize]>::to_vec);
            input_shapes.push(shape.ok_or_else(|| format_err!("an input has no fixed shape"))?);
        }
        let is_on_gpu = runtime.name().as_ref() != CPU;
        let runnable = match is_on_gpu {
            true => try_out(|| runtime.prepare(model)).map_err(TractError::msg)?,
            false => runtime.prepare(model)?,
        };
        Ok(Self {
            runnable,
            is_on_gpu,
            input_shapes,
        })
    }

    /// Runs on inputs that `fill` writes, by their numbers.
    fn run(&self, state: &mut dyn State, fill: impl Fn(usize, &mut [f32]), output: &mut [f32]) -> TractResult<()> {
        let mut inputs = tvec!();
        for (number, shape) in self.input_shapes.iter().enumerate() {
            let mut tensor = Tensor::zero::<f32>(shape)?;
            fill(number, tensor.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?);
            inputs.push(tensor.into_tvalue());
        }
        let results = state.run(inputs)?;
        let result = results.first().ok_or_else(|| format_err!("no output"))?;
        let values = result.to_plain_array_view::<f32>()?;
        ensure!(
            values.len() == output.len(),
            "{} values came out where {} were due",
            values.len(),
            output.len()
        );
        output.iter_mut().zip(values.iter()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

fn output_shape(model: &TypedModel) -> TractResult<Vec<usize>> {
    ensure!(
        model.inputs.len() == 1 && model.outputs.len() == 1,
        "it must have one input and one output"
    );
    let shape = model.output_fact(0)?.shape.as_concrete().map(<[usize]>::to_vec);
    shape.ok_or_else(|| format_err!("its output has no fixed shape"))
}

#[cfg(all(test, feature = "default-model"))]
mod tests;
