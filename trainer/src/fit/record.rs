//! What a bundle says of its making, and making it again from that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lookhear::perception::bundle::{Bundle, hexadecimal_sha256};
use serde::{Deserialize, Serialize};

use super::data::DataRecord;
use super::plan::Plan;
use super::training::Outcome;

/// Files that a run began with, by name, and their SHA-256.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Start(pub BTreeMap<String, String>);

impl Start {
    /// Sums files.
    pub fn of(files: impl IntoIterator<Item = PathBuf>) -> anyhow::Result<Self> {
        let sums = files.into_iter().map(|path| {
            let bytes = std::fs::read(&path).with_context(|| format!("{path:?} cannot be read"))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, hexadecimal_sha256(&bytes)))
        });
        Ok(Self(sums.collect::<anyhow::Result<_>>()?))
    }
}

/// What a run was begun with, but for its plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// What it learns from.
    pub data: DataRecord,
    /// Files with weights.
    pub start: Start,
}

/// The `training` table of `model.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    plan: Plan,
    #[serde(flatten)]
    beginning: Beginning,
    epochs_done: usize,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    best_epoch: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    best_validation_contrast: Option<f64>,
}

/// Writes down how a bundle was made.
pub fn record(bundle: &mut Bundle, plan: &Plan, beginning: &Beginning, outcome: &Outcome) -> anyhow::Result<()> {
    let record = Record {
        plan: plan.clone(),
        beginning: beginning.clone(),
        epochs_done: outcome.epochs,
        best_epoch: outcome.best.map(|(epoch, _)| epoch),
        best_validation_contrast: outcome.best.map(|(_, contrast)| contrast),
    };
    bundle.manifest.training = toml::Table::try_from(record)?.into_iter().collect();
    Ok(())
}

/// A bundle that is to be made again.
#[derive(Debug, Clone)]
pub struct Rebuilding {
    /// How it was trained.
    pub plan: Plan,
    beginning: Beginning,
    bundle: Bundle,
}

impl Rebuilding {
    /// Reads what the bundle says of its making.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bundle = Bundle::read(path)?;
        let table: toml::Table = bundle.manifest.training.clone().into_iter().collect();
        let record: Record = table.try_into().with_context(|| {
            format!("{path:?} does not say how it was trained; only bundles that `fit` has written do")
        })?;
        if bundle.manifest.code_version != env!("CARGO_PKG_VERSION") {
            tracing::warn!(
                "the bundle was made by version {}, this is {}",
                bundle.manifest.code_version,
                env!("CARGO_PKG_VERSION")
            );
        }
        Ok(Self {
            plan: record.plan,
            beginning: record.beginning,
            bundle,
        })
    }

    /// Refuses data and weights that are not what the bundle was trained on and from.
    pub fn same(&self, given: &Beginning) -> anyhow::Result<()> {
        anyhow::ensure!(
            *given == self.beginning,
            "the bundle was trained on and from {:?}, these are {given:?}; bring the same data and weights, or train without --from",
            self.beginning
        );
        Ok(())
    }

    /// Says whether the networks are the same to the bit.
    pub fn compare(&self, made: &Bundle) -> anyhow::Result<()> {
        let same = made.vision == self.bundle.vision && made.audio == self.bundle.audio;
        anyhow::ensure!(
            same,
            "the networks are not the same to the bit: the program, the processor or the number of its threads differs, or --device"
        );
        tracing::info!("the networks are the same to the bit");
        Ok(())
    }
}
