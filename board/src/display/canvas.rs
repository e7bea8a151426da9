//! A picture to draw on.

use core::convert::Infallible;

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Size};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::primitives::Rectangle;

use crate::{Picture, PixelFormat};

/// An RGB picture that `embedded_graphics` draws on; what lies outside is cut off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Canvas {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    /// A black canvas.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            rgb: vec![0; width * height * 3],
        }
    }

    /// Takes on the size and the pixels of a tightly packed RGB picture, keeping its memory; of any other picture only the
    /// size, in black, and `false` is returned.
    pub fn show(&mut self, picture: &Picture) -> bool {
        self.width = picture.width;
        self.height = picture.height;
        self.rgb.clear();
        let bytes = self.width * self.height * 3;
        let fits = picture.format == PixelFormat::Rgb
            && picture.stride_bytes == self.width * 3
            && picture.bytes.len() == bytes;
        if fits {
            self.rgb.extend_from_slice(&picture.bytes);
        } else {
            self.rgb.resize(bytes, 0);
        }
        fits
    }

    /// Takes on another size, keeping its memory; of one that is new, black is all there is.
    pub fn resize(&mut self, width: usize, height: usize) {
        if (self.width, self.height) != (width, height) {
            self.width = width;
            self.height = height;
            self.rgb.clear();
            self.rgb.resize(width * height * 3, 0);
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels: red, green and blue of each, rows from the top without gaps.
    pub fn bytes(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixels, to be painted over.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// The columns and rows of an area that lie on the canvas.
    fn visible(&self, area: &Rectangle) -> (core::ops::Range<usize>, core::ops::Range<usize>) {
        let span = |start: i32, length: u32, limit: usize| {
            let end = i64::from(start) + i64::from(length);
            let inside = |at: i64| usize::try_from(at).unwrap_or(0).min(limit);
            inside(i64::from(start))..inside(end)
        };
        let (corner, size) = (area.top_left, area.size);
        (
            span(corner.x, size.width, self.width),
            span(corner.y, size.height, self.height),
        )
    }

    fn row_mut(&mut self, row: usize, columns: &core::ops::Range<usize>) -> &mut [u8] {
        let start = row * self.width;
        self.rgb
            .get_mut((start + columns.start) * 3..(start + columns.end) * 3)
            .unwrap_or_default()
    }
}

fn rgb(colour: Rgb888) -> [u8; 3] {
    [colour.r(), colour.g(), colour.b()]
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Size::new(side(self.width), side(self.height))
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(at.x), usize::try_from(at.y)) else {
                continue;
            };
            if x < self.width && y < self.height {
                self.row_mut(y, &(x..x + 1)).copy_from_slice(&rgb(colour));
            }
        }
        Ok(())
    }

    fn fill_contiguous<I: IntoIterator<Item = Rgb888>>(
        &mut self,
        area: &Rectangle,
        colours: I,
    ) -> Result<(), Infallible> {
        let (columns, rows) = self.visible(area);
        let mut colours = colours.into_iter();
        let width = area.size.width as usize;
        if columns.is_empty() || rows.is_empty() || width == 0 {
            return Ok(());
        }
        let left = usize::try_from(i64::from(columns.start as u32) - i64::from(area.top_left.x)).unwrap_or(0);
        let above = usize::try_from(i64::from(rows.start as u32) - i64::from(area.top_left.y)).unwrap_or(0);
        // A colour comes for every pixel of the area, also for those beside the canvas.
        if above > 0 && colours.nth(above * width - 1).is_none() {
            return Ok(());
        }
        for row in rows {
            let mut line = colours.by_ref().take(width).skip(left);
            for pixel in self.row_mut(row, &columns).chunks_exact_mut(3) {
                let Some(colour) = line.next() else { return Ok(()) };
                pixel.copy_from_slice(&rgb(colour));
            }
            line.for_each(drop);
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Rgb888) -> Result<(), Infallible> {
        let (columns, rows) = self.visible(area);
        let colour = rgb(colour);
        for row in rows {
            for pixel in self.row_mut(row, &columns).chunks_exact_mut(3) {
                pixel.copy_from_slice(&colour);
            }
        }
        Ok(())
    }

    fn clear(&mut self, colour: Rgb888) -> Result<(), Infallible> {
        let colour = rgb(colour);
        for pixel in self.rgb.chunks_exact_mut(3) {
            pixel.copy_from_slice(&colour);
        }
        Ok(())
    }
}

