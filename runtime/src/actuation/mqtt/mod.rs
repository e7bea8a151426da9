//! The device on an MQTT broker, where Home Assistant finds it by itself.
//!
//! Under `<topic_prefix>/<device>/`:
//!
//! | topic | |
//! |---|---|
//! | `availability` | `online` or `offline`, retained; the broker says `offline` in our name when we are gone |
//! | `state` | `lookhear.status.v1`, retained (see [`report`](super::report)): at once when something changes that a person notices, otherwise every few seconds |
//! | `pause/set` | `ON` keeps the camera from moving, `OFF` lets it go on |
//! | `home/set` | anything turns the camera home |
//!
//! A broker that is not there is tried again, ever less often, and nobody waits for it.

mod discovery;
mod session;
mod settings;
mod tls;
mod topics;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rumqttc::{AsyncClient, LastWill, MqttOptions, QoS, Transport};
use thiserror::Error;

use super::status::{Requests, Status};
use crate::exchange::{Bulletin, Pulse};
use session::Session;
pub use settings::MqttSettings;
use topics::Topics;

/// Packets that may wait to be sent: more than are ever made at once.
const MOST_WAITING: usize = 32;

/// The largest packet to take, and the largest to make, in bytes.
const MOST_PACKET_BYTES: (usize, usize) = (16 * 1024, 128 * 1024);

/// Why the broker is not spoken to, sorted by what helps. A broker that is not there is no error.
#[derive(Debug, Error)]
pub enum MqttError {
    /// The machine is not ready for it: try again later.
    #[error("MQTT could not be started: {cause}; trying again")]
    Retry {
        /// What the system said.
        cause: io::Error,
    },
    /// A file that the settings name cannot be used.
    #[error("{}: {cause}; see {key}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The key of the settings that names it.
        key: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// It will never work with these settings.
    #[error("MQTT cannot be used: {cause}")]
    GiveUp {
        /// What is wrong, and what helps.
        cause: String,
    },
}

/// Tells the broker the state of the device, and passes requests on, until told to stop.
///
/// # Errors
/// When the settings or the files they name are wrong.
pub fn run(
    settings: &MqttSettings,
    status: &Bulletin<Status>,
    requests: &Requests,
    pulse: &Pulse,
) -> Result<(), MqttError> {
    settings.check()?;
    let topics = Topics::new(settings);
    let (client, events) = AsyncClient::new(options(settings, &topics)?, MOST_WAITING);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| MqttError::Retry { cause })?;
    let session = Session::new(settings, topics, client, requests, pulse);
    runtime.block_on(session.run(events, status));
    // A name that is still being looked up holds nobody up.
    runtime.shutdown_background();
    Ok(())
}

fn options(settings: &MqttSettings, topics: &Topics) -> Result<MqttOptions, MqttError> {
    let mut options = MqttOptions::new(topics.device(), settings.host.as_str(), settings.port());
    options.set_keep_alive(Duration::from_secs(settings.keep_alive_seconds));
    options.set_max_packet_size(MOST_PACKET_BYTES.0, MOST_PACKET_BYTES.1);
    let will = LastWill::new(topics.availability(), topics::OFFLINE, QoS::AtLeastOnce, true);
    options.set_last_will(will);
    if let Some(user) = &settings.user {
        options.set_credentials(user, settings.password()?);
    }
    if settings.tls {
        options.set_transport(Transport::tls_with_config(tls::configuration(settings)?));
    }
    Ok(options)
}

#[cfg(test)]
mod tests;
