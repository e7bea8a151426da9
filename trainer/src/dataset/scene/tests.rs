#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::dataset::fixture::{colour_of, corpus};

const SETTINGS: Settings = Settings {
    side: 96,
    seconds: 1.0,
    photograph_share: 0.4,
    thing_size: [0.2, 0.6],
    confirmed_only: true,
    speech_share: None,
};

fn pixels<'a>(picture: &'a Picture, bounds: &Bounds) -> impl Iterator<Item = [u8; 3]> + 'a {
    let edges = bounds.map(|edge| (edge * picture.width as f32).round() as usize);
    let all = picture.bytes.chunks_exact(3).enumerate();
    all.filter_map(move |(index, pixel)| {
        let (x, y) = (index % picture.width, index / picture.width);
        let inside = (edges[0]..edges[2]).contains(&x) && (edges[1]..edges[3]).contains(&y);
        inside.then(|| [pixel[0], pixel[1], pixel[2]])
    })
}

/// The category whose colour most of the box has; the background counts as none.
fn shown(picture: &Picture, bounds: &Bounds) -> Option<&'static str> {
    let names = ["red", "green", "yellow", "cyan", "violet", "white"];
    let distance = |one: [u8; 3], other: [u8; 3]| {
        one.iter()
            .zip(other)
            .map(|(a, b)| u32::from(a.abs_diff(b)).pow(2))
            .sum::<u32>()
    };
    let nearest = |pixel| {
        names
            .into_iter()
            .min_by_key(|name| distance(pixel, colour_of(name)))
            .filter(|name| distance(pixel, colour_of(name)) < distance(pixel, [20, 20, 120]))
    };
    let found: Vec<_> = pixels(picture, bounds).filter_map(nearest).collect();
    names
        .into_iter()
        .max_by_key(|name| found.iter().filter(|found| *found == name).count())
}

#[test]
fn the_same_seed_and_number_give_the_same_scene() {
    let (_folder, corpus) = corpus();
    let composer = |split, seed| Composer::with_settings(&corpus, split, seed, SETTINGS).unwrap();
    let (one, again) = (composer(Split::Train, 5), composer(Split::Train, 5));
    for index in [3, 0, 3] {
        assert_eq!(one.compose(index).unwrap(), again.compose(index).unwrap());
        assert_eq!(one.negative(index).unwrap(), again.negative(index).unwrap());
    }
    assert_ne!(one.compose(0).unwrap().picture, one.compose(1).unwrap().picture);
    assert_ne!(
        one.compose(0).unwrap().picture,
        composer(Split::Train, 6).compose(0).unwrap().picture
    );
    assert_ne!(
        one.compose(0).unwrap().picture,
        composer(Split::HeldOut, 5).compose(0).unwrap().picture
    );
}

#[test]
fn the_box_holds_what_sounds_and_lies_in_the_frame() {
    let (_folder, corpus) = corpus();
    let composer = Composer::with_settings(&corpus, Split::Train, 1, SETTINGS).unwrap();
    let mut kinds = std::collections::HashSet::new();
    for index in 0..60 {
        let scene = composer.compose(index).unwrap();
        kinds.insert(scene.kind);
        let category = scene.category.unwrap();
        assert_eq!(scene.sound.samples.len(), 16_000);
        assert!(scene.sound.samples.iter().all(|sample| sample.abs() <= 1.0));
        assert!(!scene.boxes.is_empty());
        for bounds in scene
            .boxes
            .iter()
            .chain(scene.silent.iter().map(|labelled| &labelled.bounds))
        {
            assert!(
                bounds.iter().all(|edge| (0.0..=1.0).contains(edge)) && bounds[0] < bounds[2] && bounds[1] < bounds[3]
            );
        }
        for bounds in &scene.boxes {
            assert_eq!(shown(&scene.picture, bounds), Some(category.as_str()), "scene {index}");
        }
        for labelled in &scene.silent {
            assert!(!composer.library.alike(&labelled.category, &category));
            assert_eq!(
                shown(&scene.picture, &labelled.bounds),
                Some(labelled.category.as_str()),
                "scene {index}"
            );
        }
        assert!(scene.sound_id.contains(&category) && scene.sound_id.contains("Train"));
        assert!(scene.picture_id.contains("Train"));
    }
    assert_eq!(kinds.len(), 2);
}

#[test]
fn negatives_show_nothing_that_sounds() {
    let (_folder, corpus) = corpus();
    let composer = Composer::with_settings(&corpus, Split::HeldOut, 1, SETTINGS).unwrap();
    let mut kinds = std::collections::HashSet::new();
    for index in 0..40 {
        let scene = composer.negative(index).unwrap();
        kinds.insert(scene.kind);
        assert!(scene.boxes.is_empty() && scene.sound.samples.len() == 16_000);
        if let Some(heard) = &scene.category {
            assert!(
                scene
                    .silent
                    .iter()
                    .all(|labelled| !composer.library.alike(&labelled.category, heard))
            );
            let main = scene.picture_id.split('-').next().unwrap();
            assert!(main == "photograph" || !composer.library.alike(main, heard));
        }
    }
    assert_eq!(kinds.len(), 3);
}

#[test]
fn strays_are_of_full_length_and_repeat() {
    let (_folder, mut corpus) = corpus();
    corpus
        .items
        .retain(|item| item.category.as_deref() != Some("cyan") || item.kind == crate::corpus::Kind::Sound);
    let composer = Composer::with_settings(&corpus, Split::Train, 1, SETTINGS).unwrap();
    let strays: Vec<_> = (0..20).map(|index| composer.stray(index).unwrap()).collect();
    assert!(strays.iter().all(|sound| sound.samples.len() == 16_000));
    assert_eq!(strays[7], composer.stray(7).unwrap());
    assert_ne!(strays[7], strays[8]);
}

#[test]
fn a_part_that_lacks_something_says_so() {
    let (_folder, mut corpus) = corpus();
    let lone = Composer::with_settings(&corpus, Split::Unheard, 1, SETTINGS)
        .unwrap_err()
        .to_string();
    assert!(lone.contains("Unheard") && lone.contains("two categories"), "{lone}");
    corpus.items.retain(|item| item.kind != crate::corpus::Kind::Background);
    let bare = Composer::with_settings(&corpus, Split::Train, 1, SETTINGS)
        .unwrap_err()
        .to_string();
    assert!(bare.contains("no background"), "{bare}");
}

#[test]
fn a_missing_file_is_named() {
    let (folder, corpus) = corpus();
    for item in &corpus.items {
        let _ = std::fs::remove_file(folder.path().join(&item.file));
    }
    let composer = Composer::with_settings(&corpus, Split::Train, 1, SETTINGS).unwrap();
    assert!(
        composer
            .compose(0)
            .unwrap_err()
            .to_string()
            .contains(&folder.path().display().to_string())
    );
}
