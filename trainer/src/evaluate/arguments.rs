//! `lookhear-train evaluate`.

use std::path::PathBuf;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear_board::write_whole;

use super::corpus_report::CorpusDocument;
pub use super::development_table::{measure, print};
use super::false_fires::{Class, FalseFires, Listening};
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
    /// Hours of ordinary room noise, and as many of sounds of things not in view, in which false fires are counted
    #[arg(
        long,
        value_name = "HOURS",
        default_value_t = 0.0,
        requires = "corpus",
        help_heading = "On a corpus (--corpus)"
    )]
    hours: f64,
    /// Raise the threshold to what so many false fires an hour of ordinary room noise take, found on other hours than it is measured on
    #[arg(long, value_name = "FIRES", requires_all = ["corpus", "hours"], help_heading = "On a corpus (--corpus)")]
    false_fires_per_hour: Option<f64>,
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
    let measured = measure(
        &corpus,
        &mut bundle,
        &Backend::default(),
        arguments.cases,
        arguments.false_fires,
    )?;
    if let Some(per_hour) = arguments.false_fires_per_hour {
        raise_threshold(&corpus, &mut bundle, arguments.hours, per_hour)?;
    }
    let mut false_fires = Vec::new();
    if arguments.hours > 0.0 {
        for class in Class::ALL {
            false_fires.push(listen(&corpus, &bundle, class, arguments.hours, 2)?);
        }
        let value = toml::Value::try_from(&false_fires).context("the false fires cannot be recorded")?;
        bundle.manifest.scores.insert("false_fires".to_owned(), value);
    }
    if arguments.record {
        bundle.write(&arguments.bundle)?;
    }
    let document = CorpusDocument {
        bundle: &bundle.manifest.name,
        threshold: bundle.manifest.threshold.similarity,
        found_by: &bundle.manifest.threshold.found_by,
        scores: &measured.scores,
        confidence: measured.confidence.as_ref(),
        false_fires: &false_fires,
    };
    if let Some(path) = &arguments.test_set.json {
        let cannot = || format!("{} cannot be written", path.display());
        write_whole(path, &serde_json::to_vec_pretty(&document)?).with_context(cannot)?;
    }
    if let Some(path) = &arguments.test_set.report {
        let page = document.page()?;
        page.write(path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    print(&measured)?;
    super::development_table::print_false_fires(&false_fires)
}

fn listen(corpus: &Corpus, bundle: &Bundle, class: Class, hours: f64, seed: u64) -> anyhow::Result<FalseFires> {
    let bar = bar(Listening::pictures(class, hours), "listening")?;
    let found = Listening::new(corpus, bundle, class, seed)?.listen(hours, || bar.inc(1))?;
    bar.finish_and_clear();
    Ok(found)
}

/// Raises a bundle's threshold to what a rate of false fires takes in ordinary room noise; it is never lowered.
fn raise_threshold(corpus: &Corpus, bundle: &mut Bundle, hours: f64, per_hour: f64) -> anyhow::Result<()> {
    let bar = bar(Listening::pictures(Class::RoomNoise, hours), "listening")?;
    let mut listening = Listening::new(corpus, bundle, Class::RoomNoise, 3)?;
    let fit = listening.threshold(hours, per_hour, || bar.inc(1))?;
    bar.finish_and_clear();
    let threshold = &mut bundle.manifest.threshold;
    if fit.threshold > threshold.similarity {
        threshold.similarity = fit.threshold;
        threshold.found_by = format!(
            "{:.1} hours of ordinary room noise: at most {per_hour} false fires an hour, at 95 % confidence",
            fit.rate.map_or(hours, |rate| rate.hours)
        );
    } else {
        threshold.found_by +=
            &format!("; that is more than at most {per_hour} false fires an hour of ordinary room noise take");
    }
    Ok(())
}

/// A progress bar.
pub fn bar(length: u64, doing: &'static str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}, {per_sec}, {elapsed}, {eta} left")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(doing))
}
