//! `lookhear-train evaluate BUNDLE --data SET --root DIR`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use lookhear::perception::bundle::Bundle;
use lookhear_board::{Sound, read_sound};
use sha2::{Digest, Sha256};

use super::measure::{Settings, measure};
use super::summary::{CaseScores, Document, Summary};
use super::{Model, heatmaps, page, profile, terminal};
use crate::dataset::Profile;
use crate::dataset::layouts::{DataSet, open};
use crate::evaluate::arguments::bar;
use lookhear_board::write_whole;

/// What `--negatives` says for none.
const NO_NEGATIVES: &str = "none";

/// How to measure a bundle on a data set with boxes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "On a data set (--data)")]
pub struct TestSetArguments {
    /// The folder of the data set
    #[arg(long, value_name = "DIR", requires = "data")]
    root: Option<PathBuf>,
    /// Only the ids in this file, one a line, or a CSV file with the ids first and perhaps a column of classes
    #[arg(long, value_name = "FILE", requires = "data")]
    list: Option<PathBuf>,
    /// `paper` keeps the oddities of the published code, the default mends them
    #[arg(long, value_enum, default_value_t, requires = "data")]
    profile: Profile,
    /// A folder of further sounds whose source is in none of the pictures, beside silence, noise and the sounds of other
    /// pictures; `none` for no negatives at all
    #[arg(long, value_name = "DIR|none", requires = "data")]
    negatives: Option<PathBuf>,
    /// At most so many quads: four pictures in a grid and the sound of one
    #[arg(long, value_name = "COUNT", default_value_t = 500, requires = "data")]
    quads: usize,
    /// Draws noise, quads and the random gallery
    #[arg(long, value_name = "SEED", default_value_t = 0, requires = "data")]
    seed: u64,
    /// Write a page with tables, curves and pictures
    #[arg(long, value_name = "FILE.html", help_heading = "Reports")]
    pub(crate) report: Option<PathBuf>,
    /// Write every number with its interval, and on a data set the scores of each item
    #[arg(long, value_name = "FILE.json", help_heading = "Reports")]
    pub(crate) json: Option<PathBuf>,
    /// Write the raw heatmaps
    #[arg(long, value_name = "FILE.safetensors", requires = "data")]
    heatmaps: Option<PathBuf>,
}

/// Measures, prints, and writes what was asked for; with `record` the scores also go into the bundle, whose threshold stays.
pub fn run(bundle_path: &Path, data_set: DataSet, record: bool, arguments: &TestSetArguments) -> anyhow::Result<()> {
    let name = data_set
        .to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned());
    let Some(root) = &arguments.root else {
        bail!("`--data {name}` needs the folder of the data set: give it with `--root DIR`");
    };
    let found = open(data_set, root, arguments.list.as_deref()).context("the data set cannot be used")?;
    let mut bundle = Bundle::read(bundle_path)?;
    let bytes = std::fs::read(bundle_path).with_context(|| format!("{} cannot be read", bundle_path.display()))?;
    let settings = Settings {
        profile: arguments.profile,
        with_negatives: arguments.negatives.as_deref() != Some(Path::new(NO_NEGATIVES)),
        given: given_sounds(arguments.negatives.as_deref())?,
        quads: arguments.quads,
        seed: arguments.seed,
    };
    let mut model = Model::new(&bundle, profile::transform(settings.profile))?;
    let steps = 2 * found.items.len() + settings.quads.min(found.items.len());
    let bar = bar(steps as u64, "measuring")?;
    let measurement = measure(&mut model, &found.items, &settings, &mut || bar.inc(1))?;
    bar.finish_and_clear();
    let scores = Summary::of(&measurement, settings.profile).context(
        "no threshold can be found on the negatives; give more items, or leave them out with `--negatives none`",
    )?;
    let document = Document {
        bundle: &bundle.manifest.name,
        bundle_sha256: Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        data_set: name,
        profile: profile::name(settings.profile),
        scores: &scores,
        skipped: &measurement.skipped,
        missing: &found.missing,
        cases: measurement.cases.iter().map(CaseScores::of).collect(),
    };
    if let Some(path) = &arguments.json {
        let document = serde_json::to_vec_pretty(&document)?;
        write_whole(path, &document).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if let Some(path) = &arguments.heatmaps {
        let maps = heatmaps::to_bytes(&measurement.cases)?;
        write_whole(path, &maps).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if let Some(path) = &arguments.report {
        let lit_from = scores.rejection.as_ref().map(|rejection| rejection.threshold.threshold);
        let lit_from = lit_from.unwrap_or(bundle.manifest.threshold.similarity);
        let page = page::page(&document, &measurement, settings.profile, lit_from, settings.seed)?;
        page.write(path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let table = terminal::table(&document);
    if record {
        let key = format!("{}-{}", document.data_set, document.profile);
        // Hundreds of classes belong into the report.
        let whole = Summary {
            by_class: BTreeMap::new(),
            ..scores.clone()
        };
        let value = toml::Value::try_from(&whole).context("the scores cannot be recorded")?;
        bundle.manifest.scores.insert(key, value);
        bundle.write(bundle_path)?;
    }
    std::io::stdout()
        .write_all(table.as_bytes())
        .context("cannot write to the terminal")
}

/// The sounds of the folder that `--negatives` names, in the order of their names; what is no sound is passed over.
fn given_sounds(folder: Option<&Path>) -> anyhow::Result<Vec<Sound>> {
    let Some(folder) = folder.filter(|folder| *folder != Path::new(NO_NEGATIVES)) else {
        return Ok(Vec::new());
    };
    let cannot = || format!("the folder of negatives {} cannot be read", folder.display());
    let mut paths = std::fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<std::io::Result<Vec<PathBuf>>>()
        })
        .with_context(cannot)?;
    paths.sort();
    let mut sounds = Vec::new();
    for path in paths.iter().filter(|path| path.is_file()) {
        match read_sound(path) {
            Ok(sound) => sounds.push(sound),
            Err(cause) => tracing::warn!(%cause, "not used as a negative"),
        }
    }
    if sounds.is_empty() {
        bail!(
            "{} holds no sound that can be read; name another folder, or `none`",
            folder.display()
        );
    }
    Ok(sounds)
}
