//! From things that are both seen and heard (a flash with its click, a clap) to the time between picture and sound.
//!
//! **What is found.** The *sound delay*: by how many seconds the sound of an event is stamped later than the middle of the
//! exposure of the picture that shows it. The middle, because a picture that is half exposed shows half of a step in
//! brightness: whatever the exposure, the frame in which a flash passes half of its brightness is the first whose middle lies
//! after it. The exposure itself need not be known.
//!
//! **How exactly.** A sound is known to a millisecond, but an event is seen only to lie between two frames, anywhere there with
//! equal chance ([`Sight`]). One event therefore leaves an interval as wide as a frame lasts, 33 ms at 30 frames a second; several
//! at random moments leave the stretch that all their intervals share, which shrinks with their number and not merely with its
//! root. [`LatencyFit`] is the posterior median of the delay under that model, with stamps that jitter by an unknown amount
//! (1 to 32 ms, summed over) and with a share of sounds that belong to nothing seen, so that a cough or a missed clap
//! costs precision and not truth.

pub mod onsets;
pub mod sights;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use onsets::{Onset, OnsetDetector};
pub use sights::{Glimpse, Sight};

/// Delays are looked for from minus to plus so many seconds.
pub const WIDEST_DELAY_SECONDS: f64 = 0.7;
/// The steps in which they are looked for.
const STEP_SECONDS: f64 = 0.001;
/// By how much stamps may jitter, in seconds.
const JITTERS_SECONDS: [f64; 6] = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032];
/// The share of sounds that are taken to belong to nothing seen.
const UNMATCHED_SHARE: f64 = 0.25;
/// Fewer events that agree prove nothing.
pub const LEAST_PAIRS: usize = 5;
/// As many more events must agree on the delay than on any other.
const LEAD: usize = 3;
/// A delay that is not known better than this is of no use.
const WIDEST_UNCERTAINTY_SECONDS: f64 = 0.06;
/// A sound so soon after a louder one is its echo.
const ECHO_SECONDS: f64 = 0.5;
/// How well the stop of moving hands tells when they met, as a share of the time between frames.
const CLAP_DOUBT: f64 = 0.35;
/// Hands that meet and part again within a frame that lasts longer are not seen to stop.
const SLOWEST_FRAME_FOR_CLAPS_SECONDS: f64 = 0.08;

/// What an event was seen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeenBy {
    /// The picture grew bright at once.
    Flash,
    /// Something that moved stopped at once.
    Clap,
}

/// The time between picture and sound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyFit {
    /// By how much the sound that belongs to a picture is stamped later than the picture, in seconds.
    pub sound_delay_seconds: f64,
    /// The true delay lies within so many seconds of it, with a probability of 95 %.
    pub uncertainty_seconds: f64,
    /// How many events were seen and heard in agreement.
    pub pairs: usize,
    /// How they were seen.
    pub seen_by: SeenBy,
}

/// Why there is no delay to be had from what was seen and heard.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LatencyError {
    /// Too few sounds begin suddenly.
    #[error(
        "only {have} sudden sounds were heard, and {needed} are needed: clap louder or nearer, and see that the microphone works"
    )]
    TooFewSounds {
        /// How many were heard.
        have: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Too few flashes or claps are in the picture.
    #[error(
        "{sounds} sudden sounds were heard, but only {have} flashes or claps seen, and {needed} are needed: clap in full view and \
         near the camera, or fill more of the picture with the flashing screen"
    )]
    TooFewSights {
        /// How many sounds were heard.
        sounds: usize,
        /// How many flashes or claps were seen.
        have: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Claps are over before the next frame.
    #[error(
        "at {frames_per_second:.0} frames a second claps are not seen well enough: raise the frame rate to 15 or more, or use the \
         flashing film"
    )]
    TooSlow {
        /// How many frames come in a second.
        frames_per_second: f64,
    },
    /// What was seen and what was heard do not belong together.
    #[error(
        "of {sounds} sudden sounds only {pairs} agree with something seen, and {needed} are needed: let nothing else move or \
         sound, and clap so that the hands stop in full view"
    )]
    Unmatched {
        /// How many sounds were heard.
        sounds: usize,
        /// How many agree with something seen.
        pairs: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Two delays explain the events alike.
    #[error(
        "{pairs} events agree on a delay of {delay_milliseconds:.0} ms, but {others} on {other_milliseconds:.0} ms: clap at uneven \
         intervals, a second or more apart"
    )]
    Ambiguous {
        /// How many agree on the best.
        pairs: usize,
        /// The best.
        delay_milliseconds: f64,
        /// How many agree on another.
        others: usize,
        /// The other.
        other_milliseconds: f64,
    },
    /// The events scatter too much.
    #[error(
        "the events scatter: the delay is {delay_milliseconds:.0} ms give or take {uncertainty_milliseconds:.0} ms; clap more \
         often, raise the frame rate, or use the flashing film"
    )]
    Scattered {
        /// What comes nearest.
        delay_milliseconds: f64,
        /// And how far it may be off.
        uncertainty_milliseconds: f64,
    },
}

