//! How patient attention is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The patience of an [`Attender`](super::Attender). Durations are written in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttentionSettings {
    /// For how long a place must be found, net of what contradicts it, before it becomes the target.
    #[serde(with = "seconds")]
    pub min_evidence: Duration,
    /// For how long another place must be found, net of what contradicts it, before it takes the target over: as long as
    /// an aside in a conversation lasts.
    ///
    /// This and `min_evidence` double with each time that the target jumped of late (see `calm`), so that sources in turn do
    /// not make it hunt.
    #[serde(with = "seconds")]
    pub switch_evidence: Duration,
    /// After how long without a jump of the target one is forgiven.
    #[serde(with = "seconds")]
    pub calm: Duration,
    /// The longest pause that still counts as the source going on: between two words, say.
    #[serde(with = "seconds")]
    pub pause: Duration,
    /// For how long the target of a silent source is kept.
    #[serde(with = "seconds")]
    pub hold: Duration,
    /// For how long nothing may be heard before the camera goes home; counted, as `hold` is, from the source's last sound.
    #[serde(with = "seconds")]
    pub return_home: Duration,
    /// How fast the target follows its source: the time constant of the exponential approach.
    #[serde(with = "seconds")]
    pub follow: Duration,
    /// The most time that one percept vouches for, so that a stalled pipeline makes no evidence.
    #[serde(with = "seconds")]
    pub percept_reach: Duration,
    /// How far apart two places of one source may lie, in 0..1 of the width and of the height of the picture.
    pub radius: f32,
}

impl Default for AttentionSettings {
    fn default() -> Self {
        Self {
            min_evidence: Duration::from_millis(600),
            switch_evidence: Duration::from_millis(2000),
            calm: Duration::from_secs(60),
            pause: Duration::from_millis(700),
            hold: Duration::from_secs(4),
            return_home: Duration::from_secs(15),
            follow: Duration::from_millis(400),
            percept_reach: Duration::from_secs(1),
            radius: 0.18,
        }
    }
}

/// Durations as a number of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?)
            .map_err(|cause| D::Error::custom(format!("this is no duration in seconds: {cause}")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn what_is_not_written_keeps_its_default() {
        let settings: AttentionSettings = toml::from_str("hold = 2.5\nmin_evidence = 1").unwrap();
        assert_eq!(settings.hold, Duration::from_millis(2500));
        assert_eq!(settings.min_evidence, Duration::from_secs(1));
        assert_eq!(settings.radius, AttentionSettings::default().radius);
        let again: AttentionSettings = toml::from_str(&toml::to_string(&settings).unwrap()).unwrap();
        assert_eq!(again, settings);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "hold = -1",
            "hold = nan",
            "hold = 1e300",
            "hold = \"4 s\"",
            "patience = 3",
        ] {
            assert!(toml::from_str::<AttentionSettings>(text).is_err(), "{text}");
        }
    }
}
