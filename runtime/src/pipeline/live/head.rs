//! The stage that talks to the pan-tilt head: one thing at a time, and the last word is always a stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lookhear_board::{Abilities, Orientation, Ptz, PtzError};

use super::supervisor::StageResult;
use crate::actuation::controller::Command;
use crate::exchange::{Bulletin, Latest, Pulse};

/// How often the head is asked where it looks.
const ASK_PERIOD: Duration = Duration::from_millis(100);
/// For how long the stage waits for a command before it asks.
const PATIENCE: Duration = Duration::from_millis(40);
/// After so many refusals in a row the connection is opened anew.
const MOST_REFUSALS_IN_ROW: u32 = 8;

/// The line between the one who decides and the head.
#[derive(Debug, Default)]
pub struct HeadLine {
    /// The newest command. One that was not yet sent when the next came is not sent any more.
    pub commands: Latest<Option<Told>>,
    /// What the head said last.
    pub report: Bulletin<HeadReport>,
    /// A person paused all movement: what was decided before that is not sent either.
    pub paused: AtomicBool,
    /// When the one who decides last gave a sign of life.
    pub alive: Bulletin<Duration>,
}

/// A command, and the percept that it follows from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// What to do.
    pub command: Command,
    /// The stamp of the picture that was perceived last.
    pub picture: Duration,
    /// How long the networks took over it.
    pub inference: Duration,
}

/// What is known of the head.
#[derive(Debug, Clone, Default)]
pub struct HeadReport {
    /// How often it was opened: a new number is a new head, or one that was away.
    pub opened: u64,
    /// What it can do; `None` while it is away.
    pub abilities: Option<Abilities>,
    /// Where it says that it looks.
    pub orientation: Option<Orientation>,
    /// Whether it says that it moves.
    pub is_moving: Option<bool>,
    /// How many commands it did not take.
    pub refused: u64,
    /// From the picture to the latest movement that follows from it, and how much of that the networks took.
    pub latency: Option<(Duration, Duration)>,
}

/// Serves a head until it fails. It is stopped at the beginning, because nobody knows what it was told before, at the end, and
/// when the one who decides has given no sign of life for `deadman`.
///
/// # Errors
/// What the head says, when the connection is of no more use.
pub fn run(head: &mut dyn Ptz, line: &HeadLine, deadman: Duration, pulse: &Pulse) -> StageResult {
    let mut opened = 0;
    let result = serve(head, line, deadman, pulse, &mut opened);
    let stopped = head.stop();
    line.report.post(|report| {
        // Where this one had been given up, what stands there is its successor's.
        if report.opened == opened {
            report.abilities = None;
            report.orientation = None;
            report.is_moving = None;
        }
    });
    result?;
    Ok(stopped?)
}

fn serve(
    head: &mut dyn Ptz,
    line: &HeadLine,
    deadman: Duration,
    pulse: &Pulse,
    opened: &mut u64,
) -> Result<(), PtzError> {
    head.stop()?;
    if pulse.should_stop() {
        return Ok(());
    }
    let mut told = None;
    // What was decided before the head was there is no longer wanted.
    line.commands.take(&mut told, Duration::ZERO);
    let abilities = head.abilities().clone();
    line.report.post(|report| {
        report.opened += 1;
        report.abilities = Some(abilities);
        *opened = report.opened;
    });
    let mut refusals_in_row = 0;
    // A stop that the head did not take is owed to it.
    let mut owes_stop = false;
    let mut may_move = false;
    let mut asked = Duration::ZERO;
    while !pulse.should_stop() {
        pulse.beat();
        if line.commands.take(&mut told, PATIENCE)
            && let Some(told) = told
        {
            let outcome = obey(head, &told, line);
            owes_stop = outcome.is_err() && told.command == Command::Stop;
            may_move = match (&outcome, told.command) {
                (Ok(()), Command::Stop) => false,
                (_, Command::Rest) => may_move,
                _ => true,
            };
            tell(outcome, &told, line, &mut refusals_in_row, pulse)?;
        }
        if may_move && pulse.now().saturating_sub(line.alive.read()) > deadman {
            tracing::warn!(
                "nothing was decided for {:.1} s: the camera is stopped",
                deadman.as_secs_f64()
            );
            (owes_stop, may_move) = (true, false);
        }
        if owes_stop {
            match head.stop() {
                Ok(()) => (owes_stop, may_move) = (false, false),
                Err(error) => bear(error, &mut refusals_in_row)?,
            }
        }
        if pulse.now().saturating_sub(asked) >= ASK_PERIOD {
            asked = pulse.now();
            match ask(head) {
                Ok((orientation, is_moving)) => {
                    refusals_in_row = 0;
                    line.report.post(|report| {
                        report.orientation = orientation;
                        report.is_moving = is_moving;
                    });
                }
                Err(error) => bear(error, &mut refusals_in_row)?,
            }
        }
    }
    Ok(())
}

fn ask(head: &mut dyn Ptz) -> Result<(Option<Orientation>, Option<bool>), PtzError> {
    Ok((head.orientation()?, head.is_moving()?))
}

fn obey(head: &mut dyn Ptz, told: &Told, line: &HeadLine) -> Result<(), PtzError> {
    let paused = line.paused.load(Ordering::Acquire);
    match told.command {
        Command::Rest => Ok(()),
        Command::Stop => head.stop(),
        _ if paused => head.stop(),
        Command::MoveTo(to, speed) => head.move_to(to, speed),
        Command::Drive(velocity) => head.drive(velocity),
        Command::GoHome => head.go_home(),
    }
}

fn tell(
    outcome: Result<(), PtzError>,
    told: &Told,
    line: &HeadLine,
    refusals_in_row: &mut u32,
    pulse: &Pulse,
) -> Result<(), PtzError> {
    match outcome {
        Ok(()) => {
            *refusals_in_row = 0;
            if matches!(told.command, Command::MoveTo(..) | Command::Drive(_)) {
                let latency = pulse.now().saturating_sub(told.picture);
                tracing::debug!(?told.command, ?latency, inference = ?told.inference, "the head was told to move");
                line.report
                    .post(|report| report.latency = Some((latency, told.inference)));
            }
            Ok(())
        }
        Err(error) => {
            line.report.post(|report| report.refused += 1);
            bear(error, refusals_in_row)
        }
    }
}

/// Whether the connection is still of use after an error.
fn bear(error: PtzError, refusals_in_row: &mut u32) -> Result<(), PtzError> {
    *refusals_in_row += 1;
    match error {
        PtzError::Retry { .. } if *refusals_in_row < MOST_REFUSALS_IN_ROW => {
            tracing::debug!("{error}");
            Ok(())
        }
        error => Err(error),
    }
}

#[cfg(test)]
mod tests;
