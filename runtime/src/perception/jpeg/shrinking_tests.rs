//! Frames that are shrunk without their pixels, beside the same that are decoded and resized.
#![allow(clippy::unwrap_used)]

use lookhear_board::{Picture, PixelFormat};
use proptest::prelude::*;

use super::*;
use crate::perception::golden;
use crate::perception::network::workers::Workers;
use crate::perception::picture::{PictureFrontEnd, PictureTransform, to_rgb};
use crate::perception::resize::bilinear_taps;

const TRANSFORMS: [PictureTransform; 2] = [PictureTransform::CentreCrop, PictureTransform::FullFrame];

/// Half noise and half shapes at nearly the best quality, 4:2:0, with a restart marker every three units: long codes, full blocks.
const RESTARTS: &[u8] = include_bytes!("../../../../tests/golden/restarts.jpg");

fn frame(bytes: &[u8]) -> Picture {
    let (width, height) = jpeg_size(bytes).unwrap_or((16, 16));
    Picture {
        width,
        height,
        stride_bytes: 0,
        format: PixelFormat::Mjpeg,
        bytes: bytes.to_vec(),
    }
}

fn levels(side: usize, transform: PictureTransform, picture: &Picture) -> Result<Vec<f32>, String> {
    let mut front_end = PictureFrontEnd::new(side, transform, [0.0; 3], [1.0 / 255.0; 3]);
    let mut out = vec![f32::NAN; front_end.output_values()];
    front_end
        .prepare(picture, &mut out)
        .map_err(|error| error.to_string())?;
    Ok(out)
}

/// Whether the frame can be shrunk without its pixels.
fn is_shrunk(bytes: &[u8], side: usize) -> bool {
    let (width, height) = jpeg_size(bytes).unwrap();
    let mut out = vec![0.0; 3 * side * side];
    let taps = || [width, height].map(|input| bilinear_taps(input, side, 0, side));
    let output = Output::new(&mut out, side, [1.0; 3], [0.0; 3]);
    ShrinkingDecoder::default()
        .shrink(bytes, (width, height), taps, output, &Workers::default())
        .unwrap()
}

/// What `threads` make of a frame, each of which reads a part however small.
fn shared(bytes: &[u8], side: usize, threads: usize) -> Result<Vec<f32>, JpegError> {
    let size = jpeg_size(bytes)?;
    let mut out = vec![f32::NAN; 3 * side * side];
    let taps = || [size.0, size.1].map(|input| bilinear_taps(input, side, 0, side));
    let output = Output::new(&mut out, side, [1.0; 3], [0.0; 3]);
    let mut decoder = ShrinkingDecoder::default();
    decoder.least_part_bytes = 16;
    decoder.shrink(bytes, size, taps, output, &Workers::new(threads).unwrap())?;
    Ok(out)
}

#[test]
fn as_many_threads_as_there_may_be_give_the_same() {
    let golden = golden::front_ends();
    let frames = ["444", "422", "420", "grey"].map(|kind| golden[&format!("jpeg.{kind}")].bytes());
    for bytes in frames.into_iter().chain([RESTARTS]) {
        for side in [8, 40, 56] {
            let alone = shared(bytes, side, 1).unwrap();
            assert!(alone.iter().all(|value| value.is_finite()));
            for threads in 2..=5 {
                assert_eq!(shared(bytes, side, threads).unwrap(), alone, "{side} {threads}");
            }
        }
    }
}

