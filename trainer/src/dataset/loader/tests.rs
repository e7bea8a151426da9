#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use tempfile::TempDir;

use super::super::fixture;
use super::super::layouts::{DataSet, open};
use super::super::preparation::{Augmentations, Settings};
use super::super::profile::Profile;
use super::super::scene::{self, Composer};
use super::*;
use crate::corpus::Split;

/// A folder of pairs, of which those in `corrupt` are damaged.
fn pairs(count: usize, corrupt: &[usize]) -> (TempDir, Arc<FileSource>) {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "image,sound,class\n".to_owned();
    for index in 0..count {
        let (picture, sound) = (format!("{index}.png"), format!("{index}.wav"));
        let shade = (index * 23 % 256) as u8;
        RgbImage::from_fn(40, 30, |x, y| Rgb([shade, (x * 6) as u8, (y * 8) as u8]))
            .save(folder.path().join(&picture))
            .unwrap();
        tone(200.0 + 40.0 * index as f32, &folder.path().join(&sound));
        if corrupt.contains(&index) {
            let damaged = if index % 2 == 0 { &picture } else { &sound };
            fs::write(folder.path().join(damaged), "not what it says").unwrap();
        }
        table += &format!("{picture},{sound},class {}\n", index % 3);
    }
    fs::write(folder.path().join("pairs.csv"), table).unwrap();
    let items = open(DataSet::Pairs, folder.path(), None).unwrap().items;
    (folder, Arc::new(FileSource::new(items)))
}

