//! Training: what decides a run, the loop, and the two architectures that learn by it.

pub mod arguments;
pub mod average;
pub mod checkpoint;
pub mod data;
pub mod device;
pub mod edge;
pub mod examples;
pub mod features;
pub mod gradients;
pub mod learner;
pub mod metrics;
pub mod mixing;
pub mod optimizer;
pub mod paper;
pub mod plan;
pub mod record;
pub mod training;