#[cfg(feature = "media")]
pub use saving::{EncodeError, SaveError};

#[cfg(feature = "media")]
mod saving {
    use std::io::{BufWriter, Write};
    use std::path::{Path, PathBuf};

    use image::codecs::jpeg::JpegEncoder;
    use image::codecs::png::PngEncoder;
    use image::{ExtendedColorType, ImageEncoder};
    use thiserror::Error;

    use super::Canvas;
    use crate::replace::Replacement;

    /// Quality of JPEG files, of 100: no loss is seen at a usual distance.
    const JPEG_QUALITY: u8 = 92;

    /// Why a picture was not saved; no file was left or changed.
    #[derive(Debug, Error)]
    pub enum SaveError {
        /// The ending of the name stands for no format that is written.
        #[error("cannot tell from its name how to write the picture {}: give it the ending .png, .jpg or .jpeg", path.display())]
        Ending {
            /// The file.
            path: PathBuf,
        },
        /// The file could not be written: look at the directory, its permissions and the room on the disk.
        #[error("cannot write the picture {}: {cause}", path.display())]
        Unwritable {
            /// The file.
            path: PathBuf,
            /// What the system or the encoder said.
            cause: String,
        },
    }

    /// The format has no room for a picture of this size.
    #[derive(Debug, Clone, PartialEq, Eq, Error)]
    #[error("a picture of {width}×{height} pixels cannot be a JPEG image: {cause}")]
    pub struct EncodeError {
        /// Width in pixels.
        pub width: usize,
        /// Height in pixels.
        pub height: usize,
        /// What the encoder said.
        pub cause: String,
    }

    impl Canvas {
        /// Makes a JPEG image of a quality in 1..=100 (clamped), in place of what `into` held; its memory is kept.
        ///
        /// # Errors
        /// [`EncodeError`] for a canvas without pixels, or with more than 65535 along an edge; `into` is then empty.
        pub fn to_jpeg(&self, into: &mut Vec<u8>, quality: u8) -> Result<(), EncodeError> {
            into.clear();
            let fail = |cause: String| EncodeError {
                width: self.width,
                height: self.height,
                cause,
            };
            let (Ok(width), Ok(height)) = (u16::try_from(self.width), u16::try_from(self.height)) else {
                return Err(fail("an edge may have 65535 pixels at most".into()));
            };
            JpegEncoder::new_with_quality(&mut *into, quality.clamp(1, 100))
                .encode(&self.rgb, width.into(), height.into(), ExtendedColorType::Rgb8)
                .map_err(|error| {
                    into.clear();
                    fail(error.to_string())
                })
        }

        /// Writes a PNG or JPEG file, told by the ending of the name, in place of what was there.
        pub fn save(&self, path: &Path) -> Result<(), SaveError> {
            let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            let is_png = match ending.as_str() {
                "png" => true,
                "jpg" | "jpeg" => false,
                _ => return Err(SaveError::Ending { path: path.to_owned() }),
            };
            self.write(path, is_png).map_err(|cause| SaveError::Unwritable {
                path: path.to_owned(),
                cause,
            })
        }

        fn write(&self, path: &Path, is_png: bool) -> Result<(), String> {
            let side = |length: usize| u32::try_from(length).map_err(|error| error.to_string());
            let (width, height) = (side(self.width)?, side(self.height)?);
            let mut file = BufWriter::new(Replacement::create(path).map_err(|error| error.to_string())?);
            let colours = ExtendedColorType::Rgb8;
            let written = if is_png {
                PngEncoder::new(&mut file).write_image(&self.rgb, width, height, colours)
            } else {
                JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY).write_image(&self.rgb, width, height, colours)
            };
            written.map_err(|error| error.to_string())?;
            file.flush().map_err(|error| error.to_string())?;
            let file = file.into_inner().map_err(|error| error.to_string())?;
            file.take_place().map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use embedded_graphics::geometry::Point;
    use embedded_graphics::pixelcolor::WebColors;
    use proptest::prelude::*;

    /// The same drawing by way of single pixels, which all other ways must equal.
    struct Slow(Canvas);

    impl OriginDimensions for Slow {
        fn size(&self) -> Size {
            self.0.size()
        }
    }

    impl DrawTarget for Slow {
        type Color = Rgb888;
        type Error = Infallible;

        fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
            self.0.draw_iter(pixels)
        }
    }

