//! The camera on its bus: one thread answers the host, another streams what the camera sees.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use lookhear_board::{Clock, MonotonicClock};
use lookhear_tests::scene::Scene;

use crate::controls::{Change, Device, Stream};
use crate::descriptors::{PAYLOAD_BYTES, Turning};
use crate::faults::Fault;
use crate::report;
use crate::usbip::{self, Reply, Request};

/// Where the kernel takes the other end of a socket as a USB device.
const ATTACH: &str = "/sys/devices/platform/vhci_hcd.0/attach";
/// USB/IP's number for a high-speed device.
const HIGH_SPEED: u32 = 3;
/// How often a port that is still being freed is tried again, and how long between.
const ATTEMPTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);
/// The two bytes before the data of every payload: their number, and bits.
const HEADER_BYTES: usize = 2;
const END_OF_FRAME: u8 = 0x02;
const ERROR: u8 = 0x40;
const END_OF_HEADER: u8 = 0x80;

/// A camera in the world of a scene.
pub struct Camera {
    scene: Scene,
    film_start: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    device: Device,
    fault: Fault,
    /// To the host, while plugged in.
    socket: Option<UnixStream>,
    /// Room that the host offers for the stream, oldest first: transfers and their bytes.
    rooms: VecDeque<(u32, usize)>,
    streaming: bool,
    /// Counts streams: what belongs to an earlier one is no longer wanted.
    generation: u64,
}

/// One frame.
struct Exposure {
    /// Where the camera looked: pan and tilt.
    look: [f64; 2],
    /// The coded picture.
    frame: Vec<u8>,
    /// The camera itself says that it is bad.
    bad: bool,
}

impl State {
    fn is_wanted(&self, generation: u64) -> bool {
        self.streaming && self.generation == generation
    }

    fn ends(&mut self) {
        self.streaming = false;
        self.generation += 1;
    }
}

