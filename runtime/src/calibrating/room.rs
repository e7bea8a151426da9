//! The room's own sound: the acceptance threshold and the noise floor that it takes.
//!
//! The device perceives as it always does while nobody makes the sounds that it is to find. Whatever it would turn to meanwhile is
//! a false fire, and the threshold that makes those as rare as stated is the room's.
//!
//! The room's threshold and the model's own are two promises about different sounds: the model's was found on sounds of all sorts
//! whose source is not in view (its share of false fires), the room's on those that were heard here in so many minutes (its rate).
//! The greater of both keeps both promises. The room never lowers the threshold: that nobody rang, sang or barked off screen for ten
//! minutes says nothing about the day on which somebody does.
//!
//! The threshold is found as if there were no fitted noise floor, so that each does without the other: a sound that is just
//! louder than the floor has the room's noise in it.

use lookhear_calibration::{
    ConfidenceFit, FireRate, FireRule, FitError, Level, Method, Moment, NoiseFloorFit, ThresholdFit,
};
use serde::{Deserialize, Serialize};

use crate::pipeline::live::perceive::Perceived;

/// Less of the room than this says nothing, in seconds.
const LEAST_SECONDS: f64 = 60.0;
/// How far above the room's own sound the noise floor's gate lies, in decibels.
const GATE_MARGIN_DECIBELS: f32 = 6.0;
/// Who makes sounds in view for more of the time than this is no room.
const MOST_OCCUPIED: f64 = 0.5;
/// The share of the sources that the model finds that a room may cost.
const MOST_LOST: f64 = 0.5;
/// The confidence of what is promised.
const CONFIDENCE: f64 = 0.95;

/// What was heard of a room; it can be kept and gone on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// The model that heard it, by its identity.
    pub model: String,
    /// The microphone.
    pub microphone: String,
    /// Stretches without a break between them, each of (seconds, greatest similarity, level in dBFS).
    parts: Vec<Vec<(f64, f32, f32)>>,
}

/// By what the room is judged.
#[derive(Debug, Clone)]
pub struct RoomSettings<'a> {
    /// How many false fires an hour are allowed.
    pub per_hour: f64,
    /// When attention turns to something.
    pub rule: FireRule,
    /// What is not louder than this counts for nothing, whatever the model says.
    pub quiet: Level,
    /// The threshold of the model as it came.
    pub model_threshold: f32,
    /// How sure the model is at which similarity, where it knows.
    pub confidence: Option<&'a ConfidenceFit>,
}

/// What a room takes.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomFit {
    /// The greater of the room's threshold and the model's, and what it does in this room.
    pub threshold: ThresholdFit,
    /// The threshold of the room alone.
    pub room_threshold: f32,
    /// How often the model's own threshold would have fired.
    pub fires_at_model_threshold: usize,
    /// Why the rate that was asked for cannot be promised, and what can.
    pub short_of: Option<ShortOf>,
    /// The share of the sources that the model finds at its own threshold that it no longer finds, 0..1; `None` where it does not
    /// know.
    pub lost: Option<f64>,
    /// The room's noise floor.
    pub noise_floor: NoiseFloorFit,
}

/// A rate that cannot be promised.
#[derive(Debug, Clone, PartialEq)]
pub struct ShortOf {
    /// Why.
    pub cause: FitError,
    /// What can be, in false fires an hour.
    pub per_hour: f64,
}

/// Why a room takes no threshold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RoomError {
    /// It was not heard for long enough.
    #[error(
        "the room was heard for {seconds:.0} s: at least {LEAST_SECONDS:.0} s are needed, ten minutes are better; start again to go on"
    )]
    TooShort {
        /// How long it was heard.
        seconds: f64,
    },
    /// Somebody makes sounds in view.
    #[error(
        "for {:.0} % of the time something in view made the sound, as far as the model can tell: this is not the room alone; leave it and turn off what sounds in it, then start again with --fresh",
        100.0 * share
    )]
    Occupied {
        /// The share of the time, 0..1.
        share: f64,
    },
    /// The threshold would have to rise above what sources reach.
    #[error(
        "the room would take a threshold of {threshold:.3}, which {:.0} % of the sources that the model finds now do not reach: was somebody heard in view? If it was the room alone, take what hums or rattles away from the microphone, or allow more with --false-fires-per-hour; then start again with --fresh",
        100.0 * lost
    )]
    Costly {
        /// The threshold of the room.
        threshold: f32,
        /// The share of the sources that would be lost, 0..1.
        lost: f64,
    },
    /// What was heard allows no fit.
    #[error(transparent)]
    Fit(#[from] FitError),
}

impl Heard {
    /// Nothing yet, by a model and a microphone.
    pub fn new(model: &str, microphone: &str) -> Self {
        Self {
            model: model.to_owned(),
            microphone: microphone.to_owned(),
            parts: Vec::new(),
        }
    }

