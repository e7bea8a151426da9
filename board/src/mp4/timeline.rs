//! When the samples of a track are shown: its edit list (ISO/IEC 14496-12 §8.6.6).

use std::time::Duration;

use mp4_atom::Elst;

/// One stretch of a track's media that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edit {
    /// When it is shown.
    shown_at: Duration,
    /// Where it begins in the media, in ticks of the track.
    begin_ticks: i64,
    /// Where it ends, if that is known.
    end_ticks: Option<i64>,
}

/// Maps the composition times of a track's samples to the time at which they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    timescale: u32,
    /// In the order in which they are shown; empty where all media is shown from its own zero.
    edits: Vec<Edit>,
}

/// A stretch of a track that is shown without a break, for a track that is decoded as one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stretch {
    /// When its first sample is shown.
    pub shown_at: Duration,
    /// How much of the media comes before it.
    pub skipped: Duration,
    /// How long it is, if the container limits it.
    pub length: Option<Duration>,
}

impl Timeline {
    /// The timeline of a track with `timescale` ticks a second in a movie whose edits are told in `movie_timescale`.
    pub fn new(timescale: u32, movie_timescale: u32, list: Option<&Elst>) -> Self {
        let timescale = timescale.max(1);
        let mut edits = Vec::new();
        let mut elapsed = 0_u64;
        for entry in list.map(|list| list.entries.as_slice()).unwrap_or_default() {
            if let Some(begin) = entry.media_time.and_then(|begin| i64::try_from(begin).ok()) {
                let length = u128::from(entry.segment_duration) * u128::from(timescale);
                let length = i64::try_from(length.div_ceil(u128::from(movie_timescale.max(1)))).unwrap_or(i64::MAX);
                edits.push(Edit {
                    shown_at: ticks(elapsed, movie_timescale),
                    begin_ticks: begin,
                    // Of a film that was still growing the length is zero: it is shown to its end.
                    end_ticks: (length > 0).then(|| begin.saturating_add(length)),
                });
            }
            elapsed = elapsed.saturating_add(entry.segment_duration);
        }
        Self { timescale, edits }
    }

    /// When the sample with a composition time is shown; `None` if never.
    pub fn shown(&self, composition_ticks: i64) -> Option<Duration> {
        if self.edits.is_empty() {
            return u64::try_from(composition_ticks)
                .ok()
                .map(|since| ticks(since, self.timescale));
        }
        self.edits.iter().find_map(|edit| {
            let inside =
                composition_ticks >= edit.begin_ticks && edit.end_ticks.is_none_or(|end| composition_ticks < end);
            let since = u64::try_from(composition_ticks.saturating_sub(edit.begin_ticks)).ok()?;
            inside.then(|| edit.shown_at.saturating_add(ticks(since, self.timescale)))
        })
    }

    /// The first stretch of media that is shown.
    pub fn first_stretch(&self) -> Stretch {
        let since = |begin: i64, end: i64| ticks(u64::try_from(end.saturating_sub(begin)).unwrap_or(0), self.timescale);
        self.edits.first().map_or(
            Stretch {
                shown_at: Duration::ZERO,
                skipped: Duration::ZERO,
                length: None,
            },
            |edit| Stretch {
                shown_at: edit.shown_at,
                skipped: since(0, edit.begin_ticks),
                length: edit.end_ticks.map(|end| since(edit.begin_ticks, end)),
            },
        )
    }
}

/// A number of ticks as a time.
pub(crate) fn ticks(ticks: u64, timescale: u32) -> Duration {
    let timescale = u64::from(timescale.max(1));
    let nanoseconds = u128::from(ticks % timescale) * 1_000_000_000 / u128::from(timescale);
    Duration::new(ticks / timescale, u32::try_from(nanoseconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp4_atom::ElstEntry;
    use proptest::prelude::*;

    fn list(entries: &[(u64, Option<u64>)]) -> Elst {
        let entry = |&(segment_duration, media_time)| ElstEntry {
            segment_duration,
            media_time,
            media_rate: 1.into(),
        };
        Elst {
            entries: entries.iter().map(entry).collect(),
        }
    }

    #[test]
    fn without_edits_media_time_is_the_time_shown() {
        let timeline = Timeline::new(600, 1000, None);
        assert_eq!(timeline.shown(900), Some(Duration::from_millis(1500)));
        assert_eq!(timeline.shown(-1), None);
        assert_eq!(timeline.first_stretch().length, None);
    }

    #[test]
    fn the_frames_before_an_edit_are_not_shown() {
        let timeline = Timeline::new(600, 1000, Some(&list(&[(2000, Some(300))])));
        assert_eq!(timeline.shown(299), None);
        assert_eq!(timeline.shown(300), Some(Duration::ZERO));
        assert_eq!(timeline.shown(1499), Some(ticks(1199, 600)));
        assert_eq!(timeline.shown(1500), None);
    }

    #[test]
    fn an_empty_edit_delays_and_cuts_are_joined() {
        let timeline = Timeline::new(
            1000,
            1000,
            Some(&list(&[(500, None), (100, Some(0)), (200, Some(900))])),
        );
        assert_eq!(timeline.shown(40), Some(Duration::from_millis(540)));
        assert_eq!(timeline.shown(500), None);
        assert_eq!(timeline.shown(950), Some(Duration::from_millis(650)));
        let expected = Stretch {
            shown_at: Duration::from_millis(500),
            skipped: Duration::ZERO,
            length: Some(Duration::from_millis(100)),
        };
        assert_eq!(timeline.first_stretch(), expected);
    }

    proptest! {
        #[test]
        fn no_numbers_are_too_odd(
            timescale in any::<u32>(),
            movie_timescale in any::<u32>(),
            entries in prop::collection::vec((any::<u64>(), any::<Option<u64>>()), 0..4),
            composition in any::<i64>(),
        ) {
            let timeline = Timeline::new(timescale, movie_timescale, Some(&list(&entries)));
            let _ = (timeline.shown(composition), timeline.first_stretch());
        }
    }
}
