//! `lookhear config`: the configuration as it counts.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use lookhear::configuration::Configuration;

use super::output::write_text;

/// `lookhear config`.
#[derive(Debug, Args)]
pub struct Config {
    /// The configuration [default: /etc/lookhear/lookhear.toml, or all defaults where there is none]
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Print the defaults, whatever the file says
    #[arg(long, conflicts_with = "config")]
    defaults: bool,
}

impl Config {
    /// Prints it.
    pub fn run(self) -> anyhow::Result<()> {
        let configuration = if self.defaults {
            Configuration::default()
        } else {
            Configuration::read(self.config.as_deref())?
        };
        let text = configuration
            .render()
            .context("the configuration cannot be written out")?;
        write_text(text.trim_end())
    }
}
