//! The sign of life that a stage gives, and the word that it should end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lookhear_board::Clock;

/// One stage's own end of the line to its supervisor. A stage gives a beat at every turn of its loop, at least twice a second
/// while all is well, and returns soon after [`should_stop`](Self::should_stop) became true.
#[derive(Clone)]
pub struct Pulse {
    clock: Arc<dyn Clock>,
    last_beat_nanoseconds: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Pulse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Pulse(last beat at {:?})", self.last_beat())
    }
}

impl Pulse {
    /// A pulse whose first beat is now.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let pulse = Self {
            clock,
            last_beat_nanoseconds: Arc::default(),
            stop: Arc::default(),
        };
        pulse.beat();
        pulse
    }

    /// Gives a sign of life.
    pub fn beat(&self) {
        let now = u64::try_from(self.now().as_nanos()).unwrap_or(u64::MAX);
        self.last_beat_nanoseconds.store(now, Ordering::Relaxed);
    }

    /// When the last sign of life was given, on the same clock as [`now`](Self::now).
    pub fn last_beat(&self) -> Duration {
        Duration::from_nanos(self.last_beat_nanoseconds.load(Ordering::Relaxed))
    }

    /// The time now.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Asks the stage to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether the stage was asked to end.
    pub fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use lookhear_board::ManualClock;

    use super::*;

    #[test]
    fn a_beat_is_seen_and_so_is_the_word_to_stop() {
        let clock = Arc::new(ManualClock::new(Duration::from_secs(3)));
        let pulse = Pulse::new(clock.clone());
        let supervisors = pulse.clone();
        clock.advance(Duration::from_secs(2));
        assert_eq!(supervisors.last_beat(), Duration::from_secs(3));
        pulse.beat();
        assert_eq!(supervisors.last_beat(), Duration::from_secs(5));
        supervisors.stop();
        assert!(pulse.should_stop());
    }
}
