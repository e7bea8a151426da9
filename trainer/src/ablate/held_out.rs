//! Scenes of what training never met of a corpus, as a folder of pictures and sounds with boxes.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::Context;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use lookhear_board::Sound;

use crate::corpus::{Corpus, Split};
use crate::dataset::{Composer, Settings};
use crate::evaluate::arguments::bar;
use lookhear_board::write_whole;

/// Side of the square pictures, in pixels.
const SIDE_PIXELS: u32 = 448;
/// Length of the sounds, in seconds: that of real clips.
const SECONDS: f32 = 4.0;
/// Share of the scenes that are real photographs, where the corpus has any.
const PHOTOGRAPHS: f64 = 0.5;
/// Another number gives other scenes.
const SEED: u64 = 1;

/// Writes scenes below `folder`, unless they are there already, and gives the folder of their `pairs.csv`.
pub(super) fn write(corpus: &Corpus, scenes: usize, folder: &Path) -> anyhow::Result<PathBuf> {
    let fingerprint = corpus.fingerprint();
    let root = folder.join(format!(
        "held-out-{}-{scenes}",
        fingerprint.get(..12).unwrap_or(&fingerprint)
    ));
    let table = root.join("pairs.csv");
    // The table is written last: where it is, all of it is.
    if table.is_file() {
        return Ok(root);
    }
    std::fs::create_dir_all(&root).with_context(|| format!("the folder {root:?} cannot be made"))?;
    let settings = Settings {
        side: SIDE_PIXELS,
        seconds: SECONDS,
        photograph_share: PHOTOGRAPHS,
        ..Settings::default()
    };
    let composer = Composer::with_settings(corpus, Split::HeldOut, SEED, settings)?;
    let bar = bar(scenes as u64, "composing the test set")?;
    let mut rows = csv::Writer::from_writer(Vec::new());
    rows.write_record(["image", "sound", "boxes", "class"])?;
    for index in 0..scenes {
        let scene = composer.compose(index as u64)?;
        let (picture, sound) = (format!("{index:05}.png"), format!("{index:05}.wav"));
        let mut png = Vec::new();
        PngEncoder::new(&mut png).write_image(
            &scene.picture.bytes,
            scene.picture.width as u32,
            scene.picture.height as u32,
            ExtendedColorType::Rgb8,
        )?;
        write_whole(&root.join(&picture), &png)?;
        write_whole(&root.join(&sound), &wav(&scene.sound)?)?;
        let boxes: Vec<String> = scene
            .boxes
            .iter()
            .map(|bounds| bounds.map(|edge| edge.to_string()).join(" "))
            .collect();
        rows.write_record([
            &picture,
            &sound,
            &boxes.join("; "),
            scene.category.as_deref().unwrap_or_default(),
        ])?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    write_whole(&table, &rows.into_inner()?).with_context(|| format!("{table:?} cannot be written"))?;
    Ok(root)
}

fn wav(sound: &Sound) -> anyhow::Result<Vec<u8>> {
    let specification = hound::WavSpec {
        channels: 1,
        sample_rate: sound.rate_hz,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, specification)?;
    for &sample in &sound.samples {
        writer.write_sample(sample)?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}
