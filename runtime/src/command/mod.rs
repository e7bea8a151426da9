//! The subcommands of `lookhear`, one file each.

mod annotate;
mod bench;
mod calibrate;
mod case;
mod check;
mod clip;
mod config;
mod look;
mod model;
pub mod output;
mod pairs;
mod ptz;
mod record;
mod run;

use clap::{Parser, Subcommand};

/// Finds what is making the sound in a picture.
#[derive(Debug, Parser)]
#[command(name = "lookhear", version, about, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at a clip: find where in the picture its sound comes from
    Look(look::Look),
    /// Run the device: camera and microphone in, the camera's head, screen, page and MQTT out
    Run(run::Run),
    /// Print the configuration as it counts
    Config(config::Config),
    /// Tell what the model is, what it learned from and how it scored
    Model(model::Model),
    /// Measure how long one picture and one patch of sound take on this machine
    Bench(bench::Bench),
    /// Look at everything that the device needs, and say what helps
    Check(check::Check),
    /// Fit the numbers of this very device: optics, latency, microphone, threshold
    Calibrate(calibrate::Calibrate),
    /// Try a pan-tilt head by hand: what it can do, and whether it does what it is told
    Ptz(ptz::Ptz),
}

impl Command {
    /// Does it.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Look(look) => look.run(),
            Self::Run(run) => run.run(),
            Self::Config(config) => config.run(),
            Self::Model(model) => model.run(),
            Self::Bench(bench) => bench.run(),
            Self::Check(check) => check.run(),
            Self::Calibrate(calibrate) => calibrate.run(),
            Self::Ptz(ptz) => ptz.run(),
        }
    }
}
