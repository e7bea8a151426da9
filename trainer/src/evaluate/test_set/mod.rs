//! Published test sets, or any pictures and sounds with boxes: what a bundle scores on them, beside what needs no input, and
//! what it makes of sounds that nothing in the picture makes.

pub mod command;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod fixture;
mod galleries;
pub mod heatmaps;
pub mod measure;
pub mod model;
pub mod negatives;
pub mod page;
pub mod profile;
pub mod quads;
pub mod rejection;
pub mod summary;
pub mod terminal;
#[cfg(test)]
mod tests;

pub use measure::{Case, Measurement, Settings, Skipped, measure};
pub use model::Model;
pub use summary::Summary;
