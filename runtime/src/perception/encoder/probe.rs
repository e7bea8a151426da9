//! Whether a GPU can be used: a tiny network runs there, and has to give the right numbers.
//!
//! tract-cuda 0.23.9 looks for the driver and whether its libraries can be opened, and says so in an error. What goes wrong after
//! that is a panic within it: no device, a cuDNN that does not fit, headers of CUDA that its kernels are compiled with and that are
//! not installed, a cache of kernels that cannot be written. So that is tried out once, before a network depends on it.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, Once, PoisonError};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{ensure, format_err};
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_core::runtime::{Runtime, runtime_for_name};

use super::CPU;
use crate::perception::for_gpu::{Precision, for_gpu};

/// What was found to work in this process.
static USABLE: Mutex<Vec<(String, Precision)>> = Mutex::new(Vec::new());

thread_local! {
    /// Whether a panic of this thread is an answer and no accident.
    static IS_TRYING: Cell<bool> = const { Cell::new(false) };
}

/// tract's runtime of that name, `cuda` or `gpu`, when it works here in that precision; otherwise why not, in one line.
pub fn usable_gpu(name: &str, precision: Precision) -> Result<&'static dyn Runtime, String> {
    let runtime = runtime_for_name(name)
        .map_err(|cause| in_one_line(&format!("{cause:#}")))?
        .ok_or_else(|| "this build does not have it".to_owned())?;
    if runtime.name() == CPU {
        return match precision {
            Precision::Single => Ok(runtime),
            Precision::Half => Err("halves are for a GPU".to_owned()),
        };
    }
    let key = (runtime.name().into_owned(), precision);
    let mut usable = USABLE.lock().unwrap_or_else(PoisonError::into_inner);
    if !usable.contains(&key) {
        try_out(|| run_tiny_network(runtime, precision))?;
        usable.push(key);
    }
    Ok(runtime)
}

/// Runs what may fail or panic; the cause in one line. The panic is not told otherwise.
pub fn try_out<T>(run: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_TRYING.get() {
                before(panic);
            }
        }));
    });
    IS_TRYING.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    IS_TRYING.set(false);
    match outcome {
        Ok(outcome) => outcome.map_err(|cause| in_one_line(&format!("{cause:#}"))),
        Err(payload) => Err(in_one_line(message(payload.as_ref()))),
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(payload.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given")
}

/// Without the line breaks, and without the calls that led there, which an error may bring along.
fn in_one_line(cause: &str) -> String {
    let cause = cause.split("Stack backtrace:").next().unwrap_or_default();
    cause.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Sums of three by three cells of two channels, and a half.
fn run_tiny_network(runtime: &dyn Runtime, precision: Precision) -> TractResult<()> {
    const EDGE: usize = 4;
    let mut model = TypedModel::default();
    let input = model.add_source("input", f32::fact([1, 2, EDGE, EDGE]))?;
    let weights = Tensor::from_shape(&[1, 2, 3, 3], &[1_f32; 18])?;
    let weights = model.add_const("weights", weights)?;
    let bias = model.add_const("bias", Tensor::from_shape(&[1], &[0.5_f32])?)?;
    let padding = PaddingSpec::Explicit(tvec!(1, 1), tvec!(1, 1));
    let convolution = Conv {
        pool_spec: PoolSpec::new(DataFormat::NCHW, tvec!(3, 3), padding, None, None, 2, 1),
        kernel_fmt: KernelFormat::OIHW,
        group: 1,
        q_params: None,
    };
    let output = model.wire_node("convolution", convolution, &[input, weights, bias])?;
    model.select_output_outlets(&output)?;
    let runnable = runtime.prepare(for_gpu(&model, precision)?.into_decluttered()?)?;
    let ones = Tensor::from_shape(&[1, 2, EDGE, EDGE], &[1_f32; 2 * EDGE * EDGE])?;
    let outputs = runnable.run(tvec!(ones.into_tvalue()))?;
    let sums = outputs.first().ok_or_else(|| format_err!("no output"))?;
    for (place, sum) in sums.to_plain_array_view::<f32>()?.iter().enumerate() {
        let reach = |place: usize| if place.is_multiple_of(EDGE - 1) { 2.0 } else { 3.0 };
        let due = 2.0 * reach(place / EDGE) * reach(place % EDGE) + 0.5;
        ensure!(*sum == due, "a convolution gives {sum} where {due} is due");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_tiny_network_gives_what_is_due_in_either_precision() {
        let processor = runtime_for_name(CPU).unwrap().unwrap();
        for precision in [Precision::Single, Precision::Half] {
            try_out(|| run_tiny_network(processor, precision)).unwrap();
        }
    }

    #[test]
    fn a_panic_and_an_error_become_one_line() {
        assert_eq!(try_out(|| Ok(7)), Ok(7));
        let panicked = try_out::<()>(|| panic!("no\n\nCaused by:\n    {}\n\nStack backtrace:\n 0: main", "driver"));
        assert_eq!(panicked, Err("no Caused by: driver".to_owned()));
        let failed = try_out::<()>(|| Err(format_err!("too old\nby {}", 2)));
        assert_eq!(failed, Err("too old by 2".to_owned()));
        assert_eq!(try_out(|| Ok(8)), Ok(8), "and it goes on");
    }
}