    /// What comes now does not join what came before: the procedure was broken off.
    pub fn begin_part(&mut self) {
        if self.parts.last().is_none_or(|part| !part.is_empty()) {
            self.parts.push(Vec::new());
        }
    }

    /// Takes in a percept.
    pub fn add(&mut self, perceived: &Perceived) {
        let Some(percept) = &perceived.percept else { return };
        if self.parts.is_empty() {
            self.begin_part();
        }
        if let Some(part) = self.parts.last_mut() {
            let seconds = perceived.stamp.as_secs_f64();
            part.push((seconds, percept.similarity, perceived.level.decibels()));
        }
    }

    /// How long the room was heard, in seconds.
    pub fn seconds(&self, rule: FireRule) -> f64 {
        let streams = self.streams(Level::SILENCE);
        streams.iter().map(|stream| rule.observed_seconds(stream)).sum()
    }

    /// Finds what the room takes.
    ///
    /// # Errors
    /// When it was heard for too short a time, when it was not the room alone, or when its sound is digital silence.
    pub fn fit(&self, settings: &RoomSettings) -> Result<RoomFit, RoomError> {
        let rule = settings.rule;
        let seconds = self.seconds(rule);
        if seconds < LEAST_SECONDS {
            return Err(RoomError::TooShort { seconds });
        }
        let noise_floor = NoiseFloorFit::fit(&self.levels(), GATE_MARGIN_DECIBELS)?;
        let streams = self.streams(settings.quiet);
        let streams: Vec<&[Moment]> = streams.iter().map(Vec::as_slice).collect();
        let model_threshold = settings.model_threshold;
        let share = occupied_seconds(&streams, rule, model_threshold) / seconds;
        if share > MOST_OCCUPIED {
            return Err(RoomError::Occupied { share });
        }
        let (room, short_of) = room_threshold(&streams, rule, settings.per_hour, seconds / 3600.0)?;
        let lost = settings.confidence.map(|confidence| {
            let refused = confidence.refused_share(model_threshold);
            let more = confidence.refused_share(room.threshold.max(model_threshold)) - refused;
            more / (1.0 - refused).max(1e-9)
        });
        // Without knowledge of its sources, what no similarity reaches.
        let lost_at_most = lost.unwrap_or(f64::from(u8::from(room.threshold > 1.0)));
        if lost_at_most > MOST_LOST {
            return Err(RoomError::Costly {
                threshold: room.threshold,
                lost: lost_at_most,
            });
        }
        Ok(RoomFit {
            threshold: room.raised_to(model_threshold, &streams, rule),
            room_threshold: room.threshold,
            fires_at_model_threshold: streams
                .iter()
                .map(|stream| rule.fires(stream, model_threshold).len())
                .sum(),
            short_of,
            lost,
            noise_floor,
        })
    }

    fn streams(&self, quiet: Level) -> Vec<Vec<Moment>> {
        let moment = |&(seconds, similarity, level): &(f64, f32, f32)| Moment {
            seconds,
            similarity: if Level::from_decibels(level) > quiet {
                similarity
            } else {
                -1.0
            },
        };
        self.parts
            .iter()
            .map(|part| part.iter().map(moment).collect())
            .collect()
    }

    fn levels(&self) -> Vec<Level> {
        self.parts
            .iter()
            .flatten()
            .map(|(_, _, level)| Level::from_decibels(*level))
            .collect()
    }
}

/// For how long the device would have been turned to something.
fn occupied_seconds(streams: &[&[Moment]], rule: FireRule, threshold: f32) -> f64 {
    let of = |stream: &&[Moment]| -> f64 {
        let fires = rule.fires(stream, threshold).into_iter();
        fires.map(|fire| rule.observed_seconds(&stream[fire])).sum()
    };
    streams.iter().map(of).sum()
}

/// The threshold of the room alone. Where it was too quiet or too uneven for the rate to be told from so few minutes, it lies above
/// all that was heard, and so much is promised as that allows.
fn room_threshold(
    streams: &[&[Moment]],
    rule: FireRule,
    per_hour: f64,
    hours: f64,
) -> Result<(ThresholdFit, Option<ShortOf>), FitError> {
    match ThresholdFit::fit_streams(streams, rule, per_hour, CONFIDENCE) {
        Err(cause @ (FitError::TooFew { .. } | FitError::HeavyTail { .. })) => {
            // A little more than the least, lest rounding ask for a tail again.
            let per_hour = FireRate::lowest_without_tail(hours, CONFIDENCE) * 1.000_001;
            let fit = ThresholdFit::fit_streams(streams, rule, per_hour, CONFIDENCE)?;
            Ok((fit, Some(ShortOf { cause, per_hour })))
        }
        other => Ok((other?, None)),
    }
}

impl RoomFit {
    /// How many false fires an hour are promised in this room.
    pub fn per_hour(&self) -> f64 {
        match self.threshold.method {
            Method::FalseFiresPerHour { per_hour, .. } => per_hour,
            Method::ThirdQuartile | Method::FalseFireShare { .. } => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests;
