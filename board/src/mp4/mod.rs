//! What an MP4 or QuickTime file holds: its tracks, where their samples lie and when they are shown.
//!
//! The boxes are decoded by `mp4-atom`, one by one: a box that is odd spoils only what depends on it. `re_mp4` and `mp4`
//! were weighed and left, as they panic on damaged tables and refuse a file whose end is missing.

mod samples;
mod timeline;
mod writer;

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use mp4_atom::{Atom, Codec, Decode, Elst, FourCC, Hdlr, Header, Mdhd, Moof, Mvhd, Stsd, Tkhd, Trex};
use thiserror::Error;

pub(crate) use samples::Sample;
use samples::{Tables, append_fragment};
pub(crate) use timeline::{Stretch, Timeline, ticks};
pub(crate) use writer::{MovieWriter, Shown, TrackFormat, ticks_of};

/// The largest index (`moov` or `moof` box) that is read; ten hours of film have some 20 MB.
const MAX_INDEX_BYTES: usize = 256 << 20;

/// The boxes that a file may begin with; QuickTime files of old have no `ftyp`.
const FIRST_BOXES: [&[u8; 4]; 9] = [
    b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid",
];

/// Why a file could not be read as MP4.
#[derive(Debug, Error)]
pub(crate) enum Mp4Error {
    /// The bytes are not those of an MP4 file.
    #[error("its first bytes are not those of an MP4 or MOV file")]
    NotMp4,
    /// The file holds media but not the index that tells where it lies.
    #[error("its index is missing")]
    NoIndex,
    /// The index is damaged.
    #[error("its index is damaged ({0})")]
    Damaged(String),
    /// The bytes could not be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrackKind {
    Video,
    Sound,
    Other,
}

/// A film, or a sound, in an MP4 file.
#[derive(Debug)]
pub(crate) struct Movie {
    pub tracks: Vec<Track>,
    /// Length of the file.
    pub file_bytes: u64,
}

/// One track of a movie.
#[derive(Debug)]
pub(crate) struct Track {
    pub id: u32,
    pub kind: TrackKind,
    /// Ticks a second of all its times.
    pub timescale: u32,
    pub timeline: Timeline,
    /// By how many quarter turns clockwise the picture is to be turned before it is shown.
    pub quarter_turns: u8,
    /// The four letters that name its coding, such as `avc1`.
    pub coding: [u8; 4],
    /// How its samples are coded, where the description could be read.
    pub description: Option<Codec>,
    tables: Tables,
    fragments: Vec<Sample>,
}

impl Movie {
    /// Reads the index of a file; the media itself is not touched.
    pub fn read(source: &mut (impl Read + Seek)) -> Result<Self, Mp4Error> {
        let file_bytes = source.seek(SeekFrom::End(0))?;
        let mut movie = None;
        let mut next_ticks = Vec::new();
        let mut offset = 0;
        while offset < file_bytes {
            source.seek(SeekFrom::Start(offset))?;
            let Some(header) = read_header(source)? else { break };
            let kind: [u8; 4] = header.kind.into();
            if offset == 0 && !FIRST_BOXES.contains(&&kind) {
                return Err(Mp4Error::NotMp4);
            }
            let body_offset = source.stream_position()?;
            let end = header
                .size
                .map_or(file_bytes, |size| body_offset.saturating_add(size as u64));
            match &kind {
                b"moov" if end > file_bytes => return Err(Mp4Error::NoIndex),
                b"moov" if movie.is_none() => {
                    let index = read_index(source, end - body_offset)?;
                    let (read, defaults) = Self::from_index(&index, file_bytes)?;
                    next_ticks = vec![0; defaults.len()];
                    movie = Some((read, defaults));
                }
                b"moof" if end <= file_bytes => {
                    if let Some((movie, defaults)) = &mut movie {
                        let index = read_index(source, end - body_offset)?;
                        if let Some(moof) = decode(&index) {
                            movie.append(&moof, offset, defaults, &mut next_ticks);
                        }
                    }
                }
                _ => {}
            }
            offset = end;
        }
        match movie {
            Some((movie, _)) => Ok(movie),
            None if offset > 0 => Err(Mp4Error::NoIndex),
            None => Err(Mp4Error::NotMp4),
        }
    }

    /// The first track of a kind that holds anything.
    pub fn first_track(&self, kind: TrackKind) -> Option<&Track> {
        let mut tracks = self.tracks.iter().filter(|track| track.kind == kind);
        tracks
            .clone()
            .find(|track| track.announced() > 0)
            .or_else(|| tracks.next())
    }

    fn from_index(index: &[u8], file_bytes: u64) -> Result<(Self, Vec<Trex>), Mp4Error> {
        let timescale = leaf::<Mvhd>(index, &[]).map_or(1000, |header| header.timescale);
        let tracks: Vec<Track> = children(index, *b"trak")
            .filter_map(|body| Track::from_index(body, timescale))
            .collect();
        if tracks.is_empty() {
            return Err(Mp4Error::Damaged("it lists no track".to_owned()));
        }
        let extends = child(index, *b"mvex");
        let defaults = extends
            .into_iter()
            .flat_map(|body| children(body, *b"trex"))
            .filter_map(decode::<Trex>)
            .collect();
        Ok((Self { tracks, file_bytes }, defaults))
    }

