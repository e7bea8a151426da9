//! The motors of the head: where the camera looks at any moment. Angles are in degrees, pan to the right, tilt upward.

use std::time::Duration;

use lookhear_tests::scene::{PAN_DEGREES, TILT_DEGREES};

/// The fastest that either axis turns, in degrees a second.
pub const FASTEST: f64 = 60.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Motion {
    Rest,
    To(f64),
    At(f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    degrees: f64,
    limit: f64,
    motion: Motion,
}

impl Axis {
    fn advance(&mut self, seconds: f64) {
        let reach = FASTEST * seconds;
        let way = match self.motion {
            Motion::Rest => 0.0,
            Motion::To(target) => (target - self.degrees).clamp(-reach, reach),
            Motion::At(speed) => speed * seconds,
        };
        self.degrees = (self.degrees + way).clamp(-self.limit, self.limit);
        if self.motion == Motion::To(self.degrees) {
            self.motion = Motion::Rest;
        }
    }
}

/// Both axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    axes: [Axis; 2],
    stamp: Duration,
}

impl Head {
    /// A head that looks straight ahead.
    pub fn new(now: Duration) -> Self {
        let axis = |limit| Axis {
            degrees: 0.0,
            limit,
            motion: Motion::Rest,
        };
        Self {
            axes: [axis(PAN_DEGREES), axis(TILT_DEGREES)],
            stamp: now,
        }
    }

    /// Lets time pass, and tells where the camera looks: pan and tilt.
    pub fn look(&mut self, now: Duration) -> [f64; 2] {
        let seconds = now.saturating_sub(self.stamp).as_secs_f64();
        self.stamp = self.stamp.max(now);
        for axis in &mut self.axes {
            axis.advance(seconds);
        }
        self.axes.map(|axis| axis.degrees)
    }

    /// Turns to angles.
    pub fn turn_to(&mut self, now: Duration, targets: [f64; 2]) {
        self.look(now);
        for (axis, target) in self.axes.iter_mut().zip(targets) {
            axis.motion = Motion::To(target.clamp(-axis.limit, axis.limit));
        }
    }

    /// Turns at speeds, in degrees a second, until told otherwise; zero stops an axis.
    pub fn drive(&mut self, now: Duration, speeds: [f64; 2]) {
        self.look(now);
        for (axis, speed) in self.axes.iter_mut().zip(speeds) {
            axis.motion = if speed == 0.0 {
                Motion::Rest
            } else {
                Motion::At(speed.clamp(-FASTEST, FASTEST))
            };
        }
    }

    /// The speeds that were asked for, in degrees a second; zero where it turns to an angle or rests.
    pub fn speeds(&self) -> [f64; 2] {
        self.axes.map(|axis| {
            if let Motion::At(speed) = axis.motion {
                speed
            } else {
                0.0
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn it_takes_its_time_and_arrives() {
        let mut head = Head::new(Duration::ZERO);
        head.turn_to(seconds(1.0), [30.0, -6.0]);
        assert_eq!(head.look(seconds(1.25)), [15.0, -6.0]);
        assert_eq!(head.look(seconds(9.0)), [30.0, -6.0]);
    }

    #[test]
    fn it_stops_at_its_ends_and_when_told() {
        let mut head = Head::new(Duration::ZERO);
        head.drive(Duration::ZERO, [500.0, -10.0]);
        assert_eq!(head.speeds(), [FASTEST, -10.0]);
        assert_eq!(head.look(seconds(0.5)), [30.0, -5.0]);
        head.drive(seconds(0.5), [FASTEST, 0.0]);
        assert_eq!(head.look(seconds(100.0)), [PAN_DEGREES, -5.0]);
    }
}
