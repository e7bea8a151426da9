//! A camera's picture → the planar, normalised input of the picture encoder.

use std::ops::Range;

use lookhear_board::Picture;
use serde::{Deserialize, Serialize};

use super::colour::LimitedRangeBt601;
use super::jpeg::MotionJpegDecoder;
use super::planes::Planes;
use super::resize::{BLEND_UNIT, RowBlend, Stretch, Tap, bilinear_taps, reach};

pub use super::planes::{PictureError, to_rgb};

/// Which part of the frame the model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PictureTransform {
    /// The paper's test transform: the shorter side is resized to the input, and the middle is cut out. What lies at the edges of the
    /// longer side goes unseen.
    CentreCrop,
    /// The whole frame is resized to the square input, and so loses its proportions.
    FullFrame,
}

/// Mean of ImageNet's pixels (red, green, blue), in 0..1.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of ImageNet's pixels (red, green, blue), in 0..1.
pub const IMAGENET_DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// Prepares picture after picture for a model; training and serving both go through it.
///
/// Filters and buffers are made for the first picture of a size and format and kept for those that follow, which then cost no allocation (but for
/// the JPEG decoder's own few).
#[derive(Debug)]
pub struct PictureFrontEnd {
    side_pixels: usize,
    transform: PictureTransform,
    scale: [f32; 3],
    shift: [f32; 3],
    jpeg: MotionJpegDecoder,
    plan: Option<Plan>,
}

impl PictureFrontEnd {
    /// A front end for a model with an input of `side_pixels` × `side_pixels`; `mean` and `deviation` (above 0) are those of the pixels in 0..1 that
    /// the model was trained on.
    pub fn new(side_pixels: usize, transform: PictureTransform, mean: [f32; 3], deviation: [f32; 3]) -> Self {
        Self {
            side_pixels,
            transform,
            scale: deviation.map(|deviation| 1.0 / (255.0 * deviation)),
            shift: std::array::from_fn(|channel| -mean[channel] / deviation[channel]),
            jpeg: MotionJpegDecoder::new(),
            plan: None,
        }
    }

    /// Width and height of the model's input.
    pub fn side_pixels(&self) -> usize {
        self.side_pixels
    }

    /// Which part of the frame the model sees.
    pub fn transform(&self) -> PictureTransform {
        self.transform
    }

    /// How many values [`prepare`](Self::prepare) writes: 3 × side × side.
    pub fn output_values(&self) -> usize {
        3 * self.side_pixels * self.side_pixels
    }

    /// Writes `picture` to `out` as `[3, side, side]` (red, green, blue), row-major: `(value / 255 − mean) / deviation`.
    ///
    /// Shrinking is antialiased. Colour is converted after resizing, where fewer pixels are left; the two commute but for colours outside the gamut.
    ///
    /// # Errors
    /// Every [`PictureError`]; `out` is then worth nothing.
    pub fn prepare(&mut self, picture: &Picture, out: &mut [f32]) -> Result<(), PictureError> {
        let needed = self.output_values();
        if out.len() != needed {
            return Err(PictureError::Output {
                given: out.len(),
                needed,
            });
        }
        let planes = Planes::of(picture, &mut self.jpeg)?;
        let size = (picture.width, picture.height);
        let plan = match &mut self.plan {
            Some(plan) if plan.suits(size, &planes) => plan,
            plan => {
                let (side, axes) = (self.side_pixels, axes(self.transform, self.side_pixels, size));
                plan.insert(Plan::new(size, axes, side, &planes))
            }
        };
        plan.run(planes, self.scale, self.shift, out);
        Ok(())
    }

    /// Where a point of the model's input lies in the frame. Both are normalised: (0, 0) is the upper left corner, (1, 1) the lower right one, and
    /// `x`, `y` may lie outside.
    pub fn to_frame(&self, picture_width: usize, picture_height: usize, x: f32, y: f32) -> (f32, f32) {
        let [across, down] = axes(self.transform, self.side_pixels, (picture_width, picture_height));
        (across.to_frame(x, self.side_pixels), down.to_frame(y, self.side_pixels))
    }
}

/// How one axis of the frame is laid onto the model's input: `input` pixels are resized to `resized`, of which those from `offset` on are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis {
    input: usize,
    resized: usize,
    offset: usize,
}

impl Axis {
    fn to_frame(self, position: f32, side_pixels: usize) -> f32 {
        (self.offset as f32 + position * side_pixels as f32) / self.resized.max(1) as f32
    }
}

/// Across and down. The centre crop rounds as torchvision's `Resize` and `CenterCrop` do.
fn axes(transform: PictureTransform, side: usize, (width, height): (usize, usize)) -> [Axis; 2] {
    let shorter = width.min(height).max(1);
    [width, height].map(|input| match transform {
        PictureTransform::FullFrame => Axis {
            input,
            resized: side,
            offset: 0,
        },
        PictureTransform::CentreCrop => {
            let resized = (side as u128 * input as u128 / shorter as u128) as usize;
            let offset = (resized.saturating_sub(side) as f64 / 2.0).round_ties_even() as usize;
            Axis { input, resized, offset }
        }
    })
}

