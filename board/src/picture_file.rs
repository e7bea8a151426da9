//! Pictures read from files.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::{Path, PathBuf};

use image::error::{ImageError, LimitError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use thiserror::Error;

use crate::Picture;

/// The most pixels a picture may have, so that a few kilobytes cannot unfold into all of memory.
pub const MAX_PIXELS: u64 = 100_000_000;

/// Decoded 16-bit RGBA pictures of [`MAX_PIXELS`] fit, with room for the decoder's own tables.
const MAX_DECODER_BYTES: u64 = 1 << 30;

/// The grey that shows through transparent pixels: the middle of the range, so that it favours neither dark nor bright.
const BACKDROP: u32 = 128;

/// Why a file gave no picture.
#[derive(Debug, Error)]
pub enum PictureFileError {
    /// The file could not be opened or read: look at the path and its permissions.
    #[error("cannot read the picture {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no bytes at all.
    #[error("the picture {} is empty (0 bytes)", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The content is none of the known formats: convert it.
    #[error("{} is not a picture this program reads ({found}); convert it to PNG, JPEG, WebP or GIF", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What the content looks like.
        found: String,
    },
    /// More pixels than [`MAX_PIXELS`]: scale it down.
    #[error("the picture {} is too large ({width}×{height}; at most {} million pixels): scale it down", path.display(), MAX_PIXELS / 1_000_000)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// The file starts like a picture but cannot be decoded: fetch or export it again.
    #[error("the picture {} is damaged or cut off ({cause}); fetch or export it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        cause: String,
    },
}

/// Reads a PNG, JPEG, WebP or GIF file (of an animation the first frame) as tightly packed RGB.
///
/// The format is told by the content, not by the name. Transparent pixels are laid over mid-grey, and the orientation
/// that a camera notes in EXIF is applied.
pub fn read_picture(path: &Path) -> Result<Picture, PictureFileError> {
    let unreadable = |source| PictureFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_file() && about.len() == 0 {
        return Err(PictureFileError::Empty { path: path.to_owned() });
    }
    decode(BufReader::new(file), path)
}

/// Decodes the bytes of a picture file; `name` stands for the path in errors. See [`read_picture`].
pub fn decode_picture(bytes: &[u8], name: &Path) -> Result<Picture, PictureFileError> {
    if bytes.is_empty() {
        return Err(PictureFileError::Empty { path: name.to_owned() });
    }
    decode(Cursor::new(bytes), name)
}

fn decode<R: BufRead + Seek>(mut source: R, path: &Path) -> Result<Picture, PictureFileError> {
    let unreadable = |source| PictureFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let start = source.fill_buf().map_err(unreadable)?.to_vec();
    let reader = ImageReader::new(source).with_guessed_format().map_err(unreadable)?;
    let Some(format) = reader.format().filter(ImageFormat::reading_enabled) else {
        return Err(PictureFileError::Unsupported {
            path: path.to_owned(),
            found: describe(reader.format(), &start),
        });
    };
    decode_as(reader, format, path)
}

fn decode_as<R: BufRead + Seek>(
    mut reader: ImageReader<R>,
    format: ImageFormat,
    path: &Path,
) -> Result<Picture, PictureFileError> {
    let damaged = |error: ImageError| match error {
        ImageError::Unsupported(unsupported) => PictureFileError::Unsupported {
            path: path.to_owned(),
            found: unsupported.to_string(),
        },
        other => PictureFileError::Damaged {
            path: path.to_owned(),
            cause: other.to_string(),
        },
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.set_format(format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PictureFileError::TooLarge {
            path: path.to_owned(),
            width,
            height,
        });
    }
    let orientation = decoder
        .orientation()
        .unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    decoded.apply_orientation(orientation);
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    Picture::rgb(width, height, flatten(decoded)).ok_or_else(|| {
        damaged(ImageError::Limits(LimitError::from_kind(
            LimitErrorKind::DimensionError,
        )))
    })
}

/// The pixels as tightly packed RGB, transparency laid over [`BACKDROP`].
fn flatten(decoded: DynamicImage) -> Vec<u8> {
    if !decoded.color().has_alpha() {
        return decoded.into_rgb8().into_raw();
    }
    let over = |channel: u8, alpha: u8| {
        let alpha = u32::from(alpha);
        ((u32::from(channel) * alpha + BACKDROP * (255 - alpha) + 127) / 255) as u8
    };
    decoded
        .into_rgba8()
        .pixels()
        .flat_map(|pixel| {
            let [red, green, blue, alpha] = pixel.0;
            [over(red, alpha), over(green, alpha), over(blue, alpha)]
        })
        .collect()
}

