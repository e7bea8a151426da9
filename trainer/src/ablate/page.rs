//! The ablation as a page of HTML: its table, the curves of all runs, and how each row was trained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use maud::{Markup, html};

use super::table::{Line, Table};
use crate::fit::metrics;
use crate::report::page::paragraph;
use crate::report::{self, Cell, Chart, Page, Series};

/// Points of a curve: each is the mean over a stretch of the run.
const POINTS: usize = 100;
/// Colours that a chart has: further rows are dashed.
const COLOURS: usize = 6;

/// Makes the page from the table and the folders of its runs.
///
/// # Errors
/// When a chart cannot be drawn.
pub fn page<'a>(table: &Table, runs: impl Iterator<Item = (&'a str, PathBuf)>) -> anyhow::Result<Page> {
    let runs: Vec<(&str, Curves)> = runs.map(|(name, folder)| (name, Curves::read(&folder))).collect();
    let chart = |title, x, y, of: fn(&Curves) -> &Vec<[f64; 2]>| {
        let drawn = runs.iter().enumerate().filter(|(_, (_, curves))| of(curves).len() > 1);
        drawn.fold(Chart::new(title, x, y), |chart, (index, (name, curves))| {
            let points = of(curves).clone();
            chart.with(match (index / COLOURS).is_multiple_of(2) {
                true => Series::line(*name, points),
                false => Series::dashed(*name, points),
            })
        })
    };
    let training = chart("Contrast in training", "steps", "cross-entropy", |curves| {
        &curves.training
    });
    let held_out = chart(
        "Contrast on held-out pairs, not augmented",
        "epoch",
        "cross-entropy",
        |curves| &curves.held_out,
    );
    let has_held_out = runs.iter().any(|(_, curves)| curves.held_out.len() > 1);
    let lead = format!(
        "Trained on {} ({} items), scored on {} ({} items). Shares in percent, with 95 % intervals of a bootstrap over items; differences to the row reference are taken item by item.",
        table.data.kind, table.data.items, table.test.kind, table.test.items
    );
    let page = Page::new("Ablation", lead)
        .with_section("Scores", html! {
            (score_table(table).markup())
            (paragraph("The published mask covers half of every picture whatever a model says, so the rows stand below masks that need neither picture nor sound and the best that any mask of half the area could reach. An interval tells how far the score would move with other items of the same kind, not with another seed of the training."))
        })
        .with_section("Where the peak lies", peak_table(table).markup())
        .with_section("Curves", html! {
            div class="gallery charts" {
                (training.figure()?)
                @if has_held_out { (held_out.figure()?) }
            }
            (paragraph("Rows with fewer changes have an easier task in training: how low their curves lie says little of how well they do on the test set."))
        });
    Ok(page.with_section("Plans", plans(table)))
}

/// The published scores.
fn score_table(table: &Table) -> report::Table {
    let headings = ["row", "cIoU ≥ 0.5", "AUC", "cIoU − reference", "minutes"];
    grouped(table, &headings, |line| {
        vec![
            Cell::interval(line.ciou),
            Cell::interval(line.auc),
            Cell::interval(line.above_reference),
            Cell::number(line.minutes, 1),
        ]
    })
}

/// Scores that do not stretch the map.
fn peak_table(table: &Table) -> report::Table {
    let headings = ["row", "peak in a box", "quads (blind: 25)"];
    grouped(table, &headings, |line| {
        vec![Cell::interval(line.peak_in_box), Cell::interval(line.quads)]
    })
}

/// All lines, those of a group below a line with nothing but its heading, and what is to be said of them, if anything.
fn grouped(table: &Table, headings: &[&str], cells: impl Fn(&Line) -> Vec<Cell>) -> report::Table {
    let has_remarks = table.lines.iter().any(|line| !line.remark.is_empty());
    let headings = headings.iter().copied().chain(has_remarks.then_some(""));
    let mut rows = report::Table::new(headings);
    let mut last = None;
    for line in &table.lines {
        if let Some(group) = line.group.as_deref().filter(|_| line.group != last) {
            rows.push([Cell::text(group)]);
        }
        let name = Cell::text(format!("\u{2003}{}", line.name));
        let remark = has_remarks.then(|| Cell::text(&line.remark));
        rows.push(std::iter::once(name).chain(cells(line)).chain(remark));
        last.clone_from(&line.group);
    }
    rows
}

/// What all rows have in common is told once, the rest row by row.
fn plans(table: &Table) -> Markup {
    let plans: Vec<(&Line, BTreeMap<String, String>)> = table
        .lines
        .iter()
        .filter_map(|line| Some((line, settings(line)?)))
        .collect();
    let is_common = |key: &str, value: &str| {
        plans
            .iter()
            .all(|(_, plan)| plan.get(key).is_some_and(|other| other == value))
    };
    let told = |plan: &BTreeMap<String, String>, common: bool| {
        let of = plan.iter().filter(|(key, value)| is_common(key, value) == common);
        let all: Vec<String> = of.map(|(key, value)| format!("{key} = {value}")).collect();
        all.join(", ")
    };
    let mut rows = report::Table::new(["row", "settings"]);
    for (line, plan) in &plans {
        rows.push([Cell::text(&line.name), Cell::text(told(plan, false))]);
    }
    html! {
        @if let Some((_, first)) = plans.first() {
            (paragraph(&format!("All rows: {}.", told(first, true))))
        }
        (rows.markup())
    }
}

fn settings(line: &Line) -> Option<BTreeMap<String, String>> {
    let plan = serde_json::to_value(line.plan.as_ref()?).ok()?;
    let settings = plan
        .as_object()?
        .iter()
        .map(|(key, value)| (key.clone(), value.to_string()));
    Some(settings.collect())
}

/// What a run tells of itself, as points.
#[derive(Default)]
struct Curves {
    /// Steps and the contrast of training.
    training: Vec<[f64; 2]>,
    /// Epochs and the contrast on the held-out part.
    held_out: Vec<[f64; 2]>,
}

impl Curves {
    /// Of a run's folder; empty where the run has not told anything yet.
    fn read(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap_or_default();
        let mut steps = Vec::new();
        let mut held_out = Vec::new();
        for line in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            match line {
                metrics::Line::Batch { step, contrast, .. } => steps.push([step as f64 + 1.0, contrast]),
                metrics::Line::Epoch {
                    epoch,
                    validation_contrast: Some(contrast),
                    ..
                } => held_out.push([epoch as f64, contrast]),
                metrics::Line::Epoch { .. } => {}
            }
        }
        let stretches = steps.chunks(steps.len().div_ceil(POINTS).max(1));
        let mean = |stretch: &[[f64; 2]], part: usize| {
            stretch.iter().map(|point| point[part]).sum::<f64>() / stretch.len() as f64
        };
        Self {
            training: stretches.map(|stretch| [mean(stretch, 0), mean(stretch, 1)]).collect(),
            held_out,
        }
    }
}
