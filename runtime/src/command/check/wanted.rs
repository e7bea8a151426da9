//! What the configuration asks of the machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lookhear::configuration::{Configuration, ModelSettings};
use lookhear_board::camera::v4l2::CameraSettings;
use lookhear_board::display::ScreenSettings;
use lookhear_board::microphone::alsa::MicrophoneSettings;
use lookhear_board::ptz::PtzSettings;

/// The part of the configuration that is held against the machine.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The model, and what runs it.
    pub model: ModelSettings,
    /// How often perception should run.
    pub percepts_per_second: f64,
    /// From which temperature on perception is slowed down.
    pub hot_celsius: f32,
    /// The camera; `None` where a film is played in its place.
    pub camera: Option<CameraSettings>,
    /// The microphone; `None` where a sound is played in its place.
    pub microphone: Option<MicrophoneSettings>,
    /// The head.
    pub ptz: PtzSettings,
    /// The screen.
    pub screen: ScreenSettings,
    /// Where the page is served, if it is.
    pub web: Option<SocketAddr>,
    /// Host and port of the MQTT broker, if there is one.
    pub broker: Option<(String, u16)>,
    /// Where state is kept.
    pub state_directory: PathBuf,
}

impl From<Configuration> for Wanted {
    fn from(configuration: Configuration) -> Self {
        let Configuration {
            model,
            camera,
            microphone,
            replay,
            perception,
            ptz,
            screen,
            web,
            mqtt,
            throttle,
            ..
        } = configuration;
        let usual_port = if mqtt.tls { 8883 } else { 1883 };
        Self {
            model,
            percepts_per_second: perception.percepts_per_second,
            hot_celsius: throttle.hot_celsius,
            camera: replay.film.is_none().then_some(camera),
            microphone: replay.sound.is_none().then_some(microphone),
            ptz,
            screen,
            web: web.enabled.then_some(web.listen),
            broker: mqtt.enabled.then(|| (mqtt.host, mqtt.port.unwrap_or(usual_port))),
            state_directory: std::env::var_os("STATE_DIRECTORY").map_or("/var/lib/lookhear".into(), PathBuf::from),
        }
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Configuration::default().into()
    }
}

/// Reads the configuration; `None` where there is no such file.
pub fn read_configuration(path: &Path) -> anyhow::Result<Option<Wanted>> {
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(Configuration::read(Some(path))?.into()))
}
