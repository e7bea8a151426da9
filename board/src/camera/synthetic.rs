//! A drawn scene in place of a camera, with its truth known.

use std::f64::consts::TAU;
use std::time::Duration;

use super::{Camera, Length};
use crate::Frame;
use crate::capture::{CaptureError, Delivery};
use crate::chance::{fraction, mixed};

/// How bright the ground may be; the square is far above it.
const GROUND_LEVELS: u32 = 96;

/// A scene: a bright square with a dark mark in its middle wanders over a still, speckled ground.
///
/// All follows from the seed: two scenes of one seed are alike to the byte.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scene {
    /// Width of its frames in pixels.
    pub width: usize,
    /// Height of its frames in pixels.
    pub height: usize,
    /// Frames a second.
    pub rate_hz: f64,
    /// How long it lasts; without end if `None`.
    pub duration: Option<Duration>,
    /// What decides the path of the square and the speckles.
    pub seed: u64,
}

impl Scene {
    /// Where the middle of the square is at a time: x from the left and y from the top, in 0..1 of the frame.
    ///
    /// It stays as far from the edges as it takes for the whole square to be seen in frames no flatter than 1:3.
    pub fn square_at(&self, time: Duration) -> (f64, f64) {
        let seconds = time.as_secs_f64();
        let swing = |hertz: f64, number: u64| {
            let start = fraction(mixed(self.seed.wrapping_add(number)));
            0.5 + 0.3 * (TAU * (hertz * seconds + start)).sin()
        };
        (swing(0.11, 1), swing(0.07, 2))
    }

    /// Length of the square's edges in pixels.
    pub fn square_edge(&self) -> usize {
        (self.width.min(self.height) / 5).max(1)
    }

    /// Draws the scene at a time, as tightly packed RGB over `rgb`.
    fn draw(&self, time: Duration, rgb: &mut [u8]) {
        let (x, y) = self.square_at(time);
        let edge = self.square_edge();
        let left = (x * self.width as f64 - edge as f64 / 2.0).round().max(0.0) as usize;
        let top = (y * self.height as f64 - edge as f64 / 2.0).round().max(0.0) as usize;
        let mark = edge / 3..edge - edge / 3;
        for (row, pixels) in rgb.chunks_exact_mut(self.width.max(1) * 3).enumerate() {
            for (column, pixel) in pixels.chunks_exact_mut(3).enumerate() {
                let inside = (row.wrapping_sub(top), column.wrapping_sub(left));
                if inside.0 >= edge || inside.1 >= edge {
                    // Speckles of four pixels' breadth outlive the coding of a film.
                    let speckle = mixed(self.seed ^ (((row as u64 / 4) << 32) | (column as u64 / 4)));
                    pixel.fill((speckle % u64::from(GROUND_LEVELS)) as u8);
                } else if mark.contains(&inside.0) && mark.contains(&inside.1) {
                    pixel.copy_from_slice(&[160, 0, 0]);
                } else {
                    pixel.copy_from_slice(&[255, 240, 200]);
                }
            }
        }
    }

    fn time_of(&self, index: u64) -> Duration {
        Duration::try_from_secs_f64(index as f64 / self.rate_hz).unwrap_or(Duration::MAX)
    }
}

/// A camera that looks at a [`Scene`].
#[derive(Debug)]
pub struct SyntheticCamera {
    scene: Scene,
    next: u64,
}

impl SyntheticCamera {
    /// Looks at a scene from its beginning, as fast as it is asked.
    pub fn new(scene: Scene) -> Self {
        Self { scene, next: 0 }
    }
}

impl Camera for SyntheticCamera {
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        let stamp = self.scene.time_of(self.next);
        if self.scene.duration.is_some_and(|duration| stamp >= duration) {
            return Ok(Delivery::Ended);
        }
        self.scene
            .draw(stamp, into.picture.become_rgb(self.scene.width, self.scene.height));
        into.stamp = stamp;
        self.next += 1;
        Ok(Delivery::Fresh)
    }

    fn length(&self) -> Length {
        let frames = |duration: Duration| (duration.as_secs_f64() * self.scene.rate_hz).ceil() as usize;
        Length {
            frames: self.scene.duration.map(frames),
            duration: self.scene.duration,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const SCENE: Scene = Scene {
        width: 160,
        height: 120,
        rate_hz: 10.0,
        duration: Some(Duration::from_secs(3)),
        seed: 7,
    };

    /// The middle of all bright pixels, in 0..1 of the frame.
    fn bright_middle(frame: &Frame) -> (f64, f64) {
        let bright = frame
            .picture
            .bytes
            .chunks(3)
            .enumerate()
            .filter(|(_, pixel)| u32::from(pixel[0]) > GROUND_LEVELS);
        let (mut count, mut x, mut y) = (0.0, 0.0, 0.0);
        for (index, _) in bright {
            count += 1.0;
            x += (index % frame.picture.width) as f64 + 0.5;
            y += (index / frame.picture.width) as f64 + 0.5;
        }
        (
            x / count / frame.picture.width as f64,
            y / count / frame.picture.height as f64,
        )
    }

    #[test]
    fn the_square_is_where_the_scene_says() {
        let mut camera = SyntheticCamera::new(SCENE);
        let mut frame = Frame::default();
        let mut seen = 0;
        while camera.next_frame(&mut frame).unwrap() == Delivery::Fresh {
            let (x, y) = bright_middle(&frame);
            let (true_x, true_y) = SCENE.square_at(frame.stamp);
            assert!(
                (x - true_x).abs() < 0.006 && (y - true_y).abs() < 0.006,
                "{x} {y} for {true_x} {true_y}"
            );
            seen += 1;
        }
        assert_eq!(camera.length().frames, Some(seen));
        assert_eq!(seen, 30);
    }

    #[test]
    fn the_seed_decides_all() {
        let first = |seed| {
            let mut frame = Frame::default();
            assert_eq!(
                SyntheticCamera::new(Scene { seed, ..SCENE })
                    .next_frame(&mut frame)
                    .unwrap(),
                Delivery::Fresh
            );
            frame
        };
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
        assert_ne!(
            Scene { seed: 1, ..SCENE }.square_at(Duration::ZERO),
            Scene { seed: 2, ..SCENE }.square_at(Duration::ZERO)
        );
    }
}
