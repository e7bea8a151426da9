//! From a card's interleaved bytes to mono samples.

use ::alsa::pcm::Format;

/// How a card writes one sample; all little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleFormat {
    /// 32-bit floating point.
    Float,
    /// 32-bit integers.
    Integer32,
    /// 24-bit integers in three bytes.
    Integer24In3,
    /// 24-bit integers in four bytes, of which the topmost is not to be looked at.
    Integer24In4,
    /// 16-bit integers.
    Integer16,
}

impl SampleFormat {
    /// All that are taken, those with the finest steps first.
    pub(super) const ALL: [Self; 5] = [
        Self::Float,
        Self::Integer32,
        Self::Integer24In3,
        Self::Integer24In4,
        Self::Integer16,
    ];

    /// What ALSA calls it.
    pub(super) fn alsa(self) -> Format {
        match self {
            Self::Float => Format::FloatLE,
            Self::Integer32 => Format::S32LE,
            Self::Integer24In3 => Format::S243LE,
            Self::Integer24In4 => Format::S24LE,
            Self::Integer16 => Format::S16LE,
        }
    }

    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::Float | Self::Integer32 | Self::Integer24In4 => 4,
            Self::Integer24In3 => 3,
            Self::Integer16 => 2,
        }
    }

    /// One sample of as many bytes as it takes, in −1..1; what is no number is silence.
    fn value(self, bytes: &[u8]) -> f32 {
        // Shifted to the top of 32 bits, so that the sign is in its place.
        let integer = match (self, bytes) {
            (Self::Float, &[a, b, c, d]) => {
                let value = f32::from_le_bytes([a, b, c, d]);
                return if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
            }
            (Self::Integer32, &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]),
            (Self::Integer24In3, &[a, b, c]) | (Self::Integer24In4, &[a, b, c, _]) => i32::from_le_bytes([0, a, b, c]),
            (Self::Integer16, &[a, b]) => i32::from_le_bytes([0, 0, a, b]),
            _ => 0,
        };
        integer as f32 / 2_147_483_648.0
    }
}

/// Appends one sample for every whole frame of `channels` samples: the mean of all for channel 0, else that channel, from 1.
pub fn append_mono(bytes: &[u8], format: SampleFormat, channels: usize, channel: usize, onto: &mut Vec<f32>) {
    let size = format.bytes();
    let scale = 1.0 / channels.max(1) as f32;
    for frame in bytes.chunks_exact(size * channels.max(1)) {
        let mut samples = frame.chunks_exact(size).map(|sample| format.value(sample));
        onto.push(match channel.checked_sub(1) {
            None => samples.sum::<f32>() * scale,
            Some(index) => samples.nth(index).unwrap_or(0.0),
        });
    }
}

/// Writes every one of `channels` channels by itself over `into`.
pub fn split(bytes: &[u8], format: SampleFormat, channels: usize, into: &mut Vec<Vec<f32>>) {
    into.resize_with(channels, Vec::new);
    for (index, samples) in into.iter_mut().enumerate() {
        samples.clear();
        append_mono(bytes, format, channels, index + 1, samples);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn mono(bytes: &[u8], format: SampleFormat, channels: usize, channel: usize) -> Vec<f32> {
        let mut samples = Vec::new();
        append_mono(bytes, format, channels, channel, &mut samples);
        samples
    }

    #[test]
    fn every_format_means_the_same_sound() {
        let written = |value: f64, format| -> Vec<u8> {
            let scaled = |bits: u32| (value * f64::from(1u32 << (bits - 1))) as i32;
            match format {
                SampleFormat::Float => (value as f32).to_le_bytes().to_vec(),
                SampleFormat::Integer32 => ((value * 2_147_483_648.0) as i32).to_le_bytes().to_vec(),
                SampleFormat::Integer24In3 => scaled(24).to_le_bytes()[..3].to_vec(),
                // What lies in the fourth byte is anyone's guess.
                SampleFormat::Integer24In4 => [&scaled(24).to_le_bytes()[..3], &[0x5A]].concat(),
                SampleFormat::Integer16 => scaled(16).to_le_bytes()[..2].to_vec(),
            }
        };
        for format in SampleFormat::ALL {
            for value in [0.0, 0.5, -0.5, 0.999, -1.0] {
                let sample = mono(&written(value, format), format, 1, 0)[0];
                assert!(
                    (f64::from(sample) - value).abs() < 4e-5,
                    "{format:?}: {sample} for {value}"
                );
            }
        }
    }

    #[test]
    fn channels_are_mixed_or_picked() {
        let frames: Vec<u8> = [16384i16, -8192, 0, 8192]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        assert_eq!(mono(&frames, SampleFormat::Integer16, 2, 0), [0.125, 0.125]);
        assert_eq!(mono(&frames, SampleFormat::Integer16, 2, 1), [0.5, 0.0]);
        assert_eq!(mono(&frames, SampleFormat::Integer16, 2, 2), [-0.25, 0.25]);
        assert_eq!(
            mono(&frames, SampleFormat::Integer16, 3, 0).len(),
            1,
            "half a frame is none"
        );
    }

    #[test]
    fn channels_are_split() {
        let frames: Vec<u8> = [16384i16, -8192, 0, 8192]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let mut channels = vec![vec![9.0; 7]; 5];
        split(&frames, SampleFormat::Integer16, 2, &mut channels);
        assert_eq!(channels, [[0.5, 0.0], [-0.25, 0.25]]);
    }

    proptest! {
        #[test]
        fn no_bytes_lead_out_of_range(
            bytes in prop::collection::vec(any::<u8>(), 0..100), channels in 0usize..9, channel in 0usize..9,
        ) {
            for format in SampleFormat::ALL {
                let samples = mono(&bytes, format, channels, channel);
                prop_assert_eq!(samples.len(), bytes.len() / (format.bytes() * channels.max(1)));
                prop_assert!(samples.iter().all(|sample| sample.abs() <= 1.0001));
            }
        }
    }
}
