//! VISCA over streams of bytes: a serial port, or raw over TCP (port 5678 on most cameras).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serialport::{ClearBuffer, SerialPort, TTYPort};

use super::codec::{END, Framer, Message, Purpose};
use super::line::{Incoming, Line};

/// The shortest wait that the operating system can be asked for: no time at all would mean for ever.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// A stream whose reads can be told how long to wait.
pub trait Stream: Read + Write + Send {
    /// For how long the next read waits.
    fn wait_for(&mut self, time: Duration) -> io::Result<()>;

    /// Has both ends begin a new message, where bytes may have got lost.
    fn begin_anew(&mut self) -> io::Result<()>;
}

impl Stream for TTYPort {
    fn wait_for(&mut self, time: Duration) -> io::Result<()> {
        Ok(self.set_timeout(time)?)
    }

    /// Ends whatever beginning of a message the camera may be holding, and forgets what has come from it so far.
    fn begin_anew(&mut self) -> io::Result<()> {
        self.clear(ClearBuffer::All)?;
        self.write_all(&[END])
    }
}

impl Stream for TcpStream {
    fn wait_for(&mut self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }

    /// Nothing ever gets lost here.
    fn begin_anew(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Messages one after the other on a stream.
pub struct StreamLine<S> {
    stream: S,
    framer: Framer,
    /// Read and not yet looked at.
    buffer: [u8; 64],
    unread: std::ops::Range<usize>,
}

impl<S: Stream> StreamLine<S> {
    /// Speaks VISCA on a stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            framer: Framer::default(),
            buffer: [0; 64],
            unread: 0..0,
        }
    }

    fn next_buffered(&mut self) -> Option<Message> {
        for index in self.unread.by_ref() {
            let byte = self.buffer.get(index).copied().unwrap_or(END);
            if let Some(message) = self.framer.push(byte) {
                return Some(message);
            }
        }
        None
    }
}

impl<S: Stream> Line for StreamLine<S> {
    fn send(&mut self, message: &Message, _: Purpose) -> io::Result<Option<u32>> {
        self.stream.write_all(message.as_bytes())?;
        Ok(None)
    }

    fn receive(&mut self, within: Duration) -> io::Result<Option<Incoming>> {
        loop {
            if let Some(message) = self.next_buffered() {
                return Ok(Some(Incoming::Message { message, answers: None }));
            }
            self.stream.wait_for(within.max(SHORTEST_WAIT))?;
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.unread = 0..count,
                Err(cause) if is_timeout(&cause) => return Ok(None),
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    fn resynchronise(&mut self) -> io::Result<()> {
        self.stream.begin_anew()?;
        self.framer.clear();
        self.unread = 0..0;
        Ok(())
    }

    fn is_lossy(&self) -> bool {
        false
    }
}

/// Whether nothing came in rather than something going wrong.
pub(super) fn is_timeout(cause: &io::Error) -> bool {
    matches!(cause.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

/// Opens a serial port as VISCA wants it: 8 bits, no parity, one stop bit.
pub fn open_serial(path: &str, baud: u32, timeout: Duration) -> io::Result<StreamLine<TTYPort>> {
    Ok(StreamLine::new(
        serialport::new(path, baud).timeout(timeout).open_native()?,
    ))
}

/// Connects over TCP.
pub fn connect(address: impl ToSocketAddrs, timeout: Duration) -> io::Result<StreamLine<TcpStream>> {
    let mut last = io::Error::new(ErrorKind::NotFound, "there is no such machine");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(timeout))?;
                return Ok(StreamLine::new(stream));
            }
            Err(cause) => last = cause,
        }
    }
    Err(last)
}
