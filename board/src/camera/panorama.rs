//! A wide photograph to look around in, in place of a camera on a head.
//!
//! The photograph is taken for a piece of a sphere, its columns at equal steps of pan and its rows at equal steps of tilt (an
//! equirectangular panorama, or a flat photograph bent into one); a pinhole camera in the middle of the sphere looks at it.

use std::sync::Arc;
use std::time::Duration;

use super::Camera;
use crate::capture::{CaptureError, Delivery};
use crate::{Clock, Frame, Orientation, Picture, PixelFormat};

/// A photograph all around, or a part of it.
#[derive(Debug, Clone)]
pub struct Panorama {
    picture: Picture,
    degrees_per_pixel: f64,
}

impl Panorama {
    /// A photograph (RGB) whose width spans so many degrees of pan around 0, its height as many as its pixels come to around a
    /// tilt of 0; `None` where it is not RGB, holds no pixels, or spans no angle between 0 and 360 degrees. Beyond its edges its
    /// outermost pixels go on, or it itself where it spans the full circle.
    pub fn new(picture: Picture, span_degrees: f64) -> Option<Self> {
        let whole = picture.format == PixelFormat::Rgb
            && picture.width > 0
            && picture.height > 0
            && picture.stride_bytes >= picture.width * 3
            && picture.bytes.len() >= picture.stride_bytes * (picture.height - 1) + picture.width * 3;
        (whole && span_degrees > 0.0 && span_degrees <= 360.0).then(|| Self {
            degrees_per_pixel: span_degrees / picture.width as f64,
            picture,
        })
    }

    /// The photograph.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Where in the photograph a direction lies, in pixels from its upper left corner.
    pub fn pixel(&self, bearing: Orientation) -> (f64, f64) {
        (
            self.picture.width as f64 / 2.0 + bearing.pan_degrees / self.degrees_per_pixel,
            self.picture.height as f64 / 2.0 - bearing.tilt_degrees / self.degrees_per_pixel,
        )
    }

    /// What a pinhole camera sees that looks in a direction, as tightly packed RGB.
    pub fn look(
        &self,
        orientation: Orientation,
        horizontal_field_of_view_degrees: f64,
        (width, height): (usize, usize),
        into: &mut Picture,
    ) {
        let rgb = into.become_rgb(width, height);
        let step = (horizontal_field_of_view_degrees / 2.0).to_radians().tan() * 2.0 / width.max(1) as f64;
        let (sine, cosine) = orientation.tilt_degrees.to_radians().sin_cos();
        for (row, line) in rgb.chunks_exact_mut(width.max(1) * 3).enumerate() {
            let up = (height as f64 / 2.0 - (row as f64 + 0.5)) * step;
            let (ahead, up) = (cosine - up * sine, sine + up * cosine);
            for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
                let right = (column as f64 + 0.5 - width as f64 / 2.0) * step;
                let bearing = Orientation {
                    pan_degrees: orientation.pan_degrees + right.atan2(ahead).to_degrees(),
                    tilt_degrees: up.atan2(right.hypot(ahead)).to_degrees(),
                };
                let (x, y) = self.pixel(bearing);
                pixel.copy_from_slice(&self.sample(x - 0.5, y - 0.5));
            }
        }
    }

    /// The colour between four pixels.
    fn sample(&self, x: f64, y: f64) -> [u8; 3] {
        let (left, top) = (x.floor(), y.floor());
        let (right_share, lower_share) = (x - left, y - top);
        let [a, b, c, d] =
            [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(right, down)| self.at(left + right, top + down));
        std::array::from_fn(|channel| {
            let mix = |one: [u8; 3], other: [u8; 3], share: f64| {
                f64::from(one[channel]) * (1.0 - share) + f64::from(other[channel]) * share
            };
            let (upper, lower) = (mix(a, b, right_share), mix(c, d, right_share));
            (upper * (1.0 - lower_share) + lower * lower_share).round() as u8
        })
    }

    fn at(&self, column: f64, row: f64) -> [u8; 3] {
        let Picture {
            width,
            height,
            stride_bytes,
            ..
        } = self.picture;
        let goes_round = (self.degrees_per_pixel * width as f64 - 360.0).abs() < 1e-6;
        let column = if goes_round {
            column.rem_euclid(width as f64)
        } else {
            column
        };
        let column = column.clamp(0.0, (width - 1) as f64) as usize;
        let row = row.clamp(0.0, (height - 1) as f64) as usize;
        let start = row * stride_bytes + column * 3;
        match self.picture.bytes.get(start..start + 3) {
            Some(&[red, green, blue]) => [red, green, blue],
            _ => [0; 3],
        }
    }
}

/// A camera that looks around in a panorama, as a head turns it.
pub struct PanoramaCamera<E> {
    clock: Arc<dyn Clock>,
    panorama: Arc<Panorama>,
    horizontal_field_of_view_degrees: f64,
    size: (usize, usize),
    looks: E,
}

