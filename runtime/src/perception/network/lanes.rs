//! The little of vector code that all operators share.

#![allow(unsafe_code)]

use pulp::{Arch, Simd, WithSimd};

/// Reads a vector.
///
/// # Safety
/// `S::F32_LANES` values can be read at `from`.
#[inline(always)]
pub unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: of the caller; a vector of lanes is plain numbers without padding.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// Writes a vector.
///
/// # Safety
/// `S::F32_LANES` values can be written at `to`.
#[inline(always)]
pub unsafe fn store<S: Simd>(to: *mut f32, values: S::f32s) {
    // SAFETY: of the caller.
    unsafe { to.cast::<S::f32s>().write_unaligned(values) }
}

/// What is done to a sum before it is stored: nothing, ReLU, ReLU6, as bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Nothing below it is stored.
    pub low: f32,
    /// Nor above it.
    pub high: f32,
}

impl Bounds {
    /// Stores the sum as it is.
    pub const NONE: Self = Self {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
    };

    /// A value within the bounds.
    #[inline(always)]
    pub fn clamp<S: Simd>(self, simd: S, value: S::f32s) -> S::f32s {
        let raised = simd.max_f32s(value, simd.splat_f32s(self.low));
        simd.min_f32s(raised, simd.splat_f32s(self.high))
    }
}

/// Runs vector code with the widest vectors that this processor has.
#[cfg(not(test))]
pub fn dispatch<Work: WithSimd>(work: Work) -> Work::Output {
    Arch::new().dispatch(work)
}

#[cfg(test)]
pub use for_tests::{Width, dispatch, width, with_width};

/// Narrower vectors on demand, on this thread.
#[cfg(test)]
mod for_tests {
    use std::cell::Cell;

    use super::{Arch, Simd, WithSimd};

    /// Values in a vector.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Width {
        /// As many as this processor can.
        Widest,
        /// Eight, where this processor can.
        Eight,
        /// One.
        One,
    }

    thread_local! {
        static WIDTH: Cell<Width> = const { Cell::new(Width::Widest) };
    }

    /// What tests want here.
    pub fn width() -> Width {
        WIDTH.get()
    }

    /// Does `work` with vectors of a width.
    pub fn with_width<Result>(width: Width, work: impl FnOnce() -> Result) -> Result {
        WIDTH.set(width);
        let result = work();
        WIDTH.set(Width::Widest);
        result
    }

    /// Runs vector code.
    pub fn dispatch<Work: WithSimd>(work: Work) -> Work::Output {
        match WIDTH.get() {
            Width::Widest => Arch::new().dispatch(work),
            #[cfg(target_arch = "x86_64")]
            Width::Eight if let Some(simd) = pulp::x86::V3::try_new() => Simd::vectorize(simd, work),
            Width::Eight => Arch::new().dispatch(work),
            Width::One => Simd::vectorize(pulp::Scalar::new(), work),
        }
    }
}
