//! A film in place of a camera.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;
use thiserror::Error;

use super::h264::{Configuration, append_unit};
use super::yuv::{Colours, Planes, turn};
use super::{Camera, Length};
use crate::capture::{CaptureError, Delivery};
use crate::container::{START_BYTES, container_name};
use crate::mp4::{Movie, Mp4Error, Sample, Timeline, TrackKind};
use crate::{Frame, Picture};

/// The largest coded picture that is read.
const MAX_SAMPLE_BYTES: u32 = 64 << 20;

/// How many pictures H.264 may hold back to bring them into order (ITU-T H.264 §A.3.1).
const MAX_HELD_BACK: usize = 16;

/// Why a film could not be opened.
#[derive(Debug, Error)]
pub enum FilmError {
    /// The file could not be opened or read: look at the path and its permissions.
    #[error("cannot read the film {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No bytes, or no frames.
    #[error("the film {} is empty: it holds no frame", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The content is no film.
    #[error("{} is not a film this program reads ({found}); give an MP4 or MOV file with H.264", path.display())]
    NotAFilm {
        /// The file.
        path: PathBuf,
        /// What the content looks like.
        found: String,
    },
    /// A film that is packed or coded in another way: convert it, or install `ffmpeg`, which then decodes it.
    #[error("the film {} is {found}, which this program does not decode by itself; convert it to H.264 in MP4, or install ffmpeg", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The coding or the container, by its usual name.
        found: String,
    },
    /// The container holds sound alone.
    #[error("{} has no picture track; give a picture beside it", path.display())]
    NoPicture {
        /// The file.
        path: PathBuf,
    },
    /// Damaged or cut off before any frame could be had: fetch or record it again.
    #[error("the film {} is damaged or cut off ({cause}); fetch or record it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
}

/// Where a film stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// The coded pictures are used up; the decoder still gives those it held back.
    Draining,
    Ended,
}

/// A film in an MP4 or MOV file with H.264 (8 bits, 4:2:0, progressive), decoded by OpenH264.
///
/// Frames come in the order and with the stamps in which they are shown: edit lists are followed, and the turn that a
/// phone notes for a film that it took upright is made. Of a film that is cut off, the frames before the cut are
/// delivered, then [`CaptureError::Incomplete`].
pub struct Film<S = BufReader<File>> {
    name: String,
    source: S,
    file_bytes: u64,
    samples: Vec<Sample>,
    next: usize,
    timeline: Timeline,
    quarter_turns: u8,
    length: Length,
    colours: Colours,
    decoder: Decoder,
    prefix_bytes: usize,
    /// Sequence and picture parameter sets, to be decoded before the first picture.
    parameter_sets: Vec<u8>,
    coded: Vec<u8>,
    stream: Vec<u8>,
    upright: Vec<u8>,
    /// Composition times of the pictures in the decoder, the next to be shown last.
    held_back: Vec<i64>,
    drained: std::vec::IntoIter<Frame>,
    stage: Stage,
    delivered: usize,
    last_stamp: Option<Duration>,
    cut: bool,
}

impl Film {
    /// Opens a film file.
    pub fn open(path: &Path) -> Result<Self, FilmError> {
        let unreadable = |source| FilmError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
        }
        Self::read(BufReader::new(file), path)
    }
}

