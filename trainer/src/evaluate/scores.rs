//! Scores of localisation (METHOD "Scores"): the published protocol, and what it cannot see.
//!
//! The published protocol stretches every map to 0..1 and marks half of the picture, so it neither tells a clear answer
//! from a vague one nor a source from its absence. Beside it stand scores of the raw map: where its peak lies, how much
//! of it a sound without a source lights up, and how well its maximum tells a source in view from none.
//! All scores and shares are in 0..1.

mod bootstrap;
mod detection;
mod mask;
mod overlap;
mod quadrant;
mod rejection;
mod truth;

pub use bootstrap::{Interval, interval_of, mean_interval};
pub use detection::{average_precision, greatest_f1, precision_recall_curve, roc_area};
pub use mask::Mask;
pub use overlap::{Localisation, SUCCESS, ciou};
pub use quadrant::Quadrant;
pub use rejection::{f_loc, image_area_share};
pub use truth::{Clipping, NormalisedBox, Truth};

/// Width and height of the pictures that masks and truths are compared in, in pixels.
pub const SIDE: usize = 224;

/// A part of a whole; 0 of nothing.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
