//! What a camera on a pan-tilt head sees and how the head turns it, found by turning it a little and looking where its picture goes.
//! No target board is needed, only something with edges in view that keeps still.
//!
//! - [`phase_correlation`]: how far one picture is shifted against another;
//! - [`correspondence`]: where places all over the first picture lie in the second;
//! - [`fit`]: from such matches and what the head says of its turns → field of view, signs, scale, backlash;
//! - [`response`]: from a series of shifts after a command → dead time, speed, and how long the picture shakes.
//!
//! ## What can be told apart
//! A turn by a small angle shifts the middle of the picture by angle / tan(half the field of view): a camera that sees twice as
//! much and a head that turns half as far shift it alike. Two things follow.
//!
//! - With the head's degrees taken for degrees, the field of view is found precisely, *in the head's degrees*. That is the one to
//!   aim by: a head whose degrees are too small by some part is told as many more as it takes.
//! - Away from the middle a pinhole's picture moves by more, at the place x (in half-widths) by 1 + x²·tan² of half the field of
//!   view. That tells the field of view without the head's word, and so the head's scale; the wider the lens the better, and only
//!   as far as the lens is a pinhole: barrel distortion looks like a narrower lens.
//!
//! Both are told, each with its uncertainty (one standard deviation, by leaving out one turn at a time).

pub mod correspondence;
pub mod fit;
pub mod grey;
pub mod phase_correlation;
pub mod response;
mod rotation;
mod solve;
#[cfg(test)]
mod texture;

use serde::{Deserialize, Serialize};

pub use correspondence::{Match, MatchError, Matcher};
pub use fit::{Arrival, Turn, TurnFit, TurnsError};
pub use grey::GreyPicture;
pub use phase_correlation::{PhaseCorrelator, Shift};
pub use response::{Response, ResponseError, Trace};

/// A number that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its uncertainty: one standard deviation.
    pub deviation: f64,
}

impl Estimate {
    /// Whether both parts are finite, and the deviation is not below 0.
    fn is_sound(&self) -> bool {
        self.value.is_finite() && self.deviation.is_finite() && self.deviation >= 0.0
    }
}

/// An axis of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// To the right.
    Pan,
    /// Upward.
    Tilt,
}

impl Axis {
    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pan => "pan",
            Self::Tilt => "tilt",
        }
    }
}

/// How a head turns the camera about one axis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisFit {
    /// Whether the bare head counts the other way: it turns to the left, or down, when its angle grows.
    pub inverted: bool,
    /// By how many of its degrees the camera is loose: turned back, it follows only after that.
    pub backlash_degrees: Estimate,
    /// How many degrees the camera turns a degree of the head's, by the shape of a pinhole's picture; absent where that is too
    /// uncertain to be of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrees_per_head_degree: Option<Estimate>,
}

/// What was found of a camera on a pan-tilt head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpticsFit {
    /// From the left edge of the picture to the right, in degrees of the head: the one to aim by.
    pub horizontal_field_of_view_degrees: Estimate,
    /// The same by the shape of a pinhole's picture alone, in true degrees; absent where that is too uncertain to be of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinhole_field_of_view_degrees: Option<Estimate>,
    /// Turning to the right; absent where the head only tilts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pan: Option<AxisFit>,
    /// Turning upward; absent where the head only pans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tilt: Option<AxisFit>,
    /// How soon the camera follows and comes to rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
}

impl OpticsFit {
    /// What no fit could have found, in words.
    pub(crate) fn complaint(&self) -> Option<&'static str> {
        let axes = [self.pan, self.tilt];
        let axes = || axes.iter().flatten();
        let views = [
            Some(self.horizontal_field_of_view_degrees),
            self.pinhole_field_of_view_degrees,
        ];
        if !views
            .iter()
            .flatten()
            .all(|view| view.is_sound() && (1.0..=175.0).contains(&view.value))
        {
            return Some("a field of view is not between 1 and 175 degrees");
        }
        if !axes().all(|axis| axis.backlash_degrees.is_sound() && axis.backlash_degrees.value >= 0.0) {
            return Some("a backlash is below 0");
        }
        if !axes()
            .filter_map(|axis| axis.degrees_per_head_degree)
            .all(|scale| scale.is_sound() && scale.value > 0.0)
        {
            return Some("a scale of the head is not above 0");
        }
        match &self.response {
            Some(response) if !response.is_sound() => Some("a response time or speed is not a finite number from 0 on"),
            _ => None,
        }
    }
}
