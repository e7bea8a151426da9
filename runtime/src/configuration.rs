//! The configuration of a device: the person's file, in which every key has a default and an unknown key is an error.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lookhear_board::camera::v4l2::CameraSettings;
use lookhear_board::display::ScreenSettings;
use lookhear_board::microphone::alsa::MicrophoneSettings;
use lookhear_board::ptz::PtzSettings;
use lookhear_calibration::Level;
use serde::{Deserialize, Serialize};

use crate::actuation::controller::ControllerSettings;
use crate::actuation::lines::EventsSettings;
use crate::actuation::mqtt::MqttSettings;
use crate::actuation::web::WebSettings;
use crate::attention::AttentionSettings;
use crate::attention::optics::OpticsSettings;
use crate::perception::encoder::{Backend, CPU, EncoderError};
use crate::pipeline::live::throttle::ThrottleSettings;

/// Where the file lies on an installed device.
pub const USUAL_PATH: &str = "/etc/lookhear/lookhear.toml";

/// Everything that a person may decide.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// What perceives.
    pub model: ModelSettings,
    /// The camera.
    pub camera: CameraSettings,
    /// The microphone.
    pub microphone: MicrophoneSettings,
    /// A recording in place of both.
    pub replay: ReplaySettings,
    /// How often is perceived, and what is too quiet for it.
    pub perception: PerceptionSettings,
    /// The patience of attention, and where it looks.
    pub attention: AttentionSettings,
    /// What the camera sees.
    pub optics: OpticsSettings,
    /// The pan-tilt head.
    pub ptz: PtzSettings,
    /// How the head is turned.
    pub controller: ControllerSettings,
    /// The screen.
    pub screen: ScreenSettings,
    /// Lines of JSON.
    pub events: EventsSettings,
    /// The page.
    pub web: WebSettings,
    /// The MQTT broker.
    pub mqtt: MqttSettings,
    /// What is done against heat.
    pub throttle: ThrottleSettings,
}

/// What perceives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// A model bundle, `*.lookhear`; left out, the model that ships with the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// What runs the networks: `cpu`; `cpu-int8`, in integers of eight bits, more than twice as fast and a little less exact where
    /// the processor has instructions for them (AVX-512 VNNI, dotprod), else as `cpu`; or where the build has it `cuda`, `gpu`,
    /// `gpu-or-cpu`, and in half precision `cuda-f16`, `gpu-f16`, `gpu-f16-or-cpu`; `tract` is `cpu` without our own operators.
    pub backend: String,
    /// Threads that share the networks' work on the processor, 1 to 64. With two a percept comes almost twice as soon, and costs
    /// the machine the same.
    pub threads: usize,
    /// Similarity from which on something in view counts as the source, −1..1; left out, the one fitted on this device or else the
    /// model's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
}

impl ModelSettings {
    /// What runs the networks, ready.
    ///
    /// # Errors
    /// When its threads cannot be started.
    pub fn backend(&self) -> Result<Backend, EncoderError> {
        Backend::new(&self.backend, self.threads)
    }
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            path: None,
            backend: CPU.to_owned(),
            threads: 1,
            threshold: None,
        }
    }
}

/// A recording that is played over and over in place of camera and microphone: to try a device out, or to show it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplaySettings {
    /// A film in place of the camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub film: Option<PathBuf>,
    /// A sound, or the film again, in place of the microphone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<PathBuf>,
}

/// How often is perceived, and what is too quiet for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerceptionSettings {
    /// Percepts a second at most, 0.1 to 60. A machine that is too slow for it perceives as often as it can.
    pub percepts_per_second: f64,
    /// Quieter than this, in decibels below full scale, there is nothing to look for, whatever the model says; left out, the
    /// noise floor fitted on this device or else −70.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_dbfs: Option<f32>,
    /// By how much the sound that belongs to a picture is stamped later than the picture, in seconds, −1 to 1; left out, the
    /// delay fitted on this device or else 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound_delay_seconds: Option<f64>,
}

impl Default for PerceptionSettings {
    fn default() -> Self {
        Self {
            percepts_per_second: 5.0,
            quiet_dbfs: None,
            sound_delay_seconds: None,
        }
    }
}

