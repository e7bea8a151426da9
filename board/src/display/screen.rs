//! Screens: what a drawn canvas is shown on.

use std::io;

use rustix::io::Errno;
use thiserror::Error;

use super::Canvas;

/// Why a screen shows nothing, sorted by what helps.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
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

impl ScreenError {
    /// What the system said while the screen was being opened or drawn on, sorted.
    pub(super) fn of_system(device: &str, attempt: &str, error: &io::Error) -> Self {
        let device = device.to_owned();
        let cause = format!("cannot {attempt}: {error}");
        match Errno::from_io_error(error) {
            Some(Errno::ACCESS | Errno::PERM) => Self::GiveUp {
                device,
                cause: format!(
                    "{cause}: give the program access (add its user to the group video), and end any desktop or other \
                     program that draws on this screen"
                ),
            },
            Some(Errno::INTR | Errno::AGAIN | Errno::BUSY) => Self::Retry { device, cause },
            _ => Self::Rebuild { device, cause },
        }
    }
}

/// A screen. Everything is drawn on a [`Canvas`] in memory first and copied over in one go: the memory of many screens is slow
/// to read, and nobody sees half a picture.
pub trait Screen: Send {
    /// What to call it in a message: a device with its connector or driver.
    fn name(&self) -> &str;

    /// Width and height in pixels, as a person sees it: turned with the screen.
    fn size(&self) -> (usize, usize);

    /// Shows a canvas of the screen's size; of one of another size, what of its upper left corner there is room for.
    ///
    /// It may wait for as long as the screen needs to take a picture over, a tenth of a second at most; a picture for which
    /// there is no time is [`ScreenError::Retry`].
    fn show(&mut self, canvas: &Canvas) -> Result<(), ScreenError>;
}
