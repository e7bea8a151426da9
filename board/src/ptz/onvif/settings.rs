//! What a person says about an ONVIF camera.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::Uri;

/// Where an ONVIF camera is, who we are to it, and what it does not tell about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnvifSettings {
    /// Where it is: `http://192.168.1.20`, with a port and a path (`/onvif/device_service` otherwise) where it needs them.
    pub url: String,
    /// The user that it knows, one who may move it; empty for a camera that asks for none.
    pub user: String,
    /// That user's password.
    pub password: Password,
    /// A file that holds the password instead; an end of line at its end does not count.
    pub password_file: Option<PathBuf>,
    /// The media profile by its token; empty for the first one with a pan-tilt head.
    pub profile: String,
    /// How to prove who we are.
    pub authentication: Authentication,
    /// Where pan ends, to the left and to the right in degrees, for a camera that counts from −1 to 1.
    pub pan_range_degrees: [f64; 2],
    /// Where tilt ends, below and above in degrees, for a camera that counts from −1 to 1.
    pub tilt_range_degrees: [f64; 2],
    /// How fast pan and tilt turn at full speed, in degrees a second, for a camera that does not tell.
    pub fastest_degrees_per_second: [f64; 2],
    /// The camera counts pan to the left: both its positions and its speeds.
    pub invert_pan: bool,
    /// The camera counts tilt downward: both its positions and its speeds.
    pub invert_tilt: bool,
    /// Its pan speeds have the opposite sign of its pan positions.
    pub invert_pan_speed: bool,
    /// Its tilt speeds have the opposite sign of its tilt positions.
    pub invert_tilt_speed: bool,
    /// How long a call may take, in seconds (0.1 to 10).
    pub timeout_seconds: f64,
    /// After how many seconds without a word from us the camera ends a drive by itself (1 to 60, whole: some cameras read
    /// no fractions). Every call to the driver renews it in time.
    pub drive_timeout_seconds: u32,
}

impl Default for OnvifSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            user: String::new(),
            password: Password::default(),
            password_file: None,
            profile: String::new(),
            authentication: Authentication::Auto,
            pan_range_degrees: [-170.0, 170.0],
            tilt_range_degrees: [-30.0, 90.0],
            fastest_degrees_per_second: [80.0, 60.0],
            invert_pan: false,
            invert_tilt: false,
            invert_pan_speed: false,
            invert_tilt_speed: false,
            timeout_seconds: 1.0,
            drive_timeout_seconds: 2,
        }
    }
}

/// How to prove to a camera who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// As the camera asks for it.
    #[default]
    Auto,
    /// HTTP Digest (RFC 7616) alone.
    Digest,
    /// The UsernameToken of WS-Security alone.
    WsSecurity,
    /// Not at all.
    None,
}

/// A password, which no message shows.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.0.is_empty() { "none" } else { "hidden" })
    }
}

impl OnvifSettings {
    /// The address of the device service.
    pub(super) fn device_url(&self) -> Result<Uri, String> {
        let url = self.url.trim();
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        if url.contains('@') {
            return Err("`url` holds a user: give `user` and `password` keys of their own".to_owned());
        }
        let wrong = |why: &str| format!("`url` = \"{url}\" {why}; write it as http://192.168.1.20");
        let uri: Uri = url.parse().map_err(|_| wrong("is no address"))?;
        let host = uri.host().filter(|host| !host.is_empty());
        host.ok_or_else(|| wrong("names no camera"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong(
                "does not begin with http:// (encrypted connections are not supported)",
            ));
        }
        if uri.path() == "/" {
            let mut parts = uri.into_parts();
            parts.path_and_query = Some(ureq::http::uri::PathAndQuery::from_static("/onvif/device_service"));
            return Uri::from_parts(parts).map_err(|_| wrong("is no address"));
        }
        Ok(uri)
    }

    /// The password from wherever it lies.
    pub(super) fn read_password(&self) -> Result<String, String> {
        let Some(path) = &self.password_file else {
            return Ok(self.password.0.clone());
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("`password_file` {} cannot be read: {error}", path.display()))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// How long a call may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout_seconds)
    }

    /// Says which key holds what cannot be.
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, [low, high]) in [
            ("pan_range_degrees", self.pan_range_degrees),
            ("tilt_range_degrees", self.tilt_range_degrees),
        ] {
            if !(low.is_finite() && high.is_finite() && low < high) {
                return Err(format!(
                    "`{key}` = [{low}, {high}]: the first must lie below the second"
                ));
            }
        }
        let fastest = self.fastest_degrees_per_second;
        if !fastest.iter().all(|speed| speed.is_finite() && *speed > 0.0) {
            return Err(format!(
                "`fastest_degrees_per_second` = {fastest:?}: both must be above 0"
            ));
        }
        if !(0.1..=10.0).contains(&self.timeout_seconds) {
            return Err(format!("`timeout_seconds` = {}: from 0.1 to 10", self.timeout_seconds));
        }
        if !(1..=60).contains(&self.drive_timeout_seconds) {
            return Err(format!(
                "`drive_timeout_seconds` = {}: from 1 to 60",
                self.drive_timeout_seconds
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn device_url(url: &str) -> Result<String, String> {
        let settings = OnvifSettings {
            url: url.to_owned(),
            ..OnvifSettings::default()
        };
        settings.device_url().map(|uri| uri.to_string())
    }

    #[test]
    fn an_address_is_completed() {
        for (written, meant) in [
            ("192.168.1.20", "http://192.168.1.20/onvif/device_service"),
            ("http://camera:8080/", "http://camera:8080/onvif/device_service"),
            ("http://[fe80::1]:80/onvif/other", "http://[fe80::1]:80/onvif/other"),
        ] {
            assert_eq!(device_url(written).unwrap(), meant);
        }
        assert!(device_url("").unwrap_err().contains("`url`"));
        assert!(device_url("https://camera").unwrap_err().contains("http://"));
        assert!(device_url("http://me:secret@camera").unwrap_err().contains("`user`"));
        assert!(!device_url("http://me:secret@camera").unwrap_err().contains("secret"));
    }

    #[test]
    fn defaults_are_allowed_and_wrong_values_are_named() {
        OnvifSettings::default().check().unwrap();
        for (text, key) in [
            ("pan_range_degrees = [10.0, -10.0]", "pan_range_degrees"),
            ("tilt_range_degrees = [nan, 1.0]", "tilt_range_degrees"),
            ("fastest_degrees_per_second = [0.0, 1.0]", "fastest_degrees_per_second"),
            ("timeout_seconds = 60.0", "timeout_seconds"),
            ("drive_timeout_seconds = 0", "drive_timeout_seconds"),
        ] {
            let settings: OnvifSettings = toml::from_str(text).unwrap();
            assert!(settings.check().unwrap_err().contains(key), "{text}");
        }
    }

    #[test]
    fn a_password_is_read_from_its_file_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "geheim\r\n").unwrap();
        let mut settings = OnvifSettings {
            password: Password("a word".to_owned()),
            ..OnvifSettings::default()
        };
        assert_eq!(settings.read_password().unwrap(), "a word");
        assert!(!format!("{settings:?}").contains("a word"));
        settings.password_file = Some(file.path().to_owned());
        assert_eq!(settings.read_password().unwrap(), "geheim");
        settings.password_file = Some("/nowhere/password".into());
        assert!(settings.read_password().unwrap_err().contains("/nowhere/password"));
    }
}
