//! Where the samples of a track lie in the file, and their times: the sample tables (ISO/IEC 14496-12 §8.6 and §8.7) and
//! the runs of movie fragments (§8.8).

use mp4_atom::{Co64, Ctts, Moof, Stco, Stsc, Stsz, StszSamples, Stts, Traf, Trex, Trun, TrunEntry};

/// The most samples listed of one track (five days of film at 30 frames a second).
pub(crate) const MAX_SAMPLES: usize = 1 << 24;

/// One coded picture, or one packet of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Where its bytes begin in the file.
    pub offset: u64,
    /// How many bytes it has.
    pub size: u32,
    /// When it is to be decoded, in ticks of the track.
    pub decode_ticks: i64,
    /// When it is to be shown, in ticks of the track, before edits.
    pub composition_ticks: i64,
}

/// The tables of a track, as far as they could be read.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub sizes: Stsz,
    pub durations: Stts,
    pub compositions: Option<Ctts>,
    pub runs: Stsc,
    pub offsets: Option<Stco>,
    pub long_offsets: Option<Co64>,
}

impl Tables {
    /// Number of samples that the tables announce.
    pub fn announced(&self) -> usize {
        match &self.sizes.samples {
            StszSamples::Identical { count, .. } => *count as usize,
            StszSamples::Different { sizes } => sizes.len(),
        }
    }

    fn size(&self, index: usize) -> Option<u32> {
        match &self.sizes.samples {
            StszSamples::Identical { count, size } => (index < *count as usize).then_some(*size),
            StszSamples::Different { sizes } => sizes.get(index).copied(),
        }
    }

    fn chunk_offset(&self, chunk: usize) -> Option<u64> {
        let short = self
            .offsets
            .as_ref()
            .and_then(|table| table.entries.get(chunk).copied().map(u64::from));
        short.or_else(|| {
            self.long_offsets
                .as_ref()
                .and_then(|table| table.entries.get(chunk).copied())
        })
    }

    /// Lists the samples in decoding order; where the tables contradict each other the list ends.
    pub fn list(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        let mut durations = Runs::new(
            self.durations
                .entries
                .iter()
                .map(|run| (run.sample_count, i64::from(run.sample_delta))),
        );
        let compositions = self
            .compositions
            .as_ref()
            .map(|table| table.entries.as_slice())
            .unwrap_or_default();
        let mut compositions = Runs::new(compositions.iter().map(|run| (run.sample_count, run.sample_offset)));
        let mut decode_ticks = 0_i64;
        for (position, run) in self.runs.entries.iter().enumerate() {
            let first_chunk = run.first_chunk.saturating_sub(1) as usize;
            let next_chunk = self
                .runs
                .entries
                .get(position + 1)
                .map(|next| next.first_chunk.saturating_sub(1) as usize);
            if next_chunk.is_some_and(|next| next <= first_chunk) {
                return samples;
            }
            let next_chunk = next_chunk.unwrap_or(usize::MAX);
            for chunk in first_chunk..next_chunk {
                let Some(mut offset) = self.chunk_offset(chunk) else {
                    return samples;
                };
                for _ in 0..run.samples_per_chunk {
                    let Some(size) = self.size(samples.len()).filter(|_| samples.len() < MAX_SAMPLES) else {
                        return samples;
                    };
                    let composition_ticks = decode_ticks.saturating_add(compositions.next_value().unwrap_or(0));
                    samples.push(Sample {
                        offset,
                        size,
                        decode_ticks,
                        composition_ticks,
                    });
                    offset = offset.saturating_add(u64::from(size));
                    decode_ticks = decode_ticks.saturating_add(durations.next_value().unwrap_or(0));
                }
            }
        }
        samples
    }
}

/// Values of a run-length coded table, one after the other; the last is repeated for ever.
struct Runs<I> {
    runs: I,
    left: u32,
    value: Option<i64>,
}

impl<I: Iterator<Item = (u32, i64)>> Runs<I> {
    fn new(runs: I) -> Self {
        Self {
            runs,
            left: 0,
            value: None,
        }
    }

    fn next_value(&mut self) -> Option<i64> {
        while self.left == 0 {
            let Some((count, value)) = self.runs.next() else {
                return self.value;
            };
            (self.left, self.value) = (count, Some(value));
        }
        self.left -= 1;
        self.value
    }
}

/// Appends the samples that a movie fragment adds to one track. `moof_offset` is where the fragment's box begins.
pub(crate) fn append_fragment(
    samples: &mut Vec<Sample>,
    next_ticks: &mut i64,
    moof: &Moof,
    moof_offset: u64,
    trex: &Trex,
) {
    for traf in moof.traf.iter().filter(|traf| traf.tfhd.track_id == trex.track_id) {
        if let Some(begin) = &traf.tfdt {
            *next_ticks = i64::try_from(begin.base_media_decode_time).unwrap_or(i64::MAX);
        }
        let base = traf.tfhd.base_data_offset.unwrap_or(moof_offset);
        let mut offset = base;
        for run in &traf.trun {
            if let Some(relative) = run.data_offset {
                offset = base.saturating_add_signed(i64::from(relative));
            }
            append_run(samples, next_ticks, &mut offset, traf, run, trex);
        }
    }
}

