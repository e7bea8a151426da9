//! The way from files to a page, with the model that ships.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use lookhear::perception::encoder::Backend;
use lookhear::perception::localiser::Localiser;
use lookhear::perception::picture::PictureTransform;
use lookhear_board::{read_picture, read_sound};
use safetensors::SafeTensors;

use super::fixture::{bundle, items};
use super::measure::MeasureError;
use super::negatives::NegativeKind;
use super::summary::{CaseScores, Document};
use super::*;
use crate::dataset::Profile;
use crate::report::well_formed::assert_well_formed;

#[test]
fn the_networks_apart_give_what_the_localiser_gives() {
    let folder = tempfile::tempdir().unwrap();
    let item = items(folder.path(), 1).remove(0);
    let (picture, sound) = (read_picture(&item.picture).unwrap(), read_sound(&item.sound).unwrap());
    let mut bundle = bundle();
    for transform in [PictureTransform::FullFrame, PictureTransform::CentreCrop] {
        bundle.manifest.picture.transform = transform;
        let mut localiser = Localiser::new(&bundle, &Backend::default()).unwrap();
        let heard = localiser.hear(&sound).unwrap();
        let percept = localiser.localise(&picture, &heard, Duration::ZERO).unwrap();
        let mut model = Model::new(&bundle, transform).unwrap();
        let embedding = model.hear(&sound).unwrap();
        let sight = model.see(&picture).unwrap();
        let heatmap = sight.heatmap(&embedding);
        let peak = sight.in_picture(heatmap.peak());
        assert_eq!(heatmap, percept.heatmap);
        assert!((peak.x - percept.peak.x).abs() < 1e-6 && (peak.y - percept.peak.y).abs() < 1e-6);
    }
}

#[test]
fn a_test_set_is_measured_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let mut items = items(folder.path(), 10);
    std::fs::write(&items[1].picture, b"no picture").unwrap();
    std::fs::write(&items[4].sound, b"no sound").unwrap();
    items[6].annotation = None;
    let bundle = bundle();
    let mut model = Model::new(&bundle, profile::transform(Profile::Default)).unwrap();
    let settings = Settings {
        with_negatives: true,
        given: vec![read_sound(&items[0].sound).unwrap()],
        quads: 5,
        ..Settings::default()
    };
    let mut steps = 0;
    let measurement = measure(&mut model, &items, &settings, &mut || steps += 1).unwrap();
    let mut skipped: Vec<&str> = measurement.skipped.iter().map(|skipped| skipped.id.as_str()).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["c1", "c4", "c6"]);
    assert_eq!((measurement.cases.len(), measurement.quads.len()), (7, 5));
    assert_eq!(steps, 10 + 8 + 5);
    for case in &measurement.cases {
        assert_eq!(case.negatives.keys().copied().collect::<Vec<_>>(), NegativeKind::ALL);
    }
    for quad in &measurement.quads {
        let mut classes: Vec<_> = quad
            .ids
            .iter()
            .map(|id| items.iter().find(|item| item.id == *id))
            .collect();
        classes.dedup_by_key(|item| item.and_then(|item| item.category.clone()));
        assert_eq!(classes.len(), 4, "{quad:?}");
    }

    let scores = Summary::of(&measurement, Profile::Default).unwrap();
    let rejection = scores.rejection.as_ref().unwrap();
    assert_eq!(rejection.in_view.negatives, 4 * rejection.in_view.positives);
    assert_eq!(scores.by_class.values().map(|class| class.items).sum::<usize>(), 7);
    let missing = ["gone <1>".to_owned()];
    let document = Document {
        bundle: "test & try",
        bundle_sha256: String::new(),
        data_set: "pairs".to_owned(),
        profile: "default",
        scores: &scores,
        skipped: &measurement.skipped,
        missing: &missing,
        cases: measurement.cases.iter().map(CaseScores::of).collect(),
    };
    let page = page::page(&document, &measurement, Profile::Default, 0.1, 0)
        .unwrap()
        .html();
    assert_well_formed(&page);
    assert_eq!(page.matches("<img src=\"data:image/jpeg;base64,").count(), 3 * 7);
    assert!(page.contains("gone &lt;1&gt;") && page.contains("Is the source in view at all?"));
    let table = terminal::table(&document);
    assert!(
        table.contains("7 scored, 3 skipped, 1 missing") && table.contains("skipped  c4: "),
        "{table}"
    );
    assert!(toml::Value::try_from(&scores).is_ok());

    let bytes = heatmaps::to_bytes(&measurement.cases).unwrap();
    let arrays = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(arrays.tensor("heatmaps").unwrap().shape(), [7, 14, 14]);
    let off_screen = arrays.tensor("negatives.off_screen").unwrap();
    let last = &measurement.cases[6].negatives[&NegativeKind::OffScreen].values;
    let written: Vec<u8> = last.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(&off_screen.data()[6 * 196 * 4..], written);
}

#[test]
fn nothing_to_score_is_told_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let mut items = items(folder.path(), 1);
    items[0].annotation = None;
    let mut model = Model::new(&bundle(), PictureTransform::FullFrame).unwrap();
    let refused = measure(&mut model, &items, &Settings::default(), &mut || ()).unwrap_err();
    assert!(
        matches!(&refused, MeasureError::Nothing { items: 1, id, .. } if id == "c0"),
        "{refused}"
    );
    assert!(refused.to_string().contains("nobody has drawn"), "{refused}");
}
