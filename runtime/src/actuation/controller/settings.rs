//! How the camera is turned.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::attention::seconds;

/// How gently, how far and how long a [`Controller`](super::Controller) turns a head. Durations are written in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControllerSettings {
    /// The camera begins to turn when it looks further than this beside the target, in degrees.
    pub outer_dead_zone_degrees: f64,
    /// A camera that turns is stopped when it looks closer than this to the target, in degrees; at most the outer one.
    pub inner_dead_zone_degrees: f64,
    /// The fastest that it turns along each axis, in degrees a second. Where the head cannot do that, its fastest.
    pub fastest_degrees_per_second: f64,
    /// The slowest that it is told to turn: slower, some heads stand still.
    pub slowest_degrees_per_second: f64,
    /// How quickly it gathers speed and brakes, in degrees a second squared.
    pub acceleration_degrees_per_second_squared: f64,
    /// How long the head may take to act on a command. Speeds are not changed more often than that: a head that is told more than
    /// it can do wedges.
    /// Left out, the longer of what was fitted on this device and 0.3 s.
    #[serde(
        rename = "response_seconds",
        with = "seconds::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub response: Option<Duration>,
    /// For how long after a movement the picture still shakes, and is not looked at; left out, what was fitted on this device or
    /// else 0.3 s.
    #[serde(
        rename = "settle_seconds",
        with = "seconds::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub settle: Option<Duration>,
    /// A movement that takes longer is given up, and stopped.
    #[serde(rename = "move_timeout_seconds", with = "seconds")]
    pub move_timeout: Duration,
    /// A short turn back within so long after a movement goes only half the way: one thing may seem to be at two places from two
    /// sides, and the camera would go to and fro between them.
    #[serde(rename = "damping_seconds", with = "seconds")]
    pub damping: Duration,
    /// Movements stop, and none begins, when there was no percept for so long.
    #[serde(rename = "deadman_seconds", with = "seconds")]
    pub deadman: Duration,
    /// How long tracking pauses after a person turned the camera or sent it home.
    #[serde(rename = "manual_pause_seconds", with = "seconds")]
    pub manual_pause: Duration,
    /// Where home is, `[pan, tilt]` in degrees; left out, the head's own home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_degrees: Option<[f64; 2]>,
}

impl Default for ControllerSettings {
    fn default() -> Self {
        Self {
            outer_dead_zone_degrees: 8.0,
            inner_dead_zone_degrees: 3.0,
            fastest_degrees_per_second: 60.0,
            slowest_degrees_per_second: 1.0,
            acceleration_degrees_per_second_squared: 120.0,
            response: None,
            settle: None,
            move_timeout: Duration::from_secs(10),
            damping: Duration::from_secs(20),
            deadman: Duration::from_secs(2),
            manual_pause: Duration::from_secs(30),
            home_degrees: None,
        }
    }
}

impl ControllerSettings {
    /// How long the head may take to act on a command, where nobody says.
    pub const USUAL_RESPONSE: Duration = Duration::from_millis(300);
    /// For how long the picture shakes after a movement, where nobody says.
    pub const USUAL_SETTLE: Duration = Duration::from_millis(300);

    /// How long the head may take to act on a command.
    pub fn response(&self) -> Duration {
        self.response
            .unwrap_or(Self::USUAL_RESPONSE)
            .max(Duration::from_millis(10))
    }

    /// For how long after a movement the picture still shakes.
    pub fn settle(&self) -> Duration {
        self.settle.unwrap_or(Self::USUAL_SETTLE)
    }

    /// These settings with what makes no sense (not a number, below nothing, an inner zone around the outer) replaced by what does.
    pub(super) fn sound(mut self) -> Self {
        let defaults = Self::default();
        let or_default = |value: &mut f64, least: f64, default: f64| {
            *value = if value.is_finite() && *value >= least {
                *value
            } else {
                default
            };
        };
        or_default(&mut self.outer_dead_zone_degrees, 0.1, defaults.outer_dead_zone_degrees);
        or_default(
            &mut self.inner_dead_zone_degrees,
            0.05,
            defaults.inner_dead_zone_degrees,
        );
        self.inner_dead_zone_degrees = self.inner_dead_zone_degrees.min(self.outer_dead_zone_degrees);
        or_default(
            &mut self.fastest_degrees_per_second,
            0.1,
            defaults.fastest_degrees_per_second,
        );
        or_default(
            &mut self.slowest_degrees_per_second,
            0.0,
            defaults.slowest_degrees_per_second,
        );
        self.slowest_degrees_per_second = self.slowest_degrees_per_second.min(self.fastest_degrees_per_second);
        or_default(
            &mut self.acceleration_degrees_per_second_squared,
            1.0,
            defaults.acceleration_degrees_per_second_squared,
        );
        self.home_degrees = self
            .home_degrees
            .filter(|home| home.iter().all(|angle| angle.is_finite()));
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn keys_carry_their_units_and_nonsense_is_refused() {
        let settings: ControllerSettings =
            toml::from_str("deadman_seconds = 1.5\nhome_degrees = [10, -5]\nfastest_degrees_per_second = 20").unwrap();
        assert_eq!(settings.deadman, Duration::from_millis(1500));
        assert_eq!(settings.home_degrees, Some([10.0, -5.0]));
        let again: ControllerSettings = toml::from_str(&toml::to_string(&settings).unwrap()).unwrap();
        assert_eq!(again, settings);
        assert!(toml::from_str::<ControllerSettings>("deadman_seconds = -1").is_err());
        assert!(toml::from_str::<ControllerSettings>("deadman = 1").is_err());
    }

    #[test]
    fn numbers_without_sense_become_the_usual_ones() {
        let settings = ControllerSettings {
            outer_dead_zone_degrees: 2.0,
            fastest_degrees_per_second: f64::NAN,
            acceleration_degrees_per_second_squared: -3.0,
            ..ControllerSettings::default()
        }
        .sound();
        assert_eq!(settings.inner_dead_zone_degrees, 2.0);
        assert_eq!(settings.fastest_degrees_per_second, 60.0);
        assert_eq!(settings.acceleration_degrees_per_second_squared, 120.0);
    }
}
