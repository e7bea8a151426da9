//! Displays: a canvas to draw on, the screens that show it, and the pictures and films that it is kept in.

pub mod canvas;
#[cfg(feature = "devices")]
pub mod drm;
#[cfg(feature = "media")]
pub mod film;
#[cfg(feature = "media")]
mod film_sound;
#[cfg(feature = "media")]
mod film_video;
pub mod framebuffer;
pub mod memory_screen;
pub mod pixels;
pub mod screen;
#[cfg(all(feature = "devices", feature = "media"))]
pub mod settings;

pub use canvas::Canvas;
#[cfg(feature = "media")]
pub use canvas::{EncodeError, SaveError};
#[cfg(feature = "media")]
pub use film::{FilmWriteError, FilmWriter};
#[cfg(feature = "media")]
pub use film_sound::FilmSound;
pub use framebuffer::{ColourOrder, Framebuffer};
pub use memory_screen::MemoryScreen;
pub use pixels::Rotation;
pub use screen::{Screen, ScreenError};
#[cfg(all(feature = "devices", feature = "media"))]
pub use settings::{ScreenKind, ScreenSettings, open_screen};