impl<S: Read + Seek> Film<S> {
    /// Opens a film in any source of bytes; `name` stands for the path in errors.
    pub fn read(mut source: S, name: &Path) -> Result<Self, FilmError> {
        let path = || name.to_owned();
        let movie = match Movie::read(&mut source) {
            Ok(movie) => movie,
            Err(error) => return Err(refusal(error, &mut source, name)),
        };
        let track = movie
            .first_track(TrackKind::Video)
            .ok_or_else(|| FilmError::NoPicture { path: path() })?;
        let configuration = Configuration::of(track, name)?;
        let samples = track.samples();
        let mut shown: Vec<Duration> = samples
            .iter()
            .filter_map(|sample| track.timeline.shown(sample.composition_ticks))
            .collect();
        shown.sort_unstable();
        shown.dedup();
        let (Some(first), Some(last)) = (shown.first(), shown.last()) else {
            return Err(FilmError::Empty { path: path() });
        };
        // A film's last frame has no successor to end it: it is taken to last as long as the others on average.
        let frame_time = (*last - *first).checked_div(u32::try_from(shown.len() - 1).unwrap_or(u32::MAX));
        let duration = *last - *first + frame_time.unwrap_or_default();
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let decoder =
            Decoder::with_api_config(OpenH264API::from_source(), config).map_err(|error| FilmError::Damaged {
                path: path(),
                cause: format!("OpenH264 does not start: {error}"),
            })?;
        Ok(Self {
            name: name.display().to_string(),
            file_bytes: movie.file_bytes,
            length: Length {
                frames: Some(shown.len()),
                duration: Some(duration),
            },
            timeline: track.timeline.clone(),
            quarter_turns: track.quarter_turns,
            colours: configuration.colours,
            prefix_bytes: configuration.prefix_bytes,
            parameter_sets: configuration.parameter_sets,
            source,
            samples,
            decoder,
            next: 0,
            coded: Vec::new(),
            stream: Vec::new(),
            upright: Vec::new(),
            held_back: Vec::new(),
            drained: Vec::new().into_iter(),
            stage: Stage::Running,
            delivered: 0,
            last_stamp: None,
            cut: false,
        })
    }

    /// Decodes the next coded picture; `true` where that filled `into` with a frame that is shown.
    fn advance(&mut self, into: &mut Frame) -> Result<bool, CaptureError> {
        let Some(sample) = self.samples.get(self.next).copied() else {
            self.drain();
            return Ok(false);
        };
        self.next += 1;
        if sample.size > MAX_SAMPLE_BYTES {
            return Ok(false);
        }
        if sample.offset.saturating_add(u64::from(sample.size)) > self.file_bytes {
            self.cut = true;
            return Ok(false);
        }
        self.load(sample).map_err(|error| CaptureError::GiveUp {
            device: self.name.clone(),
            cause: format!("cannot be read any further: {error}"),
        })?;
        let at = self.held_back.partition_point(|held| *held > sample.composition_ticks);
        self.held_back.insert(at, sample.composition_ticks);
        if self.held_back.len() > MAX_HELD_BACK + 1 {
            self.held_back.pop();
        }
        let Ok(decoded) = self.decoder.decode(&self.stream) else {
            self.held_back.remove(at.min(self.held_back.len() - 1));
            return Ok(false);
        };
        let Some(decoded) = decoded else {
            return Ok(false);
        };
        let Some(stamp) = self.held_back.pop().and_then(|ticks| self.timeline.shown(ticks)) else {
            return Ok(false);
        };
        if !rises(&mut self.last_stamp, stamp) {
            return Ok(false);
        }
        into.stamp = stamp;
        develop(
            &decoded,
            self.colours,
            self.quarter_turns,
            &mut self.upright,
            &mut into.picture,
        );
        Ok(true)
    }

    /// Reads a coded picture and turns its length prefixes into start codes, which is what the decoder takes.
    fn load(&mut self, sample: Sample) -> std::io::Result<()> {
        self.coded.resize(sample.size as usize, 0);
        self.source.seek(SeekFrom::Start(sample.offset))?;
        self.source.read_exact(&mut self.coded)?;
        self.stream.clear();
        self.stream.append(&mut self.parameter_sets);
        let mut rest = self.coded.as_slice();
        while let Some((prefix, after)) = rest.split_at_checked(self.prefix_bytes) {
            let length = prefix
                .iter()
                .fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
            let (unit, after) = after.split_at(length.min(after.len()));
            append_unit(&mut self.stream, unit);
            rest = after;
        }
        Ok(())
    }

    /// Takes the frames that the decoder held back.
    fn drain(&mut self) {
        self.stage = Stage::Draining;
        let mut frames = Vec::new();
        for decoded in self.decoder.flush_remaining().unwrap_or_default() {
            let stamp = self.held_back.pop().and_then(|ticks| self.timeline.shown(ticks));
            if let Some(stamp) = stamp.filter(|stamp| rises(&mut self.last_stamp, *stamp)) {
                let mut frame = Frame {
                    stamp,
                    ..Frame::default()
                };
                develop(
                    &decoded,
                    self.colours,
                    self.quarter_turns,
                    &mut self.upright,
                    &mut frame.picture,
                );
                frames.push(frame);
            }
        }
        self.drained = frames.into_iter();
    }

