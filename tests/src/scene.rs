//! The world in front of the virtual camera: a wide photograph in which, off the middle, a person talks in a film.
//!
//! Angles are in degrees, pan to the right and tilt upward. Pixels and degrees are proportional, as in a panorama.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use image::imageops::{self, FilterType};
use image::{DynamicImage, RgbImage};
use lookhear_board::camera::{Camera, open_film};
use lookhear_board::{Delivery, Frame, PixelFormat, read_sound_track};

/// How far to either side the camera turns.
pub const PAN_DEGREES: f64 = 60.0;
/// How far up and down the camera turns.
pub const TILT_DEGREES: f64 = 15.0;
/// How wide the camera's picture is.
pub const VIEW_DEGREES: f64 = 60.0;
/// The camera's picture at its largest.
pub const VIEW: Size = Size {
    width: 640,
    height: 360,
};
/// Where the middle of the talker is: pan and tilt.
pub const TALKER_DEGREES: [f64; 2] = [18.0, 4.0];
/// Pictures of the talker a second.
pub const FILM_FRAMES_PER_SECOND: f64 = 10.0;
/// The rate of the sound.
pub const SOUND_HERTZ: u32 = 48_000;

const PIXELS_PER_DEGREE: f64 = VIEW.width as f64 / VIEW_DEGREES;
/// Where the talker is in the pictures of the film (1280×720), whose rest shows a screen.
const TALKER: [u32; 4] = [115, 84, 251, 188];

/// The size of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Size {
    /// The bytes of a picture without compression, at two bytes a pixel; a JPEG image is smaller.
    pub fn most_bytes(self) -> u32 {
        self.width * self.height * 2
    }
}

/// The world, in memory.
pub struct Scene {
    background: RgbImage,
    film: Vec<RgbImage>,
}

impl Scene {
    /// Reads what [`prepare`] wrote.
    ///
    /// # Errors
    /// When it is not there, or not what it should be.
    pub fn load(directory: &Path) -> Result<Self> {
        let read = |path: &Path| {
            let picture = image::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
            Ok::<_, anyhow::Error>(picture.into_rgb8())
        };
        let mut paths: Vec<_> = std::fs::read_dir(directory.join("film"))
            .with_context(|| format!("no scene in {}", directory.display()))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        paths.sort();
        let film: Vec<_> = paths.iter().map(|path| read(path)).collect::<Result<_>>()?;
        ensure!(!film.is_empty(), "no film in {}", directory.display());
        let background = read(&directory.join("background.png"))?;
        Ok(Self { background, film })
    }

    /// How long the film is before it begins anew.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.film.len() as f64 / FILM_FRAMES_PER_SECOND)
    }

    /// What a camera that looks somewhere, pan and tilt, sees at a time of the film, in a picture at most as large as
    /// [`VIEW`].
    pub fn view(&self, [pan, tilt]: [f64; 2], time: Duration, size: Size) -> RgbImage {
        let pixels = |degrees: f64| (degrees * PIXELS_PER_DEGREE).round() as i64;
        let (left, top) = (pixels(pan + PAN_DEGREES), pixels(TILT_DEGREES - tilt));
        let corner = |at: i64| u32::try_from(at.max(0)).unwrap_or(0);
        let mut view =
            imageops::crop_imm(&self.background, corner(left), corner(top), VIEW.width, VIEW.height).to_image();

        let number = (time.as_secs_f64() * FILM_FRAMES_PER_SECOND) as usize % self.film.len();
        let picture = &self.film[number];
        let [talker_pan, talker_tilt] = TALKER_DEGREES;
        let x = i64::from(VIEW.width / 2) + pixels(talker_pan - pan) - i64::from(picture.width() / 2);
        let y = i64::from(VIEW.height / 2) - pixels(talker_tilt - tilt) - i64::from(picture.height() / 2);
        imageops::replace(&mut view, picture, x, y);
        if size == VIEW {
            view
        } else {
            imageops::thumbnail(&view, size.width, size.height)
        }
    }
}

