//! Parts of the room.

use lookhear_board::Orientation;
use serde::{Deserialize, Serialize};

/// A rectangle of bearings, its edges included. One that reaches across the back, from 170 to −170 degrees of pan, is to be
/// written as two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Written")]
pub struct Zone {
    /// From its left edge to its right, in degrees of pan, −180..180.
    pan_degrees: [f64; 2],
    /// From its lower edge to its upper, in degrees of tilt, −90..90.
    tilt_degrees: [f64; 2],
}

impl Zone {
    /// All bearings.
    pub const EVERYWHERE: Self = Self {
        pan_degrees: [-180.0, 180.0],
        tilt_degrees: [-90.0, 90.0],
    };

    /// From the left edge to the right and from the lower to the upper, in degrees; `None` unless both are in that order and
    /// within −180..180 and −90..90.
    pub fn new(pan_degrees: [f64; 2], tilt_degrees: [f64; 2]) -> Option<Self> {
        let ordered = |[from, to]: [f64; 2], most: f64| -most <= from && from <= to && to <= most;
        (ordered(pan_degrees, 180.0) && ordered(tilt_degrees, 90.0)).then_some(Self {
            pan_degrees,
            tilt_degrees,
        })
    }

    /// From the left edge to the right, in degrees.
    pub fn pan_degrees(&self) -> [f64; 2] {
        self.pan_degrees
    }

    /// From the lower edge to the upper, in degrees.
    pub fn tilt_degrees(&self) -> [f64; 2] {
        self.tilt_degrees
    }

    /// Whether a bearing lies in it.
    pub fn contains(&self, bearing: Orientation) -> bool {
        self.nearest(bearing) == bearing
    }

    /// The bearing in it that lies nearest along each axis.
    pub fn nearest(&self, bearing: Orientation) -> Orientation {
        let [left, right] = self.pan_degrees;
        let [low, high] = self.tilt_degrees;
        Orientation {
            pan_degrees: bearing.pan_degrees.clamp(left, right),
            tilt_degrees: bearing.tilt_degrees.clamp(low, high),
        }
    }

    /// What lies in both; where nothing does, the part of this zone that is nearest to the other.
    pub fn within(&self, other: &Self) -> Self {
        let along = |[from, to]: [f64; 2], [low, high]: [f64; 2]| [from.clamp(low, high), to.clamp(low, high)];
        Self {
            pan_degrees: along(other.pan_degrees, self.pan_degrees),
            tilt_degrees: along(other.tilt_degrees, self.tilt_degrees),
        }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::EVERYWHERE
    }
}

/// A zone as a person writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    pan_degrees: [f64; 2],
    tilt_degrees: [f64; 2],
}

impl TryFrom<Written> for Zone {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        Self::new(written.pan_degrees, written.tilt_degrees).ok_or_else(|| {
            "a zone goes from its left edge to its right (-180 to 180) and from its lower edge to its upper (-90 to 90)"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_bearing_is_brought_to_the_nearest_edge() {
        let zone: Zone = toml::from_str("pan_degrees = [-30, 40]\ntilt_degrees = [-10, 20.5]").unwrap();
        let inside = Orientation {
            pan_degrees: 40.0,
            tilt_degrees: 0.0,
        };
        assert!(zone.contains(inside));
        let outside = Orientation {
            pan_degrees: 41.0,
            tilt_degrees: -11.0,
        };
        assert!(!zone.contains(outside));
        let nearest = zone.nearest(outside);
        assert_eq!((nearest.pan_degrees, nearest.tilt_degrees), (40.0, -10.0));
    }

    #[test]
    fn two_zones_share_what_lies_in_both() {
        let allowed = Zone::new([-30.0, 40.0], [-10.0, 20.0]).unwrap();
        let reachable = Zone::new([-100.0, 10.0], [-90.0, 90.0]).unwrap();
        assert_eq!(
            reachable.within(&allowed),
            Zone::new([-30.0, 10.0], [-10.0, 20.0]).unwrap()
        );
        let apart = Zone::new([50.0, 60.0], [0.0, 1.0]).unwrap();
        assert_eq!(reachable.within(&apart), Zone::new([10.0, 10.0], [0.0, 1.0]).unwrap());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "pan_degrees = [40, -30]\ntilt_degrees = [0, 1]",
            "pan_degrees = [nan, 1]\ntilt_degrees = [0, 1]",
            "pan_degrees = [0, 181]\ntilt_degrees = [0, 1]",
            "pan_degrees = [0, 1]",
        ] {
            assert!(toml::from_str::<Zone>(text).is_err(), "{text}");
        }
    }
}
