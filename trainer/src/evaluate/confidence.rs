//! How sure a similarity makes one, fitted on one half of the held-out scenes and measured on the other.
//!
//! Scenes of the training part would boast: the model knows them. The halves share no recording; pictures recur.

use std::time::Duration;

use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::localiser::Localiser;
use lookhear_calibration::{ConfidenceFit, Outcome, Reliability};
use serde::Serialize;

use super::development::DevelopmentError;
use super::scores::Truth;
use crate::corpus::{Corpus, Split};
use crate::dataset::{Composer, Scene, Settings};

/// Keeps the scenes apart from those that are scored.
const SEED: u64 = 0xc0f1de;

/// A fitted confidence, and how true it is.
#[derive(Debug, Clone, Serialize)]
pub struct ConfidenceMeasurement {
    /// Fitted on one half.
    pub fit: ConfidenceFit,
    /// What it says on the other half.
    pub reliability: Reliability,
    /// What the raw similarity, taken for a probability, says there.
    pub raw: Reliability,
    /// The other half: similarity, and whether the source is in view at the peak.
    #[serde(skip)]
    pub held_out: Vec<Outcome>,
}

/// Fits and measures on `each` scenes with their source in view and as many without; half of either are photographs.
///
/// # Errors
/// When the corpus does not give such scenes, or too few, or the bundle cannot be run.
pub fn measure(
    corpus: &Corpus,
    bundle: &Bundle,
    backend: &Backend,
    each: usize,
) -> Result<ConfidenceMeasurement, DevelopmentError> {
    let settings = Settings {
        seconds: 4.0,
        photograph_share: 0.5,
        ..Settings::default()
    };
    let composer = Composer::with_settings(corpus, Split::HeldOut, SEED, settings)?;
    let mut localiser = Localiser::new(bundle, backend)?;
    let mut halves = [Vec::new(), Vec::new()];
    for index in 0..each as u64 {
        for scene in [composer.compose(index)?, composer.negative(index)?] {
            let embedding = localiser.hear(&scene.sound)?;
            let percept = localiser.localise(&scene.picture, &embedding, Duration::ZERO)?;
            let boxes: Vec<[f64; 4]> = scene.boxes.iter().map(|bounds| bounds.map(f64::from)).collect();
            halves[half_of(&scene, index)].push(Outcome {
                similarity: percept.similarity,
                is_found: Truth::union(&boxes).contains(percept.peak),
            });
        }
    }
    let [fitted, held_out] = halves;
    Ok(ConfidenceMeasurement::new(ConfidenceFit::fit(&fitted)?, held_out)?)
}

impl ConfidenceMeasurement {
    fn new(fit: ConfidenceFit, held_out: Vec<Outcome>) -> Result<Self, lookhear_calibration::FitError> {
        let of = |probability: &dyn Fn(f32) -> f64| {
            let said: Vec<(f64, bool)> = held_out
                .iter()
                .map(|outcome| (probability(outcome.similarity), outcome.is_found))
                .collect();
            Reliability::of(&said).ok_or(lookhear_calibration::FitError::TooFew {
                what: "scenes of the other half",
                have: 0,
                needed: 1,
            })
        };
        Ok(Self {
            reliability: of(&|similarity| fit.curve.probability(similarity))?,
            raw: of(&|similarity| f64::from(similarity.clamp(0.0, 1.0)))?,
            fit,
            held_out,
        })
    }

    /// Writes the fit and its reliability into a bundle.
    ///
    /// # Errors
    /// When the numbers cannot be written as TOML.
    pub fn record(&self, bundle: &mut Bundle) -> Result<(), toml::ser::Error> {
        bundle.manifest.confidence = Some(self.fit.clone());
        let reliability = toml::Value::try_from(&self.reliability)?;
        bundle.manifest.scores.insert("reliability".to_owned(), reliability);
        Ok(())
    }
}

/// By the recording that is heard; by the number where none is. FNV-1a, the same on every machine.
fn half_of(scene: &Scene, index: u64) -> usize {
    if scene.sound_group.is_empty() {
        return (index % 2) as usize;
    }
    let hash = scene.sound_group.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) as usize % 2
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::test_set::fixture::bundle;
    use super::*;
    use crate::dataset::fixture::corpus;

    /// Whether their source is at the peak goes with the similarity, more than the similarity says.
    fn outcomes(cases: u32) -> Vec<Outcome> {
        let case = |index: u32| Outcome {
            similarity: (index % 100) as f32 / 100.0,
            is_found: index * 7919 % 100 < 20 * (index % 100 / 20) + 10,
        };
        (0..cases).map(case).collect()
    }

    #[test]
    fn what_was_measured_is_recorded_in_the_bundle() {
        let fit = ConfidenceFit::fit(&outcomes(400)).unwrap();
        let measured = ConfidenceMeasurement::new(fit, outcomes(300)).unwrap();
        assert_eq!(measured.reliability.cases, 300);
        assert!(measured.reliability.log_loss <= measured.raw.log_loss);
        let mut bundle = bundle();
        measured.record(&mut bundle).unwrap();
        let again = Bundle::from_bytes(&bundle.to_bytes().unwrap()).unwrap();
        assert_eq!(again.manifest.confidence, Some(measured.fit));
        assert!(again.manifest.scores.contains_key("reliability"));
    }

    #[test]
    fn a_recording_lies_in_one_half_whatever_its_scene() {
        let (_folder, corpus) = corpus();
        let settings = Settings {
            side: 64,
            seconds: 0.5,
            ..Settings::default()
        };
        let composer = Composer::with_settings(&corpus, Split::HeldOut, 1, settings).unwrap();
        let mut seen: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        for index in 0..60 {
            let scene = composer.compose(index).unwrap();
            let half = half_of(&scene, index);
            assert_eq!(*seen.entry(scene.sound_group).or_insert(half), half);
        }
        assert!(seen.len() > 2);
    }

    #[test]
    fn too_few_scenes_give_no_confidence() {
        let (_folder, corpus) = corpus();
        assert!(measure(&corpus, &bundle(), &Backend::default(), 4).is_err());
    }
}
