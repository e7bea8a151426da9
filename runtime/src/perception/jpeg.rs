//! Motion JPEG frames to RGB, or straight to a smaller picture.

mod bands;
mod frame;
mod huffman;
mod lanes;
mod parts;
mod reader;
mod record;
mod scan;
mod shrink;
mod shrunk;
mod turn;
mod weights;

use frame::{END_OF_IMAGE, Frame};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Why a JPEG frame could not be decoded. Every case concerns this one frame: drop it and take the next.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum JpegError {
    /// It ends before its image does, as frames do when USB packets are lost.
    #[error(
        "the JPEG frame is cut short: drop it, and lower the frame rate or shorten the cable if that happens often"
    )]
    Truncated,
    /// Its headers or its data contradict the format.
    #[error("the JPEG frame is damaged ({0}): drop it")]
    Damaged(String),
    /// It is whole, but of a kind that no camera sends (arithmetic coding, lossless, four colours, 12 bits).
    #[error("the JPEG frame is of an unsupported kind ({0}): convert it to baseline 8-bit grey or colour")]
    Unsupported(&'static str),
    /// It is of another size than the camera was set to.
    #[error("the JPEG frame is {found_width}×{found_height} where the camera promised {width}×{height}: drop it")]
    OtherSize {
        /// Width that was promised.
        width: usize,
        /// Height that was promised.
        height: usize,
        /// Width in the frame's header.
        found_width: usize,
        /// Height in the frame's header.
        found_height: usize,
    },
}

pub(super) use lanes::Output;
pub(super) use shrunk::ShrinkingDecoder;

/// Decodes frame after frame into the same buffer.
#[derive(Debug, Default)]
pub struct MotionJpegDecoder {
    /// The frame with all that belongs to it.
    completed: Vec<u8>,
    pixels: Vec<u8>,
}

impl MotionJpegDecoder {
    /// A decoder whose buffers grow with the first frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// The pixels of one JPEG image of `width × height`, tightly packed RGB.
    ///
    /// The standard Huffman tables are put in where the frame brings none (the `MJPG` habit). A frame whose data run
    /// out is an error and not a picture with a grey rest.
    ///
    /// # Errors
    /// Every [`JpegError`]; damaged bytes never panic.
    pub fn decode(&mut self, bytes: &[u8], width: usize, height: usize) -> Result<&[u8], JpegError> {
        let header = Frame::of_size(bytes, width, height)?;
        let scan = bytes.get(header.scan_start..).unwrap_or_default();
        let scan_end = scan
            .windows(2)
            .rposition(|pair| pair == END_OF_IMAGE)
            .ok_or(JpegError::Truncated)?;

        self.completed.clear();
        self.completed.extend_from_slice(&bytes[..header.scan_start]);
        if !header.has_huffman_tables {
            self.completed.extend_from_slice(&STANDARD_HUFFMAN_TABLES);
        }
        self.completed.extend_from_slice(&scan[..scan_end]);
        self.completed.extend_from_slice(&NO_CODE);
        self.completed.extend_from_slice(&END_OF_IMAGE);

        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(width)
            .set_max_height(height)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        self.pixels.resize(width * height * 3, 0);
        JpegDecoder::new_with_options(ZCursor::new(&self.completed), options)
            .decode_into(&mut self.pixels)
            .map_err(|error| JpegError::Damaged(format!("{error:?}")))?;
        Ok(&self.pixels)
    }
}

/// Width and height that a JPEG image's header states.
///
/// # Errors
/// As [`MotionJpegDecoder::decode`], as far as the header tells.
pub fn jpeg_size(bytes: &[u8]) -> Result<(usize, usize), JpegError> {
    Frame::read(bytes).map(|header| (header.width, header.height))
}

/// Ones without end are no Huffman code (ITU T.81, C.2). Put behind the last scan they stop a decoder whose data have a
/// hole, and that would else go on with zeros; one whose data are whole never comes to read them.
const NO_CODE: [u8; 16] = [
    0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00,
];

/// One DHT segment with the typical tables of ITU T.81, Annex K.3, which decoders assume where a motion JPEG frame has
/// none.
#[rustfmt::skip]
const STANDARD_HUFFMAN_TABLES: [u8; 420] = [
    0xFF, 0xC4, 0x01, 0xA2,
    // Table K.3, luminance DC: class and slot, codes of 1..16 bits, values.
    0x00, 0x00, 0x01, 0x05, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B,
    // Table K.5, luminance AC: class and slot, codes of 1..16 bits, values.
    0x10, 0x00, 0x02, 0x01, 0x03, 0x03, 0x02, 0x04, 0x03, 0x05, 0x05, 0x04, 0x04, 0x00, 0x00, 0x01, 0x7D,
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32,
    0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16,
    0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45,
    0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94,
    0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6,
    0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8,
    0xD9, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
    // Table K.4, chrominance DC: class and slot, codes of 1..16 bits, values.
    0x01, 0x00, 0x03, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B,
    // Table K.6, chrominance AC: class and slot, codes of 1..16 bits, values.
    0x11, 0x00, 0x02, 0x01, 0x02, 0x04, 0x04, 0x03, 0x04, 0x07, 0x05, 0x04, 0x04, 0x00, 0x01, 0x02, 0x77,
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32, 0x81,
    0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34,
    0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44,
    0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92,
    0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4,
    0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6,
    0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];

