//! How patient attention is, and where it looks.

use std::time::Duration;

use lookhear_calibration::FireRule;
use serde::{Deserialize, Serialize};

use super::zone::Zone;

/// The patience of an [`Attender`](super::Attender). Durations are written in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttentionSettings {
    /// For how long a place must be found, net of what contradicts it, before it becomes the target.
    #[serde(rename = "min_evidence_seconds", with = "seconds")]
    pub min_evidence: Duration,
    /// For how long another place must be found, net of what contradicts it, before it takes the target over: as long as
    /// an aside in a conversation lasts.
    ///
    /// This and `min_evidence_seconds` double with each time that the target jumped of late (see `calm_seconds`), so that
    /// sources in turn do not make it hunt.
    #[serde(rename = "switch_evidence_seconds", with = "seconds")]
    pub switch_evidence: Duration,
    /// After how long without a jump of the target one is forgiven.
    #[serde(rename = "calm_seconds", with = "seconds")]
    pub calm: Duration,
    /// For how long a source that was left for another is remembered. When the target would jump back to it within that time the
    /// camera aims between both, where both fit into its picture, until one of them was silent for as long. 0: it always aims at
    /// one.
    #[serde(rename = "framing_seconds", with = "seconds")]
    pub framing: Duration,
    /// How far from the edges of the picture two sources must lie to be framed together, in 0..0.5 of its width and height.
    pub framing_margin: f32,
    /// The longest pause that still counts as the source going on: between two words, say.
    #[serde(rename = "pause_seconds", with = "seconds")]
    pub pause: Duration,
    /// For how long the target of a silent source is kept.
    #[serde(rename = "hold_seconds", with = "seconds")]
    pub hold: Duration,
    /// For how long nothing may be heard before the camera goes home; counted, as `hold_seconds` is, from the source's last sound.
    #[serde(rename = "return_home_seconds", with = "seconds")]
    pub return_home: Duration,
    /// How fast the target follows its source: the time constant of the exponential approach.
    #[serde(rename = "follow_seconds", with = "seconds")]
    pub follow: Duration,
    /// The most time that one percept vouches for, so that a stalled pipeline makes no evidence.
    #[serde(rename = "percept_reach_seconds", with = "seconds")]
    pub percept_reach: Duration,
    /// For how long at a time the movement of the camera stops the clocks of silence; a head that seems never to come to rest does
    /// not keep the camera from going home.
    #[serde(rename = "longest_blanking_seconds", with = "seconds")]
    pub longest_blanking: Duration,
    /// How far apart two places of one source may lie, in degrees as seen from the camera.
    pub radius_degrees: f64,
    /// The camera is never aimed at anything outside of this; what sounds there is framed from the nearest edge.
    pub allowed_zone: Zone,
    /// What lies in one of these is taken for not there: a television, a busy road.
    pub exclusion_zones: Vec<Zone>,
}

impl AttentionSettings {
    /// When attention turns to something, wherever it is, and until when that is one and the same.
    pub fn fire_rule(&self) -> FireRule {
        FireRule {
            evidence_seconds: self.min_evidence.as_secs_f64(),
            reach_seconds: self.percept_reach.as_secs_f64(),
            hold_seconds: self.hold.max(self.min_evidence).as_secs_f64(),
        }
    }
}

impl Default for AttentionSettings {
    fn default() -> Self {
        Self {
            min_evidence: Duration::from_millis(600),
            switch_evidence: Duration::from_millis(2000),
            calm: Duration::from_secs(60),
            framing: Duration::from_secs(30),
            framing_margin: 0.1,
            pause: Duration::from_millis(700),
            hold: Duration::from_secs(4),
            return_home: Duration::from_secs(15),
            follow: Duration::from_millis(400),
            percept_reach: Duration::from_secs(1),
            longest_blanking: Duration::from_secs(10),
            radius_degrees: 11.0,
            allowed_zone: Zone::EVERYWHERE,
            exclusion_zones: Vec::new(),
        }
    }
}

/// Durations as a number of seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?)
            .map_err(|cause| D::Error::custom(format!("this is no duration in seconds: {cause}")))
    }

    /// The same where it may be left out.
    pub(crate) mod optional {
        use super::{Deserializer, Duration, Serializer};

        pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
            match duration {
                Some(duration) => super::serialize(duration, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
            super::deserialize(deserializer).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn what_is_not_written_keeps_its_default() {
        let text = "hold_seconds = 2.5\nmin_evidence_seconds = 1\n\
                    [[exclusion_zones]]\npan_degrees = [10, 20]\ntilt_degrees = [-5, 5]\n";
        let settings: AttentionSettings = toml::from_str(text).unwrap();
        assert_eq!(settings.hold, Duration::from_millis(2500));
        assert_eq!(settings.min_evidence, Duration::from_secs(1));
        assert_eq!(settings.exclusion_zones.len(), 1);
        assert_eq!(settings.radius_degrees, AttentionSettings::default().radius_degrees);
        let again: AttentionSettings = toml::from_str(&toml::to_string(&settings).unwrap()).unwrap();
        assert_eq!(again, settings);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "hold_seconds = -1",
            "hold_seconds = nan",
            "hold_seconds = 1e300",
            "hold_seconds = \"4 s\"",
            "patience = 3",
            "allowed_zone = { pan_degrees = [3, 2], tilt_degrees = [0, 1] }",
        ] {
            assert!(toml::from_str::<AttentionSettings>(text).is_err(), "{text}");
        }
    }
}
