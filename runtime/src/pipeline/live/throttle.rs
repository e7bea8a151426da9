//! Perceives less often on a machine that is too hot, and says so.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Each step makes perception half as frequent.
const MOST_STEPS: u32 = 3;

/// When perception is slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThrottleSettings {
    /// From which temperature on, in °C, perception runs at half its rate, then at a quarter and at an
    /// eighth. Take it below the one at which the
    /// board slows itself down.
    pub hot_celsius: f32,
    /// Below which temperature, in °C, a step is taken back.
    pub cool_celsius: f32,
    /// How long a step must have lasted before the next, in seconds: heat sinks are slow.
    pub step_seconds: f32,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        Self {
            hot_celsius: 85.0,
            cool_celsius: 78.0,
            step_seconds: 20.0,
        }
    }
}

/// From one percept to the next while perception is slowed down by a factor, as [`Throttle::step`] gives it.
pub fn stretched(period: Duration, slowdown: &AtomicU32) -> Duration {
    period * slowdown.load(Ordering::Relaxed).max(1)
}

/// Decides by how much to slow down.
#[derive(Debug, Clone)]
pub struct Throttle {
    settings: ThrottleSettings,
    steps: u32,
    since: Option<Duration>,
}

impl Throttle {
    /// One that has seen no temperature yet.
    pub fn new(settings: ThrottleSettings) -> Self {
        Self {
            settings,
            steps: 0,
            since: None,
        }
    }

    /// Takes in a temperature, `None` where there is none to be had, and gives by what factor the time between two percepts grows:
    /// 1, 2, 4 or 8.
    pub fn step(&mut self, now: Duration, celsius: Option<f32>) -> u32 {
        let settled = self
            .since
            .is_none_or(|since| now.saturating_sub(since).as_secs_f32() >= self.settings.step_seconds);
        let steps = match celsius {
            Some(celsius) if settled && celsius >= self.settings.hot_celsius => (self.steps + 1).min(MOST_STEPS),
            Some(celsius) if settled && celsius < self.settings.cool_celsius => self.steps.saturating_sub(1),
            _ => self.steps,
        };
        if steps != self.steps {
            self.steps = steps;
            self.since = Some(now);
        }
        1 << self.steps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn heat_slows_down_step_by_step_and_cold_takes_it_back() {
        let mut throttle = Throttle::new(ThrottleSettings::default());
        let mut at = |seconds, celsius| throttle.step(Duration::from_secs(seconds), Some(celsius));
        assert_eq!(at(0, 60.0), 1);
        assert_eq!(at(10, 86.0), 2);
        assert_eq!(at(15, 99.0), 2, "the first step is given time");
        assert_eq!(at(30, 86.0), 4);
        assert_eq!(at(60, 80.0), 4, "between the two temperatures it stays");
        assert_eq!(at(61, 77.0), 2);
        assert_eq!(at(90, 77.0), 1);
    }

    proptest! {
        #[test]
        fn without_a_thermometer_nothing_changes(seconds in prop::collection::vec(0u64..1000, 0..20)) {
            let mut throttle = Throttle::new(ThrottleSettings::default());
            for seconds in seconds {
                prop_assert_eq!(throttle.step(Duration::from_secs(seconds), None), 1);
            }
        }
    }
}
