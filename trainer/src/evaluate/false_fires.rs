//! Hours of sound that nothing in view makes, over pictures that stand still: how often an hour the device would turn to nothing.
//!
//! The sound is heard as a device hears it, in a stream of which every stretch is understood once, five percepts a second, and
//! attended to by the attention that a device has. A picture is seen once; that it stands still makes the test harder, because
//! what is once taken for the source stays where it is.

use std::collections::BTreeMap;
use std::time::Duration;

use lookhear::attention::optics::{CameraView, Optics, OpticsSettings};
use lookhear::attention::{Attender, AttentionSettings, Perceived};
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::localiser::{Localiser, LocaliserError};
use lookhear_board::{Orientation, Picture, Sound};
use lookhear_calibration::{FireRate, Level, Moment, ThresholdFit};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::development::DevelopmentError;
use super::room_sound;
use crate::corpus::{Corpus, SOUND_RATE_HZ, Split};
use crate::dataset::{Composer, SceneKind, Settings};

/// Percepts a second.
const RATE_HZ: usize = 5;
/// What is quieter counts for nothing.
const QUIET: f32 = -70.0;
/// The confidence of all bounds.
const CONFIDENCE: f64 = 0.95;

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// An ordinary room in which nothing happens.
    RoomNoise,
    /// Held-out recordings of things that are not in view.
    OffScreen,
}

impl Class {
    /// Both.
    pub const ALL: [Self; 2] = [Self::RoomNoise, Self::OffScreen];

    /// As people say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RoomNoise => "ordinary room noise",
            Self::OffScreen => "sounds of things not in view",
        }
    }

    /// For how long a picture is looked at, in seconds.
    fn seconds(self) -> usize {
        match self {
            Self::RoomNoise => 60,
            Self::OffScreen => 30,
        }
    }
}

/// How often a bundle fires at sounds of one class.
#[derive(Debug, Clone, Serialize)]
pub struct FalseFires {
    /// What was heard.
    pub class: Class,
    /// The threshold that it was heard with.
    pub threshold: f32,
    /// How often attention found a target, with the hours and the greatest rate that agrees with it at 95 %.
    pub attention: FireRate,
    /// How often acceptance lasted for the evidence, wherever the peak wandered meanwhile.
    pub anywhere: FireRate,
    /// The share of percepts that were accepted, 0..1.
    pub accepted: f64,
    /// The threshold that it takes for at most one fire an hour at 95 %, wherever the peak is; `None` where that cannot be told.
    pub for_one_an_hour: Option<ThresholdFit>,
    /// How often attention found a target, by what was heard.
    pub by_category: BTreeMap<String, usize>,
}

/// A class of sound, over pictures of one part of a corpus.
pub struct Listening {
    composer: Composer,
    localiser: Localiser,
    class: Class,
    attention: AttentionSettings,
    threshold: f32,
    seed: u64,
}

/// What one picture came to.
struct Watched {
    stream: Vec<Moment>,
    fires: usize,
}

impl Listening {
    /// Prepares the bundle on the CPU, with its own threshold and pictures of the held-out part.
    ///
    /// # Errors
    /// When the corpus or the bundle cannot be used.
    pub fn new(corpus: &Corpus, bundle: &Bundle, class: Class, seed: u64) -> Result<Self, DevelopmentError> {
        let settings = Settings {
            seconds: class.seconds() as f32,
            photograph_share: 0.5,
            ..Settings::default()
        };
        Ok(Self {
            composer: Composer::with_settings(corpus, Split::HeldOut, seed, settings)?,
            localiser: Localiser::new(bundle, &Backend::default())?,
            class,
            attention: AttentionSettings::default(),
            threshold: bundle.manifest.threshold.similarity,
            seed,
        })
    }

    /// How many pictures so many hours take.
    pub fn pictures(class: Class, hours: f64) -> u64 {
        (hours * 3600.0 / class.seconds() as f64).ceil().max(1.0) as u64
    }

