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
    /// Print passwords and tokens too
    #[arg(long)]
    secrets: bool,
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
        if self.secrets {
            return write_text(text.trim_end());
        }
        let mut table: toml::Table = text.parse().context("the configuration cannot be written out")?;
        hide_secrets(&mut table);
        write_text(toml::to_string(&table)?.trim_end())
    }
}

/// Puts something else in the place of passwords and tokens, so that what is printed may be shown around.
fn hide_secrets(table: &mut toml::Table) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => hide_secrets(inner),
            toml::Value::String(secret) if matches!(key.as_str(), "password" | "token") && !secret.is_empty() => {
                "(hidden: see --secrets)".clone_into(secret);
            }
            _ => {}
        }
    }
}
