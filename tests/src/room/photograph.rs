//! The wide photograph: a landscape with cut-outs of things at known bearings.

use std::path::Path;

use anyhow::{Context, Result};
use image::imageops::{self, FilterType};
use image::{GenericImageView, RgbImage};
use lookhear_board::camera::panorama::Panorama;
use lookhear_board::{Orientation, Picture};

/// How many pixels a degree of the photograph has: about as many as a frame of 640 pixels at 60 degrees.
const PIXELS_PER_DEGREE: f64 = 11.0;
/// How much the photograph spans.
const SPAN_DEGREES: f64 = 160.0;
/// An opaque pixel of a cut-out.
const OPAQUE: u8 = 128;

/// A thing that can be seen and heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thing {
    /// What it is.
    pub name: &'static str,
    /// Its picture, by its path in its package: a cut-out.
    pub picture: &'static str,
    /// Its sound, by its path in its package.
    pub sound: &'static str,
}

/// A thing at its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// The thing.
    pub thing: Thing,
    /// Where its middle is.
    pub bearing: Orientation,
    /// How high it is, in degrees.
    pub height_degrees: f64,
}

/// The photograph of a landscape (by its path) with things in it, `path` giving where their pictures lie.
///
/// # Errors
/// When a picture cannot be read.
pub fn panorama(landscape: &Path, things: &[Placed], path: impl Fn(&str) -> std::path::PathBuf) -> Result<Panorama> {
    let open = |path: &Path| image::open(path).with_context(|| format!("{} cannot be read", path.display()));
    let landscape = open(landscape)?;
    let width = (SPAN_DEGREES * PIXELS_PER_DEGREE) as u32;
    let height = (f64::from(width) * f64::from(landscape.height()) / f64::from(landscape.width())) as u32;
    let mut wide = imageops::resize(&landscape.to_rgb8(), width, height, FilterType::Triangle);
    let empty = bend(wide.clone())?;
    for placed in things {
        let cut_out = open(&path(placed.thing.picture))?.to_rgba8();
        let (left, top, right, bottom) = bounds(&cut_out);
        let cut_out = cut_out.view(left, top, right - left, bottom - top).to_image();
        let high = placed.height_degrees * PIXELS_PER_DEGREE;
        let broad = high * f64::from(cut_out.width()) / f64::from(cut_out.height());
        let cut_out = imageops::resize(&cut_out, broad as u32, high as u32, FilterType::Triangle);
        let (x, y) = empty.pixel(placed.bearing);
        paste(&mut wide, &cut_out, (x - broad / 2.0) as i64, (y - high / 2.0) as i64);
    }
    bend(wide)
}

fn bend(wide: RgbImage) -> Result<Panorama> {
    let (width, height) = (wide.width() as usize, wide.height() as usize);
    let picture = Picture::rgb(width, height, wide.into_raw()).context("the photograph holds no pixels")?;
    Panorama::new(picture, SPAN_DEGREES).context("the photograph cannot be looked around in")
}

/// What of a cut-out is opaque: left, top, right, bottom.
fn bounds(cut_out: &image::RgbaImage) -> (u32, u32, u32, u32) {
    let opaque = cut_out.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[3] >= OPAQUE);
    let start = (cut_out.width(), cut_out.height(), 0, 0);
    let (left, top, right, bottom) = opaque.fold(start, |(left, top, right, bottom), (x, y, _)| {
        (left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1))
    });
    if left < right && top < bottom {
        (left, top, right, bottom)
    } else {
        (0, 0, cut_out.width(), cut_out.height())
    }
}

fn paste(wide: &mut RgbImage, cut_out: &image::RgbaImage, left: i64, top: i64) {
    for (x, y, pixel) in cut_out.enumerate_pixels() {
        let (Ok(x), Ok(y)) = (u32::try_from(left + i64::from(x)), u32::try_from(top + i64::from(y))) else {
            continue;
        };
        if x < wide.width() && y < wide.height() {
            let opacity = f32::from(pixel.0[3]) / 255.0;
            let below = wide.get_pixel_mut(x, y);
            for (below, above) in below.0.iter_mut().zip(pixel.0) {
                *below = (f32::from(*below) * (1.0 - opacity) + f32::from(above) * opacity).round() as u8;
            }
        }
    }
}
