//! What is to be heard, sample by sample: recordings at their times and levels over a steady noise. Every sample is a function of
//! its number alone, so that hours take no memory and every run is the same.

use std::ops::Range;
use std::sync::Arc;

/// Samples a second.
pub const RATE_HZ: u32 = 16_000;
/// The pause between two repetitions of a recording.
const PAUSE_SAMPLES: u64 = RATE_HZ as u64 * 2 / 5;
/// Octaves of pink noise: down to 4 Hz.
const OCTAVES: u32 = 12;

/// A noise that never ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Steady {
    /// Digital silence.
    Silence,
    /// As much in every hertz.
    White,
    /// As much in every octave.
    Pink,
}

#[derive(Debug, Clone)]
struct Playing {
    samples: Arc<Vec<f32>>,
    gain: f32,
    during: Range<u64>,
}

/// A mix.
#[derive(Debug, Clone)]
pub struct Soundscape {
    steady: Steady,
    gain: f32,
    seed: u64,
    playing: Vec<Playing>,
}

impl Soundscape {
    /// A noise of a level (dBFS, root mean square) and nothing else.
    pub fn new(steady: Steady, decibels: f64, seed: u64) -> Self {
        Self {
            steady,
            gain: gain(decibels),
            seed,
            playing: Vec::new(),
        }
    }

    /// Adds a recording at 0 dBFS, brought to a level, over and over with short pauses during a stretch of time, in seconds.
    #[must_use]
    pub fn with(mut self, samples: Arc<Vec<f32>>, decibels: f64, seconds: Range<f64>) -> Self {
        let sample = |seconds: f64| (seconds * f64::from(RATE_HZ)) as u64;
        self.playing.push(Playing {
            samples,
            gain: gain(decibels),
            during: sample(seconds.start)..sample(seconds.end),
        });
        self
    }

    /// Renders a stretch, counted in samples, at the end of `into`.
    pub fn render(&self, stretch: Range<u64>, into: &mut Vec<f32>) {
        let active: Vec<&Playing> = self
            .playing
            .iter()
            .filter(|playing| playing.during.start < stretch.end && playing.during.end > stretch.start)
            .collect();
        into.extend(stretch.map(|index| {
            let recordings: f32 = active.iter().map(|playing| playing.at(index)).sum();
            (self.noise(index) + recordings).clamp(-1.0, 1.0)
        }));
    }

    fn noise(&self, index: u64) -> f32 {
        match self.steady {
            Steady::Silence => 0.0,
            Steady::White => self.gain * self.uniform(index, 0),
            // Voss and McCartney: a sum of random numbers, each held twice as long as the one before it.
            Steady::Pink => {
                let sum: f32 = (0..OCTAVES)
                    .map(|octave| self.uniform(index >> octave, u64::from(octave) + 1))
                    .sum();
                self.gain * sum / (OCTAVES as f32).sqrt()
            }
        }
    }

    /// A number that looks like chance, of mean 0 and deviation 1 (SplitMix64).
    fn uniform(&self, index: u64, stream: u64) -> f32 {
        let mut bits = index
            .wrapping_add(self.seed << 32)
            .wrapping_add(stream << 56)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        let share = (bits >> 40) as f32 / (1 << 24) as f32;
        (share - 0.5) * 12.0_f32.sqrt()
    }
}

impl Playing {
    fn at(&self, index: u64) -> f32 {
        if !self.during.contains(&index) {
            return 0.0;
        }
        let within = (index - self.during.start) % (self.samples.len() as u64 + PAUSE_SAMPLES);
        self.samples
            .get(within as usize)
            .map_or(0.0, |sample| self.gain * sample)
    }
}

fn gain(decibels: f64) -> f32 {
    10.0_f64.powf(decibels / 20.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(soundscape: &Soundscape, stretch: Range<u64>) -> f64 {
        let mut samples = Vec::new();
        soundscape.render(stretch, &mut samples);
        let power = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64;
        10.0 * power.max(1e-20).log10()
    }

    #[test]
    fn levels_are_as_told() {
        for steady in [Steady::White, Steady::Pink] {
            let noise = Soundscape::new(steady, -40.0, 1);
            let found = level(&noise, 5_000_000..5_400_000);
            assert!((found + 40.0).abs() < 1.0, "{steady:?}: {found}");
        }
        let tone = Arc::new(vec![1.0; 16_000]);
        let soundscape = Soundscape::new(Steady::Silence, -90.0, 1).with(tone, -20.0, 2.0..4.0);
        assert!(level(&soundscape, 0..32_000) < -190.0);
        assert!((level(&soundscape, 32_000..48_000) + 20.0).abs() < 0.01);
    }

    #[test]
    fn pink_noise_falls_by_three_decibels_an_octave() {
        let mut samples = Vec::new();
        Soundscape::new(Steady::Pink, -20.0, 3).render(0..1 << 18, &mut samples);
        // The power of the differences between means over neighbouring stretches is that of an octave, about.
        let octave = |length: usize| {
            let means: Vec<f64> = samples
                .chunks_exact(length)
                .map(|chunk| chunk.iter().map(|sample| f64::from(*sample)).sum::<f64>() / length as f64)
                .collect();
            let squares = means.windows(2).step_by(2).map(|pair| (pair[0] - pair[1]).powi(2));
            squares.sum::<f64>() / (means.len() / 2) as f64
        };
        let ratio = octave(8) / octave(64);
        assert!((0.5..2.0).contains(&ratio), "{ratio}");
    }
}
