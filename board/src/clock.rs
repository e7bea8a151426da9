//! The clock that every stamp is read from.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Tells the time since some moment in the past. It never steps back and does not care about the time of day.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Duration;
}

/// `CLOCK_MONOTONIC`: the clock on which the kernel stamps frames and sound.
#[derive(Debug, Clone, Copy, Default)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    fn now(&self) -> Duration {
        let time = clock_gettime(ClockId::Monotonic);
        // The clock counts up from the start of the machine, so neither part is ever negative.
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Default)]
pub struct ManualClock(Mutex<Duration>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Duration) -> Self {
        Self(Mutex::new(now))
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_goes_on() {
        let before = MonotonicClock.now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(MonotonicClock.now() >= before + Duration::from_millis(2));
    }

    #[test]
    fn the_manual_clock_stands_still_until_told() {
        let clock = ManualClock::new(Duration::from_secs(5));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), Duration::from_secs(6));
    }
}
