//! The same convolutions with bytes in place of floats: a quarter of the memory, and four products where there was one.
//!
//! Weights have one scale for each channel of the output. Feature maps have one scale each: where a step ends with a bound above,
//! as ReLU6 does, the bounds are the scale and the step stores bytes itself; any other map is measured in each run, by the
//! step that makes it ([`reach`]), and brought into bytes by [`quantise`]. Nothing has to be calibrated beforehand.

#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod dense;
pub mod depthwise;
#[cfg(target_arch = "aarch64")]
mod neon;
pub mod peak;
#[cfg(test)]
mod plain;
pub mod plan;
pub mod quantise;
pub mod reach;
pub mod tile;
mod vectors;

#[cfg(test)]
mod tests;

pub use vectors::are_here;
