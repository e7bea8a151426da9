//! A bundle on the development set: its threshold, its scores, and their table.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;

use super::arguments::bar;
use super::confidence::{self, ConfidenceMeasurement};
use super::development::{Cases, Development, Part, Scores};
use super::false_fires::FalseFires;
use crate::corpus::Corpus;

/// Side of the square pictures of the development set, in pixels.
const SIDE_PIXELS: u32 = 448;

/// What a bundle was measured at.
pub struct Measured {
    /// By part of the development set.
    pub scores: BTreeMap<Part, Scores>,
    /// How sure similarities make one; `None` where there were too few cases.
    pub confidence: Option<ConfidenceMeasurement>,
}

/// Fits the bundle's threshold on negatives of the training part and its confidence on held-out scenes, and scores it on the development set.
pub fn measure(
    corpus: &Corpus,
    bundle: &mut Bundle,
    backend: &Backend,
    each: usize,
    false_fires: f64,
) -> anyhow::Result<Measured> {
    let cases = Cases {
        each,
        side_pixels: SIDE_PIXELS,
        seed: 1,
    };
    let mut development = Development::new(corpus, bundle, backend, cases)?;
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
    let confidence = match confidence::measure(corpus, bundle, backend, 4 * each) {
        Ok(measured) => Some(measured),
        Err(cause) => {
            tracing::warn!(%cause, "the bundle carries no confidence");
            None
        }
    };
    bar.finish_and_clear();
    bundle.manifest.scores = scores
        .iter()
        .map(|(part, scores)| Ok((part.name().to_owned(), toml::Value::try_from(scores)?)))
        .collect::<anyhow::Result<_>>()?;
    bundle.manifest.confidence = None;
    if let Some(confidence) = &confidence {
        confidence.record(bundle)?;
    }
    Ok(Measured { scores, confidence })
}

/// A table on standard output, shares in percent.
pub fn print(measured: &Measured) -> anyhow::Result<()> {
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
    for (part, scores) in &measured.scores {
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
    if let Some(confidence) = &measured.confidence {
        let (ours, raw) = (&confidence.reliability, &confidence.raw);
        text += &format!(
            "confidence on {} held-out scenes: ECE {:.3} (chance alone {:.3}, raw similarity {:.3}), Brier {:.3} ({:.3})\n",
            ours.cases,
            ours.calibration_error,
            ours.calibration_error_of_chance,
            raw.calibration_error,
            ours.brier,
            raw.brier
        );
    }
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to the terminal")
}

/// How often it fires at nothing, on standard output.
pub fn print_false_fires(classes: &[FalseFires]) -> anyhow::Result<()> {
    let mut text = String::new();
    for found in classes {
        let rate = &found.attention;
        let needed = found
            .for_one_an_hour
            .as_ref()
            .map_or("-".to_owned(), |fit| format!("{:.3}", fit.threshold));
        text += &format!(
            "{}: {} fires in {:.1} h, at most {:.2} an hour at 95 % (threshold {:.3}; one an hour takes {needed})\n",
            found.class.name(),
            rate.fires,
            rate.hours,
            rate.per_hour_bound,
            found.threshold
        );
    }
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to the terminal")
}
