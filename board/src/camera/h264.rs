//! What must be known of an H.264 track before it is decoded.

use std::path::Path;

use h264_reader::nal::sps::{FrameMbsFlags, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};
use mp4_atom::{Avcc, Codec, Colr};

use super::film::FilmError;
use super::yuv::Colours;
use crate::mp4::Track;

/// How an H.264 track is to be decoded.
pub(super) struct Configuration {
    /// Sequence and picture parameter sets, each after a start code (ITU-T H.264 annex B).
    pub parameter_sets: Vec<u8>,
    /// How many bytes before each unit of a coded picture tell its length.
    pub prefix_bytes: usize,
    /// How the decoded planes make up colours.
    pub colours: Colours,
}

impl Configuration {
    /// Reads the configuration of a track; refuses, by name, what OpenH264 does not decode. `name` stands for the path.
    pub fn of(track: &Track, name: &Path) -> Result<Self, FilmError> {
        let (configuration, told_colours) = stored(track, name)?;
        let parameters = configuration
            .sequence_parameter_sets
            .first()
            .and_then(|nal| parse_parameters(nal));
        check_supported(configuration, parameters.as_ref(), name)?;
        Ok(Self {
            parameter_sets: annex_b(configuration),
            prefix_bytes: usize::from(configuration.length_size),
            colours: told_colours.unwrap_or_else(|| colours(parameters.as_ref())),
        })
    }
}

/// Appends a unit after a start code.
pub(super) fn append_unit(stream: &mut Vec<u8>, unit: &[u8]) {
    stream.extend_from_slice(&[0, 0, 0, 1]);
    stream.extend_from_slice(unit);
}

/// The configuration that the track's description holds, and the colours where the container tells them.
fn stored<'a>(track: &'a Track, name: &Path) -> Result<(&'a Avcc, Option<Colours>), FilmError> {
    let path = name.to_owned();
    let (configuration, colr) = match &track.description {
        Some(Codec::Avc1(entry)) => (&entry.avcc, &entry.colr),
        Some(Codec::Avc3(entry)) => (&entry.avcc, &entry.colr),
        _ if matches!(&track.coding, b"avc1" | b"avc3") => {
            return Err(FilmError::Damaged {
                path,
                cause: "its H.264 configuration cannot be read".to_owned(),
            });
        }
        _ => {
            return Err(FilmError::Unsupported {
                path,
                found: format!("coded as {}", coding_name(track.coding)),
            });
        }
    };
    let colours = match colr {
        Some(Colr::Nclx {
            matrix_coefficients: matrix @ ..=10,
            full_range_flag,
            ..
        }) if *matrix != 2 => Some(Colours::new(Some(*matrix), *full_range_flag)),
        _ => None,
    };
    Ok((configuration, colours))
}

fn parse_parameters(nal: &[u8]) -> Option<SeqParameterSet> {
    let payload = decode_nal(nal).ok()?;
    SeqParameterSet::from_bits(BitReader::new(payload.as_ref())).ok()
}

/// Refuses what OpenH264 does not decode, by name.
fn check_supported(configuration: &Avcc, parameters: Option<&SeqParameterSet>, name: &Path) -> Result<(), FilmError> {
    let interlaced = parameters.is_some_and(|set| matches!(set.frame_mbs_flags, FrameMbsFlags::Fields { .. }));
    let found = match configuration.avc_profile_indication {
        110 => "H.264 with 10 bits a sample",
        122 => "H.264 with 4:2:2 colours",
        244 | 44 => "H.264 with 4:4:4 colours",
        _ if interlaced => "interlaced H.264",
        _ => return Ok(()),
    };
    Err(FilmError::Unsupported {
        path: name.to_owned(),
        found: found.to_owned(),
    })
}

fn colours(parameters: Option<&SeqParameterSet>) -> Colours {
    let signal = parameters.and_then(|set| set.vui_parameters.as_ref()?.video_signal_type.as_ref());
    let matrix = signal
        .and_then(|signal| signal.colour_description.as_ref())
        .map(|told| told.matrix_coefficients.into());
    Colours::new(matrix, signal.is_some_and(|signal| signal.video_full_range_flag))
}

fn annex_b(configuration: &Avcc) -> Vec<u8> {
    let mut stream = Vec::new();
    for unit in configuration
        .sequence_parameter_sets
        .iter()
        .chain(&configuration.picture_parameter_sets)
    {
        append_unit(&mut stream, unit);
    }
    stream
}

/// The usual name of a video coding, by its four letters.
fn coding_name(letters: [u8; 4]) -> String {
    match &letters {
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => "HEVC (H.265)",
        b"vvc1" | b"vvi1" => "VVC (H.266)",
        b"av01" => "AV1",
        b"vp08" => "VP8",
        b"vp09" => "VP9",
        b"mp4v" => "MPEG-4 Visual",
        b"s263" | b"h263" => "H.263",
        b"mjpa" | b"mjpb" | b"jpeg" => "Motion JPEG",
        b"apch" | b"apcn" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "ProRes",
        b"encv" => "encrypted video",
        other => return format!("“{}”", String::from_utf8_lossy(other)),
    }
    .to_owned()
}