/// Makes a scene of a film of a person talking and of a photograph: the pictures, and the sound as raw mono samples of 16
/// bits at [`SOUND_HERTZ`] in `sound.raw`, exactly as long as the film.
///
/// # Errors
/// When the film or the photograph is not what it should be.
pub fn prepare(film: &Path, photograph: &Path, directory: &Path) -> Result<()> {
    let pictures = directory.join("film");
    std::fs::create_dir_all(&pictures)?;
    let photograph = image::open(photograph).with_context(|| format!("{} cannot be read", photograph.display()))?;
    let width = VIEW.width + (2.0 * PAN_DEGREES * PIXELS_PER_DEGREE).round() as u32;
    let height = VIEW.height + (2.0 * TILT_DEGREES * PIXELS_PER_DEGREE).round() as u32;
    let background = photograph.resize_to_fill(width, height, FilterType::Triangle);
    background.into_rgb8().save(directory.join("background.png"))?;

    let mut camera = open_film(film)?;
    let (mut frame, mut count) = (Frame::default(), 0u32);
    while camera.next_frame(&mut frame)? == Delivery::Fresh {
        if frame.stamp.as_secs_f64() * FILM_FRAMES_PER_SECOND < f64::from(count) {
            continue;
        }
        let picture = &frame.picture;
        ensure!(
            picture.format == PixelFormat::Rgb,
            "the film gives {:?}",
            picture.format
        );
        let Some(whole) = RgbImage::from_raw(
            u32::try_from(picture.width)?,
            u32::try_from(picture.height)?,
            picture.bytes.clone(),
        ) else {
            bail!("a picture of the film is not whole");
        };
        let [x, y, width, height] = TALKER;
        let talker = DynamicImage::from(whole).crop_imm(x, y, width, height).into_rgb8();
        talker.save(pictures.join(format!("{count:04}.png")))?;
        count += 1;
    }

    let sound = read_sound_track(film)?.sound;
    ensure!(
        sound.rate_hz == SOUND_HERTZ,
        "the film's sound has {} samples a second",
        sound.rate_hz
    );
    let samples = (f64::from(count) / FILM_FRAMES_PER_SECOND * f64::from(SOUND_HERTZ)).round() as usize;
    let padded = sound
        .samples
        .iter()
        .copied()
        .chain(std::iter::repeat(0.0))
        .take(samples);
    let bytes: Vec<u8> = padded
        .flat_map(|sample| ((sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16).to_le_bytes())
        .collect();
    std::fs::write(directory.join("sound.raw"), bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn scene() -> Scene {
        let background = RgbImage::from_fn(1920, 680, |x, y| Rgb([(x / 8) as u8, (y / 4) as u8, 0]));
        let film = vec![
            RgbImage::from_pixel(20, 10, Rgb([0, 0, 255])),
            RgbImage::from_pixel(20, 10, Rgb([0, 0, 128])),
        ];
        Scene { background, film }
    }

    #[test]
    fn a_camera_that_looks_at_the_talker_has_it_in_the_middle() {
        let view = scene().view(TALKER_DEGREES, Duration::ZERO, VIEW);
        assert_eq!((view.width(), view.height()), (VIEW.width, VIEW.height));
        assert_eq!(view.get_pixel(320, 180), &Rgb([0, 0, 255]));
        assert_eq!(view.get_pixel(300, 180)[2], 0);
    }

    #[test]
    fn the_talker_is_right_and_up_of_the_middle() {
        let view = scene().view([0.0, 0.0], Duration::from_millis(150), VIEW);
        let blue: Vec<_> = view
            .enumerate_pixels()
            .filter(|(_, _, pixel)| pixel[2] == 128)
            .collect();
        assert_eq!(blue.len(), 200);
        assert!(blue.iter().all(|(x, y, _)| *x > 320 && *y < 180), "{:?}", blue.first());
        assert_eq!(view.get_pixel(0, 0), &Rgb([(640 / 8) as u8, (160 / 4) as u8, 0]));
    }

    #[test]
    fn the_ends_of_the_range_are_in_the_photograph() {
        for pan in [-PAN_DEGREES, PAN_DEGREES] {
            for tilt in [-TILT_DEGREES, TILT_DEGREES] {
                let half = Size {
                    width: 320,
                    height: 180,
                };
                let view = scene().view([pan, tilt], Duration::ZERO, half);
                assert_eq!((view.width(), view.height()), (320, 180));
            }
        }
    }
}