impl<E: FnMut(Duration) -> Orientation> PanoramaCamera<E> {
    /// A camera whose frames are so many pixels wide and high, and whose pixels are square. `looks` tells where it looks at a
    /// moment of the clock, as the [eye](crate::ptz::Eye) of a simulated head does.
    pub fn new(
        clock: Arc<dyn Clock>,
        panorama: Arc<Panorama>,
        horizontal_field_of_view_degrees: f64,
        size: (usize, usize),
        looks: E,
    ) -> Self {
        Self {
            clock,
            panorama,
            horizontal_field_of_view_degrees,
            size,
            looks,
        }
    }
}

impl<E: FnMut(Duration) -> Orientation> Camera for PanoramaCamera<E> {
    /// Takes a frame now, without waiting: stamps rise as the clock does.
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        into.stamp = self.clock.now();
        self.panorama.look(
            (self.looks)(into.stamp),
            self.horizontal_field_of_view_degrees,
            self.size,
            &mut into.picture,
        );
        Ok(Delivery::Fresh)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::ManualClock;
    use crate::Velocity;
    use crate::ptz::{Ptz, SimulatedHead, SimulatedHeadSettings};

    /// 360 × 90 pixels of a degree each: red tells the pan, green the tilt.
    fn ramps(span_degrees: f64) -> Panorama {
        let (width, height) = (360, 90);
        let bytes = (0..width * height)
            .flat_map(|index| [(index % width / 2) as u8, (index / width * 2) as u8, 0])
            .collect();
        Panorama::new(Picture::rgb(width, height, bytes).unwrap(), span_degrees).unwrap()
    }

    fn at(pan_degrees: f64, tilt_degrees: f64) -> Orientation {
        Orientation {
            pan_degrees,
            tilt_degrees,
        }
    }

    fn seen(orientation: Orientation, x: usize, y: usize) -> [u8; 3] {
        let mut picture = Picture::default();
        ramps(360.0).look(orientation, 60.0, (61, 41), &mut picture);
        let start = (y * 61 + x) * 3;
        picture.bytes[start..start + 3].try_into().unwrap()
    }

    #[test]
    fn the_middle_of_the_frame_is_where_the_camera_looks() {
        for (pan, tilt) in [(0.0, 0.0), (50.0, 10.0), (-70.0, -20.0)] {
            let [red, green, _] = seen(at(pan, tilt), 30, 20).map(f64::from);
            assert!((red - (180.0 + pan) / 2.0).abs() <= 1.0, "{red}");
            assert!((green - (45.0 - tilt) * 2.0).abs() <= 2.0, "{green}");
        }
    }

    #[test]
    fn the_edges_are_half_a_field_of_view_beside() {
        // The middle of the last column lies at the arctangent of 30/30.5 of the tangent of half the field: 29.6°.
        let [red, ..] = seen(at(0.0, 0.0), 60, 20);
        assert!((f64::from(red) - (180.0 + 29.6) / 2.0).abs() <= 1.0, "{red}");
    }

    #[test]
    fn it_goes_round_or_ends_in_its_last_pixels() {
        assert!(seen(at(179.0, 0.0), 60, 20)[0] < 40, "beyond 180° comes −180°");
        let mut picture = Picture::default();
        ramps(90.0).look(at(80.0, 0.0), 20.0, (11, 5), &mut picture);
        assert!(picture.bytes.chunks_exact(3).all(|pixel| pixel[0] == 179));
    }

    #[test]
    fn it_sees_what_the_head_turns_it_to() {
        let clock = Arc::new(ManualClock::new(Duration::from_secs(1)));
        let mut head = SimulatedHead::new(clock.clone(), SimulatedHeadSettings::default());
        let eye = head.eye();
        let looks = move |time| eye.orientation_at(time);
        let mut camera = PanoramaCamera::new(clock.clone(), Arc::new(ramps(360.0)), 60.0, (31, 21), looks);
        let mut frame = Frame::default();
        assert!(matches!(camera.next_frame(&mut frame), Ok(Delivery::Fresh)));
        let before = frame.clone();
        head.move_to(at(30.0, 0.0), Velocity { pan: 60.0, tilt: 60.0 }).unwrap();
        clock.advance(Duration::from_secs(3));
        assert!(matches!(camera.next_frame(&mut frame), Ok(Delivery::Fresh)));
        assert_eq!(frame.stamp, Duration::from_secs(4));
        let middle = (10 * 31 + 15) * 3;
        assert_eq!(frame.picture.bytes[middle] - before.picture.bytes[middle], 15);
    }

    #[test]
    fn what_is_no_photograph_is_refused() {
        assert!(Panorama::new(Picture::default(), 90.0).is_none());
        let picture = ramps(90.0).picture;
        assert!(Panorama::new(picture.clone(), 0.0).is_none());
        assert!(Panorama::new(picture, f64::NAN).is_none());
    }
}
