//! From networks and weights to ONNX that tract and others run.

pub mod bundle;
pub mod graph;
pub mod paper;
pub mod quantise;
