//! What the configuration asks of the machine.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lookhear::perception::encoder::CPU;

/// The part of the configuration that is held against the machine.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// A bundle in place of the one that ships with the program.
    pub model: Option<PathBuf>,
    /// What runs the networks.
    pub backend: String,
    /// How often perception should run.
    pub percepts_per_second: f64,
    /// From which temperature on perception is slowed down.
    pub hot_celsius: f32,
    /// Where the page is served, if it is.
    pub web: Option<SocketAddr>,
    /// Host and port of the MQTT broker, if there is one.
    pub broker: Option<(String, u16)>,
    /// Where state is kept.
    pub state_directory: PathBuf,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            model: None,
            backend: CPU.to_owned(),
            percepts_per_second: 5.0,
            hot_celsius: 85.0,
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
    let _: toml::Table = toml::from_str(&text).with_context(|| format!("{} is no TOML", path.display()))?;
    Ok(Some(Wanted::default()))
}

/// The hottest thermal zone of this machine.
pub fn hottest_celsius() -> Option<f32> {
    let zones = fs::read_dir("/sys/class/thermal").into_iter().flatten().flatten();
    let celsius = zones.filter_map(|zone| {
        let thousandths: f32 = fs::read_to_string(zone.path().join("temp")).ok()?.trim().parse().ok()?;
        Some(thousandths / 1000.0)
    });
    celsius.reduce(f32::max)
}
