//! What a run learns from: a corpus, or a data set in its folder.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use lookhear::perception::bundle::hexadecimal_sha256;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::plan::{Network, Plan};
use crate::corpus::{Corpus, Split};
use crate::dataset::layouts::{DataSet, Item, open};
use crate::dataset::loader::{ComposedSource, FileSource, PairSource, Subset};
use crate::dataset::{Composer, Settings};

/// Where to find training data: a corpus or a data set, one of the two.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArguments {
    /// A corpus that `lookhear-train corpus` built: scenes are composed of its training part
    #[arg(long, value_name = "DIR", required_unless_present = "data", conflicts_with = "data")]
    pub corpus: Option<PathBuf>,
    /// The layout of a data set on disk
    #[arg(long, value_enum, requires = "root")]
    pub data: Option<DataSet>,
    /// The folder of the data set
    #[arg(long, value_name = "DIR", requires = "data")]
    pub root: Option<PathBuf>,
    /// The ids to take of it, one a line, or the first column of a CSV file
    #[arg(long, value_name = "FILE", requires = "data")]
    pub list: Option<PathBuf>,
}

/// What the bundle says of the data it was trained on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// `corpus`, or the layout of the data set.
    pub kind: String,
    /// Files of the corpus, or pairs of the data set.
    pub items: usize,
    /// Pairs of the data set that are listed and not there.
    #[serde(default)]
    pub missing: usize,
    /// Of the corpus' files, or of the data set's ids and the lengths of their files.
    pub sha256: String,
}

/// Training data, opened.
pub struct Data {
    /// All pairs, those that are held out too.
    pub source: Arc<dyn PairSource>,
    /// Makes sounds of no picture.
    pub composer: Option<Composer>,
    /// The corpus, where it is one.
    pub corpus: Option<Corpus>,
    /// What the bundle says of it.
    pub record: DataRecord,
}

impl DataArguments {
    /// Opens what is named.
    pub fn open(&self, plan: &Plan) -> anyhow::Result<Data> {
        match (&self.corpus, self.data, &self.root) {
            (Some(corpus), None, _) => composed(Corpus::open(corpus).context("the corpus cannot be used")?, plan),
            (None, Some(data_set), Some(root)) => {
                let found = open(data_set, root, self.list.as_deref()).context("the data set cannot be used")?;
                if !found.missing.is_empty() {
                    let some: Vec<&str> = found.missing.iter().take(5).map(String::as_str).collect();
                    tracing::warn!(
                        "{} listed pairs are not there: {} …",
                        found.missing.len(),
                        some.join(", ")
                    );
                }
                let kind = clap::ValueEnum::to_possible_value(&data_set)
                    .map_or_else(String::new, |value| value.get_name().to_owned());
                Ok(Data {
                    record: DataRecord {
                        kind,
                        items: found.items.len(),
                        missing: found.missing.len(),
                        sha256: fingerprint(&found.items),
                    },
                    source: Arc::new(FileSource::new(found.items)),
                    composer: None,
                    corpus: None,
                })
            }
            _ => anyhow::bail!("name the data: --corpus DIR, or --data LAYOUT --root DIR"),
        }
    }
}

/// Share of composed scenes in which a person speaks: neither backbone's classes know people in a picture, so the pairs must teach it.
const SPEECH_SHARE: f64 = 0.35;

fn composed(corpus: Corpus, plan: &Plan) -> anyhow::Result<Data> {
    let settings = Settings {
        side: plan.side_pixels as u32,
        photograph_share: 0.5,
        speech_share: Some(SPEECH_SHARE),
        ..Settings::default()
    };
    let composer = || Composer::with_settings(&corpus, Split::Train, plan.seed, settings);
    Ok(Data {
        source: Arc::new(ComposedSource::new(composer()?, plan.pairs)?),
        composer: (plan.network == Network::Edge).then(composer).transpose()?,
        record: DataRecord {
            kind: "corpus".to_owned(),
            items: corpus.items.len(),
            missing: 0,
            sha256: corpus.fingerprint(),
        },
        corpus: Some(corpus),
    })
}

/// A sum over ids and lengths: whoever changes a file without changing its length goes unnoticed, and a data set of a hundred
/// thousand pairs is summed in seconds.
pub(crate) fn fingerprint(items: &[Item]) -> String {
    let length = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let lines: String = items
        .iter()
        .map(|item| format!("{} {} {}\n", item.id, length(&item.picture), length(&item.sound)))
        .collect();
    hexadecimal_sha256(lines.as_bytes())
}

/// The pairs that are trained on, and those that are held out to validate on, drawn by the plan's seed. Where those would not fill a
/// batch, none are held out.
pub fn split(source: &Arc<dyn PairSource>, plan: &Plan) -> (Arc<dyn PairSource>, Arc<dyn PairSource>) {
    let mut trained: Vec<usize> = (0..source.len()).collect();
    trained.shuffle(&mut ChaCha8Rng::seed_from_u64(plan.seed ^ 0x5eed));
    let mut count = (plan.validation * trained.len() as f64) as usize;
    if count < plan.batch && plan.validation > 0.0 {
        tracing::warn!(
            "{count} held-out pairs do not fill a batch of {}: none are held out, and the last weights are kept; give a greater \
             --validation or a smaller --batch",
            plan.batch
        );
        count = 0;
    }
    // The held-out ones stay in the order they were drawn in: data sets are often sorted by class, and a batch of one class says
    // nothing.
    let held_out = trained.split_off(trained.len() - count);
    trained.sort_unstable();
    let part = |indices| Arc::new(Subset::new(Arc::clone(source), indices)) as Arc<dyn PairSource>;
    (part(trained), part(held_out))
}
