//! What the configuration asks of the machine.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lookhear::perception::encoder::CPU;
use lookhear_board::camera::v4l2::CameraSettings;
use lookhear_board::display::ScreenSettings;
use lookhear_board::microphone::alsa::MicrophoneSettings;
use lookhear_board::ptz::PtzSettings;
use serde::Deserialize;

/// The part of the configuration that is held against the machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// A bundle in place of the one that ships with the program.
    #[serde(skip)]
    pub model: Option<PathBuf>,
    /// What runs the networks.
    #[serde(skip)]
    pub backend: String,
    /// How often perception should run.
    #[serde(skip)]
    pub percepts_per_second: f64,
    /// From which temperature on perception is slowed down.
    #[serde(skip)]
    pub hot_celsius: f32,
    /// The camera.
    pub camera: CameraSettings,
    /// The microphone.
    pub microphone: MicrophoneSettings,
    /// The head.
    pub ptz: PtzSettings,
    /// The screen.
    pub screen: ScreenSettings,
    /// Where the page is served, if it is.
    #[serde(skip)]
    pub web: Option<SocketAddr>,
    /// Host and port of the MQTT broker, if there is one.
    #[serde(skip)]
    pub broker: Option<(String, u16)>,
    /// Where state is kept.
    #[serde(skip)]
    pub state_directory: PathBuf,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            model: None,
            backend: CPU.to_owned(),
            percepts_per_second: 5.0,
            hot_celsius: 85.0,
            camera: CameraSettings::default(),
            microphone: MicrophoneSettings::default(),
            ptz: PtzSettings::default(),
            screen: ScreenSettings::default(),
            web: None,
            broker: None,
            state_directory: "/var/lib/lookhear".into(),
        }
    }
}

/// Reads the configuration; `None` where there is no such file.
pub fn read_configuration(path: &Path) -> anyhow::Result<Option<Wanted>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause).with_context(|| format!("{} cannot be read", path.display())),
    };
    let wanted = toml::from_str(&text).with_context(|| format!("{} cannot be used", path.display()))?;
    Ok(Some(wanted))
}
