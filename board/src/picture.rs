//! A picture as a camera delivers it.

use std::time::Duration;

/// How the bytes of a picture are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Three bytes a pixel: red, green, blue.
    Rgb,
    /// Two bytes a pixel, packed `Y0 U Y1 V`; BT.601, limited range (V4L2 `YUYV`).
    Yuyv,
    /// A plane of luma, then a plane of interleaved `U V` at half width and half height; BT.601, limited range (V4L2 `NV12`).
    Nv12,
    /// One JPEG image, possibly without Huffman tables as many USB cameras send it (V4L2 `MJPG`).
    Mjpeg,
}

/// The pixels of one picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes from one row to the next (of the luma plane, for [`PixelFormat::Nv12`]); unused for [`PixelFormat::Mjpeg`].
    pub stride_bytes: usize,
    /// Layout of `bytes`.
    pub format: PixelFormat,
    /// The pixels, rows from the top.
    pub bytes: Vec<u8>,
}

impl Picture {
    /// A tightly packed RGB picture; `None` where `bytes` are not `width × height × 3`.
    pub fn rgb(width: usize, height: usize, bytes: Vec<u8>) -> Option<Self> {
        (width > 0 && height > 0 && bytes.len() == width * height * 3).then_some(Self {
            width,
            height,
            stride_bytes: width * 3,
            format: PixelFormat::Rgb,
            bytes,
        })
    }

    /// Makes this a tightly packed RGB picture of a size, keeping its memory, and lends the bytes to be written.
    pub fn become_rgb(&mut self, width: usize, height: usize) -> &mut [u8] {
        self.width = width;
        self.height = height;
        self.stride_bytes = width * 3;
        self.format = PixelFormat::Rgb;
        self.bytes.resize(width * height * 3, 0);
        &mut self.bytes
    }
}

impl Default for Picture {
    /// No pixels: the memory to hand to a camera for its first frame.
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            stride_bytes: 0,
            format: PixelFormat::Rgb,
            bytes: Vec::new(),
        }
    }
}

/// A picture with the moment it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// The pixels.
    pub picture: Picture,
    /// When exposure began, on the clock of the source (`CLOCK_MONOTONIC` for a live device, media time for a file).
    pub stamp: Duration,
}