fn append_run(samples: &mut Vec<Sample>, next_ticks: &mut i64, offset: &mut u64, traf: &Traf, run: &Trun, trex: &Trex) {
    let size_else = traf.tfhd.default_sample_size.unwrap_or(trex.default_sample_size);
    let duration_else = traf
        .tfhd
        .default_sample_duration
        .unwrap_or(trex.default_sample_duration);
    for TrunEntry {
        size, duration, cts, ..
    } in run.samples.iter()
    {
        if samples.len() >= MAX_SAMPLES {
            return;
        }
        let size = size.unwrap_or(size_else);
        samples.push(Sample {
            offset: *offset,
            size,
            decode_ticks: *next_ticks,
            composition_ticks: next_ticks.saturating_add(cts.map_or(0, i64::from)),
        });
        *offset = offset.saturating_add(u64::from(size));
        *next_ticks = next_ticks.saturating_add(i64::from(duration.unwrap_or(duration_else)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp4_atom::{CttsEntry, Mfhd, StscEntry, SttsEntry, Tfdt, Tfhd, TrunSamples};

    fn run(first_chunk: u32, samples_per_chunk: u32) -> StscEntry {
        StscEntry {
            first_chunk,
            samples_per_chunk,
            sample_description_index: 1,
        }
    }

    fn tables() -> Tables {
        Tables {
            sizes: Stsz {
                samples: StszSamples::Different {
                    sizes: vec![10, 20, 30, 40],
                },
            },
            durations: Stts {
                entries: vec![
                    SttsEntry {
                        sample_count: 2,
                        sample_delta: 5,
                    },
                    SttsEntry {
                        sample_count: 2,
                        sample_delta: 7,
                    },
                ],
            },
            compositions: Some(Ctts {
                entries: vec![
                    CttsEntry {
                        sample_count: 1,
                        sample_offset: 10,
                    },
                    CttsEntry {
                        sample_count: 3,
                        sample_offset: -2,
                    },
                ],
            }),
            runs: Stsc {
                entries: vec![run(1, 2), run(2, 1)],
            },
            offsets: Some(Stco {
                entries: vec![100, 500, 900],
            }),
            long_offsets: None,
        }
    }

    fn rows(samples: &[Sample]) -> Vec<(u64, u32, i64, i64)> {
        samples
            .iter()
            .map(|s| (s.offset, s.size, s.decode_ticks, s.composition_ticks))
            .collect()
    }

    #[test]
    fn tables_are_joined() {
        let expected = [(100, 10, 0, 10), (110, 20, 5, 3), (500, 30, 10, 8), (900, 40, 17, 15)];
        assert_eq!(rows(&tables().list()), expected);
    }

    #[test]
    fn contradicting_tables_end_the_list() {
        let mut short = tables();
        short.offsets = Some(Stco {
            entries: vec![100, 500],
        });
        assert_eq!(short.list().len(), 3);
        short.runs.entries.clear();
        assert!(short.list().is_empty());
        let endless = Tables {
            sizes: Stsz {
                samples: StszSamples::Identical {
                    count: u32::MAX,
                    size: 1,
                },
            },
            runs: Stsc {
                entries: vec![run(1, u32::MAX)],
            },
            offsets: Some(Stco { entries: vec![0] }),
            ..Tables::default()
        };
        assert_eq!(endless.list().len(), MAX_SAMPLES);
    }

    #[test]
    fn fragments_are_appended() {
        let entry = |size, cts| TrunEntry {
            size: Some(size),
            cts: Some(cts),
            ..TrunEntry::default()
        };
        let moof = Moof {
            mfhd: Mfhd { sequence_number: 1 },
            traf: vec![Traf {
                tfhd: Tfhd {
                    track_id: 1,
                    default_sample_duration: Some(40),
                    ..Tfhd::default()
                },
                tfdt: Some(Tfdt {
                    base_media_decode_time: 1000,
                }),
                trun: vec![Trun {
                    data_offset: Some(64),
                    samples: TrunSamples::Explicit(vec![entry(11, 80), entry(12, 0)]),
                }],
                ..Traf::default()
            }],
        };
        let (mut samples, mut next_ticks) = (Vec::new(), 0);
        let trex = Trex {
            track_id: 1,
            ..Trex::default()
        };
        append_fragment(&mut samples, &mut next_ticks, &moof, 5000, &trex);
        assert_eq!(rows(&samples), [(5064, 11, 1000, 1080), (5075, 12, 1040, 1040)]);
        assert_eq!(next_ticks, 1080);
        append_fragment(
            &mut samples,
            &mut next_ticks,
            &moof,
            5000,
            &Trex {
                track_id: 2,
                ..Trex::default()
            },
        );
        assert_eq!(samples.len(), 2);
    }
}