    /// What is to be said when all frames have been delivered.
    fn end(&mut self) -> Result<Delivery, CaptureError> {
        self.stage = Stage::Ended;
        let device = self.name.clone();
        let expected = self.length.frames.unwrap_or(0);
        let missing = expected.saturating_sub(self.delivered);
        let cause = match (self.delivered, self.cut) {
            (0, false) => {
                let cause =
                    "none of its frames can be decoded; convert it to progressive H.264 in MP4, or install ffmpeg";
                return Err(CaptureError::GiveUp {
                    device,
                    cause: cause.to_owned(),
                });
            }
            (0, true) => {
                return Err(CaptureError::GiveUp {
                    device,
                    cause: "it is cut off before its first frame".to_owned(),
                });
            }
            _ if missing == 0 => return Ok(Delivery::Ended),
            (_, true) => format!("the file is cut off: the last {missing} of {expected} frames are missing"),
            (_, false) => format!("the file is damaged: {missing} of {expected} frames could not be decoded"),
        };
        Err(CaptureError::Incomplete { device, cause })
    }
}

impl<S: Read + Seek> Camera for Film<S> {
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        while self.stage == Stage::Running {
            if self.advance(into)? {
                self.delivered += 1;
                return Ok(Delivery::Fresh);
            }
        }
        if let Some(frame) = self.drained.next() {
            *into = frame;
            self.delivered += 1;
            return Ok(Delivery::Fresh);
        }
        match self.stage {
            Stage::Ended => Ok(Delivery::Ended),
            _ => self.end(),
        }
    }

    fn length(&self) -> Length {
        self.length
    }
}

/// Whether a stamp is later than the last, which it then becomes; in a damaged film it may not be.
fn rises(last: &mut Option<Duration>, stamp: Duration) -> bool {
    let rises = last.is_none_or(|last| stamp > last);
    if rises {
        *last = Some(stamp);
    }
    rises
}

/// Turns a decoded picture into RGB, upright.
fn develop(
    decoded: &DecodedYUV<'_>,
    colours: Colours,
    quarter_turns: u8,
    upright: &mut Vec<u8>,
    picture: &mut Picture,
) {
    let (width, height) = decoded.dimensions();
    let (luma_stride, chroma_stride, _) = decoded.strides();
    let planes = Planes {
        width,
        height,
        luma: decoded.y(),
        u: decoded.u(),
        v: decoded.v(),
        luma_stride,
        chroma_stride,
    };
    if quarter_turns == 0 {
        planes.write_rgb(colours, picture.become_rgb(width, height));
        return;
    }
    upright.resize(width * height * 3, 0);
    planes.write_rgb(colours, upright);
    let (turned_width, turned_height) = if quarter_turns % 2 == 1 {
        (height, width)
    } else {
        (width, height)
    };
    turn(
        upright,
        width,
        height,
        quarter_turns,
        picture.become_rgb(turned_width, turned_height),
    );
}

fn refusal(error: Mp4Error, source: &mut (impl Read + Seek), name: &Path) -> FilmError {
    let path = name.to_owned();
    match error {
        Mp4Error::Io(source) => FilmError::Unreadable { path, source },
        Mp4Error::NoIndex => {
            let cause = "its index is missing, as when a recording was broken off or a download is incomplete";
            FilmError::Damaged {
                path,
                cause: cause.to_owned(),
            }
        }
        Mp4Error::Damaged(_) => FilmError::Damaged {
            path,
            cause: error.to_string(),
        },
        Mp4Error::NotMp4 => {
            let mut start = Vec::new();
            match source
                .seek(SeekFrom::Start(0))
                .and_then(|_| source.take(START_BYTES).read_to_end(&mut start))
            {
                Err(source) => FilmError::Unreadable { path, source },
                Ok(0) => FilmError::Empty { path },
                Ok(_) => match container_name(&start) {
                    Some(found) => FilmError::Unsupported {
                        path,
                        found: format!("packed as {found}"),
                    },
                    None => FilmError::NotAFilm {
                        path,
                        found: error.to_string(),
                    },
                },
            }
        }
    }
}
