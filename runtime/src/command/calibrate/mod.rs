//! `lookhear calibrate`: fits the numbers of this very device, and keeps them in its state directory.

mod latency;
mod microphone;
mod optics;
mod room;
mod words;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lookhear::configuration::Configuration;
use lookhear::device::store::CalibrationStore;

use super::output::write_text;

/// Where an installed device keeps its state.
const USUAL_STATE: &str = "/var/lib/lookhear";

/// `lookhear calibrate`.
#[derive(Debug, Args)]
pub struct Calibrate {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    action: Action,
}

/// Which device.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// The configuration [default: /etc/lookhear/lookhear.toml, or all defaults where there is none]
    #[arg(long, value_name = "FILE.toml", global = true)]
    config: Option<PathBuf>,
    /// Where the device keeps what was fitted [default: $STATE_DIRECTORY, or /var/lib/lookhear]
    #[arg(long, value_name = "DIRECTORY", global = true)]
    state: Option<PathBuf>,
}

impl Place {
    /// The person's settings.
    pub fn configuration(&self) -> anyhow::Result<Configuration> {
        Ok(Configuration::read(self.config.as_deref())?)
    }

    /// Where the fits are kept.
    pub fn store(&self) -> CalibrationStore {
        let given = self.state.clone();
        let directory = given.or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from));
        CalibrationStore::new(&directory.unwrap_or_else(|| USUAL_STATE.into()))
    }
}

/// What to fit, or to do with what was fitted.
#[derive(Debug, Subcommand)]
enum Action {
    /// Measure the time between picture and sound, by claps or a flashing film
    Latency(latency::Latency),
    /// Measure the noise of the room, and find what is wrong with the microphone
    Microphone(microphone::Microphone),
    /// Find field of view, signs, backlash and response of a camera on its head, by turning it a little
    Optics(optics::Optics),
    /// Listen to the room's own sound, and refine the threshold and the noise floor
    Room(room::Room),
    /// Show what was fitted on this device
    Show,
    /// Take the last change back
    Undo,
}

impl Calibrate {
    /// Does it.
    pub fn run(self) -> anyhow::Result<()> {
        let store = self.place.store();
        match self.action {
            Action::Latency(latency) => latency.run(&self.place),
            Action::Microphone(microphone) => microphone.run(&self.place),
            Action::Optics(optics) => optics.run(&self.place.configuration()?, &store),
            Action::Room(room) => room.run(&self.place),
            Action::Show => write_text(words::all(&store.calibration()?)),
            Action::Undo => write_text(words::undone(&store.undo()?)),
        }
    }
}
