//! Writes an MP4 file: the media as it comes, the index that tells where it lies at the end.

use std::io::{self, Seek, SeekFrom, Write};
use std::time::Duration;

use mp4_atom::{
    Co64, Codec, Dinf, Dref, DrefEntry, Edts, Elst, ElstEntry, Encode, FixedPoint, FourCC, Ftyp, Hdlr, Mdhd, Mdia,
    Minf, Moov, Mvhd, Smhd, Stbl, Stco, Stsc, StscEntry, Stsd, Stss, Stsz, StszSamples, Stts, SttsEntry, Tkhd, Trak,
    Url, Vmhd,
};

/// Ticks a second of the whole movie.
const MOVIE_TIMESCALE: u32 = 90_000;

/// How many samples are listed as one chunk at most, so that players find their way.
const MAX_CHUNK_SAMPLES: u32 = 32;

/// What is to be known of a finished track beside its samples.
#[derive(Debug)]
pub(crate) struct TrackFormat {
    pub codec: Codec,
    /// Ticks a second of its times.
    pub timescale: u32,
    /// Width and height in pixels, of a picture track; a sound track has none.
    pub size: Option<(u16, u16)>,
    pub shown: Shown,
}

/// Which part of a track is shown, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    /// When its first sample is shown.
    pub at: Duration,
    /// How many ticks of the track come before that sample.
    pub skipped_ticks: u64,
    /// How many ticks of the track are shown.
    pub length_ticks: u64,
}

#[derive(Default)]
struct TrackIndex {
    sizes: Vec<u32>,
    durations: Vec<SttsEntry>,
    /// Numbers, from one, of the samples that can be decoded without those before.
    sync: Vec<u32>,
    chunk_offsets: Vec<u64>,
    chunk_samples: Vec<u32>,
    ticks: u64,
}

/// An MP4 file in the making.
pub(crate) struct MovieWriter<W> {
    out: W,
    media_header_at: u64,
    position: u64,
    tracks: Vec<TrackIndex>,
    last_written: Option<usize>,
}

impl<W: Write + Seek> MovieWriter<W> {
    /// Begins a file with a number of tracks, which are counted from zero.
    pub fn new(mut out: W, tracks: usize) -> io::Result<Self> {
        let brands = [b"isom", b"iso2", b"avc1", b"mp41"].map(FourCC::new);
        let start = encoded(&Ftyp {
            major_brand: brands[0],
            minor_version: 512,
            compatible_brands: brands.to_vec(),
        })?;
        out.write_all(&start)?;
        // The length of the media is not known yet: sixteen bytes take a length of any size.
        out.write_all(&[0, 0, 0, 1, b'm', b'd', b'a', b't', 0, 0, 0, 0, 0, 0, 0, 0])?;
        let media_header_at = start.len() as u64;
        let tracks = (0..tracks).map(|_| TrackIndex::default()).collect();
        Ok(Self {
            out,
            media_header_at,
            position: media_header_at + 16,
            tracks,
            last_written: None,
        })
    }

