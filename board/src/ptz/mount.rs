//! How a head is mounted: upside down or mirrored, and with less room or haste than it has by itself.

use std::ops::RangeInclusive;

use super::{Abilities, Orientation, Ptz, PtzError, Velocity};

/// What a person says of a mounted head. Where something is `None`, what the head says of itself holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mounting {
    /// It turns to the left when told to turn to the right.
    pub pan_inverted: bool,
    /// It turns down when told to turn up.
    pub tilt_inverted: bool,
    /// Where it may look, in degrees, as seen by the camera as it is mounted.
    pub pan_degrees: Option<RangeInclusive<f64>>,
    /// Where it may look, in degrees, as seen by the camera as it is mounted.
    pub tilt_degrees: Option<RangeInclusive<f64>>,
    /// The fastest that it may pan, degrees a second.
    pub fastest_pan: Option<f64>,
    /// The fastest that it may tilt, degrees a second.
    pub fastest_tilt: Option<f64>,
}

/// A head as it is mounted. It brings targets to the edge of its range and speeds to the fastest that it may turn; a head that
/// is driven at a speed stops at its own edge only.
pub struct Mounted<P> {
    head: P,
    mounting: Mounting,
    abilities: Abilities,
}

impl<P: Ptz> Mounted<P> {
    /// Mounts a head.
    pub fn new(head: P, mounting: Mounting) -> Self {
        let own = head.abilities();
        let seen = |range: &RangeInclusive<f64>, inverted: bool| {
            if inverted {
                -range.end()..=-range.start()
            } else {
                range.clone()
            }
        };
        let limited = |limit: Option<f64>, fastest: f64| limit.map_or(fastest, |limit| limit.min(fastest));
        let abilities = Abilities {
            pan_degrees: mounting
                .pan_degrees
                .clone()
                .unwrap_or_else(|| seen(&own.pan_degrees, mounting.pan_inverted)),
            tilt_degrees: mounting
                .tilt_degrees
                .clone()
                .unwrap_or_else(|| seen(&own.tilt_degrees, mounting.tilt_inverted)),
            fastest: Velocity {
                pan: limited(mounting.fastest_pan, own.fastest.pan),
                tilt: limited(mounting.fastest_tilt, own.fastest.tilt),
            },
            ..own.clone()
        };
        Self {
            head,
            mounting,
            abilities,
        }
    }

    /// Between what the head calls its angles and what they are.
    fn turned(&self, pan: f64, tilt: f64) -> (f64, f64) {
        let sign = |inverted: bool| if inverted { -1.0 } else { 1.0 };
        (
            pan * sign(self.mounting.pan_inverted),
            tilt * sign(self.mounting.tilt_inverted),
        )
    }

    fn limited(&self, velocity: Velocity) -> Velocity {
        let fastest = self.abilities.fastest;
        let (pan, tilt) = self.turned(
            velocity.pan.clamp(-fastest.pan, fastest.pan),
            velocity.tilt.clamp(-fastest.tilt, fastest.tilt),
        );
        Velocity { pan, tilt }
    }
}

impl<P: Ptz> Ptz for Mounted<P> {
    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn orientation(&mut self) -> Result<Option<Orientation>, PtzError> {
        let told = self.head.orientation()?;
        Ok(told.map(|told| {
            let (pan_degrees, tilt_degrees) = self.turned(told.pan_degrees, told.tilt_degrees);
            Orientation {
                pan_degrees,
                tilt_degrees,
            }
        }))
    }

    fn is_moving(&mut self) -> Result<Option<bool>, PtzError> {
        self.head.is_moving()
    }

    fn move_to(&mut self, to: Orientation, speed: Velocity) -> Result<(), PtzError> {
        let (pan, tilt) = (&self.abilities.pan_degrees, &self.abilities.tilt_degrees);
        let (pan_degrees, tilt_degrees) = self.turned(
            to.pan_degrees.clamp(*pan.start(), *pan.end()),
            to.tilt_degrees.clamp(*tilt.start(), *tilt.end()),
        );
        let to = Orientation {
            pan_degrees,
            tilt_degrees,
        };
        self.head.move_to(to, self.limited(speed))
    }

    fn drive(&mut self, velocity: Velocity) -> Result<(), PtzError> {
        self.head.drive(self.limited(velocity))
    }

    fn stop(&mut self) -> Result<(), PtzError> {
        self.head.stop()
    }

    fn go_home(&mut self) -> Result<(), PtzError> {
        self.head.go_home()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::ManualClock;
    use crate::ptz::{SimulatedHead, SimulatedHeadSettings};

    fn rig(mounting: Mounting) -> (Arc<ManualClock>, Mounted<SimulatedHead>) {
        let clock = Arc::new(ManualClock::default());
        let head = SimulatedHead::new(clock.clone(), SimulatedHeadSettings::default());
        (clock, Mounted::new(head, mounting))
    }

    #[test]
    fn upside_down_everything_is_turned() {
        let (clock, mut head) = rig(Mounting {
            pan_inverted: true,
            tilt_inverted: true,
            ..Mounting::default()
        });
        assert_eq!(head.abilities().tilt_degrees, -90.0..=30.0);
        head.drive(Velocity { pan: 10.0, tilt: -10.0 }).unwrap();
        clock.advance(Duration::from_secs(1));
        let own = head.head.orientation().unwrap().unwrap();
        let told = head.orientation().unwrap().unwrap();
        assert!(told.pan_degrees > 5.0 && told.tilt_degrees < -5.0, "{told:?}");
        assert_eq!(
            (own.pan_degrees, own.tilt_degrees),
            (-told.pan_degrees, -told.tilt_degrees)
        );
    }

    #[test]
    fn limits_hold_as_the_person_sees_them() {
        let (clock, mut head) = rig(Mounting {
            pan_inverted: true,
            pan_degrees: Some(-20.0..=60.0),
            fastest_pan: Some(10.0),
            fastest_tilt: Some(1e6),
            ..Mounting::default()
        });
        assert_eq!(head.abilities().fastest, Velocity { pan: 10.0, tilt: 80.0 });
        let (to, speed) = (
            Orientation {
                pan_degrees: -100.0,
                tilt_degrees: 500.0,
            },
            Velocity {
                pan: 100.0,
                tilt: 100.0,
            },
        );
        head.move_to(to, speed).unwrap();
        clock.advance(Duration::from_secs(1));
        let told = head.orientation().unwrap().unwrap();
        assert!((-10.0..-8.0).contains(&told.pan_degrees), "{told:?}");
        clock.advance(Duration::from_secs(10));
        let told = head.orientation().unwrap().unwrap();
        assert!(
            (told.pan_degrees + 20.0).abs() < 1e-9 && (told.tilt_degrees - 90.0).abs() < 1e-9,
            "{told:?}"
        );
    }
}
