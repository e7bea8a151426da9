//! The live picture with what was perceived in it, at the size of whoever looks.

use std::time::Duration;

use embedded_graphics::pixelcolor::Rgb888;
use lookhear_board::display::Canvas;
use lookhear_board::{Frame, Picture};

use super::gauge::AMBER;
use super::heat::View;
use super::overlay::{self, Overlay, Scene};
use super::status::Status;
use super::text::Lettering;
use crate::perception::manifest::PictureInput;
use crate::perception::picture::PictureError;
use crate::perception::scaled::RgbScaler;

/// What is older than this says nothing about the picture that is shown.
const STALE: Duration = Duration::from_secs(2);

/// Draws live pictures; keeps its tables and its memory from one to the next.
#[derive(Debug)]
pub struct Preview {
    input: PictureInput,
    scaler: RgbScaler,
    overlay: Overlay,
    canvas: Canvas,
}

impl Preview {
    /// For percepts of a model with this input.
    pub fn new(input: PictureInput) -> Self {
        Self {
            input,
            scaler: RgbScaler::default(),
            overlay: Overlay::default(),
            canvas: Canvas::default(),
        }
    }

    /// A frame with heatmap, target, peak and a strip that tells state and levels, `width` pixels wide and as high as its
    /// proportions ask.
    ///
    /// # Errors
    /// Every [`PictureError`] but [`PictureError::Output`]: drop the frame.
    pub fn draw(&mut self, frame: &Frame, status: &Status, width: usize) -> Result<&Canvas, PictureError> {
        self.fill(&frame.picture, (width, height_at(&frame.picture, width)))?;
        self.overlay.draw(&mut self.canvas, &scene(&self.input, frame, status));
        Ok(&self.canvas)
    }

    /// A frame with heatmap, target and peak alone, of a size in pixels and with letters of a size.
    ///
    /// # Errors
    /// Every [`PictureError`] but [`PictureError::Output`]: drop the frame.
    pub fn draw_marked(
        &mut self,
        frame: &Frame,
        status: &Status,
        size: (usize, usize),
        lettering: &Lettering,
    ) -> Result<&Canvas, PictureError> {
        self.fill(&frame.picture, size)?;
        self.overlay
            .draw_marks(&mut self.canvas, lettering, &scene(&self.input, frame, status));
        Ok(&self.canvas)
    }

    fn fill(&mut self, picture: &Picture, (width, height): (usize, usize)) -> Result<(), PictureError> {
        self.canvas.resize(width, height);
        self.scaler.fill(&mut self.canvas, picture)
    }
}

/// What to call the state of the device, and the colour of its lamp.
pub fn status_label(status: &Status) -> (&'static str, Rgb888) {
    if status.paused {
        ("Paused", AMBER)
    } else {
        overlay::state_label(status.attention.state)
    }
}

/// How high a picture is at a width: 1 at least, and never so high that a camera's freak of a size takes all memory.
fn height_at(picture: &Picture, width: usize) -> usize {
    let height = width as u128 * picture.height as u128 / picture.width.max(1) as u128;
    let highest = width.saturating_mul(4);
    usize::try_from(height).unwrap_or(highest).min(highest).max(1)
}

/// What of the status belongs to a frame.
fn scene<'a>(input: &PictureInput, frame: &Frame, status: &'a Status) -> Scene<'a> {
    let is_current = |stamp: Duration| frame.stamp.saturating_sub(stamp) <= STALE;
    let (label, lamp) = status_label(status);
    Scene {
        percept: status.percept.as_ref().filter(|percept| is_current(percept.stamp)),
        threshold: status.threshold,
        view: View::of_model(input, frame.picture.width, frame.picture.height),
        target: status.attention.target.filter(|_| is_current(status.stamp)),
        level: status.meter,
        label,
        lamp,
        time: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::attention::{Attention, State};
    use crate::perception::heatmap::{Heatmap, Point};
    use crate::perception::percept::Percept;
    use crate::perception::picture::PictureTransform;

    fn input() -> PictureInput {
        PictureInput {
            side_pixels: 224,
            transform: PictureTransform::FullFrame,
            mean: [0.5; 3],
            deviation: [0.25; 3],
            map_cells: 14,
        }
    }

    fn frame() -> Frame {
        Frame {
            picture: Picture::rgb(64, 36, vec![120; 64 * 36 * 3]).unwrap(),
            stamp: Duration::from_secs(10),
        }
    }

    fn status(stamp: Duration) -> Status {
        let heatmap = Heatmap {
            width: 2,
            height: 1,
            values: vec![0.0, 0.9],
        };
        Status {
            stamp,
            threshold: 0.4,
            percept: Some(Percept {
                heatmap,
                peak: Point { x: 0.75, y: 0.5 },
                centre: Point { x: 0.75, y: 0.5 },
                similarity: 0.9,
                probability: None,
                accepted: true,
                stamp,
            }),
            attention: Attention {
                state: State::Tracking,
                target: Some(Point { x: 0.75, y: 0.5 }),
                confidence: 1.0,
                ..Attention::default()
            },
            ..Status::default()
        }
    }

    /// Pixels of the upper half that are not as the camera saw them.
    fn changed(canvas: &Canvas) -> usize {
        let half = &canvas.bytes()[..canvas.bytes().len() / 2];
        half.chunks_exact(3).filter(|pixel| **pixel != [120; 3]).count()
    }

    #[test]
    fn proportions_are_kept() {
        let mut preview = Preview::new(input());
        for (width, height) in [(640, 360), (1, 1), (320, 180)] {
            let canvas = preview.draw(&frame(), &Status::default(), width).unwrap();
            assert_eq!((canvas.width(), canvas.height()), (width, height));
        }
    }

    #[test]
    fn what_is_perceived_is_drawn_while_it_is_new() {
        let mut preview = Preview::new(input());
        let now = frame().stamp;
        let seen = changed(preview.draw(&frame(), &status(now), 640).unwrap());
        assert!(seen > 20_000, "{seen}");
        let stale = status(now - Duration::from_secs(3));
        assert_eq!(changed(preview.draw(&frame(), &stale, 640).unwrap()), 0);
    }

    #[test]
    fn a_pause_is_named() {
        let mut status = status(Duration::ZERO);
        assert_eq!(status_label(&status).0, "Tracking");
        status.paused = true;
        assert_eq!(status_label(&status).0, "Paused");
    }
}
