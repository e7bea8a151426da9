//! The room in which a recording is played: its reverberation, as a sparse train of echoes that dies away exponentially (velvet
//! noise; Järveläinen and Karjalainen 2007), so dense that the ear and a spectrogram take it for a room's.

use std::ops::RangeInclusive;

use rand::Rng;

use crate::corpus::SOUND_RATE_HZ;

/// The time in which the reverberation falls by 60 dB: from a furnished office to a bare hall.
const REVERBERATION_SECONDS: RangeInclusive<f32> = 0.15..=0.8;
/// How far all the echoes together lie under the direct sound, in dB: negative for somebody far from the microphone.
const DIRECT_OVER_ECHOES_DB: RangeInclusive<f32> = -3.0..=12.0;
/// How long after the direct sound the first echo comes.
const FIRST_ECHO_SECONDS: RangeInclusive<f32> = 0.002..=0.02;
/// Echoes in a second.
const DENSITY_HZ: f32 = 1500.0;

/// What is heard of `samples` (16 kHz) in a room that `random` draws, as long as they are.
pub fn reverberate(samples: &[f32], random: &mut impl Rng) -> Vec<f32> {
    let rate_hz = SOUND_RATE_HZ as f32;
    let seconds = random.random_range(REVERBERATION_SECONDS);
    let spacing = rate_hz / DENSITY_HZ;
    let mut at = random.random_range(FIRST_ECHO_SECONDS) * rate_hz;
    let mut echoes = Vec::new();
    while at < seconds * rate_hz {
        let jitter = random.random_range(0.0..spacing);
        let strength = 10.0_f32.powf(-3.0 * at / (seconds * rate_hz));
        let sign = if random.random_bool(0.5) { 1.0 } else { -1.0 };
        echoes.push(((at + jitter) as usize, sign * strength));
        at += spacing;
    }
    let energy: f32 = echoes.iter().map(|(_, strength)| strength * strength).sum();
    let share = super::soundscape::decibels(-random.random_range(DIRECT_OVER_ECHOES_DB)) / energy.sqrt().max(1e-6);
    let mut heard = samples.to_vec();
    for (delay, strength) in echoes {
        let (Some(late), gain) = (heard.get_mut(delay..), strength * share) else {
            continue;
        };
        for (heard, sample) in late.iter_mut().zip(samples) {
            *heard += gain * sample;
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_click_is_followed_by_echoes_that_die_away() {
        for seed in 0..20 {
            let mut click = vec![0.0; 16_000];
            *click.first_mut().unwrap() = 1.0;
            let heard = reverberate(&click, &mut ChaCha8Rng::seed_from_u64(seed));
            assert_eq!((heard.len(), heard[0]), (click.len(), 1.0), "the direct sound stays");
            let energy = |from: usize, to: usize| heard[from..to].iter().map(|sample| sample * sample).sum::<f32>();
            let (early, late, last) = (energy(1, 1600), energy(1600, 12_000), energy(13_200, 16_000));
            assert!(early > late && last == 0.0, "{early} {late} {last}");
            let over = -10.0 * (early + late).log10();
            assert!((-4.0..13.0).contains(&over), "{over} dB");
        }
    }
}
