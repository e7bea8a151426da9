//! From what the camera is to do to the next command: the half of the controller that knows what heads can do.

use std::time::Duration;

use lookhear_board::{Orientation, Velocity};

use super::{Command, Controller, Kind, MANUAL, MOST_TRIES, Movement, REFUSAL_PAUSE, Wish};
use crate::attention::optics::angle_degrees;

impl Controller {
    pub(super) fn pursue(&mut self, now: Duration, wish: Wish) -> Command {
        match (wish, self.movement) {
            (
                _,
                Some(Movement {
                    kind: Kind::Stop, sent, ..
                }),
            ) => {
                // Not ended: either there was no time yet, or it never arrived.
                if now.saturating_sub(sent) >= self.settings.response() {
                    self.stop(now)
                } else {
                    Command::Rest
                }
            }
            (Wish::Stand, None) => Command::Rest,
            (Wish::Stand, Some(_)) => self.stop(now),
            // A movement to somewhere ends by itself, one without a goal does not.
            (
                Wish::Keep,
                Some(Movement {
                    kind: Kind::Along(_), ..
                }),
            ) => self.stop(now),
            (Wish::Keep, _) => Command::Rest,
            (Wish::Turn(velocity), movement) => self.turn_by_hand(now, velocity, movement),
            (Wish::Look(to), movement) => self.look(now, to, movement),
            (Wish::Home, movement) => self.go_home(now, movement),
        }
    }

    fn look(&mut self, now: Duration, to: Orientation, movement: Option<Movement>) -> Command {
        let settings = &self.settings;
        let to = match self.heading {
            Some((target, goal))
                if movement.is_some() && angle_degrees(target, to) <= settings.inner_dead_zone_degrees =>
            {
                goal
            }
            _ => to,
        };
        let beside = angle_degrees(self.slew.orientation(), to);
        let (is_inside, is_outside) = (
            beside <= settings.inner_dead_zone_degrees,
            beside > settings.outer_dead_zone_degrees,
        );
        self.aimed = (self.aimed || is_inside) && !is_outside;
        if is_inside && movement.is_none() {
            self.tries = 0;
        }
        match movement {
            Some(Movement {
                kind: Kind::Along(_), ..
            }) if is_inside => self.stop(now),
            Some(Movement {
                kind: Kind::Along(velocity),
                sent,
                ..
            }) => self.steer(now, to, velocity, sent),
            // On its way past the target, which was found to be elsewhere.
            Some(Movement {
                kind: Kind::To(goal, _),
                ..
            }) if is_inside && angle_degrees(goal, to) > settings.outer_dead_zone_degrees => self.stop(now),
            Some(_) => Command::Rest,
            None if self.aimed || !self.has_settled(now) => Command::Rest,
            None if !self.is_worth_trying(to, is_outside) => Command::Rest,
            None => {
                self.is_home = false;
                let goal = self.damped(now, to);
                self.heading = Some((to, goal));
                self.set_out(now, goal)
            }
        }
    }

    /// Where to go to look at a target: to it or, on a short way back from where the camera has just come, halfway.
    fn damped(&mut self, now: Duration, to: Orientation) -> Orientation {
        let from = self.slew.orientation();
        let way = (to.pan_degrees - from.pan_degrees, to.tilt_degrees - from.tilt_degrees);
        let turns_back = self.last_way.is_some_and(|last| last.0 * way.0 + last.1 * way.1 < 0.0);
        self.last_way = Some(way);
        let is_soon = self
            .ended
            .is_some_and(|ended| now.saturating_sub(ended) <= self.settings.damping);
        let is_short = angle_degrees(from, to) <= 2.0 * self.settings.outer_dead_zone_degrees;
        if turns_back && is_soon && is_short {
            self.reach.nearest(Orientation {
                pan_degrees: from.pan_degrees + way.0 / 2.0,
                tilt_degrees: from.tilt_degrees + way.1 / 2.0,
            })
        } else {
            to
        }
    }

    /// Whether a place may be tried (again): one that was found anew may, one that cannot be reached is let be.
    fn is_worth_trying(&mut self, to: Orientation, is_outside: bool) -> bool {
        let is_new = self
            .last_goal
            .is_none_or(|goal| angle_degrees(goal, to) > self.settings.inner_dead_zone_degrees);
        let is_far = self
            .last_goal
            .is_none_or(|goal| angle_degrees(goal, to) > self.settings.outer_dead_zone_degrees);
        if is_far {
            self.tries = 0;
        }
        if !is_outside && (!is_new || self.tries >= 2) {
            // It is off by little, and was corrected already, or would come no closer.
            self.aimed = true;
            return false;
        }
        self.tries < MOST_TRIES
    }

