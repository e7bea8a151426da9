//! The head of a simulated camera: where it looks as time passes.

use std::time::Duration;

/// At full speed, of the range from −1 to 1 in a second.
const FASTEST: f64 = 0.5;

/// Both axes count from −1 to 1, and their speeds too.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    at: [f64; 2],
    since: Duration,
    motion: Motion,
}

#[derive(Debug, Clone, PartialEq)]
enum Motion {
    Still,
    Driving {
        velocity: [f64; 2],
        until: Option<Duration>,
    },
    Turning {
        to: [f64; 2],
        speed: [f64; 2],
    },
}

impl Head {
    pub fn new(now: Duration) -> Self {
        Self {
            at: [0.0; 2],
            since: now,
            motion: Motion::Still,
        }
    }

    fn advance(&mut self, now: Duration) {
        let (passed, ended) = match self.motion {
            Motion::Driving { until: Some(until), .. } if until <= now => (until.saturating_sub(self.since), true),
            _ => (now.saturating_sub(self.since), false),
        };
        let way = FASTEST * passed.as_secs_f64();
        self.since = now;
        match &self.motion {
            Motion::Still => {}
            Motion::Driving { velocity, .. } => {
                for (at, velocity) in self.at.iter_mut().zip(velocity) {
                    *at = (*at + way * velocity).clamp(-1.0, 1.0);
                }
                if ended {
                    self.motion = Motion::Still;
                }
            }
            Motion::Turning { to, speed } => {
                for ((at, to), speed) in self.at.iter_mut().zip(to).zip(speed) {
                    *at += (to - *at).clamp(-way * speed, way * speed);
                }
                if self.at == *to {
                    self.motion = Motion::Still;
                }
            }
        }
    }

    pub fn position(&mut self, now: Duration) -> [f64; 2] {
        self.advance(now);
        self.at
    }

    pub fn is_moving(&mut self, now: Duration) -> bool {
        self.advance(now);
        self.motion != Motion::Still
    }

    pub fn turn(&mut self, now: Duration, to: [f64; 2], speed: [f64; 2]) {
        self.advance(now);
        self.motion = Motion::Turning {
            to: to.map(|axis| axis.clamp(-1.0, 1.0)),
            speed,
        };
    }

    pub fn drive(&mut self, now: Duration, velocity: [f64; 2], timeout: Option<Duration>) {
        self.advance(now);
        self.motion = if velocity == [0.0; 2] {
            Motion::Still
        } else {
            Motion::Driving {
                velocity,
                until: timeout.map(|timeout| now + timeout),
            }
        };
    }

    pub fn stop(&mut self, now: Duration) {
        self.advance(now);
        self.motion = Motion::Still;
    }
}