impl LatencyFit {
    /// Finds the delay from the changes between frames and the sudden sounds of one stretch of time, both in the order of
    /// their stamps; from flashes where they are seen, else from claps.
    ///
    /// # Errors
    /// [`LatencyError`], of the kind of event that came nearer to a fit.
    pub fn fit(glimpses: &[Glimpse], sounds: &[Onset]) -> Result<Self, LatencyError> {
        let flashes = sights::flashes(glimpses);
        let by_flash = Self::from_sights(&flashes, sounds, SeenBy::Flash);
        if by_flash.is_ok() {
            return by_flash;
        }
        let claps = sights::claps(glimpses);
        let by_clap = Self::from_sights(&claps, sounds, SeenBy::Clap);
        match &by_clap {
            Err(_) if flashes.len() >= LEAST_PAIRS => by_flash,
            _ => by_clap,
        }
    }

    /// Finds the delay from events that were seen and sounds.
    ///
    /// # Errors
    /// [`LatencyError`] where they are too few, do not belong together, agree on two delays or scatter.
    pub fn from_sights(sights: &[Sight], sounds: &[Onset], seen_by: SeenBy) -> Result<Self, LatencyError> {
        let needed = LEAST_PAIRS;
        let sounds = without_echoes(sounds);
        if sounds.len() < needed {
            let have = sounds.len();
            return Err(LatencyError::TooFewSounds { have, needed });
        }
        if sights.len() < needed {
            return Err(LatencyError::TooFewSights {
                sounds: sounds.len(),
                have: sights.len(),
                needed,
            });
        }
        let frame_seconds = median(sights.iter().map(|sight| sight.width_seconds).collect());
        if seen_by == SeenBy::Clap && frame_seconds > SLOWEST_FRAME_FOR_CLAPS_SECONDS {
            return Err(LatencyError::TooSlow {
                frames_per_second: 1.0 / frame_seconds,
            });
        }
        let intervals = intervals(sights, &sounds);
        let posterior = Posterior::of(&intervals);
        let delay = posterior.greatest();
        let reach = 3.0 * posterior.jitter_seconds;
        let pairs = agreeing(&intervals, delay, reach);
        // What lies within a frame and the jitter of the delay is the same event, seen a frame earlier or later.
        let apart = 2.0 * frame_seconds + reach;
        let (others, other) = delays()
            .filter(|other| (other - delay).abs() > apart)
            .map(|other| (agreeing(&intervals, other, reach), other))
            .max_by_key(|(others, _)| *others)
            .unwrap_or_default();
        if pairs < needed || 3 * pairs < sounds.len().min(sights.len()) {
            return Err(LatencyError::Unmatched {
                sounds: sounds.len(),
                pairs,
                needed,
            });
        }
        if others + LEAD > pairs {
            return Err(LatencyError::Ambiguous {
                pairs,
                delay_milliseconds: delay * 1e3,
                others,
                other_milliseconds: other * 1e3,
            });
        }
        let delay = posterior.quantile(0.5);
        let spread = (posterior.quantile(0.975) - delay).max(delay - posterior.quantile(0.025));
        let doubt = match seen_by {
            SeenBy::Flash => 0.0,
            SeenBy::Clap => CLAP_DOUBT * frame_seconds,
        };
        let uncertainty_seconds = spread.hypot(doubt).max(STEP_SECONDS);
        if uncertainty_seconds > WIDEST_UNCERTAINTY_SECONDS {
            return Err(LatencyError::Scattered {
                delay_milliseconds: delay * 1e3,
                uncertainty_milliseconds: uncertainty_seconds * 1e3,
            });
        }
        let to_microseconds = |seconds: f64| (seconds * 1e6).round() / 1e6;
        Ok(Self {
            sound_delay_seconds: to_microseconds(delay),
            uncertainty_seconds: to_microseconds(uncertainty_seconds),
            pairs,
            seen_by,
        })
    }
}

/// From when to when the delay lies if a sound belongs to a sight, in seconds.
#[derive(Debug, Clone, Copy)]
struct Interval {
    from: f64,
    to: f64,
}