    /// Listens for some hours; `step` is told after every picture.
    ///
    /// # Errors
    /// When the corpus or the bundle fails.
    pub fn listen(&mut self, hours: f64, step: impl FnMut()) -> Result<FalseFires, DevelopmentError> {
        let (watched, by_category) = self.watch_all(hours, step)?;
        Ok(self.counted(&watched, by_category))
    }

    fn watch_all(
        &mut self,
        hours: f64,
        mut step: impl FnMut(),
    ) -> Result<(Vec<Watched>, BTreeMap<String, usize>), DevelopmentError> {
        let pictures = Self::pictures(self.class, hours);
        let mut by_category: BTreeMap<String, usize> = BTreeMap::new();
        let mut streams = Vec::new();
        let mut index = 0;
        // Only half of the negatives have sounds of things; where a corpus has none, there is nothing to wait for.
        while (streams.len() as u64) < pictures && index < 16 * pictures + 64 {
            let scene = self.composer.negative(index)?;
            index += 1;
            let (category, sound) = match self.class {
                Class::OffScreen if scene.kind != SceneKind::OffScreen => continue,
                Class::OffScreen => (scene.category.unwrap_or_default(), scene.sound),
                Class::RoomNoise => {
                    let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                    random.set_stream(index);
                    let length = self.class.seconds() * SOUND_RATE_HZ as usize;
                    let samples = room_sound::room(length, &mut random);
                    (
                        String::new(),
                        Sound {
                            samples,
                            rate_hz: SOUND_RATE_HZ,
                        },
                    )
                }
            };
            let watched = self.watch(&scene.picture, &sound.samples)?;
            if watched.fires > 0 && !category.is_empty() {
                *by_category.entry(category).or_default() += watched.fires;
            }
            streams.push(watched);
            step();
        }
        Ok((streams, by_category))
    }

    /// Listens for some hours, and finds the threshold for a rate of fires wherever the peak is.
    ///
    /// # Errors
    /// When the corpus or the bundle fails, or the hours do not tell.
    pub fn threshold(
        &mut self,
        hours: f64,
        per_hour: f64,
        step: impl FnMut(),
    ) -> Result<ThresholdFit, DevelopmentError> {
        let (watched, _) = self.watch_all(hours, step)?;
        let streams: Vec<&[Moment]> = watched.iter().map(|watched| watched.stream.as_slice()).collect();
        Ok(ThresholdFit::fit_streams(
            &streams,
            self.attention.fire_rule(),
            per_hour,
            CONFIDENCE,
        )?)
    }

    fn counted(&self, watched: &[Watched], by_category: BTreeMap<String, usize>) -> FalseFires {
        let rule = self.attention.fire_rule();
        let streams: Vec<&[Moment]> = watched.iter().map(|watched| watched.stream.as_slice()).collect();
        let hours = streams.iter().map(|stream| rule.observed_seconds(stream)).sum::<f64>() / 3600.0;
        let anywhere = streams
            .iter()
            .map(|stream| rule.fires(stream, self.threshold).len())
            .sum();
        let moments = || streams.iter().flat_map(|stream| stream.iter());
        let accepted = moments().filter(|moment| moment.similarity >= self.threshold).count();
        FalseFires {
            class: self.class,
            threshold: self.threshold,
            attention: FireRate::observed(watched.iter().map(|watched| watched.fires).sum(), hours, CONFIDENCE),
            anywhere: FireRate::observed(anywhere, hours, CONFIDENCE),
            accepted: accepted as f64 / moments().count().max(1) as f64,
            for_one_an_hour: ThresholdFit::fit_streams(&streams, rule, 1.0, CONFIDENCE).ok(),
            by_category,
        }
    }

