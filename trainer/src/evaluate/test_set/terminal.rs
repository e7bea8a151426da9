//! The scores as a table for the terminal, shares in percent.

use std::fmt::Write;

use super::summary::{Document, Summary};
use crate::evaluate::scores::Interval;

/// Width of the column of names.
const NAME_COLUMNS: usize = 30;
/// Skipped items that are named one by one.
const MOST_SKIPPED: usize = 10;

/// One score: its name, the number with its interval, and what to hold it against.
struct Line {
    name: String,
    score: Option<Interval>,
    beside: String,
}

/// The whole table, with a line break at its end.
pub fn table(document: &Document) -> String {
    let mut text = format!(
        "bundle   {}\ndata     {}, {} profile\nitems    {} scored, {} skipped, {} missing\n\n",
        document.bundle,
        document.data_set,
        document.profile,
        document.scores.items,
        document.skipped.len(),
        document.missing.len()
    );
    let lines = lines(document.scores);
    let score = |line: &Line| {
        line.score
            .map_or_else(|| "–".to_owned(), |score| format!("{:.2}", score.mean * 100.0))
    };
    let interval = |line: &Line| {
        let text = |score: Interval| format!("{:.2} … {:.2}", score.low * 100.0, score.high * 100.0);
        line.score.map_or_else(String::new, text)
    };
    let _ = writeln!(
        text,
        "{:NAME_COLUMNS$} {:>7}  {:>16}  beside",
        "score", "%", "95 % interval"
    );
    for line in &lines {
        let row = format!(
            "{:NAME_COLUMNS$} {:>7}  {:>16}  {}",
            line.name,
            score(line),
            interval(line),
            line.beside
        );
        let _ = writeln!(text, "{}", row.trim_end());
    }
    for skipped in document.skipped.iter().take(MOST_SKIPPED) {
        let _ = writeln!(text, "skipped  {}: {}", skipped.id, skipped.cause);
    }
    if document.skipped.len() > MOST_SKIPPED {
        let _ = writeln!(text, "skipped  and {} more", document.skipped.len() - MOST_SKIPPED);
    }
    text
}

fn lines(scores: &Summary) -> Vec<Line> {
    let line = |name: &str, score: Option<Interval>, beside: String| Line {
        name: name.to_owned(),
        score,
        beside,
    };
    let percent = |share: f64| format!("{:.2}", share * 100.0);
    let localisation = &scores.localisation;
    let baselines = scores.baselines.as_ref();
    let beside = |part: fn(crate::evaluate::scores::Localisation) -> f64| {
        baselines.map_or_else(String::new, |baselines| {
            format!(
                "centred disk {}, whole picture {}, most possible {}",
                percent(part(baselines.centred_disk)),
                percent(part(baselines.whole_picture)),
                percent(part(baselines.ceiling))
            )
        })
    };
    let centre = baselines.map_or_else(String::new, |baselines| {
        format!("centre {}", percent(baselines.centre_in_box))
    });
    let mut lines = vec![
        line("cIoU ≥ 0.5", localisation.ciou, beside(|found| found.success)),
        line("AUC", localisation.auc, beside(|found| found.area)),
        line("cIoU above centred disk", scores.above_disk, String::new()),
        line("peak in a box", localisation.peak_in_box, centre),
    ];
    if let Some(quads) = &scores.quads {
        lines.push(line(
            "quads",
            quads.right,
            format!("chance 25.00, {} quads", quads.quads),
        ));
    }
    if let Some(rejection) = &scores.rejection {
        let in_view = &rejection.in_view;
        lines.extend([
            line(
                "cIoU ≥ 0.5 at the threshold",
                rejection.ciou_at_threshold,
                format!(
                    "threshold {:.3}, found on {} negatives of other pictures",
                    rejection.threshold.threshold, rejection.threshold.negatives
                ),
            ),
            line("accepted in view", rejection.accepted, String::new()),
            line("pIA, lit up falsely", rejection.image_area, "best 0".to_owned()),
            line("F_LOC", rejection.f_loc, String::new()),
            line(
                "average precision, in view",
                in_view.average_precision,
                format!(
                    "blind {}, {} positives, {} negatives",
                    percent(in_view.blind_average_precision),
                    in_view.positives,
                    in_view.negatives
                ),
            ),
            line("max-F1, in view", in_view.greatest_f1, String::new()),
            line("ROC area, in view", in_view.roc_area, "blind 50.00".to_owned()),
        ]);
        for (kind, scores) in &rejection.by_kind {
            lines.push(line(
                &format!("{kind}: accepted falsely"),
                scores.accepted,
                String::new(),
            ));
            lines.push(line(&format!("{kind}: pIA"), scores.image_area, String::new()));
            lines.push(line(
                &format!("{kind}: ROC area"),
                scores.in_view.roc_area,
                String::new(),
            ));
        }
    }
    lines
}
