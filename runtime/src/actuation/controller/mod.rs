//! Turns the camera, gently: from what attention looks at to commands for a pan-tilt head, in degrees.
//!
//! The controller is a pure function of what it is told and of a clock; it opens nothing and waits for nothing. A stage drives it
//! about 20 times a second:
//!
//! 1. it asks the head where it looks and whether it moves ([`Ptz::orientation`](lookhear_board::Ptz::orientation),
//!    [`Ptz::is_moving`](lookhear_board::Ptz::is_moving); `None` where the head does not tell, or did not answer this time);
//! 2. it calls [`Controller::step`] with that, with the latest attention (`None` once attention has died) and with *at most one*
//!    request of a person, in the order in which they came;
//! 3. it gives the [`Command`] to the head at once: [`Command::Rest`] is nothing to send. Where the head refuses, it calls
//!    [`Controller::refused`]; a stop that was refused comes again by itself.
//!
//! Before attention takes a percept it asks [`Controller::looked_at`] where the camera looked at the percept's stamp: `None` means
//! that it moved, so that attention is told [`Perceived::Blanked`](crate::attention::Perceived::Blanked).
//! [`Controller::orientation`] is where it looks now, also for a head that does not tell. A request to go home lets the target go as
//! well: call [`Attender::forget`](crate::attention::Attender::forget). When the stage ends it stops the head, whatever the
//! controller says.
//!
//! What it promises, for heads that go where they are told and for those that only take speeds:
//!
//! - it begins to turn only when the target lies outside the outer dead zone, and is stopped within the inner one;
//! - one command at a time: no new movement before the last one ended, or was given up;
//! - no speed, and no change of speed, above the limits; no aim outside of the head's range and of the allowed zone;
//! - without fresh percepts, without attention, and while paused it stops, and nothing but a stop is sent;
//! - what a person does by hand ends by itself, and pauses tracking for a while.

mod motion;
mod pursuit;
mod settings;
mod slew;
#[cfg(test)]
mod tests;

use std::time::Duration;

use lookhear_board::{Abilities, Orientation, Velocity};

use self::motion::Limits;
pub use self::settings::ControllerSettings;
use self::slew::{Course, Slew};
use super::status::Request;
use crate::attention::optics::angle_degrees;
use crate::attention::{Attention, State, Zone};

/// For how long one request to turn by hand lasts.
const MANUAL: Duration = Duration::from_secs(1);
/// How often the camera tries to come to one place before it lets that be.
const MOST_TRIES: u32 = 3;
/// How long a head is left alone that did not take a movement.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

/// What is known when the controller decides.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Situation {
    /// The latest that attention said; `None` while it is dead.
    pub attention: Option<Attention>,
    /// How long ago the picture of the latest percept was taken, whatever was found in it; `None` before there was one.
    pub percept_age: Option<Duration>,
    /// Where the head says that it looks.
    pub orientation: Option<Orientation>,
    /// Whether the head says that it moves.
    pub is_moving: Option<bool>,
    /// A person paused all movement.
    pub paused: bool,
    /// What a person asks for just now. [`Request::Pause`] and [`Request::Resume`] mean nothing here: see `paused`.
    pub request: Option<Request>,
}

/// What the head is to be told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    /// Nothing.
    Rest,
    /// [`Ptz::move_to`](lookhear_board::Ptz::move_to).
    MoveTo(Orientation, Velocity),
    /// [`Ptz::drive`](lookhear_board::Ptz::drive); never at no speed.
    Drive(Velocity),
    /// [`Ptz::stop`](lookhear_board::Ptz::stop).
    Stop,
    /// [`Ptz::go_home`](lookhear_board::Ptz::go_home).
    GoHome,
}

