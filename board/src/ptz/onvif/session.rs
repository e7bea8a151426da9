//! Conversation with one camera: one request at a time, each within the time that the call may take, proving who we are in
//! the way that the camera asks for.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use digest_auth::WwwAuthenticateHeader;
use roxmltree::Node;
use thiserror::Error;
use ureq::http::Uri;

use super::answers;
use super::http::{Answer, Http};
use super::messages::Message;
use super::security::{Credentials, Nonces, digest_authorization, digest_challenge, username_token};
use super::settings::{Authentication, OnvifSettings};
use super::soap::{Fault, SoapError, envelope, read_body};
use super::time::Utc;
use crate::{Clock, PtzError};

/// A camera refuses a password at most so often in one call, as some shut a user out after a few.
const MOST_PROOFS: usize = 3;

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Error)]
pub(super) enum CallError {
    /// No whole answer came.
    #[error("{0}")]
    Silent(String),
    /// The camera refused who we are.
    #[error("{0}")]
    Refused(String),
    /// The camera refused what was asked.
    #[error("{0}")]
    Fault(Fault),
    /// There is no such service.
    #[error("{0}")]
    NoService(String),
    /// The answer makes no sense.
    #[error("{0}")]
    Nonsense(String),
}

impl CallError {
    /// Sorted by what helps.
    pub fn for_head(self, device: &str) -> PtzError {
        const PROFILE_GONE: [&str; 5] = ["NoProfile", "NoPTZProfile", "NoConfig", "NoEntity", "NoToken"];
        const NEVER: [&str; 4] = ["Sender", "Client", "ActionNotSupported", "OptionalActionNotImplemented"];
        let (device, cause) = (device.to_owned(), self.to_string());
        match self {
            Self::Refused(_) | Self::NoService(_) => PtzError::GiveUp { device, cause },
            Self::Silent(_) => PtzError::Retry { device, cause },
            Self::Nonsense(_) => PtzError::Rebuild { device, cause },
            Self::Fault(fault) if PROFILE_GONE.iter().any(|code| fault.has_code(code)) => {
                PtzError::Rebuild { device, cause }
            }
            Self::Fault(fault) if fault.has_code("MovingPTZ") => PtzError::Retry { device, cause },
            Self::Fault(fault) if NEVER.iter().any(|code| fault.has_code(code)) => PtzError::GiveUp { device, cause },
            Self::Fault(_) => PtzError::Retry { device, cause },
        }
    }
}

/// How requests are signed.
enum Identity {
    Nobody,
    Digest(WwwAuthenticateHeader),
    UsernameToken,
}

/// The camera's clock as it was read.
struct CameraClock {
    shown: Utc,
    read_at: Duration,
}

pub(super) struct Session {
    clock: Arc<dyn Clock>,
    http: Http,
    device_url: Uri,
    authentication: Authentication,
    credentials: Option<Credentials>,
    nonces: Nonces,
    identity: Identity,
    /// The identity has been accepted once.
    proven: bool,
    camera_clock: Option<CameraClock>,
    timeout: Duration,
    deadline: Duration,
}

impl Session {
    /// A conversation that has not begun.
    ///
    /// # Errors
    /// When the settings do not make sense, in words.
    pub fn new(settings: &OnvifSettings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        settings.check()?;
        let authentication = settings.authentication;
        let known = !settings.user.is_empty() && authentication != Authentication::None;
        let credentials = Credentials {
            user: settings.user.clone(),
            password: if known {
                settings.read_password()?
            } else {
                String::new()
            },
        };
        let timeout = settings.timeout();
        Ok(Self {
            deadline: clock.now() + timeout,
            clock,
            http: Http::new(),
            device_url: settings.device_url()?,
            authentication,
            credentials: known.then_some(credentials),
            nonces: Nonces::unforeseen(),
            identity: match authentication {
                Authentication::WsSecurity if known => Identity::UsernameToken,
                _ => Identity::Nobody,
            },
            proven: false,
            camera_clock: None,
            timeout,
        })
    }

    /// Where the device service is.
    pub fn device_url(&self) -> &Uri {
        &self.device_url
    }

    /// The time now.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Gives the requests that follow, together, the time that one call may take.
    pub fn begin(&mut self) {
        self.deadline = self.clock.now() + self.timeout;
    }

    /// Reads the camera's clock, which proofs must be dated by. Cameras should tell it to anyone; of one that does not,
    /// the date of its HTTP answer is taken, and failing that our own.
    pub fn read_camera_clock(&mut self) -> Result<(), CallError> {
        let message = Message::get_system_date_and_time();
        let answer = self.post(&self.device_url.clone(), &message, false)?;
        let told = read_body(&answer.text, &message.answer(), answers::system_date_and_time).ok();
        let ours = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Utc(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        };
        self.camera_clock = Some(CameraClock {
            shown: told.or(answer.date).unwrap_or_else(ours),
            read_at: self.clock.now(),
        });
        Ok(())
    }

