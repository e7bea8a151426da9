//! From turns of a head, and where the picture went at each → field of view, signs, scale and backlash.

use serde::{Deserialize, Serialize};

use super::correspondence::Match;
use super::rotation::rotation;
use super::solve::{least_squares, median};
use super::{Axis, Estimate};

/// Fewer turns of an axis that were long enough say too little.
const LEAST_TURNS: usize = 4;
/// The narrowest and the widest lens that is looked for, in degrees.
const NARROWEST_DEGREES: f64 = 2.0;
const WIDEST_DEGREES: f64 = 170.0;
/// A head that turns the picture by less than this share of what it says does not turn it.
const LEAST_SCALE: f64 = 0.02;
/// How uncertain a field of view may be, as a share of it.
const MOST_DEVIATION: f64 = 0.1;
/// How far a turn may lie beside what all say together, as a share of the step.
const MOST_CONTRADICTION: f64 = 0.2;
/// Where the field of view by the shape of the picture alone is as certain as this share of it, it tells how the middle of the picture
/// moves; elsewhere the head's word does, which is better for narrow lenses and of no use for very wide ones: of these the picture as
/// a whole moves alike whatever their width.
const SHARP_DEVIATION: f64 = 0.04;
/// What a lens is taken for until more is known, in degrees. Whether a head is loose does not depend on it.
const USUAL_DEGREES: f64 = 50.0;
/// What of the longest way without a turn back is taken for enough to have used up all that is loose, until that is known.
const SURELY_TAUT: f64 = 0.4;

/// How the head had come to where it stood for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// Which way its angle had last changed: 1 or −1.
    pub direction: f64,
    /// By how many of its degrees it had changed that way since it last turned back.
    pub travelled_degrees: f64,
}

/// Two pictures of one scene, and what lay between them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Which axis turned.
    pub axis: Axis,
    /// By how many degrees, as the head says.
    pub told_degrees: f64,
    /// How the head had come to the first picture, and to the second.
    pub arrivals: [Arrival; 2],
    /// Where places of the first picture lie in the second.
    pub matches: Vec<Match>,
}

/// What turns say of an axis. Its signs are those of the head as it was asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AxisTurns {
    /// The camera turns to the left, or down, when the head's angle grows.
    pub reversed: bool,
    /// In degrees of the head.
    pub backlash_degrees: Estimate,
    /// True degrees a degree of the head, where the lens is a pinhole.
    pub degrees_per_head_degree: Option<Estimate>,
}

/// What turns say of a camera on a head.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnFit {
    /// In degrees of the head.
    pub horizontal_field_of_view_degrees: Estimate,
    /// In true degrees, where the lens is a pinhole; `None` where its shape is seen too poorly to be of use.
    pub pinhole_field_of_view_degrees: Option<Estimate>,
    /// To the right.
    pub pan: Option<AxisTurns>,
    /// Upward.
    pub tilt: Option<AxisTurns>,
}

/// Why turns do not tell what a camera sees.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TurnsError {
    /// There are not enough of them.
    #[error(
        "{have} turns were long enough to be used and {LEAST_TURNS} are needed: make sure that the head may turn by some degrees"
    )]
    TooFew {
        /// How many there were.
        have: usize,
    },
    /// The picture stays where it is.
    #[error(
        "the picture does not move when the head does: see that the camera is the one on this head, and that the head turns \
         (`lookhear ptz test`)"
    )]
    NotTurning,
    /// The backlash is larger than the turns.
    #[error(
        "the head is loose by more than {at_least_degrees:.1} degrees: give longer steps by --step-degrees, or mend its gears"
    )]
    TooLoose {
        /// It is at least as large, in degrees.
        at_least_degrees: f64,
    },
    /// No camera on a head could have made these turns.
    #[error(
        "the turns of the {} contradict each other by {share:.0} %: something moves in view, or the head does not turn as far as it \
         says (`lookhear ptz test`); try again when nothing moves", axis.name()
    )]
    Contradiction {
        /// The axis.
        axis: Axis,
        /// How far the worst of them lies beside all, in per cent of the longest.
        share: f64,
    },
    /// What was measured is too noisy.
    #[error(
        "the field of view comes out as {degrees:.0} ± {deviation:.0} degrees, which is too uncertain: give longer steps by \
         --step-degrees, or turn the camera to something with more edges"
    )]
    Uncertain {
        /// What it came to, in degrees.
        degrees: f64,
        /// One standard deviation, in degrees.
        deviation: f64,
    },
}

