//! VISCA over UDP: raw (port 1259 on most cameras), or with Sony's header that numbers messages (port 52381).
//!
//! Source of the header: Sony, "VISCA over IP" in the SRG-120DH/BRC-H900 command lists: type, length and number, big-endian,
//! before every message.

use std::io::{self, ErrorKind};
use std::net::{ToSocketAddrs, UdpSocket};
use std::time::Duration;

use super::codec::{Framer, LONGEST_MESSAGE_BYTES, Message, Purpose};
use super::line::{Incoming, Line};
use super::stream::is_timeout;

/// The bytes of Sony's header.
pub const HEADER_BYTES: usize = 8;

const COMMAND: u16 = 0x0100;
const INQUIRY: u16 = 0x0110;
const REPLY: u16 = 0x0111;
const CONTROL: u16 = 0x0200;
const CONTROL_REPLY: u16 = 0x0201;

/// The payload of a control message that starts counting anew.
const RESET: [u8; 1] = [0x01];
/// The payload of a control reply to a message out of turn.
const LOST_COUNT: [u8; 2] = [0x0F, 0x01];

/// Room for any datagram that a camera may send.
const LONGEST_DATAGRAM_BYTES: usize = 512;

/// A message with Sony's header, or something about the count of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SonyPacket {
    /// From the camera.
    Reply {
        /// Of the message that it answers.
        number: u32,
        /// What it says.
        message: Message,
    },
    /// The camera has started counting anew.
    CountReset,
    /// The camera has lost count of our messages.
    LostCount,
}

impl SonyPacket {
    /// Reads a datagram from a camera; `None` for what is none of these.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let (header, payload) = datagram.split_at_checked(HEADER_BYTES)?;
        let &[kind_high, kind_low, length_high, length_low, a, b, c, d] = header else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let payload = payload.get(..length)?;
        match u16::from_be_bytes([kind_high, kind_low]) {
            REPLY => Some(Self::Reply {
                number: u32::from_be_bytes([a, b, c, d]),
                message: Message::from_bytes(payload)?,
            }),
            CONTROL_REPLY if payload == RESET => Some(Self::CountReset),
            CONTROL_REPLY if payload == LOST_COUNT => Some(Self::LostCount),
            _ => None,
        }
    }
}

/// A datagram with Sony's header.
pub fn with_header(kind: u16, number: u32, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(HEADER_BYTES + LONGEST_MESSAGE_BYTES);
    datagram.extend(kind.to_be_bytes());
    // Payloads are messages: 16 bytes at most.
    datagram.extend((payload.len() as u16).to_be_bytes());
    datagram.extend(number.to_be_bytes());
    datagram.extend(payload);
    datagram
}

/// Sends to and hears from one camera only.
struct Wire(UdpSocket);

impl Wire {
    fn open(address: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = io::Error::new(ErrorKind::NotFound, "there is no such machine");
        for address in address.to_socket_addrs()? {
            let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            match UdpSocket::bind(any).and_then(|socket| socket.connect(address).map(|()| socket)) {
                Ok(socket) => return Ok(Self(socket)),
                Err(cause) => last = cause,
            }
        }
        Err(last)
    }

    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.0.set_nonblocking(false)?;
        match self.0.send(datagram) {
            // What is refused is the one before, and this one was not even sent.
            Err(cause) if cause.kind() == ErrorKind::ConnectionRefused => self.0.send(datagram).map(drop),
            other => other.map(drop),
        }
    }

    /// How many bytes came in; `None` when nothing did within that time.
    fn receive(&self, buffer: &mut [u8], within: Duration) -> io::Result<Option<usize>> {
        if within.is_zero() {
            self.0.set_nonblocking(true)?;
        } else {
            self.0.set_nonblocking(false)?;
            self.0.set_read_timeout(Some(within))?;
        }
        loop {
            match self.0.recv(buffer) {
                Ok(count) => return Ok(Some(count)),
                Err(cause) if is_timeout(&cause) => return Ok(None),
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
    }
}

/// Messages in datagrams as they are.
pub struct RawLine {
    wire: Wire,
    /// Messages of one datagram that were not taken yet.
    waiting: std::collections::VecDeque<Message>,
}

impl RawLine {
    /// Speaks to the camera at an address.
    pub fn open(address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self {
            wire: Wire::open(address)?,
            waiting: std::collections::VecDeque::new(),
        })
    }
}

