//! Training: the backbones stay as they are and their features are computed once; the projections learn from them.

pub mod arguments;
pub mod examples;
pub mod features;
pub mod gradients;
pub mod optimizer;
pub mod steps;