impl TurnFit {
    /// Fits turns about either axis or both. The pan decides on the field of view, as it is the horizontal one; where the head only
    /// tilts, the tilt does.
    ///
    /// # Errors
    /// [`TurnsError`]: what is wrong with them.
    pub fn fit(turns: &[Turn]) -> Result<Self, TurnsError> {
        let of = |axis: Axis| turns.iter().filter(move |turn| turn.axis == axis).collect::<Vec<_>>();
        let (pan, tilt) = (of(Axis::Pan), of(Axis::Tilt));
        let (leading, axis) = if pan.len() >= LEAST_TURNS {
            (&pan, Axis::Pan)
        } else {
            (&tilt, Axis::Tilt)
        };
        if leading.len() < LEAST_TURNS {
            return Err(TurnsError::TooFew { have: leading.len() });
        }
        let all: Vec<&Turn> = turns.iter().collect();
        let shape = by_shape(&all);
        let taut = Taut::of(leading, shape.unwrap_or(half_of(USUAL_DEGREES)))?;
        let pinhole = shape.map(|half| jackknife(&all, degrees_of(half), |turns| by_shape(turns).map(degrees_of)));
        let is_sharp = pinhole.is_some_and(|view| view.deviation <= SHARP_DEVIATION * view.value);
        let by_head = |turns: &[&Turn]| {
            let leading: Vec<&Turn> = turns.iter().filter(|turn| turn.axis == axis).copied().collect();
            let half = if is_sharp {
                taut.by_middle(&leading, by_shape(turns)?)
            } else {
                taut.by_told(&leading)
            };
            half.map(degrees_of)
        };
        let degrees = by_head(&all).ok_or(TurnsError::NotTurning)?;
        let half = if is_sharp {
            shape.unwrap_or(half_of(degrees))
        } else {
            half_of(degrees)
        };
        taut.agree(leading, half, axis)?;
        let horizontal = jackknife(&all, degrees, by_head);
        if horizontal.deviation.is_nan() || horizontal.deviation > MOST_DEVIATION * horizontal.value {
            return Err(TurnsError::Uncertain {
                degrees: horizontal.value,
                deviation: horizontal.deviation,
            });
        }
        let pinhole = pinhole.filter(|view| view.deviation <= MOST_DEVIATION * view.value);
        let along = |axis: Axis, turns: &[&Turn]| -> Result<Option<AxisTurns>, TurnsError> {
            if turns.len() < LEAST_TURNS {
                return Ok(None);
            }
            along(axis, turns, half, pinhole).map(Some)
        };
        Ok(Self {
            horizontal_field_of_view_degrees: horizontal,
            pinhole_field_of_view_degrees: pinhole,
            pan: along(Axis::Pan, &pan)?,
            tilt: along(Axis::Tilt, &tilt)?,
        })
    }
}

fn along(axis: Axis, turns: &[&Turn], half: f64, pinhole: Option<Estimate>) -> Result<AxisTurns, TurnsError> {
    let taut = Taut::of(turns, half)?;
    let line = taut.line(turns, half).ok_or(TurnsError::NotTurning)?;
    if line.scale.abs() < LEAST_SCALE {
        return Err(TurnsError::NotTurning);
    }
    taut.agree(turns, half, axis)?;
    let loose = |line: Line| line.backlash / line.scale.abs();
    let backlash = jackknife(turns, loose(line), |turns| taut.line(turns, half).map(loose));
    let scale = pinhole.and_then(|view| {
        let scale_at = |degrees: f64| taut.line(turns, half_of(degrees)).map(|line| line.scale.abs());
        let value = scale_at(view.value)?;
        let slope = (scale_at(view.value + 0.5 * view.deviation)? - scale_at(view.value - 0.5 * view.deviation)?).abs();
        Some(Estimate {
            value,
            deviation: slope,
        })
    });
    Ok(AxisTurns {
        reversed: line.scale < 0.0,
        backlash_degrees: Estimate {
            value: backlash.value.max(0.0),
            deviation: backlash.deviation,
        },
        degrees_per_head_degree: scale,
    })
}

