//! `lookhear-train import`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::Device;
use lookhear::perception::bundle::{Bundle, hexadecimal_sha256};
use lookhear::perception::picture::PictureTransform;

use super::checkpoint::Checkpoint;
use super::published::{self, Published};
use super::verify::{Reference, allowed};
use crate::export::bundle::{PAPER_SIDE_PIXELS, Provenance, unmeasured_paper};
use crate::export::graph::Storage;
use crate::model::named;
use crate::model::paper::PaperNetworks;
use crate::model::weights::Weights;

/// Make a bundle of a published checkpoint of the paper (Liu et al. 2022).
///
/// PyTorch's files (zip and legacy, `.pth.tar`) and safetensors with the published names are taken as they are. Nothing in them is
/// run. The bundle is served once and held against the networks before it is written.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArguments {
    /// The checkpoint
    #[arg(value_name = "CHECKPOINT")]
    checkpoint: PathBuf,
    /// The bundle to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Name of the model
    #[arg(long, default_value = "lookhear-paper")]
    name: String,
    /// Which part of a picture the model sees
    #[arg(long, value_enum, default_value_t = Profile::Default)]
    profile: Profile,
    /// How the weights are stored
    #[arg(long, value_enum, default_value_t = Storage::Float32)]
    storage: Storage,
    /// Licence of the checkpoint as its authors state it, an SPDX expression
    #[arg(long, value_name = "TEXT", default_value = "LicenseRef-unknown")]
    licence: String,
}

/// Whose habits the model follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Profile {
    /// The middle of the picture, as the published code cuts it out
    Paper,
    /// The whole picture
    Default,
}

impl Profile {
    fn transform(self) -> PictureTransform {
        match self {
            Self::Paper => PictureTransform::CentreCrop,
            Self::Default => PictureTransform::FullFrame,
        }
    }
}

/// Reads, builds, verifies and writes.
pub fn run(arguments: ImportArguments) -> anyhow::Result<()> {
    let checkpoint = Checkpoint::open(&arguments.checkpoint)?;
    let published = published::select(&checkpoint)?;
    let mut report = told(&checkpoint, &published);
    let networks = named::write(PaperNetworks::published(&Device::flex()), &published.tensors)?;
    let reference = Reference::new(&networks)?;
    drop(networks);
    let weights = Weights::from(published.tensors);

    let file = arguments.checkpoint.file_name().unwrap_or_default().to_string_lossy();
    let notice = format!(
        "The weights are those of the checkpoint {file}, by its authors and under the terms that they state; BatchNorm folded{}. \
         Lookhear claims no rights in them and grants none.",
        if arguments.storage == Storage::Float32 {
            ""
        } else {
            ", weights rounded"
        }
    );
    let provenance = |notices| Provenance {
        licence: arguments.licence.clone(),
        notices,
    };
    let build = |storage| {
        let transform = arguments.profile.transform();
        unmeasured_paper(
            &arguments.name,
            &weights,
            (PAPER_SIDE_PIXELS, transform),
            storage,
            provenance(vec![notice.clone()]),
        )
    };
    let mut bundle = build(Storage::Float32)?;
    let difference = reference.compare(&served(&bundle)?, allowed(Storage::Float32))?;
    report += &format!("verified: the served bundle differs from the networks by {difference:.1e} at most\n");
    if arguments.storage != Storage::Float32 {
        bundle = build(arguments.storage)?;
        let difference = reference.compare(&served(&bundle)?, allowed(arguments.storage))?;
        report += &format!(
            "rounded: stored as {}, by {difference:.1e} at most\n",
            bundle.manifest.precision
        );
    }
    record(&mut bundle, &checkpoint, &arguments, &file)?;
    bundle.write(&arguments.out)?;
    let written = Bundle::read(&arguments.out)?;
    anyhow::ensure!(
        written.vision == bundle.vision && written.audio == bundle.audio,
        "the bundle {:?} reads back otherwise than it was written; check the disk",
        arguments.out
    );
    report += &format!("written: {}\n", arguments.out.display());
    std::io::stdout().write_all(report.as_bytes())?;
    Ok(())
}

/// The bundle as a reader gets it.
fn served(bundle: &Bundle) -> anyhow::Result<Bundle> {
    Ok(Bundle::from_bytes(&bundle.to_bytes()?)?)
}

/// Where the weights come from, enough to make the bundle again.
fn record(bundle: &mut Bundle, checkpoint: &Checkpoint, arguments: &ImportArguments, file: &str) -> anyhow::Result<()> {
    let training = &mut bundle.manifest.training;
    training.insert("checkpoint".to_owned(), file.into());
    training.insert("checkpoint_sha256".to_owned(), sha256(&arguments.checkpoint)?.into());
    for (name, value) in &checkpoint.facts {
        training.insert(name.clone(), (*value).into());
    }
    Ok(())
}

fn sha256(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("{path:?} cannot be read again"))?;
    Ok(hexadecimal_sha256(&bytes))
}

/// What was found, in lines.
fn told(checkpoint: &Checkpoint, published: &Published) -> String {
    let numbers: usize = published.tensors.values().map(|tensor| tensor.values.len()).sum();
    let mut told = format!("taken: {} tensors, {numbers} numbers\n", published.tensors.len());
    let counts = |name: &&String| name.ends_with("num_batches_tracked");
    let batches = published.unused.iter().filter(counts).count();
    let mut unused: Vec<String> = published.unused.iter().filter(|name| !counts(name)).cloned().collect();
    if batches > 0 {
        unused.push(format!("{batches} counts of batches"));
    }
    if !unused.is_empty() {
        told += &format!("left out, as the method does not use them: {}\n", unused.join(", "));
    }
    if !published.unknown.is_empty() {
        told += &format!(
            "left out, as nothing is known of them: {}\n",
            published.unknown.join(", ")
        );
    }
    if !checkpoint.facts.is_empty() {
        let facts: Vec<String> = checkpoint
            .facts
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        told += &format!("stated: {}\n", facts.join(", "));
    }
    told
}
