//! Cases without a model, and a folder of pictures and sounds for one.

use std::collections::BTreeMap;
use std::f32::consts::TAU;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use lookhear::actuation::heat::View;
use lookhear::perception::bundle::Bundle;
use lookhear::perception::heatmap::{Heatmap, Point};

use super::measure::Case;
use super::negatives::NegativeKind;
use super::profile::truth;
use crate::dataset::Profile;
use crate::dataset::layouts::{Annotation, Item};
use crate::evaluate::baselines::BlindMasks;
use crate::evaluate::scores::{Mask, ciou};

/// A map that is `similarity` in the upper left quarter and nothing elsewhere.
pub fn quarter(similarity: f32) -> Heatmap {
    let cell = |index: usize| {
        if index % 14 < 7 && index / 14 < 7 {
            similarity
        } else {
            0.0
        }
    };
    Heatmap {
        width: 14,
        height: 14,
        values: (0..196).map(cell).collect(),
    }
}

/// A case whose own map is [`quarter`] of a similarity, with those of its negatives, and one box.
pub fn case(id: &str, category: &str, similarity: f32, negatives: &[(NegativeKind, f32)], corners: [f64; 4]) -> Case {
    let (heatmap, annotation) = (quarter(similarity), Annotation::Union(vec![corners]));
    let truth = truth(Profile::Default, &annotation);
    let negatives: BTreeMap<_, _> = negatives
        .iter()
        .map(|&(kind, similarity)| (kind, quarter(similarity)))
        .collect();
    Case {
        id: id.to_owned(),
        category: Some(category.to_owned()),
        picture: PathBuf::new(),
        view: View::WHOLE,
        similarity,
        peak: Point { x: 0.25, y: 0.25 },
        peak_in_box: truth.contains(Point { x: 0.25, y: 0.25 }),
        ciou: ciou(&Mask::above_median(&heatmap), &truth),
        baselines: BlindMasks::default().score(&truth),
        annotation,
        negatives,
        heatmap,
    }
}

/// The bundle that ships.
pub fn bundle() -> Bundle {
    Bundle::read(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../runtime/model/default.lookhear"
    )))
    .unwrap()
}

/// Pictures with a coloured square and tones, one of each for every item: `c0` … with the kinds `a`, `b`, `c`, `d` in turn.
pub fn items(folder: &Path, count: usize) -> Vec<Item> {
    (0..count).map(|index| item(folder, index)).collect()
}

fn item(folder: &Path, index: usize) -> Item {
    let (picture, sound) = (
        folder.join(format!("c{index}.png")),
        folder.join(format!("c{index}.wav")),
    );
    let square = |x: u32, y: u32| (20..60).contains(&x) && (20..60).contains(&y);
    let pixels = RgbImage::from_fn(120, 90, |x, y| {
        if square(x, y) {
            Rgb([200, 60, (index * 40) as u8])
        } else {
            Rgb([x as u8, 2 * y as u8, 90])
        }
    });
    pixels.save(&picture).unwrap();
    let mut writer = hound::WavWriter::create(
        &sound,
        hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        },
    )
    .unwrap();
    for sample in 0..16_000 {
        let phase = sample as f32 / 16_000.0 * TAU * 200.0 * (index + 1) as f32;
        writer.write_sample((phase.sin() * 9_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    Item {
        id: format!("c{index}"),
        picture,
        sound,
        first_seconds: None,
        category: Some(["a", "b", "c", "d"][index % 4].to_owned()),
        annotation: Some(Annotation::Union(vec![[20.0 / 120.0, 20.0 / 90.0, 0.5, 60.0 / 90.0]])),
    }
}
