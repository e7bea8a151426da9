//! From places in the picture to directions in the room, and back.
//!
//! The camera is taken for a pinhole on a pan-tilt head whose axes cross in it: the ray of a place is tilted up, then turned to
//! the right. That is exact for such a head; lenses distort, the more the wider they are, which costs a wide camera a few degrees
//! at the edges and nothing in the middle, where the controller brings things.

use lookhear_board::Orientation;
use serde::{Deserialize, Serialize};

use crate::perception::heatmap::Point;

/// The narrowest and the widest that a pinhole can be taken for, in degrees.
const NARROWEST_DEGREES: f64 = 1.0;
const WIDEST_DEGREES: f64 = 170.0;

/// What has to be known of a camera's lens.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpticsSettings {
    /// How much the camera sees from its left edge to its right, in degrees, 1..170. Its maker tells; zoomed in it is less. Left out,
    /// what was fitted on this device or else 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizontal_field_of_view_degrees: Option<f64>,
}

impl OpticsSettings {
    /// What a camera is taken to see, in degrees, where nobody says.
    pub const USUAL_DEGREES: f64 = 60.0;

    /// How much the camera sees from its left edge to its right, in degrees, 1..170.
    pub fn horizontal_degrees(&self) -> f64 {
        match self.horizontal_field_of_view_degrees {
            Some(degrees) if degrees.is_finite() => degrees.clamp(NARROWEST_DEGREES, WIDEST_DEGREES),
            _ => Self::USUAL_DEGREES,
        }
    }
}

/// How much a camera sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Optics {
    /// Tangent of half the horizontal field of view.
    half_width: f64,
    /// Tangent of half the vertical field of view.
    half_height: f64,
}

impl Optics {
    /// Of a camera whose pictures are so many pixels wide and high; pixels are square. A field of view outside of 1..170 degrees
    /// is brought to the nearest of these.
    pub fn new(settings: &OpticsSettings, width: usize, height: usize) -> Self {
        let half_width = (settings.horizontal_degrees() / 2.0).to_radians().tan();
        Self {
            half_width,
            half_height: half_width * height.max(1) as f64 / width.max(1) as f64,
        }
    }

    /// From the left edge to the right, in degrees.
    pub fn horizontal_degrees(&self) -> f64 {
        2.0 * self.half_width.atan().to_degrees()
    }

    /// From the upper edge to the lower, in degrees.
    pub fn vertical_degrees(&self) -> f64 {
        2.0 * self.half_height.atan().to_degrees()
    }
}

/// A camera as it stood at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CameraView {
    /// How much it sees.
    pub optics: Optics,
    /// Where it looked.
    pub orientation: Orientation,
}

impl CameraView {
    /// The direction in which a place in the picture lies (0..1 of its width and height, from the upper left).
    pub fn bearing(&self, place: Point) -> Orientation {
        let right = (2.0 * f64::from(place.x) - 1.0) * self.optics.half_width;
        let up = (1.0 - 2.0 * f64::from(place.y)) * self.optics.half_height;
        let (tilt_sine, tilt_cosine) = self.orientation.tilt_degrees.to_radians().sin_cos();
        let (ahead, up) = (tilt_cosine - up * tilt_sine, tilt_sine + up * tilt_cosine);
        Orientation {
            pan_degrees: within_turn(self.orientation.pan_degrees + right.atan2(ahead).to_degrees()),
            tilt_degrees: up.atan2(right.hypot(ahead)).to_degrees(),
        }
    }

    /// The place in the picture at which something in a direction is seen; `None` where it is out of the picture.
    pub fn place(&self, bearing: Orientation) -> Option<Point> {
        let (pan_sine, pan_cosine) = (bearing.pan_degrees - self.orientation.pan_degrees)
            .to_radians()
            .sin_cos();
        let (up, level) = bearing.tilt_degrees.to_radians().sin_cos();
        let (right, ahead) = (level * pan_sine, level * pan_cosine);
        let (tilt_sine, tilt_cosine) = self.orientation.tilt_degrees.to_radians().sin_cos();
        let (ahead, up) = (
            ahead * tilt_cosine + up * tilt_sine,
            up * tilt_cosine - ahead * tilt_sine,
        );
        if ahead <= 1e-9 {
            return None;
        }
        let place = Point {
            x: (0.5 + 0.5 * right / ahead / self.optics.half_width) as f32,
            y: (0.5 - 0.5 * up / ahead / self.optics.half_height) as f32,
        };
        // A place on the very edge may come back by a rounding beyond it.
        let inside = |share: f32| (-1e-5..=1.0 + 1e-5).contains(&share);
        (inside(place.x) && inside(place.y)).then_some(Point {
            x: place.x.clamp(0.0, 1.0),
            y: place.y.clamp(0.0, 1.0),
        })
    }
}

