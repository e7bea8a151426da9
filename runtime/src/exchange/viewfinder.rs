//! The live picture, for an output that shows it: frames come only while somebody watches.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lookhear_board::Frame;

use super::Latest;

/// The newest frame for one output. What it costs the camera is a copy of the frame, and nothing while nobody watches.
#[derive(Debug, Default)]
pub struct Viewfinder {
    latest: Latest<Frame>,
    watchers: AtomicUsize,
}

impl Viewfinder {
    /// Shows a frame, by way of the memory in `spare`.
    pub fn offer(&self, frame: &Frame, spare: &mut Frame) {
        if self.watchers.load(Ordering::Relaxed) > 0 {
            spare.stamp = frame.stamp;
            spare.picture.width = frame.picture.width;
            spare.picture.height = frame.picture.height;
            spare.picture.stride_bytes = frame.picture.stride_bytes;
            spare.picture.format = frame.picture.format;
            spare.picture.bytes.clone_from(&frame.picture.bytes);
            self.latest.put(spare);
        }
    }

    /// Begins to watch; it ends when the guard is dropped.
    pub fn watch(&self) -> Watching<'_> {
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Watching(self)
    }
}

/// Somebody watches.
#[derive(Debug)]
pub struct Watching<'a>(&'a Viewfinder);

impl Watching<'_> {
    /// Waits for a frame that was not yet taken, for at most `timeout`; `false` when none came. Where several watch, each frame
    /// goes to one of them: let one thread watch for all.
    pub fn next(&self, into: &mut Frame, timeout: Duration) -> bool {
        self.0.latest.take(into, timeout)
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_only_while_somebody_watches() {
        let viewfinder = Viewfinder::default();
        let frame = Frame {
            stamp: Duration::from_secs(1),
            ..Frame::default()
        };
        let (mut spare, mut seen) = (Frame::default(), Frame::default());
        viewfinder.offer(&frame, &mut spare);
        let watching = viewfinder.watch();
        assert!(!watching.next(&mut seen, Duration::ZERO));
        viewfinder.offer(&frame, &mut spare);
        assert!(watching.next(&mut seen, Duration::ZERO));
        assert_eq!(seen, frame);
    }
}
