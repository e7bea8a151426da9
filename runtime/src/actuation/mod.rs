//! What becomes of a percept: a picture to look at, a line for other programs.

pub mod colour;
pub mod events;
#[cfg(feature = "devices")]
mod gauge;
pub mod heat;
#[cfg(feature = "devices")]
pub mod overlay;
#[cfg(feature = "devices")]
pub mod preview;
#[cfg(feature = "devices")]
pub mod screen;
pub mod status;
#[cfg(feature = "devices")]
pub mod text;

pub use events::PerceptEvent;
#[cfg(feature = "devices")]
pub use overlay::{Overlay, Scene};
#[cfg(feature = "devices")]
pub use preview::Preview;
