//! Where the camera looks and looked, and whether it moved: as the head tells or, where it does not, as it was told to.

use std::collections::VecDeque;
use std::time::Duration;

use lookhear_board::{Orientation, Velocity};

use crate::attention::optics::angle_degrees;

/// How many steps are remembered: at 20 a second more than ten seconds, longer than any picture is on its way.
const MOST_MOMENTS: usize = 256;
/// What a head at rest may seem to move between two steps, in degrees: the last digit of its encoder.
const ENCODER_NOISE_DEGREES: f64 = 0.1;

/// What the head is doing as far as it was told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Course {
    /// It stands.
    Rest,
    /// It is on its way, at a speed along each axis.
    To(Orientation, Velocity),
    /// It turns on and on.
    Along(Velocity),
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    time: Duration,
    orientation: Orientation,
    moving: bool,
}

/// The track of the camera.
#[derive(Debug, Clone)]
pub(super) struct Slew {
    now: Option<Duration>,
    orientation: Orientation,
    /// When what the head tells last changed, or began.
    changed: Duration,
    /// Since when the head has said without a break that it moves.
    told_moving_since: Option<Duration>,
    told: bool,
    past: VecDeque<Moment>,
}

impl Slew {
    /// Of a head that is taken to look at `start` until it tells something else.
    pub(super) fn new(start: Orientation) -> Self {
        Self {
            now: None,
            orientation: start,
            changed: Duration::ZERO,
            told_moving_since: None,
            told: false,
            past: VecDeque::with_capacity(MOST_MOMENTS),
        }
    }

    /// Where it looks now.
    pub(super) fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// Takes in what the head tells at `now`; where it tells nothing it follows the course that it was on since the last time.
    pub(super) fn observe(
        &mut self,
        now: Duration,
        orientation: Option<Orientation>,
        is_moving: Option<bool>,
        course: Course,
    ) {
        let elapsed = now.saturating_sub(self.now.unwrap_or(now)).as_secs_f64();
        let finite = |told: &Orientation| told.pan_degrees.is_finite() && told.tilt_degrees.is_finite();
        let told = orientation.filter(finite);
        let next = told.unwrap_or_else(|| follow(self.orientation, course, elapsed));
        if self.now.is_none() || angle_degrees(next, self.orientation) > ENCODER_NOISE_DEGREES {
            self.changed = now;
            self.orientation = next;
        } else if told.is_none() {
            self.orientation = next;
        }
        self.told = told.is_some();
        self.told_moving_since = match is_moving {
            Some(true) => Some(self.told_moving_since.unwrap_or(now)),
            _ => None,
        };
        self.now = Some(now);
    }

    /// For how long what the head tells has stayed the same; `None` where it tells nothing.
    pub(super) fn still_for(&self, now: Duration) -> Option<Duration> {
        self.told.then(|| now.saturating_sub(self.changed))
    }

    /// Whether it moves by itself: it says so, which is believed for as long as a movement may take, or its orientation changes.
    pub(super) fn is_seen_moving(&self, now: Duration, believed_for: Duration) -> bool {
        let says_so = self
            .told_moving_since
            .is_some_and(|since| now.saturating_sub(since) <= believed_for);
        let changes = self.told && self.past.back().is_some() && self.changed == now;
        says_so || changes
    }

    /// Remembers the moment.
    pub(super) fn remember(&mut self, now: Duration, moving: bool) {
        if self.past.len() >= MOST_MOMENTS {
            self.past.pop_front();
        }
        self.past.push_back(Moment {
            time: now,
            orientation: self.orientation,
            moving,
        });
    }

    /// Where the camera looked at a moment, if it was at rest then and had been for `settle`.
    pub(super) fn at_rest(&self, stamp: Duration, settle: Duration) -> Option<Orientation> {
        let before = self.past.partition_point(|moment| moment.time <= stamp);
        let moment = self.past.get(before.checked_sub(1)?)?;
        let from = stamp.saturating_sub(settle);
        // A movement may have begun between the last step before the moment and the first after it, and ended likewise.
        let first = self
            .past
            .partition_point(|moment| moment.time <= from)
            .saturating_sub(1);
        let moved = self
            .past
            .range(first..(before + 1).min(self.past.len()))
            .any(|moment| moment.moving);
        (!moved).then_some(moment.orientation)
    }
}

