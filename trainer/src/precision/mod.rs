//! One model in every precision, side by side: size, speed, how far its heatmaps drift, its scores, and a threshold for each.

pub mod arguments;
mod drift;
mod material;
mod report;
mod timing;
mod variant;

pub use drift::Drift;
pub use report::{Document, Row};
pub use timing::Times;
pub use variant::Variant;

#[cfg(test)]
mod tests;