/// Angle against what was told: angle = scale · told − backlash / 2 · (change of direction), in true degrees.
#[derive(Debug, Clone, Copy)]
struct Line {
    scale: f64,
    backlash: f64,
}

/// Which turns are of use: those between pictures to which the head had come far enough to have used up all that is loose.
#[derive(Debug, Clone, Copy)]
struct Taut {
    axis: [f64; 3],
    least_travelled: f64,
}

impl Taut {
    fn of(turns: &[&Turn], half: f64) -> Result<Self, TurnsError> {
        let travelled = turns
            .iter()
            .flat_map(|turn| turn.arrivals)
            .map(|arrival| arrival.travelled_degrees);
        let surely = SURELY_TAUT * travelled.fold(0.0, f64::max);
        let taut = Self {
            axis: axis_of(turns, half).ok_or(TurnsError::NotTurning)?,
            least_travelled: surely,
        };
        let line = taut.line(turns, half).ok_or(TurnsError::TooFew {
            have: taut.count(turns),
        })?;
        if line.scale.abs() < LEAST_SCALE {
            return Err(TurnsError::NotTurning);
        }
        let backlash = line.backlash / line.scale.abs();
        if backlash > surely {
            return Err(TurnsError::TooLoose {
                at_least_degrees: surely,
            });
        }
        Ok(Self {
            least_travelled: (1.1 * backlash + 0.02 * surely).min(surely),
            ..taut
        })
    }

    fn takes(&self, turn: &Turn) -> bool {
        turn.arrivals
            .iter()
            .all(|arrival| arrival.travelled_degrees >= self.least_travelled)
    }

    fn count(&self, turns: &[&Turn]) -> usize {
        turns.iter().filter(|turn| self.takes(turn)).count()
    }

    /// How far a turn went by its picture, in degrees, and how its direction changed.
    fn angle(&self, turn: &Turn, half: f64) -> Option<f64> {
        let parts = rotation(&turn.matches, half)?.parts;
        Some(
            parts
                .iter()
                .zip(self.axis)
                .map(|(part, along)| part * along)
                .sum::<f64>()
                .to_degrees(),
        )
    }

    fn line(&self, turns: &[&Turn], half: f64) -> Option<Line> {
        let used = turns.iter().filter(|turn| self.takes(turn));
        let equations: Vec<([f64; 2], f64)> = used
            .filter_map(|turn| Some(([turn.told_degrees, -0.5 * reversal(turn)], self.angle(turn, half)?)))
            .collect();
        if equations.len() < LEAST_TURNS - 1 {
            return None;
        }
        let [scale, backlash] = least_squares(equations, [1e-9, 1e-9])?;
        // A head that counts the other way is loose the other way as well.
        Some(Line {
            scale,
            backlash: backlash * scale.signum(),
        })
    }

    /// The lens for which the middle of the picture moves as far as the head says, of one of a known shape.
    fn by_middle(&self, turns: &[&Turn], half: f64) -> Option<f64> {
        self.line(turns, half).map(|line| half / line.scale.abs())
    }

    /// The lens for which the whole picture moves as far as the head says. Of lenses too wide to be told from narrower ones so, the
    /// narrower.
    fn by_told(&self, turns: &[&Turn]) -> Option<f64> {
        let turns_enough = |degrees: f64| {
            self.line(turns, half_of(degrees))
                .is_some_and(|line| line.scale.abs() >= 1.0)
        };
        let high = (1..)
            .map(|step| NARROWEST_DEGREES * 1.1_f64.powi(step))
            .take_while(|degrees| *degrees < WIDEST_DEGREES);
        let high = high.into_iter().find(|degrees| turns_enough(*degrees))?;
        let (mut low, mut high) = (high / 1.1, high);
        for _ in 0..30 {
            let middle = 0.5 * (low + high);
            if turns_enough(middle) {
                high = middle
            } else {
                low = middle
            }
        }
        Some(half_of(0.5 * (low + high)))
    }

