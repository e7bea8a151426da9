//! VISCA's messages: what is said to a camera and what it answers, as bytes.
//!
//! A message is at most 16 bytes: a header with sender and receiver, up to 14 bytes of payload, and `FF`, which occurs nowhere
//! else. Source: Sony, EVI-D70 Technical Manual (A-BS4-100-11), "VISCA RS-232C Commands" and "EVI-D70/P Command List"
//! (pages 42 and 43); the 5-digit pan positions are those of Sony's SRG and BRC lines.

/// The longest message, with its header and its end.
pub const LONGEST_MESSAGE_BYTES: usize = 16;

/// The byte that ends a message.
pub const END: u8 = 0xFF;

/// The address of every camera on a line.
pub const EVERYONE: u8 = 8;

/// A message as it goes over the line: from a header to `FF`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    bytes: [u8; LONGEST_MESSAGE_BYTES],
    length: usize,
}

impl Message {
    /// A message of a header, a payload of at most 14 bytes (more are cut off) and the end.
    fn new(header: u8, payload: &[u8]) -> Self {
        let mut bytes = [END; LONGEST_MESSAGE_BYTES];
        let parts = std::iter::once(&header).chain(payload);
        let mut length = 1;
        for (place, byte) in bytes.iter_mut().take(LONGEST_MESSAGE_BYTES - 1).zip(parts) {
            *place = *byte;
            length += 1;
        }
        Self { bytes, length }
    }

    /// The bytes with the end; `None` for what is not one message: too short, too long, or with an `FF` in its midst.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&last, rest) = bytes.split_last()?;
        let (&header, payload) = rest.split_first()?;
        let is_one = last == END && bytes.len() <= LONGEST_MESSAGE_BYTES && !rest.contains(&END);
        is_one.then(|| Self::new(header, payload))
    }

    /// All of it, with header and end.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn header(&self) -> u8 {
        self.bytes.first().copied().unwrap_or_default()
    }

    fn payload(&self) -> &[u8] {
        self.bytes.get(1..self.length - 1).unwrap_or_default()
    }
}

/// Whether an answer is an acknowledgement or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To do something: answered with an acknowledgement, and a completion when it is done.
    Command,
    /// To tell something: answered at once.
    Inquiry,
}

/// A speed along one axis: 0 stops, otherwise a step from 1 (slowest) and a direction; the sign is that of the movement, to
/// the right and upward.
pub type Step = i8;

/// How many digits of four bits a camera's positions have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// Of the pan position: 4 or 5.
    pub pan: usize,
    /// Of the tilt position: 4 or 5.
    pub tilt: usize,
}

impl Default for Digits {
    /// Those of the EVI line and most others.
    fn default() -> Self {
        Self { pan: 4, tilt: 4 }
    }
}

/// A position in the camera's own units: to the right and upward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// To the right.
    pub pan: i32,
    /// Upward.
    pub tilt: i32,
}

/// What can be asked of a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Turn at a speed until told otherwise.
    Drive {
        /// −24..24.
        pan: Step,
        /// −23..23.
        tilt: Step,
    },
    /// Turn to a position.
    Absolute {
        /// Where to.
        to: Position,
        /// 1..24.
        pan_speed: u8,
        /// 1..23.
        tilt_speed: u8,
        /// Of the camera's positions.
        digits: Digits,
    },
    /// Turn by so much.
    Relative {
        /// By how much.
        by: Position,
        /// 1..24.
        pan_speed: u8,
        /// 1..23.
        tilt_speed: u8,
        /// Of the camera's positions.
        digits: Digits,
    },
    /// Turn to the middle.
    Home,
    /// Stop turning.
    Stop,
    /// Forget the command in a socket.
    Cancel {
        /// 1 or 2, as its acknowledgement said.
        socket: u8,
    },
    /// Forget all commands.
    Clear,
    /// Tell where you look.
    Position,
    /// Everyone on the line: count off, and take your numbers as addresses.
    AssignAddresses,
}

/// The fastest steps that there are: pan 18h, tilt 17h (14h on many cameras).
const FASTEST_STEP: [Step; 2] = [0x18, 0x17];

