//! The newest of something, for the one who takes it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A place for one value, into which the newest is put and out of which it is taken; whoever is late misses those in between.
///
/// Values are swapped, never copied: memory goes round between the one who puts and the one who takes.
#[derive(Debug, Default)]
pub struct Latest<T> {
    slot: Mutex<Slot<T>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Slot<T> {
    value: T,
    is_fresh: bool,
    missed: u64,
}

impl<T> Latest<T> {
    /// Puts a value in; the caller gets the memory of an older one in return.
    pub fn put(&self, value: &mut T) {
        let mut slot = self.lock();
        std::mem::swap(&mut slot.value, value);
        slot.missed += u64::from(slot.is_fresh);
        slot.is_fresh = true;
        drop(slot);
        self.changed.notify_one();
    }

    /// Takes the newest value out, waiting for one for at most `timeout`; `false` when none came.
    pub fn take(&self, into: &mut T, timeout: Duration) -> bool {
        let slot = self.lock();
        let (mut slot, _) = self
            .changed
            .wait_timeout_while(slot, timeout, |slot| !slot.is_fresh)
            .unwrap_or_else(PoisonError::into_inner);
        if slot.is_fresh {
            std::mem::swap(&mut slot.value, into);
        }
        std::mem::take(&mut slot.is_fresh)
    }

    /// How many values were put in and never taken out.
    pub fn missed(&self) -> u64 {
        self.lock().missed
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins() {
        let cell = Latest::default();
        let mut taken = 0;
        assert!(!cell.take(&mut taken, Duration::ZERO));
        for mut value in 1..=3 {
            cell.put(&mut value);
        }
        assert!(cell.take(&mut taken, Duration::ZERO));
        assert_eq!((taken, cell.missed()), (3, 2));
        assert!(!cell.take(&mut taken, Duration::ZERO));
        assert_eq!(taken, 3);
    }

    #[test]
    fn memory_goes_round() {
        let cell = Latest::<Vec<u8>>::default();
        let (mut ours, mut theirs) = (Vec::with_capacity(100), Vec::with_capacity(200));
        let pointers = [ours.as_ptr(), theirs.as_ptr()];
        cell.put(&mut ours);
        assert!(cell.take(&mut theirs, Duration::ZERO));
        cell.put(&mut ours);
        assert_eq!(theirs.as_ptr(), pointers[0]);
        cell.put(&mut theirs);
        assert!(cell.take(&mut ours, Duration::ZERO));
        assert_eq!(ours.as_ptr(), pointers[0]);
    }

    #[test]
    fn the_one_who_waits_is_woken() {
        let cell = Latest::default();
        std::thread::scope(|scope| {
            scope.spawn(|| cell.put(&mut 7));
            let mut taken = 0;
            assert!(cell.take(&mut taken, Duration::from_secs(20)));
            assert_eq!(taken, 7);
        });
    }
}
