//! Pan-tilt heads of network cameras that speak ONVIF: SOAP over HTTP, after ONVIF's Core, Media and PTZ service
//! specifications, and after what cameras make of them.
//!
//! - Proofs of WS-Security are dated by the camera's clock, which is read first; HTTP Digest is answered when asked for.
//! - Of the addresses that a camera gives for its services, only the path is believed where the host is not the one it is
//!   reached by: behind address translation it does not know that.
//! - Degrees come from the camera where it counts in them, and from the settings where it counts from −1 to 1.
//! - A drive ends by itself when nothing is heard from us for a time in whole seconds, so that a camera does not run away
//!   when the network drops or the program dies. Every call to the driver renews it in time.

pub mod answers;
mod discovery;
mod geometry;
mod http;
pub mod messages;
mod security;
mod session;
mod settings;
mod signs;
pub mod simulated;
pub mod soap;
pub mod time;

use std::sync::Arc;
use std::time::Duration;

use ureq::http::Uri;

pub use self::discovery::{Discovered, discover};
pub use self::settings::{Authentication, OnvifSettings, Password};
pub use self::signs::{Signs, probe_signs};

use self::answers::{Addresses, Configuration, Profile, Spaces, Status};
use self::geometry::Geometry;
use self::http::reachable;
use self::messages::{Message, Service, Vector};
use self::session::{CallError, Session};
use super::{Abilities, Orientation, Ptz, PtzError, Velocity};
use crate::Clock;

/// A pan-tilt head that is spoken to over ONVIF.
pub struct Onvif {
    device: String,
    session: Session,
    url: Uri,
    profile: String,
    geometry: Geometry,
    abilities: Abilities,
    drive_timeout_seconds: u32,
    /// The camera takes times with its drives.
    takes_timeout: bool,
    /// The camera takes `Stop`.
    takes_stop: bool,
    driving: Option<Driving>,
}

/// A drive that is to be renewed.
struct Driving {
    velocity: Vector,
    told_at: Duration,
}

impl Onvif {
    /// Finds out what a camera can do. Takes a handful of requests, each at most as long as the timeout.
    ///
    /// # Errors
    /// When the settings make no sense, the camera does not answer, refuses the user, or has no head.
    pub fn open(settings: &OnvifSettings, clock: Arc<dyn Clock>) -> Result<Self, PtzError> {
        let device = format!("camera at {}", settings.url);
        let give_up = |cause: String| PtzError::GiveUp {
            device: device.clone(),
            cause,
        };
        let mut session = Session::new(settings, clock).map_err(give_up)?;
        let found = find_head(&mut session, settings).map_err(|error| match error {
            NotFound::Call(error) => error.for_head(&device),
            NotFound::None(cause) => give_up(cause),
        })?;
        let geometry = Geometry::new(settings, &found.spaces, &found.configuration);
        let tells_orientation = geometry.orientation(&found.status).is_some();
        let abilities = Abilities {
            absolute: geometry.takes_places() || geometry.takes_steps() && tells_orientation,
            // Profile S asks it of every camera with a head, so one that lists no spaces is believed to take it.
            continuous: !found.spaces.continuous.is_empty() || found.spaces == Spaces::default(),
            tells_orientation,
            pan_degrees: geometry.pan_degrees.clone(),
            tilt_degrees: geometry.tilt_degrees.clone(),
            fastest: geometry.fastest,
        };
        Ok(Self {
            device,
            session,
            url: found.url,
            profile: found.profile,
            geometry,
            abilities,
            drive_timeout_seconds: settings.drive_timeout_seconds,
            takes_timeout: true,
            takes_stop: true,
            driving: None,
        })
    }

