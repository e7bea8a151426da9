//! A film in place of a screen.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::Canvas;
use super::film_sound::{FilmSound, SoundSource};
use super::film_video::VideoCoder;
use crate::mp4::{MovieWriter, Shown, TrackFormat, ticks, ticks_of};
use crate::picture_file::MAX_PIXELS;
use crate::replace::Replacement;
use crate::sound_file::SoundFileError;

/// Ticks a second of the picture track: the common multiple of the usual frame rates.
const TIMESCALE: u32 = 90_000;

/// Numbers of the tracks.
const PICTURE_TRACK: usize = 0;
const SOUND_TRACK: usize = 1;

/// Why a film was not written; no file was left or changed.
#[derive(Debug, Error)]
pub enum FilmWriteError {
    /// The file could not be written: look at the directory, its permissions and the room on the disk.
    #[error("cannot write the film {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The sound could not be read: the film can be written without.
    #[error(transparent)]
    Sound(#[from] SoundFileError),
    /// Pictures of this size cannot be coded.
    #[error("a film cannot have pictures of {width}×{height} pixels; give at least one pixel and at most {} million", MAX_PIXELS / 1_000_000)]
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A picture has another size than the film.
    #[error("a picture of {bytes} bytes does not fit the film, whose pictures have {expected}; give all the same size")]
    Picture {
        /// How many bytes the picture has.
        bytes: usize,
        /// How many it should have: width × height × 3.
        expected: usize,
    },
    /// The pictures do not come in order.
    #[error("a picture for {stamp:?} comes after one for {before:?}; give them in the order in which they are shown")]
    Order {
        /// When the picture is to be shown.
        stamp: Duration,
        /// When the one before is.
        before: Duration,
    },
    /// The encoder failed.
    #[error("the film {} cannot be coded: OpenH264 says: {cause}", path.display())]
    Coding {
        /// The file.
        path: PathBuf,
        /// What it said.
        cause: String,
    },
    /// No picture was given.
    #[error("the film {} would be empty: no picture was given", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Records pictures as a film: H.264 in MP4, which browsers, VLC and ffplay play; see [`FilmSound`] for the sound.
///
/// The film bears its name once it is finished; a writer that is dropped before leaves nothing behind.
pub struct FilmWriter {
    path: PathBuf,
    file: MovieWriter<BufWriter<Replacement>>,
    coder: VideoCoder,
    sound: Option<SoundSource>,
    picture_bytes: usize,
    frame_ticks: u64,
    first_stamp: Duration,
    /// The picture that waits for the next to know how long it is shown.
    waiting: Option<Waiting>,
    units: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Waiting {
    stamp: Duration,
    sync: bool,
}

impl FilmWriter {
    /// Begins a film with pictures of a size in pixels.
    ///
    /// `rate_hz`, about how many pictures come in a second, decides how many bits each is given and how long the last is
    /// shown; for all others that follows from the stamps.
    pub fn create(
        path: &Path,
        width: usize,
        height: usize,
        rate_hz: f64,
        sound: FilmSound,
    ) -> Result<Self, FilmWriteError> {
        if width == 0 || height == 0 || width.saturating_mul(height) as u64 > MAX_PIXELS {
            return Err(FilmWriteError::Size { width, height });
        }
        let sound = SoundSource::open(sound)?;
        let coder = VideoCoder::new(width, height, rate_hz).map_err(|cause| FilmWriteError::Coding {
            path: path.to_owned(),
            cause,
        })?;
        let tracks = 1 + usize::from(sound.is_some());
        let file = Replacement::create(path)
            .and_then(|file| MovieWriter::new(BufWriter::new(file), tracks))
            .map_err(|source| FilmWriteError::Unwritable {
                path: path.to_owned(),
                source,
            })?;
        let frame_ticks = (f64::from(TIMESCALE) / rate_hz.clamp(0.1, 1000.0)).round() as u64;
        Ok(Self {
            path: path.to_owned(),
            file,
            coder,
            sound,
            picture_bytes: width * height * 3,
            frame_ticks,
            first_stamp: Duration::ZERO,
            waiting: None,
            units: Vec::new(),
        })
    }

    /// Adds what is on a canvas, shown from `stamp` on the clock of the sound.
    pub fn write(&mut self, canvas: &Canvas, stamp: Duration) -> Result<(), FilmWriteError> {
        self.write_rgb(canvas.bytes(), stamp)
    }

    /// Adds a tightly packed RGB picture, shown from `stamp` on the clock of the sound.
    pub fn write_rgb(&mut self, rgb: &[u8], stamp: Duration) -> Result<(), FilmWriteError> {
        if rgb.len() != self.picture_bytes {
            return Err(FilmWriteError::Picture {
                bytes: rgb.len(),
                expected: self.picture_bytes,
            });
        }
        match self.waiting {
            None => self.first_stamp = stamp,
            Some(Waiting { stamp: before, .. }) if stamp <= before => {
                return Err(FilmWriteError::Order { stamp, before });
            }
            Some(_) => self.write_waiting(ticks_of(stamp, TIMESCALE))?,
        }
        let coded = self.coder.code(rgb).map_err(|cause| FilmWriteError::Coding {
            path: self.path.clone(),
            cause,
        })?;
        self.units.clear();
        self.units.extend_from_slice(coded.units);
        self.waiting = Some(Waiting {
            stamp,
            sync: coded.sync,
        });
        Ok(())
    }

    /// Writes the index and gives the film its name.
    pub fn finish(mut self) -> Result<(), FilmWriteError> {
        let Some(last) = self.waiting else {
            return Err(FilmWriteError::Empty { path: self.path });
        };
        self.write_waiting(ticks_of(last.stamp, TIMESCALE) + self.frame_ticks)?;
        self.write_sound_until(Duration::MAX)?;
        let path = self.path;
        let unwritable = |source| FilmWriteError::Unwritable {
            path: path.clone(),
            source,
        };
        let codec = self.coder.description().map_err(|cause| FilmWriteError::Coding {
            path: path.clone(),
            cause,
        })?;
        let length_ticks = self.file.ticks(PICTURE_TRACK);
        let shown = Shown {
            at: self.first_stamp,
            skipped_ticks: 0,
            length_ticks,
        };
        let mut formats = vec![TrackFormat {
            codec,
            timescale: TIMESCALE,
            size: Some(self.coder.size()),
            shown,
        }];
        formats.extend(self.sound.map(|sound| sound.format(self.file.ticks(SOUND_TRACK))));
        let file = self.file.finish(formats).map_err(unwritable)?;
        let file = file.into_inner().map_err(|error| unwritable(error.into_error()))?;
        file.take_place().map_err(unwritable)
    }

    /// Writes the picture that waits, which is shown until `end_ticks`, after the sound that comes before it.
    fn write_waiting(&mut self, end_ticks: u64) -> Result<(), FilmWriteError> {
        let Some(Waiting { stamp, sync }) = self.waiting else {
            return Ok(());
        };
        self.write_sound_until(stamp)?;
        let begin_ticks = ticks_of(self.first_stamp, TIMESCALE) + self.file.ticks(PICTURE_TRACK);
        let duration = u32::try_from(end_ticks.saturating_sub(begin_ticks)).unwrap_or(u32::MAX);
        let written = self.file.write(PICTURE_TRACK, &self.units, duration, sync);
        written.map_err(|source| FilmWriteError::Unwritable {
            path: self.path.clone(),
            source,
        })
    }

    /// Lays the packets of the sound that begin before a time into the file, so that a player finds both together.
    fn write_sound_until(&mut self, end: Duration) -> Result<(), FilmWriteError> {
        let Some(sound) = &mut self.sound else {
            return Ok(());
        };
        let timescale = sound.timescale();
        while sound.stamp() + ticks(self.file.ticks(SOUND_TRACK), timescale) < end {
            let Some(packet) = sound.next_packet() else { break };
            let written = self.file.write(SOUND_TRACK, packet.bytes, packet.ticks, true);
            written.map_err(|source| FilmWriteError::Unwritable {
                path: self.path.clone(),
                source,
            })?;
        }
        Ok(())
    }
}
