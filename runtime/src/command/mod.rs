//! The subcommands of `lookhear`, one file each.

mod annotate;
mod bench;
mod case;
mod clip;
mod look;
mod model;
pub mod output;
mod pairs;
mod ptz;
mod record;

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
    /// Tell what the model is, what it learned from and how it scored
    Model(model::Model),
    /// Measure how long one picture and one patch of sound take on this machine
    Bench(bench::Bench),
    /// Try a pan-tilt head by hand: what it can do, and whether it does what it is told
    Ptz(ptz::Ptz),
}

impl Command {
    /// Does it.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Look(look) => look.run(),
            Self::Model(model) => model.run(),
            Self::Bench(bench) => bench.run(),
            Self::Ptz(ptz) => ptz.run(),
        }
    }
}
