//! The report of an evaluation as a page of HTML.

use anyhow::Result;
use maud::{Markup, html};

use super::galleries::{self, Choice};
use super::measure::{Case, Measurement};
use super::negatives::fits_threshold;
use super::rejection::{Detection, RejectionScores};
use super::summary::{Document, Summary};
use crate::dataset::Profile;
use crate::evaluate::scores::{Localisation, precision_recall_curve};
use crate::report::page::paragraph;
use crate::report::{Cell, Chart, Page, Series, Table};

/// Steps of the success curve between 0 and 1.
const CURVE_STEPS: usize = 100;
/// Bars of a histogram.
const BINS: usize = 40;

/// Makes the page. `threshold` is where heatmaps begin to be lit: the one found on negatives, or the bundle's own.
///
/// # Errors
/// When a picture that was read before no longer can be.
pub fn page(
    document: &Document,
    measurement: &Measurement,
    profile: Profile,
    threshold: f32,
    seed: u64,
) -> Result<Page> {
    let (scores, cases) = (document.scores, &measurement.cases);
    let mut page = Page::new(
        format!("{} on {}", document.bundle, document.data_set),
        format!(
            "{} items scored with the {} profile, {} skipped, {} missing. Shares in percent, with 95 % intervals of a bootstrap over items.",
            scores.items,
            document.profile,
            document.skipped.len(),
            document.missing.len()
        ),
    )
    .with_section("Scores", html! {
        (score_table(scores).markup())
        (peak_table(scores).markup())
        (paragraph("The published mask covers half of every picture whatever the model says, so each score stands beside masks that need neither picture nor sound, and beside the best that any mask of half the area could reach on these very boxes."))
        div class="gallery charts" { (success_curve(cases)?) }
    });
    if let Some(rejection) = &scores.rejection {
        page = page.with_section("Is the source in view at all?", rejection_section(rejection, cases)?);
    }
    if !scores.by_class.is_empty() {
        page = page.with_section("By class", class_table(scores).markup());
    }
    let choice = Choice::of(cases, seed);
    let explained = format!(
        "Green: boxes that people drew. White: outline of the half that the published score marks; ring: the peak. Light: raw similarity from {threshold:.3} on."
    );
    for (heading, chosen) in [
        ("Drawn at random", &choice.random),
        ("Best", &choice.best),
        ("Worst", &choice.worst),
    ] {
        let pictures = galleries::markup(cases, chosen, profile, threshold)?;
        page = page.with_section(heading, html! { (paragraph(&explained)) (pictures) });
    }
    if !document.skipped.is_empty() || !document.missing.is_empty() {
        page = page.with_section("Left out", left_out(document).markup());
    }
    Ok(page)
}

fn score_table(scores: &Summary) -> Table {
    let mut table = Table::new(["score", "this bundle", "centred disk", "whole picture", "most possible"]);
    let localisation = &scores.localisation;
    let mut published = |name: &str, interval, part: fn(Localisation) -> f64| {
        let baseline = |of: fn(&crate::evaluate::baselines::Baselines) -> Localisation| {
            Cell::percent(scores.baselines.as_ref().map(|baselines| part(of(baselines))))
        };
        table.push([
            Cell::text(name),
            Cell::interval(interval),
            baseline(|baselines| baselines.centred_disk),
            baseline(|baselines| baselines.whole_picture),
            baseline(|baselines| baselines.ceiling),
        ]);
    };
    published("cIoU ≥ 0.5", localisation.ciou, |found| found.success);
    published("AUC", localisation.auc, |found| found.area);
    table.push([
        Cell::text("cIoU above the centred disk"),
        Cell::interval(scores.above_disk),
        Cell::Nothing,
        Cell::Nothing,
        Cell::Nothing,
    ]);
    table
}

/// Scores that do not stretch the map.
fn peak_table(scores: &Summary) -> Table {
    let mut table = Table::new(["score", "this bundle", "blind"]);
    let centre = scores.baselines.as_ref().map(|baselines| baselines.centre_in_box);
    let peak = Cell::interval(scores.localisation.peak_in_box);
    table.push([
        Cell::text("peak in a box (blind: the middle)"),
        peak,
        Cell::percent(centre),
    ]);
    if let Some(quads) = &scores.quads {
        let name = format!("right quadrant of {} quads (blind: one in four)", quads.quads);
        table.push([Cell::text(name), Cell::interval(quads.right), Cell::percent(0.25)]);
    }
    table
}

/// The share of pictures that reach each cIoU.
fn success_curve(cases: &[Case]) -> Result<Markup> {
    let curve = |score: fn(&Case) -> f64| -> Vec<[f64; 2]> {
        (0..=CURVE_STEPS)
            .map(|step| {
                let threshold = step as f64 / CURVE_STEPS as f64;
                let reached = cases.iter().filter(|case| score(case) >= threshold).count();
                [threshold, reached as f64 / cases.len().max(1) as f64]
            })
            .collect()
    };
    let chart = Chart::new("Success curve", "cIoU at least", "share of pictures")
        .with_x_range(0.0..1.0)
        .with_y_range(0.0..1.0)
        .with(Series::line("this bundle", curve(|case| case.ciou)))
        .with(Series::dashed(
            "centred disk",
            curve(|case| case.baselines.centred_disk),
        ))
        .with(Series::dashed("most possible", curve(|case| case.baselines.ceiling)));
    Ok(chart.figure()?)
}

