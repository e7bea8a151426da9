//! A stream of buffers that survives what drivers do.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use v4l::Device;
use v4l::buffer::{Metadata, Type};
use v4l::device::Handle;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::prelude::MmapStream;

use super::node::guarded;
use crate::shield::caught;

/// One with the reader, one being filled, and two that bridge a late reader.
const BUFFERS: u32 = 4;

/// "There is something to read" (poll(2)).
const POLLIN: i16 = 1;

/// Mapped buffers of a camera, in the kernel's hands and in ours by turns. After an error it is of no more use.
pub(super) struct Stream {
    mapped: Option<MmapStream<'static>>,
    handle: Arc<Handle>,
    running: bool,
}

impl Stream {
    pub(super) fn new(device: &Device, timeout: Duration) -> io::Result<Self> {
        let mut mapped = guarded(|| MmapStream::with_buffers(device, Type::VideoCapture, BUFFERS))?;
        mapped.set_timeout(timeout);
        Ok(Self {
            mapped: Some(mapped),
            handle: device.handle(),
            running: false,
        })
    }

    /// Waits for a filled buffer, then looks at every one that is filled by now; the last of them is the newest.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] if none was filled in time, else what the driver says.
    pub(super) fn drain(&mut self, timeout: Duration, mut look: impl FnMut(&[u8], &Metadata, bool)) -> io::Result<()> {
        let Some(mapped) = &mut self.mapped else {
            return Err(Errno::NODEV.into());
        };
        // The stream hands its buffer back before it waits, and again after it has waited in vain, which the kernel refuses:
        // it is only asked once there is something. The first time it must wait itself, for it also starts the camera.
        if self.running && !ready(&self.handle, timeout)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.running = true;
        let mut taken = 0;
        loop {
            let more = guarded(|| {
                let (bytes, metadata) = mapped.next()?;
                taken += 1;
                // A late reader left the kernel nothing to fill: even the newest is old, and the next one is worth a wait.
                let starved = taken == BUFFERS - 1;
                let more = ready(&self.handle, if starved { timeout } else { Duration::ZERO })?;
                look(bytes, metadata, !more);
                Ok(more)
            })?;
            if !more {
                return Ok(());
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Some(mut mapped) = self.mapped.take() else {
            return;
        };
        match mapped.stop() {
            Err(error) if Errno::from_io_error(&error) != Some(Errno::NODEV) => {
                // Its own end would now panic twice over, which ends the program. What is left mapped is the lesser harm.
                std::mem::forget(mapped);
            }
            // What cannot be freed now goes with the file.
            _ => drop(caught(|| drop(mapped))),
        }
    }
}

/// Whether a buffer is filled, or the device has something to complain of, before the time is up.
fn ready(handle: &Handle, timeout: Duration) -> io::Result<bool> {
    let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    loop {
        match handle.poll(POLLIN, milliseconds) {
            // A signal; waiting anew for the whole time only lengthens the wait.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => return Ok(polled? > 0),
        }
    }
}
