//! The head's part: where it is, and how it came there.

use std::ops::RangeInclusive;
use std::time::Duration;

use lookhear_board::{Abilities, Orientation, Ptz, PtzError, Velocity};
use lookhear_calibration::optics::{Arrival, Axis, Trace};

use super::watch::Watch;
use super::{OpticsError, Progress, along, of};

/// A head that is busy is asked again so often.
const TRIES: u32 = 5;
/// How near a driven head must come to where it shall, in degrees.
const NEAR_DEGREES: f64 = 0.2;
/// How fast a head is driven that does not go to places by itself, in degrees a second.
const DRIVEN_SPEED: f64 = 6.0;
/// How long before it is there it is told to stop: about what it takes to follow.
const STOP_EARLY_SECONDS: f64 = 0.15;
/// A turn takes this much longer than it should at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many frames are taken before a command that is watched.
const FRAMES_BEFORE: usize = 6;
/// For how long after it seems to have ended a turn is watched, and how long at least.
const WATCHED_AFTER: Duration = Duration::from_millis(800);
const WATCHED_LEAST: Duration = Duration::from_millis(2500);
const WATCHED_MOST: Duration = Duration::from_secs(12);
/// What a head at rest may tell differently from one time to the next, in degrees.
const ENCODER_NOISE_DEGREES: f64 = 0.1;

/// A head, and where it is.
pub(super) struct Posture<'a> {
    pub watch: Watch<'a>,
    abilities: Abilities,
    orientation: Orientation,
    arrivals: [Arrival; 2],
}

impl<'a> Posture<'a> {
    /// Finds out where the head is; one that does not tell goes home.
    pub fn new(watch: Watch<'a>, abilities: Abilities) -> Result<Self, OpticsError> {
        let unknown = Arrival {
            direction: 0.0,
            travelled_degrees: 0.0,
        };
        let mut posture = Self {
            watch,
            abilities,
            orientation: Orientation::default(),
            arrivals: [unknown; 2],
        };
        match posture.insist(|head| head.orientation())? {
            Some(told) => posture.orientation = told,
            None => {
                posture.watch.tell(Progress::GoingHome);
                let now = posture.watch.now();
                posture.insist(|head| head.go_home())?;
                posture.watch.rest(now)?;
            }
        }
        Ok(posture)
    }

    /// Where the head says that it looks or, where it does not, where it was told to.
    pub fn orientation(&self) -> Orientation {
        self.orientation
    }

    pub fn range(&self, axis: Axis) -> &RangeInclusive<f64> {
        match axis {
            Axis::Pan => &self.abilities.pan_degrees,
            Axis::Tilt => &self.abilities.tilt_degrees,
        }
    }

    /// How the head came to where it is.
    pub fn arrival(&self, axis: Axis) -> Arrival {
        let [pan, tilt] = self.arrivals;
        match axis {
            Axis::Pan => pan,
            Axis::Tilt => tilt,
        }
    }

    /// Turns to a place, and waits until the picture is at rest.
    pub fn turn_to(&mut self, to: Orientation, speed: f64) -> Result<(), OpticsError> {
        let commanded = self.set_out(to, speed)?;
        self.watch.rest(commanded)?;
        self.arrived(to)
    }

    /// Turns to a place and watches the picture on the way.
    pub fn trace(&mut self, axis: Axis, to: Orientation, speed: f64) -> Result<Trace, OpticsError> {
        let from = self.orientation;
        let before: Vec<_> = (0..FRAMES_BEFORE)
            .map(|_| self.watch.glance())
            .collect::<Result<_, _>>()?;
        let mut seen: Vec<(Duration, f64)> = before.iter().map(|(stamp, _)| (*stamp, 0.0)).collect();
        let Some((_, reference)) = before.into_iter().next() else {
            return Err(OpticsError::Ended);
        };
        let reference = reference.halved();
        let commanded = self.watch.now();
        let sign = (of(to, axis) - of(from, axis)).signum();
        // A head that goes to no place by itself has to be stopped there.
        let mut driven = !self.abilities.absolute;
        if driven {
            let most = self.speed(DRIVEN_SPEED);
            let velocity = along(axis, sign * most.pan.min(most.tilt));
            self.insist(|head| head.drive(velocity))?;
        } else {
            self.set_out(to, speed)?;
        }
        let mut told: Vec<(Duration, Orientation, bool)> = Vec::new();
        let mut last_moved = commanded;
        loop {
            let (stamp, picture) = self.watch.glance()?;
            if let Some(shift) = self.watch.track(&reference, &picture.halved())? {
                let shift = match axis {
                    Axis::Pan => shift.right,
                    Axis::Tilt => shift.down,
                };
                if seen.last().is_some_and(|(_, last)| (last - shift).abs() > 0.3) {
                    last_moved = stamp;
                }
                seen.push((stamp, shift));
            } else {
                last_moved = stamp;
            }
            let is_moving = self.insist(|head| head.is_moving())? == Some(true);
            if let Some(orientation) = self.insist(|head| head.orientation())? {
                told.push((self.watch.now(), orientation, is_moving));
            }
            let waited = self.watch.now().saturating_sub(commanded);
            let left = told
                .last()
                .map_or(0.0, |(_, place, _)| sign * (of(to, axis) - of(*place, axis)));
            if driven && (left <= DRIVEN_SPEED * STOP_EARLY_SECONDS || waited > WATCHED_MOST / 2) {
                self.insist(|head| head.stop())?;
                (driven, last_moved) = (false, stamp);
            }
            let quiet = stamp.saturating_sub(last_moved);
            if (waited >= WATCHED_LEAST && quiet >= WATCHED_AFTER && !is_moving && !driven) || waited > WATCHED_MOST {
                break;
            }
        }
        self.arrived(to)?;
        let since = |time: Duration| time.as_secs_f64() - commanded.as_secs_f64();
        Ok(Trace {
            axis,
            told_degrees: of(self.orientation, axis) - of(from, axis),
            frames: seen.into_iter().map(|(stamp, shift)| [since(stamp), shift]).collect(),
            told_rest_seconds: told_rest(&told, axis).map(since),
        })
    }

