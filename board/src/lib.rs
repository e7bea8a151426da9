//! Cameras, microphones, pan-tilt heads and displays behind small traits, with their fakes beside them. Knows nothing of sound localisation.

pub mod camera;
pub mod capture;
mod chance;
pub mod clock;
#[cfg(feature = "media")]
mod container;
pub mod display;
#[cfg(feature = "media")]
mod ffmpeg;
pub mod health;
pub mod microphone;
#[cfg(feature = "media")]
mod mp4;
pub mod picture;
#[cfg(feature = "media")]
pub mod picture_file;
pub mod ptz;
pub mod replace;
#[cfg(any(feature = "media", feature = "devices"))]
mod shield;
pub mod sound;
#[cfg(feature = "media")]
pub mod sound_file;

pub use camera::{Camera, Length};
pub use capture::{CaptureError, Delivery};
pub use clock::{Clock, ManualClock, MonotonicClock};
pub use display::Canvas;
pub use microphone::Microphone;
pub use picture::{Frame, Picture, PixelFormat};
#[cfg(feature = "media")]
pub use picture_file::{PictureFileError, read_picture};
pub use ptz::{Abilities, Orientation, Ptz, PtzError, Velocity};
pub use replace::write_whole;
pub use sound::{Block, Sound};
#[cfg(feature = "media")]
pub use sound_file::{SoundFileError, SoundTrack, read_sound, read_sound_track};
