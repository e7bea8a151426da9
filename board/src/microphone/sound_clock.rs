//! How the samples of a sound card lie on the clock of the pictures.
//!
//! A card's crystal is off by up to some hundred parts per million, which is 0.7 s an hour, and the stamps of its blocks come
//! late by as much as the machine was busy. Never early: a sample is not seen before it was taken. So the least late stamp of
//! every second is kept, and a line through the last minute of them tells drift and offset.

use std::collections::VecDeque;
use std::time::Duration;

/// How many seconds are looked back on.
const SECONDS: usize = 64;

/// No crystal is further off.
const LARGEST_DRIFT: f64 = 1e-3;

/// A stamp this far from where it should be is not believed, …
const ASTRAY_SECONDS: f64 = 0.1;

/// … and after so many in a row the count of samples is not believed: some were lost.
const ASTRAY_IN_A_ROW: u32 = 10;

/// Deviations above this count ever less in the fit: seconds in which every stamp was late.
const TRUSTED_SECONDS: f64 = 0.001;

/// Passes of the fit; each weighs the deviations from the line of the one before.
const PASSES: usize = 5;

/// Tells the time of every sample of a session, and the sample of every time.
#[derive(Debug, Clone)]
pub struct SoundClock {
    rate_hz: f64,
    /// Number and stamp of the first sample observed.
    origin: Option<(u64, Duration)>,
    /// The least late stamp of every second that is over.
    seconds: VecDeque<Point>,
    /// The second that is under way, with its least late stamp so far.
    current: Option<(u64, Point)>,
    line: Line,
    astray: u32,
}

/// A stamp against the count of samples, both from the origin.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// Seconds by the count of samples.
    counted: f64,
    /// Seconds by which the stamp is later than that.
    late: f64,
}

/// Seconds by which the true time is later than the count of samples says.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    /// At the origin.
    late: f64,
    /// More in every second of counted time.
    slope: f64,
}

impl Line {
    fn at(self, counted: f64) -> f64 {
        self.late + self.slope * counted
    }
}

