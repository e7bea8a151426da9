//! The vector code of integer operators, a block of channels at a time: what a processor must have for them, and who has it.

#![allow(unsafe_code)]

use crate::perception::network::blocked::BLOCK;

#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
#[cfg(test)]
use super::plain::Plain;

/// Channels whose products are added up by one instruction.
pub const GROUP: usize = 4;

/// Instructions on sixteen values at a time. A *byte* is a value of a feature map in eight bits as it lies in memory: the value
/// from 0 to 255 less [`OFFSET`](Self::OFFSET).
///
/// All of it must be called where the processor has the instructions, as [`dispatch`] sees to.
pub trait Vectors: Copy {
    /// Sixteen of them.
    type Floats: Copy;
    /// Sixteen of 32 bits.
    type Sums: Copy;
    /// Of bytes: 128 where they have a sign.
    const OFFSET: i32;
    /// Cells whose sums the registers hold beside what they are made of, for as many blocks of channels as are taken together.
    const CELLS: usize;
    /// Blocks of channels that are taken together: one or two.
    const BLOCKS: usize;

    /// The same sixteen times.
    fn splat(self, value: f32) -> Self::Floats;
    /// A sum of two.
    fn add(self, one: Self::Floats, other: Self::Floats) -> Self::Floats;
    /// One times other plus third.
    fn mul_add(self, one: Self::Floats, other: Self::Floats, third: Self::Floats) -> Self::Floats;
    /// The larger of two.
    fn max(self, one: Self::Floats, other: Self::Floats) -> Self::Floats;
    /// The smaller of two.
    fn min(self, one: Self::Floats, other: Self::Floats) -> Self::Floats;
    /// The nearest floats.
    fn to_floats(self, sums: Self::Sums) -> Self::Floats;

    /// Reads sixteen floats.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn load(self, from: *const f32) -> Self::Floats;
    /// Writes sixteen floats.
    ///
    /// # Safety
    /// They can be written.
    unsafe fn store(self, to: *mut f32, values: Self::Floats);
    /// Reads sixteen integers.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn load_sums(self, from: *const i32) -> Self::Sums;
    /// Reads sixteen bytes.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn widen(self, from: *const u8) -> Self::Floats;
    /// Writes sixteen bytes, each the integer nearest to a value, or 0 or 255 where that is nearer.
    ///
    /// # Safety
    /// They can be written.
    unsafe fn narrow(self, to: *mut u8, values: Self::Floats);
    /// Adds products of bytes with weights to the sums of cells whose bytes lie `STEP` apart: `GROUPS` groups of four neighbouring
    /// bytes for each cell, and of each of `BLOCKS` blocks for each group and each sum four weights.
    ///
    /// # Safety
    /// The weights can be read, and for each cell the bytes, or sixteen of them where `STEP` is no less.
    unsafe fn dot<const CELLS: usize, const STEP: usize, const GROUPS: usize, const BLOCKS: usize>(
        self,
        sums: &mut [[Self::Sums; CELLS]; BLOCKS],
        bytes: *const u8,
        weights: [*const i8; BLOCKS],
    );
}

/// Work in vectors.
pub trait Work {
    /// What comes of it.
    type Output;
    /// Does it. Must be inlined.
    fn with<V: Vectors>(self, vectors: V) -> Self::Output;
}

/// Bytes of weights of one group for a block of sums.
pub const GROUP_WEIGHTS: usize = GROUP * BLOCK;

/// Whether this processor multiplies bytes faster than floats; [`dispatch`] panics where it does not.
pub fn are_here() -> bool {
    #[cfg(test)]
    if for_tests::is_plain() {
        return true;
    }
    #[cfg(target_arch = "x86_64")]
    let are_here = Avx512::try_new().is_some();
    #[cfg(target_arch = "aarch64")]
    let are_here = Neon::try_new().is_some();
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let are_here = false;
    are_here
}

/// How a byte from 0 to 255 lies in memory.
pub fn stored(byte: i32) -> u8 {
    (byte - offset()) as u8
}

/// Of bytes as they lie in memory: see [`Vectors::OFFSET`].
pub fn offset() -> i32 {
    struct Offset;
    impl Work for Offset {
        type Output = i32;

        #[inline(always)]
        fn with<V: Vectors>(self, _: V) -> i32 {
            V::OFFSET
        }
    }
    dispatch(Offset)
}

/// Runs vector code.
///
/// # Panics
/// Where [`are_here`] says no.
pub fn dispatch<W: Work>(work: W) -> W::Output {
    #[cfg(test)]
    if for_tests::is_plain() {
        return work.with(Plain);
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(vectors) = Avx512::try_new() {
        return vectors.run(work);
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(vectors) = Neon::try_new() {
        return vectors.run(work);
    }
    drop(work);
    unreachable!("integer operators are prepared only where the processor has instructions for them")
}

#[cfg(test)]
mod for_tests {
    use crate::perception::network::lanes::{Width, width};

    /// Whether tests want it done the plain way.
    pub fn is_plain() -> bool {
        width() == Width::One
    }
}
