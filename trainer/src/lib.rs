//! Learns where in a picture a sound comes from, without labels, and writes the bundle that the device serves.

pub mod ablate;
pub mod compose;
pub mod corpus;
pub mod dataset;
pub mod evaluate;
pub mod export;
pub mod fit;
#[cfg(test)]
mod golden;
pub mod import;
pub mod model;
pub mod objective;
pub mod precision;
pub mod report;
pub mod retrieve;
