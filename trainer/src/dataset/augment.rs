//! The random changes of a training picture.
//!
//! METHOD, section Picture: random resized crop (area 0.3..1), colour jitter (0.4, 0.4, 0.4, 0.1) with p 0.8, grey with p 0.2, Gaussian blur of σ 0.1..2
//! with p 0.5, horizontal flip with p 0.5.

use image::{RgbImage, imageops};
use lookhear::perception::picture::{PictureFrontEnd, PictureTransform};
use lookhear_board::{Picture, PixelFormat};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::colour::{Jitter, luma};
use super::scene::to_picture;
use crate::corpus::Bounds;

/// Share of the picture's area that a crop keeps.
const CROP_AREA: std::ops::RangeInclusive<f32> = 0.3..=1.0;
/// Width over height of a crop lies between this and its inverse.
const CROP_ASPECT: f32 = 0.75;
/// Least share of a box that has to stay in the crop for it to count as in view.
const MIN_VISIBLE: f32 = 0.25;

/// Which of the changes are made: to find out what each is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureChanges {
    /// A random crop, brought back to size.
    pub crop: bool,
    /// Brightness, contrast, saturation and hue.
    pub colour: bool,
    /// No colour at all for every fifth.
    pub grey: bool,
    /// Gaussian blur.
    pub blur: bool,
    /// Left and right exchanged.
    pub flip: bool,
}

impl PictureChanges {
    /// Every change: METHOD's training picture.
    pub const ALL: Self = Self {
        crop: true,
        colour: true,
        grey: true,
        blur: true,
        flip: true,
    };
    /// No change.
    pub const NONE: Self = Self {
        crop: false,
        colour: false,
        grey: false,
        blur: false,
        flip: false,
    };
}

/// A drawn set of changes: the same changes can be applied to a picture and to its boxes.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmentation {
    /// What is kept, in fractions of the picture.
    crop: Bounds,
    jitter: Option<Jitter>,
    grey: bool,
    blur: Option<f32>,
    flip: bool,
}

impl Augmentation {
    /// Draws the changes for a picture of `width × height` pixels.
    pub fn draw(width: usize, height: usize, random: &mut impl Rng) -> Self {
        Self {
            crop: draw_crop(width as f32, height as f32, random),
            jitter: random
                .random_bool(0.8)
                .then(|| Jitter::draw([0.4, 0.4, 0.4, 0.1], random)),
            grey: random.random_bool(0.2),
            blur: random.random_bool(0.5).then(|| random.random_range(0.1..=2.0)),
            flip: random.random_bool(0.5),
        }
    }

    /// Only these of the changes; where the crop is not among them, `uncropped` is kept instead (left, top, right, bottom, in fractions of the
    /// picture). The others stay as they were drawn.
    pub fn only(self, changes: PictureChanges, uncropped: Bounds) -> Self {
        Self {
            crop: if changes.crop { self.crop } else { uncropped },
            jitter: self.jitter.filter(|_| changes.colour),
            grey: self.grey && changes.grey,
            blur: self.blur.filter(|_| changes.blur),
            flip: self.flip && changes.flip,
        }
    }

    /// The changed picture, `side × side` pixels; `None` where the picture is not RGB or not complete.
    ///
    /// The blur is METHOD's at 224 pixels, and in proportion at other sides.
    pub fn apply(&self, picture: &Picture, side: u32) -> Option<Picture> {
        let mut pixels = resized(&self.cut(picture)?, side)?;
        if let Some(jitter) = &self.jitter {
            jitter.apply(&mut pixels, 3, |_| true);
        }
        if self.grey {
            for pixel in pixels.pixels_mut() {
                pixel.0 = [luma(pixel.0.map(f32::from)).round() as u8; 3];
            }
        }
        if let Some(deviation) = self.blur {
            pixels = imageops::blur(&pixels, deviation * side as f32 / 224.0);
        }
        if self.flip {
            imageops::flip_horizontal_in_place(&mut pixels);
        }
        Some(to_picture(pixels))
    }

    /// What the crop keeps, in its own size.
    fn cut(&self, picture: &Picture) -> Option<Picture> {
        let (width, height) = (picture.width, picture.height);
        if picture.format != PixelFormat::Rgb || picture.bytes.len() < picture.stride_bytes * height {
            return None;
        }
        let pixel = |share: f32, length: usize| ((share * length as f32).round() as usize).min(length);
        let (left, top) = (
            pixel(self.crop[0], width).min(width.checked_sub(1)?),
            pixel(self.crop[1], height).min(height.checked_sub(1)?),
        );
        let (right, bottom) = (
            pixel(self.crop[2], width).max(left + 1),
            pixel(self.crop[3], height).max(top + 1),
        );
        let rows = picture
            .bytes
            .chunks_exact(picture.stride_bytes)
            .skip(top)
            .take(bottom - top);
        let kept: Option<Vec<&[u8]>> = rows.map(|row| row.get(left * 3..right * 3)).collect();
        Picture::rgb(right - left, bottom - top, kept?.concat())
    }

