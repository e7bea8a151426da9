//! A page for a person, and the same for programs: the live picture, the state, and a few buttons, over HTTP.
//!
//! | route | |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /stream.mjpg`, `/snapshot.jpg` | the picture with what was found in it, live (`multipart/x-mixed-replace`) and once |
//! | `GET /api/status` | the state, `lookhear.status.v1` (see [`report`](super::report)) |
//! | `GET /events` | server-sent events: `status` and `percept` (`lookhear.percept.v1`, see [`events`](super::events)) |
//! | `POST /api/request` | asks for something, `{"request":"pause"}`: a [`Request`](super::status::Request), behind the token |
//! | `GET /metrics` | for Prometheus |
//! | `GET /healthz` | 200 while all stages are well, otherwise 503 with the reasons, a line for each |
//!
//! Whoever reaches the address may look; the token is for whatever moves or changes. One thread serves everybody, another
//! draws the picture once for all viewers, while there are any. Whoever reads slowly misses pictures, and whoever reads
//! nothing at all loses the connection.

mod broadcast;
mod connection;
mod guard;
mod metrics;
mod projector;
mod routes;
mod token;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::secret::Secret;
use super::status::{Requests, Status};
use crate::exchange::{Bulletin, Pulse, Viewfinder};
use crate::perception::manifest::PictureInput;
use broadcast::Broadcast;
use connection::Gate;
use projector::Projector;
pub use token::{TokenError, load_token};

/// How often to give a sign of life, and to look for the word to stop.
const TURN: Duration = Duration::from_millis(100);

/// What the page is like, and who may see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebSettings {
    /// Serve the page.
    pub enabled: bool,
    /// Address and port to listen on. Anybody who reaches it sees the picture: `0.0.0.0:8080` shows it to the whole network.
    pub listen: SocketAddr,
    /// Names, besides addresses and the machine's own name, under which a browser may ask for the page; a proxy's, say.
    pub hosts: Vec<String>,
    /// The word that allows to move the camera and to pause it, at least 8 letters. Without it, the one in `token_file` counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// File that holds the token, as seen from the state directory; where there is none, a token is made up and written there.
    pub token_file: PathBuf,
    /// Pictures a second at most, 1 to 60.
    pub frames_per_second: f64,
    /// Width of the picture in pixels, 160 to 1920.
    pub width: usize,
    /// States a second at most in the event stream, 1 to 30.
    pub updates_per_second: f64,
    /// How many may watch the picture, and how many the event stream, at a time, 1 to 64.
    pub viewers: usize,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            hosts: Vec::new(),
            token: None,
            token_file: "web-token".into(),
            frames_per_second: 10.0,
            width: 640,
            updates_per_second: 5.0,
            viewers: 8,
        }
    }
}

