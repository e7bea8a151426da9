//! How far a precision's heatmaps and embeddings lie from those of f32.

use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::heatmap::Heatmap;
use lookhear::perception::localiser::Localiser;
use serde::Serialize;

use crate::dataset::Scene;

/// Over the cases compared.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Drift {
    /// Scenes compared.
    pub cases: usize,
    /// Mean over all cells of how far the similarity moved, either way.
    pub mean: f64,
    /// The most that a similarity of a cell moved.
    pub most: f64,
    /// Scenes among them whose source is in view: only their peaks mean anything.
    pub in_view: usize,
    /// Share of those whose peak moved by more than a cell, 0..1.
    pub peaks_moved: f64,
    /// Mean over those of how much less similar than its own peak f32 finds the cell that this precision points to: near nothing
    /// where a peak moved only because the map is flat.
    pub peak_cost: f64,
    /// Mean cosine between the embeddings of a cell; cells without direction in both count as 1.
    pub cell_cosine: f64,
    /// Mean cosine between the embeddings of a sound.
    pub sound_cosine: f64,
}

/// What one model makes of one scene.
struct Look {
    cells: Vec<f32>,
    sound: Vec<f32>,
    heatmap: Heatmap,
}

/// Compares each bundle with the first, whose own drift is left out; each on as many of the scenes as `cases` says for it.
pub fn drift(
    bundles: &[(Bundle, Backend)],
    cases: &[usize],
    scenes: &[Scene],
    step: &dyn Fn(),
) -> anyhow::Result<Vec<Drift>> {
    let mut localisers = Vec::with_capacity(bundles.len());
    for (bundle, backend) in bundles {
        localisers.push(Localiser::new(bundle, backend)?);
    }
    let Some((reference, others)) = localisers.split_first_mut() else {
        return Ok(Vec::new());
    };
    let mut drifts = vec![Drift::default(); others.len()];
    for (index, scene) in scenes.iter().enumerate() {
        let before = look(reference, scene)?;
        for ((other, drift), &cases) in others.iter_mut().zip(&mut drifts).zip(cases.iter().skip(1)) {
            if index < cases {
                drift.add(&before, &look(other, scene)?, !scene.boxes.is_empty());
            }
            step();
        }
    }
    drifts.iter_mut().for_each(Drift::divide);
    Ok(drifts)
}

fn look(localiser: &mut Localiser, scene: &Scene) -> anyhow::Result<Look> {
    let sound = localiser.hear(&scene.sound)?.values().to_vec();
    let side = localiser.manifest().picture.map_cells;
    let cells = localiser.see(&scene.picture)?.to_vec();
    let mut heatmap = Heatmap::default();
    heatmap.fill(&cells, side, side, &sound);
    Ok(Look { cells, sound, heatmap })
}

impl Drift {
    /// Adds up, for [`divide`](Self::divide) to make means of.
    fn add(&mut self, before: &Look, after: &Look, in_view: bool) {
        let count = before.heatmap.values.len();
        let moved = before.heatmap.values.iter().zip(&after.heatmap.values);
        for (a, b) in moved {
            let off = f64::from((a - b).abs());
            self.mean += off / count as f64;
            self.most = self.most.max(off);
        }
        if in_view {
            let (a, b) = (before.heatmap.peak(), after.heatmap.peak());
            let (across, down) = (
                (a.x - b.x) * before.heatmap.width as f32,
                (a.y - b.y) * before.heatmap.height as f32,
            );
            self.peaks_moved += f64::from(u8::from(across.hypot(down) > 1.0));
            self.in_view += 1;
        }
        let column =
            |cells: &[f32], cell: usize| -> Vec<f32> { cells.iter().skip(cell).step_by(count).copied().collect() };
        for cell in 0..count {
            self.cell_cosine += cosine(&column(&before.cells, cell), &column(&after.cells, cell)) / count as f64;
        }
        self.sound_cosine += cosine(&before.sound, &after.sound);
        self.cases += 1;
    }

    fn divide(&mut self) {
        let (cases, in_view) = (self.cases.max(1) as f64, self.in_view.max(1) as f64);
        for (sum, count) in [
            (&mut self.mean, cases),
            (&mut self.peaks_moved, in_view),
            (&mut self.peak_cost, in_view),
            (&mut self.cell_cosine, cases),
            (&mut self.sound_cosine, cases),
        ] {
            *sum /= count;
        }
    }
}

/// 1 where neither has a direction, 0 where one alone has none.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum() };
    let (long, other) = (product(a, a).sqrt(), product(b, b).sqrt());
    match (long > 1e-6, other > 1e-6) {
        (true, true) => product(a, b) / (long * other),
        (false, false) => 1.0,
        _ => 0.0,
    }
}
