//! Displays: a canvas to draw on, the screens that show it, and the pictures and films that it is kept in.

pub mod canvas;
#[cfg(feature = "media")]
pub mod film;
#[cfg(feature = "media")]
mod film_sound;
#[cfg(feature = "media")]
mod film_video;
pub mod screen;

pub use canvas::Canvas;
#[cfg(feature = "media")]
pub use canvas::{EncodeError, SaveError};
#[cfg(feature = "media")]
pub use film::{FilmWriteError, FilmWriter};
#[cfg(feature = "media")]
pub use film_sound::FilmSound;
pub use screen::{Screen, ScreenError};