/// Why the page is not served, sorted by what helps.
#[derive(Debug, Error)]
pub enum WebError {
    /// The machine is not ready for it: try again later.
    #[error("the page cannot be served on {listen}: {cause}; trying again")]
    Retry {
        /// Where it was to listen.
        listen: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The thread that draws the picture ended by itself: start again.
    #[error("the picture of the page is drawn no more; starting the page again")]
    Rebuild,
    /// It will never work with these settings.
    #[error("the page cannot be served: {cause}")]
    GiveUp {
        /// What is wrong, and what helps.
        cause: String,
    },
}

impl WebSettings {
    /// Whether every number lies in its range.
    ///
    /// # Errors
    /// [`WebError::GiveUp`], naming the key and its range.
    pub fn check(&self) -> Result<(), WebError> {
        let refuse = |key: &str, range: &str| {
            Err(WebError::GiveUp {
                cause: format!("{key} must lie in {range}"),
            })
        };
        if !(1.0..=60.0).contains(&self.frames_per_second) {
            return refuse("frames_per_second", "1 to 60");
        }
        if !(1.0..=30.0).contains(&self.updates_per_second) {
            return refuse("updates_per_second", "1 to 30");
        }
        if !(160..=1920).contains(&self.width) {
            return refuse("width", "160 to 1920");
        }
        if !(1..=64).contains(&self.viewers) {
            return refuse("viewers", "1 to 64");
        }
        Ok(())
    }
}

/// Serves the page until told to stop; `input` is that of the model, whose view the picture shows.
///
/// # Errors
/// When the settings are wrong or the address is not to be had. What goes wrong with one visitor is no error. Without a token,
/// because its file can be neither read nor written, the page is served and its buttons refuse to work.
pub fn run(
    settings: &WebSettings,
    input: PictureInput,
    status: Arc<Bulletin<Status>>,
    viewfinder: Arc<Viewfinder>,
    requests: Requests,
    pulse: &Pulse,
) -> Result<(), WebError> {
    let listener = listen(settings)?;
    serve(settings, listener, input, status, viewfinder, requests, pulse)
}

/// Takes the address of the page.
///
/// # Errors
/// When the settings are wrong or the address is not to be had.
pub fn listen(settings: &WebSettings) -> Result<TcpListener, WebError> {
    settings.check()?;
    let listen = settings.listen;
    connection::bind(listen).map_err(|cause| match cause.kind() {
        ErrorKind::PermissionDenied => WebError::GiveUp {
            cause: format!("{listen}: {cause}; ports below 1024 are for root: choose another in web.listen"),
        },
        _ => WebError::Retry { listen, cause },
    })
}

/// [`run`] on an address that was taken before.
///
/// # Errors
/// As [`run`].
pub fn serve(
    settings: &WebSettings,
    listener: TcpListener,
    input: PictureInput,
    status: Arc<Bulletin<Status>>,
    viewfinder: Arc<Viewfinder>,
    requests: Requests,
    pulse: &Pulse,
) -> Result<(), WebError> {
    settings.check()?;
    let retry = |cause| WebError::Retry {
        listen: settings.listen,
        cause,
    };
    let token = load_token(settings)
        .inspect_err(|error| tracing::warn!("the buttons of the page do not work: {error}"))
        .ok();
    let projector = Projector::start(settings, input, viewfinder, status.clone(), pulse.clone()).map_err(retry)?;
    let broadcast = Arc::new(Broadcast::new(settings.updates_per_second));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(retry)?;
    let outcome = runtime.block_on(async {
        let gate = Gate::new(listener, settings.viewers).map_err(retry)?;
        let routes = routes::routes(routes::Source {
            guard: guard::Guard::new(settings, token),
            status: status.clone(),
            requests,
            pictures: projector.pictures(),
            broadcast: broadcast.clone(),
            visits: Arc::new(metrics::Visits::new(settings.viewers)),
            pulse: pulse.clone(),
        });
        tracing::info!("the page is at http://{}/", settings.listen);
        if settings.token.is_none() {
            tracing::info!("the token for its buttons is in {}", settings.token_file.display());
        }
        let serving = axum::serve(
            gate,
            routes.into_make_service_with_connect_info::<connection::Congestion>(),
        );
        tokio::spawn(async move { serving.await });
        tokio::spawn(broadcast.run(status, pulse.clone()));
        while !pulse.should_stop() {
            pulse.beat();
            if projector.has_ended() {
                return Err(WebError::Rebuild);
            }
            tokio::time::sleep(TURN).await;
        }
        Ok(())
    });
    // Whoever is still being served is cut off: nobody may hold up the end of the program.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn settings_have_defaults_and_ranges() {
        let settings: WebSettings = toml::from_str("listen = '[::1]:80'\ntoken = 'swordfish'").unwrap();
        assert_eq!(settings.listen.port(), 80);
        assert!(settings.check().is_ok());
        assert_eq!(
            toml::from_str::<WebSettings>(&toml::to_string(&settings).unwrap()).unwrap(),
            settings
        );
        for text in [
            "frames_per_second = 0.0",
            "frames_per_second = nan",
            "width = 9",
            "viewers = 0",
            "updates_per_second = 99.0",
        ] {
            let error = toml::from_str::<WebSettings>(text).unwrap().check().unwrap_err();
            assert!(
                matches!(&error, WebError::GiveUp { cause } if text.starts_with(cause.split(' ').next().unwrap())),
                "{error}"
            );
        }
        assert!(toml::from_str::<WebSettings>("port = 80").is_err());
    }

    #[test]
    fn an_address_that_is_taken_may_become_free() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = WebSettings {
            listen: taken.local_addr().unwrap(),
            ..WebSettings::default()
        };
        assert!(matches!(listen(&settings), Err(WebError::Retry { .. })));
    }
}
