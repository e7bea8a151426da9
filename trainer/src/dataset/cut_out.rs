//! A thing cut out of its picture, made ready to stand in a scene.

use image::{RgbImage, RgbaImage, imageops};
use rand::Rng;

use super::colour::Jitter;

/// Opacity from which a pixel counts as part of the thing.
const OPAQUE_FROM: u8 = 32;
/// A thing is turned by at most so much.
const MAX_TURN_DEGREES: f32 = 10.0;
/// How much the colours of a thing change.
const JITTER: [f32; 4] = [0.25, 0.25, 0.3, 0.03];

/// A thing at its final size, cropped to what is opaque. Its colours are weighted by its opacity.
#[derive(Debug, Clone)]
pub struct CutOut {
    weighted: RgbaImage,
}

impl CutOut {
    /// Flips, turns, resizes so that the longer side is `longest` pixels, feathers and recolours a picture.
    ///
    /// `None` for a picture with nothing opaque in it.
    pub fn prepare(picture: &RgbaImage, longest: u32, random: &mut impl Rng) -> Option<Self> {
        let picture = if random.random_bool(0.5) {
            imageops::flip_horizontal(picture)
        } else {
            picture.clone()
        };
        let turn = random.random_range(-MAX_TURN_DEGREES..=MAX_TURN_DEGREES);
        let jitter = Jitter::draw(JITTER, random);
        let is_photograph = picture.pixels().all(|pixel| pixel.0[3] >= OPAQUE_FROM);

        let scale = f64::from(longest) / f64::from(picture.width().max(picture.height()).max(1));
        let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
        let mut straight = picture;
        jitter.apply(&mut straight, 4, |pixel| pixel[3] >= OPAQUE_FROM);
        weigh(&mut straight);
        let small = imageops::resize(
            &straight,
            side(straight.width()),
            side(straight.height()),
            imageops::FilterType::Triangle,
        );
        // A photograph shows its own surroundings: turned, its edges would give it away even more.
        let turned = if is_photograph { small } else { rotate(&small, turn) };
        let mut cropped = crop_to_opaque(&turned)?;
        let radius = if is_photograph { (longest / 20).max(1) } else { 1 };
        feather(&mut cropped, radius, is_photograph);
        // Turning and cropping may have changed the longer side by a few pixels; what counts is that it fits.
        Some(Self { weighted: cropped })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.weighted.width()
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.weighted.height()
    }

    /// Lays the thing over `scene` with its upper left corner at (`left`, `top`). What reaches beyond the scene is lost.
    pub fn lay_over(&self, scene: &mut RgbImage, left: u32, top: u32) {
        for (x, y, pixel) in self.weighted.enumerate_pixels() {
            if let Some(under) = scene.get_pixel_mut_checked(left + x, top + y) {
                let [red, green, blue, alpha] = pixel.0;
                for (channel, over) in under.0.iter_mut().zip([red, green, blue]) {
                    let through = u32::from(*channel) * (255 - u32::from(alpha));
                    *channel = (u32::from(over) + (through + 127) / 255).min(255) as u8;
                }
            }
        }
    }
}

fn weigh(picture: &mut RgbaImage) {
    for pixel in picture.pixels_mut() {
        let alpha = u32::from(pixel.0[3]);
        for channel in &mut pixel.0[..3] {
            *channel = ((u32::from(*channel) * alpha + 127) / 255) as u8;
        }
    }
}

/// Turns about the middle, on a canvas large enough, bilinear.
fn rotate(picture: &RgbaImage, degrees: f32) -> RgbaImage {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let new_width = (width * cosine.abs() + height * sine.abs()).ceil() as u32 + 1;
    let new_height = (width * sine.abs() + height * cosine.abs()).ceil() as u32 + 1;
    RgbaImage::from_fn(new_width, new_height, |x, y| {
        let (right, down) = (
            x as f32 + 0.5 - new_width as f32 / 2.0,
            y as f32 + 0.5 - new_height as f32 / 2.0,
        );
        let from_x = cosine * right - sine * down + width / 2.0 - 0.5;
        let from_y = sine * right + cosine * down + height / 2.0 - 0.5;
        let (left, top) = (from_x.floor(), from_y.floor());
        let mut sums = [0.0_f32; 4];
        for (step_x, step_y) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let (column, row) = (left + step_x, top + step_y);
            if column >= 0.0 && row >= 0.0 && column < width && row < height {
                let weight = (1.0 - (from_x - column).abs()) * (1.0 - (from_y - row).abs());
                let pixel = picture.get_pixel(column as u32, row as u32).0;
                for (sum, channel) in sums.iter_mut().zip(pixel) {
                    *sum += weight * f32::from(channel);
                }
            }
        }
        image::Rgba(sums.map(|sum| sum.round() as u8))
    })
}

