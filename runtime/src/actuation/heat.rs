//! The heatmap as light over the picture.

use crate::actuation::colour;
use crate::perception::heatmap::{Heatmap, Point};
use crate::perception::manifest::PictureInput;
use crate::perception::picture::PictureFrontEnd;

/// How far below and above the threshold the colours reach, as a share of what lies between the threshold and 1.
const REACH_BELOW: f32 = 0.03;
const REACH_ABOVE: f32 = 0.85;
/// How much of the picture the strongest colour hides, of 256.
const MOST_ALPHA: f32 = 130.0;
/// Bits after the binary point of the interpolation.
const FRACTION_BITS: u32 = 10;
const ONE: i32 = 1 << FRACTION_BITS;

/// The part of the picture that a heatmap covers, corners in 0..1 of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Of the map's first cell.
    pub top_left: Point,
    /// Of the map's last cell.
    pub bottom_right: Point,
}

impl View {
    /// The whole picture.
    pub const WHOLE: Self = Self {
        top_left: Point { x: 0.0, y: 0.0 },
        bottom_right: Point { x: 1.0, y: 1.0 },
    };

    /// What a model sees of pictures of a size in pixels.
    pub fn of_model(input: &PictureInput, width: usize, height: usize) -> Self {
        let front_end = PictureFrontEnd::new(input.side_pixels, input.transform, input.mean, input.deviation);
        let [top_left, bottom_right] = [0.0, 1.0].map(|corner| {
            let (x, y) = front_end.to_frame(width, height, corner, corner);
            Point { x, y }
        });
        Self { top_left, bottom_right }
    }
}

/// Draws heatmaps: bilinear between the cells, coloured and made opaque by the raw similarity against the threshold, never
/// by the map's own least and greatest, so that a map of nothing shows nothing.
#[derive(Debug)]
pub struct Heat {
    /// By strength: the colour times its alpha, and what is left of the picture, of 256.
    blend: [[u16; 4]; 256],
    columns: Vec<Place>,
    rows: Vec<Place>,
    line: Vec<i32>,
}

/// Between which two cells a pixel lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    first: usize,
    second: usize,
    /// Of the second, of [`ONE`].
    share: i32,
}

impl Default for Heat {
    fn default() -> Self {
        let blend = std::array::from_fn(|step| {
            let strength = step as f32 / 255.0;
            let alpha = (MOST_ALPHA * strength.min(0.6) / 0.6).round() as u16;
            let [red, green, blue] = colour::of_strength(strength).map(|value| u16::from(value) * alpha);
            [red, green, blue, 256 - alpha]
        });
        Self {
            blend,
            columns: Vec::new(),
            rows: Vec::new(),
            line: Vec::new(),
        }
    }
}

impl Heat {
    /// Lays a heatmap over a tightly packed RGB picture. A map or picture without extent is left alone.
    pub fn draw(&mut self, bytes: &mut [u8], width: usize, heatmap: &Heatmap, view: View, threshold: f32) {
        let cells = heatmap.width * heatmap.height;
        let height = bytes.len() / 3 / width.max(1);
        if cells == 0 || heatmap.values.len() != cells || width == 0 || height == 0 {
            return;
        }
        let (left, right) = places(
            &mut self.columns,
            width,
            view.top_left.x,
            view.bottom_right.x,
            heatmap.width,
        );
        let (top, bottom) = places(
            &mut self.rows,
            height,
            view.top_left.y,
            view.bottom_right.y,
            heatmap.height,
        );
        let scale = Scale::new(threshold);
        let first_row = bytes.chunks_exact_mut(width * 3).take(bottom).skip(top);
        for (pixels, row) in first_row.zip(&self.rows) {
            let upper = &heatmap.values[row.first * heatmap.width..][..heatmap.width];
            let lower = &heatmap.values[row.second * heatmap.width..][..heatmap.width];
            self.line.clear();
            self.line.extend(upper.iter().zip(lower).map(|(&upper, &lower)| {
                let (upper, lower) = (scale.strength(upper), scale.strength(lower));
                upper + (((lower - upper) * row.share) >> FRACTION_BITS)
            }));
            for (pixel, column) in pixels[left * 3..right * 3].chunks_exact_mut(3).zip(&self.columns) {
                let (first, second) = (self.line[column.first], self.line[column.second]);
                let strength = first + (((second - first) * column.share) >> FRACTION_BITS);
                let blend = &self.blend[(strength >> STRENGTH_BITS).clamp(0, 255) as usize];
                for (value, colour) in pixel.iter_mut().zip(blend) {
                    *value = ((u16::from(*value) * blend[3] + colour) >> 8) as u8;
                }
            }
        }
    }
}

/// Bits after the binary point of a strength, whose whole part 0..255 picks the colour.
const STRENGTH_BITS: u32 = 6;

/// From similarity to strength.
struct Scale {
    zero: f32,
    factor: f32,
}

impl Scale {
    fn new(threshold: f32) -> Self {
        let room = (1.0 - threshold).max(0.1);
        let span = (REACH_BELOW + REACH_ABOVE) * room;
        Self {
            zero: threshold - REACH_BELOW * room,
            factor: (256 << STRENGTH_BITS) as f32 / span,
        }
    }

