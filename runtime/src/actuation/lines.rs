//! Percepts as lines of JSON on standard output and in a file.
//!
//! ```text
//! perception ─ offer ─► queue ─ run ─┬─► standard output
//!                                    └─► file
//! ```
//!
//! Each arrow may drop, and none waits: whoever reads slowly, not at all, or from a full disk, misses lines, and perception
//! does not notice.

mod log_file;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::events::PerceptEvent;
use crate::exchange::Pulse;
use log_file::LogFile;

/// How many events may wait for [`run`], and how many lines for each reader: some seconds of percepts.
const MOST_WAITING: usize = 64;

/// How long to wait for an event before the next sign of life.
const TURN: Duration = Duration::from_millis(100);

/// Where percepts are written to, one object of JSON a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventsSettings {
    /// Write them to standard output.
    pub stdout: bool,
    /// Append them to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// How large that file may become, in megabytes; it is then renamed to end in `.1`, in place of the one before, and a new
    /// one begun.
    pub file_most_megabytes: u64,
    /// Add the whole heatmap to each object.
    pub heatmap: bool,
}

impl Default for EventsSettings {
    fn default() -> Self {
        Self {
            stdout: false,
            file: None,
            file_most_megabytes: 64,
            heatmap: false,
        }
    }
}

impl EventsSettings {
    /// Whether anything is to be written.
    pub fn enabled(&self) -> bool {
        self.stdout || self.file.is_some()
    }
}

/// Why lines are not written.
#[derive(Debug, Error)]
pub enum LinesError {
    /// The machine has no room for another thread: try again later.
    #[error("no thread could be started to write events: {cause}; try again")]
    Retry {
        /// What the system said.
        cause: io::Error,
    },
}

/// Perception's end of the queue.
#[derive(Debug, Clone)]
pub struct EventSink {
    queue: SyncSender<PerceptEvent>,
    dropped: Arc<AtomicU64>,
}

impl EventSink {
    /// A queue: this end for perception, and the other for [`run`].
    pub fn queue() -> (Self, EventQueue) {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let dropped = Arc::<AtomicU64>::default();
        let queue = EventQueue {
            events: Mutex::new(receiver),
            dropped: dropped.clone(),
        };
        let sink = Self { queue: sender, dropped };
        (sink, queue)
    }

    /// Puts an event into the queue, or drops it where the queue is full. It never waits.
    pub fn offer(&self, event: &PerceptEvent) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(event.clone()) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were dropped, by whoever was late.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The other end of the queue; it outlives a [`run`] that is started again.
#[derive(Debug)]
pub struct EventQueue {
    events: Mutex<Receiver<PerceptEvent>>,
    dropped: Arc<AtomicU64>,
}

impl EventQueue {
    fn next(&self, timeout: Duration) -> Result<PerceptEvent, RecvTimeoutError> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.recv_timeout(timeout)
    }
}

/// Writes what comes out of the queue until told to stop, or until nobody is left to put anything in.
///
/// # Errors
/// When the machine has no room for another thread. A reader that fails is no error: it is told to the log once, tried again
/// and misses what comes in between.
pub fn run(settings: &EventsSettings, queue: &EventQueue, pulse: &Pulse) -> Result<(), LinesError> {
    let mut writers = Vec::new();
    if settings.stdout {
        writers.push(Writer::start("events-stdout", StandardOutput { is_open: true })?);
    }
    if let Some(path) = &settings.file {
        let most_bytes = settings.file_most_megabytes.saturating_mul(1_000_000);
        writers.push(Writer::start("events-file", LogFile::new(path.clone(), most_bytes))?);
    }
    while !pulse.should_stop() {
        pulse.beat();
        match queue.next(TURN) {
            Ok(event) => {
                let Ok(mut line) = serde_json::to_vec(&event) else {
                    continue;
                };
                line.push(b'\n');
                let line: Arc<[u8]> = line.into();
                let late = writers.iter().filter(|writer| !writer.offer(line.clone())).count();
                queue.dropped.fetch_add(late as u64, Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(())
}

/// Somewhere to write whole lines to. It may take as long as it likes.
trait Outlet: Send + 'static {
    /// Writes one line; what fails is its own affair.
    fn write(&mut self, line: &[u8]);
}

/// A thread that may hang on its reader, without holding anybody up.
struct Writer(SyncSender<Arc<[u8]>>);

impl Writer {
    /// The thread ends with this value, or once its reader lets go of it.
    fn start(name: &str, mut outlet: impl Outlet) -> Result<Self, LinesError> {
        let (sender, lines) = sync_channel::<Arc<[u8]>>(MOST_WAITING);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || lines.iter().for_each(|line| outlet.write(&line)))
            .map_err(|cause| LinesError::Retry { cause })?;
        Ok(Self(sender))
    }

    /// `false` when the line is dropped.
    fn offer(&self, line: Arc<[u8]>) -> bool {
        self.0.try_send(line).is_ok()
    }
}

/// Standard output, until its reader goes away.
struct StandardOutput {
    is_open: bool,
}

impl Outlet for StandardOutput {
    fn write(&mut self, line: &[u8]) {
        if !self.is_open {
            return;
        }
        let mut output = io::stdout().lock();
        if let Err(cause) = output.write_all(line).and_then(|()| output.flush()) {
            tracing::warn!("no more events are written to standard output: {cause}");
            self.is_open = false;
        }
    }
}

#[cfg(test)]
mod tests;
