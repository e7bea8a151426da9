//! Every picture and every sound in one form: RGBA cut-outs as PNG, backgrounds as JPEG, sounds as 16 kHz mono WAV.

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, RgbaImage, imageops};
use lookhear::perception::resample::resample;
use lookhear_board::sound_file::decode_sound;
use resvg::{tiny_skia, usvg};

/// Sample rate of every sound of a corpus.
pub const SOUND_RATE_HZ: u32 = 16_000;
/// Longest side of a cut-out, in pixels.
const CUT_OUT_SIDE: u32 = 512;
/// Shorter side of a background, in pixels.
const BACKGROUND_SIDE: u32 = 640;
/// Longest sound kept; of a longer one the beginning.
const MAX_SECONDS: usize = 20;
/// Sound quieter than this below its peak counts as silence at its ends (50 dB).
const SILENCE_OF_PEAK: f32 = 0.003_16;
/// Silence left standing before and after the sound.
const MARGIN_SAMPLES: usize = SOUND_RATE_HZ as usize / 50;
/// Level that peaks are brought to (−1 dBFS).
const PEAK: f32 = 0.891;
/// Opacity below which a pixel does not count as part of a thing.
const OPAQUE_FROM: u8 = 16;

/// A picture of one thing (SVG, PNG, WebP, GIF, JPEG): rendered, cut to its opaque part, reduced to 512 pixels, as the bytes of a PNG file.
///
/// A photograph of one thing, opaque to its edges, stays as it is.
///
/// The error is a clause that says why this picture gives no cut-out.
pub fn cut_out(bytes: &[u8], path: &str) -> Result<Vec<u8>, String> {
    let picture = if path.ends_with(".svg") {
        render(bytes)?
    } else {
        decode(bytes)?.to_rgba8()
    };
    let (left, top, right, bottom) = opaque_bounds(&picture).ok_or("it is fully transparent")?;
    let thing = imageops::crop_imm(&picture, left, top, right - left, bottom - top).to_image();
    let longest = thing.width().max(thing.height());
    let thing = if longest > CUT_OUT_SIDE {
        let scale = f64::from(CUT_OUT_SIDE) / f64::from(longest);
        resize(&thing, scale)
    } else {
        thing
    };
    let mut png = Vec::new();
    thing
        .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
        .map_err(|error| error.to_string())?;
    Ok(png)
}

/// A picture to compose on: laid over white where transparent, reduced so that its shorter side is 640 pixels at the most, as the bytes of a JPEG file.
pub fn background(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let picture = over_white(&decode(bytes)?.to_rgba8());
    let shorter = picture.width().min(picture.height());
    let picture = if shorter > BACKGROUND_SIDE {
        let side = |length: u32| (u64::from(length) * u64::from(BACKGROUND_SIDE) / u64::from(shorter)) as u32;
        imageops::resize(
            &picture,
            side(picture.width()),
            side(picture.height()),
            imageops::FilterType::Triangle,
        )
    } else {
        picture
    };
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90)
        .encode_image(&picture)
        .map_err(|error| error.to_string())?;
    Ok(jpeg)
}

/// A sound in any container: mono, 16 kHz, silent ends trimmed, at most 20 s, peak at −1 dBFS, as 16-bit samples.
///
/// The error is a clause that says why this file gives no sound.
pub fn sound(bytes: Vec<u8>, path: &str) -> Result<Vec<i16>, String> {
    let name = path.rsplit(['/', ':']).next().unwrap_or(path);
    let track = decode_sound(Box::new(Cursor::new(bytes)), Path::new(name)).map_err(|error| error.to_string())?;
    let sound = resample(&track.sound, SOUND_RATE_HZ).map_err(|error| error.to_string())?;
    let peak = sound
        .samples
        .iter()
        .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if !peak.is_finite() || peak < 1e-4 {
        return Err("it is silent".to_owned());
    }
    let heard = |sample: &f32| sample.abs() > peak * SILENCE_OF_PEAK;
    let first = sound
        .samples
        .iter()
        .position(heard)
        .unwrap_or(0)
        .saturating_sub(MARGIN_SAMPLES);
    let last = sound.samples.iter().rposition(heard).unwrap_or(0) + MARGIN_SAMPLES;
    let samples = sound
        .samples
        .iter()
        .take(last + 1)
        .skip(first)
        .take(MAX_SECONDS * SOUND_RATE_HZ as usize);
    let gain = PEAK / peak * f32::from(i16::MAX);
    Ok(samples.map(|sample| (sample * gain).round() as i16).collect())
}

