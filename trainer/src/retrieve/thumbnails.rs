//! Small pictures for the page: of pictures, and of sounds as spectrograms.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use lookhear::perception::log_mel::{BANDS, LogMelStream, RATE_HZ};
use lookhear::perception::picture::to_rgb;
use lookhear::perception::resample::resample;
use lookhear_board::{Picture, Sound, read_picture};

use super::material::{Member, read_sound_of};
use crate::report::PictureView;

/// Longest side of a picture, and width of a spectrogram.
const WIDTH_PIXELS: u32 = 168;
/// Height of a spectrogram.
const HEIGHT_PIXELS: u32 = 64;
/// Levels below the loudest that are still told apart, in the log-mel's natural logarithm: about 40 dB.
const RANGE: f32 = 4.6;
/// The log-mel of digital silence, ln 0.001.
const SILENCE: f32 = -6.907_755;

/// Draws each file once, as a `data:` address.
#[derive(Debug, Default)]
pub(super) struct Thumbnails {
    drawn: HashMap<PathBuf, String>,
}

impl Thumbnails {
    /// Of a picture file.
    pub fn picture(&mut self, file: &Path) -> anyhow::Result<String> {
        self.once(file, || {
            let picture = read_picture(file)?;
            let rgb = to_rgb(&picture)?;
            let full = RgbImage::from_raw(rgb.width as u32, rgb.height as u32, rgb.bytes).unwrap_or_default();
            let longest = full.width().max(full.height()).max(1);
            let side = |side: u32| (side * WIDTH_PIXELS.min(longest) / longest).max(1);
            Ok(resize(
                &full,
                side(full.width()),
                side(full.height()),
                FilterType::Triangle,
            ))
        })
    }

    /// Of a sound: time to the right, pitch upwards, light where it is loud.
    pub fn spectrogram(&mut self, sound: &Member) -> anyhow::Result<String> {
        self.once(&sound.file, || {
            let read = read_sound_of(&sound.file, sound.first_seconds)?;
            spectrogram(&read)
        })
    }

    fn once(&mut self, file: &Path, draw: impl FnOnce() -> anyhow::Result<RgbImage>) -> anyhow::Result<String> {
        if let Some(drawn) = self.drawn.get(file) {
            return Ok(drawn.clone());
        }
        let image = draw().with_context(|| format!("{} cannot be shown", file.display()))?;
        let (width, height) = (image.width() as usize, image.height() as usize);
        let picture = Picture::rgb(width, height, image.into_raw()).context("a thumbnail has no pixels")?;
        let uri = PictureView::plain(&picture).data_uri()?;
        self.drawn.insert(file.to_owned(), uri.clone());
        Ok(uri)
    }
}

fn spectrogram(sound: &Sound) -> anyhow::Result<RgbImage> {
    let sound = resample(sound, RATE_HZ)?;
    let mut levels: Vec<[f32; BANDS]> = Vec::new();
    LogMelStream::new().push(&sound.samples, |bands| levels.push(*bands));
    let loudest = levels.iter().flatten().copied().fold(SILENCE + RANGE, f32::max);
    let (frames, bands) = (levels.len().max(1) as u32, BANDS as u32);
    let full = RgbImage::from_fn(frames, bands, |frame, row| {
        let bands = levels.get(frame as usize);
        let level = bands.map_or(f32::NEG_INFINITY, |bands| bands[BANDS - 1 - row as usize]);
        colour(((level - loudest) / RANGE + 1.0).clamp(0.0, 1.0))
    });
    Ok(resize(&full, WIDTH_PIXELS, HEIGHT_PIXELS, FilterType::Triangle))
}

/// From dark blue over orange to white, ever lighter.
fn colour(level: f32) -> Rgb<u8> {
    let stops = [
        [14.0, 18.0, 40.0],
        [92.0, 42.0, 108.0],
        [224.0, 108.0, 62.0],
        [255.0, 244.0, 214.0],
    ];
    let place = level * (stops.len() - 1) as f32;
    let below = (place as usize).min(stops.len() - 2);
    let share = place - below as f32;
    Rgb(std::array::from_fn(|channel| {
        (stops[below][channel] * (1.0 - share) + stops[below + 1][channel] * share).round() as u8
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_tone_is_light_where_it_sounds() {
        let samples = (0..16_000).map(|index| {
            let second_half = index >= 8000;
            if second_half {
                (index as f32 * 0.2).sin() * 0.5
            } else {
                0.0
            }
        });
        let sound = Sound {
            samples: samples.collect(),
            rate_hz: RATE_HZ,
        };
        let drawn = spectrogram(&sound).unwrap();
        assert_eq!(drawn.dimensions(), (WIDTH_PIXELS, HEIGHT_PIXELS));
        let lightest = |columns: std::ops::Range<u32>| {
            let pixels = columns.flat_map(|x| (0..HEIGHT_PIXELS).map(move |y| (x, y)));
            pixels.map(|(x, y)| drawn.get_pixel(x, y).0[1]).max().unwrap()
        };
        assert!(lightest(0..70) < 60 && lightest(100..168) > 180);
    }

    #[test]
    fn silence_and_a_sound_too_short_for_a_frame_are_dark() {
        for samples in [vec![0.0; 16_000], vec![0.5; 10]] {
            let rate_hz = RATE_HZ;
            let drawn = spectrogram(&Sound { samples, rate_hz }).unwrap();
            assert!(drawn.pixels().all(|pixel| pixel.0 == [14, 18, 40]));
        }
    }
}
