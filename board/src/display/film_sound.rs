//! The sound of a film.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config;
use flacenc::encode_fixed_size_frame;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};
use mp4_atom::{Audio, Codec, Dfla, FixedPoint, Flac, FlacMetadataBlock};

use crate::Sound;
use crate::mp4::{Movie, Sample, Shown, Stretch, TrackFormat, TrackKind, ticks_of};
use crate::sound_file::{SoundFileError, read_sound_track};

/// Samples in a FLAC frame, the number that encoders commonly take.
const FRAME_SAMPLES: usize = 4096;

/// The highest rate that the FLAC encoder takes; sounds of a higher one are halved.
const MAX_RATE_HZ: u32 = 96_000;

/// What a film is to sound like.
///
/// The AAC or MP3 of another MP4 film is taken over as it is. Any other sound is coded as FLAC: of all that browsers
/// (Firefox, Chrome and Safari), VLC and ffplay play in an MP4, it alone has a well-kept encoder in Rust under a free
/// licence without conditions. For AAC there is none, for MP3 only ones under the LGPL, Opus is refused by many players
/// in an MP4, and plain PCM by all browsers.
#[derive(Debug, Clone)]
pub enum FilmSound {
    /// No sound.
    Silent,
    /// The sound track of a film or a sound file, on that file's clock.
    Of(PathBuf),
    /// A sound, and when its first sample sounds.
    Given(Sound, Duration),
}

/// A sound track, packet by packet.
pub(super) enum SoundSource {
    Copied(Box<CopiedSound>),
    Coded(Box<CodedSound>),
}

/// A packet and how many ticks of the track it lasts.
pub(super) struct Packet<'a> {
    pub bytes: &'a [u8],
    pub ticks: u32,
}

impl SoundSource {
    /// Opens the source of a sound; `None` for silence.
    pub fn open(sound: FilmSound) -> Result<Option<Self>, SoundFileError> {
        match sound {
            FilmSound::Silent => Ok(None),
            FilmSound::Given(sound, stamp) => {
                Ok(CodedSound::new(sound, stamp).map(|coded| Self::Coded(Box::new(coded))))
            }
            FilmSound::Of(path) => {
                if let Some(copied) = CopiedSound::open(&path) {
                    return Ok(Some(Self::Copied(Box::new(copied))));
                }
                let track = read_sound_track(&path)?;
                Self::open(FilmSound::Given(track.sound, track.stamp))
            }
        }
    }

    /// Describes the track, `written_ticks` of which were written.
    pub fn format(&self, written_ticks: u64) -> TrackFormat {
        match self {
            Self::Copied(copied) => TrackFormat {
                codec: copied.codec.clone(),
                timescale: copied.timescale,
                size: None,
                shown: copied.shown(written_ticks),
            },
            Self::Coded(coded) => TrackFormat {
                codec: coded.description(),
                timescale: coded.sound.rate_hz,
                size: None,
                shown: Shown {
                    at: coded.stamp,
                    skipped_ticks: 0,
                    length_ticks: written_ticks,
                },
            },
        }
    }

    /// Ticks a second.
    pub fn timescale(&self) -> u32 {
        match self {
            Self::Copied(copied) => copied.timescale,
            Self::Coded(coded) => coded.sound.rate_hz,
        }
    }

    /// The next packet; `None` at the end.
    pub fn next_packet(&mut self) -> Option<Packet<'_>> {
        match self {
            Self::Copied(copied) => copied.next_packet(),
            Self::Coded(coded) => coded.next_packet(),
        }
    }

    /// When the first packet sounds, to lay the sound beside the pictures it belongs to.
    pub fn stamp(&self) -> Duration {
        match self {
            Self::Copied(copied) => copied.stretch.shown_at,
            Self::Coded(coded) => coded.stamp,
        }
    }
}

/// The packets of a track of another film.
pub(super) struct CopiedSound {
    file: File,
    codec: Codec,
    timescale: u32,
    samples: Vec<Sample>,
    stretch: Stretch,
    next: usize,
    packet: Vec<u8>,
}

impl CopiedSound {
    /// Opens the sound track of an MP4 film, where it can be taken over.
    fn open(path: &Path) -> Option<Self> {
        /// AAC packets have some hundred bytes, MP3 packets at most 1441.
        const MAX_PACKET_BYTES: u32 = 1 << 16;
        let mut file = File::open(path).ok()?;
        let movie = Movie::read(&mut file).ok()?;
        let track = movie.first_track(TrackKind::Sound)?;
        let codec = track.description.clone()?;
        let is_played = match &codec {
            // Object types of ISO/IEC 14496-1 table 5: MPEG-4 AAC, MPEG-2 layer 3, MPEG-1 layer 3.
            Codec::Mp4a(entry) => matches!(entry.esds.es_desc.dec_config.object_type_indication, 0x40 | 0x69 | 0x6B),
            _ => false,
        };
        let inside = |sample: &Sample| sample.offset.saturating_add(u64::from(sample.size)) <= movie.file_bytes;
        let samples: Vec<Sample> = track
            .samples()
            .into_iter()
            .take_while(|s| inside(s) && s.size <= MAX_PACKET_BYTES)
            .collect();
        (is_played && !samples.is_empty()).then(|| Self {
            file,
            codec,
            timescale: track.timescale,
            stretch: track.timeline.first_stretch(),
            samples,
            next: 0,
            packet: Vec::new(),
        })
    }

