#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::super::augment::PictureChanges;
use super::*;

const WIDTH: usize = 90;
const HEIGHT: usize = 60;

fn picture() -> Picture {
    let pixels = (0..WIDTH * HEIGHT * 3).map(|index| ((index * 7919) % 256) as u8);
    Picture::rgb(WIDTH, HEIGHT, pixels.collect()).unwrap()
}

fn tone(pitch_hz: f32, seconds: f32, rate_hz: u32) -> Sound {
    let samples = (0..(seconds * rate_hz as f32) as usize)
        .map(|index| (index as f32 * pitch_hz * std::f32::consts::TAU / rate_hz as f32).sin() * 0.5);
    Sound {
        samples: samples.collect(),
        rate_hz,
    }
}

fn settings(profile: Profile, augment: Augmentations) -> Settings {
    Settings {
        profile,
        side_pixels: 128,
        sound_seconds: 1.0,
        augment,
    }
}

fn trained(profile: Profile, augment: Augmentations, batch: BatchTransform, seed: u64) -> PaperExample {
    let preparation = Preparation::new(settings(profile, augment)).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let sound = tone(440.0, 0.7, 22_050);
    preparation
        .training(&picture(), &sound, None, batch, &mut random)
        .unwrap()
}

const HALVED: BatchTransform = BatchTransform { half: true, flip: true };

fn largest_difference(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter()
        .zip(other)
        .map(|(one, other)| (one - other).abs())
        .fold(0.0, f32::max)
}

#[test]
fn shapes_are_those_of_the_paper() {
    for profile in [Profile::Paper, Profile::Default] {
        let preparation = Preparation::new(Settings {
            profile,
            ..Settings::default()
        })
        .unwrap();
        assert_eq!((preparation.frames(), preparation.map_side()), (670, 14));
        let example = preparation
            .training(
                &picture(),
                &tone(440.0, 3.0, 16_000),
                None,
                HALVED,
                &mut ChaCha8Rng::seed_from_u64(1),
            )
            .unwrap();
        let (side, map_side) = if profile == Profile::Paper { (112, 7) } else { (224, 14) };
        assert_eq!(example.transformed_side, side);
        assert_eq!(example.view.len(), 3 * 224 * 224);
        assert_eq!(example.transformed.len(), 3 * side * side);
        assert_eq!(example.spectrogram.len(), 257 * 670);
        assert_eq!(example.transform.len(), map_side * map_side * 196);
        assert_eq!(example.valid.len(), map_side * map_side);
    }
}

#[test]
fn the_seed_decides() {
    for profile in [Profile::Paper, Profile::Default] {
        let with = |seed| trained(profile, Augmentations::ALL, HALVED, seed);
        assert!(with(1) == with(1));
        assert!(with(1).view != with(2).view);
        assert!(with(1).transform != with(2).transform);
    }
}

#[test]
fn what_is_switched_off_leaves_the_rest_alone() {
    let all = trained(Profile::Default, Augmentations::ALL, HALVED, 4);
    let without_masks = Augmentations {
        masks: false,
        ..Augmentations::ALL
    };
    let example = trained(Profile::Default, without_masks, HALVED, 4);
    assert!((&example.view, &example.transformed) == (&all.view, &all.transformed));
    assert!(example.spectrogram != all.spectrogram);

    let still = Augmentations {
        transform: TransformParts::NONE,
        ..Augmentations::ALL
    };
    let example = trained(Profile::Default, still, HALVED, 4);
    assert!((&example.view, &example.spectrogram) == (&all.view, &all.spectrogram));
    assert!(example.transformed == example.view);
    assert!(example.valid.iter().all(|valid| *valid == 1.0));

    let plain = Augmentations {
        picture: PictureChanges::NONE,
        ..Augmentations::ALL
    };
    let example = trained(Profile::Default, plain, HALVED, 4);
    assert!((&example.transform, &example.spectrogram) == (&all.transform, &all.spectrogram));
    assert!(example.view != all.view);
}

#[test]
fn parts_of_the_transform_can_be_had_alone() {
    let only = |rotation, scale, flip| Augmentations {
        transform: TransformParts { rotation, scale, flip },
        ..Augmentations::ALL
    };
    for profile in [Profile::Paper, Profile::Default] {
        let scaled = trained(profile, only(false, true, false), HALVED, 5);
        assert_eq!(
            scaled.transformed_side,
            if profile == Profile::Paper { 64 } else { 128 }
        );
        let turned = trained(profile, only(true, false, false), HALVED, 5);
        assert_eq!(turned.transformed_side, 128);
        assert!(turned.transformed != turned.view);
    }
    let flipped = trained(Profile::Paper, only(false, false, true), HALVED, 5);
    let unflipped = trained(Profile::Paper, only(false, false, true), BatchTransform::IDENTITY, 5);
    let first_row: Vec<f32> = flipped.view[..128].iter().rev().copied().collect();
    assert!(largest_difference(&flipped.transformed[..128], &first_row) < 1e-4);
    assert!(unflipped.transformed == unflipped.view);
}

