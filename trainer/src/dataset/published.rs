//! The geometric transform as the published code has it: scale ½ shrinks twice, and maps go by way of the picture's size.

use rand::Rng;

use super::transform::{MAX_ANGLE_DEGREES, Taps, Warp, bilinear, warp_planes};

/// The picture's side, in pixels.
const PUBLISHED_SIDE: usize = 224;
/// The map's side, in cells.
const PUBLISHED_MAP_SIDE: usize = 14;
/// Side of a cell, in pixels of the picture.
const CELL_PIXELS: usize = PUBLISHED_SIDE / PUBLISHED_MAP_SIDE;

/// The published code's transform of 224-pixel pictures and 14-cell maps.
///
/// It turns about pixel (112, 112), half a pixel off the middle; at half scale it warps by ½ and then halves the result's size; and it
/// brings maps to 224 × 224, warps them there, and brings them back to 14 × 14, or to 7 × 7 at half scale. Pictures of other sides, and
/// maps with a cell for each 16 pixels, go the same way.
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
        let angles = (0..batch).map(|_| Self::draw_angle(random));
        let warps = angles.map(|angle_degrees| Self {
            angle_degrees,
            half,
            flip,
        });
        warps.collect()
    }

    /// Draws the angle of a sample, in whole degrees.
    pub fn draw_angle(random: &mut impl Rng) -> i32 {
        random.random_range(-MAX_ANGLE_DEGREES..=MAX_ANGLE_DEGREES)
    }

    /// Side of the transformed picture, in pixels: 224, or 112 at half scale.
    pub fn picture_side(&self) -> usize {
        self.shrunk(PUBLISHED_SIDE)
    }

    /// Side of the transformed map, in cells: 14, or 7 at half scale.
    pub fn map_side(&self) -> usize {
        self.shrunk(PUBLISHED_MAP_SIDE)
    }

    /// The side, or half of it at half scale.
    pub fn shrunk(&self, side: usize) -> usize {
        if self.half { side / 2 } else { side }
    }

    /// Transforms a picture `[channels, 224, 224]` into `[channels, side, side]`, side as [`picture_side`](Self::picture_side) tells.
    pub fn apply_to_picture(&self, planes: &[f32]) -> Vec<f32> {
        self.apply_to_square(planes, PUBLISHED_SIDE)
    }

    /// Transforms a picture `[channels, side, side]` into one of the side that [`shrunk`](Self::shrunk) tells.
    pub fn apply_to_square(&self, planes: &[f32], side: usize) -> Vec<f32> {
        let warped = self.warp(planes, side);
        if self.half {
            resize_planes(&warped, side, self.shrunk(side))
        } else {
            warped
        }
    }

    /// Transforms a map `[channels, 14, 14]` into `[channels, side, side]`, side as [`map_side`](Self::map_side) tells.
    pub fn apply_to_map(&self, planes: &[f32]) -> Vec<f32> {
        let large = resize_planes(planes, PUBLISHED_MAP_SIDE, PUBLISHED_SIDE);
        resize_planes(&self.warp(&large, PUBLISHED_SIDE), PUBLISHED_SIDE, self.map_side())
    }

    /// What the transform does to a map of `side × side` cells ([`apply_to_map`](Self::apply_to_map) for 14), as a matrix
    /// `[shrunk side², side²]` in row-major order: output = matrix · input.
    pub fn matrix(&self, side: usize) -> Vec<f32> {
        let (large, small) = (side * CELL_PIXELS, self.shrunk(side));
        let warped = self.source(large);
        let mut matrix = vec![0.0; small * small * side * side];
        for (cell, row) in matrix.chunks_exact_mut((side * side).max(1)).enumerate() {
            for (pixel, weight) in resized(cell % small, cell / small, large, small).pairs() {
                for (pixel, warped_weight) in warped(pixel % large, pixel / large).pairs() {
                    for (from, from_weight) in resized(pixel % large, pixel / large, side, large).pairs() {
                        row[from] += weight * warped_weight * from_weight;
                    }
                }
            }
        }
        matrix
    }

    fn warp(&self, planes: &[f32], side: usize) -> Vec<f32> {
        let source = self.source(side);
        let taps: Vec<Taps> = (0..side * side)
            .map(|index| source(index % side, index / side))
            .collect();
        warp_planes(planes, side * side, &taps)
    }

    /// Where the pixels of a warped picture come from.
    fn source(&self, side: usize) -> impl Fn(usize, usize) -> Taps + use<> {
        let warp = Warp {
            angle_degrees: self.angle_degrees as f32,
            scale: if self.half { 0.5 } else { 1.0 },
            flip: self.flip,
        };
        let middle = side as f64 / 2.0;
        warp.source(side, side, (middle, middle))
    }
}

/// Bilinear change of size without anti-aliasing, corners of the pixels aligned (PyTorch's `interpolate` with `align_corners=False`).
fn resize_planes(planes: &[f32], from: usize, to: usize) -> Vec<f32> {
    let taps: Vec<Taps> = (0..to * to)
        .map(|index| resized(index % to, index / to, from, to))
        .collect();
    warp_planes(planes, from * from, &taps)
}

/// Where a pixel of a resized plane comes from.
fn resized(x: usize, y: usize, from: usize, to: usize) -> Taps {
    let place = |index: usize| ((index as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, from as f64 - 1.0);
    bilinear(place(x), place(y), from, from)
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
    fn the_matrix_does_what_the_warp_does_to_a_map() {
        let map: Vec<f32> = (0..14 * 14).map(|index| (index as f32 * 0.7).sin()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for warp in (0..12).flat_map(|_| PublishedWarp::draw_batch(1, &mut random)) {
            let matrix = warp.matrix(14);
            let rows = matrix.chunks_exact(map.len());
            let product: Vec<f32> = rows.map(|row| row.iter().zip(&map).map(|(a, b)| a * b).sum()).collect();
            assert!(
                largest_difference(&product, &warp.apply_to_map(&map)) < 1e-5,
                "{warp:?}"
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
