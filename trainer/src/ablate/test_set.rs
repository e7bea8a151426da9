//! What the rows are scored on: a test set in its folder, or the held-out part of the corpus.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use lookhear::perception::bundle::{Bundle, hexadecimal_sha256};

use super::held_out;
use super::record::{Scores, TestRecord};
use crate::corpus::Corpus;
use crate::dataset::Profile;
use crate::dataset::layouts::{DataSet, Item, open};
use crate::evaluate::arguments::bar;
use crate::evaluate::test_set::{Model, Settings, measure, profile};
use crate::fit::data::fingerprint;

/// At most so many quads are made of a test set.
const MOST_QUADS: usize = 500;

/// Where to find what rows are scored on.
#[derive(Debug, Clone, clap::Args)]
pub struct TestArguments {
    /// The layout of the test set [with --corpus: its held-out part]
    #[arg(long, value_enum, value_name = "LAYOUT", requires = "test_root")]
    pub test: Option<DataSet>,
    /// The folder of the test set
    #[arg(long, value_name = "DIR", requires = "test")]
    pub test_root: Option<PathBuf>,
    /// Only the ids in this file, one a line, or the first column of a CSV file
    #[arg(long, value_name = "FILE", requires = "test")]
    pub test_list: Option<PathBuf>,
    /// Scenes to compose out of the held-out part of the corpus, without --test
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub cases: usize,
}

/// A test set, found.
#[derive(Debug)]
pub struct TestSet {
    /// What rows say of it.
    pub record: TestRecord,
    items: Vec<Item>,
}

impl TestSet {
    /// Finds what is named. Scenes of the corpus are written below `folder`.
    pub fn open(
        arguments: &TestArguments,
        corpus: Option<&Corpus>,
        folder: &Path,
        profile: Profile,
    ) -> anyhow::Result<Self> {
        let (kind, found) = match (arguments.test, &arguments.test_root, corpus) {
            (Some(layout), Some(root), _) => {
                let kind = layout.to_possible_value();
                let kind = kind.map_or_else(String::new, |value| value.get_name().to_owned());
                let found =
                    open(layout, root, arguments.test_list.as_deref()).context("the test set cannot be used")?;
                (kind, found)
            }
            (_, _, Some(corpus)) => {
                let root = held_out::write(corpus, arguments.cases, folder)?;
                ("held-out".to_owned(), open(DataSet::Pairs, &root, None)?)
            }
            _ => bail!("name what the rows are scored on: --test LAYOUT --test-root DIR"),
        };
        if !found.items.iter().any(|item| item.annotation.is_some()) {
            bail!(
                "none of the {} items of the test set has a box to score on",
                found.items.len()
            );
        }
        let boxes: String = found
            .items
            .iter()
            .map(|item| format!("{:?}\n", item.annotation))
            .collect();
        let record = TestRecord {
            kind,
            items: found.items.len(),
            missing: found.missing.len(),
            profile,
            sha256: hexadecimal_sha256(format!("{}{boxes}", fingerprint(&found.items)).as_bytes()),
        };
        Ok(Self {
            record,
            items: found.items,
        })
    }

    /// Scores a bundle item by item.
    pub fn score(&self, bundle: &Bundle) -> anyhow::Result<Scores> {
        let settings = Settings {
            profile: self.record.profile,
            quads: MOST_QUADS,
            ..Settings::default()
        };
        let mut model = Model::new(bundle, profile::transform(settings.profile))?;
        let steps = 2 * self.items.len() + MOST_QUADS.min(self.items.len());
        let bar = bar(steps as u64, "scoring")?;
        let measurement = measure(&mut model, &self.items, &settings, &mut || bar.inc(1))?;
        bar.finish_and_clear();
        if let Some(first) = measurement.skipped.first() {
            tracing::warn!(
                "{} items of the test set cannot be scored; {}: {}",
                measurement.skipped.len(),
                first.id,
                first.cause
            );
        }
        Ok(Scores::of(&measurement))
    }
}
