//! What becomes of a percept: a picture to look at, a line for other programs.

pub mod colour;
pub mod controller;
pub mod events;
pub mod heat;
#[cfg(feature = "devices")]
pub mod overlay;
pub mod status;
#[cfg(feature = "devices")]
pub mod text;

pub use controller::{Command, Controller, ControllerSettings, Situation};
pub use events::PerceptEvent;
#[cfg(feature = "devices")]
pub use overlay::{Overlay, Scene};
