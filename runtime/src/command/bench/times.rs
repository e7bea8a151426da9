//! Times of one piece of work, done again and again.

use std::time::{Duration, Instant};

use serde::Serialize;

/// In milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Times {
    /// Half of the times were shorter.
    pub median: f64,
    /// The shortest.
    pub least: f64,
    /// The longest.
    pub most: f64,
}

impl Times {
    /// Takes down times one by one.
    pub fn recorder(count: u32) -> Recorder {
        Recorder(Vec::with_capacity(count as usize))
    }

    /// Does `work` so often, after a tenth as often to warm up.
    pub fn of(count: u32, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        for _ in 0..=count / 10 {
            work()?;
        }
        let mut recorder = Self::recorder(count);
        for _ in 0..count {
            let start = Instant::now();
            work()?;
            recorder.push(milliseconds(start.elapsed()));
        }
        Ok(recorder.finish())
    }
}

/// See [`Times::recorder`].
#[derive(Debug)]
pub struct Recorder(Vec<f64>);

impl Recorder {
    /// Takes down one.
    pub fn push(&mut self, milliseconds: f64) {
        self.0.push(milliseconds);
    }

    /// Sums them up.
    pub fn finish(mut self) -> Times {
        self.0.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| self.0.get(index).copied().unwrap_or_default();
        Times {
            median: at(self.0.len() / 2),
            least: at(0),
            most: at(self.0.len().saturating_sub(1)),
        }
    }
}

/// A duration in milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
