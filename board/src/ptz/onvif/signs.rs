//! Whether a head's speeds and its positions have the same signs, found out by moving it.

use std::time::Duration;

use super::super::{Ptz, PtzError, Velocity};

/// Whether positions grow when the head is driven at a positive speed; `None` where that could not be seen, as the head
/// does not tell where it looks or stood at the end of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs {
    /// Of pan.
    pub pan: Option<bool>,
    /// Of tilt.
    pub tilt: Option<bool>,
}

/// A tenth of a turn at full speed is seen by any head, and is soon over.
const FRACTION_OF_FASTEST: f64 = 0.25;
const DRIVE: Duration = Duration::from_millis(600);
const SETTLE: Duration = Duration::from_millis(600);
const LEAST_TURN_DEGREES: f64 = 0.3;

/// Drives a head a little along one axis after the other, and back, and watches its positions; `wait` lets time pass.
///
/// Where an axis has the opposite sign, set `invert_pan_speed` or `invert_tilt_speed`.
///
/// # Errors
/// When the head cannot be told to move, stop, or where it looks; it has been told to stop then.
pub fn probe_signs(head: &mut dyn Ptz, wait: &mut dyn FnMut(Duration)) -> Result<Signs, PtzError> {
    if !(head.abilities().tells_orientation && head.abilities().continuous) {
        return Ok(Signs::default());
    }
    let fastest = head.abilities().fastest;
    let pan = Velocity {
        pan: fastest.pan * FRACTION_OF_FASTEST,
        tilt: 0.0,
    };
    let tilt = Velocity {
        pan: 0.0,
        tilt: fastest.tilt * FRACTION_OF_FASTEST,
    };
    let [pan, tilt] = [pan, tilt].map(|velocity| {
        let found = probe_axis(head, velocity, wait);
        if found.is_err() {
            // The first error is the one to tell; a drive ends by itself if this is lost too.
            let _ = head.stop();
        }
        found
    });
    Ok(Signs { pan: pan?, tilt: tilt? })
}

fn probe_axis(
    head: &mut dyn Ptz,
    velocity: Velocity,
    wait: &mut dyn FnMut(Duration),
) -> Result<Option<bool>, PtzError> {
    let there = turn(head, velocity, wait)?;
    let back = turn(
        head,
        Velocity {
            pan: -velocity.pan,
            tilt: -velocity.tilt,
        },
        wait,
    )?;
    // At the end of its range it turns in one of the directions alone.
    Ok([there, back.map(|grew| !grew)].into_iter().flatten().next())
}

/// Whether its position grew; `None` if it hardly changed.
fn turn(head: &mut dyn Ptz, velocity: Velocity, wait: &mut dyn FnMut(Duration)) -> Result<Option<bool>, PtzError> {
    let along = |orientation: super::super::Orientation| {
        if velocity.pan == 0.0 {
            orientation.tilt_degrees
        } else {
            orientation.pan_degrees
        }
    };
    let before = head.orientation()?.map(along);
    head.drive(velocity)?;
    wait(DRIVE);
    head.stop()?;
    wait(SETTLE);
    let after = head.orientation()?.map(along);
    Ok(before
        .zip(after)
        .map(|(before, after)| after - before)
        .filter(|turned| turned.abs() >= LEAST_TURN_DEGREES)
        .map(|turned| turned > 0.0))
}
