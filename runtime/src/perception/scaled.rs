//! A camera's picture in red, green and blue at another size, for people to look at.

use lookhear_board::{Canvas, Picture};

use super::jpeg::MotionJpegDecoder;
use super::picture::Axis;
use super::picture::plan::Plan;
use super::planes::{PictureError, Planes};

/// Converts and resizes picture after picture, antialiased, to the canvas it is given.
///
/// Filters and buffers are made for the first picture of a size and format and kept for those that follow, which then
/// cost no allocation (but for the JPEG decoder's own few). Colour is converted after resizing, where fewer pixels are left.
#[derive(Debug, Default)]
pub struct RgbScaler {
    jpeg: MotionJpegDecoder,
    plan: Option<Plan>,
}

impl RgbScaler {
    /// Fills the whole canvas with the whole picture, whatever becomes of its proportions. A canvas without pixels is
    /// left alone.
    ///
    /// # Errors
    /// Every [`PictureError`] but [`PictureError::Output`]; the canvas is then as it was.
    pub fn fill(&mut self, canvas: &mut Canvas, picture: &Picture) -> Result<(), PictureError> {
        let planes = Planes::of(picture, &mut self.jpeg)?;
        let resized = (canvas.width(), canvas.height());
        if resized.0 == 0 || resized.1 == 0 {
            return Ok(());
        }
        let (size, layout) = ((picture.width, picture.height), planes.layout());
        let axis = |input: usize, resized: usize| Axis {
            input,
            resized,
            offset: 0,
        };
        let plan = match &mut self.plan {
            Some(plan) if plan.suits(size, resized, layout) => plan,
            plan => {
                let axes = [axis(size.0, resized.0), axis(size.1, resized.1)];
                plan.insert(Plan::new(size, axes, resized, layout))
            }
        };
        plan.write_rgb(planes, canvas.bytes_mut());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use lookhear_board::PixelFormat;
    use proptest::prelude::*;

    use super::*;
    use crate::perception::planes::to_rgb;

    fn picture(format: PixelFormat, width: usize, height: usize, seed: u32) -> Picture {
        let (stride_bytes, bytes) = match format {
            PixelFormat::Rgb => (width * 3, width * 3 * height),
            PixelFormat::Yuyv => (width.div_ceil(2) * 4, width.div_ceil(2) * 4 * height),
            PixelFormat::Nv12 => {
                let stride = width.next_multiple_of(2);
                (stride, stride * (height + height.div_ceil(2)))
            }
            PixelFormat::Mjpeg => (0, 0),
        };
        let byte = |index: usize| ((index as u32).wrapping_mul(seed | 1) >> 23) as u8;
        Picture {
            width,
            height,
            stride_bytes,
            format,
            bytes: (0..bytes).map(byte).collect(),
        }
    }

    #[test]
    fn a_picture_of_one_colour_keeps_it_at_every_size() {
        let mut scaler = RgbScaler::default();
        for (width, height) in [(1, 1), (240, 135), (800, 450), (1920, 1080)] {
            let mut canvas = Canvas::new(width, height);
            let picture = Picture::rgb(64, 36, [200, 100, 50].repeat(64 * 36)).unwrap();
            scaler.fill(&mut canvas, &picture).unwrap();
            assert!(canvas.bytes().chunks_exact(3).all(|pixel| pixel == [200, 100, 50]));
        }
    }

    #[test]
    fn a_damaged_picture_leaves_the_canvas_as_it_was() {
        let mut canvas = Canvas::new(4, 4);
        canvas.bytes_mut().fill(7);
        let short = Picture {
            bytes: vec![0; 5],
            ..picture(PixelFormat::Yuyv, 8, 8, 1)
        };
        let error = RgbScaler::default().fill(&mut canvas, &short).unwrap_err();
        assert!(matches!(error, PictureError::TooShort { .. }), "{error}");
        assert_eq!(canvas.bytes(), [7; 48]);
    }

    proptest! {
        #[test]
        fn at_its_own_size_a_picture_is_only_converted(
            format in prop::sample::select(vec![PixelFormat::Rgb, PixelFormat::Yuyv, PixelFormat::Nv12]),
            width in 1usize..40, height in 1usize..40, seed in any::<u32>(),
        ) {
            let picture = picture(format, width, height, seed);
            let mut canvas = Canvas::new(width, height);
            RgbScaler::default().fill(&mut canvas, &picture).unwrap();
            for (found, exact) in canvas.bytes().iter().zip(&to_rgb(&picture).unwrap().bytes) {
                prop_assert!(found.abs_diff(*exact) <= 1, "{} not {}", found, exact);
            }
        }

        #[test]
        fn any_picture_fits_any_canvas(
            format in prop::sample::select(vec![PixelFormat::Rgb, PixelFormat::Yuyv, PixelFormat::Nv12]),
            (width, height) in (1usize..50, 1usize..50), (columns, rows) in (0usize..70, 0usize..70), seed in any::<u32>(),
        ) {
            let mut canvas = Canvas::new(columns, rows);
            prop_assert!(RgbScaler::default().fill(&mut canvas, &picture(format, width, height, seed)).is_ok());
        }
    }
}