    fn next_packet(&mut self) -> Option<Packet<'_>> {
        let sample = self.samples.get(self.next)?;
        self.packet.resize(sample.size as usize, 0);
        self.file
            .seek(SeekFrom::Start(sample.offset))
            .and_then(|_| self.file.read_exact(&mut self.packet))
            .ok()?;
        self.next += 1;
        // The last packet has no successor to tell its length: it lasts as long as the one before.
        let end = self
            .samples
            .get(self.next)
            .map(|next| next.decode_ticks - sample.decode_ticks);
        let before = self.next.checked_sub(2).and_then(|before| self.samples.get(before));
        let ticks = end.or_else(|| before.map(|before| sample.decode_ticks - before.decode_ticks));
        let ticks = ticks.and_then(|ticks| u32::try_from(ticks).ok()).unwrap_or(1024);
        Some(Packet {
            bytes: &self.packet,
            ticks,
        })
    }

    fn shown(&self, written_ticks: u64) -> Shown {
        let first = self
            .samples
            .first()
            .map_or(0, |sample| u64::try_from(sample.decode_ticks).unwrap_or(0));
        let skipped_ticks = ticks_of(self.stretch.skipped, self.timescale)
            .saturating_sub(first)
            .min(written_ticks);
        let left = written_ticks - skipped_ticks;
        let length_ticks = self
            .stretch
            .length
            .map_or(left, |length| ticks_of(length, self.timescale).min(left));
        Shown {
            at: self.stretch.shown_at,
            skipped_ticks,
            length_ticks,
        }
    }
}

/// A sound, coded as FLAC of 16 bits.
pub(super) struct CodedSound {
    sound: Sound,
    stamp: Duration,
    config: Verified<config::Encoder>,
    stream_info: StreamInfo,
    samples: Vec<i32>,
    frame: FrameBuf,
    sink: ByteSink,
    next: usize,
}

impl CodedSound {
    /// Prepares to code a sound; `None` for one that has no sample, or no rate.
    fn new(mut sound: Sound, stamp: Duration) -> Option<Self> {
        while sound.rate_hz > MAX_RATE_HZ {
            sound.samples = sound
                .samples
                .chunks_exact(2)
                .map(|pair| (pair[0] + pair[1]) / 2.0)
                .collect();
            sound.rate_hz /= 2;
        }
        if sound.samples.is_empty() || sound.rate_hz == 0 {
            return None;
        }
        Some(Self {
            stream_info: StreamInfo::new(sound.rate_hz as usize, 1, 16).ok()?,
            config: config::Encoder::default().into_verified().ok()?,
            frame: FrameBuf::with_size(1, FRAME_SAMPLES).ok()?,
            samples: Vec::with_capacity(FRAME_SAMPLES),
            sink: ByteSink::new(),
            sound,
            stamp,
            next: 0,
        })
    }

    fn next_packet(&mut self) -> Option<Packet<'_>> {
        let start = self.next * FRAME_SAMPLES;
        let end = self.sound.samples.len().min(start + FRAME_SAMPLES);
        let samples = self
            .sound
            .samples
            .get(start..end)
            .filter(|samples| !samples.is_empty())?;
        self.samples.clear();
        self.samples.extend(
            samples
                .iter()
                .map(|sample| (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i32),
        );
        // A FLAC frame has sixteen samples at least; the very last may be filled with silence.
        self.samples.resize(self.samples.len().max(16), 0);
        self.frame.resize(self.samples.len());
        self.frame.fill_interleaved(&self.samples).ok()?;
        let frame = encode_fixed_size_frame(&self.config, &self.frame, self.next, &self.stream_info).ok()?;
        self.sink.clear();
        frame.write(&mut self.sink).ok()?;
        self.next += 1;
        Some(Packet {
            bytes: self.sink.as_slice(),
            ticks: (end - start) as u32,
        })
    }

    fn description(&self) -> Codec {
        let rate = self.sound.rate_hz;
        Codec::Flac(Flac {
            audio: Audio {
                data_reference_index: 1,
                channel_count: 1,
                sample_size: 16,
                // Rates of 65536 Hz and more do not fit in here; players take the one of the stream information.
                sample_rate: FixedPoint::new(u16::try_from(rate).unwrap_or(0), 0),
            },
            dfla: Dfla {
                blocks: vec![FlacMetadataBlock::StreamInfo {
                    minimum_block_size: FRAME_SAMPLES as u16,
                    maximum_block_size: FRAME_SAMPLES as u16,
                    minimum_frame_size: [0; 3].into(),
                    maximum_frame_size: [0; 3].into(),
                    sample_rate: rate,
                    num_channels_minus_one: 0,
                    bits_per_sample_minus_one: 15,
                    number_of_interchannel_samples: self.sound.samples.len() as u64,
                    md5_checksum: vec![0; 16],
                }],
            },
        })
    }
}
