//! Picture files in place of a camera: a directory of frames, or one still.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::{Camera, Length};
use crate::capture::{CaptureError, Delivery};
use crate::picture_file::{PictureFileError, read_picture};
use crate::{Frame, Picture};

/// Endings of the files that are taken for frames.
const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "gif"];

/// Why a directory gave no frames.
#[derive(Debug, Error)]
pub enum PicturesError {
    /// The directory could not be read: look at the path and its permissions.
    #[error("cannot read the directory {}: {source}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No picture lies in it.
    #[error("the directory {} holds no picture (PNG, JPEG, WebP or GIF)", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// A frame rate must be a number above zero and at most 1000.
    #[error("{0} frames a second is no frame rate; give a number above 0 and at most 1000")]
    Rate(f64),
}

/// The pictures of a directory, shown one after the other at a constant rate.
#[derive(Debug)]
pub struct Pictures {
    paths: Vec<PathBuf>,
    rate_hz: f64,
    next: usize,
}

impl Pictures {
    /// Lists the pictures that lie directly in a directory, in the natural order of their names (`9.png` before `10.png`).
    pub fn open(directory: &Path, rate_hz: f64) -> Result<Self, PicturesError> {
        if !(rate_hz > 0.0 && rate_hz <= 1000.0) {
            return Err(PicturesError::Rate(rate_hz));
        }
        let unreadable = |source| PicturesError::Unreadable {
            path: directory.to_owned(),
            source,
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            // Names that begin with a dot are those of half-written and of other systems' files.
            let hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if EXTENSIONS.contains(&extension.as_str()) && !hidden && path.is_file() {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(PicturesError::Empty {
                path: directory.to_owned(),
            });
        }
        paths.sort_by(|one, other| natural_order(&one.to_string_lossy(), &other.to_string_lossy()));
        Ok(Self {
            paths,
            rate_hz,
            next: 0,
        })
    }

    fn time_of(&self, index: usize) -> Duration {
        Duration::from_secs_f64(index as f64 / self.rate_hz)
    }
}

impl Camera for Pictures {
    /// A picture that cannot be read is told as lost, and its time passes; all share no size.
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        let Some(path) = self.paths.get(self.next) else {
            return Ok(Delivery::Ended);
        };
        let stamp = self.time_of(self.next);
        self.next += 1;
        let picture = read_picture(path).map_err(|error| CaptureError::Retry {
            device: path.parent().unwrap_or(path).display().to_string(),
            cause: error.to_string(),
        })?;
        *into = Frame { picture, stamp };
        Ok(Delivery::Fresh)
    }

    fn length(&self) -> Length {
        Length {
            frames: Some(self.paths.len()),
            duration: Some(self.time_of(self.paths.len())),
        }
    }
}

/// One picture, shown for a time as if a camera saw nothing move.
#[derive(Debug)]
pub struct Still {
    picture: Picture,
    rate_hz: f64,
    frames: usize,
    next: usize,
}

impl Still {
    /// Reads a picture file, to be shown at a rate (above 0 and at most 1000) for a time; at least once.
    pub fn open(path: &Path, rate_hz: f64, duration: Duration) -> Result<Self, PictureFileError> {
        Ok(Self::new(read_picture(path)?, rate_hz, duration))
    }

    /// Shows a picture that is already at hand.
    pub fn new(picture: Picture, rate_hz: f64, duration: Duration) -> Self {
        let rate_hz = if rate_hz > 0.0 && rate_hz <= 1000.0 {
            rate_hz
        } else {
            1.0
        };
        let frames = (duration.as_secs_f64() * rate_hz).ceil().max(1.0) as usize;
        Self {
            picture,
            rate_hz,
            frames,
            next: 0,
        }
    }
}

impl Camera for Still {
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        if self.next == self.frames {
            return Ok(Delivery::Ended);
        }
        into.picture.clone_from(&self.picture);
        into.stamp = Duration::from_secs_f64(self.next as f64 / self.rate_hz);
        self.next += 1;
        Ok(Delivery::Fresh)
    }

    fn length(&self) -> Length {
        Length {
            frames: Some(self.frames),
            duration: Some(Duration::from_secs_f64(self.frames as f64 / self.rate_hz)),
        }
    }
}

