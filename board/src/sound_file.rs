//! Sounds read from files, the sound tracks of films among them.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioCodecId, AudioDecoder, AudioDecoderOptions, well_known};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use thiserror::Error;

use crate::Sound;
use crate::shield::shielded;

/// The most samples read from one file (2 GiB of memory, three hours at 48 kHz); what follows is left out and told.
pub const MAX_SAMPLES: usize = 1 << 29;

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
    /// The container is known, what is in it is not: convert it, or install `ffmpeg`.
    #[error("the sound of {} is coded as {codec}, which this program does not decode; convert it to WAV, FLAC, OGG Vorbis, MP3 or AAC-LC, or install ffmpeg", path.display())]
    UnsupportedCodec {
        /// The file.
        path: PathBuf,
        /// The coding, by its usual name.
        codec: String,
    },
    /// Nothing could be decoded before the damage: fetch or export it again.
    #[error("the sound {} is damaged ({cause}) before its first sample; fetch or export it again", path.display())]
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
/// WAV (8 to 32 bits, float, ADPCM), FLAC, OGG Vorbis, MP3, and PCM, MP3 or AAC-LC in MP4, MOV or MKV. The format is told by the
/// content. Of a file that is cut off or damaged further in, what could be decoded is returned: [`read_sound_track`]
/// tells that, and where the sound begins against the picture.
pub fn read_sound(path: &Path) -> Result<Sound, SoundFileError> {
    read_sound_track(path).map(|track| track.sound)
}

/// Reads as [`read_sound`] does, with the place in time and the damage.
pub fn read_sound_track(path: &Path) -> Result<SoundTrack, SoundFileError> {
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
    let announced = match shielded(|| decode_into(&mut mixer, source, name)) {
        Ok(announced) => announced?,
        Err(panic) => {
            mixer.note(&panic);
            None
        }
    };
    mixer.finish(announced, name)
}

/// Decodes into the mixer as much as there is; returns the number of samples that the container announced, if it did.
fn decode_into(mixer: &mut Mixer, source: Box<dyn MediaSource>, name: &Path) -> Result<Option<u64>, SoundFileError> {
    let mut hint = Hint::new();
    if let Some(extension) = name.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    let stream = MediaSourceStream::new(source, Default::default());
    let mut container = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| refusal(error, name))?;
    let Some(track) = container.default_track(TrackType::Audio) else {
        return Err(SoundFileError::NoSoundTrack { path: name.to_owned() });
    };
    let announced = announced_samples(track);
    let (track_id, mut decoder) = open_decoder(track, name)?;
    decode_track(container.as_mut(), track_id, decoder.as_mut(), mixer);
    Ok(announced)
}

/// The length a track announces, where its container is one that knows.
fn announced_samples(track: &Track) -> Option<u64> {
    // An unfinished WAV that was written to a pipe announces the most its 32-bit length can say.
    track.num_frames.filter(|frames| *frames < u64::from(u32::MAX) / 8)
}

fn open_decoder(track: &Track, name: &Path) -> Result<(u32, Box<dyn AudioDecoder>), SoundFileError> {
    let unsupported = |codec: String| SoundFileError::UnsupportedCodec {
        path: name.to_owned(),
        codec,
    };
    let Some(parameters) = track.codec_params.as_ref().and_then(|parameters| parameters.audio()) else {
        return Err(unsupported("something unknown".to_owned()));
    };
    symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map(|decoder| (track.id, decoder))
        .map_err(|error| match error {
            SymphoniaError::Unsupported(_) => unsupported(codec_name(parameters.codec)),
            other => SoundFileError::Damaged {
                path: name.to_owned(),
                cause: other.to_string(),
            },
        })
}