impl Line for RawLine {
    fn send(&mut self, message: &Message, _: Purpose) -> io::Result<Option<u32>> {
        self.wire.send(message.as_bytes())?;
        Ok(None)
    }

    fn receive(&mut self, within: Duration) -> io::Result<Option<Incoming>> {
        let mut buffer = [0; LONGEST_DATAGRAM_BYTES];
        while self.waiting.is_empty() {
            let Some(count) = self.wire.receive(&mut buffer, within)? else {
                return Ok(None);
            };
            // Nothing of a message goes over into the next datagram.
            let mut framer = Framer::default();
            self.waiting
                .extend(buffer.iter().take(count).filter_map(|byte| framer.push(*byte)));
        }
        Ok(self
            .waiting
            .pop_front()
            .map(|message| Incoming::Message { message, answers: None }))
    }

    fn resynchronise(&mut self) -> io::Result<()> {
        self.waiting.clear();
        Ok(())
    }

    fn is_lossy(&self) -> bool {
        true
    }
}

/// Messages with Sony's header.
pub struct SonyLine {
    wire: Wire,
    next_number: u32,
}

impl SonyLine {
    /// Speaks to the camera at an address.
    pub fn open(address: impl ToSocketAddrs) -> io::Result<Self> {
        let mut line = Self {
            wire: Wire::open(address)?,
            next_number: 1,
        };
        line.resynchronise()?;
        Ok(line)
    }
}

impl Line for SonyLine {
    fn send(&mut self, message: &Message, purpose: Purpose) -> io::Result<Option<u32>> {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        let kind = match purpose {
            Purpose::Command => COMMAND,
            Purpose::Inquiry => INQUIRY,
        };
        self.wire.send(&with_header(kind, number, message.as_bytes()))?;
        Ok(Some(number))
    }

    fn receive(&mut self, within: Duration) -> io::Result<Option<Incoming>> {
        let mut buffer = [0; LONGEST_DATAGRAM_BYTES];
        while let Some(count) = self.wire.receive(&mut buffer, within)? {
            match SonyPacket::parse(buffer.get(..count).unwrap_or_default()) {
                Some(SonyPacket::Reply { number, message }) => {
                    return Ok(Some(Incoming::Message {
                        message,
                        answers: Some(number),
                    }));
                }
                Some(SonyPacket::LostCount) => return Ok(Some(Incoming::LostCount)),
                Some(SonyPacket::CountReset) | None => {}
            }
        }
        Ok(None)
    }

    /// Has the camera count from 0, so that the next message bears 1. Its consent is not waited for: what follows may overtake it only where datagrams are
    /// reordered, and then the camera says that it has lost count.
    fn resynchronise(&mut self) -> io::Result<()> {
        self.next_number = 1;
        self.wire.send(&with_header(CONTROL, 0, &RESET))
    }

    fn is_lossy(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_are_those_of_the_manual() {
        let packet = |bytes: &[u8]| SonyPacket::parse(bytes);
        let message = Message::from_bytes(&[0x90, 0x41, 0xFF]).unwrap();
        let reply = [0x01, 0x11, 0, 3, 0, 0, 1, 2, 0x90, 0x41, 0xFF];
        assert_eq!(packet(&reply), Some(SonyPacket::Reply { number: 258, message }));
        assert_eq!(packet(&[2, 1, 0, 1, 0, 0, 0, 0, 1]), Some(SonyPacket::CountReset));
        assert_eq!(packet(&[2, 1, 0, 2, 0, 0, 0, 9, 0x0F, 1]), Some(SonyPacket::LostCount));
        assert_eq!(packet(&reply[..10]), None, "cut short");
        assert_eq!(with_header(CONTROL, 0, &RESET), [2, 0, 0, 1, 0, 0, 0, 0, 1]);
    }

    proptest! {
        #[test]
        fn no_datagram_does_harm(kind in 0..4_u16, length in any::<u8>(), rest in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = SonyPacket::parse(&rest);
            let kind = [COMMAND, REPLY, CONTROL_REPLY, 7][usize::from(kind)];
            let mut datagram = with_header(kind, 1, &rest);
            datagram[3] = length;
            let _ = SonyPacket::parse(&datagram);
        }
    }
}
