//! The lines on which VISCA is spoken.

use std::io;
use std::time::Duration;

use super::codec::{Message, Purpose};

/// What came in over a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// A message.
    Message {
        /// Itself.
        message: Message,
        /// To which of the messages sent it answers; `None` on lines that do not number them.
        answers: Option<u32>,
    },
    /// The camera has lost count of our messages: [`Line::resynchronise`], and say it again.
    LostCount,
}

/// A line to one camera or more.
pub trait Line: Send {
    /// Sends a message, and gives the number that answers to it will bear.
    fn send(&mut self, message: &Message, purpose: Purpose) -> io::Result<Option<u32>>;

    /// What comes in next; `None` when nothing did within that time. No time at all takes only what is already there.
    fn receive(&mut self, within: Duration) -> io::Result<Option<Incoming>>;

    /// Makes both ends agree again on where a message begins, after something was lost.
    fn resynchronise(&mut self) -> io::Result<()>;

    /// Whether messages get lost on it without anyone noticing.
    fn is_lossy(&self) -> bool;
}
