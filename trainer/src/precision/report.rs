//! The table of precisions, as Markdown, as a page and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use maud::html;
use serde::Serialize;

use super::drift::Drift;
use super::timing::Times;
use super::variant::Variant;
use crate::evaluate::development::{Part, Scores, Share};
use crate::report::page::paragraph;
use crate::report::{Cell, Page, Table};

/// How much less time than f32 something must take to be called faster: medians of one run move by a few percent.
const FASTER: f64 = 0.95;

/// One precision.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Which.
    pub variant: Variant,
    /// As `model.toml` says it.
    pub precision: &'static str,
    /// Of the bundle.
    pub bytes: usize,
    /// Of its networks.
    #[serde(flatten)]
    pub times: Times,
    /// From f32; none for f32 itself.
    pub drift: Option<Drift>,
    /// Fitted for this precision; none where it was too slow to be scored.
    pub threshold: Option<f32>,
    /// On the development set.
    pub scores: BTreeMap<Part, Scores>,
}

/// All of them, and what they were found on.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    /// The bundle that they come from.
    pub model: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Processor and backend.
    pub machine: String,
    /// Scenes of the training part from which the ranges come.
    pub calibration_scenes: usize,
    /// Share of negatives that each threshold lets through at most.
    pub false_fires: f64,
    /// Cases of each sort that were scored.
    pub cases: usize,
    /// f32 first.
    pub rows: Vec<Row>,
}

impl Document {
    /// Time of a row for a picture over that of f32.
    pub fn times_float32(&self, row: &Row) -> f64 {
        let float32 = self.rows.first().map_or(f64::NAN, |row| row.times.picture_milliseconds);
        row.times.picture_milliseconds / float32
    }

    /// What follows for what should be served on this machine.
    pub fn verdict(&self) -> String {
        let fastest = self
            .rows
            .iter()
            .filter(|row| row.variant.is_integer())
            .min_by(|a, b| a.times.picture_milliseconds.total_cmp(&b.times.picture_milliseconds));
        let Some(fastest) = fastest else {
            return "Nothing was computed in integers.".to_owned();
        };
        let share = self.times_float32(fastest);
        let name = fastest.variant.name();
        if share < FASTER {
            format!(
                "Computing in integers is faster here: {name} takes {share:.2} times the time of f32. It is a choice where its scores hold; the default stays what is computed in f32 until it is faster on every machine that is served."
            )
        } else {
            format!(
                "Computing in integers is not faster here: the fastest, {name}, takes {share:.2} times the time of f32. It is not the default. Weights stored as int8 and computed in f32 make the smallest file at the speed of f32."
            )
        }
    }

    /// The table as Markdown, with what it was found on.
    pub fn markdown(&self) -> String {
        let (columns, rows) = self.table();
        let mut text = format!("{}\n\n", self.lead());
        let _ = writeln!(text, "| {} |", columns.join(" | "));
        let _ = writeln!(text, "|{}", "---|".repeat(columns.len()));
        for row in rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        let _ = writeln!(text, "\n{}", self.verdict());
        text
    }

    /// The table as a page.
    pub fn page(&self) -> Page {
        let (columns, rows) = self.table();
        let mut table = Table::new(columns);
        for row in rows {
            let mut cells = row.into_iter();
            let name = cells.next().map(Cell::text);
            let number = |text: String| {
                if text == NOTHING {
                    Cell::Nothing
                } else {
                    Cell::Number(text)
                }
            };
            table.push(name.into_iter().chain(cells.map(number)));
        }
        Page::new(format!("{} in every precision", self.model), self.lead()).with_section(
            "Side by side",
            html! {
                (table.markup())
                (paragraph(&self.verdict()))
                (paragraph("Drift is how far the similarity of a cell lies from that of f32, on held-out scenes. Where the source is in view, a peak has moved when it lies more than a cell away; what that cost is how much less similar f32 finds the new place than its own. Scores are shares in percent; each precision is judged at its own threshold."))
            },
        )
    }

    fn lead(&self) -> String {
        format!(
            "{} ({}…) on {}. Ranges from {} scenes of the training part; {} cases of each sort; thresholds that let at most {} % of further negatives through, at 95 % confidence. Times are medians on one thread, in turns.",
            self.model,
            self.sha256.get(..12).unwrap_or_default(),
            self.machine,
            self.calibration_scenes,
            self.cases,
            self.false_fires * 100.0
        )
    }

    fn table(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let mut columns: Vec<String> = [
            "precision",
            "MB",
            "ms a picture",
            "× f32",
            "ms a patch",
            "× f32",
            "drift, mean",
            "drift, most",
            "peaks moved, %",
            "cost of the peak",
            "cosine, cells",
            "cosine, sounds",
            "threshold",
        ]
        .map(str::to_owned)
        .to_vec();
        for part in Part::ALL {
            for score in ["quads", "peak in box", "ROC", "accepted", "falsely"] {
                columns.push(format!("{}: {score}", part.name()));
            }
        }
        (columns, self.rows.iter().map(|row| self.cells(row)).collect())
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let first = self.rows.first().unwrap_or(row);
        let number = |value: Option<f64>, decimals: usize| {
            value.map_or(NOTHING.to_owned(), |value| format!("{value:.decimals$}"))
        };
        let percent = |share: Option<f64>| number(share.map(|share| share * 100.0), 1);
        let drift = |of: fn(&Drift) -> f64| row.drift.as_ref().map(of);
        let mut cells = vec![
            row.variant.name().to_owned(),
            number(Some(row.bytes as f64 / 1e6), 2),
            number(Some(row.times.picture_milliseconds), 1),
            number(Some(self.times_float32(row)), 2),
            number(Some(row.times.sound_milliseconds), 2),
            number(Some(row.times.sound_milliseconds / first.times.sound_milliseconds), 2),
            number(drift(|drift| drift.mean), 4),
            number(drift(|drift| drift.most), 3),
            percent(drift(|drift| drift.peaks_moved)),
            number(drift(|drift| drift.peak_cost), 4),
            number(drift(|drift| drift.cell_cosine), 4),
            number(drift(|drift| drift.sound_cosine), 4),
            number(row.threshold.map(f64::from), 3),
        ];
        let mean = |share: &Option<Share>| percent(share.as_ref().map(|share| share.interval.mean));
        for part in Part::ALL {
            match row.scores.get(&part) {
                Some(scores) => cells.extend([
                    mean(&scores.quads),
                    mean(&scores.peak_in_box),
                    percent(scores.in_view_roc_area),
                    percent(scores.accepted),
                    percent(scores.falsely_accepted),
                ]),
                None => cells.extend([const { NOTHING }; 5].map(str::to_owned)),
            }
        }
        cells
    }
}

/// What stands where there is no number.
const NOTHING: &str = "–";