impl SoundClock {
    /// A clock for samples that come at `rate_hz` a second by the card's own count.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz: f64::from(rate_hz.max(1)),
            origin: None,
            seconds: VecDeque::with_capacity(SECONDS),
            current: None,
            line: Line::default(),
            astray: 0,
        }
    }

    /// Forgets all, as it must when samples were lost: their count then begins anew.
    pub fn reset(&mut self) {
        self.origin = None;
        self.seconds.clear();
        self.current = None;
        self.line = Line::default();
        self.astray = 0;
    }

    /// Takes in the stamp of a block's first sample, given by its number in the session.
    pub fn observe(&mut self, first_sample: u64, stamp: Duration) {
        let origin = *self.origin.get_or_insert((first_sample, stamp));
        let counted = self.counted(first_sample, origin);
        let late = signed_seconds(stamp, origin.1) - counted;
        let point = Point { counted, late };
        if (late - self.line.at(counted)).abs() > ASTRAY_SECONDS {
            self.astray += 1;
            if self.astray >= ASTRAY_IN_A_ROW {
                self.reset();
                self.observe(first_sample, stamp);
            }
            return;
        }
        self.astray = 0;
        let second = counted.max(0.0) as u64;
        match &mut self.current {
            Some((current, best)) if *current == second => {
                if late - self.line.at(counted) < best.late - self.line.at(best.counted) {
                    *best = point;
                }
            }
            current => {
                if let Some((_, best)) = current.replace((second, point)) {
                    if self.seconds.len() == SECONDS {
                        self.seconds.pop_front();
                    }
                    self.seconds.push_back(best);
                }
                self.fit();
            }
        }
        // Before there is a line, the least late stamp alone counts.
        if self.seconds.len() < 2 {
            let known = self.seconds.iter().chain(self.current.iter().map(|(_, best)| best));
            self.line.late = known.map(|point| point.late).fold(f64::INFINITY, f64::min);
        }
    }

    /// When a sample is taken, also one that is still to come; `None` before anything was observed.
    pub fn time_of(&self, sample: u64) -> Option<Duration> {
        let origin = self.origin?;
        let counted = self.counted(sample, origin);
        let since_origin = counted + self.line.at(counted);
        let magnitude = Duration::try_from_secs_f64(since_origin.abs()).ok()?;
        Some(if since_origin < 0.0 {
            origin.1.saturating_sub(magnitude)
        } else {
            origin.1.saturating_add(magnitude)
        })
    }

    /// The number of the sample that is taken at a time, the first of the session for times before it; `None` before anything
    /// was observed.
    pub fn sample_at(&self, time: Duration) -> Option<u64> {
        let (first, stamp) = self.origin?;
        let since_origin = signed_seconds(time, stamp);
        let counted = (since_origin - self.line.late) / (1.0 + self.line.slope);
        let samples = (counted * self.rate_hz).round();
        Some(if samples < 0.0 {
            first.saturating_sub(-samples as u64)
        } else {
            first.saturating_add(samples as u64)
        })
    }

    /// By how much the card counts faster than its rate says; `None` in the first seconds.
    pub fn drift_parts_per_million(&self) -> Option<f64> {
        (self.seconds.len() >= 2).then_some(-1e6 * self.line.slope / (1.0 + self.line.slope))
    }

    fn counted(&self, sample: u64, origin: (u64, Duration)) -> f64 {
        let ahead = sample.saturating_sub(origin.0) as f64;
        let behind = origin.0.saturating_sub(sample) as f64;
        (ahead - behind) / self.rate_hz
    }

    /// Lays the line through the seconds that are over: least squares, with ever less weight for what lies far from it.
    fn fit(&mut self) {
        if self.seconds.len() < 2 {
            return;
        }
        let mut line: Option<Line> = None;
        for _ in 0..PASSES {
            let weight = |point: &Point| match line {
                None => 1.0,
                Some(line) => 1.0 / (1.0 + ((point.late - line.at(point.counted)) / TRUSTED_SECONDS).powi(2)),
            };
            let total: f64 = self.seconds.iter().map(weight).sum();
            let mean = |value: fn(&Point) -> f64| {
                self.seconds
                    .iter()
                    .map(|point| weight(point) * value(point))
                    .sum::<f64>()
                    / total
            };
            let (counted, late) = (mean(|point| point.counted), mean(|point| point.late));
            let (mut spread, mut common) = (0.0, 0.0);
            for point in &self.seconds {
                let away = point.counted - counted;
                spread += weight(point) * away * away;
                common += weight(point) * away * (point.late - late);
            }
            let slope = (common / spread).clamp(-LARGEST_DRIFT, LARGEST_DRIFT);
            line = Some(Line {
                late: late - slope * counted,
                slope,
            });
        }
        self.line = line.unwrap_or_default();
    }
}