impl Camera {
    /// A camera that is not plugged in. The film in the scene began, or begins, at `film_start` on the monotonic clock.
    pub fn new(scene: Scene, film_start: Duration, turning: Turning) -> Self {
        Self {
            scene,
            film_start,
            state: Mutex::new(State {
                device: Device::new(turning, MonotonicClock.now()),
                fault: Fault::None,
                socket: None,
                rooms: VecDeque::new(),
                streaming: false,
                generation: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plugs it into the first port, and answers the host from now on.
    ///
    /// # Errors
    /// When there is no virtual host controller, or its port stays in use.
    pub fn plug(self: &Arc<Self>) -> Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        // Port, socket, device number on its bus, speed.
        let line = format!("0 {} {} {HIGH_SPEED}", theirs.as_raw_fd(), 1 << 16 | 2);
        let attach = || std::fs::write(ATTACH, &line);
        let mut attached = attach();
        for _ in 0..ATTEMPTS {
            if attached.is_ok() {
                break;
            }
            std::thread::sleep(PAUSE);
            attached = attach();
        }
        attached.with_context(|| format!("{ATTACH} does not take the camera: is vhci-hcd loaded?"))?;
        self.state().socket = Some(ours.try_clone()?);
        report("plugged in");
        let camera = Arc::clone(self);
        std::thread::spawn(move || camera.answer(ours));
        Ok(())
    }

    /// Pulls the plug.
    pub fn unplug(&self) {
        if let Some(socket) = self.state().socket.take() {
            // The other end may have gone by itself.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Streams with a fault from now on.
    pub fn spoil(&self, fault: Fault) {
        self.state().fault = fault;
        self.changed.notify_all();
    }

    /// Answers the host until the plug is pulled.
    fn answer(&self, mut socket: UnixStream) {
        while let Ok(request) = usbip::read_request(&mut socket) {
            if self.answer_one(request).is_err() {
                break;
            }
        }
        let mut state = self.state();
        state.rooms.clear();
        state.ends();
        report("unplugged");
    }

    fn answer_one(&self, request: Request) -> io::Result<()> {
        let mut state = self.state();
        let State {
            device,
            socket: Some(socket),
            rooms,
            ..
        } = &mut *state
        else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        match request {
            Request::Bulk { sequence, room_bytes } => rooms.push_back((sequence, room_bytes)),
            Request::Unlink { sequence, victim } => {
                let before = rooms.len();
                rooms.retain(|(room, _)| *room != victim);
                usbip::write_unlinked(socket, sequence, rooms.len() < before)?;
            }
            Request::Control { sequence, setup, data } => {
                let answer = device.control(setup, &data, MonotonicClock.now());
                let reply = match &answer {
                    Ok((bytes, _)) if setup.request_type & 0x80 != 0 => Reply::Data(bytes),
                    Ok(_) => Reply::Taken(data.len()),
                    Err(_) => Reply::Stalled,
                };
                usbip::write_reply(socket, sequence, reply)?;
                if let Ok((_, Some(change))) = answer {
                    report_change(change);
                    match change {
                        Change::Start(_) => {
                            state.ends();
                            state.streaming = true;
                        }
                        Change::Stop => state.ends(),
                        Change::TurnTo(_) | Change::Drive(_) => {}
                    }
                }
            }
        }
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Streams, whenever the host wants it, for ever.
    ///
    /// # Errors
    /// When a picture cannot be encoded.
    pub fn stream(&self) -> Result<()> {
        let (mut due, mut number) = (Duration::ZERO, 0u64);
        let mut looked = String::new();
        loop {
            let (generation, stream) = self.wait_for_stream();
            let interval = Duration::from_nanos(u64::from(stream.interval) * 100);
            let now = MonotonicClock.now();
            std::thread::sleep(due.saturating_sub(now).min(interval));
            due = due.max(now.saturating_sub(interval)) + interval;
            let exposure = self.expose(stream, number)?;
            let look = format!("look {:.2} {:.2}", exposure.look[0], exposure.look[1]);
            if look != looked {
                report(&look);
                looked = look;
            }
            self.send(generation, number, &exposure);
            number += 1;
        }
    }

    fn wait_for_stream(&self) -> (u64, Stream) {
        let unwanted = |state: &mut State| !state.streaming || state.rooms.is_empty() || state.fault == Fault::Freeze;
        let state = self.changed.wait_while(self.state(), unwanted);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        (state.generation, state.device.stream())
    }

    /// What the camera sees now, spoilt as it should be.
    fn expose(&self, stream: Stream, number: u64) -> Result<Exposure> {
        let now = MonotonicClock.now();
        let (look, fault) = {
            let mut state = self.state();
            (state.device.head.look(now), state.fault)
        };
        let picture = self.scene.view(look, now.saturating_sub(self.film_start), stream.size);
        let mut frame = stream.coding.encode(&picture)?;
        let bad = fault.spoil(number, stream.coding, &mut frame);
        Ok(Exposure { look, frame, bad })
    }

    /// Sends a frame, payload by payload, as the host offers room; gives up when it is no longer wanted.
    fn send(&self, generation: u64, number: u64, exposure: &Exposure) {
        let mut rest = exposure.frame.as_slice();
        while !rest.is_empty() {
            let waits = |state: &mut State| {
                state.is_wanted(generation) && (state.rooms.is_empty() || state.fault == Fault::Freeze)
            };
            let state = self.changed.wait_while(self.state(), waits);
            let mut state = state.unwrap_or_else(PoisonError::into_inner);
            if !state.is_wanted(generation) {
                return;
            }
            let State {
                socket: Some(socket),
                rooms,
                ..
            } = &mut *state
            else {
                return;
            };
            let Some((sequence, room_bytes)) = rooms.pop_front() else {
                return;
            };
            let most = room_bytes.min(PAYLOAD_BYTES as usize) - HEADER_BYTES;
            let (data, after) = rest.split_at(most.min(rest.len()));
            rest = after;
            let mut bits = END_OF_HEADER | u8::from(number % 2 == 1);
            if rest.is_empty() {
                bits |= END_OF_FRAME | if exposure.bad { ERROR } else { 0 };
            }
            let mut payload = Vec::with_capacity(HEADER_BYTES + data.len());
            payload.extend([HEADER_BYTES as u8, bits]);
            payload.extend(data);
            if usbip::write_reply(socket, sequence, Reply::Data(&payload)).is_err() {
                return;
            }
        }
    }
}

fn report_change(change: Change) {
    report(&match change {
        Change::TurnTo([pan, tilt]) => format!("turn-to {pan:.4} {tilt:.4}"),
        Change::Drive([pan, tilt]) => format!("drive {pan} {tilt}"),
        Change::Start(Stream { coding, size, interval }) => format!(
            "stream {coding:?} {}x{} {:.1}/s",
            size.width,
            size.height,
            1e7 / f64::from(interval)
        ),
        Change::Stop => "stop".to_owned(),
    });
}