/// Where a course leads within so many seconds.
fn follow(from: Orientation, course: Course, seconds: f64) -> Orientation {
    match course {
        Course::Rest => from,
        Course::Along(velocity) => Orientation {
            pan_degrees: (from.pan_degrees + velocity.pan * seconds).clamp(-180.0, 180.0),
            tilt_degrees: (from.tilt_degrees + velocity.tilt * seconds).clamp(-90.0, 90.0),
        },
        Course::To(to, speed) => {
            let along = |from: f64, to: f64, speed: f64| {
                let most = (speed * seconds).abs();
                from + (to - from).clamp(-most, most)
            };
            Orientation {
                pan_degrees: along(from.pan_degrees, to.pan_degrees, speed.pan),
                tilt_degrees: along(from.tilt_degrees, to.tilt_degrees, speed.tilt),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const SETTLE: Duration = Duration::from_millis(300);

    fn at(pan: f64) -> Orientation {
        Orientation {
            pan_degrees: pan,
            tilt_degrees: 0.0,
        }
    }

    fn milliseconds(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    /// Twenty degrees to the right from 1.0 s to 2.0 s, in steps of 50 ms until 4 s.
    fn track(tells: bool) -> Slew {
        let mut slew = Slew::new(at(0.0));
        for step in 0..=80 {
            let now = milliseconds(step * 50);
            let seconds = now.as_secs_f64();
            let moving = (1.0..2.0).contains(&seconds);
            let told = tells.then(|| at(20.0 * (seconds - 1.0).clamp(0.0, 1.0)));
            let speed = Velocity { pan: 20.0, tilt: 5.0 };
            let course = if seconds > 1.0 {
                Course::To(at(20.0), speed)
            } else {
                Course::Rest
            };
            slew.observe(now, told, None, course);
            slew.remember(
                now,
                if tells {
                    slew.is_seen_moving(now, SETTLE)
                } else {
                    moving
                },
            );
        }
        slew
    }

    #[test]
    fn a_picture_counts_only_if_the_camera_was_at_rest() {
        for tells in [true, false] {
            let slew = track(tells);
            let seen = |number: u64| slew.at_rest(milliseconds(number), SETTLE).map(|seen| seen.pan_degrees);
            assert_eq!(seen(900), Some(0.0), "{tells}");
            assert_eq!(seen(1020), None, "{tells}: it began between two steps");
            assert_eq!(seen(1500), None, "{tells}");
            assert_eq!(seen(2200), None, "{tells}: it still shakes");
            assert!((seen(2500).unwrap() - 20.0).abs() < 1e-9, "{tells}");
            assert!((seen(9000).unwrap() - 20.0).abs() < 1e-9, "{tells}");
        }
    }

    #[test]
    fn what_is_no_longer_remembered_does_not_count() {
        let mut slew = Slew::new(at(0.0));
        for step in 0..1000 {
            slew.observe(milliseconds(1000 + step * 50), None, None, Course::Rest);
            slew.remember(milliseconds(1000 + step * 50), false);
        }
        assert_eq!(slew.at_rest(milliseconds(2000), SETTLE), None);
        assert_eq!(slew.past.len(), MOST_MOMENTS);
        assert!(slew.at_rest(milliseconds(50_000), SETTLE).is_some());
    }

    #[test]
    fn a_head_that_says_for_ever_that_it_moves_is_not_believed() {
        let mut slew = Slew::new(at(0.0));
        for (second, believed) in [(1, true), (5, true), (20, false)] {
            let now = Duration::from_secs(second);
            slew.observe(now, None, Some(true), Course::Rest);
            assert_eq!(slew.is_seen_moving(now, Duration::from_secs(10)), believed, "{second}");
        }
    }
}
