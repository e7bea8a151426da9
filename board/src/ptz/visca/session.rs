//! A conversation with one camera: one command in flight, its answer awaited, and everything that can go wrong in between.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::codec::{Purpose, Refusal, Reply, Request, parse};
use super::line::{Incoming, Line};
use crate::Clock;
use crate::ptz::PtzError;

/// After so many commands without any answer the line is taken to be dead.
const MOST_UNANSWERED: u32 = 3;

/// How often one command is said, at most: it may be lost, and the camera may have lost count.
const MOST_ATTEMPTS: u32 = 3;

/// After so long a movement is taken to be over even if its completion was never heard: it may have been lost.
const LONGEST_MOVE: Duration = Duration::from_secs(60);

/// What is said to a camera and heard from it.
pub struct Session {
    line: Box<dyn Line>,
    clock: Arc<dyn Clock>,
    device: String,
    address: u8,
    timeout: Duration,
    moving: Option<Moving>,
    unanswered: u32,
    /// It acknowledges commands, as it should: a completion is then never the first answer to one.
    acknowledges: bool,
    /// Until then the acknowledgement of a stop's other copy may come, and is none of the next command.
    echo_until: Option<Duration>,
    /// The camera may complain of the broken message that resynchronising has ended.
    may_complain: bool,
}

/// A movement that the camera has taken on and not yet completed.
#[derive(Debug, Clone, Copy)]
struct Moving {
    socket: u8,
    number: Option<u32>,
    since: Duration,
}

impl Moving {
    /// Whether an answer is about this movement: by its number where messages are numbered, by its socket otherwise.
    fn is_meant(&self, socket: u8, answers: Option<u32>) -> bool {
        match (self.number, answers) {
            (Some(number), Some(answers)) => number == answers,
            _ => self.socket == socket,
        }
    }
}

/// How saying something once ended.
enum Outcome {
    Answered(Reply),
    LostCount,
    Silence,
}

impl Session {
    /// A conversation with the camera `address`, 1..7. `device` names it in errors; `timeout` is for each command.
    pub fn new(line: Box<dyn Line>, clock: Arc<dyn Clock>, device: String, address: u8, timeout: Duration) -> Self {
        Self {
            line,
            clock,
            device,
            address,
            timeout,
            moving: None,
            unanswered: 0,
            acknowledges: false,
            echo_until: None,
            may_complain: false,
        }
    }

    /// Has the camera do something or tell something; gives what it answered first.
    ///
    /// # Errors
    /// `Retry` where the camera is busy or silent, `Rebuild` where the line is of no more use, `GiveUp` where it does not know
    /// the command.
    pub fn ask(&mut self, request: Request) -> Result<Reply, PtzError> {
        match self.say(request)? {
            // Older cameras take no new place while they are on their way to another.
            Reply::Refused {
                why: Refusal::NotExecutable,
                ..
            } if self.moving.is_some_and(|moving| moving.socket != 0) => {
                self.cancel()?;
                let reply = self.say(request)?;
                self.accepted(reply)
            }
            reply => self.accepted(reply),
        }
    }

    /// Stops the camera. The command goes out twice where one may get lost, and whatever came before.
    ///
    /// # Errors
    /// As [`ask`](Self::ask); where it is `Retry`, the command has gone out.
    pub fn stop(&mut self) -> Result<(), PtzError> {
        if self.line.is_lossy() {
            // The one that is waited for follows, and tells whether the line is of use.
            let sent = self.line.send(&Request::Stop.message(self.address), Purpose::Command);
            let is_numbered = matches!(sent, Ok(Some(_)));
            self.ask(Request::Stop)?;
            self.echo_until = (!is_numbered).then(|| self.clock.now() + self.timeout);
        } else {
            self.ask(Request::Stop)?;
        }
        self.moving = None;
        Ok(())
    }

    /// Whether a movement to a place is still under way.
    pub fn is_moving(&mut self) -> bool {
        self.hear_what_came();
        let now = self.clock.now();
        self.moving
            .take_if(|moving| now.saturating_sub(moving.since) > LONGEST_MOVE);
        self.moving.is_some()
    }

    /// Makes both ends agree again on where a message begins.
    pub fn resynchronise(&mut self) -> Result<(), PtzError> {
        self.may_complain = !self.line.is_lossy();
        self.line.resynchronise().map_err(|cause| self.broken(&cause))
    }

    fn accepted(&self, reply: Reply) -> Result<Reply, PtzError> {
        let Reply::Refused { why, .. } = reply else {
            return Ok(reply);
        };
        let (device, cause) = (self.device.clone(), why.to_string());
        Err(match why {
            Refusal::BufferFull | Refusal::NotExecutable | Refusal::Cancelled | Refusal::NoSocket => {
                PtzError::Retry { device, cause }
            }
            Refusal::Length | Refusal::Syntax | Refusal::Other(_) => PtzError::GiveUp { device, cause },
        })
    }

    fn cancel(&mut self) -> Result<(), PtzError> {
        if let Some(moving) = self.moving.take() {
            self.say(Request::Cancel { socket: moving.socket })?;
        }
        Ok(())
    }

