//! From pixels and samples to a percept: front ends, encoders, heatmap.

pub mod bundle;
pub mod encoder;
pub mod heatmap;
pub mod listener;
pub mod localiser;
pub mod manifest;
pub mod percept;
pub mod resample;
pub mod log_mel;
pub mod mel;
pub mod jpeg;
pub mod picture;
pub mod spectrogram;

mod colour;
#[cfg(test)]
mod golden;
mod planes;
mod resize;
