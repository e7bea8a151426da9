#![allow(clippy::unwrap_used, clippy::expect_used)]

use lookhear_board::PixelFormat;
use proptest::prelude::*;

use super::*;
use crate::perception::golden;

const FORMATS: [PixelFormat; 4] = [
    PixelFormat::Rgb,
    PixelFormat::Yuyv,
    PixelFormat::Nv12,
    PixelFormat::Mjpeg,
];
const TRANSFORMS: [PictureTransform; 2] = [PictureTransform::CentreCrop, PictureTransform::FullFrame];

fn front_end(side: usize, transform: PictureTransform) -> PictureFrontEnd {
    PictureFrontEnd::new(side, transform, IMAGENET_MEAN, IMAGENET_DEVIATION)
}

/// A front end that gives levels 0..255 back.
fn levels(side: usize, transform: PictureTransform) -> PictureFrontEnd {
    PictureFrontEnd::new(side, transform, [0.0; 3], [1.0 / 255.0; 3])
}

fn prepare(front_end: &mut PictureFrontEnd, picture: &Picture) -> Result<Vec<f32>, PictureError> {
    let mut out = vec![f32::NAN; front_end.output_values()];
    front_end.prepare(picture, &mut out).map(|()| out)
}

fn picture(width: usize, height: usize, format: PixelFormat, stride_bytes: usize, bytes: &[u8]) -> Picture {
    Picture {
        width,
        height,
        stride_bytes,
        format,
        bytes: bytes.to_vec(),
    }
}

/// Bytes of one row, and how many rows there are.
fn layout(format: PixelFormat, width: usize, height: usize) -> (usize, usize) {
    match format {
        PixelFormat::Yuyv => (width.div_ceil(2) * 4, height),
        PixelFormat::Nv12 => (width.next_multiple_of(2), height + height.div_ceil(2)),
        PixelFormat::Rgb | PixelFormat::Mjpeg => (width * 3, height),
    }
}

#[test]
fn agrees_with_pillow() {
    let golden = golden::front_ends();
    let pictures = [
        (
            "picture.wide",
            picture(160, 90, PixelFormat::Rgb, 480, golden["picture.wide.rgb"].bytes()),
        ),
        (
            "picture.small",
            picture(30, 41, PixelFormat::Rgb, 90, golden["picture.small.rgb"].bytes()),
        ),
        (
            "picture.yuyv",
            picture(160, 90, PixelFormat::Yuyv, 320, golden["picture.yuyv"].bytes()),
        ),
        (
            "picture.nv12",
            picture(160, 90, PixelFormat::Nv12, 160, golden["picture.nv12"].bytes()),
        ),
    ];
    for (name, picture) in pictures {
        for (transform, suffix) in TRANSFORMS.into_iter().zip(["centre_crop", "full_frame"]) {
            let found = prepare(&mut front_end(56, transform), &picture).unwrap();
            let worst = golden::largest_difference(&found, &golden[&format!("{name}.{suffix}")].floats());
            // A tenth of a level.
            assert!(
                worst < 0.1 / 255.0 / 0.224,
                "{name} {suffix}: off by {} levels",
                worst * 0.224 * 255.0
            );
        }
    }
}

#[test]
fn same_size_passes_pixels_through() {
    let bytes: Vec<u8> = (0..16 * 16 * 3).map(|i| (i * 37 % 256) as u8).collect();
    for transform in TRANSFORMS {
        let found = prepare(
            &mut levels(16, transform),
            &picture(16, 16, PixelFormat::Rgb, 48, &bytes),
        )
        .unwrap();
        for (i, &byte) in bytes.iter().enumerate() {
            assert!((found[i % 3 * 256 + i / 3] - f32::from(byte)).abs() < 0.01);
        }
    }
}

#[test]
fn one_front_end_serves_pictures_of_changing_size_and_format() {
    let golden = golden::front_ends();
    let wide = picture(160, 90, PixelFormat::Rgb, 480, golden["picture.wide.rgb"].bytes());
    let yuyv = picture(160, 90, PixelFormat::Yuyv, 320, golden["picture.yuyv"].bytes());
    let small = picture(30, 41, PixelFormat::Rgb, 90, golden["picture.small.rgb"].bytes());
    let mut shared = front_end(56, PictureTransform::CentreCrop);
    for picture in [&wide, &yuyv, &wide, &small, &wide] {
        let fresh = prepare(&mut front_end(56, PictureTransform::CentreCrop), picture);
        assert_eq!(prepare(&mut shared, picture), fresh);
    }
}

#[test]
fn centre_crop_maps_to_the_middle_of_the_frame() {
    let (wide, tall) = ((640, 480), (480, 640));
    let crop = front_end(224, PictureTransform::CentreCrop);
    let near = |(x, y): (f32, f32), (to_x, to_y): (f32, f32)| {
        assert!(
            (x - to_x).abs() < 2e-3 && (y - to_y).abs() < 2e-3,
            "{x} {y} not {to_x} {to_y}"
        );
    };
    near(crop.to_frame(wide.0, wide.1, 0.5, 0.5), (0.5, 0.5));
    near(crop.to_frame(wide.0, wide.1, 0.0, 1.0), (0.125, 1.0));
    near(crop.to_frame(tall.0, tall.1, 1.0, 0.0), (1.0, 0.125));
    assert_eq!(
        front_end(224, PictureTransform::FullFrame).to_frame(wide.0, wide.1, 0.3, 0.9),
        (0.3, 0.9)
    );
}

