//! Pan-tilt heads behind one small trait, in degrees.
//!
//! Pan grows to the right and tilt upward, both as seen by the camera; (0, 0) is the middle of its range or, where there is
//! none, the direction in which it looks when it is switched on. What a head counts in (arc-seconds, VISCA's units, ONVIF's
//! −1..1) stays within its driver.

mod motor;
pub mod mount;
#[cfg(feature = "devices")]
pub mod onvif;
#[cfg(feature = "devices")]
pub mod settings;
pub mod simulated;
#[cfg(feature = "devices")]
pub mod uvc;
#[cfg(feature = "devices")]
pub mod visca;

use std::ops::RangeInclusive;

use thiserror::Error;

#[cfg(feature = "devices")]
pub use settings::{Halted, PtzKind, PtzSettings, halt, open};
pub use simulated::{Eye, SimulatedHead, SimulatedHeadSettings};

/// Where a camera looks, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Orientation {
    /// To the right.
    pub pan_degrees: f64,
    /// Upward.
    pub tilt_degrees: f64,
}

/// How fast a camera turns, in degrees a second; the signs are those of [`Orientation`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Velocity {
    /// To the right.
    pub pan: f64,
    /// Upward.
    pub tilt: f64,
}

/// What a head can do.
#[derive(Debug, Clone, PartialEq)]
pub struct Abilities {
    /// It takes [`Ptz::move_to`].
    pub absolute: bool,
    /// It takes [`Ptz::drive`].
    pub continuous: bool,
    /// It tells where it looks: [`Ptz::orientation`] is never `None`.
    pub tells_orientation: bool,
    /// Where it can look, in degrees.
    pub pan_degrees: RangeInclusive<f64>,
    /// Where it can look, in degrees.
    pub tilt_degrees: RangeInclusive<f64>,
    /// The fastest that it turns, degrees a second along each axis; an assumption where the head does not tell.
    pub fastest: Velocity,
}

/// Why a head did not do what it was told, sorted by what helps.
#[derive(Debug, Error)]
pub enum PtzError {
    /// It is still busy, or the line was disturbed: ask again later.
    #[error("{device}: {cause}; try again")]
    Retry {
        /// The head.
        device: String,
        /// What went wrong.
        cause: String,
    },
    /// The connection is of no more use: open it again.
    #[error("{device}: {cause}; open it again")]
    Rebuild {
        /// The head.
        device: String,
        /// What went wrong.
        cause: String,
    },
    /// This head will never do that.
    #[error("{device}: {cause}")]
    GiveUp {
        /// The head.
        device: String,
        /// What went wrong, and what helps.
        cause: String,
    },
}

/// A pan-tilt head.
///
/// Every call returns once the head has taken the command, or after the driver's timeout (at most a second or so); none
/// waits for the movement to end. Targets outside of the range are brought to its edge.
pub trait Ptz: Send {
    /// What it can do, as found out when it was opened.
    fn abilities(&self) -> &Abilities;

    /// Where it looks; `None` where it does not tell.
    fn orientation(&mut self) -> Result<Option<Orientation>, PtzError>;

    /// Whether a [`move_to`](Self::move_to) or [`go_home`](Self::go_home) is still under way; `None` where it does not tell.
    fn is_moving(&mut self) -> Result<Option<bool>, PtzError>;

    /// Turns to a direction, along each axis at most at the speed given by its magnitude in `speed`.
    fn move_to(&mut self, to: Orientation, speed: Velocity) -> Result<(), PtzError>;

    /// Turns at a speed until told otherwise; a speed of zero stops.
    fn drive(&mut self, velocity: Velocity) -> Result<(), PtzError>;

    /// Stops whatever movement is under way. It sends the command even when the head has not answered for long.
    fn stop(&mut self) -> Result<(), PtzError>;

    /// Turns to where the head itself is at home; for one without a home, to (0, 0).
    fn go_home(&mut self) -> Result<(), PtzError>;
}

impl<P: Ptz + ?Sized> Ptz for Box<P> {
    fn abilities(&self) -> &Abilities {
        (**self).abilities()
    }

    fn orientation(&mut self) -> Result<Option<Orientation>, PtzError> {
        (**self).orientation()
    }

    fn is_moving(&mut self) -> Result<Option<bool>, PtzError> {
        (**self).is_moving()
    }

    fn move_to(&mut self, to: Orientation, speed: Velocity) -> Result<(), PtzError> {
        (**self).move_to(to, speed)
    }

    fn drive(&mut self, velocity: Velocity) -> Result<(), PtzError> {
        (**self).drive(velocity)
    }

    fn stop(&mut self) -> Result<(), PtzError> {
        (**self).stop()
    }

    fn go_home(&mut self) -> Result<(), PtzError> {
        (**self).go_home()
    }
}