/// Names what a file that cannot be read seems to be.
fn describe(format: Option<ImageFormat>, start: &[u8]) -> String {
    if let Some(format) = format {
        return format!("it looks like {format:?}");
    }
    match start.get(4..12) {
        Some(b"ftypheic" | b"ftypheix" | b"ftypmif1" | b"ftypmsf1") => "it looks like HEIC".to_owned(),
        Some([b'f', b't', b'y', b'p', ..]) => "it looks like a film".to_owned(),
        _ if start.starts_with(b"<svg") || start.starts_with(b"<?xml") => "it looks like SVG or XML".to_owned(),
        _ => "its first bytes are those of no known format".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};
    use proptest::prelude::*;

    const NAME: &str = "test.picture";

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn gradient() -> RgbImage {
        RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8 * 30, y as u8 * 50, 200]))
    }

    fn decoded(bytes: &[u8]) -> Result<Picture, PictureFileError> {
        decode_picture(bytes, Path::new(NAME))
    }

    #[test]
    fn lossless_formats_come_back_exactly() {
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let picture = decoded(&encoded(&gradient().into(), format)).unwrap();
            assert_eq!((picture.width, picture.height, picture.stride_bytes), (7, 5, 21));
            assert_eq!(picture.bytes, gradient().into_raw(), "{format:?}");
        }
    }

    #[test]
    fn gif_and_jpeg_come_back_closely() {
        let image = RgbImage::from_pixel(16, 16, Rgb([200, 60, 20]));
        for format in [ImageFormat::Gif, ImageFormat::Jpeg] {
            let picture = decoded(&encoded(&image.clone().into(), format)).unwrap();
            for (got, expected) in picture.bytes.iter().zip(image.as_raw()) {
                assert!(got.abs_diff(*expected) <= 4, "{format:?}: {got} for {expected}");
            }
        }
    }

    #[test]
    fn transparency_shows_mid_grey() {
        let image = RgbaImage::from_fn(3, 1, |x, _| Rgba([255, 0, 100, [0, 128, 255][x as usize]]));
        let picture = decoded(&encoded(&image.into(), ImageFormat::Png)).unwrap();
        assert_eq!(picture.bytes, [128, 128, 128, 192, 64, 114, 255, 0, 100]);
    }

    #[test]
    fn sixteen_bit_grey_becomes_rgb() {
        let image = image::ImageBuffer::<image::Luma<u16>, _>::from_pixel(2, 2, image::Luma([0x8080]));
        let picture = decoded(&encoded(&image.into(), ImageFormat::Png)).unwrap();
        assert_eq!(picture.bytes, [128; 12]);
    }

    #[test]
    fn exif_orientation_of_a_jpeg_is_applied() {
        // A TIFF header with one entry: tag 0x0112 (orientation), type SHORT, count 1, value 6 (turn 90° clockwise).
        let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        let image = RgbImage::from_fn(32, 16, |x, _| if x < 16 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        encoder.set_exif_metadata(exif).unwrap();
        encoder.encode_image(&image).unwrap();
        let picture = decoded(&bytes).unwrap();
        assert_eq!((picture.width, picture.height), (16, 32));
        assert!(
            picture.bytes[0] > 200 && picture.bytes[2] < 60,
            "the left half came to the top"
        );
        let last = picture.bytes.len() - 3;
        assert!(
            picture.bytes[last] < 60 && picture.bytes[last + 2] > 200,
            "the right half came to the bottom"
        );
    }

    #[test]
    fn what_is_no_picture_is_named() {
        assert!(matches!(decoded(b""), Err(PictureFileError::Empty { .. })));
        let text = decoded(b"just some words").unwrap_err().to_string();
        assert!(text.contains(NAME) && text.contains("convert"), "{text}");
        let film = decoded(b"\0\0\0\x18ftypisom\0\0\0\0").unwrap_err().to_string();
        assert!(film.contains("film"), "{film}");
        let missing = read_picture(Path::new("/nonexistent/picture.png")).unwrap_err();
        assert!(matches!(missing, PictureFileError::Unreadable { .. }));
    }

    #[test]
    fn a_directory_is_unreadable() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(
            read_picture(directory.path()),
            Err(PictureFileError::Unreadable { .. })
        ));
    }

    #[test]
    fn a_cut_png_is_damaged() {
        let bytes = encoded(&gradient().into(), ImageFormat::Png);
        assert!(matches!(
            decoded(&bytes[..bytes.len() / 2]),
            Err(PictureFileError::Damaged { .. })
        ));
    }

    #[test]
    fn a_bomb_is_refused_before_it_unfolds() {
        // The header alone announces the size: only it is rewritten, with its checksum (CRC-32 of type and content).
        let mut bytes = encoded(&gradient().into(), ImageFormat::Png);
        bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let checksum = !bytes[12..29].iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        });
        bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
        assert!(matches!(
            decoded(&bytes),
            Err(PictureFileError::TooLarge { width: 60_000, .. })
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damage_never_panics(
            format in prop::sample::select(vec![ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif]),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = encoded(&gradient().into(), format);
            for (at, mask) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            if let Ok(picture) = decoded(&bytes) {
                prop_assert_eq!(picture.bytes.len(), picture.width * picture.height * 3);
            }
        }
    }
}
