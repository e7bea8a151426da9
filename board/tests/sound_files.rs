//! Sound files as people have them: every coding, every sample format, and what is cut off, empty or damaged.
#![cfg(feature = "media")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::f64::consts::TAU;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hound::{SampleFormat, WavSpec, WavWriter};
use lookhear_board::sound_file::{SoundFileError, SoundTrack, decode_sound, read_sound, read_sound_track};
use proptest::prelude::*;

const TONE_HZ: f64 = 1000.0;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A WAV of the tone at half amplitude, 0.2 s at 16 kHz, with the same samples in each channel scaled by `channels`.
fn tone_wav(bits_per_sample: u16, sample_format: SampleFormat, channels: &[f64]) -> Vec<u8> {
    let spec = WavSpec {
        channels: channels.len() as u16,
        sample_rate: 16_000,
        bits_per_sample,
        sample_format,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for index in 0..3200 {
        for scale in channels {
            let value = 0.5 * scale * (TAU * TONE_HZ * f64::from(index) / 16_000.0).sin();
            match sample_format {
                SampleFormat::Float => writer.write_sample(value as f32).unwrap(),
                SampleFormat::Int => {
                    let full = f64::from(1_u32 << (bits_per_sample - 1));
                    writer.write_sample((value * full).round() as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn decoded(bytes: Vec<u8>, name: &str) -> Result<SoundTrack, SoundFileError> {
    decode_sound(Box::new(Cursor::new(bytes)), Path::new(name))
}

/// Amplitude of the tone in `samples`, and its phase in radians against a sine that begins with the first sample.
fn tone_in(samples: &[f32], rate_hz: u32) -> (f64, f64) {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let angle = TAU * TONE_HZ * index as f64 / f64::from(rate_hz);
        sine += f64::from(*sample) * angle.sin();
        cosine += f64::from(*sample) * angle.cos();
    }
    let scale = 2.0 / samples.len() as f64;
    ((sine * scale).hypot(cosine * scale), cosine.atan2(sine))
}

#[test]
fn every_wav_sample_format_gives_the_same_tone() {
    let formats = [
        (8, SampleFormat::Int),
        (16, SampleFormat::Int),
        (24, SampleFormat::Int),
        (32, SampleFormat::Int),
        (32, SampleFormat::Float),
    ];
    for (bits, format) in formats {
        let track = decoded(tone_wav(bits, format, &[1.0]), "tone.wav").unwrap();
        assert_eq!(
            (track.sound.samples.len(), track.sound.rate_hz),
            (3200, 16_000),
            "{bits} {format:?}"
        );
        assert_eq!((track.stamp, track.damage), (Duration::ZERO, None));
        let (amplitude, phase) = tone_in(&track.sound.samples, 16_000);
        assert!(
            (amplitude - 0.5).abs() < 0.005 && phase.abs() < 0.01,
            "{bits} {format:?}: {amplitude} {phase}"
        );
    }
}

#[test]
fn channels_are_averaged() {
    let track = decoded(tone_wav(16, SampleFormat::Int, &[1.0, 0.5, 0.0]), "tone.wav").unwrap();
    assert_eq!(track.sound.samples.len(), 3200);
    let (amplitude, _) = tone_in(&track.sound.samples, 16_000);
    assert!((amplitude - 0.25).abs() < 0.001, "{amplitude}");
    let opposite = decoded(tone_wav(16, SampleFormat::Int, &[1.0, -1.0]), "tone.wav").unwrap();
    assert!(opposite.sound.samples.iter().all(|sample| sample.abs() < 1e-4));
}

#[test]
fn coded_files_give_the_tone() {
    for name in ["tone.flac", "tone.ogg", "tone.mp3", "tone.m4a"] {
        let track = read_sound_track(&fixture(name)).unwrap();
        assert_eq!(track.sound.rate_hz, 16_000, "{name}");
        assert_eq!(track.damage, None, "{name}");
        let middle = &track.sound.samples[3200..4800];
        let (amplitude, _) = tone_in(middle, 16_000);
        assert!((amplitude - 0.5).abs() < 0.03, "{name}: {amplitude}");
    }
}

#[test]
fn lossless_and_vorbis_start_and_end_exactly() {
    for name in ["tone.flac", "tone.ogg"] {
        let sound = read_sound(&fixture(name)).unwrap();
        assert_eq!(sound.samples.len(), 6400, "{name}");
        let (_, phase) = tone_in(&sound.samples, 16_000);
        assert!(phase.abs() < 0.15, "{name}: {phase}");
    }
}

#[test]
fn samples_that_are_no_numbers_become_silence() {
    let spec = WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 32,
        sample_format: SampleFormat::Float,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for sample in [0.25, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -0.5] {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    let track = decoded(bytes.into_inner(), "odd.wav").unwrap();
    assert_eq!(track.sound.samples, [0.25, 0.0, 0.0, 0.0, 1.0, -0.5]);
}

#[test]
fn a_cut_file_gives_what_is_there_and_says_so() {
    let mut bytes = tone_wav(16, SampleFormat::Int, &[1.0]);
    let whole = decoded(bytes.clone(), "tone.wav").unwrap().sound.samples;
    bytes.truncate(44 + 2000);
    let track = decoded(bytes, "tone.wav").unwrap();
    assert!(track.damage.is_some_and(|damage| damage.contains("cut off")));
    assert_eq!(track.sound.samples, whole[..1000]);

    for name in ["tone.flac", "tone.mp3"] {
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        bytes.truncate(bytes.len() * 2 / 3);
        let track = decoded(bytes, name).unwrap();
        assert!(
            (2000..6000).contains(&track.sound.samples.len()),
            "{name}: {}",
            track.sound.samples.len()
        );
    }
}

#[test]
fn no_samples_is_told_apart_from_no_sound() {
    let spec = WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    WavWriter::new(&mut bytes, spec).unwrap().finalize().unwrap();
    assert!(matches!(
        decoded(bytes.into_inner(), "empty.wav"),
        Err(SoundFileError::Empty { .. })
    ));

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nothing.wav");
    std::fs::write(&path, b"").unwrap();
    assert!(matches!(read_sound(&path), Err(SoundFileError::Empty { .. })));
    std::fs::write(&path, b"these are words and no sound at all").unwrap();
    let error = read_sound(&path).unwrap_err();
    assert!(matches!(error, SoundFileError::NotASound { .. }), "{error}");
    assert!(
        error.to_string().contains("nothing.wav") && error.to_string().contains("convert"),
        "{error}"
    );
    assert!(matches!(
        read_sound(directory.path()),
        Err(SoundFileError::Unreadable { .. })
    ));
    assert!(matches!(
        read_sound(&directory.path().join("absent.wav")),
        Err(SoundFileError::Unreadable { .. })
    ));
}

#[test]
fn a_coding_that_is_not_decoded_is_named() {
    let error = decode_sound(
        Box::new(std::fs::File::open(fixture("tone.opus")).unwrap()),
        Path::new("tone.opus"),
    )
    .unwrap_err();
    assert!(matches!(error, SoundFileError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("Opus"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(
        name in prop::sample::select(vec!["tone.wav", "tone.ogg", "tone.mp3", "tone.flac", "tone.m4a", "tone.opus"]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        in_header in any::<bool>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = match name {
            "tone.wav" => tone_wav(16, SampleFormat::Int, &[1.0, 0.3]),
            other => std::fs::read(fixture(other)).unwrap(),
        };
        let reach = if in_header { bytes.len().min(200) } else { bytes.len() };
        for (at, mask) in flips {
            bytes[at.index(reach)] ^= mask;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len()) / 2);
        if let Ok(track) = decoded(bytes, name) {
            prop_assert!(!track.sound.samples.is_empty());
            prop_assert!(track.sound.samples.iter().all(|sample| sample.abs() <= 1.0));
        }
    }
}
