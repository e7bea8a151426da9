//! What is heard in a scene: a recording somewhere in the window, at some level and pitch, with quiet surroundings under it.

use rand::Rng;
use rand::seq::IndexedRandom;

use super::error::DatasetError;
use super::library::Library;
use super::room;
use crate::corpus::SOUND_RATE_HZ;

/// The pitch changes by at most so much.
const MAX_SEMITONES: f32 = 2.0;
/// Mean level of a recording in its scene, over the time it sounds (dB of full scale).
const LEVEL_DB: std::ops::RangeInclusive<f32> = -34.0..=-14.0;
/// How far the surroundings lie under the recording, in dB.
const AMBIENCE_UNDER_DB: std::ops::RangeInclusive<f32> = 0.0..=20.0;
/// Share of scenes with surroundings that can be heard.
const AMBIENCE_SHARE: f64 = 0.7;
/// Share of scenes in a room that reverberates; recordings mostly bring a room of their own.
const ROOM_SHARE: f64 = 0.5;
/// Level of what a microphone itself hisses (dB of full scale).
const HISS_DB: std::ops::RangeInclusive<f32> = -80.0..=-60.0;
/// No sample is larger than this; louder mixtures are turned down.
const CEILING: f32 = 0.98;

/// A recording, brought to the window's length, in its surroundings: `length` samples at 16 kHz.
///
/// `category` tells which surroundings would be mistaken for the recording.
pub fn compose(
    library: &Library,
    category: &str,
    recording: &[i16],
    length: usize,
    random: &mut impl Rng,
) -> Result<Vec<f32>, DatasetError> {
    let semitones = random.random_range(-MAX_SEMITONES..=MAX_SEMITONES);
    let pitched = change_pitch(recording, semitones);
    let mut mix = place(&pitched, length, random);
    if random.random_bool(ROOM_SHARE) {
        mix = room::reverberate(&mix, random);
    }
    let level = decibels(random.random_range(LEVEL_DB));
    let gain = level / level_while_sounding(&mix).max(1e-6);
    mix.iter_mut().for_each(|sample| *sample *= gain);
    if random.random_bool(AMBIENCE_SHARE) {
        let under = surroundings(library, category, length, random)?;
        let gain = level * decibels(-random.random_range(AMBIENCE_UNDER_DB)) / level_of(&under).max(1e-6);
        mix.iter_mut()
            .zip(&under)
            .for_each(|(sample, under)| *sample += under * gain);
    }
    add_hiss(&mut mix, random);
    Ok(mix)
}

/// A room in which nothing sounds: only the hiss of the microphone.
pub fn silence(length: usize, random: &mut impl Rng) -> Vec<f32> {
    let mut sound = vec![0.0; length];
    add_hiss(&mut sound, random);
    sound
}

/// Noise without a source: white, pink, or mains hum with its harmonics, at any level from barely heard to loud.
pub fn noise(length: usize, random: &mut impl Rng) -> Vec<f32> {
    let mut sound = match random.random_range(0..3) {
        0 => white(length, random),
        1 => pink(length, random),
        _ => hum(length, random),
    };
    let gain = decibels(random.random_range(-60.0..=-14.0)) / level_of(&sound).max(1e-6);
    sound.iter_mut().for_each(|sample| *sample *= gain);
    add_hiss(&mut sound, random);
    sound
}

fn surroundings(
    library: &Library,
    category: &str,
    length: usize,
    random: &mut impl Rng,
) -> Result<Vec<f32>, DatasetError> {
    let fitting: Vec<_> = library
        .ambience
        .iter()
        .filter(|asset| {
            asset
                .item
                .category
                .as_deref()
                .is_none_or(|other| !library.alike(category, other))
        })
        .collect();
    match fitting.choose(random) {
        Some(asset) if random.random_bool(0.6) => {
            let recording: Vec<f32> = asset.get()?.iter().map(|sample| f32::from(*sample)).collect();
            let start = random.random_range(0..recording.len());
            Ok((0..length)
                .map(|index| recording[(start + index) % recording.len()])
                .collect())
        }
        _ => Ok(pink(length, random)),
    }
}

/// Plays faster or slower: `2^(semitones / 12)` times, by cubic interpolation.
fn change_pitch(recording: &[i16], semitones: f32) -> Vec<f32> {
    let speed = f64::from((semitones / 12.0).exp2());
    let length = ((recording.len() as f64 / speed) as usize).max(1);
    let sample = |index: isize| f32::from(recording[index.clamp(0, recording.len() as isize - 1) as usize]) / 32_768.0;
    let pitched = (0..length).map(|index| {
        let place = index as f64 * speed;
        let (whole, part) = (place.floor() as isize, place.fract() as f32);
        let [before, from, to, after] = [-1, 0, 1, 2].map(|step| sample(whole + step));
        // Catmull–Rom.
        let (linear, square, cube) = (
            to - before,
            2.0 * before - 5.0 * from + 4.0 * to - after,
            3.0 * (from - to) + after - before,
        );
        from + 0.5 * part * (linear + part * (square + part * cube))
    });
    pitched.collect()
}

