//! The sound of an ordinary room in which nothing happens that is worth looking at: hiss, pink noise, mains hum, a fan, distant
//! traffic, and now and then steps, knocks or a clatter.

use std::f32::consts::TAU;

use rand::Rng;
use rand::seq::IndexedRandom;

use crate::corpus::SOUND_RATE_HZ;
use crate::dataset::soundscape::{decibels, hum, level_of, pink, white};

/// No sample is larger than this; louder mixtures are turned down.
const CEILING: f32 = 0.98;
/// Delays of the room's reflections, in seconds, and how much of the sound each gives back (after Schroeder 1962).
const REFLECTIONS: [(f32, f32); 4] = [(0.0297, 0.72), (0.0371, 0.70), (0.0411, 0.68), (0.0437, 0.66)];

/// `length` samples at 16 kHz of a room of its own.
pub fn room(length: usize, random: &mut impl Rng) -> Vec<f32> {
    let mut sound = at_level(white(length, random), random.random_range(-80.0..=-58.0));
    for _ in 0..random.random_range(1..=3) {
        let (bed, loudest) = match random.random_range(0..4) {
            0 => (pink(length, random), -32.0),
            1 => (hum(length, random), -32.0),
            2 => (fan(length, random), -26.0),
            _ => (traffic(length, random), -26.0),
        };
        add(&mut sound, &at_level(bed, random.random_range(-60.0..=loudest)));
    }
    let mut events = vec![0.0; length];
    let seconds = length as f32 / SOUND_RATE_HZ as f32;
    for _ in 0..(seconds / 60.0 * random.random_range(0.0..8.0)).round() as usize {
        let peak = decibels(random.random_range(-38.0..=-10.0));
        impacts(&mut events, peak, random);
    }
    add(&mut sound, &reverberant(&events));
    let peak = sound.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak > CEILING {
        sound.iter_mut().for_each(|sample| *sample *= CEILING / peak);
    }
    sound
}

/// Air that is moved: dull noise that breathes slowly, and the tone of the blades.
fn fan(length: usize, random: &mut impl Rng) -> Vec<f32> {
    let mut air = pink(length, random);
    low_pass(&mut air, random.random_range(300.0..2500.0));
    let breath = random.random_range(0.05..0.6);
    let depth = random.random_range(0.0..0.3);
    let blades = random.random_range(60.0..260.0);
    let tone = level_of(&air) * random.random_range(0.0..0.8);
    for (index, sample) in air.iter_mut().enumerate() {
        let time = index as f32 / SOUND_RATE_HZ as f32;
        *sample *= 1.0 + depth * (TAU * breath * time).sin();
        *sample += tone
            * (1..=3)
                .map(|order| (TAU * blades * order as f32 * time).sin() / order as f32)
                .sum::<f32>();
    }
    air
}

/// Rumble that swells as cars pass.
fn traffic(length: usize, random: &mut impl Rng) -> Vec<f32> {
    let mut rumble = white(length, random);
    low_pass(&mut rumble, random.random_range(80.0..400.0));
    low_pass(&mut rumble, 900.0);
    let seconds = length as f32 / SOUND_RATE_HZ as f32;
    let passes: Vec<(f32, f32, f32)> = (0..(seconds / 12.0).ceil() as usize)
        .map(|_| {
            (
                random.random_range(0.0..seconds),
                random.random_range(2.0..7.0),
                random.random_range(0.5..4.0),
            )
        })
        .collect();
    for (index, sample) in rumble.iter_mut().enumerate() {
        let time = index as f32 / SOUND_RATE_HZ as f32;
        let swell = passes
            .iter()
            .map(|(at, breadth, gain)| gain * (-((time - at) / breadth).powi(2)).exp());
        *sample *= 0.3 + swell.sum::<f32>();
    }
    rumble
}