fn tone(pitch: f32, path: &Path) {
    let specification = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, specification).unwrap();
    for index in 0..3200 {
        let angle = index as f32 * pitch * std::f32::consts::TAU / 16_000.0;
        writer.write_sample((angle.sin() * 20_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

fn loader(source: Arc<dyn PairSource>, profile: Profile, batch: usize, threads: usize) -> Loader {
    let preparation = Preparation::new(Settings {
        profile,
        side_pixels: 32,
        sound_seconds: 0.3,
        augment: Augmentations::ALL,
    });
    let settings = LoaderSettings {
        batch,
        threads,
        batches_ahead: 2,
        seed: 11,
    };
    Loader::new(source, preparation.unwrap(), settings).unwrap()
}

fn all(batches: Batches) -> Vec<PaperBatch> {
    batches.collect::<Result<_, _>>().unwrap()
}

#[test]
fn an_epoch_is_the_same_on_any_number_of_threads() {
    let (_folder, source) = pairs(11, &[4, 7]);
    for profile in [Profile::Paper, Profile::Default] {
        let with = |threads| all(loader(source.clone(), profile, 3, threads).training(5, 0, Mixings::new()));
        let one = with(1);
        assert_eq!(one.len(), 3);
        assert!(one == with(2));
        assert!(one == with(4));
        assert!(one != all(loader(source.clone(), profile, 3, 2).training(6, 0, Mixings::new())));
    }
}

#[test]
fn an_epoch_goes_on_where_it_was_left() {
    let (_folder, source) = pairs(11, &[2]);
    let loader = loader(source, Profile::Paper, 2, 2);
    let whole = all(loader.training(1, 0, Mixings::new()));
    assert_eq!((whole.len(), loader.batches()), (5, 5));
    for first in 0..=5 {
        assert!(whole[first..] == all(loader.training(1, first, Mixings::new())));
    }
    assert!(all(loader.training(1, 9, Mixings::new())).is_empty());
}

#[test]
fn shapes_fit_and_what_is_known_is_told() {
    let (_folder, source) = pairs(8, &[]);
    let loader = loader(source, Profile::Paper, 4, 2);
    let mut sides = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for batch in (0..8).flat_map(|epoch| all(loader.training(epoch, 0, Mixings::new()))) {
        let cells = (batch.side / 16).pow(2);
        let transformed_cells = (batch.transformed_side / 16).pow(2);
        assert_eq!((batch.len(), batch.side, batch.frames), (4, 32, 21));
        assert_eq!(batch.pictures.len(), 4 * 3 * 32 * 32);
        assert_eq!(batch.transformed.len(), 4 * 3 * batch.transformed_side.pow(2));
        assert_eq!(batch.spectrograms.len(), 4 * 257 * batch.frames);
        assert_eq!(batch.transforms.len(), 4 * cells * transformed_cells);
        assert_eq!(batch.valid.len(), 4 * transformed_cells);
        for (index, (sort, in_view)) in batch.indices.iter().zip(batch.sorts.iter().zip(&batch.in_view)) {
            assert_eq!(
                (*sort, &in_view[..]),
                (Some(*index as u32 % 3), &[*index as u32 % 3][..])
            );
        }
        sides.insert(batch.transformed_side);
        seen.extend(batch.indices);
    }
    assert_eq!(sides, BTreeSet::from([16, 32]));
    assert_eq!(seen.len(), 8);
}

#[test]
fn damaged_files_are_skipped_counted_and_stood_in_for() {
    let (_folder, source) = pairs(12, &[3, 6]);
    let with_damage = loader(source, Profile::Default, 4, 2);
    let batches = all(with_damage.training(2, 0, Mixings::new()));
    assert_eq!(with_damage.skipped(), BTreeSet::from([3, 6]));
    assert!(batches.iter().all(|batch| batch.len() == 4));
    assert!(
        batches
            .iter()
            .all(|batch| !batch.indices.contains(&3) && !batch.indices.contains(&6))
    );

    let (_folder, whole) = pairs(12, &[]);
    let expected = all(loader(whole, Profile::Default, 4, 2).training(2, 0, Mixings::new()));
    let mut differing = 0;
    for (batch, expected) in batches.iter().zip(&expected) {
        for (place, (index, whole)) in batch.indices.iter().zip(&expected.indices).enumerate() {
            let size = 3 * 32 * 32;
            let of = |batch: &PaperBatch| batch.pictures[place * size..][..size].to_vec();
            assert_eq!(index == whole, ![3, 6].contains(whole));
            assert!(index != whole || of(batch) == of(expected));
            differing += usize::from(index != whole);
        }
    }
    assert_eq!(differing, 2);
}

#[test]
fn nothing_but_damaged_files_is_an_error() {
    let (_folder, source) = pairs(4, &[0, 1, 2, 3]);
    let loader = loader(source, Profile::Default, 2, 2);
    let mut batches = loader.training(0, 0, Mixings::new());
    assert!(matches!(
        batches.next(),
        Some(Err(LoaderError::Unreadable { stand_ins: 32, .. }))
    ));
    assert!(batches.next().is_none());
    assert!(all(loader.evaluation()).is_empty());
}

#[test]
fn evaluation_sees_everything_once_in_order() {
    let (_folder, source) = pairs(7, &[4]);
    let loader = loader(source, Profile::Default, 3, 2);
    let batches = all(loader.evaluation());
    let seen: Vec<_> = batches.iter().map(|batch| batch.indices.clone()).collect();
    assert_eq!(seen, [vec![0, 1, 2], vec![3, 5, 6]]);
    assert!(batches.iter().all(|batch| batch.pictures == batch.transformed));
    assert!(batches == all(loader.evaluation()));
}

#[test]
fn sounds_are_mixed_where_it_is_told() {
    let (_folder, source) = pairs(4, &[3]);
    let loader = loader(source, Profile::Default, 4, 2);
    let plain = all(loader.training(0, 0, Mixings::new())).remove(0);
    let mixings = Mixings::from([
        (0, Mixing { partner: 1, alpha: 0.5 }),
        (1, Mixing { partner: 3, alpha: 0.5 }),
    ]);
    let mixed = all(loader.training(0, 0, mixings)).remove(0);
    assert!((&plain.indices, &plain.pictures) == (&mixed.indices, &mixed.pictures));
    let size = 257 * plain.frames;
    for (place, index) in plain.indices.iter().enumerate() {
        let of = |batch: &PaperBatch| batch.spectrograms[place * size..][..size].to_vec();
        // The partner of 1 is damaged: its sound stays as it is.
        assert_eq!(of(&plain) != of(&mixed), *index == 0);
    }
}

#[test]
fn giving_up_an_epoch_ends_its_threads() {
    let (_folder, source) = pairs(12, &[]);
    let watched: Arc<dyn PairSource> = source.clone();
    let loader = loader(source, Profile::Default, 2, 2);
    let mut batches = loader.training(0, 0, Mixings::new());
    batches.next().unwrap().unwrap();
    drop(batches);
    drop(loader);
    // One here, one in the test's own variable is gone with the loader: no thread holds the source any more.
    assert_eq!(Arc::strong_count(&watched), 1);
}

#[test]
fn too_few_items_are_refused() {
    let (_folder, source) = pairs(2, &[]);
    let preparation = || Preparation::new(Settings::default()).unwrap();
    for batch in [0, 3] {
        let settings = LoaderSettings {
            batch,
            threads: 1,
            batches_ahead: 1,
            seed: 0,
        };
        let made = Loader::new(source.clone(), preparation(), settings);
        assert!(matches!(made, Err(LoaderError::TooFew { items: 2, .. })));
    }
}

#[test]
fn a_corpus_gives_scenes_and_quads() {
    let (_folder, corpus) = fixture::corpus();
    let settings = scene::Settings {
        side: 64,
        seconds: 0.5,
        ..scene::Settings::default()
    };
    let composer = Composer::with_settings(&corpus, Split::Train, 3, settings).unwrap();
    let source = Arc::new(ComposedSource::new(composer, 6).unwrap());
    assert_eq!(
        (source.id(0), source.id(1)),
        ("scene-0".to_owned(), "quad-1".to_owned())
    );
    assert!(matches!(source.pair(6), Err(SourceError::Beyond { index: 6, len: 6 })));
    for index in 0..6 {
        let pair = source.pair(index).unwrap();
        assert!(pair.in_view.contains(pair.sort.as_ref().unwrap()));
        assert_eq!(
            pair.in_view.contains(&"red".to_owned()),
            pair.in_view.contains(&"violet".to_owned())
        );
    }
    let with = |threads| all(loader(source.clone(), Profile::Default, 2, threads).training(0, 0, Mixings::new()));
    assert!(with(1) == with(3));

    let subset = Subset::new(source.clone(), vec![4, 1]);
    assert_eq!(
        (subset.len(), subset.id(0), subset.id(1)),
        (2, "scene-4".to_owned(), "quad-1".to_owned())
    );
    assert!(subset.pair(1).unwrap() == source.pair(1).unwrap());
    assert!(subset.pair(2).is_err());
}
