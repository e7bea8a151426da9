//! Which head there is and how it is reached, as a person writes it down.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::mount::{Mounted, Mounting};
use super::onvif::{Onvif, OnvifSettings};
use super::uvc::{Uvc, UvcSettings};
use super::visca::{Transport, Visca, ViscaSettings};
use super::{Ptz, PtzError, SimulatedHead, SimulatedHeadSettings};
use crate::Clock;

/// The sorts of heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PtzKind {
    /// The camera does not turn.
    #[default]
    None,
    /// A USB camera that turns.
    Uvc,
    /// VISCA over a serial port.
    ViscaSerial,
    /// VISCA over UDP with Sony's header, port 52381.
    ViscaSonyUdp,
    /// VISCA over TCP, port 5678.
    ViscaTcp,
    /// VISCA over UDP, port 1259.
    ViscaUdp,
    /// A network camera that speaks ONVIF.
    Onvif,
    /// A head that is not there, for trying things out.
    Simulated,
}

impl PtzKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Uvc,
        Self::ViscaSerial,
        Self::ViscaSonyUdp,
        Self::ViscaTcp,
        Self::ViscaUdp,
        Self::Onvif,
        Self::Simulated,
    ];

    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Uvc => "uvc",
            Self::ViscaSerial => "visca-serial",
            Self::ViscaSonyUdp => "visca-sony-udp",
            Self::ViscaTcp => "visca-tcp",
            Self::ViscaUdp => "visca-udp",
            Self::Onvif => "onvif",
            Self::Simulated => "simulated",
        }
    }

    fn visca(self) -> Option<Transport> {
        match self {
            Self::ViscaSerial => Some(Transport::Serial),
            Self::ViscaSonyUdp => Some(Transport::SonyUdp),
            Self::ViscaTcp => Some(Transport::Tcp),
            Self::ViscaUdp => Some(Transport::Udp),
            Self::None | Self::Uvc | Self::Onvif | Self::Simulated => None,
        }
    }
}

impl fmt::Display for PtzKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for PtzKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| format!("{text} is no kind of head: {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// The head, if there is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PtzSettings {
    /// What sort of head it is: none, uvc, visca-serial, visca-sony-udp, visca-tcp, visca-udp, onvif or simulated.
    pub kind: PtzKind,
    /// Where it is: of a USB camera or a serial port its path (/dev/v4l/by-id/… and /dev/serial/by-id/… stay the same when
    /// something else is plugged in), over a network HOST or HOST:PORT, of ONVIF its URL unless that stands in `onvif`.
    pub address: String,
    /// For how long an answer to a command is waited for, in seconds, 0.05..5.
    pub timeout_seconds: f64,
    /// It turns to the left when told to turn to the right: for cameras that are mounted upside down, or count the other way. Left
    /// out, it does not, unless that was found otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pan_inverted: Option<bool>,
    /// It turns down when told to turn up; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tilt_inverted: Option<bool>,
    /// Leftmost and rightmost direction in degrees, in place of what the camera says or is taken to be able to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pan_range_degrees: Option<[f64; 2]>,
    /// Lowest and highest direction in degrees, in place of what the camera says or is taken to be able to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tilt_range_degrees: Option<[f64; 2]>,
    /// The fastest that it may pan, degrees a second; what it can do where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fastest_pan: Option<f64>,
    /// The fastest that it may tilt, degrees a second; what it can do where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fastest_tilt: Option<f64>,
    /// What is particular to USB cameras.
    pub uvc: UvcSettings,
    /// What is particular to cameras that speak VISCA.
    pub visca: ViscaSettings,
    /// What is particular to cameras that speak ONVIF.
    pub onvif: OnvifSettings,
    /// What is particular to the simulated head.
    pub simulated: SimulatedHeadSettings,
}

impl Default for PtzSettings {
    fn default() -> Self {
        Self {
            kind: PtzKind::None,
            address: String::new(),
            timeout_seconds: 0.5,
            pan_inverted: None,
            tilt_inverted: None,
            pan_range_degrees: None,
            tilt_range_degrees: None,
            fastest_pan: None,
            fastest_tilt: None,
            uvc: UvcSettings::default(),
            visca: ViscaSettings::default(),
            onvif: OnvifSettings::default(),
            simulated: SimulatedHeadSettings::default(),
        }
    }
}

impl PtzSettings {
    /// How long an answer is waited for.
    ///
    /// # Errors
    /// `GiveUp` where that is too short or too long.
    pub fn timeout(&self) -> Result<Duration, PtzError> {
        if !(0.05..=5.0).contains(&self.timeout_seconds) {
            return Err(self.nonsense("timeout_seconds lies between 0.05 and 5"));
        }
        Ok(Duration::from_secs_f64(self.timeout_seconds))
    }

    /// How the head is mounted.
    ///
    /// # Errors
    /// `GiveUp` for ranges and speeds that make no sense.
    pub fn mounting(&self) -> Result<Mounting, PtzError> {
        let range = |range: Option<[f64; 2]>| -> Result<Option<RangeInclusive<f64>>, PtzError> {
            match range {
                Some([from, to]) if from.is_finite() && to.is_finite() && from < to => Ok(Some(from..=to)),
                Some(_) => {
                    Err(self.nonsense("a range in degrees goes from the smaller to the greater, as in [-90, 90]"))
                }
                None => Ok(None),
            }
        };
        let limits = [self.fastest_pan, self.fastest_tilt];
        if limits.into_iter().flatten().any(|limit| limit.is_nan() || limit <= 0.0) {
            return Err(self.nonsense("fastest_pan and fastest_tilt are above 0"));
        }
        Ok(Mounting {
            pan_inverted: self.pan_inverted.unwrap_or(false),
            tilt_inverted: self.tilt_inverted.unwrap_or(false),
            pan_degrees: range(self.pan_range_degrees)?,
            tilt_degrees: range(self.tilt_range_degrees)?,
            fastest_pan: self.fastest_pan,
            fastest_tilt: self.fastest_tilt,
        })
    }

