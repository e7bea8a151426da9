//! What becomes of a percept: a picture to look at, a line for other programs.

pub mod colour;
pub mod controller;
pub mod events;
#[cfg(feature = "devices")]
mod gauge;
pub mod heat;
#[cfg(feature = "devices")]
pub mod lines;
#[cfg(feature = "devices")]
pub mod mqtt;
#[cfg(feature = "devices")]
pub mod overlay;
#[cfg(feature = "devices")]
pub mod preview;
pub mod report;
#[cfg(feature = "devices")]
pub mod screen;
#[cfg(feature = "devices")]
pub mod secret;
pub mod status;
#[cfg(feature = "devices")]
pub mod text;
#[cfg(feature = "devices")]
pub mod web;

pub use controller::{Command, Controller, ControllerSettings, Situation};
pub use events::PerceptEvent;
#[cfg(feature = "devices")]
pub use overlay::{Overlay, Scene};
#[cfg(feature = "devices")]
pub use preview::Preview;
