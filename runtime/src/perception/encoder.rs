//! One network: numbers in, numbers out.

use std::sync::{Arc, Weak};

#[cfg(feature = "cuda")]
use tract_cuda as _;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{ensure, format_err};
use tract_onnx::tract_core::runtime::{Runnable, Runtime, State, runtime_for_name};

use super::for_gpu::for_gpu;
use super::network::integer;
use super::network::program::{Memory, Program};
use super::network::translate::{Arithmetic, translate};
use super::network::unpack::unpack;
use super::network::workers::Workers;

/// The backend that is always there.
pub const CPU: &str = "cpu";

/// The same, with convolutions in integers of eight bits where the processor has instructions for them: two to three times as
/// fast, and a little less exact.
pub const CPU_INT8: &str = "cpu-int8";

/// The same processor without operators of our own.
pub const TRACT: &str = "tract";

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

/// What runs networks.
#[derive(Debug, Clone)]
pub struct Backend {
    name: String,
    workers: Arc<Workers>,
}

impl Backend {
    /// `cpu`: the operators of [`network`](super::network), and tract for what they cannot do; `cpu-int8`: the same with
    /// convolutions in integers; `tract`: tract alone, on the processor; or where the build has it `cuda`, `gpu` or `gpu-or-cpu`.
    /// On the processor `threads` share the work; what is left for tract takes one. The thread that asks for a backend becomes one of them: it should be the one that runs encoders.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(name: &str, threads: usize) -> Result<Self, EncoderError> {
        let workers = Workers::new(threads).map_err(|cause| EncoderError::Threads {
            threads,
            cause: cause.to_string(),
        })?;
        Ok(Self {
            name: name.to_owned(),
            workers: Arc::new(workers),
        })
    }

    /// As asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its convolutions multiply: integers where it says so and the processor has instructions for them.
    pub fn arithmetic(&self) -> Arithmetic {
        if self.name == CPU_INT8 && integer::are_here() {
            Arithmetic::Integer
        } else {
            Arithmetic::Float
        }
    }

    /// What a person should know where it does not do what its name says: without instructions for integers it multiplies floats.
    pub fn caveat(&self) -> Option<&'static str> {
        let is_substitute = self.name == CPU_INT8 && self.arithmetic() == Arithmetic::Float;
        is_substitute.then_some(
            "this processor has no instructions for products of bytes (AVX-512 VNNI, or dotprod on Arm): `cpu-int8` works as `cpu`",
        )
    }

    fn runtime(&self) -> Result<&'static dyn Runtime, EncoderError> {
        let unusable = |cause: String| EncoderError::Backend {
            name: self.name.clone(),
            cause,
        };
        let name = if [CPU_INT8, TRACT].contains(&self.name.as_str()) {
            CPU
        } else {
            &self.name
        };
        runtime_for_name(name)
            .map_err(|cause| unusable(format!("{cause:#}")))?
            .ok_or_else(|| unusable("this build does not have it".to_owned()))
    }
}

impl Default for Backend {
    /// The processor, by one thread.
    fn default() -> Self {
        Self {
            name: CPU.to_owned(),
            workers: Arc::default(),
        }
    }
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
        let model = tract_onnx::onnx()
            .proto_model_for_read(&mut std::io::Cursor::new(onnx))
            .and_then(|mut file| {
                if let Some(graph) = &mut file.graph {
                    unpack(graph);
                }
                tract_onnx::onnx().model_for_proto_model(&file)
            })
            .and_then(|model| model.with_input_fact(0, f32::fact(input_shape).into()))
            .and_then(|model| model.into_typed())
            .map_err(|cause| network.error("read", &cause))?;
        let is_on_processor = runtime.name().as_ref() == CPU;
        network.output_shape = output_shape(&model).map_err(|cause| network.error("read", &cause))?;
        let translation = match is_on_processor && backend.name != TRACT {
            true => translate(&model, backend.arithmetic()).map_err(|cause| network.error("translated", &cause))?,
            false => None,
        };
        let rest = match translation {
            None if is_on_processor => Some(model),
            None => Some(for_gpu(&model).map_err(|cause| network.error("translated", &cause))?),
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
            workers: backend.workers.clone(),
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
        let nodes = rest
            .and_then(|rest| rest.runnable.typed_model())
            .map(|model| model.nodes.as_slice());
        let is_there = |name: &str| {
            ["Cuda", "Metal", "Gpu", "DeviceSync"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
                || ["Source", "Const"].contains(&name)
        };
        let names = nodes
            .unwrap_or_default()
            .iter()
            .map(|node| (node.op.name(), &node.name));
        names
            .filter(|(operator, _)| !is_there(operator))
            .map(|(operator, name)| format!("{operator} {name}"))
            .collect()
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
        Ok(Self {
            runnable: runtime.prepare(model)?,
            is_on_gpu: runtime.name().as_ref() != CPU,
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
