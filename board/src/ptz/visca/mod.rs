//! Heads that speak VISCA, over a serial port or a network.

pub mod codec;
pub mod datagram;
pub mod line;
pub mod session;
pub mod speeds;
pub mod stream;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::codec::{Digits, Position, Reply, Request};
use self::line::Line;
use self::session::Session;
use self::speeds::{EVI_D100_PAN, EVI_D100_TILT, Speeds};
use super::{Abilities, Orientation, Ptz, PtzError, Velocity};
use crate::Clock;

/// Where VISCA is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A serial port.
    Serial,
    /// UDP with Sony's header.
    SonyUdp,
    /// TCP without any.
    Tcp,
    /// UDP without any.
    Udp,
}

impl Transport {
    /// The port on which most cameras listen; 0 for a serial port.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Serial => 0,
            Self::SonyUdp => 52381,
            Self::Tcp => 5678,
            Self::Udp => 1259,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Serial => "VISCA",
            Self::SonyUdp => "VISCA over UDP with Sony's header",
            Self::Tcp => "VISCA over TCP",
            Self::Udp => "VISCA over UDP",
        }
    }
}

/// What is particular to a camera that speaks VISCA. The defaults are those of Sony's EVI-D100 (Technical Manual
/// A-AYT-100-11, pages 44 and 45); its units are those of many others as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViscaSettings {
    /// Bits a second on a serial port: 9600 on most cameras, 38400 on some.
    pub baud: u32,
    /// Which camera on the line, 1..7; over a network always 1.
    pub camera: u8,
    /// How many of the camera's units are a degree of pan: 14.4 on an EVI-D100 (1440 for 100 degrees), 13.33 on an EVI-D70.
    pub pan_units_per_degree: f64,
    /// How many of the camera's units are a degree of tilt.
    pub tilt_units_per_degree: f64,
    /// What the pan speeds 1, 2, … are, in degrees a second; at most 24.
    pub pan_speeds: Vec<f64>,
    /// What the tilt speeds 1, 2, … are, in degrees a second; at most 23.
    pub tilt_speeds: Vec<f64>,
}

impl Default for ViscaSettings {
    fn default() -> Self {
        Self {
            baud: 9600,
            camera: 1,
            pan_units_per_degree: 14.4,
            tilt_units_per_degree: 14.4,
            pan_speeds: EVI_D100_PAN.to_vec(),
            tilt_speeds: EVI_D100_TILT.to_vec(),
        }
    }
}

/// Where cameras of this sort can look where nobody says otherwise, in degrees: an EVI-D70 and most conference cameras.
const PAN_DEGREES: std::ops::RangeInclusive<f64> = -170.0..=170.0;
const TILT_DEGREES: std::ops::RangeInclusive<f64> = -30.0..=90.0;

/// A head that speaks VISCA.
pub struct Visca {
    session: Session,
    settings: ViscaSettings,
    pan_speeds: Speeds,
    tilt_speeds: Speeds,
    digits: Digits,
    abilities: Abilities,
}