/// From one time to another, negative if the other is later.
fn signed_seconds(to: Duration, from: Duration) -> f64 {
    to.saturating_sub(from).as_secs_f64() - from.saturating_sub(to).as_secs_f64()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::chance::{fraction, mixed};

    const RATE_HZ: u32 = 16_000;
    const BLOCK: u64 = 320;

    /// A card that runs off its rate, and whose stamps come late.
    struct Card {
        parts_per_million: f64,
        started: Duration,
        seed: u64,
    }

    impl Card {
        fn true_time(&self, sample: u64) -> Duration {
            let rate = f64::from(RATE_HZ) * (1.0 + self.parts_per_million * 1e-6);
            self.started + Duration::from_secs_f64(sample as f64 / rate)
        }

        /// Every stamp up to 10 ms late; for a second out of every ten, 50 ms more.
        fn stamp(&self, sample: u64) -> Duration {
            let late = 0.010 * fraction(mixed(self.seed ^ sample));
            let busy = if sample / u64::from(RATE_HZ) % 10 == 7 {
                0.050
            } else {
                0.0
            };
            self.true_time(sample) + Duration::from_secs_f64(late + busy)
        }

        /// The clock after it observed blocks from one sample up to another.
        fn observed(&self, samples: std::ops::Range<u64>) -> SoundClock {
            let mut clock = SoundClock::new(RATE_HZ);
            for sample in samples.step_by(BLOCK as usize) {
                clock.observe(sample, self.stamp(sample));
            }
            clock
        }
    }

    fn error_seconds(clock: &SoundClock, card: &Card, sample: u64) -> f64 {
        signed_seconds(clock.time_of(sample).unwrap(), card.true_time(sample)).abs()
    }

    #[test]
    fn after_thirty_seconds_samples_are_placed_within_two_milliseconds() {
        for parts_per_million in [-200.0, -60.0, 0.0, 60.0, 200.0] {
            for seed in 0..20 {
                let card = Card {
                    parts_per_million,
                    started: Duration::from_secs(4000),
                    seed,
                };
                let now = 30 * u64::from(RATE_HZ);
                let clock = card.observed(0..now);
                // The window of the model's longest look back, up to a second ahead.
                for sample in [now - 10 * u64::from(RATE_HZ), now, now + u64::from(RATE_HZ)] {
                    let error = error_seconds(&clock, &card, sample);
                    assert!(error < 0.002, "{parts_per_million} ppm, seed {seed}: off by {error} s");
                }
                let drift = clock.drift_parts_per_million().unwrap();
                assert!(
                    (drift - parts_per_million).abs() < 40.0,
                    "{drift} for {parts_per_million}"
                );
            }
        }
    }

    #[test]
    fn after_hours_it_still_holds() {
        let card = Card {
            parts_per_million: 150.0,
            started: Duration::from_secs(10_000_000),
            seed: 3,
        };
        let now = 6 * 3600 * u64::from(RATE_HZ);
        let clock = card.observed(0..now);
        assert!(error_seconds(&clock, &card, now) < 0.002);
        assert!((clock.drift_parts_per_million().unwrap() - 150.0).abs() < 15.0);
    }

    #[test]
    fn in_the_first_seconds_it_is_as_good_as_its_stamps() {
        let card = Card {
            parts_per_million: 100.0,
            started: Duration::from_secs(5),
            seed: 9,
        };
        for now in [1, 5000, 20_000, 40_000, 60_000] {
            let clock = card.observed(0..now);
            assert!(error_seconds(&clock, &card, now) < 0.011, "{now}");
        }
        assert_eq!(card.observed(0..1).drift_parts_per_million(), None);
    }

    #[test]
    fn before_anything_was_observed_it_knows_nothing() {
        let mut clock = SoundClock::new(RATE_HZ);
        assert_eq!((clock.time_of(5), clock.sample_at(Duration::ZERO)), (None, None));
        clock.observe(100, Duration::from_secs(7));
        assert_eq!(clock.time_of(100), Some(Duration::from_secs(7)));
        assert_eq!(clock.sample_at(Duration::from_secs(8)), Some(16_100));
        assert_eq!(clock.sample_at(Duration::ZERO), Some(0));
        clock.reset();
        assert_eq!(clock.time_of(100), None);
    }

    #[test]
    fn a_wild_stamp_changes_nothing_and_many_begin_anew() {
        let card = Card {
            parts_per_million: 0.0,
            started: Duration::from_secs(50),
            seed: 1,
        };
        let now = 20 * u64::from(RATE_HZ);
        let mut clock = card.observed(0..now);
        let before = clock.time_of(now);
        clock.observe(now, card.true_time(now) - Duration::from_millis(500));
        clock.observe(now, card.true_time(now) + Duration::from_secs(9));
        assert_eq!(clock.time_of(now), before);
        // Half a second of sound was lost, and nobody said so.
        for block in 0..50 {
            let sample = now + block * BLOCK;
            clock.observe(sample, card.true_time(sample) + Duration::from_millis(500));
        }
        let lost = card.true_time(now) + Duration::from_millis(500);
        assert!(signed_seconds(clock.time_of(now).unwrap(), lost).abs() < 0.001);
    }

    proptest! {
        #[test]
        fn sample_and_time_are_each_others_inverse(parts_per_million in -500.0f64..500.0, seed: u64, sample in 0u64..2_000_000) {
            let card = Card { parts_per_million, started: Duration::from_secs(100), seed };
            let clock = card.observed(0..600_000);
            let time = clock.time_of(sample).unwrap();
            prop_assert!(clock.sample_at(time).unwrap().abs_diff(sample) <= 1);
        }

        #[test]
        fn nothing_observed_makes_it_panic(
            rate_hz: u32, observed in prop::collection::vec((any::<u64>(), any::<u64>()), 0..50), sample: u64, time: u64,
        ) {
            let mut clock = SoundClock::new(rate_hz);
            for (first, stamp) in observed {
                clock.observe(first, Duration::from_micros(stamp));
            }
            let _ = (clock.time_of(sample), clock.sample_at(Duration::from_micros(time)));
            prop_assert!(clock.drift_parts_per_million().is_none_or(f64::is_finite));
        }
    }
}