#[cfg(test)]
mod shrinking_tests;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::perception::golden;

    const WIDTH: usize = 160;
    const HEIGHT: usize = 90;
    const KINDS: [&str; 5] = ["444", "422", "420", "grey", "progressive"];

    fn jpeg(kind: &str) -> Vec<u8> {
        golden::front_ends()[&format!("jpeg.{kind}")].bytes().to_vec()
    }

    /// The frame as a USB camera would send it.
    fn without_huffman_tables(bytes: &[u8]) -> Vec<u8> {
        let mut stripped = bytes[..2].to_vec();
        let mut at = 2;
        while bytes[at + 1] != 0xDA {
            let next = at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
            if bytes[at + 1] != 0xC4 {
                stripped.extend_from_slice(&bytes[at..next]);
            }
            at = next;
        }
        stripped.extend_from_slice(&bytes[at..]);
        stripped
    }

    /// Changes bytes anywhere and of the headers, and takes a hundred out.
    pub(super) fn damage(
        bytes: &mut Vec<u8>,
        changes: Vec<(prop::sample::Index, u8)>,
        header_changes: Vec<(usize, u8)>,
        cut: Option<prop::sample::Index>,
    ) {
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        for (at, value) in header_changes {
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            let at = cut.index(bytes.len());
            bytes.drain(at..(at + 100).min(bytes.len()));
        }
    }

    #[test]
    fn agrees_with_libjpeg() {
        for kind in KINDS {
            let expected = &golden::front_ends()[&format!("jpeg.{kind}.rgb")];
            let mut decoder = MotionJpegDecoder::new();
            let found = decoder.decode(&jpeg(kind), WIDTH, HEIGHT).unwrap();
            let differences: Vec<u8> = found
                .iter()
                .zip(expected.bytes())
                .map(|(a, b)| a.abs_diff(*b))
                .collect();
            let mean = differences.iter().map(|&d| f64::from(d)).sum::<f64>() / differences.len() as f64;
            assert!(mean < 1.0, "{kind}: {mean} levels off on average");
            assert_eq!(jpeg_size(&jpeg(kind)), Ok((WIDTH, HEIGHT)));
        }
    }

    #[test]
    fn huffman_tables_are_put_in_where_they_are_missing() {
        for kind in ["444", "422", "420", "grey"] {
            let whole = jpeg(kind);
            let stripped = without_huffman_tables(&whole);
            assert!(stripped.len() < whole.len());
            let expected = MotionJpegDecoder::new()
                .decode(&whole, WIDTH, HEIGHT)
                .map(<[u8]>::to_vec);
            assert!(expected.is_ok());
            assert_eq!(
                MotionJpegDecoder::new()
                    .decode(&stripped, WIDTH, HEIGHT)
                    .map(<[u8]>::to_vec),
                expected
            );
        }
    }

    #[test]
    fn padding_after_the_image_does_no_harm() {
        let mut padded = jpeg("422");
        padded.extend([0; 1000]);
        assert!(MotionJpegDecoder::new().decode(&padded, WIDTH, HEIGHT).is_ok());
    }

    #[test]
    fn cut_frames_are_errors() {
        let mut decoder = MotionJpegDecoder::new();
        for kind in KINDS {
            let whole = jpeg(kind);
            for length in (0..whole.len() - 2).step_by(7) {
                let error = decoder.decode(&whole[..length], WIDTH, HEIGHT).unwrap_err();
                assert_eq!(error, JpegError::Truncated, "{kind} cut to {length} bytes");
            }
        }
    }

    #[test]
    fn frames_with_a_hole_are_errors() {
        let mut decoder = MotionJpegDecoder::new();
        for kind in ["444", "422", "420"] {
            let mut holed = jpeg(kind);
            let middle = holed.len() / 2;
            holed.drain(middle..holed.len() - 200);
            assert!(
                matches!(decoder.decode(&holed, WIDTH, HEIGHT), Err(JpegError::Damaged(_))),
                "{kind}"
            );
        }
    }

    #[test]
    fn frames_of_another_size_are_errors() {
        let error = MotionJpegDecoder::new().decode(&jpeg("444"), 640, 480).unwrap_err();
        assert!(matches!(
            error,
            JpegError::OtherSize {
                width: 640,
                found_width: WIDTH,
                ..
            }
        ));
    }

    #[test]
    fn unsupported_kinds_are_named() {
        let mut arithmetic = jpeg("444");
        let frame = arithmetic.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        arithmetic[frame + 1] = 0xC9;
        let error = MotionJpegDecoder::new().decode(&arithmetic, WIDTH, HEIGHT).unwrap_err();
        assert!(matches!(error, JpegError::Unsupported(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn damaged_frames_never_panic(
            kind in 0usize..KINDS.len(),
            stripped in any::<bool>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
            header_changes in prop::collection::vec((0usize..700, any::<u8>()), 0..3),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut bytes = jpeg(KINDS[kind]);
            if stripped {
                bytes = without_huffman_tables(&bytes);
            }
            damage(&mut bytes, changes, header_changes, cut);
            let _ = MotionJpegDecoder::new().decode(&bytes, WIDTH, HEIGHT);
        }
    }
}