    fn go_home(&mut self, now: Duration, movement: Option<Movement>) -> Command {
        let home = self.home.unwrap_or_default();
        self.is_home |= movement.is_none() && self.is_seen_at_home();
        match movement {
            Some(Movement {
                kind: Kind::Along(_), ..
            }) if angle_degrees(self.slew.orientation(), home) <= self.settings.inner_dead_zone_degrees => {
                self.stop(now)
            }
            Some(Movement {
                kind: Kind::Along(velocity),
                sent,
                ..
            }) => self.steer(now, home, velocity, sent),
            Some(_) => Command::Rest,
            None if self.is_home || !self.has_settled(now) => Command::Rest,
            None => {
                if self.last_goal != Some(home) {
                    self.tries = 0;
                }
                self.aimed = true;
                if self.tries >= MOST_TRIES {
                    return Command::Rest;
                }
                if self.home.is_none() && self.abilities.absolute {
                    self.tries += 1;
                    self.last_goal = Some(home);
                    self.begin(now, Kind::Home, home);
                    Command::GoHome
                } else {
                    self.set_out(now, home)
                }
            }
        }
    }

    /// Whether the camera looks home, where anyone but the head knows where that is.
    pub(super) fn is_seen_at_home(&self) -> bool {
        let home = self.home.or((!self.abilities.absolute).then(Orientation::default));
        home.is_some_and(|home| angle_degrees(self.slew.orientation(), home) <= self.settings.inner_dead_zone_degrees)
    }

    /// Begins a movement to a place within reach.
    fn set_out(&mut self, now: Duration, to: Orientation) -> Command {
        self.tries += 1;
        self.last_goal = Some(to);
        let from = self.slew.orientation();
        if self.abilities.absolute {
            let speed = self.limits.speed(from, to);
            self.begin(now, Kind::To(to, speed), to);
            Command::MoveTo(to, speed)
        } else if self.abilities.continuous {
            self.drive(now, self.limits.toward(from, to), Velocity::default())
        } else {
            Command::Rest
        }
    }

    /// Goes on toward a place at the speed that suits the rest of the way.
    fn steer(&mut self, now: Duration, to: Orientation, velocity: Velocity, sent: Duration) -> Command {
        if now.saturating_sub(sent) < self.settings.response() {
            return Command::Rest;
        }
        self.drive(now, self.limits.toward(self.slew.orientation(), to), velocity)
    }

    fn turn_by_hand(&mut self, now: Duration, velocity: Velocity, movement: Option<Movement>) -> Command {
        self.is_home = false;
        self.aimed = false;
        self.last_goal = None;
        self.last_way = None;
        let from = self.slew.orientation();
        if self.abilities.continuous {
            let (before, sent) = match movement {
                Some(Movement {
                    kind: Kind::Along(velocity),
                    sent,
                    ..
                }) => (velocity, Some(sent)),
                // First comes to rest what is under way.
                Some(_) => return self.stop(now),
                None => (Velocity::default(), None),
            };
            let within = self.limits.within(velocity, from, &self.reach);
            if sent.is_some_and(|sent| now.saturating_sub(sent) < self.settings.response()) {
                return Command::Rest;
            }
            return self.drive(now, within, before);
        }
        let to = self.reach.nearest(Orientation {
            pan_degrees: from.pan_degrees + velocity.pan * MANUAL.as_secs_f64(),
            tilt_degrees: from.tilt_degrees + velocity.tilt * MANUAL.as_secs_f64(),
        });
        if movement.is_some() || !self.has_settled(now) || to == from {
            return Command::Rest;
        }
        self.tries = 0;
        self.set_out(now, to)
    }

    /// Brings the speed as near to another as one command may.
    fn drive(&mut self, now: Duration, wanted: Velocity, before: Velocity) -> Command {
        let velocity = self.limits.ramped(before, wanted);
        if velocity == Velocity::default() {
            return if self.movement.is_some() {
                self.stop(now)
            } else {
                Command::Rest
            };
        }
        match &mut self.movement {
            Some(Movement {
                kind: Kind::Along(before),
                ..
            }) if *before == velocity => return Command::Rest,
            Some(movement) => {
                movement.kind = Kind::Along(velocity);
                movement.sent = now;
            }
            None => self.begin(now, Kind::Along(velocity), self.slew.orientation()),
        }
        Command::Drive(velocity)
    }

    fn begin(&mut self, now: Duration, kind: Kind, to: Orientation) {
        let speed = match kind {
            Kind::To(_, speed) => speed,
            _ => self.limits.fastest(),
        };
        self.movement = Some(Movement {
            kind,
            sent: now,
            began: now,
            expected: now + self.limits.duration(self.slew.orientation(), to, speed) + self.settings.response(),
            refused: false,
        });
    }

    pub(super) fn stop(&mut self, now: Duration) -> Command {
        let began = match self.movement {
            Some(Movement {
                kind: Kind::Stop,
                began,
                ..
            }) => began,
            _ => now,
        };
        self.movement = Some(Movement {
            kind: Kind::Stop,
            sent: now,
            began,
            expected: now + self.settings.response(),
            refused: false,
        });
        Command::Stop
    }

    fn has_settled(&self, now: Duration) -> bool {
        let is_past = |moment: Option<Duration>, pause| moment.is_none_or(|moment| now.saturating_sub(moment) >= pause);
        is_past(self.ended, self.settings.settle()) && is_past(self.refused_at, REFUSAL_PAUSE)
    }
}
