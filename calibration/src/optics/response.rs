//! From a series of shifts after a command → how soon the camera follows, how fast it turns, and how long the picture shakes.

use serde::{Deserialize, Serialize};

use super::solve::{least_squares, median};
use super::{Axis, Estimate};

/// Fewer frames while the camera turns say nothing about when it began.
const LEAST_FRAMES: usize = 12;
/// A picture is still when it is as near as this share of the way to where it comes to rest, or as near as it trembles anyhow.
const STILL_SHARE: f64 = 0.02;
/// In which first part of the way a head is taken to be gathering speed.
const EARLY_SHARE: f64 = 0.5;
/// What lies within so many deviations of nothing is nothing.
const NOISE_DEVIATIONS: f64 = 4.0;

/// What a camera saw after one command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Which axis turned.
    pub axis: Axis,
    /// By how many degrees, as the head says.
    pub told_degrees: f64,
    /// Frame by frame: seconds from the command to the frame's stamp (below 0 before it), and by how many pixels the picture had
    /// shifted along the axis.
    pub frames: Vec<[f64; 2]>,
    /// Seconds from the command until the head first said that it was at rest again; absent where it does not tell.
    #[serde(default)]
    pub told_rest_seconds: Option<f64>,
}

/// How a head follows a command.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// From a command until the picture begins to move.
    pub dead_time_seconds: Estimate,
    /// The fastest that it turned in these short ways, in degrees of the head a second. On longer ones it may be faster.
    pub degrees_per_second: f64,
    /// From a command until the picture stands still, of a way of `way_degrees`; the longest of all.
    pub still_seconds: f64,
    /// How far these ways were, in degrees of the head.
    pub way_degrees: f64,
    /// For how long the picture goes on moving when the head says that it is at rest; the longest of all; absent where it does not
    /// tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_seconds: Option<f64>,
}

/// Why series of shifts do not tell how a head responds.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ResponseError {
    /// There is none, or too little of it.
    #[error(
        "{have} frames of a turn are too few to tell how the head responds, {LEAST_FRAMES} are needed: set a higher camera.frames_per_second"
    )]
    TooFew {
        /// How many there were.
        have: usize,
    },
    /// The picture did not move enough.
    #[error("the picture does not move clearly enough to tell when: give longer steps by --step-degrees")]
    NotMoving,
}

/// What one trace says.
#[derive(Debug, Clone, Copy)]
struct Followed {
    dead_seconds: f64,
    degrees_per_second: f64,
    still_seconds: f64,
    settle_seconds: Option<f64>,
    period_seconds: f64,
}

impl Response {
    /// Fits one or more traces.
    ///
    /// # Errors
    /// [`ResponseError`]: there are too few frames, or they do not move.
    pub fn fit(traces: &[Trace]) -> Result<Self, ResponseError> {
        let followed: Vec<Followed> = traces.iter().map(follow).collect::<Result<_, _>>()?;
        let most = |of: fn(&Followed) -> f64| followed.iter().map(of).fold(0.0, f64::max);
        let dead: Vec<f64> = followed.iter().map(|one| one.dead_seconds).collect();
        let (count, mean) = (dead.len() as f64, dead.iter().sum::<f64>() / dead.len() as f64);
        if followed.is_empty() {
            return Err(ResponseError::TooFew { have: 0 });
        }
        let spread = (dead.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0)).sqrt();
        let settles: Vec<f64> = followed.iter().filter_map(|one| one.settle_seconds).collect();
        Ok(Self {
            dead_time_seconds: Estimate {
                value: mean,
                // When between two frames it began is known only by how it went on: within a quarter of their distance, say.
                deviation: (spread.powi(2) + (0.25 * most(|one| one.period_seconds)).powi(2)).sqrt() / count.sqrt(),
            },
            degrees_per_second: most(|one| one.degrees_per_second),
            still_seconds: most(|one| one.still_seconds),
            way_degrees: traces.iter().map(|trace| trace.told_degrees.abs()).fold(0.0, f64::max),
            settle_seconds: (!settles.is_empty()).then(|| settles.iter().copied().fold(0.0, f64::max)),
        })
    }

    pub(super) fn is_sound(&self) -> bool {
        let times = [
            self.dead_time_seconds.value,
            self.degrees_per_second,
            self.still_seconds,
            self.way_degrees,
        ];
        let times = times.into_iter().chain(self.settle_seconds);
        self.dead_time_seconds.is_sound() && times.into_iter().all(|time| time.is_finite() && time >= 0.0)
    }
}

