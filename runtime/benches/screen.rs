//! How long a picture takes from the camera's bytes to the screen's memory: `cargo bench -p lookhear --bench screen`.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up has nothing to tell"
)]

use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use lookhear::actuation::screen::{Face, Seen};
use lookhear::actuation::status::Status;
use lookhear::attention::{Attention, State};
use lookhear::perception::heatmap::{Heatmap, Point};
use lookhear::perception::manifest::PictureInput;
use lookhear::perception::percept::Percept;
use lookhear::perception::picture::PictureTransform;
use lookhear::perception::scaled::RgbScaler;
use lookhear_board::display::{ColourOrder, Framebuffer, Rotation, Screen};
use lookhear_board::{Canvas, Frame, Picture, PixelFormat, read_picture};

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
/// Of the frames that a camera compresses.
const JPEG_QUALITY: u8 = 85;

fn frame(format: PixelFormat) -> Frame {
    let photograph = read_picture(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../board/demo.jpg"))).unwrap();
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    RgbScaler::default().fill(&mut canvas, &photograph).unwrap();
    let mut bytes = Vec::new();
    if format == PixelFormat::Mjpeg {
        canvas.to_jpeg(&mut bytes, JPEG_QUALITY).unwrap();
    } else {
        bytes.extend(canvas.bytes().iter().step_by(3).flat_map(|&red| [red, 128]));
    }
    let picture = Picture {
        width: WIDTH,
        height: HEIGHT,
        stride_bytes: WIDTH * 2,
        format,
        bytes,
    };
    Frame {
        picture,
        stamp: Duration::ZERO,
    }
}

/// Everything that can be drawn is there to be drawn.
fn status() -> Status {
    let peak = Point { x: 0.4, y: 0.5 };
    let heatmap = Heatmap {
        width: 14,
        height: 14,
        values: (0..196).map(|cell| (cell * 37 % 100) as f32 / 100.0).collect(),
    };
    Status {
        threshold: 0.3,
        percept: Some(Percept {
            heatmap,
            peak,
            centre: peak,
            similarity: 0.7,
            probability: None,
            accepted: true,
            stamp: Duration::ZERO,
        }),
        attention: Attention {
            state: State::Tracking,
            target: Some(peak),
            confidence: 1.0,
            ..Attention::default()
        },
        temperature_celsius: Some(60.0),
        paused: true,
        ..Status::default()
    }
}

/// A framebuffer whose memory is a file.
fn framebuffer(directory: &Path, width: usize, height: usize) -> Framebuffer {
    let graphics = directory.join("graphics");
    std::fs::create_dir_all(graphics.join("fb0")).unwrap();
    for (name, text) in [
        ("virtual_size", format!("{width},{height}")),
        ("bits_per_pixel", "32".into()),
        ("stride", (width * 4).to_string()),
    ] {
        std::fs::write(graphics.join("fb0").join(name), text).unwrap();
    }
    let device = directory.join("fb0");
    std::fs::write(&device, vec![0; width * height * 4]).unwrap();
    Framebuffer::open(&device, &graphics, Rotation::None, ColourOrder::BlueFirst).unwrap()
}

fn pictures(criterion: &mut Criterion) {
    let input = PictureInput {
        side_pixels: 224,
        transform: PictureTransform::FullFrame,
        mean: [0.5; 3],
        deviation: [0.25; 3],
        map_cells: 14,
    };
    let status = status();
    for (width, height) in [(240, 240), (320, 240), (800, 480), (1920, 1080)] {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let mut screen = framebuffer(directory.path(), width, height);
        for (name, format) in [("mjpeg", PixelFormat::Mjpeg), ("yuyv", PixelFormat::Yuyv)] {
            let frame = frame(format);
            let mut face = Face::new(input.clone(), width, height);
            criterion.bench_function(&format!("screen/{name} {WIDTH}x{HEIGHT}/{width}x{height}"), |bencher| {
                bencher.iter(|| screen.show(face.draw(Seen::Frame(&frame), &status).unwrap()).unwrap());
            });
        }
    }
}

criterion_group!(screen, pictures);
criterion_main!(screen);
