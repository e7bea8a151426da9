//! What a run comes down to.

use std::time::Duration;

use lookhear::actuation::Command;
use lookhear::attention::optics::angle_degrees;
use lookhear_board::Orientation;

use super::closed::Record;

/// How close to a thing the camera must look to have it in the middle, in degrees: the controller's outer dead zone or, for one that is
/// wider than three of those, a third of its width.
pub fn centred_degrees(width_degrees: f64) -> f64 {
    f64::max(8.0, width_degrees / 3.0)
}

/// How the camera came to look at a sounding thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Approach {
    /// From the beginning of the sound until the camera looked at it and went on doing so; `None` if it never did.
    pub time_to_centre: Option<Duration>,
    /// How far beyond the thing the camera turned on its first way there, in degrees; 0 if it did not.
    pub overshoot_degrees: f64,
    /// How far beside it the camera looked at the end.
    pub left_degrees: f64,
    /// How often the camera set out.
    pub movements: usize,
    /// The share of percepts of a resting camera that were accepted, and of those the share that were at the thing (within 11°).
    pub accepted: f64,
    /// See `accepted`.
    pub right: f64,
}

/// How the camera came to look at a thing, so many degrees wide, that began to sound at a time.
pub fn approach(records: &[Record], thing: Orientation, width_degrees: f64, from: Duration) -> Approach {
    let records: Vec<&Record> = records.iter().filter(|record| record.time >= from).collect();
    let beside = |record: &Record| angle_degrees(record.looks, thing);
    let away = records
        .iter()
        .rposition(|record| beside(record) > centred_degrees(width_degrees));
    let centred = away.map_or(0, |index| index + 1);
    let start = records.first().map_or(thing, |record| record.looks);
    let whole = angle_degrees(start, thing);
    // Along the way from where it looked first.
    let along = |record: &Record| {
        let (pan, tilt) = (
            record.looks.pan_degrees - start.pan_degrees,
            record.looks.tilt_degrees - start.tilt_degrees,
        );
        let (to_pan, to_tilt) = (
            thing.pan_degrees - start.pan_degrees,
            thing.tilt_degrees - start.tilt_degrees,
        );
        (pan * to_pan + tilt * to_tilt) / to_pan.hypot(to_tilt).max(1e-9)
    };
    let furthest = records.iter().map(|record| along(record)).fold(0.0, f64::max);
    let percepts: Vec<_> = records.iter().filter_map(|record| record.percept).collect();
    let accepted = percepts.iter().filter(|(_, _, accepted)| *accepted);
    let count = accepted.clone().count();
    let right = accepted
        .filter(|(bearing, ..)| angle_degrees(*bearing, thing) <= 11.0)
        .count();
    Approach {
        time_to_centre: records.get(centred).map(|record| record.time.saturating_sub(from)),
        overshoot_degrees: (furthest - whole).max(0.0),
        left_degrees: records.last().map_or(f64::NAN, |record| beside(record)),
        movements: movements(records.iter().copied()),
        accepted: count as f64 / percepts.len().max(1) as f64,
        right: right as f64 / count.max(1) as f64,
    }
}

/// How often the camera set out for a target; ways home are not counted.
pub fn movements<'a>(records: impl IntoIterator<Item = &'a Record>) -> usize {
    let mut driving = false;
    let mut count = 0;
    for record in records {
        match record.command {
            Command::Rest => {}
            Command::MoveTo(..) => count += 1,
            Command::Drive(_) => {
                count += usize::from(!driving);
                driving = true;
            }
            Command::Stop | Command::GoHome => driving = false,
        }
    }
    count
}

/// How often the camera swung from one side of a bearing to the other, by more than so many degrees.
pub fn swings(records: &[Record], between: Orientation, degrees: f64) -> usize {
    let sides: Vec<bool> = records
        .iter()
        .map(|record| record.looks.pan_degrees - between.pan_degrees)
        .filter(|beside| beside.abs() > degrees)
        .map(|beside| beside > 0.0)
        .collect();
    sides.windows(2).filter(|pair| pair[0] != pair[1]).count()
}
