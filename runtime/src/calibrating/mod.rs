//! The procedures of calibration that drive devices; what they measure is fitted by the crate `lookhear-calibration`.
//!
//! Each takes its devices and the clock as they are handed in, real or pretended, prints nothing, waits for nothing but the
//! devices, and leaves these as they were.

pub mod glance;
pub mod latency;
pub mod listening;
pub mod microphone;
pub mod optics;
pub mod room;
