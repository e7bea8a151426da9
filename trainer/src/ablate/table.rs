//! The rows side by side, with what needs no input above them and the difference to one of them beside.

use std::collections::BTreeMap;
use std::fmt::Write;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::grid::{PlannedRow, REFERENCE};
use super::record::{CaseRecord, Record, Scores, State, TestRecord};
use crate::evaluate::scores::{Interval, Localisation, SUCCESS, mean_interval};
use crate::evaluate::test_set::summary::{CONFIDENCE, RESAMPLES};
use crate::fit::data::DataRecord;
use crate::fit::plan::Plan;

/// The heading of what needs no input.
const BLIND: &str = "Without looking or listening";

/// All that is known of an ablation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// What rows were trained on.
    pub data: DataRecord,
    /// What they were scored on.
    pub test: TestRecord,
    /// Baselines first, then the rows of the grid in its order.
    pub lines: Vec<Line>,
}

/// A line: shares in 0..1, intervals hold 95 % of a bootstrap over the items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The heading that it stands under.
    pub group: Option<String>,
    /// Of the row or the baseline.
    pub name: String,
    /// The share of items with a cIoU of at least ½.
    pub ciou: Option<Interval>,
    /// The area under that share over all thresholds.
    pub auc: Option<Interval>,
    /// The share of items whose peak lies in a box.
    pub peak_in_box: Option<Interval>,
    /// The share of quads found in the right quadrant; blind is ¼.
    pub quads: Option<Interval>,
    /// `ciou` less that of the row `reference`, of the items that both have.
    pub above_reference: Option<Interval>,
    /// That its training took.
    pub minutes: Option<f64>,
    /// Passes over the data that were done.
    pub epochs: Option<usize>,
    /// What is to be said of it: that it failed and why, or that it is not done.
    pub remark: String,
    /// How it was trained; `None` for baselines.
    pub plan: Option<Plan>,
}

/// The cIoU of a case in one of its maps.
type Ciou = fn(&CaseRecord) -> f64;
/// Whether the peak of that map lies in a box.
type Peak = fn(&CaseRecord) -> bool;

impl Table {
    /// Sums up the records of rows; `None` where there is none yet.
    pub fn of(data: &DataRecord, test: &TestRecord, rows: &[(&PlannedRow, Option<Record>)]) -> Self {
        let scores = |record: &Option<Record>| record.as_ref().and_then(|record| record.scores_on(test)).cloned();
        let named = rows.iter().find(|(row, _)| row.name == REFERENCE);
        let reference = named.and_then(|(_, record)| scores(record));
        let of_all = rows.iter().find_map(|(_, record)| scores(record));
        let mut lines: Vec<Line> = of_all.map_or_else(Vec::new, |scores| {
            let baselines: [(&str, Ciou, Option<Peak>); 3] = [
                ("whole picture", |case| case.whole_picture, None),
                (
                    "centred disk",
                    |case| case.centred_disk,
                    Some(|case| case.centre_in_box),
                ),
                ("most possible", |case| case.ceiling, None),
            ];
            let lines = baselines.into_iter().map(|(name, ciou, peak)| {
                Line::empty(Some(BLIND), name).scored(&scores, ciou, peak, reference.as_ref())
            });
            lines.collect()
        });
        for (row, record) in rows {
            let mut line = Line::empty(row.group.as_deref(), &row.name);
            if let Some(scores) = scores(record) {
                let reference = reference.as_ref().filter(|_| row.name != REFERENCE);
                line = line.scored(&scores, |case| case.ciou, Some(|case| case.peak_in_box), reference);
                line.quads = mean(scores.quads.iter().map(|&right| f64::from(u8::from(right))));
            }
            line.plan = Some(row.plan.clone());
            line.minutes = record.as_ref().map(|record| record.seconds / 60.0);
            line.remark = match record.as_ref().map(|record| &record.state) {
                None => "not begun".to_owned(),
                Some(State::Unfinished) => "not finished".to_owned(),
                Some(State::Failed { cause }) => format!("failed: {cause}"),
                Some(State::Finished { epochs, test: on, .. }) => {
                    line.epochs = Some(*epochs);
                    if on == test {
                        String::new()
                    } else {
                        "not scored".to_owned()
                    }
                }
            };
            lines.push(line);
        }
        Self {
            data: data.clone(),
            test: test.clone(),
            lines,
        }
    }

