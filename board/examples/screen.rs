//! Tries a screen: shows a test card in motion and tells what came of it.
//!
//! `cargo run -p lookhear-board --example screen -- [KIND [DEVICE [PICTURES]]]`, KIND being `auto`, `drm`, `framebuffer` or `png`.
//! With the words `read back` after them, what stands in the memory of a framebuffer is compared with what was drawn.
#![allow(clippy::print_stdout, reason = "a program to be run by hand")]

use std::error::Error;
use std::time::{Duration, Instant};

use lookhear_board::Canvas;
use lookhear_board::display::{Screen, ScreenError, ScreenKind, ScreenSettings, open_screen};

/// The pace of the pictures.
const PERIOD: Duration = Duration::from_millis(16);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize| arguments.get(index).map_or("", String::as_str);
    let kind = match argument(0) {
        "drm" => ScreenKind::Drm,
        "framebuffer" => ScreenKind::Framebuffer,
        "png" => ScreenKind::Png,
        _ => ScreenKind::Auto,
    };
    let settings = ScreenSettings {
        kind,
        device: argument(1).to_owned(),
        ..ScreenSettings::default()
    };
    let Some(mut screen) = open_screen(&settings)? else {
        println!("no screen is plugged in");
        return Ok(());
    };
    let (width, height) = screen.size();
    println!("{}: {width}x{height}", screen.name());
    let mut canvas = Canvas::new(width, height);
    let count = argument(2).parse().unwrap_or(300);
    let mut took = Vec::with_capacity(count);
    let mut lost = 0;
    for index in 0..count {
        test_card(&mut canvas, index);
        let start = Instant::now();
        match screen.show(&canvas) {
            Err(ScreenError::Retry { .. }) => lost += 1,
            shown => shown?,
        }
        took.push(start.elapsed());
        std::thread::sleep(PERIOD.saturating_sub(start.elapsed()));
    }
    took.sort();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    println!(
        "{count} pictures, {lost} of them lost; median {median:?}, longest {:?}",
        took.last()
    );
    if arguments.iter().any(|argument| argument == "read") {
        read_back(argument(1), screen.as_mut(), &canvas)?;
    }
    Ok(())
}

/// Bands of colours that move to the right, with a white frame around them.
fn test_card(canvas: &mut Canvas, step: usize) {
    let (width, height) = (canvas.width(), canvas.height());
    for (y, row) in canvas.bytes_mut().chunks_exact_mut(width.max(1) * 3).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let is_edge = x == 0 || y == 0 || x + 1 == width || y + 1 == height;
            let band = (x + width - step % width) * 8 / width % 8;
            let shade = (y * 255 / height) as u8;
            for (bit, value) in pixel.iter_mut().enumerate() {
                *value = match (is_edge, band >> bit & 1) {
                    (true, _) => 255,
                    (false, 1) => shade,
                    (false, _) => 255 - shade,
                };
            }
        }
    }
}

/// Compares what stands in a framebuffer with the canvas, pixel by pixel.
fn read_back(device: &str, screen: &mut dyn Screen, canvas: &Canvas) -> Result<(), Box<dyn Error>> {
    let name = device.rsplit('/').next().unwrap_or_default();
    let attribute = |key: &str| -> Result<usize, Box<dyn Error>> {
        Ok(std::fs::read_to_string(format!("/sys/class/graphics/{name}/{key}"))?
            .trim()
            .parse()?)
    };
    let (bits, stride) = (attribute("bits_per_pixel")?, attribute("stride")?);
    let memory = std::fs::read(device)?;
    let (width, height) = screen.size();
    let mut wrong = 0;
    for (index, rgb) in canvas.bytes().chunks_exact(3).enumerate() {
        let at = index / width * stride + index % width * bits / 8;
        let expected = match bits {
            32 => vec![rgb[2], rgb[1], rgb[0], 0],
            _ => {
                let packed = u16::from(rgb[0] >> 3) * 2048 + u16::from(rgb[1] >> 2) * 32 + u16::from(rgb[2] >> 3);
                packed.to_le_bytes().to_vec()
            }
        };
        wrong += usize::from(memory.get(at..at + bits / 8) != Some(expected.as_slice()));
    }
    println!(
        "read back at {bits} bits: {wrong} of {} pixels are wrong",
        width * height
    );
    if wrong > 0 {
        return Err("the framebuffer does not hold what was drawn".into());
    }
    Ok(())
}
