//! Turns a head a little to and fro and watches the picture: from that the camera's field of view, the signs, the scale and the
//! backlash of the head, and how soon it follows, are fitted (see [`lookhear_calibration::optics`]).
//!
//! For each axis it goes two steps back, four on and four back again about where the camera looks, and takes a picture of the scene
//! at rest at each stop. Then it goes two steps at once, twice, and watches the movement itself.

mod posture;
mod watch;

use std::fmt;
use std::ops::RangeInclusive;

use lookhear_board::{Camera, CaptureError, Clock, Orientation, Ptz, PtzError, Velocity};
use lookhear_calibration::OpticsFit;
use lookhear_calibration::optics::fit::AxisTurns;
use lookhear_calibration::optics::{
    Arrival, Axis, AxisFit, GreyPicture, MatchError, Response, ResponseError, Trace, Turn, TurnFit, TurnsError,
};
use serde::{Deserialize, Serialize};

use self::posture::Posture;
use self::watch::Watch;
use crate::perception::picture::PictureError;

/// The stops of an axis, in steps from the middle.
const STOPS: [i8; 9] = [-2, -1, 0, 1, 2, 1, 0, -1, -2];
/// Stops at the same place, to which the head came from the two sides.
const FROM_BOTH_SIDES: [(usize, usize); 3] = [(1, 7), (2, 6), (3, 5)];
/// Steps are as long as it takes to shift the picture by this share of its width.
const STEP_SHARE: f64 = 0.055;
/// The first steps that are tried, in degrees: where the first moves nothing, the next, for heads that are loose.
const TRIED_DEGREES: [f64; 3] = [1.0, 2.0, 4.0];
/// The longest and the shortest step, in degrees.
const LONGEST_STEP_DEGREES: f64 = 6.0;
const SHORTEST_STEP_DEGREES: f64 = 0.2;
/// What shifts the picture by fewer pixels is too little to judge by.
const LEAST_PIXELS: f64 = 2.0;
/// How fast the head goes from stop to stop, in degrees a second.
const STEP_SPEED: f64 = 30.0;
/// How fast it goes where its response is watched: as the controller has it by default.
const RESPONSE_SPEED: f64 = 60.0;

/// What takes part.
pub struct Devices<'a> {
    /// The camera on the head.
    pub camera: &'a mut dyn Camera,
    /// The head.
    pub head: &'a mut dyn Ptz,
    /// The clock that stamps the frames.
    pub clock: &'a dyn Clock,
    /// Whether a person has had enough.
    pub interrupted: &'a dyn Fn() -> bool,
    /// Told what is done next.
    pub tell: &'a mut dyn FnMut(Progress),
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// The head does not tell where it looks: it is sent home, where it is known to look.
    GoingHome,
    /// It is found out how long steps may be.
    FindingStep,
    /// The head goes from stop to stop.
    Stepping {
        /// About which axis.
        axis: Axis,
        /// How far a step is.
        step_degrees: f64,
    },
    /// An axis has too little room.
    NoRoom(Axis),
    /// A turn is watched.
    Watching(Axis),
    /// It could not be told how the head responds, and goes without.
    NoResponse(ResponseError),
    /// Something moves in view: it is waited for a while.
    WaitingForStillness,
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GoingHome => write!(
                formatter,
                "the head does not tell where it looks: it goes home first, and stays there"
            ),
            Self::FindingStep => write!(formatter, "finding out how long steps may be"),
            Self::Stepping { axis, step_degrees } => {
                let (name, most) = (axis.name(), 2.0 * step_degrees);
                write!(
                    formatter,
                    "{name}: eight steps of {step_degrees:.1} degrees, never further than {most:.1} to a side"
                )
            }
            Self::NoRoom(axis) => write!(
                formatter,
                "{}: the head has no room to turn, which is left out",
                axis.name()
            ),
            Self::Watching(axis) => write!(formatter, "{}: watching how the head follows a command", axis.name()),
            Self::NoResponse(cause) => write!(formatter, "how the head follows is left out: {cause}"),
            Self::WaitingForStillness => write!(formatter, "something moves in view; waiting until it is still"),
        }
    }
}