    /// For the terminal, shares in percent, with a line break at its end.
    pub fn text(&self) -> String {
        let mut text = format!(
            "trained on  {}, {} items\nscored on   {}, {} items\n\n",
            self.data.kind, self.data.items, self.test.kind, self.test.items
        );
        let headings = [
            "row",
            "cIoU ≥ 0.5",
            "AUC",
            "cIoU − reference",
            "peak in a box",
            "quads (25)",
            "minutes",
        ];
        let mut rows = vec![headings.map(str::to_owned)];
        rows.extend(self.lines.iter().map(Line::cells));
        let widths: Vec<usize> = (0..headings.len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        let remarks = std::iter::once("").chain(self.lines.iter().map(|line| line.remark.as_str()));
        let groups = std::iter::once(None).chain(self.lines.iter().map(|line| line.group.as_deref()));
        let mut last = None;
        for ((cells, remark), group) in rows.iter().zip(remarks).zip(groups) {
            if let Some(group) = group.filter(|_| group != last) {
                let _ = writeln!(text, "\n{group}");
            }
            last = group;
            let mut line = String::new();
            for (column, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
                let _ = match column {
                    0 => write!(line, "  {cell:width$}"),
                    _ => write!(line, "  {cell:>width$}"),
                };
            }
            let _ = writeln!(text, "{}", format!("{line}  {remark}").trim_end());
        }
        text
    }
}

impl Line {
    fn empty(group: Option<&str>, name: &str) -> Self {
        Self {
            group: group.map(str::to_owned),
            name: name.to_owned(),
            ciou: None,
            auc: None,
            peak_in_box: None,
            quads: None,
            above_reference: None,
            minutes: None,
            epochs: None,
            remark: String::new(),
            plan: None,
        }
    }

    fn scored(mut self, scores: &Scores, ciou: Ciou, peak: Option<Peak>, reference: Option<&Scores>) -> Self {
        let cases = scores.cases.iter();
        self.ciou = mean(cases.clone().map(|case| success(ciou(case))));
        // The area of many items is the mean of the areas of each.
        let area = |case: &CaseRecord| Localisation::over(&[ciou(case)]).map_or(0.0, |found| found.area);
        self.auc = mean(cases.clone().map(area));
        self.peak_in_box = peak.and_then(|peak| mean(cases.clone().map(|case| f64::from(u8::from(peak(case))))));
        self.above_reference = reference.and_then(|reference| {
            let others: BTreeMap<&str, f64> = reference
                .cases
                .iter()
                .map(|case| (case.id.as_str(), success(case.ciou)))
                .collect();
            mean(cases.filter_map(|case| Some(success(ciou(case)) - others.get(case.id.as_str())?)))
        });
        self
    }

    fn cells(&self) -> [String; 7] {
        let share = |found: Option<Interval>| {
            found.map_or_else(
                || "–".to_owned(),
                |Interval { mean, low, high }| {
                    format!("{:.2} [{:.2} … {:.2}]", mean * 100.0, low * 100.0, high * 100.0)
                },
            )
        };
        [
            self.name.clone(),
            share(self.ciou),
            share(self.auc),
            share(self.above_reference),
            share(self.peak_in_box),
            share(self.quads),
            self.minutes
                .map_or_else(|| "–".to_owned(), |minutes| format!("{minutes:.1}")),
        ]
    }
}

fn success(ciou: f64) -> f64 {
    f64::from(u8::from(ciou >= SUCCESS))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<Interval> {
    let values: Vec<f64> = values.collect();
    mean_interval(&values, CONFIDENCE, RESAMPLES, &mut ChaCha8Rng::seed_from_u64(0))
}
