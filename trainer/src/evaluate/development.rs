//! The development set: scenes and quads of recordings and pictures that training never saw, run through the very bundle that
//! ships, by the very code that serves it.

use std::collections::BTreeMap;
use std::time::Duration;

use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::localiser::{Localiser, LocaliserError};
use lookhear::perception::percept::Percept;
use lookhear_board::{Picture, Sound};
use lookhear_calibration::{FitError, Method, ThresholdFit};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::baselines::Baselines;
use super::scores::{Interval, Localisation, Mask, Quadrant, Truth, ciou, mean_interval, roc_area};
use crate::corpus::{Bounds, Corpus, Split};
use crate::dataset::{Composer, DatasetError, QuadComposer, SceneKind, Settings};

/// Why the development set gives no scores.
#[derive(Debug, thiserror::Error)]
pub enum DevelopmentError {
    /// The corpus does not give what is needed.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The bundle cannot be run.
    #[error(transparent)]
    Localiser(#[from] LocaliserError),
    /// The negatives do not give a threshold.
    #[error(transparent)]
    Threshold(#[from] FitError),
}

/// Which part of the development set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Real photographs with real recordings, neither ever trained on.
    Photographs,
    /// Composed scenes of held-out cut-outs and recordings.
    Composed,
    /// Of categories that training never met.
    Unheard,
    /// A person speaks among silent things, held out like the rest; in a quad only one quarter shows people.
    Speech,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Photographs, Self::Composed, Self::Unheard, Self::Speech];

    /// As it stands in tables and in `model.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Photographs => "photographs",
            Self::Composed => "composed",
            Self::Unheard => "unheard",
            Self::Speech => "speech",
        }
    }

    /// A composer for the part, at the side that grids are made with and with the lengths of real clips.
    fn composer(self, corpus: &Corpus, side: u32, seed: u64) -> Result<Composer, DatasetError> {
        let (split, photograph_share) = match self {
            Self::Photographs => (Split::HeldOut, 1.0),
            Self::Composed => (Split::HeldOut, 0.0),
            Self::Unheard => (Split::Unheard, 0.5),
            Self::Speech => (Split::HeldOut, 0.7),
        };
        let settings = Settings {
            side,
            seconds: 4.0,
            photograph_share,
            speech_share: (self == Self::Speech).then_some(1.0),
            ..Settings::default()
        };
        Composer::with_settings(corpus, split, seed, settings)
    }
}

/// The scores of one part, shares in 0..1.
#[derive(Debug, Clone, Serialize)]
pub struct Scores {
    /// Quads whose peak lies in the right quadrant; chance is 0.25.
    pub quads: Option<Share>,
    /// The same, by what sounds.
    pub quads_by_category: BTreeMap<String, String>,
    /// Scenes whose peak lies in a box of what sounds.
    pub peak_in_box: Option<Share>,
    /// The published score of the scenes.
    pub ciou: Option<Localisation>,
    /// What needs no input at all, on the same scenes.
    pub baselines: Option<Baselines>,
    /// Telling scenes whose source is in view from those whose sound belongs to nothing in view, silence and noise included.
    pub in_view_roc_area: Option<f64>,
    /// Scenes whose source is in view that reach the threshold.
    pub accepted: Option<f64>,
    /// Scenes whose sound belongs to nothing in view that reach it all the same.
    pub falsely_accepted: Option<f64>,
}

/// A share of cases with its 95 % bootstrap interval.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Share {
    /// How many cases.
    pub cases: usize,
    /// The share and the interval it lies in, 0..1.
    pub interval: Interval,
}

impl Share {
    fn of(hits: &[bool]) -> Option<Self> {
        let values: Vec<f64> = hits.iter().map(|&hit| f64::from(u8::from(hit))).collect();
        let interval = mean_interval(&values, 0.95, 1000, &mut ChaCha8Rng::seed_from_u64(0))?;
        Some(Self {
            cases: hits.len(),
            interval,
        })
    }
}

/// How many cases to make of each sort, and from what seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cases {
    /// Quads, scenes and negatives, each so many.
    pub each: usize,
    /// Side of their square pictures, in pixels.
    pub side_pixels: u32,
    /// Another seed gives other cases of the same corpus.
    pub seed: u64,
}

/// A bundle under measurement.
pub struct Development<'a> {
    corpus: &'a Corpus,
    localiser: Localiser,
    cases: Cases,
}