/// Decodes every packet of one track into the mixer, to the end of the file or to where no more can be had.
fn decode_track(container: &mut dyn FormatReader, track_id: u32, decoder: &mut dyn AudioDecoder, mixer: &mut Mixer) {
    loop {
        let packet = match container.next_packet() {
            Ok(Some(packet)) if packet.track_id == track_id => packet,
            Ok(Some(_)) => continue,
            Ok(None) => return,
            Err(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                mixer.note("the file is cut off");
                return;
            }
            Err(SymphoniaError::ResetRequired) => {
                mixer.note("only the first of several chained streams was read");
                return;
            }
            Err(error) => {
                mixer.note(&error.to_string());
                return;
            }
        };
        match decoder.decode(&packet) {
            Ok(decoded) => {
                if !mixer.add(&decoded) {
                    return;
                }
            }
            Err(SymphoniaError::DecodeError(_) | SymphoniaError::IoError(_)) => mixer.skip(packet.dur.get()),
            Err(error) => {
                mixer.note(&error.to_string());
                return;
            }
        }
    }
}

/// Mixes decoded packets to one channel.
#[derive(Default)]
struct Mixer {
    samples: Vec<f32>,
    rate_hz: u32,
    interleaved: Vec<f32>,
    spoilt_packets: usize,
    damage: Option<String>,
}

impl Mixer {
    /// Adds a packet; `false` where no more can be taken.
    fn add(&mut self, decoded: &GenericAudioBufferRef<'_>) -> bool {
        let spec = decoded.spec();
        let channels = spec.channels().count();
        if channels == 0 || spec.rate() == 0 || decoded.frames() == 0 {
            return true;
        }
        if self.rate_hz == 0 {
            self.rate_hz = spec.rate();
        } else if self.rate_hz != spec.rate() {
            self.note("the sample rate changes midway; what follows was left out");
            return false;
        }
        decoded.copy_to_vec_interleaved(&mut self.interleaved);
        let room = MAX_SAMPLES - self.samples.len();
        let scale = 1.0 / channels as f32;
        self.samples
            .extend(self.interleaved.chunks_exact(channels).take(room).map(|frame| {
                let sum: f32 = frame.iter().filter(|sample| sample.is_finite()).sum();
                (sum * scale).clamp(-1.0, 1.0)
            }));
        if decoded.frames() > room {
            self.note("it is longer than this program takes at once; what follows was left out");
        }
        decoded.frames() <= room
    }

    /// Puts silence in the place of a packet that could not be decoded, so that what follows keeps its time.
    fn skip(&mut self, samples: u64) {
        self.spoilt_packets += 1;
        // Silence before the first good packet would hide a file with nothing good in it.
        if !self.samples.is_empty() {
            let room = MAX_SAMPLES - self.samples.len();
            let samples = usize::try_from(samples).unwrap_or(usize::MAX).min(room).min(1 << 16);
            self.samples.resize(self.samples.len() + samples, 0.0);
        }
    }

    fn note(&mut self, damage: &str) {
        self.damage.get_or_insert_with(|| damage.to_owned());
    }

    fn finish(mut self, announced: Option<u64>, name: &Path) -> Result<SoundTrack, SoundFileError> {
        if self.samples.is_empty() {
            let path = name.to_owned();
            let cause = match (self.damage, self.spoilt_packets) {
                (Some(damage), _) => damage,
                (None, 0) => return Err(SoundFileError::Empty { path }),
                (None, packets) => format!("none of its {packets} packets can be decoded"),
            };
            return Err(SoundFileError::Damaged { path, cause });
        }
        if self.spoilt_packets > 0 {
            self.note(&format!("{} packets could not be decoded", self.spoilt_packets));
        }
        let missing = announced.unwrap_or(0).saturating_sub(self.samples.len() as u64);
        // Encoders round announced lengths to whole packets; a tenth of a second is beyond any rounding.
        if missing > u64::from(self.rate_hz / 10) {
            let seconds = missing as f64 / f64::from(self.rate_hz);
            self.note(&format!("the file is cut off: its last {seconds:.1} s are missing"));
        }
        let sound = Sound {
            samples: self.samples,
            rate_hz: self.rate_hz,
        };
        Ok(SoundTrack {
            sound,
            stamp: Duration::ZERO,
            damage: self.damage,
        })
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
