//! The messages of USB/IP between the kernel's virtual host controller and a device in user space, as they pass through a
//! socket (Documentation/usb/usbip_protocol.rst): 48 bytes of header, big-endian, then the data of the transfer.

use std::io::{self, Read, Write};

/// Bytes of every header.
pub const HEADER_BYTES: usize = 48;

/// The status of a transfer that the host itself took back (−ECONNRESET).
const TAKEN_BACK: i32 = -104;
/// The status of a request that the device refuses (−EPIPE, a stall).
const STALLED: i32 = -32;

/// What the host asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A control transfer: the setup packet, and what the host sends with it.
    Control {
        /// Of the transfer.
        sequence: u32,
        /// Setup packet.
        setup: Setup,
        /// Sent by the host; empty where it reads.
        data: Vec<u8>,
    },
    /// Room for data from the device's streaming endpoint.
    Bulk {
        /// Of the transfer.
        sequence: u32,
        /// How many bytes there is room for.
        room_bytes: usize,
    },
    /// A transfer is to be taken back.
    Unlink {
        /// Of this request.
        sequence: u32,
        /// Of the transfer.
        victim: u32,
    },
}

/// The eight bytes that a control transfer begins with (USB 2.0, table 9-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// Direction, kind and recipient.
    pub request_type: u8,
    /// Which request.
    pub request: u8,
    /// Its parameter.
    pub value: u16,
    /// The interface or endpoint, and the unit within it.
    pub index: u16,
    /// How many bytes follow.
    pub length: u16,
}

impl Setup {
    fn read(bytes: [u8; 8]) -> Self {
        let [request_type, request, v0, v1, i0, i1, l0, l1] = bytes;
        Self {
            request_type,
            request,
            value: u16::from_le_bytes([v0, v1]),
            index: u16::from_le_bytes([i0, i1]),
            length: u16::from_le_bytes([l0, l1]),
        }
    }

    /// The high byte of the value: a UVC control selector, or a kind of descriptor.
    pub fn selector(self) -> u8 {
        self.value.to_be_bytes()[0]
    }

    /// The high byte of the index: a UVC unit or terminal.
    pub fn unit(self) -> u8 {
        self.index.to_be_bytes()[0]
    }

    /// The low byte of the index: an interface.
    pub fn interface(self) -> u8 {
        self.index.to_be_bytes()[1]
    }
}

/// Reads the next request.
///
/// # Errors
/// When the other end is gone, or speaks something else.
pub fn read_request(socket: &mut impl Read) -> io::Result<Request> {
    let mut header = [0; HEADER_BYTES];
    socket.read_exact(&mut header)?;
    let mut words = [0u32; 10];
    for (word, bytes) in words.iter_mut().zip(header.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    let [
        command,
        sequence,
        _device,
        direction,
        endpoint,
        flags_or_victim,
        length,
        ..,
    ] = words;
    match command {
        1 => {
            let to_device = direction == 0;
            let mut data = vec![0; if to_device { length as usize } else { 0 }];
            socket.read_exact(&mut data)?;
            if endpoint != 0 {
                return Ok(Request::Bulk {
                    sequence,
                    room_bytes: length as usize,
                });
            }
            let mut setup = [0; 8];
            setup.copy_from_slice(&header[40..]);
            Ok(Request::Control {
                sequence,
                setup: Setup::read(setup),
                data,
            })
        }
        2 => Ok(Request::Unlink {
            sequence,
            victim: flags_or_victim,
        }),
        other => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("USB/IP command {other}"),
        )),
    }
}

/// What the device answers to a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Data for the host.
    Data(&'a [u8]),
    /// So many bytes from the host were taken.
    Taken(usize),
    /// The request is refused.
    Stalled,
}

/// Answers a transfer.
///
/// # Errors
/// When the other end is gone.
pub fn write_reply(socket: &mut impl Write, sequence: u32, reply: Reply<'_>) -> io::Result<()> {
    let (status, length, data) = match reply {
        Reply::Data(data) => (0, data.len(), data),
        Reply::Taken(length) => (0, length, [].as_slice()),
        Reply::Stalled => (STALLED, 0, [].as_slice()),
    };
    write_message(socket, 3, sequence, status, length, data)
}

/// Answers a request to take a transfer back; `taken_back` tells whether it was still under way.
///
/// # Errors
/// When the other end is gone.
pub fn write_unlinked(socket: &mut impl Write, sequence: u32, taken_back: bool) -> io::Result<()> {
    write_message(socket, 4, sequence, if taken_back { TAKEN_BACK } else { 0 }, 0, &[])
}

fn write_message(
    socket: &mut impl Write,
    command: u32,
    sequence: u32,
    status: i32,
    length: usize,
    data: &[u8],
) -> io::Result<()> {
    let mut message = Vec::with_capacity(HEADER_BYTES + data.len());
    let length = u32::try_from(length).map_err(io::Error::other)?;
    for word in [
        command,
        sequence,
        0,
        0,
        0,
        status.cast_unsigned(),
        length,
        0,
        0,
        0,
        0,
        0,
    ] {
        message.extend(word.to_be_bytes());
    }
    message.extend(data);
    socket.write_all(&message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn header(words: [u32; 10], setup: [u8; 8]) -> Vec<u8> {
        let words = words.iter().flat_map(|word| word.to_be_bytes());
        words.chain(setup).collect()
    }

    #[test]
    fn requests_are_read_as_the_kernel_writes_them() {
        let mut control = header([1, 7, 0, 0, 0, 0, 2, 0, 0, 0], [0x21, 1, 0, 0x0D, 0, 1, 2, 0]);
        control.extend([5, 6]);
        let Request::Control { sequence, setup, data } = read_request(&mut control.as_slice()).unwrap() else {
            panic!("not a control transfer");
        };
        assert_eq!((sequence, data), (7, vec![5, 6]));
        assert_eq!(
            (setup.selector(), setup.unit(), setup.interface(), setup.length),
            (0x0D, 1, 0, 2)
        );

        let bulk = header([1, 8, 0, 1, 1, 0, 16384, 0, 0, 0], [0; 8]);
        let request = read_request(&mut bulk.as_slice()).unwrap();
        assert_eq!(
            request,
            Request::Bulk {
                sequence: 8,
                room_bytes: 16384
            }
        );

        let unlink = header([2, 9, 0, 0, 0, 8, 0, 0, 0, 0], [0; 8]);
        assert_eq!(
            read_request(&mut unlink.as_slice()).unwrap(),
            Request::Unlink { sequence: 9, victim: 8 }
        );
        assert!(read_request(&mut header([5; 10], [0; 8]).as_slice()).is_err());
    }

    #[test]
    fn replies_carry_status_length_and_data() {
        let mut sent = Vec::new();
        write_reply(&mut sent, 7, Reply::Data(&[1, 2, 3])).unwrap();
        assert_eq!(sent.len(), HEADER_BYTES + 3);
        assert_eq!(sent[..8], [0, 0, 0, 3, 0, 0, 0, 7]);
        assert_eq!(sent[20..28], [0, 0, 0, 0, 0, 0, 0, 3]);
        sent.clear();
        write_reply(&mut sent, 7, Reply::Stalled).unwrap();
        assert_eq!(sent[20..24], (-32i32).to_be_bytes());
        sent.clear();
        write_unlinked(&mut sent, 9, true).unwrap();
        assert_eq!((sent[3], &sent[20..24]), (4, (-104i32).to_be_bytes().as_slice()));
    }
}