    /// Asks, and reads the answer.
    pub fn call<T>(
        &mut self,
        url: &Uri,
        message: &Message,
        read: impl FnOnce(Node<'_, '_>) -> Result<T, SoapError>,
    ) -> Result<T, CallError> {
        let mut renewed = false;
        for proof in 0..=MOST_PROOFS {
            let answer = self.post(url, message, true)?;
            let Some(refusal) = refusal(&answer) else {
                self.proven = true;
                return understood(&answer, message, url, read);
            };
            let challenge = digest_challenge(&answer.challenges);
            let next = match &self.identity {
                _ if self.credentials.is_none() || proof == MOST_PROOFS => None,
                Identity::Nobody => self.first_proof(challenge),
                Identity::Digest(used) => match challenge {
                    // Its number has run out; a wrong password is not tried a second time.
                    Some(new) if !renewed && (new.stale || self.proven) && new.nonce != used.nonce => {
                        renewed = true;
                        Some(Identity::Digest(new))
                    }
                    _ if self.authentication == Authentication::Auto && !self.proven => Some(Identity::UsernameToken),
                    _ => None,
                },
                Identity::UsernameToken if self.proven && !renewed => {
                    // Its clock may have been set.
                    renewed = true;
                    self.read_camera_clock()?;
                    Some(Identity::UsernameToken)
                }
                Identity::UsernameToken => None,
            };
            match next {
                Some(identity) => self.identity = identity,
                None => {
                    self.proven = false;
                    return Err(CallError::Refused(self.refused(&refusal)));
                }
            }
        }
        Err(CallError::Refused(self.refused("")))
    }

    fn first_proof(&mut self, challenge: Option<WwwAuthenticateHeader>) -> Option<Identity> {
        self.proven = false;
        match (self.authentication, challenge) {
            (Authentication::Auto | Authentication::Digest, Some(challenge)) => Some(Identity::Digest(challenge)),
            (Authentication::Auto | Authentication::WsSecurity, _) => Some(Identity::UsernameToken),
            _ => None,
        }
    }

    fn refused(&self, refusal: &str) -> String {
        match (&self.credentials, &self.identity) {
            (None, _) => format!("it wants to know who asks{refusal}: set `user` and `password`"),
            (Some(credentials), Identity::Nobody) => format!(
                "it does not offer the `authentication` that is set, so user \"{}\" cannot be proven{refusal}: set it to \
                 \"auto\"",
                credentials.user
            ),
            (Some(credentials), _) => format!(
                "it refuses user \"{}\" or the password{refusal}: check `user` and `password`, that the user may control \
                 the camera, and that it is enabled for ONVIF (many cameras keep those users apart)",
                credentials.user
            ),
        }
    }

    /// Sends one request, signed or not, within what is left of the time.
    fn post(&mut self, url: &Uri, message: &Message, signed: bool) -> Result<Answer, CallError> {
        let left = self.deadline.saturating_sub(self.clock.now());
        if left.is_zero() {
            let seconds = self.timeout.as_secs_f64();
            return Err(CallError::Silent(format!("it did not answer within {seconds:.1} s")));
        }
        let camera_now = self.camera_now();
        let credentials = self.credentials.as_ref().filter(|_| signed);
        let header = match (&self.identity, credentials) {
            (Identity::UsernameToken, Some(credentials)) => username_token(credentials, self.nonces.next(), camera_now),
            _ => String::new(),
        };
        let text = envelope(&header, &message.body());
        let authorization = match (&mut self.identity, credentials) {
            (Identity::Digest(challenge), Some(credentials)) => {
                let path = url.path_and_query().map_or("/", |path| path.as_str());
                digest_authorization(challenge, credentials, path, &text, self.nonces.next())
            }
            _ => None,
        };
        self.http
            .post(url, &message.action(), &text, authorization.as_deref(), left)
            .map_err(CallError::Silent)
    }

    /// What the camera's clock shows now.
    fn camera_now(&self) -> Utc {
        let (shown, read_at) = self
            .camera_clock
            .as_ref()
            .map_or((Utc(0), Duration::ZERO), |clock| (clock.shown, clock.read_at));
        let since = self.clock.now().saturating_sub(read_at).as_secs();
        Utc(shown.0.saturating_add(i64::try_from(since).unwrap_or(i64::MAX)))
    }
}

/// What an answer says when it refuses who asked: nothing, or its words in brackets.
fn refusal(answer: &Answer) -> Option<String> {
    let fault = match read_body(&answer.text, "", |_| Ok(())) {
        Err(SoapError::Fault(fault)) => Some(fault),
        _ => None,
    };
    let refuses = matches!(answer.status, 401 | 403) || fault.as_ref().is_some_and(Fault::refuses_user);
    refuses.then(|| match fault.filter(|fault| !fault.reason.is_empty()) {
        Some(fault) => format!(" (\"{}\")", fault.reason),
        None if answer.challenges.iter().any(|offer| offer.starts_with("Basic")) => {
            " (it offers HTTP Basic, which would send the password in the open)".to_owned()
        }
        None => String::new(),
    })
}

fn understood<T>(
    answer: &Answer,
    message: &Message,
    url: &Uri,
    read: impl FnOnce(Node<'_, '_>) -> Result<T, SoapError>,
) -> Result<T, CallError> {
    let error = match read_body(&answer.text, &message.answer(), read) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    Err(match (error, answer.status) {
        (SoapError::Fault(fault), _) => CallError::Fault(fault),
        (_, 500..=599) => CallError::Silent(format!("it answers {} with HTTP {}", message.name, answer.status)),
        (_, 300..=499) => CallError::NoService(format!(
            "it answers {} at {url} with HTTP {}: check address, port and path in `url`, and that ONVIF is switched on in \
             the camera's own settings",
            message.name, answer.status
        )),
        (error, _) => CallError::Nonsense(format!("asked {} at {url}, {error}", message.name)),
    })
}
