//! The geometric transform of the equivariance term: turn, shrink and mirror, on pictures and on maps.
//!
//! METHOD: rotation by an integer angle in ±30°, a scale, a flip, bilinear, zeros outside. [`Warp`] is the mended one: one warp about the middle of
//! the frame, which therefore moves a picture and its map alike; scale drawn from ½..1.

use rand::Rng;

/// Angles are drawn from −30..=30 whole degrees.
pub const MAX_ANGLE_DEGREES: i32 = 30;
/// An output value counts as data where this share of its bilinear weight lies inside the input: all of it, but for rounding.
const VALID_SHARE: f32 = 0.999_99;

/// A turn about the middle of the frame, a scale and a flip, in this order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// Counter-clockwise, in degrees.
    pub angle_degrees: f32,
    /// Size of things after it, over their size before.
    pub scale: f32,
    /// Mirror left and right at the end.
    pub flip: bool,
}

/// One value of the output: where it comes from in the input, and with what weights.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Taps {
    /// Indices into the plane; meaningless where the weight is zero.
    pub indices: [usize; 4],
    /// Bilinear weights; zero outside the input.
    pub weights: [f32; 4],
}

impl Taps {
    /// Index and weight of each of the four.
    pub fn pairs(self) -> impl Iterator<Item = (usize, f32)> {
        self.indices.into_iter().zip(self.weights)
    }
}

impl Warp {
    /// Leaves everything where it is.
    pub const IDENTITY: Self = Self {
        angle_degrees: 0.0,
        scale: 1.0,
        flip: false,
    };

    /// Draws a warp: whole degrees in ±30°, scale in ½..1, flip for every other one.
    pub fn draw(random: &mut impl Rng) -> Self {
        Self {
            angle_degrees: random.random_range(-MAX_ANGLE_DEGREES..=MAX_ANGLE_DEGREES) as f32,
            scale: random.random_range(0.5..=1.0),
            flip: random.random_bool(0.5),
        }
    }

    /// Warps `planes`, `[channels, height, width]` in row-major order, into the same shape. Zeros come from outside.
    pub fn apply(&self, planes: &[f32], height: usize, width: usize) -> Vec<f32> {
        warp_planes(planes, height * width, &self.taps(height, width, middle(height, width)))
    }

    /// 1 where [`apply`](Self::apply) finds data, 0 where it reaches beyond the input: `[height, width]`.
    pub fn valid(&self, height: usize, width: usize) -> Vec<f32> {
        let share = self
            .taps(height, width, middle(height, width))
            .into_iter()
            .map(|taps| taps.weights.iter().sum::<f32>());
        share
            .map(|share| if share >= VALID_SHARE { 1.0 } else { 0.0 })
            .collect()
    }

    /// What [`apply`](Self::apply) does to one plane, as a matrix `[height · width, height · width]` in row-major order: output = matrix · input.
    pub fn matrix(&self, height: usize, width: usize) -> Vec<f32> {
        let values = height * width;
        let mut matrix = vec![0.0; values * values];
        for (row, taps) in matrix
            .chunks_exact_mut(values.max(1))
            .zip(self.taps(height, width, middle(height, width)))
        {
            for (index, weight) in taps.indices.into_iter().zip(taps.weights) {
                row[index] += weight;
            }
        }
        matrix
    }

    /// Warps a picture of `width × height` RGB pixels; `outside` comes from outside.
    pub fn apply_to_pixels(&self, pixels: &[u8], height: usize, width: usize, outside: [u8; 3]) -> Vec<u8> {
        let mut warped = Vec::with_capacity(pixels.len());
        for taps in self.taps(height, width, middle(height, width)) {
            let beyond = 1.0 - taps.weights.iter().sum::<f32>();
            for (channel, outside) in outside.into_iter().enumerate() {
                let inside = taps
                    .indices
                    .into_iter()
                    .zip(taps.weights)
                    .map(|(index, weight)| weight * f32::from(pixels[index * 3 + channel]));
                warped.push((inside.sum::<f32>() + beyond * f32::from(outside)).round() as u8);
            }
        }
        warped
    }