/// Turns the camera.
#[derive(Debug, Clone)]
pub struct Controller {
    settings: ControllerSettings,
    abilities: Abilities,
    limits: Limits,
    /// The head's range, as far as it is allowed.
    reach: Zone,
    /// Where home is; `None` where only the head knows.
    home: Option<Orientation>,
    slew: Slew,
    movement: Option<Movement>,
    /// When the last movement ended.
    ended: Option<Duration>,
    /// When the head last did not take a movement.
    refused_at: Option<Duration>,
    /// The camera looks at the target as well as it can: it does not turn before that lies outside the outer dead zone.
    aimed: bool,
    is_home: bool,
    /// Where the last movement led to, and how often in a row it was tried.
    last_goal: Option<Orientation>,
    tries: u32,
    /// The target for which the last movement set out, and where that led.
    heading: Option<(Orientation, Orientation)>,
    /// The way of the last movement to a target, in degrees of pan and tilt.
    last_way: Option<(f64, f64)>,
    manual: Option<Manual>,
    /// A person asked to go home, and the camera is not there yet.
    home_asked: bool,
    was_paused: bool,
    tracking_from: Duration,
}

/// What was sent and has not ended.
#[derive(Debug, Clone, Copy)]
struct Movement {
    kind: Kind,
    /// When the last command of it was sent.
    sent: Duration,
    began: Duration,
    /// When it has ended at the latest if the head does as it is told.
    expected: Duration,
    /// The head did not take it: it is to be sent again, however the head looks.
    refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    To(Orientation, Velocity),
    Home,
    Along(Velocity),
    Stop,
}

#[derive(Debug, Clone, Copy)]
struct Manual {
    velocity: Velocity,
    until: Duration,
}

/// What the camera is to do.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wish {
    /// Come to rest.
    Stand,
    /// Whatever it does.
    Keep,
    Look(Orientation),
    Home,
    Turn(Velocity),
}

impl Controller {
    /// Of a head with these abilities that may look into a zone (see
    /// [`AttentionSettings`](crate::attention::AttentionSettings::allowed_zone)). Until the head tells something else it is taken to
    /// look at home, where it is after it was switched on.
    pub fn new(settings: ControllerSettings, abilities: Abilities, allowed: Zone) -> Self {
        let settings = settings.sound();
        let reach = motion::range(&abilities).within(&allowed);
        let usual_home = Orientation::default();
        let home = match settings.home_degrees {
            Some([pan_degrees, tilt_degrees]) => Some(Orientation {
                pan_degrees,
                tilt_degrees,
            }),
            None => (!reach.contains(usual_home)).then_some(usual_home),
        }
        .map(|home| reach.nearest(home));
        Self {
            limits: Limits::new(&settings, &abilities),
            slew: Slew::new(usual_home),
            settings,
            abilities,
            reach,
            home,
            movement: None,
            ended: None,
            refused_at: None,
            aimed: true,
            is_home: false,
            last_goal: None,
            tries: 0,
            heading: None,
            last_way: None,
            manual: None,
            home_asked: false,
            was_paused: false,
            tracking_from: Duration::ZERO,
        }
    }

    /// Where the camera looks now: as the head tells or, where it does not, as it was told to.
    pub fn orientation(&self) -> Orientation {
        self.slew.orientation()
    }

    /// Whether the camera is being turned, as of the last step.
    pub fn is_moving(&self) -> bool {
        self.movement.is_some()
    }

    /// Where the camera looked when a picture was taken; `None` if it moved then, had just moved, or that was too long ago.
    pub fn looked_at(&self, stamp: Duration) -> Option<Orientation> {
        self.slew.at_rest(stamp, self.settings.settle())
    }

    /// The head did not take the command that the last step gave.
    pub fn refused(&mut self, now: Duration) {
        // What was not taken was not tried: a head that is busy for a while must not be given up for it.
        if self.movement.is_some_and(|movement| movement.kind != Kind::Stop) {
            self.tries = self.tries.saturating_sub(1);
            self.refused_at = Some(now);
        }
        // Nobody knows whether a part of it arrived, nor, where the word comes late, what it was: a stop follows.
        self.stop(now);
        if let Some(stop) = &mut self.movement {
            stop.refused = true;
        }
    }

    /// Decides what to tell the head now.
    pub fn step(&mut self, now: Duration, situation: &Situation) -> Command {
        let course = self.course();
        self.slew
            .observe(now, situation.orientation, situation.is_moving, course);
        let overdue = self.end_movement(now, situation);
        let wish = self.wish(now, situation);
        // A person who says stop is believed to see that it moves, whatever the head says.
        let is_told_to_stop = situation.request == Some(Request::Stop) || (situation.paused && !self.was_paused);
        self.was_paused = situation.paused;
        let command = if overdue || is_told_to_stop {
            self.stop(now)
        } else {
            self.pursue(now, wish)
        };
        let moving = self.movement.is_some() || self.slew.is_seen_moving(now, self.settings.move_timeout);
        self.slew.remember(now, moving);
        // Whatever was decided above: a pause lets nothing through.
        match command {
            Command::Rest | Command::Stop => command,
            _ if situation.paused => self.stop(now),
            _ => command,
        }
    }

