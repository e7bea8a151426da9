//! A small corpus made of coloured disks and tones, for tests.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use image::{Rgb, RgbImage, Rgba, RgbaImage};
use tempfile::TempDir;

use crate::corpus::{CategoryEntry, Corpus, INDEX_VERSION, Item, Kind, LabelledBox, Split};

/// Category, colour of its disk, pitch of its tone.
const THINGS: [(&str, [u8; 3], f32); 6] = [
    ("red", [230, 20, 20], 300.0),
    ("green", [20, 230, 20], 400.0),
    ("yellow", [230, 230, 20], 500.0),
    ("cyan", [20, 230, 230], 600.0),
    ("violet", [200, 20, 230], 700.0),
    ("white", [245, 245, 245], 800.0),
];

/// The corpus and the folder it lives in. `white` is unheard, `violet` is like `red`, a photograph shows `red` on the left and `green` on the right.
pub fn corpus() -> (TempDir, Corpus) {
    let folder = tempfile::tempdir().unwrap();
    let mut corpus = Corpus {
        version: INDEX_VERSION,
        categories: Vec::new(),
        items: Vec::new(),
        folder: folder.path().to_owned(),
    };
    for (name, colour, pitch) in THINGS {
        let related = match name {
            "red" => vec!["violet".to_owned()],
            "violet" => vec!["red".to_owned()],
            _ => Vec::new(),
        };
        corpus.categories.push(CategoryEntry {
            name: name.to_owned(),
            confirmed: true,
            unheard: name == "white",
            ambience: name == "cyan",
            related,
        });
        let splits: &[Split] = if name == "white" {
            &[Split::Unheard]
        } else {
            &[Split::Train, Split::HeldOut]
        };
        for split in splits {
            let file = format!("{name}-{split:?}.png");
            disk(colour).save(folder.path().join(&file)).unwrap();
            corpus.items.push(item(Kind::Picture, Some(name), file, *split));
            let file = format!("{name}-{split:?}.wav");
            tone(pitch, &folder.path().join(&file));
            corpus.items.push(item(Kind::Sound, Some(name), file, *split));
        }
    }
    for split in [Split::Train, Split::HeldOut] {
        let file = format!("background-{split:?}.png");
        RgbImage::from_pixel(300, 200, Rgb([20, 20, 120]))
            .save(folder.path().join(&file))
            .unwrap();
        corpus.items.push(item(Kind::Background, None, file, split));
        let file = format!("photograph-{split:?}.png");
        halves().save(folder.path().join(&file)).unwrap();
        let mut photograph = item(Kind::Photograph, None, file, split);
        photograph.boxes = vec![
            labelled("red", [0.05, 0.2, 0.45, 0.8]),
            labelled("green", [0.55, 0.2, 0.95, 0.8]),
        ];
        corpus.items.push(photograph);
    }
    (folder, corpus)
}

/// The colour of a category.
pub fn colour_of(category: &str) -> [u8; 3] {
    THINGS.iter().find(|(name, ..)| *name == category).unwrap().1
}

fn labelled(category: &str, bounds: [f32; 4]) -> LabelledBox {
    LabelledBox {
        category: category.to_owned(),
        bounds,
    }
}

fn item(kind: Kind, category: Option<&str>, file: String, split: Split) -> Item {
    Item {
        kind,
        category: category.map(str::to_owned),
        group: format!("group of {file}"),
        file,
        package: String::new(),
        path: String::new(),
        author: String::new(),
        licence: String::new(),
        sha256: String::new(),
        split,
        seconds: None,
        boxes: Vec::new(),
    }
}

fn disk([red, green, blue]: [u8; 3]) -> RgbaImage {
    RgbaImage::from_fn(120, 120, |x, y| {
        let inside = (f64::from(x) - 60.0).hypot(f64::from(y) - 60.0) < 55.0;
        Rgba([red, green, blue, if inside { 255 } else { 0 }])
    })
}

fn halves() -> RgbImage {
    RgbImage::from_fn(400, 300, |x, y| {
        let (x, y) = (f64::from(x) / 400.0, f64::from(y) / 300.0);
        match (0.2..0.8).contains(&y) {
            true if (0.05..0.45).contains(&x) => Rgb(colour_of("red")),
            true if (0.55..0.95).contains(&x) => Rgb(colour_of("green")),
            _ => Rgb([20, 20, 120]),
        }
    })
}

fn tone(pitch: f32, path: &std::path::Path) {
    let specification = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, specification).unwrap();
    for index in 0..8000 {
        let angle = index as f32 * pitch * std::f32::consts::TAU / 16_000.0;
        writer.write_sample((angle.sin() * 20_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}