    fn agree(&self, turns: &[&Turn], half: f64, axis: Axis) -> Result<(), TurnsError> {
        let Some(line) = self.line(turns, half) else {
            return Err(TurnsError::TooFew {
                have: self.count(turns),
            });
        };
        let longest = turns
            .iter()
            .map(|turn| turn.told_degrees.abs())
            .fold(f64::MIN_POSITIVE, f64::max);
        let beside = turns.iter().filter(|turn| self.takes(turn)).filter_map(|turn| {
            let expected = line.scale * turn.told_degrees - 0.5 * line.backlash * line.scale.signum() * reversal(turn);
            Some((self.angle(turn, half)? - expected).abs() / line.scale.abs() / longest)
        });
        match beside.fold(0.0, f64::max) {
            worst if worst > MOST_CONTRADICTION => Err(TurnsError::Contradiction {
                axis,
                share: 100.0 * worst,
            }),
            _ => Ok(()),
        }
    }
}

fn reversal(turn: &Turn) -> f64 {
    turn.arrivals[1].direction - turn.arrivals[0].direction
}

/// The axis about which the camera turns, as it sees it itself: pointing so that the camera turns to the right, or up, about it.
fn axis_of(turns: &[&Turn], half: f64) -> Option<[f64; 3]> {
    let longest = turns.iter().map(|turn| turn.told_degrees.abs()).fold(0.0, f64::max);
    let part = match turns.first()?.axis {
        Axis::Pan => 0,
        Axis::Tilt => 1,
    };
    let long = turns.iter().filter(|turn| turn.told_degrees.abs() > 0.5 * longest);
    let turned: Vec<[f64; 3]> = long
        .filter_map(|turn| {
            let parts = rotation(&turn.matches, half)?.parts;
            Some(parts.map(|other| other * parts[part].signum()))
        })
        .collect();
    let middle: [f64; 3] = std::array::from_fn(|index| median(turned.iter().map(|parts| parts[index])));
    let length = middle.iter().map(|part| part * part).sum::<f64>().sqrt();
    (length > 1e-6).then(|| middle.map(|part| part / length))
}

/// The field of view at which rotations explain best how matches moved against each other, whatever the head says.
fn by_shape(turns: &[&Turn]) -> Option<f64> {
    let misfit = |half: f64| {
        turns
            .iter()
            .filter_map(|turn| rotation(&turn.matches, half))
            .map(|turn| turn.squares)
            .sum::<f64>()
    };
    let (mut low, mut high) = (half_of(5.0).ln(), half_of(150.0).ln());
    let ends = (low, high);
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let (mut one, mut other) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_one, mut at_other) = (misfit(one.exp()), misfit(other.exp()));
    for _ in 0..24 {
        if at_one < at_other {
            (high, other, at_other) = (other, one, at_one);
            one = high - GOLDEN * (high - low);
            at_one = misfit(one.exp());
        } else {
            (low, one, at_one) = (one, other, at_other);
            other = low + GOLDEN * (high - low);
            at_other = misfit(other.exp());
        }
    }
    let best = 0.5 * (low + high);
    (best - ends.0 > 0.01 && ends.1 - best > 0.01).then(|| best.exp())
}

/// The uncertainty of what was found in turns, by leaving out one at a time (B. Efron, "The jackknife, the bootstrap and other
/// resampling plans", 1982).
fn jackknife(turns: &[&Turn], value: f64, find: impl Fn(&[&Turn]) -> Option<f64>) -> Estimate {
    let without = |index: usize| -> Vec<&Turn> {
        turns
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .map(|(_, turn)| *turn)
            .collect()
    };
    let found: Vec<f64> = (0..turns.len()).filter_map(|index| find(&without(index))).collect();
    let count = found.len() as f64;
    let mean = found.iter().sum::<f64>() / count;
    let squares: f64 = found.iter().map(|one| (one - mean).powi(2)).sum();
    Estimate {
        value,
        deviation: ((count - 1.0) / count * squares).sqrt(),
    }
}

fn half_of(degrees: f64) -> f64 {
    (degrees / 2.0).to_radians().tan()
}

fn degrees_of(half: f64) -> f64 {
    2.0 * half.atan().to_degrees()
}

#[cfg(test)]
mod tests;
