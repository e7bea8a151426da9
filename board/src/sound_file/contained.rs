//! Sounds in the containers that symphonia opens.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{FORMAT_ID_ISOMP4, FORMAT_ID_MKV};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::Timestamp;

use super::mixer::{Mixer, Placement};
use super::{SoundFileError, open_decoder};
use crate::mp4::Stretch;

/// Decodes the default sound track of a container into the mixer; `name` stands for the path.
pub(super) fn decode(
    mixer: &mut Mixer,
    source: Box<dyn MediaSource>,
    name: &Path,
) -> Result<Placement, SoundFileError> {
    let mut hint = Hint::new();
    if let Some(extension) = name.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    let stream = MediaSourceStream::new(source, Default::default());
    let mut container = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| refusal(error, name))?;
    let Some(track) = container.default_track(TrackType::Audio).cloned() else {
        return Err(SoundFileError::NoSoundTrack { path: name.to_owned() });
    };
    let Some(parameters) = track.codec_params.as_ref().and_then(|parameters| parameters.audio()) else {
        return Err(SoundFileError::Unsupported {
            path: name.to_owned(),
            found: "coded as something unknown".to_owned(),
        });
    };
    let mut decoder = open_decoder(parameters, name)?;
    let announced = announced_samples(&track);
    let first = decode_track(
        container.as_mut(),
        track.id,
        decoder.as_mut(),
        mixer,
        announced.is_some(),
    );
    // Of sound files the stamps count an encoder's delay, which the decoder has cut away; only films have a clock.
    let is_film = matches!(container.format_info().format, FORMAT_ID_ISOMP4 | FORMAT_ID_MKV);
    let first = first
        .filter(|_| is_film)
        .zip(track.time_base)
        .and_then(|(first, base)| base.calc_time(first));
    let first = first.map_or(Duration::ZERO, |time| {
        Duration::try_from_secs_f64(time.as_secs_f64()).unwrap_or_default()
    });
    Ok(Placement {
        announced: announced_samples(&track),
        first,
        stretch: Stretch::default(),
    })
}

/// The length a track announces, where its container is one that knows.
fn announced_samples(track: &Track) -> Option<u64> {
    // An unfinished WAV that was written to a pipe announces the most its 32-bit length can say.
    track.num_frames.filter(|frames| *frames < u64::from(u32::MAX) / 8)
}

/// Decodes every packet of one track into the mixer, to the end of the file or to where no more can be had; returns the
/// stamp of the first.
fn decode_track(
    container: &mut dyn FormatReader,
    track_id: u32,
    decoder: &mut dyn AudioDecoder,
    mixer: &mut Mixer,
    length_is_known: bool,
) -> Option<Timestamp> {
    let mut first = None;
    loop {
        let packet = match container.next_packet() {
            Ok(Some(packet)) if packet.track_id == track_id => packet,
            Ok(Some(_)) => continue,
            Ok(None) => return first,
            // Where no length is told, as in a WAV that was written to a pipe, the end of the file is the end.
            Err(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof && !length_is_known => {
                return first;
            }
            Err(error) => {
                mixer.note(&what_ended(&error));
                return first;
            }
        };
        first.get_or_insert(packet.pts);
        match decoder.decode(&packet) {
            Ok(decoded) if mixer.add(&decoded) => {}
            Ok(_) => return first,
            Err(SymphoniaError::DecodeError(_) | SymphoniaError::IoError(_)) => mixer.skip(packet.dur.get()),
            Err(error) => {
                mixer.note(&what_ended(&error));
                return first;
            }
        }
    }
}

fn what_ended(error: &SymphoniaError) -> String {
    match error {
        SymphoniaError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => "the file is cut off".to_owned(),
        SymphoniaError::ResetRequired => "only the first of several chained streams was read".to_owned(),
        other => other.to_string(),
    }
}

/// Sorts what the probe and the container reader say into what the caller can do about it.
fn refusal(error: SymphoniaError, name: &Path) -> SoundFileError {
    let path = name.to_owned();
    match error {
        SymphoniaError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => SoundFileError::NotASound {
            path,
            cause: "it ends before any sound begins".to_owned(),
        },
        SymphoniaError::IoError(source) => SoundFileError::Unreadable { path, source },
        SymphoniaError::Unsupported(cause) => SoundFileError::NotASound {
            path,
            cause: cause.to_owned(),
        },
        other => SoundFileError::Damaged {
            path,
            cause: other.to_string(),
        },
    }
}