    #[test]
    fn pixels_land_where_they_are_put() {
        let mut canvas = Canvas::new(2, 2);
        let pixels = [(1, 0), (0, 1), (-1, 0), (2, 0), (0, 2)].map(|(x, y)| Pixel(Point::new(x, y), Rgb888::CSS_RED));
        canvas.draw_iter(pixels).unwrap();
        assert_eq!(canvas.bytes(), [0, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_picture_is_shown_and_another_kind_is_not() {
        let mut canvas = Canvas::default();
        let picture = Picture::rgb(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert!(canvas.show(&picture));
        assert_eq!(
            (canvas.width(), canvas.height(), canvas.bytes()),
            (2, 1, [1, 2, 3, 4, 5, 6].as_slice())
        );
        assert!(!canvas.show(&Picture {
            format: PixelFormat::Yuyv,
            ..picture
        }));
        assert_eq!(canvas.bytes(), [0; 6]);
    }

    #[test]
    fn a_canvas_of_another_size_is_black_and_one_of_the_same_stays() {
        let mut canvas = Canvas::new(2, 2);
        canvas.bytes_mut().fill(9);
        canvas.resize(2, 2);
        assert_eq!(canvas.bytes(), [9; 12]);
        canvas.resize(3, 1);
        assert_eq!(
            (canvas.width(), canvas.height(), canvas.bytes()),
            (3, 1, [0; 9].as_slice())
        );
    }

    #[test]
    #[cfg(feature = "media")]
    fn a_jpeg_image_is_made_in_memory() {
        let mut canvas = Canvas::new(16, 8);
        canvas.clear(Rgb888::CSS_TEAL).unwrap();
        let mut bytes = vec![1, 2, 3];
        canvas.to_jpeg(&mut bytes, 90).unwrap();
        let file = tempfile::NamedTempFile::with_suffix(".jpg").unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let read = crate::read_picture(file.path()).unwrap();
        let mut pairs = read.bytes.iter().zip(canvas.bytes());
        assert!((read.width, read.height) == (16, 8) && pairs.all(|(one, other)| one.abs_diff(*other) < 4));

        for (width, height) in [(0, 0), (70_000, 1)] {
            let error = Canvas::new(width, height).to_jpeg(&mut bytes, 90).unwrap_err();
            assert_eq!((error.width, error.height, bytes.len()), (width, height, 0));
        }
    }

    proptest! {
        #[test]
        fn fast_ways_equal_single_pixels(
            x in -12_i32..12, y in -12_i32..12, width in 0_u32..20, height in 0_u32..20, given_colours in 0_usize..420,
        ) {
            let area = Rectangle::new(Point::new(x, y), Size::new(width, height));
            let colours = || (0..given_colours).map(|index| Rgb888::new(index as u8, (index >> 8) as u8, 9));
            let (mut fast, mut slow) = (Canvas::new(9, 7), Slow(Canvas::new(9, 7)));
            fast.fill_solid(&area, Rgb888::CSS_NAVY).unwrap();
            slow.fill_solid(&area, Rgb888::CSS_NAVY).unwrap();
            prop_assert_eq!(&fast, &slow.0);
            fast.fill_contiguous(&area, colours()).unwrap();
            slow.fill_contiguous(&area, colours()).unwrap();
            prop_assert_eq!(&fast, &slow.0);
            fast.clear(Rgb888::CSS_GOLD).unwrap();
            slow.clear(Rgb888::CSS_GOLD).unwrap();
            prop_assert_eq!(&fast, &slow.0);
        }
    }

    #[test]
    #[cfg(feature = "media")]
    fn pictures_are_saved_by_their_ending() {
        let directory = tempfile::tempdir().unwrap();
        let mut canvas = Canvas::new(16, 8);
        canvas.clear(Rgb888::CSS_TEAL).unwrap();
        for name in ["a.png", "b.JPG", "c.jpeg"] {
            let path = directory.path().join(name);
            canvas.save(&path).unwrap();
            let read = crate::read_picture(&path).unwrap();
            assert_eq!((read.width, read.height), (16, 8));
            assert!(
                read.bytes
                    .iter()
                    .zip(canvas.bytes())
                    .all(|(one, other)| one.abs_diff(*other) < 4),
                "{name}"
            );
        }
        let error = canvas.save(&directory.path().join("d.bmp")).unwrap_err();
        assert!(matches!(error, SaveError::Ending { .. }) && error.to_string().contains(".png"));
        let absent = canvas.save(&directory.path().join("absent/e.png")).unwrap_err();
        assert!(matches!(absent, SaveError::Unwritable { .. }), "{absent}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
    }
}
