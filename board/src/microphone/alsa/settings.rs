//! What a person may choose about a microphone.

use serde::{Deserialize, Serialize};

/// Which microphone, and how it shall deliver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MicrophoneSettings {
    /// The microphone: `auto` (the first card that captures, else the system's default), a card such as `hw:CARD=Webcam`
    /// (better than a number, which changes), or any other name that ALSA knows.
    pub device: String,
    /// Cards that `auto` passes over: parts of their names.
    pub ignore: Vec<String>,
    /// Samples a second to ask for first, 8000–192000. A card that cannot is asked for a multiple, then for what is nearest.
    pub rate_hz: u32,
    /// Which channel is heard: 0 is the mean of all, 1 the first.
    pub channel: u32,
    /// Seconds of sound that are handed over at once, 0.005–0.1.
    pub period_seconds: f64,
    /// Seconds of sound that the card keeps for a late reader before it loses some, 0.1–5.
    pub buffer_seconds: f64,
    /// Seconds without sound after which the microphone is opened anew, 0.2–60.
    pub timeout_seconds: f64,
}

impl Default for MicrophoneSettings {
    fn default() -> Self {
        Self {
            device: "auto".to_owned(),
            ignore: Vec::new(),
            rate_hz: 16_000,
            channel: 0,
            period_seconds: 0.02,
            buffer_seconds: 0.5,
            timeout_seconds: 2.0,
        }
    }
}

impl MicrophoneSettings {
    /// What is out of range, if anything is.
    pub(super) fn complaint(&self) -> Option<String> {
        let ranges = [
            ("rate_hz", f64::from(self.rate_hz), 8000.0..=192_000.0),
            ("channel", f64::from(self.channel), 0.0..=64.0),
            ("period_seconds", self.period_seconds, 0.005..=0.1),
            ("buffer_seconds", self.buffer_seconds, 0.1..=5.0),
            ("timeout_seconds", self.timeout_seconds, 0.2..=60.0),
        ];
        let (key, value, range) = ranges.into_iter().find(|(_, value, range)| !range.contains(value))?;
        Some(format!(
            "{key} = {value} is out of range: give {} to {}",
            range.start(),
            range.end()
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn what_is_out_of_range_is_named() {
        assert_eq!(MicrophoneSettings::default().complaint(), None);
        for key in [
            "rate_hz = 0",
            "channel = 65",
            "period_seconds = 10.0",
            "buffer_seconds = nan",
            "timeout_seconds = -1.0",
        ] {
            let settings: MicrophoneSettings = toml::from_str(key).unwrap();
            assert!(
                key.starts_with(settings.complaint().unwrap().split(' ').next().unwrap()),
                "{key}"
            );
        }
        assert!(toml::from_str::<MicrophoneSettings>("rate = 16000").is_err());
    }
}
