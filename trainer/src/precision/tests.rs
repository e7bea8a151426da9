//! The model that ships on a small corpus, and the reports.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use lookhear::perception::bundle::Bundle;

use super::variant::Variant;
use super::{Document, Drift, Row, Times, drift, material};
use crate::corpus::Split;
use crate::dataset::fixture;
use crate::report::well_formed::assert_well_formed;

#[test]
fn the_model_that_ships_points_to_the_same_places_in_integers() {
    let (_folder, corpus) = fixture::corpus();
    let source = Bundle::default_model().unwrap();
    let calibration = material::scenes(&corpus, Split::Train, 1, 4).unwrap();
    let observed = material::look_and_listen(&source, &calibration, 0.9999, &|| ()).unwrap();
    let variants = [
        Variant::Float32,
        Variant::Int8Weights,
        Variant::Int8MinMax,
        Variant::Int8MeanSquare,
    ];
    let bundles = variants.map(|variant| (variant.bundle(&source, &observed).unwrap(), variant.backend().unwrap()));
    let held_out = material::scenes(&corpus, Split::HeldOut, 2, 4).unwrap();
    let drifts = drift::drift(&bundles, &[4; 4], &held_out, &|| ()).unwrap();
    let [weights, integers @ ..] = drifts.as_slice() else {
        panic!("{drifts:?}");
    };
    assert!(
        weights.most < 1e-4,
        "the weights that ship are int8 already: {weights:?}"
    );
    for (drift, variant) in integers.iter().zip(&variants[2..]) {
        assert_eq!(drift.cases, 4);
        assert!(drift.mean > 0.0 && drift.mean < 0.01, "{variant:?}: {drift:?}");
        assert!(
            drift.cell_cosine > 0.98 && drift.sound_cosine > 0.98,
            "{variant:?}: {drift:?}"
        );
        // Disks and tones are nothing that the model knows: its maps of them are flat, and a peak may move at no cost.
        assert!(drift.peak_cost < 0.01, "{variant:?}: {drift:?}");
    }
    let bytes = bundles.each_ref().map(|(bundle, _)| bundle.to_bytes().unwrap());
    assert!(bytes[2].len() * 3 < bytes[0].len());
    let read = Bundle::from_bytes(&bytes[3]).unwrap();
    assert_eq!(read.manifest.precision, Variant::Int8MeanSquare.precision());
}

fn row(variant: Variant, picture_milliseconds: f64) -> Row {
    Row {
        variant,
        precision: variant.precision(),
        bytes: 9_000_000,
        times: Times {
            picture_milliseconds,
            sound_milliseconds: 3.0,
        },
        drift: (variant != Variant::Float32).then(Drift::default),
        threshold: (variant == Variant::Float32).then_some(0.25),
        scores: BTreeMap::new(),
    }
}

#[test]
fn the_reports_say_whether_integers_are_faster() {
    let document = |integers| Document {
        model: "edge <1>".to_owned(),
        sha256: "0123456789abcdef".to_owned(),
        machine: "a processor".to_owned(),
        calibration_scenes: 64,
        false_fires: 0.05,
        cases: 80,
        rows: vec![row(Variant::Float32, 100.0), row(Variant::Int8MinMax, integers)],
    };
    let slower = document(140.0);
    assert!(slower.verdict().contains("not faster") && slower.verdict().contains("1.40"));
    assert!(document(60.0).verdict().contains("is faster"));
    assert_well_formed(&slower.page().html());
    let markdown = slower.markdown();
    let lines: Vec<&str> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(lines.len(), 4);
    let columns = |line: &str| line.matches('|').count();
    assert!(
        lines.iter().all(|line| columns(line) == columns(lines[0])),
        "{markdown}"
    );
    assert!(
        lines[3].starts_with("| int8-min-max | 9.00 | 140.0 | 1.40 |"),
        "{}",
        lines[3]
    );
}
