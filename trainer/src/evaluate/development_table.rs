//! A bundle on the development set: its threshold, its scores, and their table.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use lookhear::perception::bundle::Bundle;

use super::arguments::bar;
use super::development::{Cases, Development, Part, Scores};
use crate::corpus::Corpus;

/// Side of the square pictures of the development set, in pixels.
const SIDE_PIXELS: u32 = 448;

/// Fits the bundle's threshold on negatives of the training part and scores it on the development set.
pub fn measure(
    corpus: &Corpus,
    bundle: &mut Bundle,
    each: usize,
    false_fires: f64,
) -> anyhow::Result<BTreeMap<Part, Scores>> {
    let cases = Cases {
        each,
        side_pixels: SIDE_PIXELS,
        seed: 1,
    };
    let mut development = Development::new(corpus, bundle, cases)?;
    let bar = bar(1 + Part::ALL.len() as u64, "measuring")?;
    let fit = development.threshold(false_fires)?;
    bar.inc(1);
    bundle.manifest.threshold.similarity = fit.threshold;
    bundle.manifest.threshold.found_by = format!(
        "{} negatives of the training part (silence, noise, sounds of things not in view): at most {false_fires} of further ones reach it, at 95 % confidence",
        fit.negatives
    );
    let mut scores = BTreeMap::new();
    for part in Part::ALL {
        scores.insert(part, development.scores(part, fit.threshold)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    bundle.manifest.scores = scores
        .iter()
        .map(|(part, scores)| Ok((part.name().to_owned(), toml::Value::try_from(scores)?)))
        .collect::<anyhow::Result<_>>()?;
    Ok(scores)
}

/// A table on standard output, shares in percent.
pub fn print(scores: &BTreeMap<Part, Scores>) -> anyhow::Result<()> {
    let mut text = format!(
        "{:12} {:>20} {:>20} {:>16} {:>12} {:>8} {:>9} {:>10}\n",
        "part",
        "quads (chance 25)",
        "peak in box (centre)",
        "cIoU (disk, most)",
        "ROC in view",
        "accepted",
        "falsely",
        "cases"
    );
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let optional = |share: Option<f64>| share.map_or("-".to_owned(), percent);
    for (part, scores) in scores {
        let share = |share: &Option<super::development::Share>| {
            share.as_ref().map_or("-".to_owned(), |share| {
                let interval = share.interval;
                format!(
                    "{} [{}..{}]",
                    percent(interval.mean),
                    percent(interval.low),
                    percent(interval.high)
                )
            })
        };
        let (centre, disk, most) = scores.baselines.as_ref().map_or((None, None, None), |baselines| {
            (
                Some(baselines.centre_in_box),
                Some(baselines.centred_disk.success),
                Some(baselines.ceiling.success),
            )
        });
        text += &format!(
            "{:12} {:>20} {:>20} {:>16} {:>12} {:>8} {:>9} {:>10}\n",
            part.name(),
            share(&scores.quads),
            format!("{} ({})", share(&scores.peak_in_box), optional(centre)),
            format!(
                "{} ({}, {})",
                optional(scores.ciou.map(|ciou| ciou.success)),
                optional(disk),
                optional(most)
            ),
            optional(scores.in_view_roc_area),
            optional(scores.accepted),
            optional(scores.falsely_accepted),
            scores.quads.as_ref().map_or(0, |share| share.cases),
        );
    }
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to the terminal")
}
