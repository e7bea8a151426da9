//! The numbers that tie the sensors to the model and to the world, each with the fit that finds it from data.
//!
//! - [`threshold`]: similarities of sounds whose source is not in the picture → the similarity from which on one is believed;
//! - [`noise_floor`]: levels of a quiet room → the level above which there is a sound to look for;
//! - [`quantisation`]: values that a tensor took → the 8-bit integers that stand for them;
//! - [`document`]: the versioned file that keeps both on a machine.
//!
//! Everything here is a pure function of its arguments: no devices, no files, no clock, no model.

pub mod document;
pub mod level;
pub mod noise_floor;
pub mod quantisation;
pub mod statistics;
pub mod threshold;

pub use document::{Calibration, DocumentError, Fitted};
pub use level::Level;
pub use noise_floor::NoiseFloorFit;
pub use statistics::{FitError, Sorted};
pub use threshold::{Method, ThresholdFit};
