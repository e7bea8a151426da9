//! From networks and weights to ONNX that tract and others run.

pub mod graph;
