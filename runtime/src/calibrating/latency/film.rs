//! A film that flashes and clicks at once, to be played on a telephone before the device.

use std::path::Path;
use std::time::Duration;

use lookhear_board::Sound;
use lookhear_board::display::FilmSound;
use lookhear_board::display::film::{FilmWriteError, FilmWriter};

/// Frames a second.
pub const FRAMES_PER_SECOND: u32 = 30;
/// Samples a second.
const RATE_HZ: u32 = 48_000;
/// How many flashes it has.
pub const FLASHES: u32 = 30;
/// How long a flash lasts, in frames: three pictures of a camera that takes ten a second.
const FLASH_FRAMES: u32 = 9;
/// How long a click lasts, in seconds, and the note it is of.
const CLICK_SECONDS: f64 = 0.004;
const CLICK_HERTZ: f64 = 3000.0;

/// The frames at which the flashes begin, between 1.2 and 2.2 s apart: evenly, they could be mistaken for each other.
pub fn begins() -> impl Iterator<Item = u32> {
    (0..FLASHES).scan(FRAMES_PER_SECOND, |next, number| {
        let begin = *next;
        *next += 36 + number * 17 % 31;
        Some(begin)
    })
}

/// Writes the film, with pictures of a size in pixels and the sound later than them by a delay.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, (width, height): (usize, usize), sound_delay: Duration) -> Result<(), FilmWriteError> {
    let last = begins().last().unwrap_or(0) + 2 * FRAMES_PER_SECOND;
    let sound = FilmSound::Given(clicks(last), sound_delay);
    let mut film = FilmWriter::create(path, width, height, f64::from(FRAMES_PER_SECOND), sound)?;
    let (dark, bright) = (vec![16; width * height * 3], vec![255; width * height * 3]);
    for frame in 0..last {
        let is_lit = begins().any(|begin| (begin..begin + FLASH_FRAMES).contains(&frame));
        let stamp = Duration::from_secs_f64(f64::from(frame) / f64::from(FRAMES_PER_SECOND));
        film.write_rgb(if is_lit { &bright } else { &dark }, stamp)?;
    }
    film.finish()
}

fn clicks(frames: u32) -> Sound {
    let samples_of = |frames: u32| (frames * (RATE_HZ / FRAMES_PER_SECOND)) as usize;
    let mut samples = vec![0.0; samples_of(frames)];
    for begin in begins() {
        let click = samples.iter_mut().skip(samples_of(begin));
        for (index, sample) in click.take((CLICK_SECONDS * f64::from(RATE_HZ)) as usize).enumerate() {
            let time = index as f64 / f64::from(RATE_HZ);
            let fade = 1.0 - time / CLICK_SECONDS;
            *sample = (0.9 * fade * (std::f64::consts::TAU * CLICK_HERTZ * time).cos()) as f32;
        }
    }
    Sound {
        samples,
        rate_hz: RATE_HZ,
    }
}