    /// Where boxes of the picture lie in the changed one; those that the crop leaves little of are left out.
    pub fn apply_to_boxes(&self, boxes: &[Bounds]) -> Vec<Bounds> {
        let area = |bounds: &Bounds| (bounds[2] - bounds[0]).max(0.0) * (bounds[3] - bounds[1]).max(0.0);
        let [left, top, right, bottom] = self.crop;
        let inside = boxes.iter().filter_map(|bounds| {
            let cut = [
                bounds[0].max(left),
                bounds[1].max(top),
                bounds[2].min(right),
                bounds[3].min(bottom),
            ];
            let seen = cut[0] < cut[2] && cut[1] < cut[3] && area(&cut) >= MIN_VISIBLE * area(bounds);
            seen.then(|| {
                let (width, height) = (right - left, bottom - top);
                let (from, to) = ((cut[0] - left) / width, (cut[2] - left) / width);
                let (from, to) = if self.flip { (1.0 - to, 1.0 - from) } else { (from, to) };
                [from, (cut[1] - top) / height, to, (cut[3] - top) / height].map(|edge| edge.clamp(0.0, 1.0))
            })
        });
        inside.collect()
    }
}

/// The whole picture at another size.
fn resized(picture: &Picture, side: u32) -> Option<RgbImage> {
    // Levels of 0..255 come out as they are.
    let mut resizer = PictureFrontEnd::new(side as usize, PictureTransform::FullFrame, [0.0; 3], [1.0 / 255.0; 3]);
    let mut planes = vec![0.0; resizer.output_values()];
    resizer.prepare(picture, &mut planes).ok()?;
    let (red, others) = planes.split_at(planes.len() / 3);
    let (green, blue) = others.split_at(others.len() / 2);
    let colours = red.iter().zip(green).zip(blue);
    let levels = colours.flat_map(|((&red, &green), &blue)| [red, green, blue].map(|level| (level + 0.5) as u8));
    RgbImage::from_raw(side, side, levels.collect())
}

fn draw_crop(width: f32, height: f32, random: &mut impl Rng) -> Bounds {
    for _ in 0..10 {
        let area = random.random_range(CROP_AREA) * width * height;
        let aspect = random.random_range(CROP_ASPECT.ln()..=-CROP_ASPECT.ln()).exp();
        let (crop_width, crop_height) = ((area * aspect).sqrt() / width, (area / aspect).sqrt() / height);
        if crop_width <= 1.0 && crop_height <= 1.0 {
            let left = random.random_range(0.0..=1.0 - crop_width);
            let top = random.random_range(0.0..=1.0 - crop_height);
            return [left, top, left + crop_width, top + crop_height];
        }
    }
    [0.0, 0.0, 1.0, 1.0]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use image::Rgb;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Blue, with a red block.
    fn picture(block: Bounds) -> Picture {
        to_picture(RgbImage::from_fn(100, 80, |x, y| {
            let (x, y) = ((x as f32 + 0.5) / 100.0, (y as f32 + 0.5) / 80.0);
            let inside = (block[0]..block[2]).contains(&x) && (block[1]..block[3]).contains(&y);
            Rgb(if inside { [255, 0, 0] } else { [0, 0, 255] })
        }))
    }

    #[test]
    fn the_same_seed_gives_the_same_picture() {
        let apply = |seed| {
            let augmentation = Augmentation::draw(100, 80, &mut ChaCha8Rng::seed_from_u64(seed));
            augmentation.apply(&picture([0.2, 0.2, 0.6, 0.7]), 64).unwrap()
        };
        assert_eq!(apply(3), apply(3));
        assert_ne!(apply(3), apply(4));
    }

    #[test]
    fn other_formats_are_not_taken_for_rgb() {
        let mut other = picture([0.0; 4]);
        other.format = PixelFormat::Nv12;
        assert_eq!(
            Augmentation::draw(100, 80, &mut ChaCha8Rng::seed_from_u64(1)).apply(&other, 32),
            None
        );
    }

    proptest! {
        #[test]
        fn boxes_stay_on_their_things(seed: u64) {
            let block = [0.3, 0.25, 0.7, 0.75];
            let mut augmentation = Augmentation::draw(100, 80, &mut ChaCha8Rng::seed_from_u64(seed));
            prop_assert!((0.29..=1.01).contains(&((augmentation.crop[2] - augmentation.crop[0]) * (augmentation.crop[3] - augmentation.crop[1]))));
            (augmentation.jitter, augmentation.grey, augmentation.blur) = (None, false, None);
            let changed = augmentation.apply(&picture(block), 60).unwrap();
            for moved in augmentation.apply_to_boxes(&[block]) {
                for (index, pixel) in changed.bytes.chunks_exact(3).enumerate() {
                    let (x, y) = (((index % 60) as f32 + 0.5) / 60.0, ((index / 60) as f32 + 0.5) / 60.0);
                    let margin = 0.05;
                    let well_inside = x > moved[0] + margin && x < moved[2] - margin && y > moved[1] + margin && y < moved[3] - margin;
                    let well_outside = x < moved[0] - margin || x > moved[2] + margin || y < moved[1] - margin || y > moved[3] + margin;
                    prop_assert!(!well_inside || pixel[0] > 200);
                    prop_assert!(!well_outside || pixel[2] > 200);
                }
            }
        }
    }
}
