//! The scores as a table for the terminal, shares in percent.

use std::fmt::Write;

use super::scores::Score;
use super::summary::Document;

/// Skipped files that are named one by one.
const MOST_SKIPPED: usize = 10;

/// The whole table, with a line break at its end.
pub fn table(document: &Document) -> String {
    let mut text = format!(
        "bundle   {}\ndata     {}\ngallery  {} sounds and {} pictures of {} classes, {} channels\n",
        document.bundle, document.material, document.sounds, document.pictures, document.classes, document.channels
    );
    for (reason, count) in document.left_out {
        let _ = writeln!(text, "unused   {count} {reason}");
    }
    let _ = writeln!(
        text,
        "queries  never meet what was made from the same recording or picture\n\n{:16} {:>3}  {:>14} {:>16} {:>7} {:>15}  {:>14} {:>16} {:>7} {:>15}",
        "",
        "K",
        "Accuracy@K, %",
        "95 % interval",
        "chance",
        "class (chance)",
        "Precision@K, %",
        "95 % interval",
        "chance",
        "class (chance)"
    );
    for (direction, scores) in &document.directions {
        for (depth, at) in &scores.at {
            let _ = writeln!(
                text,
                "{:16} {:>3}  {}  {}",
                direction.name(),
                depth,
                columns(&at.accuracy),
                columns(&at.precision)
            );
        }
        let _ = writeln!(
            text,
            "{:16} {} queries of {} recordings or pictures, {} classes; {} not asked, alone in their class\n",
            "",
            scores.queries,
            scores.groups,
            scores.by_class.len(),
            scores.alone
        );
    }
    text += "class: mean over classes, each counting the same. chance: what is to be expected of the same queries in random order.\n";
    if !document.skipped.is_empty() || !document.missing.is_empty() {
        let _ = writeln!(
            text,
            "{} files skipped, {} items missing",
            document.skipped.len(),
            document.missing.len()
        );
    }
    for skipped in document.skipped.iter().take(MOST_SKIPPED) {
        let _ = writeln!(text, "skipped  {}: {}", skipped.id, skipped.cause);
    }
    if document.skipped.len() > MOST_SKIPPED {
        let _ = writeln!(text, "skipped  and {} more", document.skipped.len() - MOST_SKIPPED);
    }
    text
}

fn columns(score: &Score) -> String {
    let percent = |share: f64| format!("{:.2}", share * 100.0);
    let (all, interval) = score.all.map_or_else(
        || ("–".to_owned(), String::new()),
        |all| {
            (
                percent(all.mean),
                format!("{} … {}", percent(all.low), percent(all.high)),
            )
        },
    );
    format!(
        "{all:>14} {interval:>16} {:>7} {:>15}",
        percent(score.chance),
        format!("{} ({})", percent(score.class_mean), percent(score.class_mean_chance))
    )
}
