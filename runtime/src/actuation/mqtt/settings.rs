//! Which broker, and how to speak to it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::MqttError;
use crate::actuation::secret::Secret;

/// Where the broker is, and what it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MqttSettings {
    /// Speak to a broker.
    pub enabled: bool,
    /// Name or address of the broker.
    pub host: String,
    /// Its port; 1883, or 8883 with TLS, where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Encrypt, and make sure that it is that broker.
    pub tls: bool,
    /// Certificates, in PEM, of those who may vouch for the broker; the system's own by default.
    pub ca_file: PathBuf,
    /// Certificate that this device shows, in PEM, with those that vouch for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<PathBuf>,
    /// The key to it, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Name to log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Password to log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// File whose first line is the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// What this device is called among others: letters, digits, `-` and `_`. Made from the machine's identity where it is
    /// left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What a person calls this device.
    pub name: String,
    /// What all topics begin with.
    pub topic_prefix: String,
    /// What Home Assistant's topics begin with; empty for a broker without it.
    pub discovery_prefix: String,
    /// States a second at most, while much changes, 0.1 to 10.
    pub most_states_per_second: f64,
    /// Seconds between states at most, while nothing changes, 1 to 3600.
    pub least_every_seconds: f64,
    /// After one and a half times as many seconds of silence the broker takes this device for gone, 5 to 3600.
    pub keep_alive_seconds: u64,
}

impl Default for MqttSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            host: "localhost".to_owned(),
            port: None,
            tls: false,
            ca_file: "/etc/ssl/certs/ca-certificates.crt".into(),
            certificate_file: None,
            key_file: None,
            user: None,
            password: None,
            password_file: None,
            device: None,
            name: "Lookhear".to_owned(),
            topic_prefix: "lookhear".to_owned(),
            discovery_prefix: "homeassistant".to_owned(),
            most_states_per_second: 2.0,
            least_every_seconds: 10.0,
            keep_alive_seconds: 15,
        }
    }
}

impl MqttSettings {
    /// The port, given or usual.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 8883 } else { 1883 })
    }

    /// Whether everything lies in its range.
    ///
    /// # Errors
    /// [`MqttError::GiveUp`], naming the key and what it may be.
    pub fn check(&self) -> Result<(), MqttError> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let is_topic =
            |topic: &str| !topic.is_empty() && topic.split('/').all(|level| is_name(level) || level.contains('.'));
        let has_no_wildcard = |topic: &str| !topic.contains(['+', '#', '\0']);
        let refusals = [
            (
                self.host.is_empty(),
                "host must be the name or the address of the broker",
            ),
            (
                self.device.as_deref().is_some_and(|device| !is_name(device)),
                "device may consist of letters, digits, - and _",
            ),
            (
                !is_topic(&self.topic_prefix) || !has_no_wildcard(&self.topic_prefix),
                "topic_prefix may consist of letters, digits, -, _ and / between them",
            ),
            (
                !self.discovery_prefix.is_empty()
                    && (!is_topic(&self.discovery_prefix) || !has_no_wildcard(&self.discovery_prefix)),
                "discovery_prefix may consist of letters, digits, -, _ and / between them",
            ),
            (
                !(0.1..=10.0).contains(&self.most_states_per_second),
                "most_states_per_second must lie in 0.1 to 10",
            ),
            (
                !(1.0..=3600.0).contains(&self.least_every_seconds),
                "least_every_seconds must lie in 1 to 3600",
            ),
            (
                !(5..=3600).contains(&self.keep_alive_seconds),
                "keep_alive_seconds must lie in 5 to 3600",
            ),
            (
                self.certificate_file.is_some() != self.key_file.is_some(),
                "certificate_file and key_file go together",
            ),
            (
                self.password.is_some() && self.password_file.is_some(),
                "password and password_file are two ways to say the same: give one",
            ),
        ];
        match refusals.into_iter().find(|(is_wrong, _)| *is_wrong) {
            Some((_, cause)) => Err(MqttError::GiveUp {
                cause: cause.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// The password, given or in its file; none is an empty one.
    pub(super) fn password(&self) -> Result<String, MqttError> {
        match (&self.password, &self.password_file) {
            (Some(password), _) => Ok(password.reveal().to_owned()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| MqttError::File {
                    path: path.clone(),
                    key: "mqtt.password_file",
                    cause: error.to_string(),
                })?;
                Ok(text.lines().next().unwrap_or_default().to_owned())
            }
            (None, None) => Ok(String::new()),
        }
    }
}