    /// Says something, again if need be, until it is answered.
    fn say(&mut self, request: Request) -> Result<Reply, PtzError> {
        self.hear_what_came();
        let end = self.clock.now() + self.timeout;
        let patience = if self.line.is_lossy() {
            self.timeout / 2
        } else {
            self.timeout
        };
        for _ in 0..MOST_ATTEMPTS {
            let left = end.saturating_sub(self.clock.now());
            if left.is_zero() {
                break;
            }
            match self.say_once(request, patience.min(left))? {
                Outcome::Answered(reply) => {
                    self.unanswered = 0;
                    return Ok(reply);
                }
                Outcome::LostCount => self.resynchronise()?,
                Outcome::Silence if self.line.is_lossy() => {}
                Outcome::Silence => break,
            }
        }
        self.resynchronise()?;
        self.unanswered += 1;
        let device = self.device.clone();
        if self.unanswered < MOST_UNANSWERED {
            let cause = format!("no answer within {:.2} s", self.timeout.as_secs_f64());
            return Err(PtzError::Retry { device, cause });
        }
        let cause = format!(
            "no answer to {} commands in a row; is it switched on, and are address and port right?",
            self.unanswered
        );
        Err(PtzError::Rebuild { device, cause })
    }

    fn say_once(&mut self, request: Request, within: Duration) -> Result<Outcome, PtzError> {
        let message = request.message(self.address);
        let sent = self.line.send(&message, request.purpose());
        let number = sent.map_err(|cause| self.broken(&cause))?;
        let end = self.clock.now() + within;
        loop {
            let left = end.saturating_sub(self.clock.now());
            let incoming = self.line.receive(left).map_err(|cause| self.broken(&cause))?;
            let (message, answers) = match incoming {
                None => return Ok(Outcome::Silence),
                Some(Incoming::LostCount) => return Ok(Outcome::LostCount),
                Some(Incoming::Message { message, answers }) => (message, answers),
            };
            if let Some(reply) = parse(&message, self.address) {
                if reply == Reply::LineChanged {
                    return Err(PtzError::Rebuild {
                        device: self.device.clone(),
                        cause: "cameras were added to the line or taken away".to_owned(),
                    });
                }
                let is_ours = number.is_none() || answers.is_none() || number == answers;
                if is_ours && self.is_answer(&reply, request, answers) {
                    self.note_movement(&reply, request, number);
                    return Ok(Outcome::Answered(reply));
                }
                self.note(&reply, answers);
            }
            if left.is_zero() {
                return Ok(Outcome::Silence);
            }
        }
    }

    /// Whether a reply is to what was just asked, and not to the movement before it.
    fn is_answer(&mut self, reply: &Reply, request: Request, answers: Option<u32>) -> bool {
        let may_complain = std::mem::take(&mut self.may_complain);
        let moving = self.moving;
        let is_earlier = |socket| moving.is_some_and(|moving| moving.socket != 0 && moving.is_meant(socket, answers));
        match (request, *reply) {
            (Request::Cancel { .. }, Reply::Refused { .. }) => true,
            (
                _,
                Reply::Refused {
                    why: Refusal::Cancelled,
                    ..
                },
            ) => false,
            (
                _,
                Reply::Refused {
                    why: Refusal::Length | Refusal::Syntax,
                    ..
                },
            ) if may_complain => false,
            (_, Reply::Refused { .. }) => true,
            (Request::AssignAddresses, reply) => matches!(reply, Reply::AddressesAssigned { .. }),
            (Request::Position, reply) => matches!(reply, Reply::Position(..) | Reply::Value),
            (Request::Clear, Reply::Cleared) => true,
            (_, Reply::Acknowledged { .. }) => {
                self.acknowledges = true;
                !self.take_echo()
            }
            (Request::Clear, Reply::Completed { socket: 0 }) => true,
            // Some cameras leave out the acknowledgement.
            (_, Reply::Completed { socket }) => !self.acknowledges && !is_earlier(socket),
            _ => false,
        }
    }

    /// Whether an acknowledgement is that of a stop's other copy; there is only one.
    fn take_echo(&mut self) -> bool {
        self.echo_until.take().is_some_and(|until| self.clock.now() < until)
    }

    /// Remembers the movement that the camera has just taken on.
    fn note_movement(&mut self, reply: &Reply, request: Request, number: Option<u32>) {
        match (request, *reply) {
            (Request::Absolute { .. } | Request::Relative { .. } | Request::Home, Reply::Acknowledged { socket }) => {
                self.moving = Some(Moving {
                    socket,
                    number,
                    since: self.clock.now(),
                });
            }
            (Request::Drive { .. }, Reply::Acknowledged { .. }) => self.moving = None,
            _ => {}
        }
    }

    /// Takes note of what belongs to an earlier command.
    fn note(&mut self, reply: &Reply, answers: Option<u32>) {
        if let Reply::Completed { socket } | Reply::Refused { socket, .. } = *reply {
            self.moving.take_if(|moving| moving.is_meant(socket, answers));
        }
        if matches!(reply, Reply::Acknowledged { .. }) {
            self.take_echo();
        }
    }

    /// Takes in what came since the last command. What is wrong with the line shows when it is used next.
    fn hear_what_came(&mut self) {
        // No camera has more to say than this; a line full of noise has.
        for _ in 0..64 {
            match self.line.receive(Duration::ZERO) {
                Ok(Some(Incoming::Message { message, answers })) => {
                    if let Some(reply) = parse(&message, self.address) {
                        self.note(&reply, answers);
                    }
                }
                Ok(Some(Incoming::LostCount)) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn broken(&self, cause: &io::Error) -> PtzError {
        PtzError::Rebuild {
            device: self.device.clone(),
            cause: format!("the line is broken ({cause})"),
        }
    }
}

#[cfg(test)]
mod tests;
