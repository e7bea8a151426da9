//! The one who attends.

use std::time::Duration;

use lookhear_board::Orientation;
use serde::{Deserialize, Serialize};

use super::optics::{CameraView, angle_degrees, pan_difference_degrees, within_turn};
use super::settings::AttentionSettings;
use crate::perception::heatmap::Point;
use crate::perception::percept::Percept;

#[cfg(test)]
mod tests;

/// Sources in turn make the target sluggish, never deaf.
const MOST_DOUBLINGS: u32 = 6;

/// What attention is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing to attend to; the camera stays where it is.
    #[default]
    Idle,
    /// Something was found, not yet for long enough.
    Candidate,
    /// The source is heard and its place known.
    Tracking,
    /// The source is silent; its place is kept.
    Holding,
    /// Nothing was heard for long; the camera goes home.
    Home,
}

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Attention {
    /// What attention is doing.
    pub state: State,
    /// Where in the present picture the source is taken to be, while [`State::Tracking`] or [`State::Holding`]; `None` also while
    /// it is out of the picture.
    pub target: Option<Point>,
    /// Where the camera is to look, while [`State::Tracking`] or [`State::Holding`]: at the source or, where two sound in turn,
    /// between both; never outside of the allowed zone.
    pub bearing: Option<Orientation>,
    /// How sure that is, 0..1: the evidence gathered of that needed for a candidate, all of it while tracking, and falling to
    /// nothing over the hold, times how likely of late the percepts were right that found it, where the model knows that.
    pub confidence: f32,
}

/// What a tick brings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Perceived<'a> {
    /// There is no percept: sound or picture is missing. It counts as nothing found.
    Nothing,
    /// The picture was taken while the camera moved: neither evidence nor doubt.
    Blanked,
    /// A percept, and the camera as it stood when the picture was taken.
    Percept(&'a Percept, CameraView),
}

/// Turns percepts into a target.
#[derive(Debug, Clone)]
pub struct Attender {
    settings: AttentionSettings,
    /// The latest moment that was told; `None` before the first.
    now: Option<Duration>,
    /// When the target was last found, or attention began.
    last_found: Duration,
    target: Option<Orientation>,
    /// How likely of late the percepts were right that found the target, 0..1.
    certainty: f32,
    /// The target or, while there is none, the last.
    last_target: Option<Orientation>,
    /// Where the camera is made to look or, while there is no target, was last. `None` at home.
    aim: Option<Orientation>,
    candidate: Option<Candidate>,
    rival: Option<Rival>,
    /// How often the target jumped of late, as of the last time.
    switches: u32,
    last_switch: Duration,
    /// For how long the camera has moved without a clear picture in between.
    blanked: Duration,
    /// A person sent the camera home, and nothing was found since.
    dismissed: bool,
}

/// A place that may become the target.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    place: Orientation,
    /// How likely of late the percepts were right that found it, 0..1.
    certainty: f32,
    /// Time for which it was found, less the time for which something else, or nothing, was.
    evidence: Duration,
}

/// The source that was left for the target.
#[derive(Debug, Clone, Copy)]
struct Rival {
    place: Orientation,
    last_found: Duration,
    /// It took its turn again: the camera looks at both.
    framed: bool,
}

impl Attender {
    /// One who has seen nothing yet.
    pub fn new(settings: AttentionSettings) -> Self {
        Self {
            settings,
            now: None,
            last_found: Duration::ZERO,
            target: None,
            certainty: 1.0,
            last_target: None,
            aim: None,
            candidate: None,
            rival: None,
            switches: 0,
            last_switch: Duration::ZERO,
            blanked: Duration::ZERO,
            dismissed: false,
        }
    }

    /// Takes in what was perceived by `now`, and the camera as it stands now. Call it at every tick, so that time passes in
    /// silence too; a clock that steps back stands still.
    pub fn step(&mut self, now: Duration, perceived: Perceived<'_>, view: CameraView) -> Attention {
        let before = self.now.unwrap_or(now);
        if self.now.is_none() {
            self.last_found = now;
        }
        let now = now.max(before);
        self.now = Some(now);
        let elapsed = (now - before).min(self.settings.percept_reach);

        if matches!(perceived, Perceived::Blanked) {
            self.blanked += elapsed;
            if self.blanked <= self.settings.longest_blanking {
                self.last_found = (self.last_found + elapsed).min(now);
            }
        } else {
            self.blanked = Duration::ZERO;
            self.weigh(self.found(perceived), elapsed, now, view);
        }
        if now - self.last_found > self.settings.hold {
            self.target = None;
        }
        self.settle_aim(now, view);
        let attention = self.attention(now, view);
        if attention.state == State::Home {
            self.aim = None;
        }
        attention
    }