impl Visca {
    /// Opens the line and asks the camera where it looks. `address` is a path for a serial port, otherwise `HOST` or
    /// `HOST:PORT`.
    ///
    /// # Errors
    /// `GiveUp` for settings that make no sense and devices that may not be opened, `Rebuild` where nobody answers.
    pub fn open(
        transport: Transport,
        address: &str,
        settings: &ViscaSettings,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PtzError> {
        let device = name(transport, address);
        let give_up = |cause: String| PtzError::GiveUp {
            device: device.clone(),
            cause,
        };
        let units = [settings.pan_units_per_degree, settings.tilt_units_per_degree];
        if !units.iter().all(|units| units.is_finite() && *units > 0.0) {
            return Err(give_up("units per degree are numbers above 0".to_owned()));
        }
        if !(1..=7).contains(&settings.camera) {
            return Err(give_up(format!(
                "a camera has a number from 1 to 7, not {}",
                settings.camera
            )));
        }
        let pan_speeds =
            Speeds::new(&settings.pan_speeds, 24).map_err(|cause| give_up(format!("pan_speeds: {cause}")))?;
        let tilt_speeds =
            Speeds::new(&settings.tilt_speeds, 23).map_err(|cause| give_up(format!("tilt_speeds: {cause}")))?;
        let mut session = session(transport, address, settings, timeout, clock)?;
        if transport == Transport::Serial {
            session.resynchronise()?;
            session.ask(Request::AssignAddresses).map_err(rebuild)?;
            session.ask(Request::Clear).map_err(rebuild)?;
        }
        let told = match session.ask(Request::Position) {
            Ok(Reply::Position(_, digits)) => Some(digits),
            // It understood, and does not tell.
            Ok(_) | Err(PtzError::GiveUp { .. }) => None,
            Err(error) => return Err(rebuild(error)),
        };
        Ok(Self {
            abilities: Abilities {
                absolute: true,
                continuous: true,
                tells_orientation: told.is_some(),
                pan_degrees: PAN_DEGREES,
                tilt_degrees: TILT_DEGREES,
                fastest: Velocity {
                    pan: pan_speeds.fastest(),
                    tilt: tilt_speeds.fastest(),
                },
            },
            session,
            settings: settings.clone(),
            pan_speeds,
            tilt_speeds,
            digits: told.unwrap_or_default(),
        })
    }

    /// Sends a stop and nothing else, without asking whether anyone is there. Tells whether the camera confirmed it.
    ///
    /// # Errors
    /// Where it could not even be sent.
    pub fn halt(
        transport: Transport,
        address: &str,
        settings: &ViscaSettings,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<bool, PtzError> {
        let mut session = session(transport, address, settings, timeout, clock)?;
        if transport != Transport::SonyUdp {
            session.resynchronise()?;
        }
        match session.stop() {
            Ok(()) => Ok(true),
            Err(PtzError::Retry { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// At the start a camera that is silent or not ready is one to be opened again.
fn rebuild(error: PtzError) -> PtzError {
    match error {
        PtzError::Retry { device, cause } => PtzError::Rebuild { device, cause },
        other => other,
    }
}

fn name(transport: Transport, address: &str) -> String {
    format!("camera at {address} ({})", transport.name())
}

fn session(
    transport: Transport,
    address: &str,
    settings: &ViscaSettings,
    timeout: Duration,
    clock: Arc<dyn Clock>,
) -> Result<Session, PtzError> {
    let device = name(transport, address);
    let line = open_line(transport, address, settings, timeout).map_err(|cause| match cause.kind() {
        ErrorKind::PermissionDenied => PtzError::GiveUp {
            device: device.clone(),
            cause: format!("it may not be opened ({cause}); serial ports are open to the group dialout"),
        },
        ErrorKind::InvalidInput => PtzError::GiveUp {
            device: device.clone(),
            cause: cause.to_string(),
        },
        _ => PtzError::Rebuild {
            device: device.clone(),
            cause: format!("it cannot be reached ({cause})"),
        },
    })?;
    Ok(Session::new(line, clock, device, settings.camera, timeout))
}

fn open_line(
    transport: Transport,
    address: &str,
    settings: &ViscaSettings,
    timeout: Duration,
) -> io::Result<Box<dyn Line>> {
    if transport == Transport::Serial {
        return Ok(Box::new(stream::open_serial(address, settings.baud, timeout)?));
    }
    let addresses = resolve(address, transport.default_port())?;
    Ok(match transport {
        Transport::Tcp => Box::new(stream::connect(addresses.as_slice(), timeout)?),
        Transport::SonyUdp => Box::new(datagram::SonyLine::open(addresses.as_slice())?),
        _ => Box::new(datagram::RawLine::open(addresses.as_slice())?),
    })
}

/// The addresses behind `HOST`, `HOST:PORT` or `[IPv6]:PORT`.
fn resolve(address: &str, default_port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = address.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, default_port)]);
    }
    if address.is_empty() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "no address was given"));
    }
    let has_port = address
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Ok(if has_port {
        address.to_socket_addrs()?.collect()
    } else {
        (address, default_port).to_socket_addrs()?.collect()
    })
}

impl Ptz for Visca {
    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn orientation(&mut self) -> Result<Option<Orientation>, PtzError> {
        if !self.abilities.tells_orientation {
            return Ok(None);
        }
        match self.session.ask(Request::Position)? {
            Reply::Position(position, digits) => {
                self.digits = digits;
                Ok(Some(Orientation {
                    pan_degrees: f64::from(position.pan) / self.settings.pan_units_per_degree,
                    tilt_degrees: f64::from(position.tilt) / self.settings.tilt_units_per_degree,
                }))
            }
            _ => Ok(None),
        }
    }

    /// A camera tells that a movement has ended by completing the command. Some complete every command at once: for those this
    /// is `false` too early.
    fn is_moving(&mut self) -> Result<Option<bool>, PtzError> {
        Ok(Some(self.session.is_moving()))
    }

    fn move_to(&mut self, to: Orientation, speed: Velocity) -> Result<(), PtzError> {
        // The codec brings what is too large to the edge of what can be said.
        let units = |degrees: f64, per_degree: f64| (degrees * per_degree).round() as i32;
        self.session.ask(Request::Absolute {
            to: Position {
                pan: units(to.pan_degrees, self.settings.pan_units_per_degree),
                tilt: units(to.tilt_degrees, self.settings.tilt_units_per_degree),
            },
            pan_speed: self.pan_speeds.at_most(speed.pan),
            tilt_speed: self.tilt_speeds.at_most(speed.tilt),
            digits: self.digits,
        })?;
        Ok(())
    }

    fn drive(&mut self, velocity: Velocity) -> Result<(), PtzError> {
        let (pan, tilt) = (
            self.pan_speeds.nearest(velocity.pan),
            self.tilt_speeds.nearest(velocity.tilt),
        );
        if (pan, tilt) == (0, 0) {
            return self.stop();
        }
        self.session.ask(Request::Drive { pan, tilt })?;
        Ok(())
    }

    fn stop(&mut self) -> Result<(), PtzError> {
        self.session.stop()
    }

    fn go_home(&mut self) -> Result<(), PtzError> {
        self.session.ask(Request::Home)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