    /// Appends a sample to a track. `sync`: it can be decoded without those before.
    pub fn write(&mut self, track: usize, sample: &[u8], duration_ticks: u32, sync: bool) -> io::Result<()> {
        let continues = self.last_written == Some(track);
        let index = self.tracks.get_mut(track).ok_or(io::ErrorKind::InvalidInput)?;
        let size = u32::try_from(sample.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.out.write_all(sample)?;
        match index.chunk_samples.last_mut() {
            Some(samples) if continues && *samples < MAX_CHUNK_SAMPLES => *samples += 1,
            _ => {
                index.chunk_offsets.push(self.position);
                index.chunk_samples.push(1);
            }
        }
        index.sizes.push(size);
        match index.durations.last_mut() {
            Some(run) if run.sample_delta == duration_ticks => run.sample_count += 1,
            _ => index.durations.push(SttsEntry {
                sample_count: 1,
                sample_delta: duration_ticks,
            }),
        }
        if sync {
            index.sync.push(index.sizes.len() as u32);
        }
        index.ticks += u64::from(duration_ticks);
        self.position += u64::from(size);
        self.last_written = Some(track);
        Ok(())
    }

    /// Total ticks that a track's samples last.
    pub fn ticks(&self, track: usize) -> u64 {
        self.tracks.get(track).map_or(0, |index| index.ticks)
    }

    /// Writes the index, for which each track is now described, and gives back the finished file.
    pub fn finish(mut self, formats: Vec<TrackFormat>) -> io::Result<W> {
        let end = formats
            .iter()
            .map(|format| movie_ticks(format.shown.at) + format.shown_movie_ticks())
            .max();
        let tracks = (1..)
            .zip(self.tracks)
            .zip(formats)
            .map(|((id, track), format)| track.describe(id, format));
        let tracks: Vec<Trak> = tracks.collect();
        let movie = Moov {
            mvhd: Mvhd {
                creation_time: 0,
                modification_time: 0,
                timescale: MOVIE_TIMESCALE,
                duration: end.unwrap_or(0),
                rate: FixedPoint::new(1, 0),
                volume: FixedPoint::new(1, 0),
                matrix: Default::default(),
                next_track_id: tracks.len() as u32 + 1,
            },
            trak: tracks,
            ..Moov::default()
        };
        self.out.write_all(&encoded(&movie)?)?;
        self.out.seek(SeekFrom::Start(self.media_header_at + 8))?;
        self.out
            .write_all(&(self.position - self.media_header_at).to_be_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl TrackFormat {
    fn shown_movie_ticks(&self) -> u64 {
        let length = u128::from(self.shown.length_ticks) * u128::from(MOVIE_TIMESCALE);
        u64::try_from(length.div_ceil(u128::from(self.timescale.max(1)))).unwrap_or(u64::MAX)
    }
}

impl TrackIndex {
    fn describe(self, track_id: u32, format: TrackFormat) -> Trak {
        let (delay, length) = (movie_ticks(format.shown.at), format.shown_movie_ticks());
        let edit = |segment_duration, media_time| ElstEntry {
            segment_duration,
            media_time,
            media_rate: FixedPoint::new(1, 0),
        };
        let mut entries = vec![edit(length, Some(format.shown.skipped_ticks))];
        if delay > 0 {
            entries.insert(0, edit(delay, None));
        }
        let is_video = format.size.is_some();
        let (width, height) = format.size.unwrap_or_default();
        Trak {
            tkhd: Tkhd {
                track_id,
                duration: delay + length,
                enabled: true,
                in_movie: true,
                alternate_group: u16::from(!is_video),
                volume: FixedPoint::new(u8::from(!is_video), 0),
                width: FixedPoint::new(width, 0),
                height: FixedPoint::new(height, 0),
                ..Tkhd::default()
            },
            edts: Some(Edts {
                elst: Some(Elst { entries }),
            }),
            mdia: Mdia {
                mdhd: Mdhd {
                    timescale: format.timescale,
                    duration: self.ticks,
                    language: "und".to_owned(),
                    ..Mdhd::default()
                },
                hdlr: Hdlr {
                    handler: FourCC::new(if is_video { b"vide" } else { b"soun" }),
                    name: if is_video { "VideoHandler" } else { "SoundHandler" }.to_owned(),
                },
                minf: Minf {
                    vmhd: is_video.then(Vmhd::default),
                    smhd: (!is_video).then(Smhd::default),
                    dinf: Dinf {
                        dref: Dref {
                            entries: vec![DrefEntry::Url(Url::default())],
                        },
                    },
                    stbl: self.tables(format.codec),
                    ..Minf::default()
                },
            },
            ..Trak::default()
        }
    }

    fn tables(self, codec: Codec) -> Stbl {
        let mut runs: Vec<StscEntry> = Vec::new();
        for (first_chunk, samples_per_chunk) in (1..).zip(self.chunk_samples) {
            if runs.last().is_none_or(|run| run.samples_per_chunk != samples_per_chunk) {
                runs.push(StscEntry {
                    first_chunk,
                    samples_per_chunk,
                    sample_description_index: 1,
                });
            }
        }
        let short: Option<Vec<u32>> = self
            .chunk_offsets
            .iter()
            .map(|offset| u32::try_from(*offset).ok())
            .collect();
        let long = short.is_none().then_some(Co64 {
            entries: self.chunk_offsets,
        });
        // Where every sample stands by itself the list of those that do is left out.
        let sync = (self.sync.len() < self.sizes.len()).then_some(Stss { entries: self.sync });
        Stbl {
            stsd: Stsd { codecs: vec![codec] },
            stts: Stts {
                entries: self.durations,
            },
            stss: sync,
            stsc: Stsc { entries: runs },
            stsz: Stsz {
                samples: StszSamples::Different { sizes: self.sizes },
            },
            stco: short.map(|entries| Stco { entries }),
            co64: long,
            ..Stbl::default()
        }
    }
}

fn movie_ticks(time: Duration) -> u64 {
    ticks_of(time, MOVIE_TIMESCALE)
}

/// A time in ticks, rounded to the nearest.
pub(crate) fn ticks_of(time: Duration, timescale: u32) -> u64 {
    u64::try_from((time.as_nanos() * u128::from(timescale) + 500_000_000) / 1_000_000_000).unwrap_or(u64::MAX)
}

fn encoded(atom: &impl Encode) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    atom.encode(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
