//! What was measured on a corpus, as a page of HTML and as JSON.

use std::collections::BTreeMap;

use anyhow::Result;
use lookhear_calibration::{FireRate, Reliability};
use maud::{Markup, html};
use serde::Serialize;

use super::confidence::ConfidenceMeasurement;
use super::development::{Part, Scores, Share};
use super::false_fires::FalseFires;
use crate::report::page::paragraph;
use crate::report::{Cell, Chart, Page, Series, Table};

/// Bars of a histogram.
const BINS: usize = 40;

/// Every number.
#[derive(Debug, Serialize)]
pub struct CorpusDocument<'a> {
    /// Name of the bundle.
    pub bundle: &'a str,
    /// Its threshold, fitted on negatives.
    pub threshold: f32,
    /// How that was found.
    pub found_by: &'a str,
    /// By part of the development set.
    pub scores: &'a BTreeMap<Part, Scores>,
    /// How sure similarities make one; `None` where there were too few cases.
    pub confidence: Option<&'a ConfidenceMeasurement>,
    /// How often an hour it fires at nothing, by class of sound.
    pub false_fires: &'a [FalseFires],
}

impl CorpusDocument<'_> {
    /// The page.
    ///
    /// # Errors
    /// When a chart cannot be drawn.
    pub fn page(&self) -> Result<Page> {
        let mut page = Page::new(
            format!("{} on its development set", self.bundle),
            format!(
                "Recordings and pictures that training never saw. Threshold {:.3}: {}.",
                self.threshold, self.found_by
            ),
        )
        .with_section("Scores", self.score_table().markup());
        if let Some(confidence) = self.confidence {
            page = page.with_section(
                "Is the confidence true?",
                confidence_section(confidence, self.threshold)?,
            );
        }
        if !self.false_fires.is_empty() {
            page = page.with_section("False fires an hour", fire_section(self.false_fires, self.confidence));
        }
        Ok(page)
    }

    fn score_table(&self) -> Table {
        let mut table = Table::new([
            "part",
            "quads (blind 25)",
            "peak in box",
            "cIoU ≥ 0.5",
            "ROC area",
            "accepted",
            "accepted falsely",
        ]);
        let interval = |share: Option<Share>| Cell::interval(share.map(|share| share.interval));
        for (part, scores) in self.scores {
            table.push([
                Cell::text(part.name()),
                interval(scores.quads),
                interval(scores.peak_in_box),
                Cell::percent(scores.ciou.as_ref().map(|ciou| ciou.success)),
                Cell::percent(scores.in_view_roc_area),
                Cell::percent(scores.accepted),
                Cell::percent(scores.falsely_accepted),
            ]);
        }
        table
    }
}

fn confidence_section(measured: &ConfidenceMeasurement, threshold: f32) -> Result<Markup> {
    let fit = &measured.fit;
    let explained = format!(
        "Of the scenes that were called 70 % sure, seven in ten must have their source in view, at the peak. The confidence was fitted to {} scenes that have and {} that have not, and is measured here on {} others, of other recordings. At the threshold it is {:.0} %.",
        fit.found,
        fit.not_found,
        measured.held_out.len(),
        100.0 * fit.probability(threshold)
    );
    let mut table = Table::new([
        "taken for a probability",
        "ECE",
        "ECE by chance alone",
        "Brier",
        "Brier of who always says the share",
        "log loss",
    ]);
    for (name, found) in [("confidence", &measured.reliability), ("raw similarity", &measured.raw)] {
        table.push([
            Cell::text(name),
            Cell::number(found.calibration_error, 3),
            Cell::number(found.calibration_error_of_chance, 3),
            Cell::number(found.brier, 3),
            Cell::number(found.true_share * (1.0 - found.true_share), 3),
            Cell::number(found.log_loss, 3),
        ]);
    }
    let curves = format!(
        "On scenes it was not fitted to, the logistic curve has a log loss of {:.4}, the isotonic one {:.4}.",
        fit.logistic_loss, fit.isotonic_loss
    );
    Ok(html! {
        (paragraph(&explained))
        (table.markup())
        (paragraph(&curves))
        div class="gallery charts" {
            (diagram(&measured.reliability, &measured.raw)?)
            (curve(measured)?)
        }
    })
}