/// The angle between two directions, in degrees, 0..180.
pub fn angle_degrees(a: Orientation, b: Orientation) -> f64 {
    // The haversine keeps its precision where the directions are close, which is where it counts.
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let (a_level, b_level) = (a.tilt_degrees.to_radians().cos(), b.tilt_degrees.to_radians().cos());
    let haversine = half(a.tilt_degrees, b.tilt_degrees) + a_level * b_level * half(a.pan_degrees, b.pan_degrees);
    2.0 * haversine.clamp(0.0, 1.0).sqrt().asin().to_degrees()
}

/// How far it is from one pan to another the short way round, in degrees, −180..180.
pub fn pan_difference_degrees(from: f64, to: f64) -> f64 {
    within_turn(to - from)
}

/// An angle brought into −180..180 degrees.
pub(crate) fn within_turn(degrees: f64) -> f64 {
    degrees - 360.0 * (degrees / 360.0).round()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn camera(degrees: f64, pan: f64, tilt: f64) -> CameraView {
        let settings = OpticsSettings {
            horizontal_field_of_view_degrees: Some(degrees),
        };
        CameraView {
            optics: Optics::new(&settings, 640, 360),
            orientation: Orientation {
                pan_degrees: pan,
                tilt_degrees: tilt,
            },
        }
    }

    #[test]
    fn the_middle_is_where_the_camera_looks_and_the_edge_half_a_field_beside() {
        let level = camera(60.0, 20.0, 0.0);
        let middle = level.bearing(Point { x: 0.5, y: 0.5 });
        assert!((middle.pan_degrees - 20.0).abs() < 1e-9 && middle.tilt_degrees.abs() < 1e-9);
        let right = level.bearing(Point { x: 1.0, y: 0.5 });
        assert!((right.pan_degrees - 50.0).abs() < 1e-9, "{right:?}");
        let top = level.bearing(Point { x: 0.5, y: 0.0 });
        assert!((top.tilt_degrees - level.optics.vertical_degrees() / 2.0).abs() < 1e-9);
        assert!((level.optics.vertical_degrees() - 35.98).abs() < 0.01);
    }

    #[test]
    fn a_tilted_camera_sees_further_round_at_its_upper_edge() {
        // By hand: the ray (0.5774, 0.3248, 1) tilted up by 30° is (0.5774, 0.7813, 0.7036).
        let bearing = camera(60.0, 0.0, 30.0).bearing(Point { x: 1.0, y: 0.0 });
        assert!((bearing.pan_degrees - 39.37).abs() < 0.01, "{bearing:?}");
        assert!((bearing.tilt_degrees - 40.65).abs() < 0.01, "{bearing:?}");
    }

    #[test]
    fn what_lies_outside_or_behind_has_no_place() {
        let view = camera(60.0, 170.0, 0.0);
        let at = |pan: f64| {
            view.place(Orientation {
                pan_degrees: pan,
                tilt_degrees: 0.0,
            })
        };
        assert_eq!(at(-10.0), None);
        assert_eq!(at(130.0), None);
        assert!((at(-170.0).unwrap().x - 0.815).abs() < 0.001, "across the seam");
    }

    proptest! {
        #[test]
        fn there_and_back(
            degrees in 5.0f64..120.0, pan in -180.0f64..180.0, tilt in -89.0f64..89.0, x in 0.0f32..=1.0, y in 0.0f32..=1.0,
        ) {
            let view = camera(degrees, pan, tilt);
            let bearing = view.bearing(Point { x, y });
            prop_assert!((-180.0..=180.0).contains(&bearing.pan_degrees) && bearing.tilt_degrees.abs() <= 90.0);
            let again = view.place(bearing).unwrap();
            prop_assert!((again.x - x).abs() < 1e-4 && (again.y - y).abs() < 1e-4, "{again:?}");
        }

        #[test]
        fn turning_the_head_turns_the_bearing_along(pan in -90.0f64..90.0, by in -60.0f64..60.0, x in 0.0f32..=1.0) {
            let place = Point { x, y: 0.3 };
            let (one, other) = (camera(70.0, pan, 12.0).bearing(place), camera(70.0, pan + by, 12.0).bearing(place));
            prop_assert!((pan_difference_degrees(one.pan_degrees, other.pan_degrees) - by).abs() < 1e-9);
            prop_assert!((one.tilt_degrees - other.tilt_degrees).abs() < 1e-9);
        }
    }
}
