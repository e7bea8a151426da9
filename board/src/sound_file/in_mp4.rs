//! The sound track of an MP4 or QuickTime film, found by the index that the film's pictures are found by: so a film that is
//! cut off gives its sound up to the cut, and none of the pictures is read.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use mp4_atom::{Codec, FlacMetadataBlock};
use symphonia::core::codecs::audio::{AudioCodecParameters, well_known};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::packet::PacketRef;
use symphonia::core::units;

use super::mixer::{Mixer, Placement};
use super::{SoundFileError, open_decoder};
use crate::mp4::{Track, ticks};

/// The largest packet that is read; AAC packets have some hundred bytes, frames of FLAC some thousand.
const MAX_PACKET_BYTES: u32 = 1 << 20;

/// How a track is coded, where it is one of those decoded here (AAC, MP3 and FLAC).
pub(super) fn parameters(track: &Track) -> Option<AudioCodecParameters> {
    let mut parameters = AudioCodecParameters::new();
    match track.description.as_ref()? {
        Codec::Mp4a(entry) => {
            let configuration = &entry.esds.es_desc.dec_config;
            // Object types of ISO/IEC 14496-1 table 5: MPEG-4 and MPEG-2 AAC, then MPEG-2 and MPEG-1 layers.
            match configuration.object_type_indication {
                0x40 | 0x66..=0x68 => {
                    let specific = configuration.dec_specific.as_ref()?;
                    parameters
                        .for_codec(well_known::CODEC_ID_AAC)
                        .with_extra_data(specific.raw.clone().into());
                }
                0x69 | 0x6B => {
                    parameters.for_codec(well_known::CODEC_ID_MP3);
                }
                _ => return None,
            }
        }
        Codec::Mp3(_) => {
            parameters.for_codec(well_known::CODEC_ID_MP3);
        }
        Codec::Flac(entry) => {
            let stream_info = entry.dfla.blocks.first().and_then(stream_info)?;
            parameters
                .for_codec(well_known::CODEC_ID_FLAC)
                .with_extra_data(stream_info.into());
        }
        _ => return None,
    }
    Some(parameters)
}

/// A FLAC stream information block as it lies in a file (RFC 9639 §8.2).
fn stream_info(block: &FlacMetadataBlock) -> Option<Vec<u8>> {
    let FlacMetadataBlock::StreamInfo {
        minimum_block_size,
        maximum_block_size,
        sample_rate,
        num_channels_minus_one,
        bits_per_sample_minus_one,
        number_of_interchannel_samples,
        ..
    } = block
    else {
        return None;
    };
    let mut bytes = Vec::with_capacity(34);
    bytes.extend_from_slice(&minimum_block_size.to_be_bytes());
    bytes.extend_from_slice(&maximum_block_size.to_be_bytes());
    // Zeros for the sizes of frames and for the checksum of all samples: unknown.
    bytes.extend_from_slice(&[0; 6]);
    let packed = u64::from(*sample_rate) << 44
        | u64::from(*num_channels_minus_one) << 41
        | u64::from(*bits_per_sample_minus_one) << 36
        | number_of_interchannel_samples;
    bytes.extend_from_slice(&packed.to_be_bytes());
    bytes.extend_from_slice(&[0; 16]);
    Some(bytes)
}

/// Decodes the packets of a track into the mixer; `name` stands for the path.
pub(super) fn decode(
    mixer: &mut Mixer,
    source: &mut (impl Read + Seek),
    track: &Track,
    parameters: &AudioCodecParameters,
    name: &Path,
) -> Result<Placement, SoundFileError> {
    let mut decoder = open_decoder(parameters, name)?;
    let samples = track.samples();
    let last = samples.last().map_or(0, |sample| sample.decode_ticks);
    let mut packet = Vec::new();
    for sample in &samples {
        packet.resize(sample.size.min(MAX_PACKET_BYTES) as usize, 0);
        let read = source
            .seek(SeekFrom::Start(sample.offset))
            .and_then(|_| source.read_exact(&mut packet));
        if read.is_err() {
            let missing = ticks(last.abs_diff(sample.decode_ticks), track.timescale).as_secs_f64();
            mixer.note(&format!("the file is cut off: its last {missing:.1} s are missing"));
            break;
        }
        let stamp = units::Timestamp::new(sample.decode_ticks);
        match decoder.decode_ref(&PacketRef::new(0, stamp, units::Duration::ZERO, &packet)) {
            Ok(decoded) if mixer.add(&decoded) => {}
            Ok(_) => break,
            Err(SymphoniaError::DecodeError(_) | SymphoniaError::IoError(_)) => mixer.skip_one_like_the_last(),
            Err(error) => {
                mixer.note(&error.to_string());
                break;
            }
        }
    }
    let first = samples.first().map_or(0, |sample| sample.composition_ticks);
    Ok(Placement {
        announced: None,
        first: ticks(u64::try_from(first).unwrap_or(0), track.timescale),
        stretch: track.timeline.first_stretch(),
    })
}
