//! A picture with what was found in it and what is really there, as part of the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{Rgb, RgbImage};
use lookhear::actuation::heat::{Heat, View};
use lookhear::perception::heatmap::{Heatmap, Point};
use lookhear::perception::picture::{PictureError, to_rgb};
use lookhear_board::Picture;

use crate::evaluate::scores::NormalisedBox;

/// Pictures of a page are made this large at most, in pixels.
pub const LONGEST_SIDE_PIXELS: u32 = 320;
/// Of the JPEG.
const QUALITY: u8 = 82;
const TRUTH: Rgb<u8> = Rgb([60, 235, 120]);
const LIGHT: Rgb<u8> = Rgb([255, 255, 255]);
const SHADE: Rgb<u8> = Rgb([16, 16, 20]);
/// Radius of the ring at the peak, in pixels.
const RING_PIXELS: f32 = 7.0;

/// Why a picture cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum PictureViewError {
    /// Its pixels cannot be had.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// It cannot be written as JPEG.
    #[error("a picture for the report cannot be written: {0}")]
    Encoding(#[from] image::ImageError),
}

/// What is shown of a picture.
#[derive(Debug, Clone, Copy)]
pub struct PictureView<'a> {
    /// As it was read.
    pub picture: &'a Picture,
    /// Laid over it as light, by raw similarity against the threshold.
    pub heatmap: Option<(&'a Heatmap, f32)>,
    /// What part of the picture `heatmap` and `marked` cover.
    pub view: View,
    /// A square grid of pixels, rows from the top, of which those that are marked get an outline in white; empty for none.
    pub marked: &'a [bool],
    /// Boxes that people drew, outlined in green: left, top, right, bottom as shares of the picture, clipped to it.
    pub boxes: &'a [NormalisedBox],
    /// Marked with a ring, in 0..1 of the picture.
    pub peak: Option<Point>,
}

impl<'a> PictureView<'a> {
    /// The picture alone.
    pub fn plain(picture: &'a Picture) -> Self {
        Self {
            picture,
            heatmap: None,
            view: View::WHOLE,
            marked: &[],
            boxes: &[],
            peak: None,
        }
    }

    /// The picture as a `data:` address for `<img src>`, longest side [`LONGEST_SIDE_PIXELS`] at most.
    ///
    /// # Errors
    /// [`PictureViewError`].
    pub fn data_uri(&self) -> Result<String, PictureViewError> {
        let canvas = self.draw()?;
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&canvas)?;
        Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)))
    }

    fn draw(&self) -> Result<RgbImage, PictureViewError> {
        let rgb = to_rgb(self.picture)?;
        let full = RgbImage::from_raw(rgb.width as u32, rgb.height as u32, rgb.bytes).unwrap_or_default();
        let longest = full.width().max(full.height()).max(1);
        let mut canvas = if longest > LONGEST_SIDE_PIXELS {
            let side = |side: u32| (side * LONGEST_SIDE_PIXELS / longest).max(1);
            image::imageops::resize(&full, side(full.width()), side(full.height()), FilterType::Triangle)
        } else {
            full
        };
        let width = canvas.width() as usize;
        if let Some((heatmap, threshold)) = self.heatmap {
            Heat::default().draw(&mut canvas, width, heatmap, self.view, threshold);
        }
        self.outline_marked(&mut canvas);
        for &corners in self.boxes {
            outline_box(&mut canvas, corners);
        }
        if let Some(peak) = self.peak {
            ring(&mut canvas, peak);
        }
        Ok(canvas)
    }

    /// Whitens the pixels at which the marked ones end.
    fn outline_marked(&self, canvas: &mut RgbImage) {
        let side = self.marked.len().isqrt();
        if side == 0 {
            return;
        }
        let (width, height) = canvas.dimensions();
        let View { top_left, bottom_right } = self.view;
        let cell = |pixel: u32, pixels: u32, start: f32, end: f32| {
            let place = ((pixel as f32 + 0.5) / pixels as f32 - start) / (end - start) * side as f32;
            (place >= 0.0 && place < side as f32).then_some(place as usize)
        };
        let is_marked = |x: u32, y: u32| {
            let column = cell(x, width, top_left.x, bottom_right.x);
            let row = cell(y, height, top_left.y, bottom_right.y);
            column
                .zip(row)
                .is_some_and(|(column, row)| self.marked[row * side + column])
        };
        for y in 0..height {
            for x in 0..width {
                let here = is_marked(x, y);
                let ends = |x: u32, y: u32| x < width && y < height && is_marked(x, y) != here;
                if ends(x + 1, y) || ends(x, y + 1) {
                    canvas.put_pixel(x, y, LIGHT);
                }
            }
        }
    }
}

