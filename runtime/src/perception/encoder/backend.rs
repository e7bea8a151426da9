//! What runs networks, by its name.

use std::sync::{Arc, OnceLock};

#[cfg(any(feature = "cuda", feature = "cuda-12"))]
use tract_cuda as _;
use tract_onnx::tract_core::runtime::{Runtime, runtime_for_name};

use super::EncoderError;
use super::probe::usable_gpu;
use crate::perception::for_gpu::Precision;
use crate::perception::network::integer;
use crate::perception::network::translate::Arithmetic;
use crate::perception::network::workers::Workers;

/// The backend that is always there.
pub const CPU: &str = "cpu";

/// The same, with convolutions in integers of eight bits where the processor has instructions for them: two to three times as
/// fast, and a little less exact.
pub const CPU_INT8: &str = "cpu-int8";

/// The same processor without operators of our own.
pub const TRACT: &str = "tract";

/// Whatever GPU there is, or else [`CPU`].
pub const GPU_OR_CPU: &str = "gpu-or-cpu";

/// Whatever GPU there is, in halves, or else [`CPU`], in single precision.
pub const GPU_F16_OR_CPU: &str = "gpu-f16-or-cpu";

/// What runs networks.
#[derive(Debug, Clone)]
pub struct Backend {
    name: String,
    workers: Arc<Workers>,
    /// What became of the GPU, once that was asked: its runtime, or why there is none.
    gpu: Arc<OnceLock<Result<&'static dyn Runtime, String>>>,
}

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted<'a> {
    Processor,
    Gpu {
        /// As tract calls it.
        runtime: &'a str,
        precision: Precision,
        or_processor: bool,
    },
}

impl<'a> Wanted<'a> {
    fn named(name: &'a str) -> Self {
        let gpu = |runtime, precision, or_processor| Self::Gpu {
            runtime,
            precision,
            or_processor,
        };
        match name {
            CPU | CPU_INT8 | TRACT => Self::Processor,
            GPU_OR_CPU => gpu("gpu", Precision::Single, true),
            GPU_F16_OR_CPU => gpu("gpu", Precision::Half, true),
            _ => match name.strip_suffix("-f16") {
                Some(runtime) => gpu(runtime, Precision::Half, false),
                None => gpu(name, Precision::Single, false),
            },
        }
    }
}

impl Backend {
    /// `cpu`: the operators of [`network`](crate::perception::network), and tract for what they cannot do; `cpu-int8`: the same
    /// with convolutions in integers; `tract`: tract alone, on the processor; or where the build has it `cuda`, `gpu` or
    /// `gpu-or-cpu`, and in halves `cuda-f16`, `gpu-f16` or `gpu-f16-or-cpu`.
    /// On the processor `threads` share the work; what is left for tract takes one. The thread that asks for a backend becomes one
    /// of them: it should be the one that runs encoders.
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
            gpu: Arc::default(),
        })
    }

    /// As asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its convolutions multiply on the processor: integers where it says so and the processor has instructions for them.
    pub fn arithmetic(&self) -> Arithmetic {
        if self.name == CPU_INT8 && integer::are_here() {
            Arithmetic::Integer
        } else {
            Arithmetic::Float
        }
    }

    /// In which it computes on a GPU.
    pub fn precision(&self) -> Precision {
        match Wanted::named(&self.name) {
            Wanted::Gpu { precision, .. } => precision,
            Wanted::Processor => Precision::Single,
        }
    }

    /// What a person should know where it does not do what its name says, in one line: without instructions for integers it
    /// multiplies floats, and without a GPU the processor does the work. Asking sees whether there is a GPU, where the name leaves
    /// that open.
    pub fn caveat(&self) -> Option<String> {
        let name = &self.name;
        match Wanted::named(name) {
            Wanted::Processor if name == CPU_INT8 && self.arithmetic() == Arithmetic::Float => Some(
                "this processor has no instructions for products of bytes (AVX-512 VNNI, or dotprod on Arm): `cpu-int8` works as `cpu`"
                    .to_owned(),
            ),
            Wanted::Gpu { runtime, precision, or_processor: true } => {
                let cause = self.gpu(runtime, precision).err()?;
                Some(format!("no GPU can be used, `{name}` works as `cpu`: {cause}"))
            }
            Wanted::Processor | Wanted::Gpu { .. } => None,
        }
    }

    /// What runs a network, in tract's words.
    pub(super) fn runtime(&self) -> Result<&'static dyn Runtime, EncoderError> {
        let unusable = |cause: String| EncoderError::Backend {
            name: self.name.clone(),
            cause,
        };
        match Wanted::named(&self.name) {
            Wanted::Gpu {
                runtime,
                precision,
                or_processor,
            } => match self.gpu(runtime, precision) {
                Ok(runtime) => return Ok(runtime),
                Err(cause) if !or_processor => return Err(unusable(cause)),
                Err(_) => {}
            },
            Wanted::Processor => {}
        }
        runtime_for_name(CPU)
            .map_err(|cause| unusable(format!("{cause:#}")))?
            .ok_or_else(|| unusable("this build does not have it".to_owned()))
    }

    /// The threads that share the work on the processor.
    pub(super) fn workers(&self) -> Arc<Workers> {
        self.workers.clone()
    }

    fn gpu(&self, runtime: &str, precision: Precision) -> Result<&'static dyn Runtime, String> {
        self.gpu.get_or_init(|| usable_gpu(runtime, precision)).clone()
    }
}

