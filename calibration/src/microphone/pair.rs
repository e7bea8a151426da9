//! What two channels of a microphone have to do with each other.

use super::channel::Channel;
use super::{Finding, Listening, Side};
use crate::Level;

/// Channels are compared in blocks of so many a second, …
const BLOCKS_PER_SECOND: u32 = 10;
/// … of which this share, the loudest, tell.
const LOUD_SHARE: f64 = 0.3;
/// Two channels of one sound are this unlike when one is turned over.
const INVERTED: f64 = -0.5;
/// A sound that comes from a side is this much louder there, in decibels, …
const LOUDER_DECIBELS: f64 = 1.0;
/// … or comes there so much earlier, in seconds.
const EARLIER_SECONDS: f64 = 40e-6;
/// It comes no later than this to the other channel, in seconds: the width of a head and more.
const LATEST_SECONDS: f64 = 1e-3;

/// What is to be said of the first two channels; nothing where there is but one, or one of them is silent.
pub fn of_pairs(channels: &[Channel], listening: &Listening) -> Vec<Finding> {
    let [left, right, ..] = channels else { return Vec::new() };
    let parts = if listening.talk.len() >= 2 {
        listening.talk
    } else {
        listening.quiet
    };
    let (Some(one), Some(other)) = (parts.first(), parts.get(1)) else {
        return Vec::new();
    };
    if left.is_constant || right.is_constant {
        return Vec::new();
    }
    let mut findings = Vec::new();
    if one.iter().zip(other).all(|(one, other)| (one - other).abs() <= 1e-6) {
        findings.push(Finding::Identical);
    } else if let Some(loss_decibels) = inversion(one, other, listening.rate_hz) {
        findings.push(Finding::Inverted {
            loss_decibels,
            heard: listening.heard_channel,
        });
    }
    if let Some(from) = listening.from {
        findings.push(match side(one, other, listening.rate_hz) {
            Some(found) if found == from => Finding::SidesRight,
            Some(_) => Finding::Swapped,
            None => Finding::SidesUnknown,
        });
    }
    findings
}

/// How much of the sound, in decibels, its mix loses where one of two channels is turned over; `None` where none is.
///
/// The comparison keeps to 80–500 Hz, where microphones some centimetres apart hear the same wave, and to the loudest blocks,
/// where they hear more than their own noise.
fn inversion(one: &[f32], other: &[f32], rate_hz: u32) -> Option<f32> {
    let (low, high) = ((rate_hz / 1000).max(1) as usize, (rate_hz / 80).max(2) as usize);
    let (one_band, other_band) = (band(one, low, high), band(other, low, high));
    let block = (rate_hz / BLOCKS_PER_SECOND).max(1) as usize;
    let mut blocks: Vec<(f64, f64)> = one_band
        .chunks(block)
        .zip(other_band.chunks(block))
        .map(|(one, other)| {
            let product =
                |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f64>();
            let geometric = (product(one, one) * product(other, other)).sqrt();
            (geometric, product(one, other))
        })
        .collect();
    blocks.sort_by(|one, other| other.0.total_cmp(&one.0));
    let loud = ((blocks.len() as f64 * LOUD_SHARE).ceil() as usize).min(blocks.len());
    let sums = blocks[..loud]
        .iter()
        .fold((0.0, 0.0), |sum, block| (sum.0 + block.0, sum.1 + block.1));
    if sums.0 <= 0.0 || sums.1 / sums.0 > INVERTED {
        return None;
    }
    let mix: Vec<f32> = one.iter().zip(other).map(|(one, other)| 0.5 * (one + other)).collect();
    let louder = Level::of(one).decibels().max(Level::of(other).decibels());
    Some((louder - Level::of(&mix).decibels()).max(0.0))
}

/// The notes between those that means over `low` and over `high` samples let pass.
fn band(samples: &[f32], low: usize, high: usize) -> Vec<f64> {
    let smooth = |width: usize| {
        let mut sum = 0.0;
        let mut smoothed = Vec::with_capacity(samples.len());
        for (index, sample) in samples.iter().enumerate() {
            sum += f64::from(*sample);
            if let Some(gone) = index.checked_sub(width).and_then(|gone| samples.get(gone)) {
                sum -= f64::from(*gone);
            }
            smoothed.push(sum / width as f64);
        }
        smoothed
    };
    let (fast, slow) = (smooth(low), smooth(high));
    // The means lag behind by half their width; the slow one is brought back to the fast one.
    let lag = (high - low) / 2;
    fast.iter()
        .zip(slow.iter().skip(lag))
        .map(|(fast, slow)| fast - slow)
        .collect()
}

/// From which side a talk came: that of the channel where it was louder or earlier. `None` where both hear it alike, or the
/// two signs contradict each other.
fn side(left: &[f32], right: &[f32], rate_hz: u32) -> Option<Side> {
    let energy = |samples: &[f32]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let louder = 10.0 * (energy(left).max(1e-12) / energy(right).max(1e-12)).log10();
    let most = (LATEST_SECONDS * f64::from(rate_hz)) as isize;
    // Differences lift the high notes, which tell times apart.
    let sharp = |samples: &[f32]| -> Vec<f32> { samples.windows(2).map(|pair| pair[1] - pair[0]).collect() };
    let (left, right) = (sharp(left), sharp(right));
    let alike = |lag: isize| -> f64 {
        let (one, other) = if lag >= 0 {
            (left.as_slice(), right.get(lag.unsigned_abs()..).unwrap_or_default())
        } else {
            (left.get(lag.unsigned_abs()..).unwrap_or_default(), right.as_slice())
        };
        one.iter().zip(other).map(|(one, other)| f64::from(one * other)).sum()
    };
    // By so many samples the right channel is later.
    let lag = (-most..=most).max_by(|one, other| alike(*one).total_cmp(&alike(*other)))?;
    let later = lag as f64 / f64::from(rate_hz.max(1));
    let vote = |value: f64, least: f64| if value.abs() < least { 0 } else { value.signum() as i32 };
    match (vote(louder, LOUDER_DECIBELS), vote(later, EARLIER_SECONDS)) {
        (1, 0 | 1) | (0, 1) => Some(Side::Left),
        (-1, 0 | -1) | (0, -1) => Some(Side::Right),
        _ => None,
    }
}