impl<'a> Development<'a> {
    /// Prepares the bundle for a backend.
    pub fn new(corpus: &'a Corpus, bundle: &Bundle, backend: &Backend, cases: Cases) -> Result<Self, DevelopmentError> {
        Ok(Self {
            corpus,
            localiser: Localiser::new(bundle, backend)?,
            cases,
        })
    }

    /// Similarities of negatives made of the training part, from which the threshold is fitted: the share of further negatives
    /// that fire is at most `share`, at 95 % confidence.
    pub fn threshold(&mut self, share: f64) -> Result<ThresholdFit, DevelopmentError> {
        let settings = Settings {
            side: self.cases.side_pixels,
            seconds: 4.0,
            ..Settings::default()
        };
        let composer = Composer::with_settings(self.corpus, Split::Train, self.cases.seed ^ 0x7e57, settings)?;
        let (similarities, _) = self.negatives(&composer, 4 * self.cases.each)?;
        Ok(ThresholdFit::fit(
            &similarities,
            Method::FalseFireShare {
                share,
                confidence: 0.95,
            },
        )?)
    }

    /// The scores of one part, with the share of scenes that reach `threshold`.
    pub fn scores(&mut self, part: Part, threshold: f32) -> Result<Scores, DevelopmentError> {
        let composer = part.composer(self.corpus, self.cases.side_pixels, self.cases.seed)?;
        let (hits, by_category) = self.quads(&composer)?;
        let mut truths = Vec::new();
        let mut overlaps = Vec::new();
        let mut in_boxes = Vec::new();
        let mut positives = Vec::new();
        for index in 0..self.cases.each as u64 {
            let scene = composer.compose(index)?;
            let percept = self.localise(&scene.picture, &scene.sound)?;
            let truth = Truth::union(&widened(&scene.boxes));
            in_boxes.push(truth.contains(percept.peak));
            overlaps.push(ciou(&Mask::above_median(&percept.heatmap), &truth));
            positives.push(percept.similarity);
            truths.push(truth);
        }
        let (negatives, _) = self.negatives(&composer, self.cases.each)?;
        let share = |similarities: &[f32]| {
            let accepted = similarities
                .iter()
                .filter(|&&similarity| similarity >= threshold)
                .count();
            (!similarities.is_empty()).then(|| accepted as f64 / similarities.len() as f64)
        };
        Ok(Scores {
            quads: Share::of(&hits),
            quads_by_category: by_category,
            peak_in_box: Share::of(&in_boxes),
            ciou: Localisation::over(&overlaps),
            baselines: Baselines::over(truths),
            in_view_roc_area: roc_area(&positives, &negatives),
            accepted: share(&positives),
            falsely_accepted: share(&negatives),
        })
    }

    fn quads(&mut self, composer: &Composer) -> Result<(Vec<bool>, BTreeMap<String, String>), DevelopmentError> {
        const QUADRANTS: [Quadrant; 4] = [
            Quadrant::TopLeft,
            Quadrant::TopRight,
            Quadrant::BottomLeft,
            Quadrant::BottomRight,
        ];
        let mut hits = Vec::new();
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for index in 0..self.cases.each as u64 {
            let quad = QuadComposer::new(composer).compose(index)?;
            let percept = self.localise(&quad.picture, &quad.sound)?;
            let hit = QUADRANTS.get(quad.quadrant) == Some(&Quadrant::of(percept.peak));
            let category = quad.categories.get(quad.quadrant).cloned().unwrap_or_default();
            let (right, all) = counts.entry(category).or_default();
            *right += usize::from(hit);
            *all += 1;
            hits.push(hit);
        }
        Ok((
            hits,
            counts
                .into_iter()
                .map(|(name, (right, all))| (name, format!("{right}/{all}")))
                .collect(),
        ))
    }

    fn negatives(&mut self, composer: &Composer, count: usize) -> Result<(Vec<f32>, Vec<SceneKind>), DevelopmentError> {
        let mut similarities = Vec::with_capacity(count);
        let mut kinds = Vec::with_capacity(count);
        for index in 0..count as u64 {
            let scene = composer.negative(index)?;
            similarities.push(self.localise(&scene.picture, &scene.sound)?.similarity);
            kinds.push(scene.kind);
        }
        Ok((similarities, kinds))
    }

    fn localise(&mut self, picture: &Picture, sound: &Sound) -> Result<Percept, DevelopmentError> {
        let embedding = self.localiser.hear(sound)?;
        Ok(self.localiser.localise(picture, &embedding, Duration::ZERO)?)
    }
}

fn widened(boxes: &[Bounds]) -> Vec<[f64; 4]> {
    boxes.iter().map(|bounds| bounds.map(f64::from)).collect()
}
