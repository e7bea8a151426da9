//! How one axis of a motor-driven head moves: constant acceleration up to a speed, and down again so that it comes to rest
//! where it should. Solved in closed form, so that where it is at a moment does not depend on how often one asks.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// How long the past is remembered, in seconds: longer than any frame is on its way.
const MEMORY_SECONDS: f64 = 30.0;

/// An axis, in degrees and seconds.
#[derive(Debug, Clone)]
pub(super) struct Motor {
    range: RangeInclusive<f64>,
    fastest: f64,
    acceleration: f64,
    backlash: f64,
    /// In the order of their starts; never empty. The first one counts from before its start, the last one stands still.
    phases: VecDeque<Phase>,
}

/// From its start on, the axis moves with one acceleration; its speed keeps its sign.
#[derive(Debug, Clone, Copy, Default)]
struct Phase {
    start: f64,
    position: f64,
    velocity: f64,
    acceleration: f64,
    /// Where what hangs on the motor is at the start: it lags behind when the motor turns back.
    load: f64,
}

impl Phase {
    fn position_at(&self, time: f64) -> f64 {
        let elapsed = (time - self.start).max(0.0);
        self.position + elapsed * (self.velocity + 0.5 * elapsed * self.acceleration)
    }

    fn velocity_at(&self, time: f64) -> f64 {
        self.velocity + (time - self.start).max(0.0) * self.acceleration
    }
}

impl Motor {
    /// An axis at rest at `position`. Speeds in degrees a second, `acceleration` in degrees a second
    /// squared; `backlash` is by how many degrees what hangs on the motor is loose.
    pub(super) fn new(
        range: RangeInclusive<f64>,
        position: f64,
        fastest: f64,
        acceleration: f64,
        backlash: f64,
    ) -> Self {
        let rest = Phase {
            position,
            load: position,
            ..Phase::default()
        };
        Self {
            range,
            fastest,
            acceleration,
            backlash,
            phases: VecDeque::from([rest]),
        }
    }

    /// Where the motor itself is, as its encoder tells.
    pub(super) fn position_at(&self, time: f64) -> f64 {
        self.phase_at(time).position_at(time)
    }

    /// Where what hangs on the motor is.
    pub(super) fn load_at(&self, time: f64) -> f64 {
        let (position, slack) = (self.position_at(time), self.backlash / 2.0);
        self.phase_at(time).load.clamp(position - slack, position + slack)
    }

    /// Whether it is at rest from `time` on.
    pub(super) fn rests_from(&self, time: f64) -> bool {
        self.phases.back().is_none_or(|rest| rest.start <= time)
    }

    /// From `time` on it makes for `target`, at most at `speed`; at no speed it comes to rest.
    pub(super) fn move_to(&mut self, target: f64, speed: f64, time: f64) {
        self.forget_from(time);
        let cruise = speed.abs().min(self.fastest);
        let mut velocity = self.phase_at(time).velocity_at(time);
        let mut end = time;
        // It can first be at rest here; what lies behind that point takes turning back.
        let rest = self.position_at(time) + velocity * velocity.abs() / (2.0 * self.acceleration);
        let target = target.clamp(*self.range.start(), *self.range.end());
        let forward = if target >= rest { 1.0 } else { -1.0 };
        if cruise == 0.0 || forward * velocity < 0.0 {
            end = self.accelerate(end, velocity, 0.0);
            velocity = 0.0;
        }
        if cruise > 0.0 {
            let distance = forward * (target - self.position_at(end));
            let braking = velocity * velocity / (2.0 * self.acceleration);
            let peak = if velocity.abs() > cruise {
                cruise
            } else {
                (self.acceleration * (distance + braking)).max(0.0).sqrt().min(cruise)
            };
            end = self.accelerate(end, velocity, forward * peak);
            let rest = forward * (target - self.position_at(end)) - peak * peak / (2.0 * self.acceleration);
            if rest > 0.0 && peak > 0.0 {
                self.begin(end, forward * peak, 0.0);
                end += rest / peak;
            }
            end = self.accelerate(end, forward * peak, 0.0);
        }
        self.begin(end, 0.0, 0.0);
        self.forget_before(time - MEMORY_SECONDS);
    }

    /// From `time` on it turns at `velocity` until it comes to the edge of its range.
    pub(super) fn drive(&mut self, velocity: f64, time: f64) {
        let edge = if velocity < 0.0 {
            *self.range.start()
        } else {
            *self.range.end()
        };
        self.move_to(edge, velocity, time);
    }

    fn phase_at(&self, time: f64) -> Phase {
        let after = self.phases.partition_point(|phase| phase.start <= time);
        self.phases.get(after.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// Adds a phase from `start` on, where the one before it leads.
    fn begin(&mut self, start: f64, velocity: f64, acceleration: f64) {
        let phase = Phase {
            start,
            position: self.position_at(start),
            velocity,
            acceleration,
            load: self.load_at(start),
        };
        self.phases.push_back(phase);
    }

    /// Adds a phase from one speed to another, and gives when it ends.
    fn accelerate(&mut self, start: f64, from: f64, to: f64) -> f64 {
        let change = to - from;
        if change != 0.0 {
            self.begin(start, from, self.acceleration.copysign(change));
        }
        start + change.abs() / self.acceleration
    }

    fn forget_from(&mut self, time: f64) {
        while self.phases.len() > 1 && self.phases.back().is_some_and(|phase| phase.start >= time) {
            self.phases.pop_back();
        }
    }

    fn forget_before(&mut self, time: f64) {
        while self.phases.get(1).is_some_and(|phase| phase.start <= time) {
            self.phases.pop_front();
        }
    }
}