/// Filters and buffers for pictures of one size and format.
#[derive(Debug)]
struct Plan {
    size: (usize, usize),
    side: usize,
    /// Columns of the frame that the model sees any of, with an even start.
    columns: Range<usize>,
    rows: RowBlend,
    stretch: Stretch,
    chroma_rows: RowBlend,
    chroma_stretch: Stretch,
    lines: Lines,
}

/// One row of the model's input before it is resized along itself, padded for [`Stretch`].
#[derive(Debug)]
enum Lines {
    Rgb {
        pixels: Vec<f32>,
    },
    Yuyv {
        luma: Vec<f32>,
        chroma: Vec<f32>,
        u: Vec<f32>,
        v: Vec<f32>,
    },
    Nv12 {
        luma: Vec<f32>,
        u: Vec<f32>,
        v: Vec<f32>,
    },
}

impl Plan {
    fn new(size: (usize, usize), [across, down]: [Axis; 2], side: usize, planes: &Planes<'_>) -> Self {
        let taps = |axis: Axis| bilinear_taps(axis.input, axis.resized, axis.offset, side);
        let halved = |taps: &[Tap]| taps.iter().map(Tap::halved).collect::<Vec<_>>();
        let (across, down) = (taps(across), taps(down));
        let columns = reach(&across);
        let stretch = Stretch::new(&across, columns.start, BLEND_UNIT);
        let chroma_stretch = Stretch::new(&halved(&across), columns.start / 2, BLEND_UNIT);
        let pairs = columns.len().div_ceil(2);
        let luma = vec![0.0; 2 * pairs + stretch.padding()];
        let [u, v] = [(); 2].map(|()| vec![0.0; pairs + chroma_stretch.padding()]);
        let lines = match planes {
            Planes::Rgb(_) => Lines::Rgb {
                pixels: vec![0.0; 3 * luma.len() + 1],
            },
            Planes::Yuyv(_) => Lines::Yuyv {
                luma,
                chroma: vec![0.0; 2 * pairs],
                u,
                v,
            },
            Planes::Nv12 { .. } => Lines::Nv12 { luma, u, v },
        };
        Self {
            size,
            side,
            columns,
            rows: RowBlend::new(&down),
            stretch,
            chroma_rows: RowBlend::new(&halved(&down)),
            chroma_stretch,
            lines,
        }
    }

    fn suits(&self, size: (usize, usize), planes: &Planes<'_>) -> bool {
        self.size == size
            && matches!(
                (&self.lines, planes),
                (Lines::Rgb { .. }, Planes::Rgb(_))
                    | (Lines::Yuyv { .. }, Planes::Yuyv(_))
                    | (Lines::Nv12 { .. }, Planes::Nv12 { .. })
            )
    }

    /// `out`: three planes of side × side.
    fn run(&mut self, planes: Planes<'_>, scale: [f32; 3], shift: [f32; 3], out: &mut [f32]) {
        let side = self.side;
        if side == 0 {
            return;
        }
        let (reds, rest) = out.split_at_mut(side * side);
        let (greens, blues) = rest.split_at_mut(side * side);
        let rows = reds
            .chunks_exact_mut(side)
            .zip(greens.chunks_exact_mut(side))
            .zip(blues.chunks_exact_mut(side));
        for (output, ((red, green), blue)) in rows.enumerate() {
            self.resize_row(planes, output, [red, green, blue]);
            let is_rgb = matches!(planes, Planes::Rgb(_));
            for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
                let rgb = if is_rgb {
                    [*red, *green, *blue]
                } else {
                    LimitedRangeBt601::to_rgb(*red, *green, *blue)
                };
                [*red, *green, *blue] = std::array::from_fn(|channel| rgb[channel] * scale[channel] + shift[channel]);
            }
        }
    }

    /// One row of the model's input, in the colours of the source (red, green, blue, or luma, U, V), 0..255.
    fn resize_row(&mut self, planes: Planes<'_>, output: usize, [first, second, third]: [&mut [f32]; 3]) {
        let start = self.columns.start;
        let columns = self.columns.len();
        let pairs = columns.div_ceil(2);
        match (&mut self.lines, planes) {
            (Lines::Rgb { pixels }, Planes::Rgb(rows)) => {
                self.rows.bytes(rows, output, start * 3, &mut pixels[..columns * 3]);
                self.stretch.interleaved(pixels, [first, second, third]);
            }
            (Lines::Yuyv { luma, chroma, u, v }, Planes::Yuyv(rows)) => {
                self.rows
                    .byte_pairs(rows, output, start * 2, &mut luma[..2 * pairs], chroma);
                for ((u, v), &[chroma_u, chroma_v]) in u.iter_mut().zip(v.iter_mut()).zip(chroma.as_chunks::<2>().0) {
                    (*u, *v) = (chroma_u, chroma_v);
                }
                self.stretch.planar(luma, first);
                self.chroma_stretch.planar(u, second);
                self.chroma_stretch.planar(v, third);
            }
            (
                Lines::Nv12 { luma, u, v },
                Planes::Nv12 {
                    luma: luma_rows,
                    chroma,
                },
            ) => {
                self.rows.bytes(luma_rows, output, start, &mut luma[..columns]);
                self.chroma_rows
                    .byte_pairs(chroma, output, start, &mut u[..pairs], &mut v[..pairs]);
                self.stretch.planar(luma, first);
                self.chroma_stretch.planar(u, second);
                self.chroma_stretch.planar(v, third);
            }
            // `suits` lets no other pair through.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
