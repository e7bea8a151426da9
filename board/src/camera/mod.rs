//! Cameras, and what can stand in for one: a film, a series of pictures, a drawn scene, a wide photograph to look around in.

#[cfg(feature = "media")]
pub mod ffmpeg;
#[cfg(feature = "media")]
pub mod film;
#[cfg(feature = "media")]
mod h264;
pub mod panorama;
#[cfg(feature = "media")]
pub mod pictures;
#[cfg(feature = "media")]
pub mod replay;
pub mod synthetic;
#[cfg(feature = "devices")]
pub mod v4l2;
#[cfg(feature = "media")]
mod yuv;

use std::time::Duration;

use crate::Frame;
use crate::capture::{CaptureError, Delivery};

/// A source of frames.
pub trait Camera {
    /// Waits for the next frame and writes it, with its stamp, over `into`, whose memory is used again.
    ///
    /// Stamps rise from frame to frame. Once a source has said that it ended it says so for ever.
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError>;

    /// How much there is from the first frame to the last, as far as the source knows beforehand.
    fn length(&self) -> Length {
        Length::default()
    }
}

impl<C: Camera + ?Sized> Camera for Box<C> {
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        (**self).next_frame(into)
    }

    fn length(&self) -> Length {
        (**self).length()
    }
}

/// How much a source will deliver; a live one knows neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Length {
    /// Number of frames.
    pub frames: Option<usize>,
    /// From the first frame to the end of the last.
    pub duration: Option<Duration>,
}

/// Opens a film: by [`film::Film`] where that decodes it, else by the system's `ffmpeg` where there is one.
#[cfg(feature = "media")]
pub fn open_film(path: &std::path::Path) -> Result<Box<dyn Camera + Send>, film::FilmError> {
    match film::Film::open(path) {
        Ok(film) => Ok(Box::new(film)),
        Err(film::FilmError::Unsupported { path, found }) if crate::ffmpeg::is_installed() => {
            let opened = ffmpeg::FfmpegFilm::open(&path);
            let film = opened.map_err(|cause| film::FilmError::Damaged {
                path,
                cause: format!("{found}; {cause}"),
            })?;
            Ok(Box::new(film))
        }
        Err(error) => Err(error),
    }
}
