//! How long the front ends take: `cargo bench -p lookhear --bench front_ends`.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lookhear::perception::log_mel::{PATCH_HOP_SAMPLES, PatchStream, RATE_HZ, log_mel_patches};
use lookhear::perception::picture::{IMAGENET_DEVIATION, IMAGENET_MEAN, PictureFrontEnd, PictureTransform};
use lookhear::perception::spectrogram::PaperSpectrogram;
use lookhear_board::{Picture, PixelFormat};

fn pictures(criterion: &mut Criterion) {
    for (width, height) in [(640, 480), (1280, 720), (1920, 1080)] {
        for (name, format, stride_bytes) in [
            ("rgb", PixelFormat::Rgb, 3 * width),
            ("yuyv", PixelFormat::Yuyv, 2 * width),
            ("nv12", PixelFormat::Nv12, width),
        ] {
            let bytes = (0..stride_bytes * height * 3 / 2)
                .map(|i| (i * 31 % 251) as u8)
                .collect();
            let picture = Picture {
                width,
                height,
                stride_bytes,
                format,
                bytes,
            };
            let mut front_end =
                PictureFrontEnd::new(224, PictureTransform::FullFrame, IMAGENET_MEAN, IMAGENET_DEVIATION);
            let mut out = vec![0.0; front_end.output_values()];
            criterion.bench_function(&format!("picture/{name}/{width}x{height}"), |bencher| {
                bencher.iter(|| front_end.prepare(black_box(&picture), black_box(&mut out)));
            });
        }
    }
}

fn sounds(criterion: &mut Criterion) {
    let ten_seconds: Vec<f32> = (0..10 * RATE_HZ).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
    criterion.bench_function("log_mel/ten seconds", |bencher| {
        bencher.iter(|| log_mel_patches(black_box(&ten_seconds)))
    });
    let mut stream = PatchStream::new();
    criterion.bench_function("log_mel/next patch of a stream", |bencher| {
        bencher.iter(|| {
            stream.push(black_box(&ten_seconds[..PATCH_HOP_SAMPLES]), |patch| {
                black_box(patch);
            })
        });
    });
    let mut spectrogram = PaperSpectrogram::new(RATE_HZ);
    criterion.bench_function("spectrogram/ten seconds", |bencher| {
        bencher.iter(|| spectrogram.compute(black_box(&ten_seconds)));
    });
}

criterion_group!(front_ends, pictures, sounds);
criterion_main!(front_ends);