fn rejection_section(rejection: &RejectionScores, cases: &[Case]) -> Result<Markup> {
    let scored: Vec<&Case> = cases.iter().filter(|case| !fits_threshold(&case.id)).collect();
    let positives: Vec<f32> = scored.iter().map(|case| case.similarity).collect();
    let negatives: Vec<f32> = scored
        .iter()
        .flat_map(|case| case.negatives.values().map(|heatmap| heatmap.similarity()))
        .collect();
    let explained = format!(
        "Each picture also got sounds that nothing in it makes. The threshold, {:.3}, is the third quartile of the greatest similarity of {} such negatives of one half of the pictures; everything here is of the other half.",
        rejection.threshold.threshold, rejection.threshold.negatives
    );
    Ok(html! {
        (paragraph(&explained))
        (rejection_table(rejection).markup())
        (kind_table(rejection).markup())
        div class="gallery charts" {
            (similarities(&positives, &negatives, rejection.threshold.threshold)?)
            (precision_recall(&positives, &negatives, &rejection.in_view)?)
        }
    })
}

fn rejection_table(rejection: &RejectionScores) -> Table {
    let mut table = Table::new(["score", "this bundle", "blind"]);
    let in_view = &rejection.in_view;
    for (name, score, blind) in [
        ("cIoU ≥ 0.5 at the threshold", rejection.ciou_at_threshold, None),
        ("accepted with the source in view", rejection.accepted, None),
        (
            "pIA, share of the picture lit up by negatives (best 0)",
            rejection.image_area,
            None,
        ),
        ("F_LOC", rejection.f_loc, None),
        (
            "average precision",
            in_view.average_precision,
            Some(in_view.blind_average_precision),
        ),
        ("max-F1", in_view.greatest_f1, None),
        ("ROC area", in_view.roc_area, Some(0.5)),
    ] {
        table.push([Cell::text(name), Cell::interval(score), Cell::percent(blind)]);
    }
    table
}

fn kind_table(rejection: &RejectionScores) -> Table {
    let mut table = Table::new([
        "negatives",
        "count",
        "accepted falsely",
        "pIA",
        "average precision",
        "max-F1",
        "ROC area",
    ]);
    for (kind, scores) in &rejection.by_kind {
        table.push([
            Cell::text(kind.to_string()),
            Cell::count(scores.in_view.negatives),
            Cell::interval(scores.accepted),
            Cell::interval(scores.image_area),
            Cell::interval(scores.in_view.average_precision),
            Cell::interval(scores.in_view.greatest_f1),
            Cell::interval(scores.in_view.roc_area),
        ]);
    }
    table
}

fn similarities(positives: &[f32], negatives: &[f32], threshold: f32) -> Result<Markup> {
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
    let (positives, negatives) = (wide(positives), wide(negatives));
    let all = || positives.iter().chain(&negatives).copied();
    let least = all().fold(f64::from(threshold), f64::min);
    let greatest = all().fold(f64::from(threshold), f64::max).max(least + 1e-3);
    let histograms = [
        Series::histogram("source in view", &positives, least..greatest, BINS),
        Series::histogram("source not in view", &negatives, least..greatest, BINS),
    ];
    let shares = histograms
        .iter()
        .flat_map(|series| series.points.iter().map(|point| point[1]));
    let top = shares.fold(0.0, f64::max).max(1e-3) * 1.05;
    let line = vec![[f64::from(threshold), 0.0], [f64::from(threshold), top]];
    let [in_view, not_in_view] = histograms;
    let chart = Chart::new("Greatest similarity of a picture", "similarity", "share of pictures")
        .with_x_range(least..greatest)
        .with_y_range(0.0..top)
        .with(in_view)
        .with(not_in_view)
        .with(Series::dashed("threshold", line));
    Ok(chart.figure()?)
}

fn precision_recall(positives: &[f32], negatives: &[f32], in_view: &Detection) -> Result<Markup> {
    let blind = in_view.blind_average_precision;
    let chart = Chart::new("Precision and recall of “the source is in view”", "recall", "precision")
        .with_x_range(0.0..1.0)
        .with_y_range(0.0..1.02)
        .with(Series::line(
            "this bundle",
            precision_recall_curve(positives, negatives),
        ))
        .with(Series::dashed("blind", vec![[0.0, blind], [1.0, blind]]));
    Ok(chart.figure()?)
}

fn class_table(scores: &Summary) -> Table {
    let mut table = Table::new([
        "class",
        "items",
        "cIoU ≥ 0.5",
        "centred disk",
        "most possible",
        "AUC",
        "peak in a box",
    ]);
    for (class, scores) in &scores.by_class {
        table.push([
            Cell::text(class),
            Cell::count(scores.items),
            Cell::interval(scores.localisation.ciou),
            Cell::percent(scores.centred_disk),
            Cell::percent(scores.ceiling),
            Cell::interval(scores.localisation.auc),
            Cell::interval(scores.localisation.peak_in_box),
        ]);
    }
    table
}

fn left_out(document: &Document) -> Table {
    let mut table = Table::new(["id", "cause"]);
    for skipped in document.skipped {
        table.push([Cell::text(&skipped.id), Cell::text(&skipped.cause)]);
    }
    for id in document.missing {
        table.push([Cell::text(id), Cell::text("its files are not there")]);
    }
    table
}
