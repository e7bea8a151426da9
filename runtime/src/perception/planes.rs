//! Where the pixels of a camera's picture lie in its bytes.

use lookhear_board::{Picture, PixelFormat};

use super::colour::LimitedRangeBt601;
use super::jpeg::{JpegError, MotionJpegDecoder};
use super::resize::Rows;

/// Why a picture could not be read.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum PictureError {
    /// It has no pixels, or more than memory can have. Set the camera to another size.
    #[error("a picture of {width}×{height} pixels cannot be: set the camera to another size")]
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// Its rows overlap. Correct what the driver reports.
    #[error(
        "rows of {row_bytes} bytes do not fit a stride of {stride_bytes}: correct the stride that the driver reports"
    )]
    Stride {
        /// Bytes from row to row, as given.
        stride_bytes: usize,
        /// Bytes of the pixels of one row.
        row_bytes: usize,
    },
    /// Bytes are missing at the end. Drop the picture.
    #[error("the picture has {found_bytes} bytes where its size asks for {needed_bytes}: drop it")]
    TooShort {
        /// Bytes there are.
        found_bytes: usize,
        /// Bytes there should be at least.
        needed_bytes: usize,
    },
    /// It is a JPEG frame that cannot be decoded. Drop the picture.
    #[error(transparent)]
    Jpeg(#[from] JpegError),
    /// The place for the result has the wrong length. A mistake of the caller.
    #[error(
        "the model input has {needed} values, and not the {given} that there is room for: make room for 3 × side × side"
    )]
    Output {
        /// Length of the slice that was given.
        given: usize,
        /// Length it must have.
        needed: usize,
    },
}

/// The planes of an uncompressed picture, each known to hold all of its rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Planes<'a> {
    /// Red, green and blue, interleaved.
    Rgb(Rows<'a>),
    /// `Y0 U Y1 V`.
    Yuyv(Rows<'a>),
    /// Luma, and `U V` at half the size.
    Nv12 { luma: Rows<'a>, chroma: Rows<'a> },
}

/// Which of the [`Planes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Rgb,
    Yuyv,
    Nv12,
}

impl<'a> Planes<'a> {
    pub(super) fn layout(&self) -> Layout {
        match self {
            Self::Rgb(_) => Layout::Rgb,
            Self::Yuyv(_) => Layout::Yuyv,
            Self::Nv12 { .. } => Layout::Nv12,
        }
    }

    /// The planes of `picture`, which `jpeg` decodes where it is a JPEG frame.
    pub(super) fn of(picture: &'a Picture, jpeg: &'a mut MotionJpegDecoder) -> Result<Self, PictureError> {
        let Picture {
            width,
            height,
            stride_bytes,
            format,
            ref bytes,
        } = *picture;
        check_size(width, height)?;
        let rows = |bytes: &'a [u8], row_bytes: usize, rows: usize| {
            if stride_bytes < row_bytes {
                return Err(PictureError::Stride {
                    stride_bytes,
                    row_bytes,
                });
            }
            // The last row may end with its last pixel.
            let needed = stride_bytes
                .checked_mul(rows - 1)
                .and_then(|before| before.checked_add(row_bytes));
            match needed {
                Some(needed_bytes) if needed_bytes <= bytes.len() => Ok(Rows { bytes, stride_bytes }),
                Some(needed_bytes) => Err(PictureError::TooShort {
                    found_bytes: bytes.len(),
                    needed_bytes,
                }),
                None => Err(PictureError::Stride {
                    stride_bytes,
                    row_bytes,
                }),
            }
        };
        match format {
            PixelFormat::Rgb => Ok(Self::Rgb(rows(bytes, width * 3, height)?)),
            PixelFormat::Yuyv => Ok(Self::Yuyv(rows(bytes, width.div_ceil(2) * 4, height)?)),
            PixelFormat::Nv12 => {
                let row_bytes = width.next_multiple_of(2);
                rows(bytes, row_bytes, height + height.div_ceil(2))?;
                let (luma, chroma) = bytes.split_at(stride_bytes * height);
                Ok(Self::Nv12 {
                    luma: Rows {
                        bytes: luma,
                        stride_bytes,
                    },
                    chroma: Rows {
                        bytes: chroma,
                        stride_bytes,
                    },
                })
            }
            PixelFormat::Mjpeg => Ok(Self::Rgb(Rows {
                bytes: jpeg.decode(bytes, width, height)?,
                stride_bytes: width * 3,
            })),
        }
    }

    /// Writes row `row` as tightly packed RGB; each chroma sample holds for all the pixels that share it.
    fn write_rgb_row(&self, row: usize, rgb: &mut [u8]) {
        let width = rgb.len() / 3;
        match *self {
            Self::Rgb(rows) => rgb.copy_from_slice(rows.part(row, 0, width * 3)),
            Self::Yuyv(rows) => {
                let source = rows.part(row, 0, width.div_ceil(2) * 4).as_chunks::<4>().0;
                for (pair, &[luma_left, u, luma_right, v]) in rgb.chunks_mut(6).zip(source) {
                    for (pixel, luma) in pair.as_chunks_mut::<3>().0.iter_mut().zip([luma_left, luma_right]) {
                        *pixel = LimitedRangeBt601::to_rgb_bytes(luma, u, v);
                    }
                }
            }
            Self::Nv12 { luma, chroma } => {
                let luma = luma.part(row, 0, width).chunks(2);
                let chroma = chroma.part(row / 2, 0, width.next_multiple_of(2)).as_chunks::<2>().0;
                for ((pair, luma), &[u, v]) in rgb.chunks_mut(6).zip(luma).zip(chroma) {
                    for (pixel, &luma) in pair.as_chunks_mut::<3>().0.iter_mut().zip(luma) {
                        *pixel = LimitedRangeBt601::to_rgb_bytes(luma, u, v);
                    }
                }
            }
        }
    }
}

/// Refuses pictures without pixels, and those that no memory holds.
pub(super) fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    let bytes = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(4));
    match bytes {
        Some(1..) if bytes <= Some(isize::MAX as usize) => Ok(()),
        _ => Err(PictureError::Size { width, height }),
    }
}

/// The whole picture as tightly packed RGB, for overlays and for saving.
///
/// # Errors
/// Every [`PictureError`] but [`PictureError::Output`].
pub fn to_rgb(picture: &Picture) -> Result<Picture, PictureError> {
    let (width, height) = (picture.width, picture.height);
    let mut jpeg = MotionJpegDecoder::new();
    let planes = Planes::of(picture, &mut jpeg)?;
    let mut bytes = vec![0; width * height * 3];
    for (row, rgb) in bytes.chunks_exact_mut(width * 3).enumerate() {
        planes.write_rgb_row(row, rgb);
    }
    Ok(Picture {
        width,
        height,
        stride_bytes: width * 3,
        format: PixelFormat::Rgb,
        bytes,
    })
}