/// For every sound, the intervals of all sights that may be its own.
fn intervals(sights: &[Sight], sounds: &[Onset]) -> Vec<Vec<Interval>> {
    let of = |sound: &Onset| {
        let near = sights.iter().map(|sight| Interval {
            from: sound.seconds - sight.latest_seconds,
            to: sound.seconds - sight.latest_seconds + sight.width_seconds,
        });
        near.filter(|interval| interval.from < WIDEST_DELAY_SECONDS && interval.to > -WIDEST_DELAY_SECONDS)
            .collect()
    };
    sounds.iter().map(of).collect()
}

/// How many sounds have a sight of their own at a delay.
fn agreeing(intervals: &[Vec<Interval>], delay: f64, reach: f64) -> usize {
    let agrees = |interval: &Interval| (interval.from - reach..interval.to + reach).contains(&delay);
    intervals.iter().filter(|own| own.iter().any(agrees)).count()
}

/// Sounds that are no echo of a louder one just before.
fn without_echoes(sounds: &[Onset]) -> Vec<Onset> {
    let is_echo = |sound: &&Onset| {
        sounds.iter().any(|other| {
            (0.0..ECHO_SECONDS).contains(&(sound.seconds - other.seconds)) && other.decibels > sound.decibels
        })
    };
    sounds.iter().filter(|sound| !is_echo(sound)).copied().collect()
}

fn delays() -> impl Iterator<Item = f64> {
    let last = (2.0 * WIDEST_DELAY_SECONDS / STEP_SECONDS).round() as usize;
    (0..=last).map(|step| step as f64 * STEP_SECONDS - WIDEST_DELAY_SECONDS)
}

/// How probable every delay is.
struct Posterior {
    /// Of each of [`delays`]; their sum is 1.
    probabilities: Vec<f64>,
    /// The jitter that explains the events best, in seconds.
    jitter_seconds: f64,
}

impl Posterior {
    fn of(intervals: &[Vec<Interval>]) -> Self {
        let logarithms: Vec<Vec<f64>> = JITTERS_SECONDS
            .iter()
            .map(|jitter| {
                delays()
                    .map(|delay| log_likelihood(intervals, delay, *jitter))
                    .collect()
            })
            .collect();
        let greatest = logarithms.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut probabilities = vec![0.0; delays().count()];
        let (mut jitter_seconds, mut jitter_mass) = (JITTERS_SECONDS[0], 0.0);
        for (jitter, logarithms) in JITTERS_SECONDS.iter().zip(&logarithms) {
            let mut mass = 0.0;
            for (probability, logarithm) in probabilities.iter_mut().zip(logarithms) {
                let likelihood = (logarithm - greatest).exp();
                *probability += likelihood;
                mass += likelihood;
            }
            if mass > jitter_mass {
                (jitter_seconds, jitter_mass) = (*jitter, mass);
            }
        }
        let sum: f64 = probabilities.iter().sum();
        for probability in &mut probabilities {
            *probability /= sum;
        }
        Self {
            probabilities,
            jitter_seconds,
        }
    }

    /// The most probable delay.
    fn greatest(&self) -> f64 {
        let greatest = delays()
            .zip(&self.probabilities)
            .max_by(|one, other| one.1.total_cmp(other.1));
        greatest.map_or(0.0, |(delay, _)| delay)
    }

    /// The delay below which so great a share of the probability lies.
    fn quantile(&self, share: f64) -> f64 {
        let mut sum = 0.0;
        let found = delays().zip(&self.probabilities).find(|(_, probability)| {
            sum += **probability;
            sum >= share
        });
        found.map_or(WIDEST_DELAY_SECONDS, |(delay, _)| delay)
    }
}

fn log_likelihood(intervals: &[Vec<Interval>], delay: f64, jitter: f64) -> f64 {
    // The logistic curve that comes within 1 % of the normal distribution's.
    let below = |seconds: f64| 1.0 / (1.0 + (-1.702 * seconds / jitter).exp());
    let of_one = |own: &Vec<Interval>| {
        let density: f64 = own
            .iter()
            .map(|interval| {
                let width = (interval.to - interval.from).max(STEP_SECONDS);
                (below(delay - interval.from) - below(delay - interval.to)).max(0.0) / width
            })
            .sum();
        (UNMATCHED_SHARE / (2.0 * WIDEST_DELAY_SECONDS) + (1.0 - UNMATCHED_SHARE) * density).ln()
    };
    intervals.iter().map(of_one).sum()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
