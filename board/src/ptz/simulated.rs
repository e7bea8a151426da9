//! A pan-tilt head that is not there: motors that take time to answer, to gather speed and to brake, and a picture of where it
//! looks that a drawn camera can look along.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::motor::Motor;
use super::{Abilities, Orientation, Ptz, PtzError, Velocity};
use crate::Clock;

/// What a simulated head can do and how well. Angles in degrees, speeds in degrees a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulatedHeadSettings {
    /// Leftmost and rightmost, in degrees.
    pub pan_range_degrees: [f64; 2],
    /// Lowest and highest, in degrees.
    pub tilt_range_degrees: [f64; 2],
    /// The fastest that it pans, degrees a second.
    pub fastest_pan: f64,
    /// The fastest that it tilts, degrees a second.
    pub fastest_tilt: f64,
    /// How quickly it gathers speed and brakes, degrees a second squared.
    pub acceleration: f64,
    /// How long after a command its motors follow, in seconds.
    pub latency_seconds: f64,
    /// By how much the camera is loose on its gears, in degrees: turned back, it follows only after that.
    pub backlash_degrees: f64,
    /// Whether it takes absolute positions.
    pub absolute: bool,
    /// Whether it takes speeds.
    pub continuous: bool,
    /// Whether it tells where it looks.
    pub tells_orientation: bool,
}

impl Default for SimulatedHeadSettings {
    /// A conference camera of the middling sort.
    fn default() -> Self {
        Self {
            pan_range_degrees: [-170.0, 170.0],
            tilt_range_degrees: [-30.0, 90.0],
            fastest_pan: 100.0,
            fastest_tilt: 80.0,
            acceleration: 400.0,
            latency_seconds: 0.08,
            backlash_degrees: 0.0,
            absolute: true,
            continuous: true,
            tells_orientation: true,
        }
    }
}

/// Where a simulated head looks, at any moment of the last half minute and, unless it is told something else, of the future.
#[derive(Debug)]
pub struct Eye(Mutex<Axes>);

#[derive(Debug)]
struct Axes {
    pan: Motor,
    tilt: Motor,
}

impl Eye {
    /// Where the camera looks at a moment of the head's clock. With backlash that is not quite where the head believes.
    pub fn orientation_at(&self, time: Duration) -> Orientation {
        let time = time.as_secs_f64();
        self.with(|axes| Orientation {
            pan_degrees: axes.pan.load_at(time),
            tilt_degrees: axes.tilt.load_at(time),
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Axes) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A head that is not there.
pub struct SimulatedHead {
    clock: Arc<dyn Clock>,
    abilities: Abilities,
    latency: Duration,
    eye: Arc<Eye>,
}

impl SimulatedHead {
    /// A head at rest at (0, 0), or as near to that as its range comes. Everything that it does follows from its commands and
    /// from when, by `clock`, they were given.
    pub fn new(clock: Arc<dyn Clock>, settings: SimulatedHeadSettings) -> Self {
        let motor = |range: &RangeInclusive<f64>, fastest: f64| {
            Motor::new(
                range.clone(),
                0.0_f64.clamp(*range.start(), *range.end()),
                fastest.abs(),
                // Without any there would be no movement at all.
                settings.acceleration.abs().max(1e-3),
                settings.backlash_degrees.abs(),
            )
        };
        let range = |[one, other]: [f64; 2]| one.min(other)..=one.max(other);
        let (pan, tilt) = (range(settings.pan_range_degrees), range(settings.tilt_range_degrees));
        let axes = Axes {
            pan: motor(&pan, settings.fastest_pan),
            tilt: motor(&tilt, settings.fastest_tilt),
        };
        Self {
            clock,
            abilities: Abilities {
                absolute: settings.absolute,
                continuous: settings.continuous,
                tells_orientation: settings.tells_orientation,
                pan_degrees: pan,
                tilt_degrees: tilt,
                fastest: Velocity {
                    pan: settings.fastest_pan.abs(),
                    tilt: settings.fastest_tilt.abs(),
                },
            },
            latency: Duration::try_from_secs_f64(settings.latency_seconds).unwrap_or_default(),
            eye: Arc::new(Eye(Mutex::new(axes))),
        }
    }

    /// Where it looks, for a camera that looks along.
    pub fn eye(&self) -> Arc<Eye> {
        Arc::clone(&self.eye)
    }

    /// Has the motors do something as soon as they follow.
    fn command(&self, order: impl FnOnce(&mut Axes, f64)) {
        let time = (self.clock.now() + self.latency).as_secs_f64();
        self.eye.with(|axes| order(axes, time));
    }

    fn refuse(what: &str) -> PtzError {
        PtzError::GiveUp {
            device: "the simulated head".to_owned(),
            cause: format!("it does not take {what}, as it was set up"),
        }
    }
}

impl Ptz for SimulatedHead {
    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn orientation(&mut self) -> Result<Option<Orientation>, PtzError> {
        let time = self.clock.now().as_secs_f64();
        Ok(self.abilities.tells_orientation.then(|| {
            self.eye.with(|axes| Orientation {
                pan_degrees: axes.pan.position_at(time),
                tilt_degrees: axes.tilt.position_at(time),
            })
        }))
    }

    fn is_moving(&mut self) -> Result<Option<bool>, PtzError> {
        let time = self.clock.now().as_secs_f64();
        Ok(self.abilities.tells_orientation.then(|| {
            self.eye
                .with(|axes| !(axes.pan.rests_from(time) && axes.tilt.rests_from(time)))
        }))
    }

    fn move_to(&mut self, to: Orientation, speed: Velocity) -> Result<(), PtzError> {
        if !self.abilities.absolute {
            return Err(Self::refuse("absolute positions"));
        }
        self.command(|axes, time| {
            axes.pan.move_to(to.pan_degrees, speed.pan, time);
            axes.tilt.move_to(to.tilt_degrees, speed.tilt, time);
        });
        Ok(())
    }

    fn drive(&mut self, velocity: Velocity) -> Result<(), PtzError> {
        if !self.abilities.continuous {
            return Err(Self::refuse("speeds"));
        }
        self.command(|axes, time| {
            axes.pan.drive(velocity.pan, time);
            axes.tilt.drive(velocity.tilt, time);
        });
        Ok(())
    }

    fn stop(&mut self) -> Result<(), PtzError> {
        self.command(|axes, time| {
            axes.pan.drive(0.0, time);
            axes.tilt.drive(0.0, time);
        });
        Ok(())
    }

    fn go_home(&mut self) -> Result<(), PtzError> {
        let fastest = self.abilities.fastest;
        self.command(|axes, time| {
            axes.pan.move_to(0.0, fastest.pan, time);
            axes.tilt.move_to(0.0, fastest.tilt, time);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