/// Cuts a window out of a longer recording where it sounds, or puts a shorter one somewhere into the window, more than once where there is room.
fn place(recording: &[f32], length: usize, random: &mut impl Rng) -> Vec<f32> {
    if recording.len() >= length {
        let loud = level_of(recording) * 0.5;
        let mut start = 0;
        for _ in 0..6 {
            start = random.random_range(0..=recording.len() - length);
            if level_of(&recording[start..start + length]) >= loud {
                break;
            }
        }
        return recording[start..start + length].to_vec();
    }
    let mut window = vec![0.0; length];
    let again = random.random_bool(0.7);
    let mut start = random.random_range(0..=length - recording.len());
    if again {
        start %= recording.len() + SOUND_RATE_HZ as usize / 4;
    }
    while start < length {
        let rest = &mut window[start..];
        rest.iter_mut()
            .zip(recording)
            .for_each(|(sample, played)| *sample = *played);
        if !again {
            break;
        }
        start += recording.len() + random.random_range(SOUND_RATE_HZ / 20..=SOUND_RATE_HZ / 2) as usize;
    }
    window
}

/// The root mean square of the samples.
pub(crate) fn level_of(samples: &[f32]) -> f32 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (energy / samples.len().max(1) as f64).sqrt() as f32
}

/// The root mean square over those tenths of a second that are not silent.
fn level_while_sounding(samples: &[f32]) -> f32 {
    let levels: Vec<f32> = samples.chunks(SOUND_RATE_HZ as usize / 10).map(level_of).collect();
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    let sounding: Vec<f32> = levels.into_iter().filter(|level| *level > loudest * 0.1).collect();
    level_of(&sounding)
}

fn add_hiss(samples: &mut [f32], random: &mut impl Rng) {
    let level = decibels(random.random_range(HISS_DB));
    for sample in samples.iter_mut() {
        *sample += level * gaussian(random);
    }
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak > CEILING {
        samples.iter_mut().for_each(|sample| *sample *= CEILING / peak);
    }
}

pub(crate) fn white(length: usize, random: &mut impl Rng) -> Vec<f32> {
    (0..length).map(|_| gaussian(random)).collect()
}

/// Noise of equal power in every octave: seven first-order filters over white noise, each an octave and a half apart.
pub(crate) fn pink(length: usize, random: &mut impl Rng) -> Vec<f32> {
    let poles: [f32; 7] = std::array::from_fn(|index| 1.0 - 0.9 * 0.35_f32.powi(index as i32));
    let mut states = [0.0_f32; 7];
    (0..length)
        .map(|_| {
            let white = gaussian(random);
            for (state, pole) in states.iter_mut().zip(poles) {
                *state = pole * *state + (1.0 - pole).sqrt() * white;
            }
            states.iter().sum()
        })
        .collect()
}

pub(crate) fn hum(length: usize, random: &mut impl Rng) -> Vec<f32> {
    let mains = if random.random_bool(0.5) { 50.0 } else { 60.0 };
    let harmonics: Vec<(f32, f32, f32)> = (1..=8)
        .map(|order| {
            (
                mains * order as f32,
                random.random_range(0.1..1.0) / order as f32,
                random.random_range(0.0..std::f32::consts::TAU),
            )
        })
        .collect();
    (0..length)
        .map(|index| {
            let time = index as f32 / SOUND_RATE_HZ as f32;
            harmonics
                .iter()
                .map(|(frequency, level, phase)| level * (std::f32::consts::TAU * frequency * time + phase).sin())
                .sum()
        })
        .collect()
}

/// A sample of the normal distribution, nearly: the sum of twelve uniform ones.
fn gaussian(random: &mut impl Rng) -> f32 {
    (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0
}

pub(crate) fn decibels(level: f32) -> f32 {
    10.0_f32.powf(level / 20.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn tone(length: usize, frequency: f32) -> Vec<i16> {
        (0..length)
            .map(|index| ((index as f32 * frequency * std::f32::consts::TAU / 16_000.0).sin() * 10_000.0) as i16)
            .collect()
    }

    #[test]
    fn an_octave_up_takes_half_the_time_and_keeps_the_shape() {
        let up = change_pitch(&tone(16_000, 200.0), 12.0);
        assert_eq!(up.len(), 8000);
        for (one, other) in up.iter().zip(tone(8000, 400.0)).skip(4) {
            assert!((one - f32::from(other) / 32_768.0).abs() < 5e-3);
        }
    }

    #[test]
    fn pink_noise_falls_three_decibels_an_octave() {
        let samples = pink(1 << 17, &mut ChaCha8Rng::seed_from_u64(1));
        // Power of first differences over strides grows by little more than a half a doubling for 1/f noise, by two for a random walk, by none for white.
        let power = |stride: usize| {
            level_of(
                &samples
                    .windows(stride + 1)
                    .map(|w| w[stride] - w[0])
                    .collect::<Vec<_>>(),
            )
            .powi(2)
        };
        let (short, long) = (power(2), power(64));
        assert!(long > short * 1.5 && long < short * 8.0, "{short} {long}");
    }

    #[test]
    fn levels_are_kept() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        for _ in 0..30 {
            assert!(level_of(&silence(8000, &mut random)) < decibels(-59.0));
            let loud = level_of(&noise(8000, &mut random));
            assert!(loud > decibels(-62.0) && loud < decibels(-13.0));
        }
    }

    proptest! {
        #[test]
        fn a_window_is_full_length_and_holds_the_recording(recorded in 1_usize..9000, length in 1_usize..9000, seed: u64) {
            let recording: Vec<f32> = vec![0.5; recorded];
            let window = place(&recording, length, &mut ChaCha8Rng::seed_from_u64(seed));
            prop_assert_eq!(window.len(), length);
            prop_assert!(window.iter().filter(|sample| **sample == 0.5).count() >= recorded.min(length));
        }
    }
}