#[test]
fn what_the_front_end_sees_lies_where_it_says() {
    // A bright spot in a dark frame, found in the model's input and taken back to the frame.
    let (width, height, spot_x, spot_y) = (320usize, 180usize, 200usize, 60usize);
    let mut bytes = vec![0; width * height * 3];
    for (y, x) in (spot_y - 2..=spot_y + 2).flat_map(|y| (spot_x - 2..=spot_x + 2).map(move |x| (y, x))) {
        bytes[(y * width + x) * 3] = 255;
    }
    for transform in TRANSFORMS {
        let mut front_end = levels(56, transform);
        let found = prepare(
            &mut front_end,
            &picture(width, height, PixelFormat::Rgb, width * 3, &bytes),
        )
        .unwrap();
        let reds: Vec<(usize, f32)> = found[..56 * 56]
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, red)| *red > 0.5)
            .collect();
        let sum: f32 = reds.iter().map(|(_, red)| red).sum();
        let mean =
            |of: fn(usize) -> usize| reds.iter().map(|&(i, red)| (of(i) as f32 + 0.5) * red).sum::<f32>() / sum / 56.0;
        let (x, y) = front_end.to_frame(width, height, mean(|i| i % 56), mean(|i| i / 56));
        assert!(
            (x * width as f32 - spot_x as f32 - 0.5).abs() < 0.5,
            "{transform:?}: {x}"
        );
        assert!(
            (y * height as f32 - spot_y as f32 - 0.5).abs() < 0.5,
            "{transform:?}: {y}"
        );
    }
}

#[test]
fn damaged_pictures_are_errors() {
    let mut front_end = front_end(8, PictureTransform::FullFrame);
    for format in FORMATS {
        for (width, height) in [(0, 4), (4, 0), (usize::MAX, 2), (usize::MAX / 2, usize::MAX / 2)] {
            let found = prepare(&mut front_end, &picture(width, height, format, 12, &[0; 64]));
            assert_eq!(found, Err(PictureError::Size { width, height }), "{format:?}");
        }
    }
    for format in &FORMATS[..3] {
        let (row_bytes, rows) = layout(*format, 5, 7);
        let whole = vec![0; row_bytes * rows];
        assert!(prepare(&mut front_end, &picture(5, 7, *format, row_bytes, &whole)).is_ok());
        let cut = prepare(&mut front_end, &picture(5, 7, *format, row_bytes, &whole[1..]));
        let (found_bytes, needed_bytes) = (whole.len() - 1, whole.len());
        assert_eq!(
            cut,
            Err(PictureError::TooShort {
                found_bytes,
                needed_bytes
            })
        );
        for stride_bytes in [0, row_bytes - 1] {
            let overlapping = prepare(&mut front_end, &picture(5, 7, *format, stride_bytes, &whole));
            assert_eq!(
                overlapping,
                Err(PictureError::Stride {
                    stride_bytes,
                    row_bytes
                })
            );
        }
        assert!(prepare(&mut front_end, &picture(5, 7, *format, usize::MAX / 2, &whole)).is_err());
    }
    let short = front_end.prepare(&picture(1, 1, PixelFormat::Rgb, 3, &[0; 3]), &mut [0.0; 3]);
    assert_eq!(short, Err(PictureError::Output { given: 3, needed: 192 }));
}

#[test]
fn transform_is_written_in_kebab_case() {
    for (transform, name) in TRANSFORMS.into_iter().zip(["centre-crop", "full-frame"]) {
        let deserializer = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name);
        assert_eq!(PictureTransform::deserialize(deserializer), Ok(transform));
    }
}

proptest! {
    /// Colours within the gamut: luma and chroma near the middle.
    #[test]
    fn every_format_agrees_with_its_rgb(
        width in 1usize..70, height in 1usize..50, padding in 0usize..9, format in 0usize..3, crop in any::<bool>(),
        side in 1usize..40, seed in any::<u32>(),
    ) {
        let format = FORMATS[format];
        let (row_bytes, rows) = layout(format, width, height);
        let stride = row_bytes + padding;
        let bytes: Vec<u8> = (0..stride * rows)
            .map(|i| 108 + ((i as u32).wrapping_mul(seed | 1).wrapping_add(seed) >> 24) as u8 / 6)
            .collect();
        let picture = picture(width, height, format, stride, &bytes[..stride * rows - padding]);
        let rgb = to_rgb(&picture).unwrap();
        let mut front_end = levels(side, TRANSFORMS[usize::from(crop)]);
        let (direct, over_rgb) = (prepare(&mut front_end, &picture).unwrap(), prepare(&mut front_end, &rgb).unwrap());
        // `to_rgb` rounds to bytes.
        prop_assert!(golden::largest_difference(&direct, &over_rgb) < 0.8);
    }

    #[test]
    fn no_picture_makes_it_panic(
        width in 0usize..300, height in 0usize..300, stride_bytes in 0usize..1000, format in 0usize..4,
        bytes in prop::collection::vec(any::<u8>(), 0..3000), crop in any::<bool>(), side in 0usize..30,
    ) {
        let picture = picture(width, height, FORMATS[format], stride_bytes, &bytes);
        if let Ok(values) = prepare(&mut front_end(side, TRANSFORMS[usize::from(crop)]), &picture) {
            prop_assert!(values.iter().all(|value| value.is_finite()));
        }
        let _ = to_rgb(&picture);
    }
}
