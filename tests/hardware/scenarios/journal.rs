//! What a program says, line by line, each with the moment at which it was said.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use lookhear_board::{Clock, MonotonicClock};

/// The monotonic clock, in seconds.
pub fn now() -> f64 {
    MonotonicClock.now().as_secs_f64()
}

/// Waits.
pub fn sleep(seconds: f64) {
    std::thread::sleep(Duration::from_secs_f64(seconds));
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When it came, in seconds on the monotonic clock.
    pub at: f64,
    /// Without its end.
    pub text: String,
}

/// The lines of one program so far; clones show the same.
#[derive(Clone, Default)]
pub struct Journal(Arc<(Mutex<Vec<Line>>, Condvar)>);

impl Journal {
    /// Follows what a program writes, and copies it to a file.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn follow(source: impl Read + Send + 'static, copy: &Path) -> Result<Self> {
        let mut copy = File::create(copy).with_context(|| format!("{} cannot be written", copy.display()))?;
        let journal = Self::default();
        let writing = journal.clone();
        std::thread::spawn(move || {
            for text in BufReader::new(source).lines().map_while(Result::ok) {
                let at = now();
                // The copy is for a person; the test goes on without it.
                let _ = writeln!(copy, "[{at:.3}] {text}");
                let (lines, changed) = &*writing.0;
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(Line { at, text });
                changed.notify_all();
            }
        });
        Ok(journal)
    }

    /// All lines that came at a moment or later.
    pub fn since(&self, moment: f64) -> Vec<Line> {
        let (lines, _) = &*self.0;
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|line| line.at >= moment).cloned().collect()
    }

    /// Waits until a line that came at a moment or later is what is looked for.
    pub fn wait<T>(&self, moment: f64, patience_seconds: f64, find: impl Fn(&Line) -> Option<T>) -> Option<T> {
        let (lines, changed) = &*self.0;
        let until = now() + patience_seconds;
        let mut held = lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let found = held.iter().filter(|line| line.at >= moment).find_map(&find);
            let left = until - now();
            if found.is_some() || left <= 0.0 {
                return found;
            }
            let waited = changed.wait_timeout(held, Duration::from_secs_f64(left));
            held = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
