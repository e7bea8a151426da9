//! `lookhear-train compose`: scenes written down once, as a data set like any other.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use lookhear_board::{Picture, Sound};

use crate::corpus::{Bounds, Corpus, Split};
use crate::dataset::{Composer, QuadComposer, Settings};
use crate::evaluate::arguments::bar;
use lookhear_board::write_whole;

/// Of the written pictures; high, as they are compressed for the second time.
const JPEG_QUALITY: u8 = 92;

/// Compose scenes out of a corpus and write them as pictures, sounds and a list of pairs with boxes.
///
/// `fit`, `evaluate`, `retrieve` and `ablate` read the folder with `--data pairs`: quicker than composing anew in every epoch. What
/// is silently in view is not written down: `fit --corpus` knows of it and takes no sound of it for a negative, `--data pairs` does not.
#[derive(Debug, Clone, clap::Args)]
pub struct ComposeArguments {
    /// The corpus that `lookhear-train corpus` built
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Which part of the corpus; what is composed of different parts shares no recording and no picture
    #[arg(long, value_enum, default_value_t = PartName::Train)]
    part: PartName,
    /// How many pairs
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pairs: usize,
    /// Share of the pairs that are grids of four pictures, of which one sounds
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    grids: f64,
    /// Share of the other pairs that are photographs
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    photographs: f64,
    /// Share of the pairs in which a person speaks [default: as often as any other category sounds]
    #[arg(long, value_name = "SHARE")]
    speech: Option<f64>,
    /// Edge of the square pictures, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 320)]
    side: u32,
    /// Length of the sounds
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    seconds: f32,
    /// Another number gives other scenes
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Threads that compose
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    threads: usize,
}

/// A part of a corpus, by the name it has on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PartName {
    /// What models are trained on
    Train,
    /// Recordings and pictures that are kept from training, of categories that are not
    HeldOut,
    /// Categories that are kept from training
    Unheard,
}

impl PartName {
    fn split(self) -> Split {
        match self {
            Self::Train => Split::Train,
            Self::HeldOut => Split::HeldOut,
            Self::Unheard => Split::Unheard,
        }
    }
}

/// Composes and writes.
pub fn run(arguments: ComposeArguments) -> anyhow::Result<()> {
    anyhow::ensure!(
        [arguments.grids, arguments.photographs, arguments.speech.unwrap_or(0.0)]
            .iter()
            .all(|share| (0.0..=1.0).contains(share)),
        "--grids, --photographs and --speech are shares from 0 to 1"
    );
    let corpus = Corpus::open(&arguments.corpus).context("the corpus cannot be used")?;
    let settings = Settings {
        side: arguments.side,
        seconds: arguments.seconds,
        photograph_share: arguments.photographs,
        speech_share: arguments.speech,
        ..Settings::default()
    };
    let composer = Composer::with_settings(&corpus, arguments.part.split(), arguments.seed, settings)?;
    for folder in ["pictures", "sounds"] {
        let folder = arguments.out.join(folder);
        std::fs::create_dir_all(&folder).with_context(|| format!("{folder:?} cannot be made"))?;
    }
    let bar = bar(arguments.pairs as u64, "composing")?;
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<Vec<(usize, String)>> {
        let mut rows = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= arguments.pairs {
                return Ok(rows);
            }
            rows.push((number, write(&composer, number, &arguments)?));
            bar.inc(1);
        }
    };
    let mut rows = std::thread::scope(|scope| -> anyhow::Result<Vec<(usize, String)>> {
        let workers: Vec<_> = (0..arguments.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut rows = Vec::new();
        for worker in workers {
            let part = worker
                .join()
                .map_err(|_| anyhow::anyhow!("a thread that composes has failed"))?;
            rows.extend(part?);
        }
        Ok(rows)
    })?;
    bar.finish_and_clear();
    rows.sort_unstable();
    let mut list = "image,sound,boxes,class,id\n".to_owned();
    rows.iter().for_each(|(_, row)| list += row);
    write_whole(&arguments.out.join("pairs.csv"), list.as_bytes())?;
    // The credits go wherever the material goes.
    let credits = arguments.corpus.join("CREDITS.md");
    if credits.is_file() {
        std::fs::copy(&credits, arguments.out.join("CREDITS.md")).context("the credits cannot be copied")?;
    }
    Ok(())
}

/// Whether a pair is one of the share that are grids, evenly spread: where the share fills another whole.
fn is_grid(number: usize, share: f64) -> bool {
    let filled = |number: usize| (number as f64 * share) as usize;
    filled(number + 1) > filled(number)
}

/// Writes a pair, and gives its row of the list.
fn write(composer: &Composer, number: usize, arguments: &ComposeArguments) -> anyhow::Result<String> {
    let (picture, sound, boxes, class): (Picture, Sound, Vec<Bounds>, String) = if is_grid(number, arguments.grids) {
        let quad = QuadComposer::new(composer).compose(number as u64)?;
        let class = quad.categories.get(quad.quadrant).cloned().unwrap_or_default();
        (quad.picture, quad.sound, quad.boxes, class)
    } else {
        let scene = composer.compose(number as u64)?;
        (
            scene.picture,
            scene.sound,
            scene.boxes,
            scene.category.unwrap_or_default(),
        )
    };
    let (image, audio) = (format!("pictures/{number:06}.jpg"), format!("sounds/{number:06}.wav"));
    let pixels = RgbImage::from_raw(picture.width as u32, picture.height as u32, picture.bytes)
        .context("a composed picture is not RGB")?;
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(&pixels)?;
    std::fs::write(arguments.out.join(&image), bytes).with_context(|| format!("{image} cannot be written"))?;
    write_sound(&arguments.out.join(&audio), &sound).with_context(|| format!("{audio} cannot be written"))?;
    let boxes: Vec<String> = boxes
        .iter()
        .map(|[left, top, right, bottom]| format!("{left:.4} {top:.4} {right:.4} {bottom:.4}"))
        .collect();
    Ok(format!("{image},{audio},{},{class},{number:06}\n", boxes.join("; ")))
}

fn write_sound(path: &Path, sound: &Sound) -> anyhow::Result<()> {
    let specification = hound::WavSpec {
        channels: 1,
        sample_rate: sound.rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, specification)?;
    for sample in &sound.samples {
        writer.write_sample((sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16)?;
    }
    Ok(writer.finalize()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn grids_are_spread_evenly() {
        let grids: Vec<usize> = (0..10).filter(|&number| is_grid(number, 0.3)).collect();
        assert_eq!(grids, [3, 6, 9]);
        assert!((0..10).all(|number| is_grid(number, 1.0) && !is_grid(number, 0.0)));
    }

    #[test]
    fn a_sound_is_written_to_the_nearest_level() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let sound = Sound {
            rate_hz: 16_000,
            samples: vec![0.0, 0.5, -2.0],
        };
        write_sound(&path, &sound).unwrap();
        let levels: Vec<i16> = hound::WavReader::open(&path)
            .unwrap()
            .samples()
            .map(Result::unwrap)
            .collect();
        assert_eq!(levels, [0, 16_384, -32_767]);
    }
}
