//! A small film for tests that need one.

use std::f32::consts::TAU;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use lookhear_board::Sound;
use lookhear_board::display::{Canvas, FilmSound, FilmWriter};

const FRAMES_A_SECOND: f64 = 10.0;
const RATE_HZ: u32 = 16_000;
const SECONDS: u32 = 4;

/// Writes a film of four seconds, 320×240: a bright square in the left half over a dark ground, and a tone of 0.4 that beats.
///
/// # Errors
/// When it cannot be written.
pub fn write_film(path: &Path) -> Result<()> {
    let (width, height) = (320, 240);
    let samples = (0..SECONDS * RATE_HZ)
        .map(|index| index as f32 / RATE_HZ as f32)
        .map(|time| 0.4 * (TAU * 440.0 * time).sin() * (TAU * 3.0 * time).sin())
        .collect();
    let sound = Sound {
        samples,
        rate_hz: RATE_HZ,
    };
    let sound = FilmSound::Given(sound, Duration::ZERO);
    let mut writer = FilmWriter::create(path, width, height, FRAMES_A_SECOND, sound)?;
    let mut canvas = Canvas::new(width, height);
    for (at, value) in canvas.bytes_mut().iter_mut().enumerate() {
        let (x, y) = (at / 3 % width, at / 3 / width);
        let inside = (40..80).contains(&x) && (60..100).contains(&y);
        *value = if inside { 230 } else { (30 + x / 8) as u8 };
    }
    for index in 0..SECONDS * FRAMES_A_SECOND as u32 {
        writer.write(&canvas, Duration::from_secs_f64(f64::from(index) / FRAMES_A_SECOND))?;
    }
    writer.finish()?;
    Ok(())
}
