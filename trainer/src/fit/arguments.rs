//! `lookhear-train fit`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::Device;
use serde::Serialize;

use super::examples::{Amount, examples};
use super::features::FeatureNetworks;
use super::steps::{Rates, Schedule, train};
use crate::corpus::{Corpus, Split};
use crate::dataset::{Composer, Settings};
use crate::evaluate::arguments::{bar, measure};
use crate::export::bundle::unmeasured;
use crate::export::graph::Storage;
use crate::model::bridge::Bridge;
use crate::model::efficient_net;
use crate::model::networks::Backbones;
use crate::model::projection::Projection;

/// Train the `edge` model and write it as a bundle.
///
/// The pretrained backbones stay as they are; the projections into the common space start from what both classifiers already
/// know and learn from the corpus. The bundle records how it was made and what it scored.
#[derive(Debug, Clone, clap::Args)]
pub struct FitArguments {
    /// The corpus that `lookhear-train corpus` built
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// The folder with the pretrained weights of both backbones
    #[arg(long, value_name = "DIR")]
    weights: PathBuf,
    /// The bundle to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Name of the model
    #[arg(long, default_value = "lookhear-edge")]
    name: String,
    /// Edge of the square pictures, a multiple of 32 pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 448)]
    side: usize,
    /// Pairs of pictures and sounds to compose
    #[arg(long, value_name = "COUNT", default_value_t = 4000)]
    pairs: usize,
    /// Sounds that belong to no picture
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    strays: usize,
    /// Passes over the pairs; 0 writes the untrained starting point
    #[arg(long, default_value_t = 4)]
    epochs: usize,
    /// Pairs in a step
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Adam's rate for the weights on the picture's features
    #[arg(long, default_value_t = 3e-5)]
    vision_rate: f64,
    /// Adam's rate for the weights on the sound's features
    #[arg(long, default_value_t = 1e-5)]
    sound_rate: f64,
    /// Adam's rate for the weights on the sound's classes
    #[arg(long, default_value_t = 3e-4)]
    class_rate: f64,
    /// Divides the logits of the contrast
    #[arg(long, default_value_t = 0.3)]
    temperature: f64,
    /// Share of the backbones' features that are left out of a step
    #[arg(long, default_value_t = 0.3)]
    dropout: f64,
    /// Weight of the equivariance term
    #[arg(long, default_value_t = 1.0)]
    equivariance: f64,
    /// How the weights are stored
    #[arg(long, value_enum, default_value_t = Storage::Int8)]
    storage: Storage,
    /// Development cases of each sort
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    cases: usize,
    /// Share of negatives that may be accepted, from which the threshold follows
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    false_fires: f64,
    /// Everything random follows from this number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Threads that see and hear
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    threads: usize,
}

/// What is written of the training into `model.toml`.
#[derive(Serialize)]
struct Record {
    corpus_files: usize,
    corpus_sha256: String,
    pairs: usize,
    strays: usize,
    side_pixels: usize,
    schedule: Schedule,
    seed: u64,
}

/// Trains, exports, measures and writes.
pub fn run(arguments: FitArguments) -> anyhow::Result<()> {
    anyhow::ensure!(
        arguments.side.is_multiple_of(efficient_net::STRIDE) && (64..=1024).contains(&arguments.side),
        "the side must be a multiple of 32 from 64 to 1024 pixels, not {}",
        arguments.side
    );
    let corpus = Corpus::open(&arguments.corpus).context("the corpus cannot be used")?;
    let backbones = Backbones::read(&arguments.weights).context("the pretrained weights cannot be used")?;
    let bridge = Bridge::committed()?;
    let device = Device::flex();
    let schedule = Schedule {
        epochs: arguments.epochs,
        batch: arguments.batch,
        strays: 4,
        rates: Rates {
            vision: arguments.vision_rate,
            sound: arguments.sound_rate,
            classes: arguments.class_rate,
        },
        temperature: arguments.temperature,
        dropout: arguments.dropout,
        equivariance: arguments.equivariance,
        seed: arguments.seed,
    };
    let mut projection = Projection::new(&bridge, arguments.seed, &device);
    let mut curve = Vec::new();
    if schedule.epochs > 0 {
        let networks = FeatureNetworks::new(&backbones, &bridge, arguments.side, arguments.storage)?;
        let settings = Settings {
            side: arguments.side as u32,
            photograph_share: 0.5,
            ..Settings::default()
        };
        let composer = Composer::with_settings(&corpus, Split::Train, arguments.seed, settings)?;
        let amount = Amount {
            pairs: arguments.pairs,
            strays: arguments.strays,
            threads: arguments.threads,
        };
        let bar = bar((amount.pairs + amount.strays) as u64, "seeing and hearing")?;
        let examples = examples(
            &corpus,
            &composer,
            &networks,
            bridge.channels,
            amount,
            arguments.seed,
            |done| bar.inc(done as u64),
        )?;
        bar.finish_and_clear();
        projection = train(projection, &examples, &schedule, &device, |losses, _| {
            tracing::info!(
                epoch = losses.epoch,
                contrast = losses.contrast,
                equivariance = losses.equivariance
            );
            curve.push(losses);
        });
    }
    let mut bundle = unmeasured(
        &arguments.name,
        &backbones,
        &bridge,
        &projection,
        arguments.side,
        arguments.storage,
    )?;
    bundle.manifest.training = table(&Record {
        corpus_files: corpus.items.len(),
        corpus_sha256: corpus.fingerprint(),
        pairs: arguments.pairs,
        strays: arguments.strays,
        side_pixels: arguments.side,
        schedule,
        seed: arguments.seed,
    })?;
    bundle
        .manifest
        .training
        .insert("losses".to_owned(), toml::Value::try_from(&curve)?);
    let scores = measure(&corpus, &mut bundle, arguments.cases, arguments.false_fires)?;
    bundle.write(&arguments.out)?;
    tracing::info!(bundle = %arguments.out.display(), "written");
    crate::evaluate::arguments::print(&scores)
}

fn table(value: &impl Serialize) -> anyhow::Result<BTreeMap<String, toml::Value>> {
    match toml::Value::try_from(value)? {
        toml::Value::Table(table) => Ok(table.into_iter().collect()),
        other => anyhow::bail!("{other} is no table"),
    }
}
