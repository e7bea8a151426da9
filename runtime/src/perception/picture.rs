//! A camera's picture → the planar, normalised input of the picture encoder.

pub(super) mod plan;

use std::sync::Arc;

use lookhear_board::{Picture, PixelFormat};
use serde::{Deserialize, Serialize};

use super::jpeg::{MotionJpegDecoder, Output, ShrinkingDecoder};
use super::network::workers::Workers;
use super::planes::{Planes, check_size};
use super::resize::bilinear_taps;
use plan::Plan;

pub use super::planes::{PictureError, to_rgb};

/// Which part of the frame the model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PictureTransform {
    /// The paper's test transform: the shorter side is resized to the input, and the middle is cut out. What lies at
    /// the edges of the longer side goes unseen.
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
/// Filters and buffers are made for the first picture of a size and format and kept for those that follow, which then
/// cost no allocation (but for JPEG frames that are not baseline, whose decoder needs a few).
#[derive(Debug)]
pub struct PictureFrontEnd {
    side_pixels: usize,
    transform: PictureTransform,
    scale: [f32; 3],
    shift: [f32; 3],
    jpeg: MotionJpegDecoder,
    shrinking_jpeg: ShrinkingDecoder,
    plan: Option<Plan>,
    workers: Arc<Workers>,
}

impl PictureFrontEnd {
    /// A front end for a model with an input of `side_pixels` × `side_pixels`; `mean` and `deviation` (above 0) are
    /// those of the pixels in 0..1 that the model was trained on.
    pub fn new(side_pixels: usize, transform: PictureTransform, mean: [f32; 3], deviation: [f32; 3]) -> Self {
        Self {
            side_pixels,
            transform,
            scale: deviation.map(|deviation| 1.0 / (255.0 * deviation)),
            shift: std::array::from_fn(|channel| -mean[channel] / deviation[channel]),
            jpeg: MotionJpegDecoder::new(),
            shrinking_jpeg: ShrinkingDecoder::default(),
            plan: None,
            workers: Arc::default(),
        }
    }

    /// The same with threads that share the reading of JPEG frames; what it gives does not depend on how many they are.
    pub fn shared_by(self, workers: Arc<Workers>) -> Self {
        Self { workers, ..self }
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

    /// Writes `picture` to `out` as `[3, side, side]` (red, green, blue), row-major: `(value / 255 − mean) /
    /// deviation`.
    ///
    /// Shrinking is antialiased. Colour is converted after resizing, where fewer pixels are left; the two commute but
    /// for colours outside the gamut.
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
        if picture.format == PixelFormat::Mjpeg && self.shrink_jpeg(picture, out)? {
            return Ok(());
        }
        let planes = Planes::of(picture, &mut self.jpeg)?;
        let (size, layout) = ((picture.width, picture.height), planes.layout());
        let resized = (self.side_pixels, self.side_pixels);
        let plan = match &mut self.plan {
            Some(plan) if plan.suits(size, resized, layout) => plan,
            plan => plan.insert(Plan::new(
                size,
                axes(self.transform, self.side_pixels, size),
                resized,
                layout,
            )),
        };
        plan.run(planes, self.scale, self.shift, out);
        Ok(())
    }

    /// The same for a JPEG frame; false where it has to be decoded whole.
    fn shrink_jpeg(&mut self, picture: &Picture, out: &mut [f32]) -> Result<bool, PictureError> {
        let size = (picture.width, picture.height);
        check_size(size.0, size.1)?;
        if self.side_pixels == 0 {
            return Ok(false);
        }
        let (transform, side) = (self.transform, self.side_pixels);
        let taps =
            || axes(transform, side, size).map(|axis| bilinear_taps(axis.input, axis.resized, axis.offset, side));
        let output = Output::new(out, side, self.scale, self.shift);
        Ok(self
            .shrinking_jpeg
            .shrink(&picture.bytes, size, taps, output, &self.workers)?)
    }

    /// Where a point of the model's input lies in the frame. Both are normalised: (0, 0) is the upper left corner, (1,
    /// 1) the lower right one, and `x`, `y` may lie outside.
    pub fn to_frame(&self, picture_width: usize, picture_height: usize, x: f32, y: f32) -> (f32, f32) {
        let [across, down] = axes(self.transform, self.side_pixels, (picture_width, picture_height));
        (across.to_frame(x, self.side_pixels), down.to_frame(y, self.side_pixels))
    }
}

/// How one axis of the frame is laid onto the model's input, or onto another picture: `input` pixels are resized to `resized`, of which those
/// from `offset` on are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) input: usize,
    pub(super) resized: usize,
    pub(super) offset: usize,
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

#[cfg(test)]
mod tests;