    /// Lets the target go, as a person asked to: attention is at home until something is found again.
    pub fn forget(&mut self) {
        self.target = None;
        self.last_target = None;
        self.candidate = None;
        self.rival = None;
        self.switches = 0;
        self.dismissed = true;
    }

    /// Where an accepted percept found its source, unless nothing counts there, and how likely it is right.
    fn found(&self, perceived: Perceived<'_>) -> Option<(Orientation, f32)> {
        let Perceived::Percept(percept, view) = perceived else {
            return None;
        };
        let Point { x, y } = percept.centre;
        if !percept.accepted || !x.is_finite() || !y.is_finite() {
            return None;
        }
        let bearing = view.bearing(Point {
            x: x.clamp(0.0, 1.0),
            y: y.clamp(0.0, 1.0),
        });
        let counts = !self.settings.exclusion_zones.iter().any(|zone| zone.contains(bearing));
        let certainty = percept.probability.unwrap_or(1.0).clamp(0.0, 1.0);
        (counts && bearing.pan_degrees.is_finite() && bearing.tilt_degrees.is_finite()).then_some((bearing, certainty))
    }

    fn weigh(&mut self, found: Option<(Orientation, f32)>, elapsed: Duration, now: Duration, view: CameraView) {
        let Some((place, certainty)) = found else {
            return self.doubt(elapsed);
        };
        match self.target {
            Some(target) if self.is_near(target, place) => {
                self.target = Some(approach(target, place, elapsed, self.settings.follow));
                self.certainty += approached(elapsed, self.settings.follow) as f32 * (certainty - self.certainty);
                self.last_found = now;
                self.doubt(elapsed);
            }
            target => {
                let follow = self.settings.follow;
                if let Some(rival) = self.framed_rival(place).filter(|_| target.is_some()) {
                    self.rival = Some(Rival {
                        place: approach(rival.place, place, elapsed, follow),
                        last_found: now,
                        ..rival
                    });
                    self.last_found = now;
                }
                self.consider((place, certainty), elapsed, now, view);
            }
        }
    }

    /// Gathers evidence for a place that is not the target's, and makes it the target once there is enough.
    fn consider(&mut self, (place, certainty): (Orientation, f32), elapsed: Duration, now: Duration, view: CameraView) {
        match self.candidate {
            Some(candidate) if self.is_near(candidate.place, place) => {
                let candidate = Candidate {
                    place: approach(candidate.place, place, elapsed, self.settings.follow),
                    certainty: candidate.certainty
                        + approached(elapsed, self.settings.follow) as f32 * (certainty - candidate.certainty),
                    evidence: candidate.evidence + elapsed,
                };
                self.candidate = Some(candidate);
                if candidate.evidence >= self.evidence_needed(candidate.place, now) {
                    self.certainty = candidate.certainty;
                    self.turn_to(candidate.place, now, view);
                }
            }
            _ => {
                self.doubt(elapsed);
                self.candidate.get_or_insert(Candidate {
                    place,
                    certainty,
                    evidence: Duration::ZERO,
                });
            }
        }
    }

    /// Takes evidence from the candidate, and forgets it when none is left.
    fn doubt(&mut self, elapsed: Duration) {
        self.candidate = self.candidate.and_then(|candidate| {
            let evidence = candidate.evidence.saturating_sub(elapsed);
            (!evidence.is_zero()).then_some(Candidate { evidence, ..candidate })
        });
    }

    /// Makes a place the target.
    fn turn_to(&mut self, place: Orientation, now: Duration, view: CameraView) {
        let left = self
            .last_target
            .filter(|&left| now.saturating_sub(self.last_found) <= self.settings.framing && !self.is_near(left, place));
        let is_turn = self.framed_rival(place).is_some();
        if self.is_elsewhere(place) && !is_turn {
            self.switches = self.restlessness(now) + 1;
            self.last_switch = now;
        }
        if let Some(left) = left {
            let came_back = self.rival.is_some_and(|rival| self.is_near(rival.place, place));
            self.rival = Some(Rival {
                place: left,
                last_found: self.last_found,
                framed: came_back && self.fit_together(left, place, view),
            });
        }
        self.target = Some(place);
        self.last_found = now;
        self.candidate = None;
        self.dismissed = false;
    }

    /// Aims the camera at the target, or between it and its rival.
    fn settle_aim(&mut self, now: Duration, view: CameraView) {
        self.rival = self.rival.filter(|rival| {
            !self.settings.framing.is_zero() && now.saturating_sub(rival.last_found) <= self.settings.framing
        });
        let Some(target) = self.target else { return };
        self.last_target = self.target;
        self.aim = Some(match self.rival.filter(|rival| rival.framed) {
            Some(rival) if self.fit_together(rival.place, target, view) => middle(rival.place, target),
            _ => {
                if let Some(rival) = &mut self.rival {
                    rival.framed = false;
                }
                target
            }
        });
    }