    /// The token of the media profile that it is moved through.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    fn give_up(&self, cause: &str) -> PtzError {
        PtzError::GiveUp {
            device: self.device.clone(),
            cause: cause.to_owned(),
        }
    }

    /// Tells the head something that it only acknowledges.
    fn tell(&mut self, message: &Message) -> Result<(), CallError> {
        self.session.call(&self.url, message, |_| Ok(()))
    }

    fn status(&mut self) -> Result<Status, PtzError> {
        self.session
            .call(&self.url, &Message::get_status(&self.profile), answers::status)
            .map_err(|error| error.for_head(&self.device))
    }

    fn tell_velocity(&mut self, velocity: &Vector) -> Result<(), CallError> {
        let timeout = self.takes_timeout.then_some(self.drive_timeout_seconds);
        match self.tell(&Message::continuous_move(&self.profile, velocity, timeout)) {
            Err(CallError::Fault(fault)) if timeout.is_some() && fault.has_code("TimeoutNotSupported") => {
                self.takes_timeout = false;
                self.tell(&Message::continuous_move(&self.profile, velocity, None))
            }
            told => told,
        }
    }

    /// Tells the drive that is under way once more before the camera ends it.
    fn renew_drive(&mut self) -> Result<(), PtzError> {
        let half = Duration::from_secs(u64::from(self.drive_timeout_seconds)) / 2;
        let now = self.session.now();
        let Some(driving) = &mut self.driving else {
            return Ok(());
        };
        if now < driving.told_at + half {
            return Ok(());
        }
        let velocity = driving.velocity.clone();
        self.tell_velocity(&velocity)
            .map_err(|error| error.for_head(&self.device))?;
        self.driving = Some(Driving { velocity, told_at: now });
        Ok(())
    }

    fn turn_to(&mut self, to: Orientation, speed: Velocity) -> Result<(), PtzError> {
        let speed = self.geometry.speed(speed);
        let message = if self.geometry.takes_places() {
            Message::absolute_move(&self.profile, &self.geometry.position(to), speed.as_ref())
        } else {
            let status = self.status()?;
            let step = self
                .geometry
                .orientation(&status)
                .and_then(|from| self.geometry.translation(from, to));
            let Some(step) = step else {
                return Err(self.give_up("it takes neither places nor steps from a known place, only speeds"));
            };
            Message::relative_move(&self.profile, &step, speed.as_ref())
        };
        self.tell(&message).map_err(|error| error.for_head(&self.device))
    }

    /// Turns to the preset that is called home, or else to any of its presets if it must.
    fn turn_to_preset(&mut self, any: bool) -> Result<bool, CallError> {
        let presets = match self
            .session
            .call(&self.url, &Message::get_presets(&self.profile), answers::presets)
        {
            Err(CallError::Fault(_)) => Vec::new(),
            presets => presets?,
        };
        let home = presets
            .iter()
            .find(|preset| preset.name.eq_ignore_ascii_case("home"))
            .or_else(|| presets.first().filter(|_| any));
        let Some(home) = home else { return Ok(false) };
        self.tell(&Message::goto_preset(&self.profile, &home.token))?;
        Ok(true)
    }
}

impl Ptz for Onvif {
    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn orientation(&mut self) -> Result<Option<Orientation>, PtzError> {
        self.session.begin();
        self.renew_drive()?;
        if !self.abilities.tells_orientation {
            return Ok(None);
        }
        let status = self.status()?;
        match self.geometry.orientation(&status) {
            Some(orientation) => Ok(Some(orientation)),
            None => Err(PtzError::Retry {
                device: self.device.clone(),
                cause: "this time it did not tell where it looks".to_owned(),
            }),
        }
    }

    fn is_moving(&mut self) -> Result<Option<bool>, PtzError> {
        self.session.begin();
        self.renew_drive()?;
        Ok(self.status()?.moving)
    }

    fn move_to(&mut self, to: Orientation, speed: Velocity) -> Result<(), PtzError> {
        self.session.begin();
        self.driving = None;
        if ![to.pan_degrees, to.tilt_degrees, speed.pan, speed.tilt]
            .iter()
            .all(|axis| axis.is_finite())
        {
            return Err(self.give_up("told to turn to what is no direction"));
        }
        self.turn_to(to, speed)
    }

    fn drive(&mut self, velocity: Velocity) -> Result<(), PtzError> {
        if velocity == Velocity::default() {
            return self.stop();
        }
        self.session.begin();
        // Were this one lost on its way, the one before it must not go on.
        self.driving = None;
        if ![velocity.pan, velocity.tilt].iter().all(|axis| axis.is_finite()) {
            return Err(self.give_up("told to turn at what is no speed"));
        }
        let velocity = self.geometry.velocity(velocity);
        let told_at = self.session.now();
        self.tell_velocity(&velocity)
            .map_err(|error| error.for_head(&self.device))?;
        self.driving = Some(Driving { velocity, told_at });
        Ok(())
    }

    fn stop(&mut self) -> Result<(), PtzError> {
        self.session.begin();
        self.driving = None;
        if self.takes_stop {
            match self.tell(&Message::stop(&self.profile)) {
                Err(CallError::Fault(_)) => {}
                told => return told.map_err(|error| error.for_head(&self.device)),
            }
        }
        let still = self.geometry.velocity(Velocity::default());
        self.tell_velocity(&still)
            .map_err(|error| error.for_head(&self.device))?;
        self.takes_stop = false;
        Ok(())
    }