impl PerceptionSettings {
    /// From one percept to the next.
    pub fn period(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.percepts_per_second.clamp(0.1, 60.0))
    }

    /// The level below which there is nothing to look for, where a person said so.
    pub fn quiet(&self) -> Option<Level> {
        self.quiet_dbfs.map(Level::from_decibels)
    }
}

/// Why there is no configuration: mend the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("the configuration {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// What it says makes no sense.
    #[error("the configuration {} cannot be used: {cause}", path.display())]
    Nonsense {
        /// The file.
        path: PathBuf,
        /// Where and why, and what is possible there.
        cause: String,
    },
}

impl Configuration {
    /// Reads a file; without one the [usual](USUAL_PATH), and where there is none of that name, the defaults.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, has a key that nobody knows or a value that makes no sense.
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigurationError> {
        let named = path.unwrap_or(Path::new(USUAL_PATH));
        let text = match std::fs::read_to_string(named) {
            Ok(text) => text,
            Err(cause) if path.is_none() && cause.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(cause) => {
                return Err(ConfigurationError::Unreadable {
                    path: named.to_owned(),
                    cause,
                });
            }
        };
        Self::parse(&text).map_err(|cause| ConfigurationError::Nonsense {
            path: named.to_owned(),
            cause,
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What makes no sense in it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let configuration: Self = toml::from_str(text).map_err(|error| complaint(text, &error))?;
        configuration.check()?;
        Ok(configuration)
    }

    /// The text of a file that says the same.
    ///
    /// # Errors
    /// When a value cannot be written as TOML.
    pub fn render(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    fn check(&self) -> Result<(), String> {
        let PerceptionSettings {
            percepts_per_second,
            sound_delay_seconds,
            ..
        } = self.perception;
        if !(0.1..=60.0).contains(&percepts_per_second) {
            return Err("perception.percepts_per_second lies between 0.1 and 60".to_owned());
        }
        if sound_delay_seconds.is_some_and(|seconds| !(-1.0..=1.0).contains(&seconds)) {
            return Err("perception.sound_delay_seconds lies between -1 and 1".to_owned());
        }
        if self
            .model
            .threshold
            .is_some_and(|threshold| !(-1.0..=1.0).contains(&threshold))
        {
            return Err("model.threshold lies between -1 and 1".to_owned());
        }
        if !(1..=64).contains(&self.model.threads) {
            return Err("model.threads lies between 1 and 64".to_owned());
        }
        self.web.check().map_err(|error| format!("web: {error}"))?;
        if self.mqtt.enabled {
            self.mqtt.check().map_err(|error| format!("mqtt: {error}"))?;
        }
        Ok(())
    }
}

/// What is wrong, and where; never the line itself, which may hold a password.
fn complaint(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_file_is_all_defaults_and_what_is_printed_reads_back_equal() {
        let configuration = Configuration::parse("").unwrap();
        assert_eq!(configuration, Configuration::default());
        assert_eq!(
            Configuration::parse(&configuration.render().unwrap()).unwrap(),
            configuration
        );
    }

    #[test]
    fn what_nobody_knows_is_an_error_that_names_it() {
        for (text, names) in [
            ("[camera]\nlens = 640", "lens"),
            ("[radar]\nrange = 3", "radar"),
            ("[perception]\npercepts_per_second = 0", "percepts_per_second"),
            ("[perception]\nsound_delay_seconds = nan", "sound_delay_seconds"),
            ("[model]\nthreshold = 3", "threshold"),
            ("[model]\nthreads = 0", "threads"),
            ("[web]\nviewers = 0", "viewers"),
        ] {
            let error = Configuration::parse(text).unwrap_err();
            assert!(error.contains(names), "{text}: {error}");
        }
    }

    #[test]
    fn a_misspelt_password_is_not_told_to_the_log() {
        let error = Configuration::parse("[mqtt]\nhost = \"broker\"\nuser = \"me\"\npass = \"hunter2\"").unwrap_err();
        assert!(
            error.contains("line 4") && error.contains("pass") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        assert!(Configuration::read(Some(Path::new("/nowhere/lookhear.toml"))).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = Configuration::parse(&text);
        }
    }
}
