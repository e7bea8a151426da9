//! The numbers that tie the sensors to the model and to the world, each with the fit that finds it from data.
//!
//! - [`threshold`]: similarities of sounds whose source is not in the picture → the similarity from which on one is believed;
//! - [`microphone`]: the quiet room and a talk, channel by channel → what is wrong with a microphone, and its remedy;
//! - [`fires`], [`fire_rate`]: the same similarities in a stream, with their times → the threshold at which so few fires an hour
//!   are to be expected;
//! - [`confidence`], [`reliability`]: similarities of sources that are and are not in view → how likely one is, and whether that
//!   likelihood is true;
//! - [`noise_floor`]: levels of a quiet room → the level above which there is a sound to look for;
//! - [`latency`]: flashes and clicks, or claps → by how much the sound that belongs to a picture is stamped later;
//! - [`document`]: the versioned file that keeps them all on a machine.
//! - [`optics`]: where the picture goes when the head turns → field of view, signs, backlash and response;
//! - [`document`]: the versioned file that keeps them on a machine.
//! - [`quantisation`]: values that a tensor took → the 8-bit integers that stand for them;
//! - [`document`]: the versioned file that keeps both on a machine.
//!
//! Everything here is a pure function of its arguments: no devices, no files, no clock, no model.

#[cfg(test)]
mod chance;
pub mod confidence;
pub mod document;
pub mod fire_rate;
pub mod fires;
pub mod latency;
pub mod level;
pub mod microphone;
pub mod noise_floor;
pub mod optics;
pub mod poisson;
pub mod quantisation;
pub mod reliability;
pub mod statistics;
pub mod threshold;

pub use confidence::{ConfidenceFit, Curve, Outcome};
pub use document::{Calibration, DocumentError, Fitted};
pub use fire_rate::FireRate;
pub use fires::{FireRule, Moment};
pub use latency::LatencyFit;
pub use level::Level;
pub use microphone::MicrophoneFit;
pub use noise_floor::NoiseFloorFit;
pub use optics::OpticsFit;
pub use reliability::Reliability;
pub use statistics::{FitError, Sorted};
pub use threshold::{Method, ThresholdFit};
