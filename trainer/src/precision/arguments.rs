//! `lookhear-train precision`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lookhear::perception::bundle::{Bundle, hexadecimal_sha256};
use lookhear_board::write_whole;

use super::report::{Document, Row};
use super::variant::Variant;
use super::{drift, material, timing};
use crate::corpus::{Corpus, Split};
use crate::evaluate::arguments::{bar, measure};

/// Sets the held-out scenes apart from those of other commands.
const SEED_OF_CASES: u64 = 0xD81F;

/// Write a model in every precision, each with its own threshold, and a table of what each costs.
#[derive(Debug, Clone, clap::Args)]
pub struct PrecisionArguments {
    /// The bundle to start from; best one stored in f32, because what was rounded stays rounded
    model: PathBuf,
    /// The corpus whose training part gives the ranges and thresholds and whose held-out part gives the scores
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Folder for the bundles and for precision.md, precision.html and precision.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only these precisions, beside f32
    #[arg(long, value_enum, value_name = "PRECISION", value_delimiter = ',')]
    only: Vec<Variant>,
    /// Scenes of the training part from which the ranges of activations come
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    scenes: u32,
    /// Held-out scenes on which heatmaps are compared with those of f32
    #[arg(long, value_name = "COUNT", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    compared: u32,
    /// Cases of each sort that are scored
    #[arg(long, value_name = "COUNT", default_value_t = 80)]
    cases: usize,
    /// Share of negatives that may be accepted, from which each threshold follows
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    false_fires: f64,
    /// Share of an activation's values that percentile ranges keep at each end
    #[arg(long, value_name = "SHARE", default_value_t = 0.9999)]
    percentile: f64,
    /// Precisions slower than so many times f32 are timed and compared on a quarter of the scenes, but neither scored nor written
    #[arg(long, value_name = "TIMES", default_value_t = 2.5)]
    most_times_slower: f64,
    /// Turns in which all precisions are timed
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    turns: usize,
    /// Another seed draws other scenes
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// Makes, measures and writes.
pub fn run(arguments: PrecisionArguments) -> anyhow::Result<()> {
    let bytes = std::fs::read(&arguments.model).with_context(|| format!("{:?} cannot be read", arguments.model))?;
    let source = Bundle::from_bytes(&bytes)?;
    let corpus = Corpus::open(&arguments.corpus).context("the corpus cannot be used")?;
    std::fs::create_dir_all(&arguments.out).with_context(|| format!("{:?} cannot be made", arguments.out))?;
    let sha256 = hexadecimal_sha256(&bytes);
    let (scenes, compared) = (arguments.scenes as usize, arguments.compared as usize);

    let calibration = material::scenes(&corpus, Split::Train, arguments.seed, scenes)?;
    let progress = bar(material::STEPS * scenes as u64, "ranges of activations")?;
    let observed = material::look_and_listen(&source, &calibration, arguments.percentile, &|| progress.inc(1))?;
    progress.finish_and_clear();

    let variants = chosen(&arguments.only);
    let mut bundles = Vec::with_capacity(variants.len());
    for variant in &variants {
        bundles.push((variant.bundle(&source, &observed)?, variant.backend()?));
    }
    let held_out = material::scenes(&corpus, Split::HeldOut, arguments.seed ^ SEED_OF_CASES, compared)?;
    let first = held_out.first().context("there is no held-out scene")?;
    let progress = bar((arguments.turns.max(1) * bundles.len()) as u64, "timing in turns")?;
    let times = timing::in_turns(&bundles, first, arguments.turns.max(1), &|| progress.inc(1))?;
    progress.finish_and_clear();

    let float32 = times.first().map_or(f64::NAN, |times| times.picture_milliseconds);
    let slow = |index: usize| {
        let times = times.get(index);
        times.is_some_and(|times| times.picture_milliseconds > arguments.most_times_slower * float32)
    };
    let cases: Vec<usize> = (0..bundles.len())
        .map(|index| if slow(index) { compared.div_ceil(4) } else { compared })
        .collect();
    let progress = bar((compared * (bundles.len() - 1)) as u64, "drift from f32")?;
    let drifts = drift::drift(&bundles, &cases, &held_out, &|| progress.inc(1))?;
    progress.finish_and_clear();

    let drifts = std::iter::once(None).chain(drifts.into_iter().map(Some));
    let mut rows = Vec::with_capacity(bundles.len());
    for (((variant, (bundle, _)), times), drift) in variants.iter().zip(&bundles).zip(&times).zip(drifts) {
        rows.push(Row {
            variant: *variant,
            precision: variant.precision(),
            bytes: bundle.to_bytes()?.len(),
            times: *times,
            drift,
            threshold: None,
            scores: BTreeMap::new(),
        });
    }
    let mut document = Document {
        model: source.manifest.name.clone(),
        sha256,
        machine: machine(),
        calibration_scenes: scenes,
        false_fires: arguments.false_fires,
        cases: arguments.cases,
        rows,
    };
    write(&document, &arguments.out)?;
    let stem = arguments
        .model
        .file_stem()
        .map_or("model".into(), |stem| stem.to_string_lossy());
    for (index, (variant, (mut bundle, backend))) in variants.iter().zip(bundles).enumerate() {
        let Some(row) = document.rows.get(index).filter(|_| !slow(index)) else {
            continue;
        };
        let record = record(&document, row, &arguments)?;
        bundle.manifest.training.insert("precision".to_owned(), record);
        tracing::info!("scoring {}", variant.name());
        let measured = measure(&corpus, &mut bundle, &backend, arguments.cases, arguments.false_fires)?;
        bundle.write(&arguments.out.join(format!("{stem}-{}.lookhear", variant.name())))?;
        let bytes = bundle.to_bytes()?.len();
        if let Some(row) = document.rows.get_mut(index) {
            row.scores = measured.scores;
            row.threshold = Some(bundle.manifest.threshold.similarity);
            row.bytes = bytes;
        }
        write(&document, &arguments.out)?;
    }
    std::io::stdout()
        .write_all(document.markdown().as_bytes())
        .context("cannot write to the terminal")
}

/// f32 first, then those asked for, or all that this processor can do.
fn chosen(only: &[Variant]) -> Vec<Variant> {
    let wanted = |variant: &Variant| match only {
        _ if *variant == Variant::Float32 => true,
        [] => variant.backend().is_ok(),
        only => only.contains(variant),
    };
    Variant::ALL.into_iter().filter(wanted).collect()
}

/// The reports as far as they have come: a run that is broken off leaves those of the precisions that were done.
fn write(document: &Document, folder: &Path) -> anyhow::Result<()> {
    let json = serde_json::to_vec_pretty(document).context("the table cannot be written as JSON")?;
    let to = |name: &str, bytes: &[u8]| {
        write_whole(&folder.join(name), bytes).with_context(|| format!("{name} cannot be written to {folder:?}"))
    };
    to("precision.json", &json)?;
    to("precision.md", document.markdown().as_bytes())?;
    to("precision.html", document.page().html().as_bytes())
}

/// What `model.toml` says of how the precision was made and what it costs.
fn record(document: &Document, row: &Row, arguments: &PrecisionArguments) -> anyhow::Result<toml::Value> {
    #[derive(serde::Serialize)]
    struct Record<'a> {
        variant: Variant,
        from_sha256: &'a str,
        scenes: usize,
        seed: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        percentile: Option<f64>,
        machine: &'a str,
        picture_milliseconds: f64,
        sound_milliseconds: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        times_float32: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        drift: Option<drift::Drift>,
    }
    let share = document.times_float32(row);
    let record = Record {
        variant: row.variant,
        from_sha256: &document.sha256,
        scenes: document.calibration_scenes,
        seed: arguments.seed,
        percentile: (row.variant == Variant::Int8Percentile).then_some(arguments.percentile),
        machine: &document.machine,
        picture_milliseconds: row.times.picture_milliseconds,
        sound_milliseconds: row.times.sound_milliseconds,
        times_float32: share.is_finite().then_some(share),
        drift: row.drift,
    };
    toml::Value::try_from(record).context("model.toml cannot hold how the precision was made")
}

/// The processor by its name, its architecture, the backend and how this program was built.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("a processor without a name", |(_, name)| name.trim());
    let build = if cfg!(debug_assertions) {
        "development"
    } else {
        "release"
    };
    format!("{name} ({}), backend cpu, {build} build", std::env::consts::ARCH)
}