    fn watch(&mut self, picture: &Picture, samples: &[f32]) -> Result<Watched, LocaliserError> {
        let view = CameraView {
            optics: Optics::new(&OpticsSettings::default(), picture.width, picture.height),
            orientation: Orientation::default(),
        };
        let window = (self.localiser.manifest().sound.window_seconds * SOUND_RATE_HZ as f32) as usize;
        let seen = self.localiser.see(picture)?.to_vec();
        self.localiser.ear().reset();
        let mut attender = Attender::new(self.attention.clone());
        let mut watched = Watched {
            stream: Vec::new(),
            fires: 0,
        };
        let mut had_target = false;
        let stretch = SOUND_RATE_HZ as usize / RATE_HZ;
        for (number, new) in samples.chunks_exact(stretch).enumerate() {
            self.localiser.ear().push(new)?;
            let end = (number + 1) * stretch;
            let now = Duration::from_secs_f64(end as f64 / f64::from(SOUND_RATE_HZ));
            let Some(sound) = self.localiser.ear().embedding_until(now) else {
                continue;
            };
            let is_loud = Level::of(&samples[end.saturating_sub(window)..end]) > Level::from_decibels(QUIET);
            let mut percept = self
                .localiser
                .localise_again(&seen, (picture.width, picture.height), &sound, now);
            percept.accepted = is_loud && percept.similarity >= self.threshold;
            watched.stream.push(Moment {
                seconds: now.as_secs_f64(),
                similarity: if is_loud { percept.similarity } else { -1.0 },
            });
            let attention = attender.step(now, Perceived::Percept(&percept, view), view);
            let has_target = attention.bearing.is_some();
            watched.fires += usize::from(has_target && !had_target);
            had_target = has_target;
        }
        Ok(watched)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::test_set::fixture::bundle;
    use super::*;
    use crate::dataset::fixture::corpus;

    /// What accepts everything fires once a picture, or once a hold where its peak wanders; what accepts nothing never does; and
    /// both say so of the hours that they heard.
    #[test]
    fn fires_are_counted_by_the_hour() {
        let (_folder, corpus) = corpus();
        let mut bundle = bundle();
        for (class, hours) in [(Class::RoomNoise, 1.0 / 60.0), (Class::OffScreen, 1.0 / 120.0)] {
            let listened = |bundle: &Bundle| {
                let mut steps = 0;
                let mut listening = Listening::new(&corpus, bundle, class, 1).unwrap();
                let found = listening.listen(hours, || steps += 1).unwrap();
                assert_eq!(steps, 1);
                assert!((found.attention.hours - hours).abs() < 0.2 * hours, "{found:?}");
                found
            };
            bundle.manifest.threshold.similarity = 1.0;
            let deaf = listened(&bundle);
            assert_eq!((deaf.attention.fires, deaf.anywhere.fires, deaf.accepted), (0, 0, 0.0));
            assert!((deaf.attention.per_hour_bound * deaf.attention.hours - 3.0).abs() < 0.01);
            bundle.manifest.threshold.similarity = -0.99;
            let easy = listened(&bundle);
            let holds = hours * 3600.0 / AttentionSettings::default().hold.as_secs_f64();
            assert!(
                easy.anywhere.fires == 1 && easy.attention.fires as f64 <= 1.0 + holds && easy.accepted > 0.5,
                "{easy:?}"
            );
            let named: usize = easy.by_category.values().sum();
            assert_eq!(
                named,
                if class == Class::OffScreen {
                    easy.attention.fires
                } else {
                    0
                }
            );
        }
    }

    #[test]
    fn a_threshold_is_found_for_a_rate() {
        let (_folder, corpus) = corpus();
        let mut listening = Listening::new(&corpus, &bundle(), Class::RoomNoise, 2).unwrap();
        // A minute without a tail promises no more than 180 an hour.
        let fit = listening.threshold(1.0 / 60.0, 190.0, || {}).unwrap();
        assert_eq!(fit.rate.unwrap().fires, 0);
        assert!(fit.threshold > -1.0 && fit.threshold <= 1.0);
    }
}