fn crop_to_opaque(picture: &RgbaImage) -> Option<RgbaImage> {
    let opaque = picture
        .enumerate_pixels()
        .filter(|(_, _, pixel)| pixel.0[3] >= OPAQUE_FROM);
    let (left, top, right, bottom) = opaque.fold(None, |bounds: Option<(u32, u32, u32, u32)>, (x, y, _)| {
        let (left, top, right, bottom) = bounds.unwrap_or((x, y, x, y));
        Some((left.min(x), top.min(y), right.max(x), bottom.max(y)))
    })?;
    Some(imageops::crop_imm(picture, left, top, right - left + 1, bottom - top + 1).to_image())
}

/// Softens the edges inwards over `radius` pixels: thin parts of a cut-out keep most of their opacity, the rim of a photograph loses all.
fn feather(picture: &mut RgbaImage, radius: u32, whole: bool) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let opacity: Vec<f32> = picture.pixels().map(|pixel| f32::from(pixel.0[3]) / 255.0).collect();
    let across = box_mean(&opacity, width, height, radius as usize, 1, width);
    let mean = box_mean(&across, width, height, radius as usize, width, 1);
    for (pixel, mean) in picture.pixels_mut().zip(mean) {
        let factor = if whole {
            (2.0 * mean - 1.0).max(0.0)
        } else {
            0.4 + 0.6 * mean
        };
        pixel.0 = pixel.0.map(|channel| (f32::from(channel) * factor).round() as u8);
    }
}

/// Mean over `2 · radius + 1` values along the direction whose neighbours lie `step` apart; zeros beyond the edge.
fn box_mean(values: &[f32], width: usize, height: usize, radius: usize, step: usize, line_step: usize) -> Vec<f32> {
    let (length, lines) = if step == 1 { (width, height) } else { (height, width) };
    let mut means = vec![0.0; values.len()];
    for line in 0..lines {
        let start = line * line_step;
        let mut sums = Vec::with_capacity(length + 1);
        sums.push(0.0_f32);
        for index in 0..length {
            sums.push(sums[index] + values[start + index * step]);
        }
        for index in 0..length {
            let (from, to) = (index.saturating_sub(radius), (index + radius + 1).min(length));
            means[start + index * step] = (sums[to] - sums[from]) / (2 * radius + 1) as f32;
        }
    }
    means
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use image::{Rgb, Rgba};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn disk() -> RgbaImage {
        RgbaImage::from_fn(200, 100, |x, y| {
            let inside = (f64::from(x) - 60.0).hypot(f64::from(y) - 50.0) < 40.0;
            Rgba([200, 40, 40, if inside { 255 } else { 0 }])
        })
    }

    #[test]
    fn a_thing_covers_its_own_place_and_no_more() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let thing = CutOut::prepare(&disk(), 100, &mut random).unwrap();
        assert!((35..=45).contains(&thing.width()) && thing.width().abs_diff(thing.height()) <= 2);
        let mut scene = RgbImage::from_pixel(120, 120, Rgb([0, 0, 255]));
        thing.lay_over(&mut scene, 50, 60);
        let middle = scene.get_pixel(50 + thing.width() / 2, 60 + thing.height() / 2).0;
        assert!(middle[0] > 100 && middle[2] < 100, "{middle:?}");
        for (x, y, pixel) in scene.enumerate_pixels() {
            let inside = (50..50 + thing.width()).contains(&x) && (60..60 + thing.height()).contains(&y);
            assert!(inside || pixel.0 == [0, 0, 255]);
        }
    }

    #[test]
    fn nothing_opaque_is_nothing() {
        assert!(CutOut::prepare(&RgbaImage::new(20, 20), 50, &mut ChaCha8Rng::seed_from_u64(1)).is_none());
    }

    #[test]
    fn photographs_fade_at_the_rim_and_thin_lines_survive() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let photograph =
            CutOut::prepare(&RgbaImage::from_pixel(80, 60, Rgba([9, 9, 9, 255])), 80, &mut random).unwrap();
        assert!(photograph.weighted.get_pixel(0, 30).0[3] < 64 && photograph.weighted.get_pixel(40, 30).0[3] == 255);
        let mut line = RgbaImage::from_fn(80, 1, |_, _| Rgba([9, 9, 9, 255]));
        feather(&mut line, 1, false);
        assert!(line.get_pixel(40, 0).0[3] > 120);
    }
}