    fn append(&mut self, moof: &Moof, moof_offset: u64, defaults: &[Trex], next_ticks: &mut [i64]) {
        for (trex, next_ticks) in defaults.iter().zip(next_ticks) {
            if let Some(track) = self.tracks.iter_mut().find(|track| track.id == trex.track_id) {
                append_fragment(&mut track.fragments, next_ticks, moof, moof_offset, trex);
            }
        }
    }
}

impl Track {
    fn from_index(body: &[u8], movie_timescale: u32) -> Option<Self> {
        let header: Tkhd = leaf(body, &[])?;
        let media: Mdhd = leaf(body, &[*b"mdia"])?;
        let kind = match &leaf::<Hdlr>(body, &[*b"mdia"])?.handler.into() {
            b"vide" => TrackKind::Video,
            b"soun" => TrackKind::Sound,
            _ => TrackKind::Other,
        };
        let table = descend(body, &[*b"mdia", *b"minf", *b"stbl"])?;
        let entry = child(table, *b"stsd")
            .and_then(|stsd| stsd.get(12..16))
            .and_then(|letters| letters.try_into().ok());
        let edits: Option<Elst> = leaf(body, &[*b"edts"]);
        Some(Self {
            id: header.track_id,
            kind,
            timescale: media.timescale.max(1),
            timeline: Timeline::new(media.timescale, movie_timescale, edits.as_ref()),
            quarter_turns: quarter_turns(&header.matrix),
            coding: entry.unwrap_or(*b"none"),
            description: leaf::<Stsd>(table, &[]).and_then(|stsd| stsd.codecs.into_iter().next()),
            tables: Tables {
                sizes: leaf(table, &[]).unwrap_or_default(),
                durations: leaf(table, &[]).unwrap_or_default(),
                compositions: leaf(table, &[]),
                runs: leaf(table, &[]).unwrap_or_default(),
                offsets: leaf(table, &[]),
                long_offsets: leaf(table, &[]),
            },
            fragments: Vec::new(),
        })
    }

    /// Number of samples that the index announces.
    pub fn announced(&self) -> usize {
        self.tables.announced() + self.fragments.len()
    }

    /// The samples in decoding order.
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = self.tables.list();
        samples.extend_from_slice(&self.fragments);
        samples
    }
}

/// Reads a box's header; `None` where the file ends within it.
fn read_header(source: &mut impl Read) -> Result<Option<Header>, Mp4Error> {
    let mut bytes = [0; 16];
    let mut filled = 0;
    let mut wanted = 8;
    while filled < wanted {
        match source.read(&mut bytes[filled..wanted]) {
            Ok(0) => return Ok(None),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        if filled == 8 && bytes[..4] == [0, 0, 0, 1] {
            wanted = 16;
        }
    }
    Header::decode(&mut &bytes[..filled])
        .map(Some)
        .map_err(|_| Mp4Error::NotMp4)
}

fn read_index(source: &mut impl Read, bytes: u64) -> Result<Vec<u8>, Mp4Error> {
    if bytes > MAX_INDEX_BYTES as u64 {
        return Err(Mp4Error::Damaged(format!("it claims {bytes} bytes")));
    }
    let mut index = Vec::new();
    source.take(bytes).read_to_end(&mut index)?;
    Ok(index)
}

/// The bodies of all boxes of a kind that lie directly in `body`. A box that is cut off ends with `body`.
fn children(mut body: &[u8], kind: [u8; 4]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while body.len() >= 8 {
            let mut rest = body;
            let header = Header::decode(&mut rest).ok()?;
            let size = header.size.unwrap_or(rest.len()).min(rest.len());
            let (inside, after) = rest.split_at(size);
            body = after;
            if header.kind == FourCC::new(&kind) {
                return Some(inside);
            }
        }
        None
    })
}

fn child(body: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    children(body, kind).next()
}

fn descend<'a>(body: &'a [u8], path: &[[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(body, |body, kind| child(body, *kind))
}

fn decode<T: Atom>(body: &[u8]) -> Option<T> {
    T::decode_body(&mut &body[..]).ok()
}

/// Decodes the first box of the type's kind at the end of a path of boxes.
fn leaf<T: Atom>(body: &[u8], path: &[[u8; 4]]) -> Option<T> {
    child(descend(body, path)?, T::KIND.into()).and_then(decode)
}

/// The turn that a track's matrix asks for. Mirror images and slants are not made by cameras and count as no turn.
fn quarter_turns(matrix: &mp4_atom::Matrix) -> u8 {
    match (
        matrix.a.signum(),
        matrix.b.signum(),
        matrix.c.signum(),
        matrix.d.signum(),
    ) {
        (0, 1, -1, 0) => 1,
        (-1, 0, 0, -1) => 2,
        (0, -1, 1, 0) => 3,
        _ => 0,
    }
}
