//! Goes through a test set: every sound is heard once, every picture seen once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lookhear::actuation::heat::View;
use lookhear::perception::heatmap::{Heatmap, Point};
use lookhear::perception::listener::SoundEmbedding;
use lookhear::perception::localiser::LocaliserError;
use lookhear_board::{Sound, read_picture, read_sound};
use serde::Serialize;

use super::model::{Model, concerns_one_item};
use super::negatives::{NegativeKind, NegativeSounds, off_screen};
use super::profile::truth as truth_of;
use super::quads::{Quad, measure_quads};
use crate::dataset::Profile;
use crate::dataset::layouts::{Annotation, Item};
use crate::evaluate::baselines::{BlindMasks, PictureBaselines};
use crate::evaluate::scores::{Mask, ciou};

/// Why a test set gives no scores.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The bundle cannot be run: bring another.
    #[error(transparent)]
    Localiser(#[from] LocaliserError),
    /// Not one item can be scored: look at the folder.
    #[error("none of the {items} items can be scored; the first, {id:?}, because {cause}")]
    Nothing {
        /// How many there are.
        items: usize,
        /// Of the first.
        id: String,
        /// Why it was skipped.
        cause: String,
    },
}

/// What to measure.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How pictures and boxes are brought together.
    pub profile: Profile,
    /// Put sounds to pictures that do not show their source.
    pub with_negatives: bool,
    /// Further sounds whose source is in none of the pictures.
    pub given: Vec<Sound>,
    /// How many quads to make, at most one for each item.
    pub quads: usize,
    /// Another seed gives other noise and other quads.
    pub seed: u64,
}

/// An item that could not be scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its name.
    pub id: String,
    /// Why.
    pub cause: String,
}

/// What came of one item.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// What sounds, where it is known.
    pub category: Option<String>,
    /// The picture's file.
    pub picture: PathBuf,
    /// Where people have drawn the source.
    pub annotation: Annotation,
    /// Which part of the picture the model saw.
    pub view: View,
    /// Raw similarities over that part.
    pub heatmap: Heatmap,
    /// The greatest of them.
    pub similarity: f32,
    /// Where it lies in the whole picture.
    pub peak: Point,
    /// It lies in one of the boxes.
    pub peak_in_box: bool,
    /// The published score of the picture, 0..1.
    pub ciou: f64,
    /// What needs neither picture nor sound.
    pub baselines: PictureBaselines,
    /// The map of the picture with sounds whose source it does not show.
    pub negatives: BTreeMap<NegativeKind, Heatmap>,
}

/// All that was measured.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// At least one, in the order of the items.
    pub cases: Vec<Case>,
    /// Those that could not be read.
    pub skipped: Vec<Skipped>,
    /// In which quadrant the sound was looked for and found.
    pub quads: Vec<Quad>,
}

/// An item whose sound is known.
struct Heard<'a> {
    item: &'a Item,
    annotation: &'a Annotation,
    embedding: SoundEmbedding,
}

/// Measures a model on a test set; `advance` is told of every sound, picture and quad that is done.
///
/// # Errors
/// [`MeasureError`]; an item that cannot be read is none, and is told in [`Measurement::skipped`].
pub fn measure(
    model: &mut Model,
    items: &[Item],
    settings: &Settings,
    advance: &mut dyn FnMut(),
) -> Result<Measurement, MeasureError> {
    let mut skipped = Vec::new();
    let mut skip = |item: &Item, cause: String| {
        skipped.push(Skipped {
            id: item.id.clone(),
            cause: cause.split_whitespace().collect::<Vec<_>>().join(" "),
        });
    };
    let mut heard = Vec::with_capacity(items.len());
    for item in items {
        match hear(model, item)? {
            Ok(known) => heard.push(known),
            Err(cause) => skip(item, cause),
        }
        advance();
    }
    let sounds = match settings.with_negatives {
        true => Some(NegativeSounds::new(model, &settings.given, settings.seed)?),
        false => None,
    };
    let masks = BlindMasks::default();
    let names: Vec<(&str, Option<&str>)> = heard
        .iter()
        .map(|heard| (heard.item.id.as_str(), heard.item.category.as_deref()))
        .collect();
    let mut cases = Vec::with_capacity(heard.len());
    let mut embeddings = Vec::with_capacity(heard.len());
    for known in &heard {
        match look(model, known, settings.profile, &masks)? {
            Ok((mut case, sight)) => {
                if let Some(sounds) = &sounds {
                    let other = off_screen(&case.id, case.category.as_deref(), &names);
                    let other = other.map(|index| (NegativeKind::OffScreen, &heard[index].embedding));
                    let all = sounds.of(&case.id).into_iter().chain(other);
                    case.negatives = all.map(|(kind, sound)| (kind, sight.heatmap(sound))).collect();
                }
                cases.push(case);
                embeddings.push(&known.embedding);
            }
            Err(cause) => skip(known.item, cause),
        }
        advance();
    }
    if cases.is_empty() {
        let (id, cause) = skipped
            .into_iter()
            .next()
            .map_or_else(Default::default, |first| (first.id, first.cause));
        return Err(MeasureError::Nothing {
            items: items.len(),
            id,
            cause,
        });
    }
    let quads = measure_quads(model, &cases, &embeddings, settings, advance)?;
    Ok(Measurement { cases, skipped, quads })
}

/// Reads and hears the sound of an item, or tells why it cannot be scored.
fn hear<'a>(model: &mut Model, item: &'a Item) -> Result<Result<Heard<'a>, String>, LocaliserError> {
    let Some(annotation) = &item.annotation else {
        return Ok(Err("nobody has drawn where its source is".to_owned()));
    };
    let mut sound = match read_sound(&item.sound) {
        Ok(sound) => sound,
        Err(cause) => return Ok(Err(cause.to_string())),
    };
    if let Some(seconds) = item.first_seconds {
        sound
            .samples
            .truncate((seconds * f64::from(sound.rate_hz)).round() as usize);
    }
    Ok(pass_over(model.hear(&sound))?.map(|embedding| Heard {
        item,
        annotation,
        embedding,
    }))
}

/// Reads and sees the picture of an item, or tells why it cannot be scored.
fn look(
    model: &mut Model,
    heard: &Heard,
    profile: Profile,
    masks: &BlindMasks,
) -> Result<Result<(Case, super::model::Sight), String>, LocaliserError> {
    let item = heard.item;
    let picture = match read_picture(&item.picture) {
        Ok(picture) => picture,
        Err(cause) => return Ok(Err(cause.to_string())),
    };
    let sight = match pass_over(model.see(&picture))? {
        Ok(sight) => sight,
        Err(cause) => return Ok(Err(cause)),
    };
    let heatmap = sight.heatmap(&heard.embedding);
    let truth = truth_of(profile, heard.annotation);
    let peak = sight.in_picture(heatmap.peak());
    let case = Case {
        id: item.id.clone(),
        category: item.category.clone(),
        picture: item.picture.clone(),
        annotation: heard.annotation.clone(),
        view: sight.view,
        similarity: heatmap.similarity(),
        peak,
        peak_in_box: truth.contains(peak),
        ciou: ciou(&Mask::above_median(&heatmap), &truth),
        baselines: masks.score(&truth),
        negatives: BTreeMap::new(),
        heatmap,
    };
    Ok(Ok((case, sight)))
}

/// Parts what concerns one item from what ends the measurement.
fn pass_over<T>(result: Result<T, LocaliserError>) -> Result<Result<T, String>, LocaliserError> {
    match result {
        Err(cause) if concerns_one_item(&cause) => Ok(Err(cause.to_string())),
        other => other.map(Ok),
    }
}