#[test]
fn nothing_random_is_what_the_test_picture_shows() {
    for profile in [Profile::Paper, Profile::Default] {
        let smooth: Vec<u8> = (0..WIDTH * HEIGHT)
            .flat_map(|index| [index % WIDTH * 2, index / WIDTH * 3, 128].map(|value| value as u8))
            .collect();
        let picture = Picture::rgb(WIDTH, HEIGHT, smooth).unwrap();
        let preparation = Preparation::new(settings(profile, Augmentations::NONE)).unwrap();
        let sound = tone(440.0, 0.7, 22_050);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let training = preparation
            .training(&picture, &sound, None, HALVED, &mut random)
            .unwrap();
        let evaluation = preparation.evaluation(&picture, &sound).unwrap();
        assert!(training.spectrogram == evaluation.spectrogram);
        assert!(training.transform == evaluation.transform);
        // One level of 255 is about 0.017 deviations.
        assert!(
            largest_difference(&training.view, &evaluation.view) < 0.05,
            "{profile:?}"
        );
    }
}

#[test]
fn sounds_are_mixed_and_cut_to_the_shorter() {
    let own = [1.0, 1.0, 1.0, 1.0];
    assert_eq!(hearing::mix(&own, &[0.0, 2.0], 0.25), [0.75, 1.25]);
    let preparation = Preparation::new(settings(Profile::Paper, Augmentations::NONE)).unwrap();
    let (low, high) = (tone(440.0, 0.7, 16_000), tone(3000.0, 2.0, 48_000));
    let heard = |sound: &Sound, partner| {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let example = preparation
            .training(&picture(), sound, partner, HALVED, &mut random)
            .unwrap();
        example.spectrogram
    };
    let mixed = |alpha| heard(&low, Some(Partner { sound: &high, alpha }));
    assert!(mixed(0.0) == heard(&low, None));
    let mut cut = high.clone();
    cut.samples.truncate((0.7 * 48_000.0) as usize);
    // The partner alone, at the length of the shorter: equal but for the very end, where resampling knew less.
    let alone = heard(&cut, None);
    let close = mixed(1.0)
        .iter()
        .zip(&alone)
        .filter(|(one, other)| (*one - *other).abs() < 0.5)
        .count();
    assert!(close * 10 > alone.len() * 9, "{close} of {}", alone.len());
    assert!(mixed(0.5) != mixed(0.0));
}

#[test]
fn masks_silence_a_band_of_time_and_a_band_of_pitch() {
    let silent = |example: &PaperExample| {
        example
            .spectrogram
            .iter()
            .filter(|decibels| **decibels == -100.0)
            .count()
    };
    let masks = |masks| Augmentations {
        masks,
        ..Augmentations::NONE
    };
    let mut masked = 0;
    for seed in 0..30 {
        let plain = trained(Profile::Paper, masks(false), HALVED, seed);
        masked += usize::from(silent(&trained(Profile::Paper, masks(true), HALVED, seed)) > silent(&plain));
    }
    assert!((15..30).contains(&masked), "{masked}");
}

#[test]
fn absurd_settings_are_refused() {
    for (side_pixels, sound_seconds) in [(0, 1.0), (100, 1.0), (16, 1.0), (64, 0.0), (64, f32::NAN), (64, 1e6)] {
        let settings = Settings {
            side_pixels,
            sound_seconds,
            ..Settings::default()
        };
        assert!(Preparation::new(settings).is_err(), "{side_pixels} {sound_seconds}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_picture_and_sound_give_finite_numbers(
        width in 1_usize..50, height in 1_usize..50, length in 0_usize..3000, rate_hz in 4000_u32..50_000,
        paper: bool, half: bool, flip: bool, seed: u64,
    ) {
        let profile = if paper { Profile::Paper } else { Profile::Default };
        let preparation = Preparation::new(settings(profile, Augmentations::ALL)).unwrap();
        let picture = Picture::rgb(width, height, vec![200; width * height * 3]).unwrap();
        let sound = Sound { samples: vec![0.3; length], rate_hz };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let example = preparation.training(&picture, &sound, None, BatchTransform { half, flip }, &mut random).unwrap();
        for values in [&example.view, &example.transformed, &example.spectrogram, &example.transform, &example.valid] {
            prop_assert!(values.iter().all(|value| value.is_finite()));
        }
        let cells = preparation.map_side().pow(2);
        prop_assert_eq!(example.transform.len(), example.valid.len() * cells);
        prop_assert_eq!(example.valid.len(), (example.transformed_side / CELL_PIXELS).pow(2));
    }
}
