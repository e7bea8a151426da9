//! `lookhear model`: what the model is, what it learned from and how it scored.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::localiser::Localiser;

use super::output::{warn, write_text};

/// Which model to use, and how.
#[derive(Debug, Args)]
pub struct ModelOptions {
    /// Model bundle to use in place of the one that ships with the program
    #[arg(long, value_name = "FILE.lookhear")]
    model: Option<PathBuf>,
    /// What runs the networks: cpu; cpu-int8, more than twice as fast and a little less exact; or where the build has it cuda, gpu, gpu-or-cpu,
    /// and in half precision cuda-f16, gpu-f16, gpu-f16-or-cpu
    #[arg(long, value_name = "NAME", default_value = lookhear::perception::encoder::CPU)]
    backend: String,
    /// Threads that share the networks' work on the processor
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Similarity from which on something in view counts as the source, in place of the model's own
    #[arg(long, value_name = "SIMILARITY", value_parser = similarity, allow_negative_numbers = true)]
    threshold: Option<f32>,
}

impl ModelOptions {
    /// The model's files.
    pub fn bundle(&self) -> anyhow::Result<Bundle> {
        let mut bundle = read(self.model.as_deref())?;
        if let Some(threshold) = self.threshold {
            bundle.manifest.threshold.similarity = threshold;
        }
        Ok(bundle)
    }

    /// Makes the model ready.
    pub fn load(&self) -> anyhow::Result<Localiser> {
        Ok(Localiser::new(&self.bundle()?, &self.ready_backend()?)?)
    }

    /// What runs the networks; a person is told where it does not do what its name says.
    pub fn ready_backend(&self) -> anyhow::Result<Backend> {
        let backend = Backend::new(&self.backend, self.threads())?;
        if let Some(caveat) = backend.caveat() {
            warn(caveat);
        }
        Ok(backend)
    }

    /// What runs the networks, by its name.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Threads that share the networks' work.
    pub fn threads(&self) -> usize {
        usize::from(self.threads)
    }
}

/// `lookhear model`.
#[derive(Debug, Args)]
pub struct Model {
    /// Model bundle to tell about in place of the one that ships with the program
    #[arg(long, value_name = "FILE.lookhear")]
    model: Option<PathBuf>,
}

impl Model {
    /// Prints the bundle's `model.toml`.
    pub fn run(self) -> anyhow::Result<()> {
        let bundle = read(self.model.as_deref())?;
        let text = toml::to_string_pretty(&bundle.manifest).context("the bundle's model.toml cannot be written out")?;
        write_text(text.trim_end())
    }
}

/// Reads a model; where it cannot be used, the error names it.
pub(super) fn read(path: Option<&Path>) -> anyhow::Result<Bundle> {
    Bundle::read_or_default(path).with_context(|| match path {
        None => "the model that ships with the program cannot be used".to_owned(),
        Some(path) => format!("the model {} cannot be used", path.display()),
    })
}

/// A similarity from the command line.
fn similarity(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|cause| format!("{cause}"))?;
    if (-1.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err("a similarity lies between -1 and 1".to_owned())
    }
}