#[test]
fn shrinking_gives_what_decoding_and_resizing_give() {
    let golden = golden::front_ends();
    let frames = ["444", "422", "420", "grey"].map(|kind| (kind, golden[&format!("jpeg.{kind}")].bytes(), 0.7));
    // What differs is rounding and clipping before resizing, and chroma that the decoder smooths.
    for (kind, bytes, most) in frames.into_iter().chain([("restarts", RESTARTS, 1.0)]) {
        for side in [8, 40, 56] {
            assert!(is_shrunk(bytes, side), "{kind} {side}");
            for transform in TRANSFORMS {
                let picture = frame(bytes);
                let found = levels(side, transform, &picture).unwrap();
                let exact = levels(side, transform, &to_rgb(&picture).unwrap()).unwrap();
                let differences = found.iter().zip(&exact).map(|(a, b)| f64::from((a - b).abs()));
                let mean = differences.sum::<f64>() / found.len() as f64;
                assert!(
                    mean < most,
                    "{kind} to {side}, {transform:?}: {mean} levels off on average"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_shrunk_is_decoded_whole() {
    let golden = golden::front_ends();
    let progressive = golden["jpeg.progressive"].bytes();
    let enlarged = golden["jpeg.420"].bytes();
    for (bytes, side) in [(progressive, 56), (enlarged, 224)] {
        assert!(!is_shrunk(bytes, side));
        let picture = frame(bytes);
        let exact = levels(side, PictureTransform::FullFrame, &to_rgb(&picture).unwrap());
        assert_eq!(levels(side, PictureTransform::FullFrame, &picture), exact);
    }
}

#[test]
fn a_lost_restart_marker_is_an_error() {
    let mut markers =
        (0..RESTARTS.len() - 1).filter(|&at| RESTARTS[at] == 0xFF && (0xD0..=0xD7).contains(&RESTARTS[at + 1]));
    let (first, second) = (markers.next().unwrap(), markers.next().unwrap());
    let mut lost = RESTARTS.to_vec();
    lost.drain(first..second);
    let error = levels(40, PictureTransform::FullFrame, &frame(&lost)).unwrap_err();
    assert!(error.contains("restart marker"), "{error}");
}

#[test]
fn one_decoder_serves_frames_of_changing_size_and_sampling() {
    let golden = golden::front_ends();
    let mut shared = PictureFrontEnd::new(40, PictureTransform::FullFrame, [0.0; 3], [1.0 / 255.0; 3]);
    let mut out = vec![f32::NAN; shared.output_values()];
    for kind in ["444", "420", "grey", "progressive", "422", "444"] {
        for bytes in [golden[&format!("jpeg.{kind}")].bytes(), RESTARTS] {
            shared.prepare(&frame(bytes), &mut out).unwrap();
            let fresh = levels(40, PictureTransform::FullFrame, &frame(bytes));
            assert_eq!(Ok(out.clone()), fresh, "{kind}");
        }
    }
}

#[test]
fn cut_and_holed_frames_are_errors() {
    let golden = golden::front_ends();
    for kind in ["444", "422", "420", "grey"] {
        let whole = golden[&format!("jpeg.{kind}")].bytes();
        for length in (0..whole.len() - 2).step_by(7) {
            let cut = Picture {
                width: 160,
                height: 90,
                ..frame(&whole[..length])
            };
            assert!(
                levels(40, PictureTransform::FullFrame, &cut).is_err(),
                "{kind} cut to {length} bytes"
            );
        }
        let mut holed = whole.to_vec();
        holed.drain(whole.len() / 2..whole.len() - 200);
        assert!(
            levels(40, PictureTransform::FullFrame, &frame(&holed)).is_err(),
            "{kind}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn threads_agree_on_damaged_frames(
        kind in prop::sample::select(vec!["444", "422", "420", "grey", "restarts"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        threads in 2usize..=4,
    ) {
        let golden = golden::front_ends();
        let mut bytes = match kind {
            "restarts" => RESTARTS.to_vec(),
            kind => golden[&format!("jpeg.{kind}")].bytes().to_vec(),
        };
        tests::damage(&mut bytes, changes, Vec::new(), None);
        prop_assume!(jpeg_size(&bytes).is_ok_and(|(width, height)| width * height < 1 << 20));
        let (alone, together) = (shared(&bytes, 40, 1), shared(&bytes, 40, threads));
        prop_assert_eq!(alone.map(|out| out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()), together.map(|out| out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damaged_frames_never_panic(
        kind in prop::sample::select(vec!["444", "422", "420", "grey", "progressive", "restarts"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        header_changes in prop::collection::vec((0usize..700, any::<u8>()), 0..3),
        cut in prop::option::of(any::<prop::sample::Index>()),
        side in 1usize..80,
    ) {
        let golden = golden::front_ends();
        let mut bytes = match kind {
            "restarts" => RESTARTS.to_vec(),
            kind => golden[&format!("jpeg.{kind}")].bytes().to_vec(),
        };
        tests::damage(&mut bytes, changes, header_changes, cut);
        // A frame that claims more than this would take its time and show nothing else.
        prop_assume!(jpeg_size(&bytes).is_ok_and(|(width, height)| width * height < 1 << 20));
        for transform in TRANSFORMS {
            let _ = levels(side, transform, &frame(&bytes));
        }
    }
}
