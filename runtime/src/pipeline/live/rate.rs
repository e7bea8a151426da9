//! How often something happens.

use std::time::Duration;

/// Over how long events are counted.
const WINDOW: Duration = Duration::from_secs(4);
/// Into how many parts that is cut.
const PARTS: usize = 8;

/// Counts events over the last seconds, in constant memory.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    counts: [u32; PARTS],
    /// The number of the part that is being counted; `None` before the first event.
    part: Option<u64>,
    /// The part in which counting began.
    first: u64,
}

impl Rate {
    /// Counts an event.
    pub fn count(&mut self, now: Duration) {
        self.forget(now);
        if let Some(part) = self.part {
            self.counts[(part % PARTS as u64) as usize] += 1;
        }
    }

    /// Events a second, over the last whole parts of the window; 0 before there is one.
    pub fn per_second(&mut self, now: Duration) -> f32 {
        if self.part.is_none() {
            return 0.0;
        }
        self.forget(now);
        let current = self.part.unwrap_or_default();
        let whole_parts = (current - self.first).min(PARTS as u64 - 1);
        if whole_parts == 0 {
            return 0.0;
        }
        let counted: u32 = (1..=whole_parts)
            .map(|back| self.counts[((current - back) % PARTS as u64) as usize])
            .sum();
        counted as f32 / (whole_parts as f32 * part_length().as_secs_f32())
    }

    /// Empties the parts that time has passed over.
    fn forget(&mut self, now: Duration) {
        let part = (now.as_nanos() / part_length().as_nanos()) as u64;
        match self.part {
            None => self.first = part,
            Some(before) => {
                for passed in before + 1..=part.min(before + PARTS as u64) {
                    self.counts[(passed % PARTS as u64) as usize] = 0;
                }
            }
        }
        self.part = Some(self.part.map_or(part, |before| before.max(part)));
    }
}

fn part_length() -> Duration {
    WINDOW / PARTS as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_told_and_forgotten() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(Duration::from_secs(1000)), 0.0);
        let mut now = Duration::from_secs(1000);
        for _ in 0..300 {
            rate.count(now);
            now += Duration::from_millis(40);
        }
        assert!((rate.per_second(now) - 25.0).abs() < 1.0, "{}", rate.per_second(now));
        assert_eq!(rate.per_second(now + Duration::from_secs(9)), 0.0);
    }

    #[test]
    fn a_young_rate_is_not_taken_for_a_low_one() {
        let mut rate = Rate::default();
        let mut now = Duration::from_millis(2_000_100);
        for _ in 0..40 {
            rate.count(now);
            now += Duration::from_millis(50);
        }
        assert!((rate.per_second(now) - 20.0).abs() < 4.0, "{}", rate.per_second(now));
    }
}
