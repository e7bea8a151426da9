//! A recording in place of a live camera: frames come when they are due, and it begins again when it ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use super::{Camera, open_film};
use crate::capture::{CaptureError, Delivery};
use crate::{Clock, Frame};

/// How many pictures in a row may be unreadable before the recording is given up.
const MOST_LOST: usize = 100;

/// When a recording that is played over and over began, so that picture and sound keep together whoever starts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// When the first round began, on the clock.
    pub begun: Duration,
    /// From the start of one round to that of the next.
    pub period: Duration,
}

impl Rounds {
    /// When the round that is under way began.
    pub fn start_of_round(&self, now: Duration) -> Duration {
        let played = now.saturating_sub(self.begun);
        let period = self.period.as_nanos().max(1);
        let into_round = Duration::from_nanos(u64::try_from(played.as_nanos() % period).unwrap_or(0));
        self.begun + (played - into_round)
    }
}

/// Plays a film round after round on a clock, as a live camera would deliver it: who is late misses frames.
pub struct ReplayCamera {
    path: PathBuf,
    film: Box<dyn Camera + Send>,
    rounds: Rounds,
    round_start: Duration,
    clock: Arc<dyn Clock>,
}

impl ReplayCamera {
    /// Opens a film that is played in `rounds`.
    ///
    /// # Errors
    /// [`CaptureError::GiveUp`] when it is no film that can be read.
    pub fn open(path: &Path, rounds: Rounds, clock: Arc<dyn Clock>) -> Result<Self, CaptureError> {
        Ok(Self {
            path: path.to_owned(),
            film: open(path)?,
            round_start: rounds.start_of_round(clock.now()),
            rounds,
            clock,
        })
    }

    fn next_round(&mut self) -> Result<(), CaptureError> {
        self.film = open(&self.path)?;
        self.round_start += self.rounds.period;
        Ok(())
    }
}

/// How long a film lasts.
///
/// # Errors
/// [`CaptureError::GiveUp`] when it is no film that can be read, or does not say.
pub fn film_duration(path: &Path) -> Result<Duration, CaptureError> {
    open(path)?
        .length()
        .duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| CaptureError::GiveUp {
            device: path.display().to_string(),
            cause: "it does not say how long it lasts; bring it into an MP4 file with H.264".to_owned(),
        })
}

fn open(path: &Path) -> Result<Box<dyn Camera + Send>, CaptureError> {
    open_film(path).map_err(|cause| CaptureError::GiveUp {
        device: path.display().to_string(),
        cause: cause.to_string(),
    })
}

impl Camera for ReplayCamera {
    /// Never ends. A frame whose moment has passed is left out while there is a later one that is due.
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        let mut lost = 0;
        loop {
            match self.film.next_frame(into) {
                Ok(Delivery::Fresh) => {
                    let due = self.round_start + into.stamp;
                    let now = self.clock.now();
                    if let Some(early) = due.checked_sub(now) {
                        sleep(early);
                    } else if now - due > Duration::from_millis(100) {
                        continue;
                    }
                    into.stamp = due;
                    return Ok(Delivery::Fresh);
                }
                Ok(Delivery::Ended) | Err(CaptureError::Incomplete { .. }) => self.next_round()?,
                Err(error @ CaptureError::Retry { .. }) => {
                    lost += 1;
                    if lost > MOST_LOST {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_counted_from_the_first() {
        let rounds = Rounds {
            begun: Duration::from_secs(100),
            period: Duration::from_secs(8),
        };
        for (now, start) in [(100, 100), (107, 100), (108, 108), (125, 124), (50, 100)] {
            assert_eq!(
                rounds.start_of_round(Duration::from_secs(now)),
                Duration::from_secs(start)
            );
        }
    }
}
