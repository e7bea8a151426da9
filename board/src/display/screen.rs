//! Screens: what a drawn canvas is shown on.

use thiserror::Error;

use super::Canvas;

/// Why a screen shows nothing, sorted by what helps.
#[derive(Debug, Error)]
pub enum ScreenError {
    /// This picture was lost; the next may be shown.
    #[error("{device}: {cause}; the next picture may be shown")]
    Retry {
        /// The screen.
        device: String,
        /// What went wrong.
        cause: String,
    },
    /// The screen is of no more use until it is opened anew.
    #[error("{device}: {cause}; open it again")]
    Rebuild {
        /// The screen.
        device: String,
        /// What went wrong.
        cause: String,
    },
    /// Nothing can be shown here, now or later.
    #[error("{device}: {cause}")]
    GiveUp {
        /// The screen.
        device: String,
        /// What went wrong, and what helps.
        cause: String,
    },
}

/// A screen. Everything is drawn on a [`Canvas`] in memory first and copied over in one go: the memory of many screens is slow
/// to read, and nobody sees half a picture.
pub trait Screen: Send {
    /// Width and height in pixels.
    fn size(&self) -> (usize, usize);

    /// Shows a canvas of the screen's size; of one of another size, what of its upper left corner there is room for.
    fn show(&mut self, canvas: &Canvas) -> Result<(), ScreenError>;
}
