//! `lookhear-train evaluate`.

use std::path::PathBuf;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use lookhear::perception::bundle::Bundle;

pub use super::development_table::{measure, print};
use super::test_set::command::{self, TestSetArguments};
use crate::corpus::Corpus;
use crate::dataset::layouts::DataSet;

/// Measure a bundle on what training never saw of the corpus, or on a data set with boxes.
#[derive(Debug, Clone, clap::Args)]
#[command(group = clap::ArgGroup::new("material").required(true).args(["corpus", "data"]))]
pub struct EvaluateArguments {
    /// The bundle to measure
    bundle: PathBuf,
    /// The corpus whose held-out part it is measured on
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// The data set that it is measured on, by the layout of its folder
    #[arg(long, value_enum, value_name = "SET")]
    data: Option<DataSet>,
    /// Write the scores into the bundle, with --corpus also the threshold
    #[arg(long)]
    record: bool,
    /// Cases of each sort
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 200,
        requires = "corpus",
        help_heading = "On a corpus (--corpus)"
    )]
    cases: usize,
    /// Share of negatives that may be accepted, from which the threshold follows
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.05,
        requires = "corpus",
        help_heading = "On a corpus (--corpus)"
    )]
    false_fires: f64,
    #[command(flatten)]
    test_set: TestSetArguments,
}

/// Measures, and records where asked to.
pub fn run(arguments: EvaluateArguments) -> anyhow::Result<()> {
    if let Some(data_set) = arguments.data {
        return command::run(&arguments.bundle, data_set, arguments.record, &arguments.test_set);
    }
    let folder = arguments
        .corpus
        .context("give `--corpus DIR`, or `--data SET --root DIR`")?;
    let corpus = Corpus::open(&folder).context("the corpus cannot be used")?;
    let mut bundle = Bundle::read(&arguments.bundle)?;
    let scores = measure(&corpus, &mut bundle, arguments.cases, arguments.false_fires)?;
    if arguments.record {
        bundle.write(&arguments.bundle)?;
    }
    print(&scores)
}

/// A progress bar.
pub fn bar(length: u64, doing: &'static str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}, {per_sec}, {elapsed}, {eta} left")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(doing))
}