impl Default for Backend {
    /// The processor, by one thread.
    fn default() -> Self {
        Self {
            name: CPU.to_owned(),
            workers: Arc::default(),
            gpu: Arc::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_say_what_runs_and_in_which_precision() {
        let gpu = |runtime, precision, or_processor| Wanted::Gpu {
            runtime,
            precision,
            or_processor,
        };
        for (name, wanted) in [
            ("cpu", Wanted::Processor),
            ("cpu-int8", Wanted::Processor),
            ("tract", Wanted::Processor),
            ("cuda", gpu("cuda", Precision::Single, false)),
            ("cuda-f16", gpu("cuda", Precision::Half, false)),
            ("gpu", gpu("gpu", Precision::Single, false)),
            ("gpu-f16", gpu("gpu", Precision::Half, false)),
            ("gpu-or-cpu", gpu("gpu", Precision::Single, true)),
            ("gpu-f16-or-cpu", gpu("gpu", Precision::Half, true)),
        ] {
            assert_eq!(Wanted::named(name), wanted, "{name}");
        }
    }

    #[test]
    fn halves_are_for_a_gpu_and_what_is_not_there_is_an_error_that_names_it() {
        for name in ["cpu-f16", "default-f16", "elsewhere", "elsewhere-f16", "gpu-or-cpu-f16"] {
            let error = Backend::new(name, 1).unwrap().runtime().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("backend `{name}` cannot be used: ")),
                "{error}"
            );
        }
    }

    /// Where there is a GPU there is nothing to see: the test says so.
    #[test]
    fn where_there_is_no_gpu_the_processor_does_the_work_and_one_line_says_so() {
        for name in [GPU_OR_CPU, GPU_F16_OR_CPU] {
            let backend = Backend::new(name, 1).unwrap();
            let Some(caveat) = backend.caveat() else {
                eprintln!("not tested: there is a GPU");
                return;
            };
            let beginning = format!("no GPU can be used, `{name}` works as `cpu`: ");
            assert!(
                caveat.starts_with(&beginning) && caveat.len() > beginning.len(),
                "{caveat}"
            );
            assert!(!caveat.contains('\n'), "{caveat}");
            assert_eq!(backend.runtime().unwrap().name(), CPU);
        }
        for name in ["gpu", "gpu-f16", "cuda", "cuda-f16"] {
            let backend = Backend::new(name, 1).unwrap();
            assert_eq!(backend.caveat(), None, "{name} fails instead");
            assert!(backend.runtime().is_err(), "{name}");
        }
    }
}
