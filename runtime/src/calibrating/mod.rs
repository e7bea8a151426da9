//! The procedures of calibration that drive devices; what they measure is fitted by the crate `lookhear-calibration`.
//!
//! Each takes its devices and the clock as they are handed in, real or pretended, and prints nothing.

pub mod glance;
pub mod latency;
pub mod microphone;
