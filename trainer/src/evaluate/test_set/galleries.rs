//! Pictures of the report: the best, the worst, and some drawn at random.

use anyhow::Context;
use lookhear_board::read_picture;
use maud::{Markup, html};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use super::measure::Case;
use super::profile::truth as truth_of;
use crate::dataset::Profile;
use crate::evaluate::scores::Mask;
use crate::report::PictureView;
use crate::report::page::gallery;

/// Pictures in each gallery.
const PICTURES: usize = 12;

/// Which cases a gallery shows, as indices into them.
pub(super) struct Choice {
    /// Highest cIoU first.
    pub best: Vec<usize>,
    /// Lowest first.
    pub worst: Vec<usize>,
    /// The same seed draws the same.
    pub random: Vec<usize>,
}

impl Choice {
    /// Among the cases; those at one end of a small set are at the other too.
    pub fn of(cases: &[Case], seed: u64) -> Self {
        let mut order: Vec<usize> = (0..cases.len()).collect();
        order.sort_by(|&first, &second| cases[second].ciou.total_cmp(&cases[first].ciou));
        let count = PICTURES.min(cases.len());
        let mut random: Vec<usize> = sample(&mut ChaCha8Rng::seed_from_u64(seed), cases.len(), count).into_vec();
        random.sort_unstable();
        Self {
            best: order.iter().take(count).copied().collect(),
            worst: order.iter().rev().take(count).copied().collect(),
            random,
        }
    }
}

/// The chosen cases side by side, lit up from `threshold` on.
pub(super) fn markup(cases: &[Case], chosen: &[usize], profile: Profile, threshold: f32) -> anyhow::Result<Markup> {
    let figures: anyhow::Result<Vec<Markup>> = chosen
        .iter()
        .filter_map(|&index| cases.get(index))
        .map(|case| figure(case, profile, threshold))
        .collect();
    Ok(gallery(figures?))
}

fn figure(case: &Case, profile: Profile, threshold: f32) -> anyhow::Result<Markup> {
    let picture = read_picture(&case.picture).with_context(|| format!("the picture of {} cannot be shown", case.id))?;
    let truth = truth_of(profile, &case.annotation);
    let mask = Mask::above_median(&case.heatmap);
    let uri = PictureView {
        heatmap: Some((&case.heatmap, threshold)),
        view: case.view,
        marked: mask.pixels(),
        boxes: truth.boxes(),
        peak: Some(case.peak),
        ..PictureView::plain(&picture)
    }
    .data_uri()?;
    Ok(html! {
        figure {
            img src=(uri) alt=(format!("{} with its heatmap", case.id)) loading="lazy";
            figcaption {
                (case.id)
                @if let Some(category) = &case.category { ", " (category) }
                br;
                "cIoU " (format!("{:.3}", case.ciou)) ", disk " (format!("{:.3}", case.baselines.centred_disk))
                ", similarity " (format!("{:.3}", case.similarity))
            }
        }
    })
}
