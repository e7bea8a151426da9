//! The hum of the mains in a quiet room: 50 or 60 Hz and their multiples.

use std::f64::consts::TAU;

use crate::{Level, Sorted};

/// The spectrum is taken of windows of so many seconds, so that lines 2 Hz apart are told apart.
const WINDOW_SECONDS: f64 = 2.0;
/// How many multiples are listened to.
const HARMONICS: usize = 8;
/// A line stands so many times (10 dB) above what lies beside it.
const ABOVE_NEIGHBOURS: f64 = 10.0;
/// How far beside it, in hertz.
const NEIGHBOURS: [f64; 4] = [-7.0, -4.0, 4.0, 7.0];
/// Lines that it takes to call it the mains: a single one may be anything.
const LEAST_LINES: usize = 2;
/// The share of the quiet room's energy from which on hum is worth a word, …
const LEAST_SHARE: f64 = 0.3;
/// … where it is louder than this, in dBFS.
const LEAST_LEVEL: f32 = -75.0;

/// The hum of the mains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hum {
    /// Frequency of the mains, in hertz.
    pub hertz: u32,
    /// Its share of the energy of the quiet room, 0..1.
    pub share: f64,
    /// How loud it is.
    pub level: Level,
}

/// The hum in a quiet room; `None` where it is not worth a word.
pub fn of(quiet: &[f32], rate_hz: u32) -> Option<Hum> {
    [50, 60]
        .into_iter()
        .filter_map(|hertz| at(quiet, rate_hz, hertz))
        .max_by(|one, other| one.share.total_cmp(&other.share))
}

fn at(quiet: &[f32], rate_hz: u32, hertz: u32) -> Option<Hum> {
    let window = (WINDOW_SECONDS * f64::from(rate_hz)) as usize;
    let (mut shares, mut levels) = (Vec::new(), Vec::new());
    for samples in quiet.chunks_exact(window.max(1)) {
        let mean = samples.iter().map(|sample| f64::from(*sample)).sum::<f64>() / window as f64;
        let energy = samples
            .iter()
            .map(|sample| (f64::from(*sample) - mean).powi(2))
            .sum::<f64>()
            / window as f64;
        let power = |frequency: f64| line_power(samples, mean, frequency / f64::from(rate_hz));
        let mut lines = Vec::new();
        for harmonic in 1..=HARMONICS {
            let frequency = f64::from(hertz) * harmonic as f64;
            if frequency + 10.0 > f64::from(rate_hz) / 2.0 {
                break;
            }
            let line = power(frequency);
            let beside: f64 =
                NEIGHBOURS.iter().map(|aside| power(frequency + aside)).sum::<f64>() / NEIGHBOURS.len() as f64;
            if line > ABOVE_NEIGHBOURS * beside {
                lines.push(line - beside);
            }
        }
        let sum = if lines.len() >= LEAST_LINES {
            lines.iter().sum()
        } else {
            0.0
        };
        shares.push(if energy > 0.0 {
            (sum / energy).min(1.0) as f32
        } else {
            0.0
        });
        levels.push((10.0 * f64::log10(sum.max(1e-15))) as f32);
    }
    // In the middle window, so that nobody's note is taken for it.
    let share = f64::from(Sorted::new("shares", &shares).ok()?.median());
    let level = Level::from_decibels(Sorted::new("levels", &levels).ok()?.median());
    (share >= LEAST_SHARE && level.decibels() > LEAST_LEVEL).then_some(Hum { hertz, share, level })
}

/// The mean square of the sine of a frequency (in cycles a sample) in a sound, by a Hann window and Goertzel's recursion.
fn line_power(samples: &[f32], mean: f64, frequency: f64) -> f64 {
    let twice_cosine = 2.0 * (TAU * frequency).cos();
    let count = samples.len() as f64;
    // The window by a recursion too: a cosine for every sample would cost more than all the rest.
    let turn = 2.0 * (TAU / count).cos();
    let (mut cosine, mut cosine_before) = (1.0, (TAU / count).cos());
    let (mut one, mut two) = (0.0, 0.0);
    for sample in samples {
        let windowed = (f64::from(*sample) - mean) * (0.5 - 0.5 * cosine);
        (cosine, cosine_before) = (turn * cosine - cosine_before, cosine);
        (one, two) = (windowed + twice_cosine * one - two, one);
    }
    let magnitude_squared = one * one + two * two - twice_cosine * one * two;
    // A sine of amplitude a gives a magnitude of a × count / 4 under this window, and has the mean square a² / 2.
    8.0 * magnitude_squared / (count * count)
}