/// The bytes of a WAV file with these samples at 16 kHz.
pub fn wave(samples: &[i16]) -> Result<Vec<u8>, String> {
    let specification = hound::WavSpec {
        channels: 1,
        sample_rate: SOUND_RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, specification).map_err(|error| error.to_string())?;
    for sample in samples {
        writer.write_sample(*sample).map_err(|error| error.to_string())?;
    }
    writer.finalize().map_err(|error| error.to_string())?;
    Ok(bytes.into_inner())
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, String> {
    image::load_from_memory(bytes).map_err(|error| error.to_string())
}

fn render(bytes: &[u8]) -> Result<RgbaImage, String> {
    let tree = usvg::Tree::from_data(bytes, &usvg::Options::default()).map_err(|error| error.to_string())?;
    let size = tree.size();
    // Twice the final size: the drawing may fill a part of its page only.
    let scale = 2.0 * CUT_OUT_SIDE as f32 / size.width().max(size.height());
    let side = |length: f32| ((length * scale).ceil() as u32).max(1);
    let mut pixels = tiny_skia::Pixmap::new(side(size.width()), side(size.height())).ok_or("its page has no size")?;
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(scale, scale),
        &mut pixels.as_mut(),
    );
    let straight = pixels.pixels().iter().flat_map(|pixel| {
        let colour = pixel.demultiply();
        [colour.red(), colour.green(), colour.blue(), colour.alpha()]
    });
    RgbaImage::from_raw(pixels.width(), pixels.height(), straight.collect())
        .ok_or_else(|| "its page has no size".to_owned())
}

/// Left, top, right, bottom (exclusive) of the pixels that are not transparent.
fn opaque_bounds(picture: &RgbaImage) -> Option<(u32, u32, u32, u32)> {
    let opaque = picture
        .enumerate_pixels()
        .filter(|(_, _, pixel)| pixel.0[3] >= OPAQUE_FROM);
    opaque.fold(None, |bounds, (x, y, _)| {
        let (left, top, right, bottom) = bounds.unwrap_or((x, y, x, y));
        Some((left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)))
    })
}

/// Resizes with colours weighted by opacity, so that what hides under transparent pixels does not bleed in.
fn resize(picture: &RgbaImage, scale: f64) -> RgbaImage {
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let mut weighted = picture.clone();
    for pixel in weighted.pixels_mut() {
        let alpha = u32::from(pixel.0[3]);
        for channel in &mut pixel.0[..3] {
            *channel = ((u32::from(*channel) * alpha + 127) / 255) as u8;
        }
    }
    let mut small = imageops::resize(
        &weighted,
        side(picture.width()),
        side(picture.height()),
        imageops::FilterType::Triangle,
    );
    for pixel in small.pixels_mut() {
        let alpha = u32::from(pixel.0[3]).max(1);
        for channel in &mut pixel.0[..3] {
            *channel = (u32::from(*channel) * 255 / alpha).min(255) as u8;
        }
    }
    small
}

fn over_white(picture: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
        Rgb([red, green, blue].map(|channel| {
            let alpha = u32::from(alpha);
            ((u32::from(channel) * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        }))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use image::Rgba;

    use super::*;

    fn png(picture: &RgbaImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .unwrap();
        bytes
    }

    #[test]
    fn cut_outs_are_cropped_and_reduced() {
        let disk = RgbaImage::from_fn(1500, 1000, |x, y| {
            let inside = (f64::from(x) - 900.0).hypot(f64::from(y) - 500.0) < 400.0;
            Rgba([200, 10, 10, if inside { 255 } else { 0 }])
        });
        let result = decode(&cut_out(&png(&disk), "a.png").unwrap()).unwrap().to_rgba8();
        assert!(result.width().max(result.height()) == CUT_OUT_SIDE && result.width().abs_diff(result.height()) <= 1);
        assert_eq!(result.get_pixel(256, 256).0, [200, 10, 10, 255]);
        assert_eq!(result.get_pixel(2, 2).0[3], 0);
    }

    #[test]
    fn drawings_are_rendered() {
        let drawing = br#"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="10" fill="lime"/></svg>"#;
        let result = decode(&cut_out(drawing, "a.svg").unwrap()).unwrap().to_rgba8();
        assert_eq!(result.width(), CUT_OUT_SIDE);
        assert_eq!(result.get_pixel(256, 256).0, [0, 255, 0, 255]);
    }

    #[test]
    fn empty_pictures_and_rubbish_are_refused() {
        assert!(cut_out(&png(&RgbaImage::new(9, 9)), "a.png").is_err());
        assert!(cut_out(b"no picture", "a.png").is_err());
        assert!(cut_out(b"<svg", "a.svg").is_err());
    }

    #[test]
    fn backgrounds_are_reduced_over_white() {
        let result = decode(&background(&png(&RgbaImage::new(2000, 1280))).unwrap())
            .unwrap()
            .to_rgb8();
        assert_eq!((result.width(), result.height()), (1000, 640));
        assert!(
            result
                .pixels()
                .all(|pixel| pixel.0.iter().all(|channel| *channel > 250))
        );
    }

    #[test]
    fn sounds_are_trimmed_and_levelled() {
        let mut samples = vec![0_i16; 16_000];
        for (index, sample) in samples.iter_mut().enumerate().skip(6000).take(4000) {
            *sample = ((index as f32 * 0.3).sin() * 1000.0) as i16;
        }
        let result = sound(wave(&samples).unwrap(), "a.wav").unwrap();
        assert!(
            (3900..4000 + 2 * MARGIN_SAMPLES + 2).contains(&result.len()),
            "{}",
            result.len()
        );
        let peak = result.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((29_000..=29_300).contains(&peak), "{peak}");
    }

    #[test]
    fn silence_and_rubbish_are_refused() {
        assert_eq!(sound(wave(&[0; 100]).unwrap(), "a.wav").unwrap_err(), "it is silent");
        assert!(sound(b"no sound".to_vec(), "a.wav").is_err());
    }
}