/// Compares names so that runs of digits count as numbers.
fn natural_order(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        let (digits_one, digits_other) = (leading_digits(one), leading_digits(other));
        let order = if digits_one > 0 && digits_other > 0 {
            let (number_one, number_other) = (significant(&one[..digits_one]), significant(&other[..digits_other]));
            (one, other) = (&one[digits_one..], &other[digits_other..]);
            number_one
                .len()
                .cmp(&number_other.len())
                .then_with(|| number_one.cmp(number_other))
        } else {
            let Some(((first_one, rest_one), (first_other, rest_other))) = one.split_first().zip(other.split_first())
            else {
                return one.len().cmp(&other.len());
            };
            (one, other) = (rest_one, rest_other);
            first_one.cmp(first_other)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn leading_digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn significant(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().take_while(|digit| **digit == b'0').count()..]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use image::{Rgb, RgbImage};
    use proptest::prelude::*;

    fn frames(camera: &mut dyn Camera) -> Vec<(u8, Duration)> {
        let mut frame = Frame::default();
        let mut all = Vec::new();
        loop {
            match camera.next_frame(&mut frame) {
                Ok(Delivery::Fresh) => all.push((frame.picture.bytes[0], frame.stamp)),
                Ok(Delivery::Ended) => return all,
                Err(error) => assert!(matches!(error, CaptureError::Retry { .. }), "{error}"),
            }
        }
    }

    #[test]
    fn a_directory_is_shown_in_natural_order() {
        let directory = tempfile::tempdir().unwrap();
        for (name, level) in [
            ("frame10.png", 30),
            ("frame9.png", 20),
            ("frame08.PNG", 10),
            (".frame1.png", 99),
        ] {
            RgbImage::from_pixel(4, 4, Rgb([level; 3]))
                .save(directory.path().join(name))
                .unwrap();
        }
        std::fs::write(directory.path().join("notes.txt"), "no picture").unwrap();
        let mut camera = Pictures::open(directory.path(), 10.0).unwrap();
        assert_eq!(
            camera.length(),
            Length {
                frames: Some(3),
                duration: Some(Duration::from_millis(300))
            }
        );
        let expected = [
            (10, Duration::ZERO),
            (20, Duration::from_millis(100)),
            (30, Duration::from_millis(200)),
        ];
        assert_eq!(frames(&mut camera), expected);
        assert_eq!(camera.next_frame(&mut Frame::default()).unwrap(), Delivery::Ended);
    }

    #[test]
    fn a_damaged_picture_is_lost_and_its_time_passes() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["1.png", "3.png"] {
            RgbImage::from_pixel(4, 4, Rgb([7; 3]))
                .save(directory.path().join(name))
                .unwrap();
        }
        std::fs::write(directory.path().join("2.png"), "no picture").unwrap();
        let mut camera = Pictures::open(directory.path(), 1.0).unwrap();
        assert_eq!(frames(&mut camera), [(7, Duration::ZERO), (7, Duration::from_secs(2))]);
    }

    #[test]
    fn what_is_no_series_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(
            Pictures::open(directory.path(), 25.0),
            Err(PicturesError::Empty { .. })
        ));
        assert!(matches!(
            Pictures::open(&directory.path().join("absent"), 25.0),
            Err(PicturesError::Unreadable { .. })
        ));
        for rate_hz in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                Pictures::open(directory.path(), rate_hz),
                Err(PicturesError::Rate(_))
            ));
        }
    }

    #[test]
    fn a_still_lasts_as_long_as_asked() {
        let picture = Picture::rgb(2, 1, vec![5; 6]).unwrap();
        let mut camera = Still::new(picture.clone(), 4.0, Duration::from_millis(600));
        assert_eq!(frames(&mut camera).len(), 3);
        assert_eq!(
            frames(&mut Still::new(picture, 4.0, Duration::ZERO)),
            [(5, Duration::ZERO)]
        );
    }

    proptest! {
        #[test]
        fn natural_order_is_an_order_of_numbers(one in 0_u32..5000, other in 0_u32..5000, width in 0_usize..6) {
            prop_assert_eq!(natural_order(&format!("a{one}.png"), &format!("a{other:0width$}.png")), one.cmp(&other));
        }

        #[test]
        fn natural_order_is_consistent(one in ".{0,12}", other in ".{0,12}") {
            prop_assert_eq!(natural_order(&one, &other), natural_order(&other, &one).reverse());
        }
    }
}
