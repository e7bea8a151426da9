//! What the camera streams: sizes, rates, codings, and a picture made into the bytes of a frame.

use anyhow::{Context, Result};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use lookhear_tests::scene::{Size, VIEW};

/// The sizes on offer, the largest first; both show the same field of view.
pub const SIZES: [Size; 2] = [
    VIEW,
    Size {
        width: VIEW.width / 2,
        height: VIEW.height / 2,
    },
];

/// The rates on offer, in frames a second, the fastest first.
pub const FRAME_RATES: [u32; 4] = [30, 15, 10, 5];

const JPEG_QUALITY: u8 = 85;

/// How frames are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Packed `Y0 U Y1 V`, BT.601, limited range.
    Yuyv,
    /// One JPEG image a frame.
    Mjpeg,
}

impl Coding {
    /// Its number in the descriptors.
    pub fn index(self) -> u8 {
        match self {
            Self::Yuyv => 1,
            Self::Mjpeg => 2,
        }
    }

    /// The coding of a number in the descriptors; the first where there is none.
    pub fn of(index: u8) -> Self {
        if index == Self::Mjpeg.index() {
            Self::Mjpeg
        } else {
            Self::Yuyv
        }
    }

    /// The bytes of a frame.
    ///
    /// # Errors
    /// When the picture cannot be encoded.
    pub fn encode(self, picture: &RgbImage) -> Result<Vec<u8>> {
        match self {
            Self::Yuyv => Ok(yuyv(picture)),
            Self::Mjpeg => {
                let mut bytes = Vec::new();
                JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
                    .encode_image(picture)
                    .context("a frame cannot be encoded as JPEG")?;
                Ok(bytes)
            }
        }
    }
}

/// BT.601 in limited range (ITU-R BT.601-7, 2.5.3), in 8 bits of fraction; the chroma is that of a pair's mean.
fn yuyv(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(picture.as_raw().len() / 3 * 2);
    let luma = |r: i32, g: i32, b: i32| ((66 * r + 129 * g + 25 * b + 128) >> 8) + 16;
    for pair in picture.as_raw().chunks_exact(6) {
        let [r0, g0, b0, r1, g1, b1] = std::array::from_fn(|at| i32::from(pair[at]));
        let (r, g, b) = ((r0 + r1) / 2, (g0 + g1) / 2, (b0 + b1) / 2);
        let u = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128;
        let v = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
        let four = [luma(r0, g0, b0), u, luma(r1, g1, b1), v];
        bytes.extend(four.map(|value| u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)));
    }
    bytes
}

/// A JPEG image without its Huffman tables, as many USB cameras send it: those of the standard are meant.
pub fn without_huffman_tables(jpeg: &[u8]) -> Vec<u8> {
    const TABLES: u8 = 0xC4;
    const SCAN: u8 = 0xDA;
    let mut bare = jpeg.get(..2).unwrap_or_default().to_vec();
    let mut rest = jpeg.get(2..).unwrap_or_default();
    while let [0xFF, marker, high, low, ..] = rest {
        let end = 2 + usize::from(u16::from_be_bytes([*high, *low]));
        if *marker == SCAN || end > rest.len() {
            break;
        }
        let (segment, after) = rest.split_at(end);
        if *marker != TABLES {
            bare.extend(segment);
        }
        rest = after;
    }
    bare.extend(rest);
    bare
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use image::Rgb;

    #[test]
    fn white_black_and_red_in_yuyv() {
        let mut picture = RgbImage::from_pixel(4, 1, Rgb([255, 255, 255]));
        picture.put_pixel(1, 0, Rgb([0, 0, 0]));
        picture.put_pixel(2, 0, Rgb([255, 0, 0]));
        picture.put_pixel(3, 0, Rgb([255, 0, 0]));
        assert_eq!(
            Coding::Yuyv.encode(&picture).unwrap(),
            [235, 128, 16, 128, 82, 90, 82, 240]
        );
    }

    #[test]
    fn a_bare_image_has_no_tables_and_the_same_scan() {
        let picture = RgbImage::from_fn(16, 8, |x, y| Rgb([(x * 16) as u8, (y * 32) as u8, 7]));
        let jpeg = Coding::Mjpeg.encode(&picture).unwrap();
        let bare = without_huffman_tables(&jpeg);
        let tables = |bytes: &[u8]| bytes.windows(2).filter(|pair| *pair == [0xFF, 0xC4]).count();
        assert!(
            tables(&jpeg) > 0 && tables(&bare) == 0,
            "{} and {}",
            tables(&jpeg),
            tables(&bare)
        );
        assert!(bare.len() > 100 && jpeg.ends_with(&bare[bare.len() - 20..]));
        assert!(image::load_from_memory(&jpeg).is_ok());
    }
}