fn follow(trace: &Trace) -> Result<Followed, ResponseError> {
    let frames = &trace.frames;
    let have = frames.len();
    if have < LEAST_FRAMES || !frames.iter().flatten().all(|value| value.is_finite()) {
        return Err(ResponseError::TooFew { have });
    }
    // The last quarter is at rest: whoever made the trace waited for that.
    let rest = &frames[have - have / 4..];
    let end = median(rest.iter().map(|[_, shift]| *shift));
    let noise = 1.4826 * median(rest.iter().map(|[_, shift]| (shift - end).abs()));
    let nothing = (NOISE_DEVIATIONS * noise).max(0.01 * end.abs());
    let before: Vec<f64> = frames
        .iter()
        .filter(|[time, _]| *time <= 0.0)
        .map(|[_, shift]| *shift)
        .collect();
    let start = median(before);
    let way = end - start;
    if way.abs() <= 4.0 * nothing {
        return Err(ResponseError::NotMoving);
    }
    let shares: Vec<[f64; 2]> = frames
        .iter()
        .map(|[time, shift]| [*time, (shift - start) / way])
        .collect();
    let nothing = nothing / way.abs();
    // From here on it never seems to be back at the start: a tremble before it begins is no beginning.
    let begun = shares
        .iter()
        .rposition(|[time, share]| *time <= 0.0 || *share <= nothing);
    let begun = begun.map_or(0, |last| last + 1);
    let first = shares.get(begun).map_or(0.0, |[time, _]| *time);
    let last_still = shares.get(begun.wrapping_sub(1)).map_or(0.0, |[time, _]| *time);
    let early = shares
        .iter()
        .skip(begun)
        .take_while(|[_, share]| *share < EARLY_SHARE && *share > nothing);
    let dead = beginning(&early.copied().collect::<Vec<_>>())
        .unwrap_or(0.5 * (first + last_still))
        .min(first);
    let still = (STILL_SHARE).max(nothing);
    let last_moving = shares
        .iter()
        .rposition(|[_, share]| (share - 1.0).abs() > still)
        .unwrap_or(0);
    let still_seconds = shares.get(last_moving + 1).map_or(0.0, |[time, _]| *time);
    let speeds = shares.windows(2).map(|pair| match pair {
        [[one, from], [other, to]] if other > one => (to - from) / (other - one),
        _ => 0.0,
    });
    let gaps = shares.windows(2).map(|pair| match pair {
        [[one, _], [other, _]] => other - one,
        _ => 0.0,
    });
    Ok(Followed {
        dead_seconds: dead.max(0.0),
        degrees_per_second: speeds.fold(0.0, f64::max) * trace.told_degrees.abs(),
        still_seconds,
        settle_seconds: trace.told_rest_seconds.map(|told| (still_seconds - told).max(0.0)),
        period_seconds: median(gaps),
    })
}

/// When a motor began to turn: one that gathers speed at a constant rate, so that the root of its way grows in proportion to time, or
/// one that has its speed at once, whichever its way is more like.
fn beginning(early: &[[f64; 2]]) -> Option<f64> {
    if early.len() < 2 {
        return None;
    }
    let gathering = early_fit(early, f64::sqrt, |root| root * root);
    let at_once = early_fit(early, |share| share, |share| share);
    let best = [gathering, at_once]
        .into_iter()
        .flatten()
        .min_by(|one, other| one.1.total_cmp(&other.1));
    best.map(|(began, _)| began)
}

