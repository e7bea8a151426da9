//! How fast a head may turn, and where to.

use std::time::Duration;

use lookhear_board::{Abilities, Orientation, Velocity};

use super::settings::ControllerSettings;
use crate::attention::Zone;

/// Limits of speed and of its change, in degrees a second and degrees a second squared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    fastest: Velocity,
    slowest: f64,
    acceleration: f64,
    /// How long a speed lasts at least, in seconds.
    lasts: f64,
}

impl Limits {
    pub(super) fn new(settings: &ControllerSettings, abilities: &Abilities) -> Self {
        let most = |head: f64| {
            if head.is_finite() && head > 0.0 {
                head.min(settings.fastest_degrees_per_second)
            } else {
                settings.fastest_degrees_per_second
            }
        };
        Self {
            fastest: Velocity {
                pan: most(abilities.fastest.pan),
                tilt: most(abilities.fastest.tilt),
            },
            slowest: settings.slowest_degrees_per_second,
            acceleration: settings.acceleration_degrees_per_second_squared,
            lasts: settings.response().as_secs_f64(),
        }
    }

    pub(super) fn fastest(&self) -> Velocity {
        self.fastest
    }

    /// A velocity brought within the limits.
    pub(super) fn limited(&self, velocity: Velocity) -> Velocity {
        Velocity {
            pan: velocity.pan.clamp(-self.fastest.pan, self.fastest.pan),
            tilt: velocity.tilt.clamp(-self.fastest.tilt, self.fastest.tilt),
        }
    }

    /// The speed along each axis at which a head makes a way: so fast that it need not gather speed for more than half of it.
    pub(super) fn speed(&self, from: Orientation, to: Orientation) -> Velocity {
        let along = |way: f64, fastest: f64| {
            (self.acceleration * way.abs())
                .sqrt()
                .clamp(self.slowest.min(fastest), fastest)
        };
        let (pan, tilt) = way(from, to);
        Velocity {
            pan: along(pan, self.fastest.pan),
            tilt: along(tilt, self.fastest.tilt),
        }
    }

    /// The velocity that leads to a place and can still be taken back in time: another can be told only after a while, and takes as
    /// long to be followed.
    pub(super) fn toward(&self, from: Orientation, to: Orientation) -> Velocity {
        let along = |way: f64, fastest: f64| {
            let braking = (2.0 * self.acceleration * way.abs()).sqrt();
            let in_time = way.abs() / (2.0 * self.lasts);
            let speed = braking.min(in_time).min(fastest);
            // An axis that is there need not creep.
            let speed = if speed < self.slowest && way.abs() < self.slowest * self.lasts {
                0.0
            } else {
                speed.max(self.slowest.min(fastest))
            };
            speed.copysign(way)
        };
        let (pan, tilt) = way(from, to);
        Velocity {
            pan: along(pan, self.fastest.pan),
            tilt: along(tilt, self.fastest.tilt),
        }
    }

    /// A velocity braked where it would lead out of a zone before another can be told.
    pub(super) fn within(&self, velocity: Velocity, from: Orientation, zone: &Zone) -> Velocity {
        let along = |velocity: f64, from: f64, [low, high]: [f64; 2]| {
            let room = if velocity < 0.0 { from - low } else { high - from };
            let most = room.max(0.0) / (2.0 * self.lasts);
            let speed = velocity.abs().min(most);
            if speed < self.slowest.min(velocity.abs()) {
                0.0
            } else {
                speed.copysign(velocity)
            }
        };
        Velocity {
            pan: along(velocity.pan, from.pan_degrees, zone.pan_degrees()),
            tilt: along(velocity.tilt, from.tilt_degrees, zone.tilt_degrees()),
        }
    }

    /// One speed brought as near to another as the acceleration allows until the next command.
    pub(super) fn ramped(&self, before: Velocity, wanted: Velocity) -> Velocity {
        let most = self.acceleration * self.lasts;
        let along = |before: f64, wanted: f64| before + (wanted - before).clamp(-most, most);
        self.limited(Velocity {
            pan: along(before.pan, wanted.pan),
            tilt: along(before.tilt, wanted.tilt),
        })
    }

    /// How long a way takes at a speed, with gathering it and braking.
    pub(super) fn duration(&self, from: Orientation, to: Orientation, speed: Velocity) -> Duration {
        let along = |way: f64, speed: f64| way.abs() / speed.abs().max(1e-3) + speed.abs() / self.acceleration;
        let (pan, tilt) = way(from, to);
        let seconds = along(pan, speed.pan).max(along(tilt, speed.tilt));
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }
}

/// The range of a head, as a zone.
pub(super) fn range(abilities: &Abilities) -> Zone {
    let span = |range: &std::ops::RangeInclusive<f64>, most: f64| {
        let [from, to] = [range.start(), range.end()].map(|edge| edge.clamp(-most, most));
        [from.min(to), to.max(from)]
    };
    Zone::new(span(&abilities.pan_degrees, 180.0), span(&abilities.tilt_degrees, 90.0)).unwrap_or(Zone::EVERYWHERE)
}

/// The way from one direction to another, along pan and tilt. A head does not turn through its own back.
fn way(from: Orientation, to: Orientation) -> (f64, f64) {
    (to.pan_degrees - from.pan_degrees, to.tilt_degrees - from.tilt_degrees)
}