    fn go_home(&mut self) -> Result<(), PtzError> {
        self.session.begin();
        self.driving = None;
        match self.tell(&Message::goto_home_position(&self.profile)) {
            Err(CallError::Fault(_)) => {}
            told => return told.map_err(|error| error.for_head(&self.device)),
        }
        let absolute = self.abilities.absolute;
        if self
            .turn_to_preset(!absolute)
            .map_err(|error| error.for_head(&self.device))?
        {
            return Ok(());
        }
        if !absolute {
            return Err(self.give_up("it has no home: set a home position or a preset in the camera's own settings"));
        }
        self.turn_to(Orientation::default(), self.abilities.fastest)
    }
}

/// A head and the way to it.
struct Found {
    url: Uri,
    profile: String,
    configuration: Configuration,
    spaces: Spaces,
    status: Status,
}

enum NotFound {
    Call(CallError),
    None(String),
}

impl From<CallError> for NotFound {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

fn find_head(session: &mut Session, settings: &OnvifSettings) -> Result<Found, NotFound> {
    session.begin();
    session.read_camera_clock()?;
    let (addresses, device) = (find_services(session)?, session.device_url().clone());
    let url = |address: &Option<String>| address.as_deref().and_then(|address| reachable(&device, address));
    let ptz = url(&addresses.ptz).ok_or_else(|| NotFound::None("it has no head that ONVIF can move".to_owned()))?;

    let mut profiles = Vec::new();
    for (service, address) in [(Service::Media, &addresses.media), (Service::Media2, &addresses.media2)] {
        if let Some(address) = url(address).filter(|_| !profiles.iter().any(with_head)) {
            session.begin();
            profiles = session.call(&address, &Message::get_profiles(service), answers::profiles)?;
        }
    }
    let profile = chosen(profiles, &settings.profile).map_err(NotFound::None)?;
    let configuration = profile.head.unwrap_or_default();

    session.begin();
    let spaces = match session.call(&ptz, &Message::get_nodes(), answers::nodes) {
        Err(CallError::Fault(_)) => None,
        nodes => {
            let nodes = nodes?;
            let own = nodes.iter().position(|node| node.token == configuration.node);
            nodes.into_iter().nth(own.unwrap_or(0)).map(|node| node.spaces)
        }
    };
    let spaces = match spaces.filter(|spaces| *spaces != Spaces::default()) {
        Some(spaces) => spaces,
        None => {
            let message = Message::get_configuration_options(&configuration.token);
            match session.call(&ptz, &message, answers::configuration_options) {
                Err(CallError::Fault(_) | CallError::Nonsense(_)) => Spaces::default(),
                spaces => spaces?,
            }
        }
    };
    session.begin();
    let status = match session.call(&ptz, &Message::get_status(&profile.token), answers::status) {
        Err(CallError::Fault(_) | CallError::Nonsense(_)) => Status::default(),
        status => status?,
    };
    Ok(Found {
        url: ptz,
        profile: profile.token,
        configuration,
        spaces,
        status,
    })
}

/// Asks as newer cameras are asked, and if that tells of no head as older ones are.
fn find_services(session: &mut Session) -> Result<Addresses, CallError> {
    let device = session.device_url().clone();
    session.begin();
    let services = session.call(&device, &Message::get_services(), answers::services);
    match services {
        Ok(addresses) if addresses.ptz.is_some() => return Ok(addresses),
        Ok(_) | Err(CallError::Fault(_) | CallError::Nonsense(_)) => {}
        Err(error) => return Err(error),
    }
    session.begin();
    session.call(&device, &Message::get_capabilities(), answers::capabilities)
}

fn with_head(profile: &Profile) -> bool {
    profile.head.is_some()
}

/// The profile that is asked for, or the first that has a head.
fn chosen(mut profiles: Vec<Profile>, token: &str) -> Result<Profile, String> {
    let with_heads: Vec<&str> = profiles
        .iter()
        .filter(|profile| with_head(profile))
        .map(|profile| &*profile.token)
        .collect();
    let at = profiles
        .iter()
        .position(|profile| with_head(profile) && (token.is_empty() || profile.token == token));
    match at {
        Some(at) => Ok(profiles.swap_remove(at)),
        None if with_heads.is_empty() => {
            Err("none of its media profiles has a head: add one in the camera's own settings".to_owned())
        }
        None => Err(format!(
            "it has no profile \"{token}\" with a head: set `profile` to one of {}, or leave it empty",
            with_heads.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests;
