//! From pixels and samples to a percept: front ends, encoders, heatmap.

pub mod bundle;
pub mod encoder;
pub mod for_gpu;
pub mod heatmap;
pub mod jpeg;
pub mod listener;
pub mod localiser;
pub mod log_mel;
pub mod manifest;
pub mod mean_shift;
pub mod mel;
pub mod network;
pub mod percept;
pub mod picture;
pub mod resample;
pub mod resample_stream;
pub mod scaled;
pub mod spectrogram;

mod colour;
#[cfg(test)]
mod golden;
mod halves;
mod planes;
mod resize;