    /// How much evidence makes a place the target, as things stand.
    fn evidence_needed(&self, place: Orientation, now: Duration) -> Duration {
        let settings = &self.settings;
        if self.framed_rival(place).is_some() {
            // The camera does not turn for it.
            return settings.min_evidence;
        }
        let needed = if self.target.is_some() {
            settings.switch_evidence.max(settings.min_evidence)
        } else {
            settings.min_evidence
        };
        let doublings = if self.is_elsewhere(place) {
            self.restlessness(now).min(MOST_DOUBLINGS)
        } else {
            0
        };
        needed.saturating_mul(1 << doublings)
    }

    /// How often the target jumped of late: each `calm` without it takes one back.
    fn restlessness(&self, now: Duration) -> u32 {
        let calmed = (now - self.last_switch).as_secs_f64() / self.settings.calm.as_secs_f64().max(1e-6);
        self.switches.saturating_sub(calmed as u32)
    }

    /// Whether the camera would have to turn.
    fn is_elsewhere(&self, place: Orientation) -> bool {
        self.aim.is_some_and(|aim| !self.is_near(aim, place))
    }

    /// The rival, if the camera looks at it too and it is at a place.
    fn framed_rival(&self, place: Orientation) -> Option<Rival> {
        self.rival
            .filter(|rival| rival.framed && self.is_near(rival.place, place))
    }

    fn is_near(&self, a: Orientation, b: Orientation) -> bool {
        angle_degrees(a, b) <= self.settings.radius_degrees
    }

    /// Whether a camera that looks between two places has both well within its picture.
    fn fit_together(&self, a: Orientation, b: Orientation, view: CameraView) -> bool {
        let between = CameraView {
            orientation: self.settings.allowed_zone.nearest(middle(a, b)),
            ..view
        };
        let inner = self.settings.framing_margin..=1.0 - self.settings.framing_margin;
        [a, b].into_iter().all(|place| {
            between
                .place(place)
                .is_some_and(|place| inner.contains(&place.x) && inner.contains(&place.y))
        })
    }

    fn attention(&self, now: Duration, view: CameraView) -> Attention {
        let settings = &self.settings;
        let silent = now - self.last_found;
        let (state, confidence) = match (self.target, self.candidate) {
            (Some(_), _) if silent <= settings.pause => (State::Tracking, self.certainty),
            (Some(_), _) => {
                let pause = settings.pause.min(settings.hold);
                (
                    State::Holding,
                    self.certainty * (1.0 - share(silent.saturating_sub(pause), settings.hold - pause)),
                )
            }
            (None, Some(candidate)) => {
                let gathered = share(candidate.evidence, settings.min_evidence);
                (State::Candidate, candidate.certainty * gathered)
            }
            (None, None) if self.dismissed || silent >= settings.return_home => (State::Home, 0.0),
            (None, None) => (State::Idle, 0.0),
        };
        Attention {
            state,
            target: self.target.and_then(|target| view.place(target)),
            bearing: self.target.and(self.aim).map(|aim| settings.allowed_zone.nearest(aim)),
            confidence,
        }
    }
}

/// The bearing that lies, `elapsed` later, on the exponential way from one bearing to another.
fn approach(from: Orientation, to: Orientation, elapsed: Duration, time_constant: Duration) -> Orientation {
    between(from, to, approached(elapsed, time_constant))
}

/// How much of an exponential way is made in a time, 0..1.
fn approached(elapsed: Duration, time_constant: Duration) -> f64 {
    // The least time constant keeps 0/0 out: without any, the way is made at once.
    1.0 - (-elapsed.as_secs_f64() / time_constant.as_secs_f64().max(1e-6)).exp()
}

/// The bearing halfway between two.
fn middle(a: Orientation, b: Orientation) -> Orientation {
    between(a, b, 0.5)
}

fn between(from: Orientation, to: Orientation, share: f64) -> Orientation {
    let pan_degrees = from.pan_degrees + share * pan_difference_degrees(from.pan_degrees, to.pan_degrees);
    Orientation {
        pan_degrees: within_turn(pan_degrees),
        tilt_degrees: from.tilt_degrees + share * (to.tilt_degrees - from.tilt_degrees),
    }
}

/// How much of `whole` a `part` is, 0..1; all of nothing.
fn share(part: Duration, whole: Duration) -> f32 {
    if whole.is_zero() {
        1.0
    } else {
        (part.as_secs_f32() / whole.as_secs_f32()).min(1.0)
    }
}
