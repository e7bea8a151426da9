//! Writes a few composed scenes as PNG and WAV to look at and listen to.

use std::path::PathBuf;

use anyhow::Context;
use image::{Rgb, RgbImage};
use lookhear_board::Picture;
use lookhear_trainer::corpus::{Bounds, Corpus, Split};
use lookhear_trainer::dataset::{Composer, QuadComposer};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let corpus = Corpus::open(&PathBuf::from(arguments.next().context("corpus folder")?))?;
    let out = PathBuf::from(arguments.next().context("output folder")?);
    std::fs::create_dir_all(&out)?;
    for (name, split) in [
        ("train", Split::Train),
        ("heldout", Split::HeldOut),
        ("unheard", Split::Unheard),
    ] {
        let composer = Composer::new(&corpus, split, 7)?;
        eprintln!("{name}: {} categories", composer.categories().len());
        let start = std::time::Instant::now();
        for index in 0..12 {
            let scene = composer.compose(index)?;
            let mut picture = to_image(&scene.picture)?;
            for bounds in &scene.boxes {
                frame(&mut picture, bounds, Rgb([0, 255, 0]));
            }
            for labelled in &scene.silent {
                frame(&mut picture, &labelled.bounds, Rgb([255, 0, 0]));
            }
            picture.save(out.join(format!("{name}-{index:02}.png")))?;
            write(&out.join(format!("{name}-{index:02}.wav")), &scene.sound.samples)?;
            let silent: Vec<_> = scene.silent.iter().map(|labelled| labelled.category.as_str()).collect();
            eprintln!(
                "{name}-{index:02} {:?} {} | {} | {silent:?}",
                scene.kind,
                scene.category.unwrap_or_default(),
                scene.sound_id
            );
        }
        for index in 0..4 {
            let scene = composer.negative(index)?;
            to_image(&scene.picture)?.save(out.join(format!("{name}-negative-{index:02}.png")))?;
            eprintln!("negative {:?} {:?}", scene.kind, scene.category);
        }
        let quads = QuadComposer::new(&composer);
        for index in 0..4 {
            let quad = quads.compose(index)?;
            let mut picture = to_image(&quad.picture)?;
            for bounds in &quad.boxes {
                frame(&mut picture, bounds, Rgb([0, 255, 0]));
            }
            picture.save(out.join(format!("{name}-quad-{index:02}.png")))?;
            eprintln!("quad {:?} {} {}", quad.categories, quad.quadrant, quad.sound_id);
        }
        eprintln!("{:?} for 20", start.elapsed());
    }
    Ok(())
}

fn to_image(picture: &Picture) -> anyhow::Result<RgbImage> {
    RgbImage::from_raw(picture.width as u32, picture.height as u32, picture.bytes.clone()).context("not RGB")
}

fn frame(picture: &mut RgbImage, bounds: &Bounds, colour: Rgb<u8>) {
    let side = picture.width() as f32;
    let [left, top, right, bottom] = bounds.map(|edge| ((edge * side) as u32).min(picture.width() - 1));
    for x in left..=right {
        picture.put_pixel(x, top, colour);
        picture.put_pixel(x, bottom, colour);
    }
    for y in top..=bottom {
        picture.put_pixel(left, y, colour);
        picture.put_pixel(right, y, colour);
    }
}

fn write(path: &std::path::Path, samples: &[f32]) -> anyhow::Result<()> {
    let specification = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, specification)?;
    for sample in samples {
        writer.write_sample((sample * 32_767.0) as i16)?;
    }
    Ok(writer.finalize()?)
}
