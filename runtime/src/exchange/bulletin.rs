//! The newest of something, for all who look.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A value that one thread keeps up to date and any number of others look at.
#[derive(Debug, Default)]
pub struct Bulletin<T> {
    posted: Mutex<Posted<T>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Posted<T> {
    value: T,
    edition: u64,
}

impl<T: Clone> Bulletin<T> {
    /// Brings the value up to date, and wakes those who wait for that.
    pub fn post(&self, change: impl FnOnce(&mut T)) {
        let mut posted = self.lock();
        change(&mut posted.value);
        posted.edition += 1;
        drop(posted);
        self.changed.notify_all();
    }

    /// A copy of the value as it is now.
    pub fn read(&self) -> T {
        self.lock().value.clone()
    }

    /// Copies the value once it is newer than the edition that the reader has `seen` (0 at first), waiting for at most
    /// `timeout`; `false`, and nothing copied, when it stayed the same.
    pub fn read_newer(&self, seen: &mut u64, into: &mut T, timeout: Duration) -> bool {
        let posted = self.lock();
        let (posted, _) = self
            .changed
            .wait_timeout_while(posted, timeout, |posted| posted.edition <= *seen)
            .unwrap_or_else(PoisonError::into_inner);
        let is_newer = posted.edition > *seen;
        if is_newer {
            into.clone_from(&posted.value);
            *seen = posted.edition;
        }
        is_newer
    }

    fn lock(&self) -> MutexGuard<'_, Posted<T>> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_sees_the_newest_once() {
        let bulletin = Bulletin::<u32>::default();
        let mut readers = [(0, 0), (0, 0)];
        for value in [5, 6] {
            bulletin.post(|posted| *posted = value);
        }
        for (seen, into) in &mut readers {
            assert!(bulletin.read_newer(seen, into, Duration::ZERO));
            assert_eq!(*into, 6);
            assert!(!bulletin.read_newer(seen, into, Duration::ZERO));
        }
        assert_eq!(bulletin.read(), 6);
    }
}
