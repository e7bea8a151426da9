//! The geometric transform as the published code has it: scale ½ shrinks twice, and maps go by way of the picture's size.

use rand::Rng;

use super::transform::{MAX_ANGLE_DEGREES, Taps, Warp, bilinear, warp_planes};

/// The picture's side, in pixels.
const PUBLISHED_SIDE: usize = 224;
/// The map's side, in cells.
const PUBLISHED_MAP_SIDE: usize = 14;

/// The published code's transform of 224-pixel pictures and 14-cell maps.
///
/// It turns about pixel (112, 112), half a pixel off the middle; at half scale it warps by ½ and then halves the result's size; and it
/// brings maps to 224 × 224, warps them there, and brings them back to 14 × 14, or to 7 × 7 at half scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedWarp {
    /// Counter-clockwise, in whole degrees.
    pub angle_degrees: i32,
    /// Scale ½ instead of 1.
    pub half: bool,
    /// Mirror left and right at the end.
    pub flip: bool,
}

impl PublishedWarp {
    /// Draws the warps of a batch: an angle in ±30° for each sample, scale and flip for all of them.
    pub fn draw_batch(batch: usize, random: &mut impl Rng) -> Vec<Self> {
        let (half, flip) = (random.random_bool(0.5), random.random_bool(0.5));
        let angles = (0..batch).map(|_| random.random_range(-MAX_ANGLE_DEGREES..=MAX_ANGLE_DEGREES));
        let warps = angles.map(|angle_degrees| Self {
            angle_degrees,
            half,
            flip,
        });
        warps.collect()
    }

    /// Side of the transformed picture, in pixels: 224, or 112 at half scale.
    pub fn picture_side(&self) -> usize {
        if self.half { PUBLISHED_SIDE / 2 } else { PUBLISHED_SIDE }
    }

    /// Side of the transformed map, in cells: 14, or 7 at half scale.
    pub fn map_side(&self) -> usize {
        if self.half {
            PUBLISHED_MAP_SIDE / 2
        } else {
            PUBLISHED_MAP_SIDE
        }
    }

    /// Transforms a picture `[channels, 224, 224]` into `[channels, side, side]`, side as [`picture_side`](Self::picture_side) tells.
    pub fn apply_to_picture(&self, planes: &[f32]) -> Vec<f32> {
        let warped = self.warp(planes);
        if self.half {
            resize_planes(&warped, PUBLISHED_SIDE, self.picture_side())
        } else {
            warped
        }
    }

    /// Transforms a map `[channels, 14, 14]` into `[channels, side, side]`, side as [`map_side`](Self::map_side) tells.
    pub fn apply_to_map(&self, planes: &[f32]) -> Vec<f32> {
        let large = resize_planes(planes, PUBLISHED_MAP_SIDE, PUBLISHED_SIDE);
        resize_planes(&self.warp(&large), PUBLISHED_SIDE, self.map_side())
    }

    fn warp(&self, planes: &[f32]) -> Vec<f32> {
        let warp = Warp {
            angle_degrees: self.angle_degrees as f32,
            scale: if self.half { 0.5 } else { 1.0 },
            flip: self.flip,
        };
        let middle = PUBLISHED_SIDE as f64 / 2.0;
        warp_planes(
            planes,
            PUBLISHED_SIDE * PUBLISHED_SIDE,
            &warp.taps(PUBLISHED_SIDE, PUBLISHED_SIDE, (middle, middle)),
        )
    }
}

/// Bilinear change of size without anti-aliasing, corners of the pixels aligned (PyTorch's `interpolate` with `align_corners=False`).
fn resize_planes(planes: &[f32], from: usize, to: usize) -> Vec<f32> {
    let place = |index: usize| ((index as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, from as f64 - 1.0);
    let taps: Vec<Taps> = (0..to * to)
        .map(|index| bilinear(place(index % to), place(index / to), from, from))
        .collect();
    warp_planes(planes, from * from, &taps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::path::PathBuf;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use safetensors::SafeTensors;

    use super::*;

    fn golden(file: &str) -> Vec<u8> {
        let built_in = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden");
        let folder = std::env::var_os("LOOKHEAR_GOLDEN").map_or_else(|| PathBuf::from(built_in), PathBuf::from);
        std::fs::read(folder.join(file))
            .unwrap_or_else(|error| panic!("golden file {file} in {}: {error}", folder.display()))
    }

    fn array(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
        let bytes = file.tensor(name).unwrap().data();
        bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
            .collect()
    }

    fn largest_difference(one: &[f32], other: &[f32]) -> f32 {
        assert_eq!(one.len(), other.len());
        one.iter()
            .zip(other)
            .map(|(one, other)| (one - other).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn published_warp_agrees_with_the_golden_vectors() {
        let (warps, model) = (golden("equivariance.safetensors"), golden("model.safetensors"));
        let (warps, model) = (
            SafeTensors::deserialize(&warps).unwrap(),
            SafeTensors::deserialize(&model).unwrap(),
        );
        let (angles, images, heatmap) = (
            array(&warps, "angles"),
            array(&model, "images"),
            array(&warps, "heatmap"),
        );
        for (name, half, flip) in [
            ("scale1", false, false),
            ("scale1_flip", false, true),
            ("half", true, false),
            ("half_flip", true, true),
        ] {
            let each = |planes: &[f32], size: usize, apply: fn(&PublishedWarp, &[f32]) -> Vec<f32>| -> Vec<f32> {
                let samples = planes.chunks_exact(size).zip(&angles);
                samples
                    .flat_map(|(sample, angle)| {
                        let warp = PublishedWarp {
                            angle_degrees: *angle as i32,
                            half,
                            flip,
                        };
                        apply(&warp, sample)
                    })
                    .collect()
            };
            let pictures = each(
                &images[..2 * 3 * 224 * 224],
                3 * 224 * 224,
                PublishedWarp::apply_to_picture,
            );
            let maps = each(&heatmap, 14 * 14, PublishedWarp::apply_to_map);
            assert!(
                largest_difference(&pictures, &array(&warps, &format!("{name}.image"))) < 1e-4,
                "{name}.image"
            );
            assert!(
                largest_difference(&maps, &array(&warps, &format!("{name}.heatmap"))) < 1e-4,
                "{name}.heatmap"
            );
        }
    }

    #[test]
    fn a_batch_shares_scale_and_flip() {
        let batch = PublishedWarp::draw_batch(8, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(
            batch
                .iter()
                .all(|warp| warp.half == batch[0].half && warp.flip == batch[0].flip)
        );
        assert!(batch.iter().any(|warp| warp.angle_degrees != batch[0].angle_degrees));
        assert_eq!(batch, PublishedWarp::draw_batch(8, &mut ChaCha8Rng::seed_from_u64(1)));
    }
}