    /// Where and how ONVIF is spoken.
    fn onvif_camera(&self) -> OnvifSettings {
        let mut camera = self.onvif.clone();
        if camera.url.is_empty() {
            camera.url.clone_from(&self.address);
        }
        camera
    }

    fn nonsense(&self, cause: &str) -> PtzError {
        PtzError::GiveUp {
            device: "the settings of the head".to_owned(),
            cause: cause.to_owned(),
        }
    }
}

/// Opens the head that the settings name; `None` where they name none.
///
/// # Errors
/// `GiveUp` for settings that make no sense and devices that cannot turn or may not be opened, `Rebuild` for heads that are not
/// there or do not answer: try again later.
pub fn open(settings: &PtzSettings, clock: Arc<dyn Clock>) -> Result<Option<Box<dyn Ptz>>, PtzError> {
    let (timeout, mounting) = (settings.timeout()?, settings.mounting()?);
    let head: Box<dyn Ptz> = if let Some(transport) = settings.kind.visca() {
        Box::new(Visca::open(
            transport,
            &settings.address,
            &settings.visca,
            timeout,
            clock,
        )?)
    } else {
        match settings.kind {
            PtzKind::Uvc => Box::new(Uvc::open(&settings.address, &settings.uvc)?),
            PtzKind::Onvif => Box::new(Onvif::open(&settings.onvif_camera(), clock)?),
            PtzKind::Simulated => Box::new(SimulatedHead::new(clock, settings.simulated.clone())),
            _ => return Ok(None),
        }
    };
    Ok(Some(Box::new(Mounted::new(head, mounting))))
}

/// How a halt went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halted {
    /// There is no head that could be moving.
    Nothing,
    /// The stop went out, and was not confirmed in time.
    Sent,
    /// The head has taken it.
    Confirmed,
}

/// Stops the head without asking first what it can do or whether it is there, within a second: for what comes after a
/// program that ended while the head was turning.
///
/// # Errors
/// Where the stop could not even be sent.
pub fn halt(settings: &PtzSettings, clock: Arc<dyn Clock>) -> Result<Halted, PtzError> {
    let timeout = settings.timeout()?.min(Duration::from_millis(800));
    if let Some(transport) = settings.kind.visca() {
        let confirmed = Visca::halt(transport, &settings.address, &settings.visca, timeout, clock)?;
        return Ok(if confirmed { Halted::Confirmed } else { Halted::Sent });
    }
    match settings.kind {
        PtzKind::Uvc => Uvc::halt(&settings.address, &settings.uvc).map(|()| Halted::Confirmed),
        PtzKind::Onvif => Onvif::open(&settings.onvif_camera(), clock)?
            .stop()
            .map(|()| Halted::Confirmed),
        // A simulated head was not moving before it was there.
        _ => Ok(Halted::Nothing),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::ManualClock;

    fn clock() -> Arc<dyn Clock> {
        Arc::new(ManualClock::default())
    }

    #[test]
    fn all_keys_have_defaults_and_survive_being_written() {
        let settings: PtzSettings = toml::from_str("").unwrap();
        assert_eq!(settings, PtzSettings::default());
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<PtzSettings>(&text).unwrap(), settings);
    }

    #[test]
    fn a_person_names_the_head_in_a_few_lines() {
        let settings: PtzSettings = toml::from_str(
            r#"
            kind = "visca-udp"
            address = "10.0.0.5"
            pan_inverted = true
            pan_range_degrees = [-90, 90]
            [visca]
            pan_units_per_degree = 13.33
            "#,
        )
        .unwrap();
        assert_eq!(settings.kind, PtzKind::ViscaUdp);
        assert_eq!(settings.mounting().unwrap().pan_degrees, Some(-90.0..=90.0));
        assert!(toml::from_str::<PtzSettings>("speed = 3").is_err());
    }

    #[test]
    fn kinds_are_written_as_they_are_named() {
        for kind in PtzKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert!("onwif".parse::<PtzKind>().is_err());
    }

    #[test]
    fn no_head_and_a_simulated_one_can_be_opened() {
        let mut settings = PtzSettings::default();
        assert!(open(&settings, clock()).unwrap().is_none());
        assert_eq!(halt(&settings, clock()).unwrap(), Halted::Nothing);
        settings.kind = PtzKind::Simulated;
        settings.fastest_pan = Some(30.0);
        let head = open(&settings, clock()).unwrap().expect("a head");
        assert_eq!(head.abilities().fastest.pan, 30.0);
    }

    #[test]
    fn nonsense_is_told() {
        let sane = PtzSettings {
            kind: PtzKind::Simulated,
            ..PtzSettings::default()
        };
        for nonsense in [
            PtzSettings {
                timeout_seconds: f64::NAN,
                ..sane.clone()
            },
            PtzSettings {
                timeout_seconds: 0.0,
                ..sane.clone()
            },
            PtzSettings {
                pan_range_degrees: Some([10.0, -10.0]),
                ..sane.clone()
            },
            PtzSettings {
                fastest_tilt: Some(0.0),
                ..sane.clone()
            },
            PtzSettings {
                kind: PtzKind::ViscaUdp,
                ..sane.clone()
            },
        ] {
            let error = open(&nonsense, clock()).err();
            assert!(
                matches!(error, Some(PtzError::GiveUp { .. })),
                "{nonsense:?}: {error:?}"
            );
        }
    }
}