/// Steps, knocks or a clatter: a row of struck things that ring for a moment.
fn impacts(sound: &mut [f32], peak: f32, random: &mut impl Rng) {
    let sorts = [
        (2..=9, 0.35..0.75_f32, 60.0..350.0_f32, 0.015..0.05_f32),
        (2..=5, 0.12..0.35, 150.0..900.0, 0.01..0.04),
        (1..=4, 0.04..0.25, 900.0..5000.0, 0.01..0.12),
    ];
    let Some((count, pause, pitch, decay)) = sorts.choose(random).cloned() else {
        return;
    };
    let (pause, pitch) = (random.random_range(pause), random.random_range(pitch));
    let mut start = random.random_range(0..sound.len().max(1));
    for _ in 0..random.random_range(count) {
        let strength = peak * random.random_range(0.5..1.0);
        let rings: Vec<(f32, f32)> = (0..3)
            .map(|_| {
                (
                    pitch * random.random_range(0.7..2.2),
                    random.random_range(decay.clone()),
                )
            })
            .collect();
        let length = SOUND_RATE_HZ as usize / 3;
        for (index, sample) in sound.iter_mut().skip(start).take(length).enumerate() {
            let time = index as f32 / SOUND_RATE_HZ as f32;
            let ring = rings
                .iter()
                .map(|(hertz, decay)| (-time / decay).exp() * (TAU * hertz * time).sin());
            let strike = (-time / 0.004).exp() * random.random_range(-1.0..1.0);
            *sample += strength * (0.4 * ring.sum::<f32>() + 0.6 * strike);
        }
        start += (pause * random.random_range(0.85..1.15) * SOUND_RATE_HZ as f32) as usize;
    }
}

/// The sound with what the room's walls give back.
fn reverberant(sound: &[f32]) -> Vec<f32> {
    let mut whole = sound.to_vec();
    for (delay_seconds, gain) in REFLECTIONS {
        let delay = (delay_seconds * SOUND_RATE_HZ as f32) as usize;
        let mut reflected = sound.to_vec();
        for index in delay..reflected.len() {
            reflected[index] += gain * reflected[index - delay];
        }
        for (sample, reflected) in whole.iter_mut().zip(reflected).skip(delay) {
            *sample += 0.1 * reflected;
        }
    }
    whole
}

fn low_pass(sound: &mut [f32], hertz: f32) {
    let share = 1.0 - (-TAU * hertz / SOUND_RATE_HZ as f32).exp();
    let mut state = 0.0;
    for sample in sound {
        state += share * (*sample - state);
        *sample = state;
    }
}

fn at_level(mut sound: Vec<f32>, level_decibels: f32) -> Vec<f32> {
    let gain = decibels(level_decibels) / level_of(&sound).max(1e-9);
    sound.iter_mut().for_each(|sample| *sample *= gain);
    sound
}

fn add(sound: &mut [f32], other: &[f32]) {
    sound.iter_mut().zip(other).for_each(|(sample, other)| *sample += other);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn rooms_are_as_loud_as_rooms_are_and_unlike_each_other() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let levels: Vec<f32> = (0..30)
            .map(|_| 20.0 * level_of(&room(160_000, &mut random)).log10())
            .collect();
        assert!(levels.iter().all(|level| (-62.0..-15.0).contains(level)), "{levels:?}");
        let (least, greatest) = levels.iter().fold((0.0_f32, -99.0_f32), |(least, greatest), level| {
            (least.min(*level), greatest.max(*level))
        });
        assert!(greatest - least > 10.0, "{levels:?}");
    }

    #[test]
    fn what_is_struck_dies_away() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut sound = vec![0.0; 16_000];
        impacts(&mut sound, 0.5, &mut random);
        let reverberant = reverberant(&sound);
        assert!(level_of(&reverberant) > level_of(&sound));
        let click: Vec<f32> = (0..32_000).map(|index| f32::from(u8::from(index == 0))).collect();
        let ringing = super::reverberant(&click);
        assert!(level_of(&ringing[800..8000]) > 1e-4 && level_of(&ringing[24_000..]) < 1e-4);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn a_room_is_whole_and_never_clips(length in 0_usize..40_000, seed: u64) {
            let sound = room(length, &mut ChaCha8Rng::seed_from_u64(seed));
            prop_assert_eq!(sound.len(), length);
            prop_assert!(sound.iter().all(|sample| sample.abs() <= 1.0));
        }
    }
}