fn diagram(confidence: &Reliability, raw: &Reliability) -> Result<Markup> {
    let points = |of: &dyn Fn(&lookhear_calibration::reliability::Bin) -> f64| -> Vec<[f64; 2]> {
        confidence.bins.iter().map(|bin| [bin.said, of(bin)]).collect()
    };
    let chart = Chart::new("Reliability diagram", "confidence said", "share that came true")
        .with_x_range(0.0..1.0)
        .with_y_range(0.0..1.0)
        .with(Series::line("confidence", points(&|bin| bin.came_true)))
        .with(Series::dashed(
            "raw similarity",
            raw.bins.iter().map(|bin| [bin.said, bin.came_true]).collect(),
        ))
        .with(Series::dashed("truth", vec![[0.0, 0.0], [1.0, 1.0]]))
        .with(Series::dashed("95 % of chance, from", points(&|bin| bin.interval[0])))
        .with(Series::dashed("95 % of chance, to", points(&|bin| bin.interval[1])));
    Ok(chart.figure()?)
}

fn curve(measured: &ConfidenceMeasurement) -> Result<Markup> {
    let of = |is_found: bool| -> Vec<f64> {
        let of_kind = measured.held_out.iter().filter(|outcome| outcome.is_found == is_found);
        of_kind.map(|outcome| f64::from(outcome.similarity)).collect()
    };
    let (found, not_found) = (of(true), of(false));
    let all = || found.iter().chain(&not_found).copied();
    let (least, greatest) = (all().fold(1.0, f64::min), all().fold(-1.0, f64::max));
    let range = least..greatest.max(least + 1e-3);
    let steps = (0..=100).map(|step| range.start + (range.end - range.start) * f64::from(step) / 100.0);
    let curve = steps
        .map(|similarity| [similarity, measured.fit.curve.probability(similarity as f32)])
        .collect();
    let chart = Chart::new(
        "From similarity to confidence",
        "similarity",
        "confidence; share of scenes",
    )
    .with_x_range(range.clone())
    .with_y_range(0.0..1.0)
    .with(Series::line("confidence", curve))
    .with(Series::histogram("source at the peak", &found, range.clone(), BINS))
    .with(Series::histogram("source not at the peak", &not_found, range, BINS));
    Ok(chart.figure()?)
}

fn fire_section(classes: &[FalseFires], confidence: Option<&ConfidenceMeasurement>) -> Markup {
    let mut table = Table::new([
        "heard",
        "hours",
        "fires",
        "an hour",
        "at most, 95 %",
        "wherever the peak is: fires",
        "an hour at most, 95 %",
        "percepts accepted",
        "threshold for one an hour",
        "sources that it refuses",
    ]);
    let rate = |rate: &FireRate| rate.fires as f64 / rate.hours;
    for found in classes {
        let needed = found.for_one_an_hour.as_ref();
        let refused = needed
            .zip(confidence)
            .map(|(fit, measured)| measured.fit.refused_share(fit.threshold));
        table.push([
            Cell::text(found.class.name()),
            Cell::number(found.attention.hours, 1),
            Cell::count(found.attention.fires),
            Cell::number(rate(&found.attention), 2),
            Cell::number(found.attention.per_hour_bound, 2),
            Cell::count(found.anywhere.fires),
            Cell::number(found.anywhere.per_hour_bound, 2),
            Cell::percent(found.accepted),
            Cell::number(needed.map(|fit| f64::from(fit.threshold)), 3),
            Cell::percent(refused),
        ]);
    }
    let mut by_category = Table::new(["what fired", "fires"]);
    let mut categories: Vec<_> = classes.iter().flat_map(|found| &found.by_category).collect();
    categories.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    for (category, fires) in categories.into_iter().take(12) {
        by_category.push([Cell::text(category.clone()), Cell::count(*fires)]);
    }
    html! {
        (paragraph("Sounds that nothing in view makes, in a stream over pictures that stand still: a fire is when attention, as the device has it, finds a target. The threshold for one fire an hour is found on the same hours."))
        (table.markup())
        (by_category.markup())
    }
}
