//! `lookhear-train corpus`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::index::{Item, Kind, Split};
use super::{Options, Summary, build};

/// Build a training corpus from public packages.
///
/// Fetches pinned packages with `apt-get` and `npm`, verifies them, and writes pictures, sounds and backgrounds with an index and credits.
#[derive(Debug, Clone, clap::Args)]
pub struct CorpusArguments {
    /// The folder to build the corpus in; an earlier corpus there is replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where fetched packages are kept [default: `packages` in the corpus folder]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// A folder with ESC-10: one folder of OGG files for each class
    #[arg(long, value_name = "DIR")]
    esc10: Option<PathBuf>,
    /// A folder with COCO photographs: `images` and, with YOLO boxes, `labels`
    #[arg(long, value_name = "DIR")]
    coco: Option<PathBuf>,
    /// Take in an optional package as well: `0ad-data` (1.4 GB to fetch)
    #[arg(long, value_name = "PACKAGE")]
    with: Vec<String>,
    /// Leave a package out
    #[arg(long, value_name = "PACKAGE")]
    without: Vec<String>,
    /// Take at most so many spoken clips, in equal parts of every language
    #[arg(long, value_name = "COUNT", default_value_t = 1500)]
    speech: usize,
    /// Have `fluidsynth` with `fluid-soundfont-gm` play the musical instruments as well
    #[arg(long)]
    instruments: bool,
    /// What the instruments play follows from this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
}

/// Builds the corpus, with a progress bar, and tells what it holds.
pub fn run(arguments: CorpusArguments) -> anyhow::Result<()> {
    let options = Options {
        cache: arguments.cache.unwrap_or_else(|| arguments.out.join("packages")),
        out: arguments.out,
        esc10: arguments.esc10,
        coco: arguments.coco,
        with: arguments.with,
        without: arguments.without,
        speech_clips: arguments.speech,
        instruments: arguments.instruments,
        seed: arguments.seed,
    };
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}")?);
    let summary = build(&options, |progress| {
        bar.set_length(progress.steps as u64);
        bar.set_position(progress.done as u64);
        bar.set_message(progress.doing.to_owned());
        bar.tick();
    });
    bar.finish_and_clear();
    let summary = summary.context("the corpus was not built")?;
    std::io::stdout()
        .write_all(describe(&summary).as_bytes())
        .context("cannot write to the terminal")
}

fn describe(summary: &Summary) -> String {
    let corpus = &summary.corpus;
    let mut lines = Vec::new();
    for skipped in &summary.skipped {
        lines.push(format!("skipped {}: {}", skipped.file, skipped.cause));
    }
    let mut counts: BTreeMap<(Kind, Split), usize> = BTreeMap::new();
    for Item { kind, split, .. } in &corpus.items {
        *counts.entry((*kind, *split)).or_default() += 1;
    }
    let count = |kind, split| counts.get(&(kind, split)).copied().unwrap_or(0);
    lines.push(format!("{:<12}{:>8}{:>10}{:>9}", "", "train", "held out", "unheard"));
    for (kind, name) in [
        (Kind::Picture, "pictures"),
        (Kind::Sound, "sounds"),
        (Kind::Background, "backgrounds"),
        (Kind::Photograph, "photographs"),
    ] {
        let [train, held_out, unheard] = [Split::Train, Split::HeldOut, Split::Unheard].map(|split| count(kind, split));
        lines.push(format!("{name:<12}{train:>8}{held_out:>10}{unheard:>9}"));
    }
    let unheard = corpus.categories.iter().filter(|category| category.unheard).count();
    lines.push(format!(
        "{} categories, {unheard} of them kept out of training; corpus in {}, sources in {}",
        corpus.categories.len(),
        corpus.folder.display(),
        corpus.folder.join("CREDITS.md").display()
    ));
    lines.join("\n") + "\n"
}