/// Why it was broken off. The head was sent back to where it had looked.
#[derive(Debug, thiserror::Error)]
pub enum OpticsError {
    /// A person has had enough.
    #[error("interrupted; what was measured is kept, and the same command goes on with it")]
    Interrupted,
    /// There is too little to be seen, or too much that moves.
    #[error(transparent)]
    Matching(#[from] MatchError),
    /// The scene does not keep still.
    #[error(
        "{:.0} % of the picture moves while the camera does not: wait until nothing moves, or turn the camera to something that keeps \
         still", 100.0 * moving_share
    )]
    MovingScene {
        /// How much of it, 0..1.
        moving_share: f64,
    },
    /// The picture never comes to rest.
    #[error(
        "the picture did not come to rest within {seconds:.0} s: fix the camera to what it stands on, and wait until nothing large moves in view"
    )]
    NeverStill {
        /// How long it was waited for.
        seconds: f64,
    },
    /// The head cannot be turned by a known angle.
    #[error(
        "the head is only driven at speeds and does not tell where it looks, so that nobody knows how far it turned: write \
         optics.horizontal_field_of_view_degrees into the configuration, as the camera's data sheet has it"
    )]
    Blind,
    /// The camera delivers nothing more.
    #[error("the camera ended before enough was seen: it must go on delivering")]
    Ended,
    /// The camera failed.
    #[error(transparent)]
    Camera(#[from] CaptureError),
    /// A picture cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The head failed.
    #[error(transparent)]
    Head(#[from] PtzError),
    /// What was measured makes no sense.
    #[error(transparent)]
    Turns(#[from] TurnsError),
}

/// What was measured so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OpticsMeasurements {
    /// Of which camera on which head.
    pub source: String,
    /// Whether pan and tilt were asked for the other way round, as a person had set it.
    pub inverted: [bool; 2],
    /// How far a step is, once that is known.
    pub step_degrees: Option<f64>,
    /// The steps of an axis, once they were made; none where it has no room.
    pub pan: Option<Vec<Turn>>,
    /// The same for tilt.
    pub tilt: Option<Vec<Turn>>,
    /// The turns that were watched.
    pub traces: Option<Vec<Trace>>,
}

impl OpticsMeasurements {
    /// Nothing, yet, of a camera on a head that is mounted so.
    pub fn new(source: String, inverted: [bool; 2], step_degrees: Option<f64>) -> Self {
        Self {
            source,
            inverted,
            step_degrees,
            ..Self::default()
        }
    }

    /// Whether these go on what others began.
    pub fn goes_on(&self, begun: &Self) -> bool {
        let same_step = self.step_degrees.is_none() || self.step_degrees == begun.step_degrees;
        (&self.source, self.inverted) == (&begun.source, begun.inverted) && same_step
    }

    /// Fits what was measured.
    ///
    /// # Errors
    /// Where the data do not allow it: [`TurnsError`].
    pub fn fit(&self) -> Result<OpticsFit, TurnsError> {
        let turns: Vec<Turn> = [&self.pan, &self.tilt]
            .into_iter()
            .flatten()
            .flatten()
            .cloned()
            .collect();
        let fit = TurnFit::fit(&turns)?;
        let [pan_inverted, tilt_inverted] = self.inverted;
        let axis = |turns: AxisTurns, inverted: bool| AxisFit {
            inverted: inverted != turns.reversed,
            backlash_degrees: turns.backlash_degrees,
            degrees_per_head_degree: turns.degrees_per_head_degree,
        };
        Ok(OpticsFit {
            horizontal_field_of_view_degrees: fit.horizontal_field_of_view_degrees,
            pinhole_field_of_view_degrees: fit.pinhole_field_of_view_degrees,
            pan: fit.pan.map(|turns| axis(turns, pan_inverted)),
            tilt: fit.tilt.map(|turns| axis(turns, tilt_inverted)),
            response: Response::fit(self.traces.as_deref().unwrap_or_default()).ok(),
        })
    }
}

/// Measures what is not measured yet, and hands everything to `keep` whenever there is more of it. The camera comes back to where it
/// looked; one that is interrupted is stopped and sent back.
///
/// # Errors
/// [`OpticsError`]: cause and remedy.
pub fn measure(
    devices: Devices<'_>,
    measurements: &mut OpticsMeasurements,
    keep: &mut dyn FnMut(&OpticsMeasurements),
) -> Result<(), OpticsError> {
    let abilities = devices.head.abilities().clone();
    let can_be_driven = abilities.continuous && abilities.tells_orientation;
    if !(abilities.absolute || can_be_driven) {
        return Err(OpticsError::Blind);
    }
    let mut posture = Posture::new(Watch::new(devices), abilities)?;
    let start = posture.orientation();
    let outcome = Procedure {
        posture: &mut posture,
        measurements,
        keep,
        start,
    }
    .run();
    match outcome {
        Ok(()) => posture.turn_to(start, STEP_SPEED),
        Err(cause) => {
            // The first cause is the one to tell.
            let _ = posture.give_back(start);
            Err(cause)
        }
    }
}

struct Procedure<'a, 'b> {
    posture: &'a mut Posture<'b>,
    measurements: &'a mut OpticsMeasurements,
    keep: &'a mut dyn FnMut(&OpticsMeasurements),
    start: Orientation,
}

/// A scene at rest, and how the head had come there.
struct Stop {
    told_degrees: f64,
    arrival: Arrival,
    picture: GreyPicture,
}

impl Procedure<'_, '_> {
    fn run(&mut self) -> Result<(), OpticsError> {
        // Before anything turns: is there something to see, and does it keep still?
        self.posture.watch.still()?;
        let step = match self.measurements.step_degrees {
            Some(step) => step,
            None => self.find_step()?,
        };
        self.measurements.step_degrees = Some(step);
        for axis in [Axis::Pan, Axis::Tilt] {
            if self.measured(axis).is_none() {
                let turns = self.step(axis, step)?;
                *self.measured(axis) = Some(turns);
                (self.keep)(self.measurements);
            }
        }
        if self.measurements.traces.is_none() {
            self.measurements.traces = Some(self.watch(step)?);
            (self.keep)(self.measurements);
        }
        Ok(())
    }

    fn measured(&mut self, axis: Axis) -> &mut Option<Vec<Turn>> {
        match axis {
            Axis::Pan => &mut self.measurements.pan,
            Axis::Tilt => &mut self.measurements.tilt,
        }
    }

    /// How many degrees shift the picture by what suits.
    fn find_step(&mut self) -> Result<f64, OpticsError> {
        self.posture.watch.tell(Progress::FindingStep);
        let axis = if self.room(Axis::Pan, TRIED_DEGREES[0]).is_some() {
            Axis::Pan
        } else {
            Axis::Tilt
        };
        for degrees in TRIED_DEGREES {
            let Some((middle, degrees)) = self.room(axis, degrees) else {
                break;
            };
            let mut pictures = Vec::with_capacity(2);
            for place in [middle, middle + degrees] {
                self.posture.turn_to(with(self.start, axis, place), STEP_SPEED)?;
                pictures.push(self.posture.watch.still()?);
            }
            let [first, second] = pictures.as_slice() else { break };
            match self.posture.watch.shift(first, second) {
                Ok(shift) => {
                    let pixels = shift.right.hypot(shift.down);
                    if pixels >= LEAST_PIXELS {
                        let wanted = STEP_SHARE * 2.0 * first.half_width() * degrees / pixels;
                        return Ok(wanted.clamp(SHORTEST_STEP_DEGREES, LONGEST_STEP_DEGREES));
                    }
                }
                // It turned out of its picture: the lens is a long one.
                Err(MatchError::NothingInCommon) => return Ok(SHORTEST_STEP_DEGREES),
                Err(cause) => return Err(cause.into()),
            }
        }
        Err(TurnsError::NotTurning.into())
    }

    /// Where the middle of an axis's stops lies and how long steps may be there; `None` where there is no room at all.
    fn room(&self, axis: Axis, step: f64) -> Option<(f64, f64)> {
        let range: &RangeInclusive<f64> = self.posture.range(axis);
        let span = range.end() - range.start();
        let step = step.min(span / 4.0);
        // Where a range is not a number there is no room either.
        (step >= SHORTEST_STEP_DEGREES).then(|| {
            let reach = 2.0 * step;
            (
                of(self.start, axis).max(range.start() + reach).min(range.end() - reach),
                step,
            )
        })
    }

    fn step(&mut self, axis: Axis, step: f64) -> Result<Vec<Turn>, OpticsError> {
        let Some((middle, step)) = self.room(axis, step) else {
            self.posture.watch.tell(Progress::NoRoom(axis));
            return Ok(Vec::new());
        };
        let step_degrees = step;
        self.posture.watch.tell(Progress::Stepping { axis, step_degrees });
        let mut stops = Vec::with_capacity(STOPS.len());
        for place in STOPS {
            let place = middle + f64::from(place) * step;
            self.posture.turn_to(with(self.start, axis, place), STEP_SPEED)?;
            stops.push(Stop {
                told_degrees: of(self.posture.orientation(), axis),
                arrival: self.posture.arrival(axis),
                picture: self.posture.watch.still()?,
            });
        }
        let neighbours = (1..stops.len()).map(|index| (index - 1, index));
        let pairs = neighbours
            .chain(FROM_BOTH_SIDES)
            .filter_map(|(one, other)| Some((stops.get(one)?, stops.get(other)?)));
        let turns = pairs.map(|(one, other)| {
            Ok(Turn {
                axis,
                told_degrees: other.told_degrees - one.told_degrees,
                arrivals: [one.arrival, other.arrival],
                matches: self.posture.watch.matches(&one.picture, &other.picture)?,
            })
        });
        let turns = turns.collect::<Result<Vec<Turn>, OpticsError>>();
        self.posture.turn_to(self.start, STEP_SPEED)?;
        turns
    }

    /// Turns two steps at once, to and fro, and watches.
    fn watch(&mut self, step: f64) -> Result<Vec<Trace>, OpticsError> {
        let mut traces = Vec::new();
        for axis in [Axis::Pan, Axis::Tilt] {
            let Some((middle, step)) = self.room(axis, step) else {
                continue;
            };
            self.posture.watch.tell(Progress::Watching(axis));
            self.posture
                .turn_to(with(self.start, axis, middle - step), STEP_SPEED)?;
            for place in [middle + step, middle - step] {
                traces.push(
                    self.posture
                        .trace(axis, with(self.start, axis, place), RESPONSE_SPEED)?,
                );
            }
            self.posture.turn_to(self.start, STEP_SPEED)?;
        }
        if let Err(cause) = Response::fit(&traces) {
            self.posture.watch.tell(Progress::NoResponse(cause));
        }
        Ok(traces)
    }
}

fn of(place: Orientation, axis: Axis) -> f64 {
    match axis {
        Axis::Pan => place.pan_degrees,
        Axis::Tilt => place.tilt_degrees,
    }
}

fn with(mut place: Orientation, axis: Axis, degrees: f64) -> Orientation {
    match axis {
        Axis::Pan => place.pan_degrees = degrees,
        Axis::Tilt => place.tilt_degrees = degrees,
    }
    place
}

fn along(axis: Axis, speed: f64) -> Velocity {
    match axis {
        Axis::Pan => Velocity { pan: speed, tilt: 0.0 },
        Axis::Tilt => Velocity { pan: 0.0, tilt: speed },
    }
}

#[cfg(test)]
mod tests;
