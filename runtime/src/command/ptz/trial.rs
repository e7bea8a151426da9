//! `lookhear ptz test`: small movements that show whether a head does what it is told, and which way.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::bail;
use lookhear_board::{Orientation, Velocity};

use super::Hand;
use crate::command::output::write_text;

/// How long each movement at a speed lasts: slow cameras take most of a second to begin.
const TIME: Duration = Duration::from_secs(2);

/// The speed of the movements, degrees a second.
const SPEED: f64 = 5.0;

/// How far the movements to a direction go, degrees.
const DISTANCE: f64 = 8.0;

/// How far beside its target a head may come to rest, degrees.
const TOLERANCE: f64 = 1.0;

/// A movement that is too small to be one, degrees.
const STILL: f64 = 0.2;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Axis {
    Pan,
    Tilt,
}

impl Axis {
    /// The direction of a movement, in words.
    fn toward(self, sign: f64) -> &'static str {
        match (self, sign < 0.0) {
            (Self::Pan, true) => "to the left",
            (Self::Pan, false) => "to the right",
            (Self::Tilt, true) => "down",
            (Self::Tilt, false) => "up",
        }
    }

    fn of(self, place: Orientation) -> f64 {
        match self {
            Self::Pan => place.pan_degrees,
            Self::Tilt => place.tilt_degrees,
        }
    }
}

/// Tries all that the head can do, and leaves it at rest where it looked before, as well as it can.
///
/// # Errors
/// When it does not do what it is told.
pub(super) fn run(hand: &mut Hand) -> anyhow::Result<()> {
    write_text(hand.place()?)?;
    let start = hand.orientation()?;
    let mut complaints = Vec::new();
    if hand.head.abilities().continuous {
        for axis in [Axis::Pan, Axis::Tilt] {
            let first = inward(&range(hand, axis), start.map(|place| axis.of(place)));
            for sign in [first, -first] {
                drive(hand, axis, sign, &mut complaints)?;
            }
        }
    }
    if hand.head.abilities().absolute {
        let start = start.unwrap_or_default();
        for axis in [Axis::Pan, Axis::Tilt] {
            let sign = inward(&range(hand, axis), Some(axis.of(start)));
            move_away(hand, axis, start, sign, &mut complaints)?;
        }
        move_to(hand, start)?;
    }
    hand.insist(|head| head.stop())?;
    if hand.is_interrupted() {
        bail!("interrupted; the head was stopped");
    }
    if complaints.is_empty() {
        return write_text(
            "It does what it is told, as far as it tells. If you saw it turn the other way, set pan_inverted or tilt_inverted.\n\
             It was stopped.",
        );
    }
    bail!("{}; the head was stopped", complaints.join("; "))
}

fn range(hand: &Hand, axis: Axis) -> RangeInclusive<f64> {
    let abilities = hand.head.abilities();
    match axis {
        Axis::Pan => abilities.pan_degrees.clone(),
        Axis::Tilt => abilities.tilt_degrees.clone(),
    }
}

/// The direction in which there is room.
fn inward(range: &RangeInclusive<f64>, from: Option<f64>) -> f64 {
    let room = 2.0 * SPEED * TIME.as_secs_f64();
    if from.is_some_and(|from| from + room > *range.end()) {
        -1.0
    } else {
        1.0
    }
}

fn drive(hand: &mut Hand, axis: Axis, sign: f64, complaints: &mut Vec<String>) -> anyhow::Result<()> {
    if hand.is_interrupted() {
        return Ok(());
    }
    let velocity = match axis {
        Axis::Pan => Velocity {
            pan: sign * SPEED,
            tilt: 0.0,
        },
        Axis::Tilt => Velocity {
            pan: 0.0,
            tilt: sign * SPEED,
        },
    };
    let toward = axis.toward(sign);
    let before = hand.orientation()?;
    if before.is_none() {
        write_text(format_args!("Now it should turn {toward} for {} s.", TIME.as_secs()))?;
    }
    hand.drive_for(velocity, TIME)?;
    let (Some(before), Some(after)) = (before, hand.orientation()?) else {
        return Ok(());
    };
    // Adding nothing keeps what is not there from having a sign.
    let moved = sign * (axis.of(after) - axis.of(before)) + 0.0;
    let expected = SPEED * TIME.as_secs_f64();
    if hand.is_interrupted() {
        return Ok(());
    }
    if moved < -STILL {
        complaints.push(format!(
            "driven {toward} it says that it turned {}: its speeds and its directions disagree",
            axis.toward(-sign)
        ));
    } else if moved < STILL {
        complaints.push(format!("driven {toward} it did not turn"));
    }
    write_text(format_args!(
        "Driven {toward} at {SPEED} degrees a second for {} s it turned {moved:.1} degrees; {expected:.0} were expected.",
        TIME.as_secs()
    ))
}

fn move_away(
    hand: &mut Hand,
    axis: Axis,
    start: Orientation,
    sign: f64,
    complaints: &mut Vec<String>,
) -> anyhow::Result<()> {
    let mut target = start;
    match axis {
        Axis::Pan => target.pan_degrees += sign * DISTANCE,
        Axis::Tilt => target.tilt_degrees += sign * DISTANCE,
    }
    move_to(hand, target)?;
    let Some(place) = hand.orientation()? else {
        return write_text(format_args!(
            "Now it should have turned {DISTANCE} degrees {}.",
            axis.toward(sign)
        ));
    };
    let beside = axis.of(place) - axis.of(target);
    if hand.is_interrupted() {
        return Ok(());
    }
    if beside.abs() > TOLERANCE {
        complaints.push(format!(
            "told to turn {DISTANCE} degrees {} it came to rest {:.1} degrees beside",
            axis.toward(sign),
            beside.abs()
        ));
    }
    write_text(format_args!(
        "Told to turn {DISTANCE} degrees {} it came to rest {:.2} degrees beside.",
        axis.toward(sign),
        beside.abs()
    ))
}

fn move_to(hand: &mut Hand, to: Orientation) -> anyhow::Result<()> {
    if hand.is_interrupted() {
        return Ok(());
    }
    let speed = Velocity {
        pan: 4.0 * SPEED,
        tilt: 4.0 * SPEED,
    };
    hand.insist(|head| head.move_to(to, speed))?;
    hand.settle()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use lookhear_board::MonotonicClock;
    use lookhear_board::ptz::mount::{Mounted, Mounting};
    use lookhear_board::ptz::{SimulatedHead, SimulatedHeadSettings};

    use super::*;

    #[test]
    fn a_head_near_its_edge_is_turned_inward() {
        assert_eq!(inward(&(-90.0..=90.0), Some(85.0)), -1.0);
        assert_eq!(inward(&(-90.0..=90.0), Some(-85.0)), 1.0);
        assert_eq!(inward(&(-90.0..=90.0), None), 1.0);
    }

    #[test]
    fn an_interrupted_trial_makes_no_movement() {
        let head = SimulatedHead::new(Arc::new(MonotonicClock), SimulatedHeadSettings::default());
        let eye = head.eye();
        let mut hand = Hand {
            head: Box::new(Mounted::new(head, Mounting::default())),
            interrupted: Arc::new(AtomicBool::new(true)),
        };
        let error = run(&mut hand).map_err(|error| error.to_string());
        assert_eq!(error, Err("interrupted; the head was stopped".to_owned()));
        let clock = MonotonicClock;
        assert_eq!(
            eye.orientation_at(lookhear_board::Clock::now(&clock)),
            Orientation::default()
        );
    }
}