    /// Not yet clamped, for the slope between two cells to be true, but bounded so that the interpolation cannot overflow.
    fn strength(&self, similarity: f32) -> i32 {
        ((similarity.clamp(-1.0, 1.0) - self.zero) * self.factor) as i32
    }
}

/// Fills `places` for the pixels, along one axis, inside the view; gives the first of them and the one after the last.
fn places(places: &mut Vec<Place>, pixels: usize, start: f32, end: f32, cells: usize) -> (usize, usize) {
    let (start, end) = (start * pixels as f32, end * pixels as f32);
    let first_pixel = (start.round().max(0.0) as usize).min(pixels);
    let last_pixel = (end.round().max(0.0) as usize).clamp(first_pixel, pixels);
    places.clear();
    places.extend((first_pixel..last_pixel).map(|pixel| {
        let cell = (pixel as f32 + 0.5 - start) / (end - start) * cells as f32 - 0.5;
        let cell = cell.clamp(0.0, (cells - 1) as f32);
        let first = cell as usize;
        Place {
            first,
            second: (first + 1).min(cells - 1),
            share: ((cell - first as f32) * ONE as f32) as i32,
        }
    }));
    (first_pixel, last_pixel)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::perception::picture::PictureTransform;

    fn map(width: usize, height: usize, values: Vec<f32>) -> Heatmap {
        Heatmap { width, height, values }
    }

    #[test]
    fn what_lies_below_the_threshold_leaves_the_picture_as_it_is() {
        let before: Vec<u8> = (0..30 * 20 * 3).map(|index| (index % 251) as u8).collect();
        let mut bytes = before.clone();
        Heat::default().draw(&mut bytes, 30, &map(14, 14, vec![0.37; 196]), View::WHOLE, 0.4);
        assert_eq!(bytes, before);
    }

    #[test]
    fn the_strongest_cell_is_the_brightest_spot() {
        let mut values = vec![0.0; 196];
        values[3 * 14 + 10] = 0.8;
        let mut bytes = vec![0; 280 * 140 * 3];
        Heat::default().draw(&mut bytes, 280, &map(14, 14, values), View::WHOLE, 0.4);
        let light = |pixel: usize| {
            bytes[pixel * 3..][..3]
                .iter()
                .map(|&value| u32::from(value))
                .sum::<u32>()
        };
        let brightest = (0..280 * 140)
            .filter(|&pixel| light(pixel) > 0)
            .max_by_key(|&pixel| light(pixel));
        let (x, y) = brightest.map_or((0, 0), |pixel| (pixel % 280, pixel / 280));
        assert!(x.abs_diff(210) <= 10 && y.abs_diff(35) <= 5, "{x} {y}");
        assert_eq!(light(0), 0);
    }

    #[test]
    fn a_view_of_the_middle_leaves_the_sides_alone() {
        let view = View {
            top_left: Point { x: 0.25, y: 0.0 },
            bottom_right: Point { x: 0.75, y: 1.0 },
        };
        let mut bytes = vec![0; 100 * 4 * 3];
        Heat::default().draw(&mut bytes, 100, &map(1, 1, vec![1.0]), view, 0.4);
        let lit: Vec<usize> = (0..100).filter(|x| bytes[x * 3..][..3] != [0, 0, 0]).collect();
        assert_eq!((lit.first(), lit.last(), lit.len()), (Some(&25), Some(&74), 50));
    }

    #[test]
    fn a_model_that_crops_sees_the_middle() {
        let mut input = PictureInput {
            side_pixels: 224,
            transform: PictureTransform::CentreCrop,
            mean: [0.5; 3],
            deviation: [0.25; 3],
            map_cells: 14,
        };
        let view = View::of_model(&input, 640, 320);
        assert!(
            (view.top_left.x - 0.25).abs() < 0.01 && (view.bottom_right.x - 0.75).abs() < 0.01,
            "{view:?}"
        );
        assert_eq!((view.top_left.y, view.bottom_right.y), (0.0, 1.0));
        input.transform = PictureTransform::FullFrame;
        assert_eq!(View::of_model(&input, 640, 320), View::WHOLE);
    }

    proptest! {
        #[test]
        fn any_map_on_any_picture(
            (width, height) in (1usize..50, 1usize..50),
            (columns, rows) in (0usize..20, 0usize..20),
            values in prop::collection::vec(prop_oneof![-2.0f32..2.0, Just(f32::NAN), Just(f32::INFINITY)], 0..400),
            corners in prop::array::uniform4(-0.5f32..1.5),
            threshold in -1.0f32..1.5,
        ) {
            let mut bytes = vec![77; width * height * 3];
            let [left, top, right, bottom] = corners;
            let view = View { top_left: Point { x: left, y: top }, bottom_right: Point { x: right, y: bottom } };
            let mut values = values;
            values.resize(columns * rows, 0.9);
            Heat::default().draw(&mut bytes, width, &map(columns, rows, values), view, threshold);
            prop_assert_eq!(bytes.len(), width * height * 3);
        }
    }
}
