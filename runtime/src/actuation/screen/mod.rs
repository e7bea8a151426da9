//! The screen of a live device: the picture with what was perceived in it, how things are, and what is wrong in words.

mod face;
mod layout;
mod message;

use std::time::Duration;

use lookhear_board::Frame;
use lookhear_board::display::{Screen, ScreenError, ScreenSettings, open_screen};

use super::status::Status;
use crate::exchange::{Bulletin, Pulse, Viewfinder, Watching};
use crate::perception::manifest::PictureInput;
use crate::perception::picture::PictureError;
pub use face::{Face, Seen};

/// How long a turn of the loop waits for a frame; within twice this it notices that it should end.
const TURN: Duration = Duration::from_millis(50);
/// Without a frame for so long there is no camera.
const NO_CAMERA_AFTER: Duration = Duration::from_secs(1);
/// How often a picture is drawn anew without a frame, for what stands beside it.
const IDLE_PERIOD: Duration = Duration::from_millis(200);
/// How often it is looked up whether a screen was plugged in.
const PLUG_PERIOD: Duration = Duration::from_secs(3);

/// Why the screen went dark, sorted by what helps.
#[derive(Debug, thiserror::Error)]
pub enum ScreenRunError {
    /// Run it again, a while later.
    #[error(transparent)]
    Rebuild(ScreenError),
    /// Something must be changed first, as the message says.
    #[error(transparent)]
    GiveUp(ScreenError),
}

impl From<ScreenError> for ScreenRunError {
    fn from(error: ScreenError) -> Self {
        match error {
            ScreenError::GiveUp { .. } => Self::GiveUp(error),
            ScreenError::Retry { .. } | ScreenError::Rebuild { .. } => Self::Rebuild(error),
        }
    }
}

/// Shows what goes on until the pulse says stop; without a screen it waits for one to be plugged in.
///
/// `input` is that of the model whose percepts the status holds.
///
/// # Errors
/// As [`ScreenRunError`] says. A screen that was unplugged is [`ScreenRunError::Rebuild`].
pub fn run(
    settings: &ScreenSettings,
    viewfinder: &Viewfinder,
    status: &Bulletin<Status>,
    input: &PictureInput,
    pulse: &Pulse,
) -> Result<(), ScreenRunError> {
    let mut next_look = pulse.now();
    while !pulse.should_stop() {
        pulse.beat();
        if pulse.now() >= next_look {
            if let Some(mut screen) = open_screen(settings)? {
                let (width, height) = screen.size();
                tracing::info!(screen = screen.name(), width, height, "showing");
                let show = Show::new(Face::new(input.clone(), width, height), settings.frames_per_second);
                return show.go_on(screen.as_mut(), &viewfinder.watch(), status, pulse);
            }
            next_look = pulse.now() + PLUG_PERIOD;
        }
        std::thread::sleep(TURN);
    }
    Ok(())
}

/// What is being shown, and when the next picture is due.
#[derive(Debug)]
struct Show {
    face: Face,
    period: Duration,
    due: Duration,
    frame: Frame,
    /// When the latest good frame came; `None` before the first.
    seen: Option<Duration>,
    shown: Option<Duration>,
    /// What is wrong with the frames that come, if anything is.
    damage: Option<PictureError>,
    status: Status,
    edition: u64,
}

impl Show {
    fn new(face: Face, frames_per_second: f64) -> Self {
        Self {
            face,
            period: Duration::from_secs_f64(1.0 / frames_per_second.clamp(0.1, 1000.0)),
            due: Duration::ZERO,
            frame: Frame::default(),
            seen: None,
            shown: None,
            damage: None,
            status: Status::default(),
            edition: 0,
        }
    }

    /// Shows pictures until the pulse says stop.
    fn go_on(
        mut self,
        screen: &mut dyn Screen,
        frames: &Watching,
        status: &Bulletin<Status>,
        pulse: &Pulse,
    ) -> Result<(), ScreenRunError> {
        while !pulse.should_stop() {
            pulse.beat();
            // The newest frame is taken when the next picture is due, not before.
            let until_due = self.due.saturating_sub(pulse.now());
            if until_due > TURN {
                std::thread::sleep(TURN);
                continue;
            }
            std::thread::sleep(until_due);
            let is_new = frames.next(&mut self.frame, TURN);
            status.read_newer(&mut self.edition, &mut self.status, Duration::ZERO);
            self.turn(screen, is_new, pulse.now())?;
        }
        Ok(())
    }

    /// Draws and shows what is to be shown now, if anything is.
    fn turn(&mut self, screen: &mut dyn Screen, is_new: bool, now: Duration) -> Result<(), ScreenError> {
        let is_idle = self.shown.is_none_or(|shown| now >= shown + IDLE_PERIOD);
        if !is_new && !is_idle {
            return Ok(());
        }
        let is_old = self.seen.is_none_or(|seen| now >= seen + NO_CAMERA_AFTER);
        let seen = match &self.damage {
            _ if is_new || !is_old => Seen::Frame(&self.frame),
            Some(damage) => Seen::Damaged(damage),
            None => Seen::Nothing,
        };
        let canvas = match self.face.draw(seen, &self.status) {
            Ok(canvas) => canvas,
            Err(damage) => {
                tracing::debug!(%damage, "a frame is not shown");
                self.damage = Some(damage);
                return Ok(());
            }
        };
        if is_new {
            self.seen = Some(now);
            self.damage = None;
        }
        self.shown = Some(now);
        self.due = (self.due + self.period).max(now);
        match screen.show(canvas) {
            Err(ScreenError::Retry { cause, .. }) => {
                tracing::debug!(cause, "a picture is not shown");
                Ok(())
            }
            shown => shown,
        }
    }
}

#[cfg(test)]
mod tests;