    /// Where each output value comes from. `middle` (x, y) is what the turn leaves in place, in pixels from the centre of the first.
    pub(super) fn taps(&self, height: usize, width: usize, middle: (f64, f64)) -> Vec<Taps> {
        let source = self.source(height, width, middle);
        let rows = (0..height).map(|y| (0..width).map(move |x| (x, y)));
        rows.flatten().map(|(x, y)| source(x, y)).collect()
    }

    /// The same for one output value at a time, by its column and row.
    pub(super) fn source(
        &self,
        height: usize,
        width: usize,
        (middle_x, middle_y): (f64, f64),
    ) -> impl Fn(usize, usize) -> Taps + use<> {
        let (sine, cosine) = f64::from(self.angle_degrees).to_radians().sin_cos();
        let (scale, flip) = (f64::from(self.scale), self.flip);
        move |x, y| {
            let x = if flip { width - 1 - x } else { x };
            let (right, down) = ((x as f64 - middle_x) / scale, (y as f64 - middle_y) / scale);
            // The way back: a clockwise turn of the output's place, y pointing down.
            let from_x = cosine * right - sine * down + middle_x;
            let from_y = sine * right + cosine * down + middle_y;
            bilinear(from_x, from_y, height, width)
        }
    }
}

/// The middle of a frame (x, y), in pixels from the centre of the first.
fn middle(height: usize, width: usize) -> (f64, f64) {
    ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0)
}

/// The four neighbours of a place and their weights; those outside weigh nothing.
pub(super) fn bilinear(x: f64, y: f64, height: usize, width: usize) -> Taps {
    let (left, top) = (floor(x), floor(y));
    let (right_share, bottom_share) = ((x - left) as f32, (y - top) as f32);
    // Nearly every place lies well inside, and a training picture has 50,000 of them.
    if left >= 0.0 && top >= 0.0 && left + 1.0 < width as f64 && top + 1.0 < height as f64 {
        let first = top as usize * width + left as usize;
        let (left_share, top_share) = (1.0 - right_share, 1.0 - bottom_share);
        return Taps {
            indices: [first, first + 1, first + width, first + width + 1],
            weights: [
                left_share * top_share,
                right_share * top_share,
                left_share * bottom_share,
                right_share * bottom_share,
            ],
        };
    }
    let mut taps = Taps::default();
    for corner in 0..4 {
        let (step_x, step_y) = ((corner % 2) as f64, (corner / 2) as f64);
        let (column, row) = (left + step_x, top + step_y);
        if column >= 0.0 && row >= 0.0 && column < width as f64 && row < height as f64 {
            let horizontal = if corner % 2 == 1 {
                right_share
            } else {
                1.0 - right_share
            };
            let vertical = if corner / 2 == 1 {
                bottom_share
            } else {
                1.0 - bottom_share
            };
            taps.indices[corner] = row as usize * width + column as usize;
            taps.weights[corner] = horizontal * vertical;
        }
    }
    taps
}

/// The largest whole number not above `value`; unlike the library's no call on processors that have no instruction for it.
fn floor(value: f64) -> f64 {
    let whole = f64::from(value as i32);
    if whole > value { whole - 1.0 } else { whole }
}

