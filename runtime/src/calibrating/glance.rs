//! How much of a picture grew brighter or darker from one frame to the next.

use lookhear_board::{Picture, PixelFormat};
use lookhear_calibration::latency::Glimpse;

use crate::perception::picture::{PictureError, to_rgb};

/// The picture is looked at in so many tiles across and down, …
const TILES: (usize, usize) = (32, 24);
/// … of which so many pixels across and down are looked at, to even out their grain.
const PIXELS_OF_TILE: usize = 8;

/// Compares every picture with the one before.
#[derive(Debug, Default)]
pub struct Glance {
    before: Vec<f32>,
    tiles: Vec<f32>,
}

impl Glance {
    /// What a picture with a stamp in seconds shows that the one before did not; `None` for the first.
    ///
    /// # Errors
    /// When the picture cannot be read: pass over it.
    pub fn look(&mut self, picture: &Picture, seconds: f64) -> Result<Option<Glimpse>, PictureError> {
        if picture.format == PixelFormat::Mjpeg {
            brightness(&to_rgb(picture)?, &mut self.tiles);
        } else {
            brightness(picture, &mut self.tiles);
        }
        let glimpse = (self.before.len() == self.tiles.len()).then(|| {
            let changes = || self.tiles.iter().zip(&self.before).map(|(here, before)| here - before);
            let mean = |sum: f32| sum / self.tiles.len().max(1) as f32;
            Glimpse {
                seconds,
                rise: mean(changes().map(|change| change.max(0.0)).sum()),
                fall: mean(changes().map(|change| (-change).max(0.0)).sum()),
            }
        });
        std::mem::swap(&mut self.before, &mut self.tiles);
        Ok(glimpse)
    }
}

/// The brightness of every tile, 0..255: luma, or for RGB the green that most of it is. Bytes that are missing are dark.
fn brightness(picture: &Picture, into: &mut Vec<f32>) {
    let (step, first) = match picture.format {
        PixelFormat::Rgb | PixelFormat::Mjpeg => (3, 1),
        PixelFormat::Yuyv => (2, 0),
        PixelFormat::Nv12 => (1, 0),
    };
    let (columns, rows) = (TILES.0 * PIXELS_OF_TILE, TILES.1 * PIXELS_OF_TILE);
    into.clear();
    into.resize(TILES.0 * TILES.1, 0.0);
    for row in 0..rows {
        let line = row * picture.height / rows * picture.stride_bytes;
        for column in 0..columns {
            let pixel = column * picture.width / columns;
            let luma = picture.bytes.get(line + pixel * step + first).copied().unwrap_or(0);
            into[row / PIXELS_OF_TILE * TILES.0 + column / PIXELS_OF_TILE] += f32::from(luma);
        }
    }
    let pixels = (PIXELS_OF_TILE * PIXELS_OF_TILE) as f32;
    into.iter_mut().for_each(|tile| *tile /= pixels);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_layout_shows_the_same_change() {
        let (width, height) = (64, 48);
        for (format, stride_bytes, length) in [
            (PixelFormat::Rgb, width * 3, width * height * 3),
            (PixelFormat::Yuyv, width * 2, width * height * 2),
            (PixelFormat::Nv12, width, width * height * 3 / 2),
        ] {
            let mut picture = Picture {
                width,
                height,
                stride_bytes,
                format,
                bytes: vec![40; length],
            };
            let mut glance = Glance::default();
            assert_eq!(glance.look(&picture, 1.0).unwrap(), None);
            // The upper half grows brighter by 80.
            picture.bytes[..stride_bytes * height / 2].fill(120);
            let glimpse = glance.look(&picture, 2.0).unwrap().unwrap();
            assert_eq!(
                (glimpse.seconds, glimpse.rise, glimpse.fall),
                (2.0, 40.0, 0.0),
                "{format:?}"
            );
            picture.bytes.truncate(10);
            assert!(glance.look(&picture, 3.0).unwrap().unwrap().fall > 60.0);
        }
        let spoilt = Picture {
            format: PixelFormat::Mjpeg,
            bytes: vec![0; 9],
            ..Picture::default()
        };
        assert!(Glance::default().look(&spoilt, 0.0).is_err());
    }
}