impl Request {
    /// How it is answered.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Position => Purpose::Inquiry,
            _ => Purpose::Command,
        }
    }

    /// The message that asks this of the camera `address`, 1..7. What lies outside of its range is brought to its edge.
    pub fn message(&self, address: u8) -> Message {
        let header = 0x80 | address.clamp(1, 7);
        match *self {
            Self::Drive { pan, tilt } => {
                let [(pan_speed, pan), (tilt_speed, tilt)] = [(pan, FASTEST_STEP[0]), (tilt, FASTEST_STEP[1])]
                    .map(|(step, fastest)| (step.unsigned_abs().clamp(1, fastest.unsigned_abs()), step.signum()));
                let pan = [1, 3, 2][usize::from((pan + 1).unsigned_abs())];
                let tilt = [2, 3, 1][usize::from((tilt + 1).unsigned_abs())];
                Message::new(header, &[0x01, 0x06, 0x01, pan_speed, tilt_speed, pan, tilt])
            }
            Self::Absolute {
                to,
                pan_speed,
                tilt_speed,
                digits,
            } => turn(header, 0x02, [pan_speed, tilt_speed], to, digits),
            Self::Relative {
                by,
                pan_speed,
                tilt_speed,
                digits,
            } => turn(header, 0x03, [pan_speed, tilt_speed], by, digits),
            Self::Home => Message::new(header, &[0x01, 0x06, 0x04]),
            // Some cameras take a speed of 0 for an error, also where it does not matter.
            Self::Stop => Message::new(header, &[0x01, 0x06, 0x01, 0x01, 0x01, 0x03, 0x03]),
            Self::Cancel { socket } => Message::new(header, &[0x20 | (socket & 0x0F)]),
            Self::Clear => Message::new(header, &[0x01, 0x00, 0x01]),
            Self::Position => Message::new(header, &[0x09, 0x06, 0x12]),
            Self::AssignAddresses => Message::new(0x80 | EVERYONE, &[0x30, 0x01]),
        }
    }
}

fn turn(header: u8, kind: u8, [pan_speed, tilt_speed]: [u8; 2], place: Position, digits: Digits) -> Message {
    let mut payload = vec![
        0x01,
        0x06,
        kind,
        pan_speed.clamp(1, FASTEST_STEP[0].unsigned_abs()),
        tilt_speed.clamp(1, FASTEST_STEP[1].unsigned_abs()),
    ];
    for (value, digits) in [(place.pan, digits.pan), (place.tilt, digits.tilt)] {
        let edge = 1_i32 << (4 * digits.clamp(1, 5) - 1);
        let value = value.clamp(-edge, edge - 1);
        payload.extend(
            (0..digits.clamp(1, 5))
                .rev()
                .map(|place| (value >> (4 * place)) as u8 & 0x0F),
        );
    }
    // Twice five digits do not fit: cameras with five for pan have four for tilt.
    Message::new(header, &payload)
}

/// What a camera answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It has taken the command into a socket.
    Acknowledged {
        /// 1 or 2; 0 on cameras without.
        socket: u8,
    },
    /// It has done what is in a socket.
    Completed {
        /// 1 or 2; 0 on cameras without.
        socket: u8,
    },
    /// It tells where it looks.
    Position(Position, Digits),
    /// It tells something else.
    Value,
    /// It does not do it.
    Refused {
        /// 1 or 2; 0 where it came into none.
        socket: u8,
        /// Why.
        why: Refusal,
    },
    /// Cameras were added to the line or taken away: addresses have to be assigned again.
    LineChanged,
    /// How many cameras are on the line.
    AddressesAssigned {
        /// 1..7; 0 where none heard it and it came back as it was.
        cameras: u8,
    },
    /// Everyone has forgotten all commands.
    Cleared,
}

