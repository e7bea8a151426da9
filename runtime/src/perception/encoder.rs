//! One network on tract: numbers in, numbers out.

#[cfg(feature = "cuda")]
use tract_cuda as _;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{ensure, format_err};
use tract_onnx::tract_core::runtime::{State, runtime_for_name};

/// The backend that is always there.
pub const CPU: &str = "cpu";

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
    /// The network cannot be read or run: the bundle is not for this version.
    #[error("the network `{name}` cannot be {doing}: {cause}; the model bundle may need another version of lookhear")]
    Network {
        /// Of the network inside the bundle.
        name: String,
        /// `read`, `prepared` or `run`.
        doing: &'static str,
        /// In tract's words.
        cause: String,
    },
}

/// A network ready to run, with its own scratch memory.
pub struct Encoder {
    name: String,
    state: Box<dyn State>,
    input_shape: Vec<usize>,
    output_shape: Vec<usize>,
    output: Vec<f32>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Encoder({} {:?} → {:?})",
            self.name, self.input_shape, self.output_shape
        )
    }
}

impl Encoder {
    /// Reads an ONNX network with one input, fixed here to `input_shape`, and one output, and prepares it for `backend`:
    /// `cpu`, `cuda` (feature `cuda`), `gpu` or `gpu-or-cpu`.
    pub fn load(name: &str, onnx: &[u8], input_shape: &[usize], backend: &str) -> Result<Self, EncoderError> {
        let failed = |doing| {
            move |cause: TractError| EncoderError::Network {
                name: name.to_owned(),
                doing,
                cause: format!("{cause:#}"),
            }
        };
        let unusable = |cause: String| EncoderError::Backend {
            name: backend.to_owned(),
            cause,
        };
        let model = tract_onnx::onnx()
            .model_for_read(&mut std::io::Cursor::new(onnx))
            .and_then(|model| model.with_input_fact(0, f32::fact(input_shape).into()))
            .and_then(|model| model.into_typed())
            .and_then(|model| model.into_decluttered())
            .map_err(failed("read"))?;
        let output_shape = match (model.inputs.len(), model.outputs.as_slice()) {
            (1, [_]) => model.output_fact(0).and_then(|fact| {
                fact.shape
                    .as_concrete()
                    .map(<[usize]>::to_vec)
                    .ok_or_else(|| format_err!("its output has no fixed shape"))
            }),
            _ => Err(format_err!("it must have one input and one output")),
        }
        .map_err(failed("read"))?;
        let runtime = runtime_for_name(backend)
            .map_err(|cause| unusable(format!("{cause:#}")))?
            .ok_or_else(|| unusable("this build does not have it".to_owned()))?;
        let state = runtime
            .prepare(model)
            .and_then(|runnable| runnable.spawn())
            .map_err(failed("prepared"))?;
        Ok(Self {
            name: name.to_owned(),
            state,
            input_shape: input_shape.to_vec(),
            output: vec![0.0; output_shape.iter().product()],
            output_shape,
        })
    }

    /// Shape of what [`run`](Self::run) takes.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// Shape of what [`run`](Self::run) gives.
    pub fn output_shape(&self) -> &[usize] {
        &self.output_shape
    }

    /// Runs the network once on row-major values of [`input_shape`](Self::input_shape).
    pub fn run(&mut self, input: &[f32]) -> Result<&[f32], EncoderError> {
        let Self {
            name,
            state,
            input_shape,
            output,
            ..
        } = self;
        let mut forward = || -> TractResult<()> {
            let tensor = Tensor::from_shape(input_shape, input)?;
            let results = state.run(tvec!(tensor.into_tvalue()))?;
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
        };
        forward().map_err(|cause| EncoderError::Network {
            name: name.clone(),
            doing: "run",
            cause: format!("{cause:#}"),
        })?;
        Ok(&self.output)
    }
}
