//! Sounds read from files, the sound tracks of films among them.

mod contained;
mod in_mp4;
mod mixer;

use std::fs::File;
use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known,
};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::io::MediaSource;
use thiserror::Error;

use crate::container::{START_BYTES, container_name};
use crate::mp4::{Movie, Mp4Error, TrackKind};
use crate::shield::shielded;
use crate::{Sound, ffmpeg};
pub use mixer::MAX_SAMPLES;
use mixer::{Mixer, Placement};

/// Why a file gave no sound.
#[derive(Debug, Error)]
pub enum SoundFileError {
    /// The file could not be opened or read: look at the path and its permissions.
    #[error("cannot read the sound {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is well formed, or has no bytes at all, and holds no sample.
    #[error("the sound {} is empty: it holds no sample", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The content is no known container of sound: convert it.
    #[error("{} is not a sound this program reads ({cause}); convert it to WAV, FLAC, OGG Vorbis or MP3", path.display())]
    NotASound {
        /// The file.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// A film, or another container, without sound: give the sound as a file of its own.
    #[error("{} has no sound track; give its sound as a file of its own", path.display())]
    NoSoundTrack {
        /// The file.
        path: PathBuf,
    },
    /// What is in the file, or how it is packed, is known and not decoded here: convert it, or install `ffmpeg`.
    #[error("the sound of {} is {found}, which this program does not decode by itself; convert it to WAV, FLAC, OGG Vorbis, MP3 or AAC-LC, or install ffmpeg", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The coding or the container, by its usual name.
        found: String,
    },
    /// Nothing could be decoded before the damage: fetch or export it again.
    #[error("the sound {} is damaged or cut off ({cause}) before its first sample; fetch or export it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        cause: String,
    },
}

/// The sound of a file, where it lies in time, and how much of it could be had.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundTrack {
    /// The samples: the mean of all channels, at the rate of the file.
    pub sound: Sound,
    /// When the first sample sounds, on the clock of the container: for a film the one that stamps its frames, else zero.
    pub stamp: Duration,
    /// What is missing or spoilt, where the file is cut off or damaged: a clause without the file's name.
    pub damage: Option<String>,
}

/// Reads a whole sound file, or the sound track of a film, mixed to mono.
///
/// WAV (8 to 32 bits, float, ADPCM), FLAC, OGG Vorbis, MP3, and PCM, MP3 or AAC-LC in MP4, MOV or MKV; anything else
/// where an `ffmpeg` is installed. The format is told by the content. Of a file that is cut off or damaged further in,
/// what could be decoded is returned: [`read_sound_track`] tells that, and where the sound begins against the picture.
pub fn read_sound(path: &Path) -> Result<Sound, SoundFileError> {
    read_sound_track(path).map(|track| track.sound)
}

/// Reads as [`read_sound`] does, with the place in time and the damage.
pub fn read_sound_track(path: &Path) -> Result<SoundTrack, SoundFileError> {
    match read_without_help(path) {
        Err(SoundFileError::Unsupported { path, found }) if ffmpeg::is_installed() => {
            let wave = ffmpeg::read_sound(&path).map_err(|cause| SoundFileError::Damaged {
                path: path.clone(),
                cause: format!("{found}; {cause}"),
            })?;
            decode_sound(Box::new(Cursor::new(wave)), &path)
        }
        other => other,
    }
}

fn read_without_help(path: &Path) -> Result<SoundTrack, SoundFileError> {
    let unreadable = |source| SoundFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(unreadable(ErrorKind::IsADirectory.into()));
    }
    if about.is_file() && about.len() == 0 {
        return Err(SoundFileError::Empty { path: path.to_owned() });
    }
    decode_sound(Box::new(file), path)
}

/// Decodes a sound from any source of bytes; `name` stands for the path in errors, and its extension is a hint.
pub fn decode_sound(source: Box<dyn MediaSource>, name: &Path) -> Result<SoundTrack, SoundFileError> {
    let mut mixer = Mixer::default();
    let placement = match shielded(|| decode_into(&mut mixer, source, name)) {
        Ok(placement) => placement?,
        Err(panic) => {
            mixer.note(&panic);
            Placement::default()
        }
    };
    mixer.finish(placement, name)
}

/// Decodes into the mixer as much as there is; returns where it lies.
fn decode_into(mixer: &mut Mixer, mut source: Box<dyn MediaSource>, name: &Path) -> Result<Placement, SoundFileError> {
    if !source.is_seekable() {
        return contained::decode(mixer, source, name);
    }
    let unreadable = |source| SoundFileError::Unreadable {
        path: name.to_owned(),
        source,
    };
    let mut start = Vec::new();
    source
        .by_ref()
        .take(START_BYTES)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    match container_name(&start) {
        None | Some("Matroska or WebM" | "Ogg") => {}
        Some(found) => {
            return Err(SoundFileError::Unsupported {
                path: name.to_owned(),
                found: format!("packed as {found}"),
            });
        }
    }
    let movie = match Movie::read(&mut source) {
        Err(error @ (Mp4Error::NoIndex | Mp4Error::Damaged(_))) => {
            return Err(SoundFileError::Damaged {
                path: name.to_owned(),
                cause: error.to_string(),
            });
        }
        other => other.ok(),
    };
    let track = movie.as_ref().and_then(|movie| movie.first_track(TrackKind::Sound));
    if let Some((track, parameters)) = track.and_then(|track| Some((track, in_mp4::parameters(track)?))) {
        return in_mp4::decode(mixer, &mut source, track, &parameters, name);
    }
    source.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut placement = contained::decode(mixer, source, name)?;
    placement.stretch = track.map(|track| track.timeline.first_stretch()).unwrap_or_default();
    Ok(placement)
}

/// Opens the decoder for a coding.
fn open_decoder(parameters: &AudioCodecParameters, name: &Path) -> Result<Box<dyn AudioDecoder>, SoundFileError> {
    let path = name.to_owned();
    symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| match error {
            SymphoniaError::Unsupported(_) => SoundFileError::Unsupported {
                path,
                found: format!("coded as {}", codec_name(parameters.codec)),
            },
            other => SoundFileError::Damaged {
                path,
                cause: other.to_string(),
            },
        })
}

/// The usual name of a coding.
fn codec_name(id: AudioCodecId) -> String {
    match id {
        well_known::CODEC_ID_OPUS => "Opus",
        well_known::CODEC_ID_SPEEX => "Speex",
        well_known::CODEC_ID_AC3 => "AC-3",
        well_known::CODEC_ID_EAC3 => "E-AC-3",
        well_known::CODEC_ID_DCA => "DTS",
        well_known::CODEC_ID_WMA => "WMA",
        well_known::CODEC_ID_ALAC => "ALAC",
        well_known::CODEC_ID_MP1 => "MPEG audio layer 1",
        well_known::CODEC_ID_MP2 => "MPEG audio layer 2",
        well_known::CODEC_ID_TRUEHD => "TrueHD",
        well_known::CODEC_ID_AAC => "AAC of a profile other than LC (HE-AAC, or more than two channels)",
        other => return format!("something unknown ({other})"),
    }
    .to_owned()
}
