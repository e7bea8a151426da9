//! Cameras, microphones and displays behind small traits, with their fakes beside them. Knows nothing of sound localisation.

pub mod picture;
pub mod sound;

pub use picture::{Frame, Picture, PixelFormat};
pub use sound::{Block, Sound};
