//! Films written and read again: pictures, times and sound come back, and damage of any kind is told, never a panic.
#![cfg(feature = "media")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lookhear_board::camera::film::{Film, FilmError};
use lookhear_board::camera::synthetic::{Scene, SyntheticCamera};
use lookhear_board::display::{FilmSound, FilmWriteError, FilmWriter};
use lookhear_board::{Camera, Canvas, CaptureError, Delivery, Frame, Sound, SoundTrack, read_sound, read_sound_track};
use proptest::prelude::*;
use tempfile::TempDir;

const SCENE: Scene = Scene {
    width: 160,
    height: 120,
    rate_hz: 10.0,
    duration: Some(Duration::from_millis(1500)),
    seed: 5,
};

/// Writes a scene as a film and returns where it lies.
fn film_of(scene: Scene, sound: FilmSound, directory: &TempDir) -> PathBuf {
    let path = directory.path().join("film.mp4");
    let mut writer = FilmWriter::create(&path, scene.width, scene.height, scene.rate_hz, sound).unwrap();
    let (mut camera, mut frame, mut canvas) = (SyntheticCamera::new(scene), Frame::default(), Canvas::default());
    while camera.next_frame(&mut frame).unwrap() == Delivery::Fresh {
        assert!(canvas.show(&frame.picture));
        writer.write(&canvas, frame.stamp).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn film_bytes(scene: Scene, sound: FilmSound) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::read(film_of(scene, sound, &directory)).unwrap()
}

fn read(bytes: &[u8]) -> Result<Film<Cursor<Vec<u8>>>, FilmError> {
    Film::read(Cursor::new(bytes.to_vec()), Path::new("film.mp4"))
}

/// All frames up to the end, and the error that stands in its place, if one does.
fn frames(film: &mut dyn Camera) -> (Vec<Frame>, Option<CaptureError>) {
    let (mut all, mut frame) = (Vec::new(), Frame::default());
    loop {
        match film.next_frame(&mut frame) {
            Ok(Delivery::Fresh) => all.push(frame.clone()),
            Ok(Delivery::Ended) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

/// Peak signal-to-noise ratio in decibels.
fn likeness(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let squares: f64 = one
        .iter()
        .zip(other)
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum();
    10.0 * (255.0 * 255.0 * one.len() as f64 / squares.max(1e-9)).log10()
}

/// Top-level boxes: kind and bytes.
fn boxes(mut file: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut all = Vec::new();
    while file.len() >= 8 {
        let size = match u32::from_be_bytes(file[..4].try_into().unwrap()) {
            1 => usize::try_from(u64::from_be_bytes(file[8..16].try_into().unwrap())).unwrap(),
            size => size as usize,
        };
        let (whole, rest) = file.split_at(size);
        all.push((&whole[4..8], whole));
        file = rest;
    }
    all
}

/// The same film with its index before the media, as it is served on the web.
fn index_first(film: &[u8]) -> Vec<u8> {
    let parts = boxes(film);
    let part = |kind: &[u8]| parts.iter().find(|(name, _)| *name == kind).unwrap().1;
    let mut index = part(b"moov").to_vec();
    let shift = index.len() as u32;
    for at in 0..index.len() - 8 {
        if &index[at..at + 4] == b"stco" {
            let count = u32::from_be_bytes(index[at + 8..at + 12].try_into().unwrap()) as usize;
            for entry in index[at + 12..at + 12 + count * 4].chunks_exact_mut(4) {
                let moved = u32::from_be_bytes((&*entry).try_into().unwrap()) + shift;
                entry.copy_from_slice(&moved.to_be_bytes());
            }
        }
    }
    [part(b"ftyp"), &index, part(b"mdat")].concat()
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn what_is_written_is_read_again() {
    let bytes = film_bytes(SCENE, FilmSound::Silent);
    let mut film = read(&bytes).unwrap();
    assert_eq!(film.length().frames, Some(15));
    assert_eq!(film.length().duration.unwrap().as_millis(), 1500);
    let (seen, error) = frames(&mut film);
    assert!(error.is_none(), "{error:?}");
    let (drawn, _) = frames(&mut SyntheticCamera::new(SCENE));
    assert_eq!(seen.len(), drawn.len());
    for (seen, drawn) in seen.iter().zip(&drawn) {
        assert!(
            seen.stamp.abs_diff(drawn.stamp) < Duration::from_micros(12),
            "{:?} {:?}",
            seen.stamp,
            drawn.stamp
        );
        let decibels = likeness(&seen.picture.bytes, &drawn.picture.bytes);
        assert!(decibels > 30.0, "{decibels} dB at {:?}", drawn.stamp);
    }
    assert_eq!(film.next_frame(&mut Frame::default()).unwrap(), Delivery::Ended);
}

#[test]
fn the_index_may_come_first() {
    let bytes = film_bytes(SCENE, FilmSound::Silent);
    let (one, _) = frames(&mut read(&bytes).unwrap());
    let (other, _) = frames(&mut read(&index_first(&bytes)).unwrap());
    assert_eq!(one, other);
}

#[test]
fn uneven_stamps_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("film.mp4");
    let stamps = [250, 290, 291, 900, 2_000].map(Duration::from_millis);
    let mut writer = FilmWriter::create(&path, 64, 64, 25.0, FilmSound::Silent).unwrap();
    for stamp in stamps {
        writer.write(&Canvas::new(64, 64), stamp).unwrap();
    }
    writer.finish().unwrap();
    let (seen, _) = frames(&mut Film::open(&path).unwrap());
    let seen: Vec<u128> = seen.iter().map(|frame| frame.stamp.as_millis()).collect();
    assert_eq!(seen, [250, 290, 291, 900, 2_000]);
}

#[test]
fn odd_and_tiny_pictures_are_filled_up() {
    for (width, height, film_width, film_height) in [(33, 17, 34, 18), (1, 1, 16, 16), (640, 3, 640, 16)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("film.mp4");
        let mut canvas = Canvas::new(width, height);
        canvas.bytes_mut().fill(200);
        let mut writer = FilmWriter::create(&path, width, height, 25.0, FilmSound::Silent).unwrap();
        writer.write(&canvas, Duration::ZERO).unwrap();
        writer.finish().unwrap();
        let (seen, _) = frames(&mut Film::open(&path).unwrap());
        assert_eq!(
            (seen[0].picture.width, seen[0].picture.height),
            (film_width, film_height)
        );
        assert!(
            seen[0].picture.bytes.iter().all(|level| level.abs_diff(200) < 8),
            "{width}×{height}"
        );
    }
}

#[test]
fn pictures_too_large_to_code_are_reduced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("film.mp4");
    let mut canvas = Canvas::new(4096, 64);
    for (number, byte) in canvas.bytes_mut().iter_mut().enumerate() {
        *byte = if number / 3 % 2 == 0 { 100 } else { 140 };
    }
    let mut writer = FilmWriter::create(&path, 4096, 64, 25.0, FilmSound::Silent).unwrap();
    writer.write(&canvas, Duration::ZERO).unwrap();
    writer.finish().unwrap();
    let (seen, _) = frames(&mut Film::open(&path).unwrap());
    assert_eq!((seen[0].picture.width, seen[0].picture.height), (2048, 32));
    assert!(seen[0].picture.bytes.iter().all(|level| level.abs_diff(120) < 4));
}

#[test]
fn a_given_sound_comes_back_to_sixteen_bits() {
    let samples: Vec<f32> = (0..20_011_u32)
        .map(|n| (f64::from(n) * 0.05).sin() as f32 * 0.9)
        .collect();
    let sound = Sound {
        samples,
        rate_hz: 22_050,
    };
    let directory = tempfile::tempdir().unwrap();
    let path = film_of(
        SCENE,
        FilmSound::Given(sound.clone(), Duration::from_millis(120)),
        &directory,
    );
    let track = read_sound_track(&path).unwrap();
    assert_eq!(
        (track.sound.rate_hz, track.damage, track.stamp.as_millis()),
        (22_050, None, 120)
    );
    assert_eq!(track.sound.samples.len(), sound.samples.len());
    for (one, other) in track.sound.samples.iter().zip(&sound.samples) {
        assert!((one - other).abs() < 1.0 / 32_768.0);
    }
}

#[test]
fn the_sound_of_another_film_is_taken_over() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tone.m4a");
    let directory = tempfile::tempdir().unwrap();
    let film = film_of(SCENE, FilmSound::Of(source.clone()), &directory);
    let (copy, original) = (read_sound_track(&film).unwrap(), read_sound_track(&source).unwrap());
    assert!(original.sound.samples.len() >= 6400);
    assert_eq!(copy, original);
    let again = directory.path().join("again.mp4");
    std::fs::rename(&film, &again).unwrap();
    assert_eq!(
        read_sound_track(&film_of(SCENE, FilmSound::Of(again), &directory)).unwrap(),
        original
    );
}

#[test]
fn a_broken_run_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("film.mp4");
    let mut writer = FilmWriter::create(&path, 64, 48, 25.0, FilmSound::Silent).unwrap();
    writer.write(&Canvas::new(64, 48), Duration::from_secs(1)).unwrap();
    let order = writer.write(&Canvas::new(64, 48), Duration::from_secs(1)).unwrap_err();
    assert!(matches!(order, FilmWriteError::Order { .. }));
    let size = writer.write(&Canvas::new(64, 50), Duration::from_secs(2)).unwrap_err();
    assert!(matches!(size, FilmWriteError::Picture { .. }));
    drop(writer);
    let empty = FilmWriter::create(&path, 64, 48, 25.0, FilmSound::Silent)
        .unwrap()
        .finish();
    assert!(matches!(empty, Err(FilmWriteError::Empty { .. })));
    let none = FilmWriter::create(&path, 0, 48, 25.0, FilmSound::Silent);
    assert!(matches!(none, Err(FilmWriteError::Size { .. })));
    let nowhere = FilmWriter::create(
        &directory.path().join("absent/film.mp4"),
        64,
        48,
        25.0,
        FilmSound::Silent,
    );
    assert!(matches!(nowhere, Err(FilmWriteError::Unwritable { .. })));
    let soundless = FilmWriter::create(&path, 64, 48, 25.0, FilmSound::Of(directory.path().join("absent.wav")));
    assert!(matches!(soundless, Err(FilmWriteError::Sound(_))));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_cut_film_is_delivered_up_to_the_cut() {
    let sound = Sound {
        samples: vec![0.1; 24_000],
        rate_hz: 16_000,
    };
    let bytes = index_first(&film_bytes(SCENE, FilmSound::Given(sound, Duration::ZERO)));
    let (whole, _) = frames(&mut read(&bytes).unwrap());
    let cut = &bytes[..bytes.len() * 3 / 4];
    let (seen, error) = frames(&mut read(cut).unwrap());
    assert!((1..whole.len()).contains(&seen.len()), "{}", seen.len());
    assert_eq!(seen, whole[..seen.len()]);
    let error = error.unwrap();
    assert!(matches!(error, CaptureError::Incomplete { .. }), "{error}");
    assert!(error.to_string().contains("film.mp4: the file is cut off"), "{error}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.mp4");
    std::fs::write(&path, cut).unwrap();
    let SoundTrack { sound, damage, .. } = read_sound_track(&path).unwrap();
    assert!((1000..24_000).contains(&sound.samples.len()), "{}", sound.samples.len());
    assert!(damage.is_some());
}

#[test]
fn what_cannot_be_opened_is_named_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = film_bytes(SCENE, FilmSound::Silent);
    let refused = |bytes: &[u8]| read(bytes).err().unwrap();

    let headless = refused(&bytes[..bytes.len() - 10]);
    assert!(
        matches!(headless, FilmError::Damaged { .. }) && headless.to_string().contains("index"),
        "{headless}"
    );
    for (letters, name) in [(b"hvc1", "HEVC"), (b"av01", "AV1"), (b"vp09", "VP9")] {
        let error = refused(&replaced(&bytes, b"avc1", letters));
        assert!(matches!(error, FilmError::Unsupported { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(name) && text.contains("convert") && text.contains("ffmpeg"),
            "{text}"
        );
    }
    let matroska = refused(&[0x1A, 0x45, 0xDF, 0xA3, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(matches!(&matroska, FilmError::Unsupported { .. }) && matroska.to_string().contains("Matroska"));
    assert!(matches!(
        refused(b"these are words and no film"),
        FilmError::NotAFilm { .. }
    ));
    assert!(matches!(refused(b""), FilmError::Empty { .. }));
    let m4a = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tone.m4a");
    assert!(matches!(Film::open(&m4a), Err(FilmError::NoPicture { .. })));
    assert!(matches!(
        Film::open(directory.path()),
        Err(FilmError::Unreadable { .. })
    ));
    assert!(matches!(
        Film::open(&directory.path().join("absent")),
        Err(FilmError::Unreadable { .. })
    ));
    let silent = film_of(SCENE, FilmSound::Silent, &directory);
    assert!(matches!(
        read_sound(&silent),
        Err(lookhear_board::SoundFileError::NoSoundTrack { .. })
    ));
}

/// A small film with sound, made once: damage is done to copies of it.
fn small_film() -> &'static [u8] {
    static FILM: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    FILM.get_or_init(|| {
        let scene = Scene {
            width: 48,
            height: 32,
            duration: Some(Duration::from_millis(600)),
            ..SCENE
        };
        let sound = Sound {
            samples: vec![0.1; 3000],
            rate_hz: 8000,
        };
        index_first(&film_bytes(scene, FilmSound::Given(sound, Duration::ZERO)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        reach in prop::sample::select(vec![100, 1400, usize::MAX]),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = small_film().to_vec();
        let reach = reach.min(bytes.len());
        for (at, mask) in flips {
            bytes[at.index(reach)] ^= mask;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len()) / 2);
        if let Ok(mut film) = read(&bytes) {
            let mut frame = Frame::default();
            let mut before = None;
            // Damaged tables can list one picture over and over.
            for _ in 0..100 {
                match film.next_frame(&mut frame) {
                    Ok(Delivery::Fresh) => {
                        prop_assert_eq!(frame.picture.bytes.len(), frame.picture.width * frame.picture.height * 3);
                        prop_assert!(before.is_none_or(|before| before < frame.stamp));
                        before = Some(frame.stamp);
                    }
                    Ok(Delivery::Ended) | Err(_) => break,
                }
            }
        }
        let _ = lookhear_board::sound_file::decode_sound(Box::new(Cursor::new(bytes)), Path::new("film.mp4"));
    }
}