/// When a way that grows straight once it is straightened began, and how far it lies beside that: the sum of the squares.
fn early_fit(early: &[[f64; 2]], straighten: fn(f64) -> f64, bend: fn(f64) -> f64) -> Option<(f64, f64)> {
    // The less of the way, the less it says of when it began.
    let equations = early.iter().map(|&[time, share]| {
        let weight = straighten(share);
        ([weight * time, weight], weight * straighten(share))
    });
    let [speed, offset] = least_squares(equations, [0.0; 2])?;
    let beside = early
        .iter()
        .map(|&[time, share]| (bend((speed * time + offset).max(0.0)) - share).powi(2));
    (speed > 0.0).then(|| (-offset / speed, beside.sum()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::texture::noise;
    use super::*;

    /// A motor that waits, gathers speed, and brakes; shifts of 2 pixels a degree with some noise.
    fn trace(seed: u64, dead: f64, acceleration: f64, way: f64, period: f64, tremble: f64) -> Trace {
        let half = (way / acceleration).sqrt();
        let at = |time: f64| {
            let time = (time - dead).clamp(0.0, 2.0 * half);
            let rising = time.min(half);
            let falling = time - rising;
            0.5 * acceleration * rising * rising + falling * acceleration * (half - 0.5 * falling)
        };
        let frame = |index: i64| {
            let time = (index as f64 - 5.3) * period;
            [time, -2.0 * at(time) + tremble * f64::from(noise(seed, index, 0))]
        };
        Trace {
            axis: Axis::Pan,
            told_degrees: way,
            frames: (0..(12 + ((2.0 * half + dead) / period) as i64 * 2))
                .map(frame)
                .collect(),
            told_rest_seconds: Some(dead + 2.0 * half - 0.1),
        }
    }

    proptest! {
        #[test]
        fn dead_time_is_found_within_some_frame(
            seed in 0_u64..1000, dead in 0.0_f64..0.9, acceleration in 30.0_f64..600.0, rate in 10.0_f64..60.0,
        ) {
            let trace = trace(seed, dead, acceleration, 8.0, 1.0 / rate, 0.1);
            let fit = Response::fit(&[trace]).unwrap();
            prop_assert!((fit.dead_time_seconds.value - dead).abs() < 1.2 / rate, "{fit:?}");
            let still = dead + 2.0 * (8.0 / acceleration).sqrt();
            // The last fiftieth of the way takes a while.
            prop_assert!(fit.still_seconds < still + 1.0 / rate && fit.still_seconds > 0.8 * still - 1.0 / rate, "{fit:?} {still}");
            prop_assert!(fit.is_sound());
        }

        #[test]
        fn no_frames_make_it_panic(frames in proptest::collection::vec([any::<f64>(), any::<f64>()], 0..30), told in any::<f64>()) {
            let _ = Response::fit(&[Trace { axis: Axis::Tilt, told_degrees: told, frames, told_rest_seconds: None }]);
        }
    }

    #[test]
    fn a_motor_that_has_its_speed_at_once_is_not_taken_for_one_that_gathers_it() {
        let frames = (-6..60_i32).map(|index| {
            let time = f64::from(index) / 20.0 + 0.013;
            let tremble = 0.05 * f64::from(noise(7, index.into(), 2));
            [time, 20.0 * (time - 0.6).clamp(0.0, 0.8) + tremble]
        });
        let trace = Trace {
            axis: Axis::Tilt,
            told_degrees: 8.0,
            frames: frames.collect(),
            told_rest_seconds: None,
        };
        let fit = Response::fit(&[trace]).unwrap();
        assert!((fit.dead_time_seconds.value - 0.6).abs() < 0.02, "{fit:?}");
        assert!(
            (fit.degrees_per_second - 10.0).abs() < 1.5 && fit.settle_seconds.is_none(),
            "{fit:?}"
        );
    }

    #[test]
    fn what_does_not_move_has_no_response() {
        let frames = |shift: f64| {
            (0..30)
                .map(|index| [f64::from(index) / 30.0, shift * f64::from(noise(4, index.into(), 1))])
                .collect()
        };
        let still = Trace {
            axis: Axis::Pan,
            told_degrees: 5.0,
            frames: frames(0.1),
            told_rest_seconds: None,
        };
        assert_eq!(Response::fit(&[still]), Err(ResponseError::NotMoving));
        assert_eq!(Response::fit(&[]), Err(ResponseError::TooFew { have: 0 }));
    }
}