/// Takes every output value of every plane, each `plane_values` long, by its taps.
pub(super) fn warp_planes(planes: &[f32], plane_values: usize, taps: &[Taps]) -> Vec<f32> {
    let mut warped = Vec::with_capacity(planes.len() / plane_values.max(1) * taps.len());
    for plane in planes.chunks_exact(plane_values.max(1)) {
        warped.extend(taps.iter().map(|Taps { indices, weights }| {
            let [first, second, third, fourth] = *indices;
            plane[first] * weights[0]
                + plane[second] * weights[1]
                + plane[third] * weights[2]
                + plane[fourth] * weights[3]
        }));
    }
    warped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn largest_difference(one: &[f32], other: &[f32]) -> f32 {
        assert_eq!(one.len(), other.len());
        one.iter()
            .zip(other)
            .map(|(one, other)| (one - other).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn a_positive_angle_turns_counter_clockwise() {
        let mut plane = vec![0.0; 81];
        // Right of the middle.
        plane[4 * 9 + 8] = 1.0;
        let warp = Warp {
            angle_degrees: 90.0,
            ..Warp::IDENTITY
        };
        let turned = warp.apply(&plane, 9, 9);
        // Above the middle.
        assert!((turned[4] - 1.0).abs() < 1e-5);
    }

    #[test]
    fn pictures_turn_as_planes_do_and_show_the_colour_of_outside() {
        let (height, width) = (20, 30);
        let pixels: Vec<u8> = (0..height * width * 3).map(|index| (index * 7 % 251) as u8).collect();
        let planes: Vec<f32> = (0..3)
            .flat_map(|channel| pixels.iter().skip(channel).step_by(3).map(|value| f32::from(*value)))
            .collect();
        let warp = Warp {
            angle_degrees: 17.0,
            scale: 0.6,
            flip: true,
        };
        let turned = warp.apply_to_pixels(&pixels, height, width, [0; 3]);
        let expected = warp.apply(&planes, height, width);
        for (index, value) in turned.iter().enumerate() {
            let expected = expected[index % 3 * height * width + index / 3];
            assert!((f32::from(*value) - expected).abs() <= 0.51);
        }
        assert_eq!(warp.apply_to_pixels(&pixels, height, width, [9, 8, 7])[..3], [9, 8, 7]);
    }

    #[test]
    fn the_same_seed_draws_the_same_warps() {
        let draw = |seed| {
            (0..20)
                .map(|_| Warp::draw(&mut ChaCha8Rng::seed_from_u64(seed)))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for warp in (0..200).map(|_| Warp::draw(&mut random)) {
            assert!(
                warp.angle_degrees.abs() <= 30.0
                    && warp.angle_degrees.fract() == 0.0
                    && (0.5..=1.0).contains(&warp.scale)
            );
        }
    }

    fn warps() -> impl Strategy<Value = Warp> {
        (-30_i32..=30, 0.5_f32..=1.0, any::<bool>()).prop_map(|(angle, scale, flip)| Warp {
            angle_degrees: angle as f32,
            scale,
            flip,
        })
    }

    proptest! {
        #[test]
        fn the_matrix_does_what_the_warp_does(warp in warps(), height in 1_usize..9, width in 1_usize..9) {
            let plane: Vec<f32> = (0..height * width).map(|index| (index as f32 * 0.7).sin()).collect();
            let matrix = warp.matrix(height, width);
            let product: Vec<f32> = matrix.chunks_exact(plane.len()).map(|row| row.iter().zip(&plane).map(|(a, b)| a * b).sum()).collect();
            prop_assert!(largest_difference(&product, &warp.apply(&plane, height, width)) < 1e-5);
        }

        #[test]
        fn where_it_is_valid_a_flat_map_stays_flat(warp in warps(), side in 2_usize..20) {
            let warped = warp.apply(&vec![1.0; side * side], side, side);
            for (value, valid) in warped.iter().zip(warp.valid(side, side)) {
                let flat = (value - 1.0).abs() < 1e-4;
                prop_assert!(flat || (valid == 0.0 && *value < 1.0));
            }
        }

        #[test]
        fn pictures_and_maps_move_alike(warp in warps()) {
            // A slope that a map of 14 cells and a picture of 224 pixels both carry without loss.
            let slope = |side: usize| -> Vec<f32> {
                (0..side * side).map(|index| ((index % side) as f32 + 0.5) / side as f32 + 2.0 * ((index / side) as f32 + 0.5) / side as f32).collect()
            };
            let picture = warp.apply(&slope(224), 224, 224);
            let map = warp.apply(&slope(14), 14, 14);
            for (cell, valid) in warp.valid(14, 14).iter().enumerate() {
                if *valid == 1.0 {
                    let (row, column) = (cell / 14, cell % 14);
                    let corner = (row * 16 + 7) * 224 + column * 16 + 7;
                    let pixel = (picture[corner] + picture[corner + 1] + picture[corner + 224] + picture[corner + 225]) / 4.0;
                    prop_assert!((pixel - map[cell]).abs() < 1e-3);
                }
            }
        }
    }
}
