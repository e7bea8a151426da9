//! The moments at which the picture shows a flash, or hands that meet.

use serde::{Deserialize, Serialize};

/// A change counts as an event when it exceeds the usual one by so many standard deviations, …
const DEVIATIONS: f64 = 6.0;
/// … and by this, in levels of brightness out of 255, on the mean of the picture.
const LEAST_CHANGE: f64 = 0.25;
/// What grows brighter by so many times more than darker is a flash.
const FLASH_RATIO: f32 = 3.0;
/// Flashes are further apart than this, in seconds.
const BETWEEN_FLASHES: f64 = 0.25;
/// What grows brighter by so many times more than darker, or the other way round, is light and no movement.
const LIGHT_RATIO: f32 = 6.0;
/// Stops that are weaker than this share of the strongest are of other movements.
const STRONG_SHARE: f64 = 0.5;
/// What stops again within so many seconds is the same movement.
const BETWEEN_MOVEMENTS: f64 = 0.45;

/// What a frame shows that the frame before did not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Glimpse {
    /// Stamp of the frame, in seconds.
    pub seconds: f64,
    /// By how much its parts grew brighter, in levels out of 255 on the mean of the whole picture; what grew darker counts as 0.
    pub rise: f32,
    /// By how much its parts grew darker.
    pub fall: f32,
}

/// Something seen to happen within a stretch of time, nobody knows when in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// When it had happened, in seconds, on a clock that shows the stamp of a frame in the middle of its exposure.
    pub latest_seconds: f64,
    /// How long before that it may have happened, in seconds.
    pub width_seconds: f64,
}

/// All moments at which the picture grew bright at once, each between the last frame that shows less than half of it and the
/// first that shows more.
pub fn flashes(glimpses: &[Glimpse]) -> Vec<Sight> {
    let net: Vec<f64> = glimpses
        .iter()
        .map(|glimpse| f64::from(glimpse.rise) - f64::from(glimpse.fall))
        .collect();
    let (usual, least) = usual_and_least(&net);
    let mut sights = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for (index, pair) in glimpses.windows(2).enumerate() {
        let (before, here) = (pair[0], pair[1]);
        let change = net[index + 1] - usual;
        if change <= least || here.rise < FLASH_RATIO * here.fall || here.seconds - last < BETWEEN_FLASHES {
            continue;
        }
        last = here.seconds;
        let rest = net.get(index + 2).map_or(0.0, |next| (next - usual).max(0.0));
        let sight = if change >= rest {
            between(before.seconds, here.seconds)
        } else {
            glimpses
                .get(index + 2)
                .and_then(|next| between(here.seconds, next.seconds))
        };
        sights.extend(sight);
    }
    sights
}

/// All moments at which something that moved stopped at once; of movements that follow each other closely (hands that meet
/// and part again) the first.
///
/// A change between two frames tells the movement from the middle of one to the middle of the other; it is taken to be half
/// way between.
pub fn claps(glimpses: &[Glimpse]) -> Vec<Sight> {
    let motion: Vec<f64> = glimpses
        .iter()
        .map(|glimpse| f64::from(glimpse.rise) + f64::from(glimpse.fall))
        .collect();
    // Hands and passers-by may move most of the time: what is usual is the stillness in between.
    let mut sorted = motion.clone();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted.get(sorted.len() / 5).copied().unwrap_or(0.0);
    let least = LEAST_CHANGE;
    let is_light = |glimpse: &Glimpse| glimpse.rise.max(glimpse.fall) > LIGHT_RATIO * glimpse.rise.min(glimpse.fall);
    let drop = |index: usize| match (motion.get(index), motion.get(index + 2), glimpses.get(index)) {
        (Some(here), Some(later), Some(glimpse)) if here - usual > least && !is_light(glimpse) => here - later,
        _ => 0.0,
    };
    let drops: Vec<f64> = (0..motion.len()).map(drop).collect();
    let mut strongest = drops.clone();
    strongest.sort_by(|one, other| other.total_cmp(one));
    let strong = strongest
        .get(super::LEAST_PAIRS - 1)
        .map_or(f64::INFINITY, |drop| STRONG_SHARE * drop);
    let mut sights = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for (index, glimpse) in glimpses.iter().enumerate() {
        let after = drops.get(index + 1).copied().unwrap_or(0.0);
        let is_stop = drops[index] >= strong.max(least) && drops[index] >= after;
        if is_stop && glimpse.seconds - last > BETWEEN_MOVEMENTS {
            last = glimpse.seconds;
            sights.extend(stop(glimpses, &motion, index, drops[index]));
        }
    }
    sights
}

/// Between which frames a movement passes half of a drop.
fn stop(glimpses: &[Glimpse], motion: &[f64], top: usize, drop: f64) -> Option<Sight> {
    let half = motion.get(top)? - drop / 2.0;
    let below = if *motion.get(top + 1)? < half { top + 1 } else { top + 2 };
    let middle = |index: usize| {
        let (before, here) = (glimpses.get(index.checked_sub(1)?)?, glimpses.get(index)?);
        Some((before.seconds + here.seconds) / 2.0)
    };
    between(middle(below - 1)?, middle(below)?)
}

fn between(from: f64, to: f64) -> Option<Sight> {
    // Across lost frames nothing is known.
    (to > from && to - from < 0.3).then_some(Sight {
        latest_seconds: to,
        width_seconds: to - from,
    })
}

/// The usual change, and by how much an event exceeds it.
fn usual_and_least(changes: &[f64]) -> (f64, f64) {
    let usual = super::median(changes.to_vec());
    let deviation = super::median(changes.iter().map(|change| (change - usual).abs()).collect());
    // 1.4826 median absolute deviations are the standard deviation of a normal distribution.
    (usual, (DEVIATIONS * 1.4826 * deviation).max(LEAST_CHANGE))
}