/// Two pixels of green within a shade.
fn outline_box(canvas: &mut RgbImage, corners: NormalisedBox) {
    let (width, height) = (canvas.width() as i32, canvas.height() as i32);
    let [left, top, right, bottom] = corners.map(|edge| edge.clamp(0.0, 1.0));
    let (left, right) = ((left * f64::from(width)) as i32, (right * f64::from(width)) as i32 - 1);
    let (top, bottom) = (
        (top * f64::from(height)) as i32,
        (bottom * f64::from(height)) as i32 - 1,
    );
    for (inset, colour) in [(2, SHADE), (0, TRUTH), (1, TRUTH)] {
        let (left, top, right, bottom) = (left + inset, top + inset, right - inset, bottom - inset);
        for x in left..=right {
            put(canvas, x, top, colour);
            put(canvas, x, bottom, colour);
        }
        for y in top..=bottom {
            put(canvas, left, y, colour);
            put(canvas, right, y, colour);
        }
    }
}

/// A white ring within a shade.
fn ring(canvas: &mut RgbImage, centre: Point) {
    let (x, y) = (centre.x * canvas.width() as f32, centre.y * canvas.height() as f32);
    let reach = RING_PIXELS as i32 + 3;
    for row in y as i32 - reach..=y as i32 + reach {
        for column in x as i32 - reach..=x as i32 + reach {
            let off = ((column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y) - RING_PIXELS).abs();
            if off < 1.2 {
                put(canvas, column, row, LIGHT);
            } else if off < 2.4 {
                put(canvas, column, row, SHADE);
            }
        }
    }
}

fn put(canvas: &mut RgbImage, x: i32, y: i32, colour: Rgb<u8>) {
    if let Some(pixel) = u32::try_from(x)
        .ok()
        .zip(u32::try_from(y).ok())
        .and_then(|(x, y)| canvas.get_pixel_mut_checked(x, y))
    {
        *pixel = colour;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn grey(width: usize, height: usize) -> Picture {
        Picture::rgb(width, height, vec![100; width * height * 3]).unwrap()
    }

    #[test]
    fn large_pictures_shrink_and_small_ones_stay() {
        let side = |width, height| PictureView::plain(&grey(width, height)).draw().unwrap().dimensions();
        assert_eq!(side(640, 480), (320, 240));
        assert_eq!(side(100, 400), (80, 320));
        assert_eq!(side(40, 30), (40, 30));
    }

    #[test]
    fn what_there_is_to_show_is_drawn() {
        let heatmap = Heatmap {
            width: 2,
            height: 1,
            values: vec![0.0, 0.9],
        };
        let picture = grey(200, 100);
        let drawn = PictureView {
            heatmap: Some((&heatmap, 0.3)),
            marked: &[true, false, true, false],
            boxes: &[[0.1, 0.1, 0.4, 0.9]],
            peak: Some(Point { x: 0.75, y: 0.5 }),
            ..PictureView::plain(&picture)
        }
        .draw()
        .unwrap();
        assert_eq!(drawn[(20, 50)], TRUTH);
        assert_eq!(drawn[(100 - 1, 3)], LIGHT);
        assert_eq!(drawn[(150 + 7, 50)], LIGHT);
        assert_ne!(drawn[(190, 50)], drawn[(60, 50)]);
        assert_eq!(drawn[(60, 50)], Rgb([100; 3]));
    }

    #[test]
    fn the_address_holds_a_jpeg() {
        let picture = grey(33, 20);
        let uri = PictureView::plain(&picture).data_uri().unwrap();
        let bytes = STANDARD
            .decode(uri.strip_prefix("data:image/jpeg;base64,").unwrap())
            .unwrap();
        let read = image::load_from_memory(&bytes).unwrap();
        assert_eq!((read.width(), read.height()), (33, 20));
    }

    proptest! {
        #[test]
        fn any_boxes_and_peaks_are_drawn_inside(
            boxes in prop::collection::vec(prop::array::uniform4(prop_oneof![-2.0f64..2.0, Just(f64::NAN)]), 0..4),
            (x, y) in (-2.0f32..2.0, -2.0f32..2.0),
            (width, height) in (1usize..40, 1usize..40),
            marked in prop::collection::vec(any::<bool>(), 0..30),
        ) {
            let picture = grey(width, height);
            let view = PictureView { boxes: &boxes, peak: Some(Point { x, y }), marked: &marked, ..PictureView::plain(&picture) };
            prop_assert!(view.data_uri().is_ok());
        }
    }
}