    /// Stops the head and, as far as that can be done without looking on, sends it back.
    pub fn give_back(&mut self, to: Orientation) -> Result<(), OpticsError> {
        let stopped = self.insist(|head| head.stop());
        if self.abilities.absolute {
            let speed = self.speed(super::STEP_SPEED);
            self.insist(|head| head.move_to(to, speed))?;
        } else if !(self.watch.devices.interrupted)() {
            self.drive_to(to)?;
        }
        Ok(stopped?)
    }

    /// Begins a turn, and gives the time of the last command.
    fn set_out(&mut self, to: Orientation, speed: f64) -> Result<Duration, OpticsError> {
        if !self.abilities.absolute {
            return self.drive_to(to);
        }
        let (now, speed) = (self.watch.now(), self.speed(speed));
        self.insist(|head| head.move_to(to, speed))?;
        Ok(now)
    }

    fn speed(&self, most: f64) -> Velocity {
        let along = |fastest: f64| {
            if fastest.is_finite() && fastest > 0.0 {
                fastest.min(most)
            } else {
                most
            }
        };
        Velocity {
            pan: along(self.abilities.fastest.pan),
            tilt: along(self.abilities.fastest.tilt),
        }
    }

    /// Drives a head that takes only speeds, one axis after the other, until it says that it is there.
    fn drive_to(&mut self, to: Orientation) -> Result<Duration, OpticsError> {
        let most = self.speed(DRIVEN_SPEED);
        let mut last = self.watch.now();
        for (axis, speed) in [(Axis::Pan, most.pan), (Axis::Tilt, most.tilt)] {
            let way = of(to, axis)
                - of(
                    self.insist(|head| head.orientation())?.unwrap_or(self.orientation),
                    axis,
                );
            if way.abs() < NEAR_DEGREES {
                continue;
            }
            let until = self.watch.now() + Duration::from_secs_f64(way.abs() / speed) + PATIENCE;
            self.insist(|head| head.drive(along(axis, speed.copysign(way))))?;
            loop {
                let seen = self.watch.glance();
                let told = self.insist(|head| head.orientation());
                let left = match (&seen, &told) {
                    (Ok(_), Ok(Some(told))) => (of(to, axis) - of(*told, axis)) * way.signum(),
                    _ => 0.0,
                };
                if left <= speed * STOP_EARLY_SECONDS || self.watch.now() > until {
                    last = self.watch.now();
                    self.insist(|head| head.stop())?;
                    seen?;
                    told?;
                    break;
                }
            }
        }
        Ok(last)
    }

    fn arrived(&mut self, to: Orientation) -> Result<(), OpticsError> {
        let before = self.orientation;
        self.orientation = self.insist(|head| head.orientation())?.unwrap_or(to);
        for (axis, arrival) in [Axis::Pan, Axis::Tilt].into_iter().zip(&mut self.arrivals) {
            let way = of(self.orientation, axis) - of(before, axis);
            if way.abs() <= 1e-6 {
                continue;
            }
            if way.signum() == arrival.direction {
                arrival.travelled_degrees += way.abs();
            } else {
                *arrival = Arrival {
                    direction: way.signum(),
                    travelled_degrees: way.abs(),
                };
            }
        }
        Ok(())
    }

    /// Has the head do something; again a few times when it is busy.
    fn insist<T>(&mut self, mut order: impl FnMut(&mut dyn Ptz) -> Result<T, PtzError>) -> Result<T, PtzError> {
        let mut tries = 0;
        loop {
            match order(self.watch.devices.head) {
                Err(PtzError::Retry { .. }) if tries < TRIES => {
                    tries += 1;
                    // A frame's time is as good a pause as any; where there is none, the head is asked all the same.
                    let _ = self.watch.glance();
                }
                outcome => return outcome,
            }
        }
    }
}

/// Since when the head has told what it told at last.
fn told_rest(told: &[(Duration, Orientation, bool)], axis: Axis) -> Option<Duration> {
    let (_, last, _) = told.last()?;
    let is_there = |place: &Orientation| (of(*place, axis) - of(*last, axis)).abs() <= ENCODER_NOISE_DEGREES;
    let moving = told
        .iter()
        .rposition(|(_, place, is_moving)| *is_moving || !is_there(place));
    told.get(moving.map_or(0, |index| index + 1)).map(|(time, _, _)| *time)
}