/// Why a camera does not do what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The message has a wrong length.
    #[error("it takes the message to have a wrong length")]
    Length,
    /// It does not know the command, or a parameter lies outside of its range.
    #[error("it does not know the command, or not such a place or speed")]
    Syntax,
    /// Both of its sockets are taken.
    #[error("it is busy with two commands")]
    BufferFull,
    /// The command was cancelled.
    #[error("the command was cancelled")]
    Cancelled,
    /// There is nothing in that socket, or no such socket.
    #[error("there was no such command to cancel")]
    NoSocket,
    /// It cannot do that as it is now.
    #[error("it cannot do that now: is it switched on, still starting, or showing its menu?")]
    NotExecutable,
    /// Something else.
    #[error("it refuses, with code {0:02x}")]
    Other(u8),
}

impl From<u8> for Refusal {
    fn from(code: u8) -> Self {
        match code {
            0x01 => Self::Length,
            0x02 => Self::Syntax,
            0x03 => Self::BufferFull,
            0x04 => Self::Cancelled,
            0x05 => Self::NoSocket,
            0x41 => Self::NotExecutable,
            other => Self::Other(other),
        }
    }
}

/// Reads what the camera `address`, or everyone on the line, answers. `None` for what is not an answer, or another's.
pub fn parse(message: &Message, address: u8) -> Option<Reply> {
    let payload = message.payload();
    if message.header() == 0x80 | EVERYONE {
        return match payload {
            [0x30, count] => Some(Reply::AddressesAssigned {
                cameras: (count & 0x0F).saturating_sub(1),
            }),
            [0x01, 0x00, 0x01] => Some(Reply::Cleared),
            _ => None,
        };
    }
    // A chain answers with the sender in the upper digit, 9 for the first camera.
    if message.header() != (0x80 | (address.clamp(1, 7) << 4)) {
        return None;
    }
    let (&kind, data) = payload.split_first()?;
    let socket = kind & 0x0F;
    match (kind & 0xF0, data) {
        (0x30, []) if socket == 8 => Some(Reply::LineChanged),
        (0x40, []) => Some(Reply::Acknowledged { socket }),
        (0x50, []) => Some(Reply::Completed { socket }),
        (0x50, data) => {
            Some(position(data).map_or(Reply::Value, |(position, digits)| Reply::Position(position, digits)))
        }
        (0x60, &[code, ..]) => Some(Reply::Refused {
            socket,
            why: code.into(),
        }),
        _ => None,
    }
}

/// Both halves of a position: 4 digits each, or 5 for the pan, or 5 each.
fn position(data: &[u8]) -> Option<(Position, Digits)> {
    let digits = match data.len() {
        8 => Digits { pan: 4, tilt: 4 },
        9 => Digits { pan: 5, tilt: 4 },
        10 => Digits { pan: 5, tilt: 5 },
        _ => return None,
    };
    let (pan, tilt) = data.split_at_checked(digits.pan)?;
    let position = Position {
        pan: signed(pan)?,
        tilt: signed(tilt)?,
    };
    Some((position, digits))
}

/// A number in two's complement, four bits a byte.
fn signed(digits: &[u8]) -> Option<i32> {
    let mut value = 0_i32;
    for digit in digits {
        if *digit > 0x0F {
            return None;
        }
        value = (value << 4) | i32::from(*digit);
    }
    let span = 1_i32 << (4 * digits.len());
    Some(if value >= span / 2 { value - span } else { value })
}

/// Finds messages in a stream of bytes. What is longer than any message is dropped up to its `FF`.
#[derive(Debug, Default)]
pub struct Framer {
    pending: Vec<u8>,
    overlong: bool,
}

impl Framer {
    /// Takes one more byte; gives the message that it ends, if it ends one.
    pub fn push(&mut self, byte: u8) -> Option<Message> {
        if self.pending.len() >= LONGEST_MESSAGE_BYTES {
            self.overlong = true;
            self.pending.clear();
        }
        self.pending.push(byte);
        if byte != END {
            return None;
        }
        let message = if self.overlong {
            None
        } else {
            Message::from_bytes(&self.pending)
        };
        self.clear();
        message
    }

    /// Forgets the beginning of a message.
    pub fn clear(&mut self) {
        self.pending.clear();
        self.overlong = false;
    }
}

#[cfg(test)]
mod tests;
