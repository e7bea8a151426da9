//! Post-training quantisation: from a network in f32 and from what its values are on real pictures and sounds to the same network
//! in integers or in half precision.
//!
//! What tract 0.23 runs in integers decides the form. `ConvInteger` on 8-bit integers runs on its integer kernels (measured on x86 with
//! AVX-512-VNNI), and what follows, a cast and one product and sum for each channel, is one pass in f32. `QLinearConv` with a scale for
//! each channel runs too, but requantises in a pass of its own, two to nine times slower on the whole. A depthwise convolution in
//! integers becomes one tiny matrix product for each channel, eight times slower than the depthwise kernel in f32; so the dense
//! convolutions alone become integers unless asked otherwise.

pub mod balance;
pub mod half_precision;
pub mod integer;
pub mod network;
pub mod ranges;

pub use balance::balanced;
pub use half_precision::in_half_precision;
pub use integer::{Layers, in_integers};
pub use network::{Network, QuantiseError};
pub use ranges::{ChannelMaxima, Histograms, channel_maxima, observe};

#[cfg(test)]
mod tests;