    /// What the head does as far as it was told.
    fn course(&self) -> Course {
        match self.movement.map(|movement| movement.kind) {
            Some(Kind::To(to, speed)) => Course::To(to, speed),
            Some(Kind::Home) => Course::To(self.home.unwrap_or_default(), self.limits.fastest()),
            Some(Kind::Along(velocity)) => Course::Along(velocity),
            Some(Kind::Stop) | None => Course::Rest,
        }
    }

    /// Notices when what was sent has ended; `true` when it never seems to.
    fn end_movement(&mut self, now: Duration, situation: &Situation) -> bool {
        let Some(movement) = self.movement else { return false };
        let response = self.settings.response();
        let age = now.saturating_sub(movement.began);
        let moves = situation.is_moving.unwrap_or_else(|| match self.slew.still_for(now) {
            Some(still) => still < response,
            None => now < movement.expected,
        });
        let timeout = age > self.settings.move_timeout;
        let has_ended = match movement.kind {
            Kind::Along(_) => false,
            Kind::Stop => !movement.refused && now.saturating_sub(movement.sent) >= response && (!moves || timeout),
            Kind::To(to, _) => {
                // A slow head may not have begun yet.
                let arrived = angle_degrees(self.slew.orientation(), to) <= self.settings.inner_dead_zone_degrees;
                let patience = if arrived { response } else { 3 * response };
                age >= patience && !moves
            }
            Kind::Home => age >= 3 * response && !moves,
        };
        if has_ended {
            self.is_home |= movement.kind == Kind::Home || self.is_seen_at_home();
            self.movement = None;
            self.ended = Some(now);
        }
        timeout && !has_ended && movement.kind != Kind::Stop
    }

    /// What the camera is to do, as things stand.
    fn wish(&mut self, now: Duration, situation: &Situation) -> Wish {
        if situation.paused {
            self.manual = None;
            self.home_asked = false;
            self.tries = 0;
            return Wish::Stand;
        }
        self.take_request(now, situation.request);
        match self.manual {
            Some(manual) if now < manual.until => return Wish::Turn(manual.velocity),
            Some(_) => {
                self.manual = None;
                return Wish::Stand;
            }
            None => {}
        }
        if self.home_asked {
            self.home_asked = !self.is_home && self.tries < MOST_TRIES;
            return Wish::Home;
        }
        if now < self.tracking_from {
            return Wish::Stand;
        }
        let is_fresh = situation.percept_age.is_some_and(|age| age <= self.settings.deadman);
        match situation.attention.filter(|_| is_fresh) {
            None => Wish::Stand,
            Some(Attention {
                bearing: Some(bearing), ..
            }) if bearing.pan_degrees.is_finite() && bearing.tilt_degrees.is_finite() => {
                Wish::Look(self.reach.nearest(bearing))
            }
            Some(Attention { state: State::Home, .. }) => Wish::Home,
            Some(_) => Wish::Keep,
        }
    }

    fn take_request(&mut self, now: Duration, request: Option<Request>) {
        match request {
            Some(Request::Drive { pan, tilt }) if pan.is_finite() && tilt.is_finite() => {
                self.manual = Some(Manual {
                    velocity: self.limits.limited(Velocity { pan, tilt }),
                    until: now + MANUAL,
                });
                self.home_asked = false;
                if let Some(Movement {
                    kind: Kind::Along(_),
                    began,
                    ..
                }) = &mut self.movement
                {
                    *began = now;
                }
            }
            Some(Request::Stop) => {
                self.manual = None;
                self.home_asked = false;
            }
            Some(Request::Home) => {
                self.manual = None;
                self.home_asked = true;
                self.is_home = false;
                self.tries = 0;
            }
            _ => return,
        }
        self.tracking_from = now + self.settings.manual_pause;
    }
}
