//! What every source of frames or blocks says when it is asked for the next one.

use thiserror::Error;

/// How a request for the next frame or block went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Delivery {
    /// The buffer was filled.
    Fresh,
    /// The source has come to its end as it should; the buffer was left as it was, and there will be no more.
    Ended,
}

/// Why a source delivered nothing, sorted by what helps. The buffer was left as it was.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// This one was lost; ask again.
    #[error("{device}: {cause}; the next may be good")]
    Retry {
        /// The device or file.
        device: String,
        /// What went wrong.
        cause: String,
    },
    /// The source is of no more use until it is opened anew.
    #[error("{device}: {cause}; open it again")]
    Rebuild {
        /// The device or file.
        device: String,
        /// What went wrong.
        cause: String,
    },
    /// The source has ended, and what it delivered is not all that it should have been; there will be no more.
    #[error("{device}: {cause}")]
    Incomplete {
        /// The device or file.
        device: String,
        /// What is missing, and why.
        cause: String,
    },
    /// Nothing can be had from this source, now or later.
    #[error("{device}: {cause}")]
    GiveUp {
        /// The device or file.
        device: String,
        /// What went wrong, and what helps.
        cause: String,
    },
}

impl CaptureError {
    /// Device and cause, without what helps.
    pub fn reason(&self) -> String {
        let (Self::Retry { device, cause }
        | Self::Rebuild { device, cause }
        | Self::Incomplete { device, cause }
        | Self::GiveUp { device, cause }) = self;
        format!("{device}: {cause}")
    }
}
