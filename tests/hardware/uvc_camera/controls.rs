//! Control requests: those that every USB device answers (USB 2.0, chapter 9), the negotiation of a stream, and pan and tilt
//! (UVC 1.1, chapter 4).

use std::time::Duration;

use crate::descriptors::{
    self, CAMERA_TERMINAL, CLOCK_HERTZ, CONTROL_INTERFACE, PAYLOAD_BYTES, STREAMING_INTERFACE, Turning,
};
use crate::format::{Coding, FRAME_RATES, SIZES};
use crate::motor::{FASTEST, Head};
use crate::usbip::Setup;
use lookhear_tests::scene::{PAN_DEGREES, Size, TILT_DEGREES};

const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_RES: u8 = 0x84;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;

const PAN_TILT_ABSOLUTE: u8 = 0x0D;
const PAN_TILT_RELATIVE: u8 = 0x0E;
const VIDEO_COMMIT: u8 = 2;
const NEGOTIATION_BYTES: u16 = 34;

const ARC_SECONDS: f64 = 3600.0;

/// The request is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused;

/// What a control request changed, for the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// The head was told to turn to angles, in degrees.
    TurnTo([f64; 2]),
    /// The head was told to turn at speeds, in degrees a second.
    Drive([f64; 2]),
    /// A stream was agreed on.
    Start(Stream),
    /// The stream was stopped.
    Stop,
}

/// The stream that was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// How frames are coded.
    pub coding: Coding,
    /// Their size.
    pub size: Size,
    /// In units of 100 ns.
    pub interval: u32,
}

/// What a device holds that control requests read and write.
#[derive(Debug)]
pub struct Device {
    turning: Turning,
    configuration: Vec<u8>,
    /// The motors.
    pub head: Head,
    format: u8,
    frame: u8,
    interval: u32,
}

impl Device {
    /// A camera that rests and streams nothing.
    pub fn new(turning: Turning, now: Duration) -> Self {
        Self {
            turning,
            configuration: descriptors::configuration(turning),
            head: Head::new(now),
            format: Coding::Yuyv.index(),
            frame: 1,
            interval: descriptors::interval(FRAME_RATES[0]),
        }
    }

    /// The stream as it is negotiated now.
    pub fn stream(&self) -> Stream {
        Stream {
            coding: Coding::of(self.format),
            size: SIZES[usize::from(self.frame.max(1) - 1).min(SIZES.len() - 1)],
            interval: self.interval,
        }
    }

    /// Answers a request: the bytes for the host, none for one that writes, and what changed.
    ///
    /// # Errors
    /// When this device has no such thing.
    pub fn control(&mut self, setup: Setup, data: &[u8], now: Duration) -> Result<(Vec<u8>, Option<Change>), Refused> {
        let (mut answer, change) = match (setup.request_type, setup.request) {
            (0x80, 6) => (self.descriptor(setup)?, None),
            (0x80..=0x82, 0) => (vec![0, 0], None),
            (0x80, 8) => (vec![1], None),
            (0x81, 10) => (vec![0], None),
            (0x00, 1 | 3 | 5 | 9) | (0x01, 11) => (vec![], None),
            // This is how uvcvideo stops a bulk stream: it clears the endpoint's halt.
            (0x02, 1) => (vec![], Some(Change::Stop)),
            (0xA1, _) | (0x21, SET_CUR) => match setup.interface() {
                STREAMING_INTERFACE => self.negotiate(setup, data)?,
                CONTROL_INTERFACE if setup.unit() == CAMERA_TERMINAL => self.turn(setup, data, now)?,
                // The code of the last error: none.
                CONTROL_INTERFACE if setup.unit() == 0 && setup.request == GET_CUR => (vec![0], None),
                _ => return Err(Refused),
            },
            _ => return Err(Refused),
        };
        answer.truncate(usize::from(setup.length));
        Ok((answer, change))
    }

    fn descriptor(&self, setup: Setup) -> Result<Vec<u8>, Refused> {
        match setup.selector() {
            1 => Ok(descriptors::device()),
            2 => Ok(self.configuration.clone()),
            3 => Ok(descriptors::string(setup.value.to_be_bytes()[1])),
            _ => Err(Refused),
        }
    }

    /// Probe and commit (UVC 1.1, table 4-75).
    fn negotiate(&mut self, setup: Setup, data: &[u8]) -> Result<(Vec<u8>, Option<Change>), Refused> {
        match setup.request {
            SET_CUR => {
                let [_, _, format, frame, i0, i1, i2, i3, ..] = *data else {
                    return Err(Refused);
                };
                self.format = format;
                self.frame = frame;
                self.interval = u32::from_le_bytes([i0, i1, i2, i3]).max(descriptors::interval(FRAME_RATES[0]));
                let commits = setup.selector() == VIDEO_COMMIT;
                Ok((vec![], commits.then(|| Change::Start(self.stream()))))
            }
            GET_LEN => Ok((NEGOTIATION_BYTES.to_le_bytes().into(), None)),
            GET_INFO => Ok((vec![3], None)),
            _ => {
                let mut answer = vec![1, 0, self.format, self.frame];
                answer.extend(self.interval.to_le_bytes());
                answer.extend([0; 10]);
                answer.extend(self.stream().size.most_bytes().to_le_bytes());
                answer.extend(PAYLOAD_BYTES.to_le_bytes());
                answer.extend(CLOCK_HERTZ.to_le_bytes());
                answer.extend([0; 4]);
                Ok((answer, None))
            }
        }
    }

    fn turn(&mut self, setup: Setup, data: &[u8], now: Duration) -> Result<(Vec<u8>, Option<Change>), Refused> {
        let absolute = match setup.selector() {
            PAN_TILT_ABSOLUTE if self.turning.absolute => true,
            PAN_TILT_RELATIVE if self.turning.speed => false,
            _ => return Err(Refused),
        };
        if setup.request == SET_CUR {
            let change = if absolute {
                self.turn_to(data, now)?
            } else {
                self.drive(data, now)?
            };
            return Ok((vec![], Some(change)));
        }
        let answer = match (setup.request, absolute) {
            (GET_INFO, _) => vec![3],
            (GET_LEN, true) => vec![8, 0],
            (GET_LEN, false) => vec![4, 0],
            (GET_CUR, true) => angles(self.head.look(now)),
            (GET_MIN, true) => angles([-PAN_DEGREES, -TILT_DEGREES]),
            (GET_MAX, true) => angles([PAN_DEGREES, TILT_DEGREES]),
            (GET_RES, true) => angles([1.0 / ARC_SECONDS; 2]),
            (GET_DEF, true) => angles([0.0; 2]),
            (GET_CUR, false) => speeds(self.head.speeds()),
            // Linux makes the least speed of this, with a minus before it.
            (GET_MIN | GET_MAX, false) => speeds([FASTEST; 2]),
            (GET_RES | GET_DEF, false) => speeds([1.0; 2]),
            _ => return Err(Refused),
        };
        Ok((answer, None))
    }

    /// UVC 1.1, 4.2.2.1.15: two angles in arc-seconds.
    fn turn_to(&mut self, data: &[u8], now: Duration) -> Result<Change, Refused> {
        let [p0, p1, p2, p3, t0, t1, t2, t3] = *data else {
            return Err(Refused);
        };
        let degrees = |bytes| f64::from(i32::from_le_bytes(bytes)) / ARC_SECONDS;
        let angles = [degrees([p0, p1, p2, p3]), degrees([t0, t1, t2, t3])];
        self.head.turn_to(now, angles);
        Ok(Change::TurnTo(angles))
    }

    /// UVC 1.1, 4.2.2.1.16: a direction (0 stops, 1 right or up, −1 left or down) and a speed for each axis; this camera's
    /// speeds are in degrees a second.
    fn drive(&mut self, data: &[u8], now: Duration) -> Result<Change, Refused> {
        let [pan, pan_speed, tilt, tilt_speed] = *data else {
            return Err(Refused);
        };
        let speed = |direction: u8, speed: u8| f64::from(direction.cast_signed().signum()) * f64::from(speed);
        let speeds = [speed(pan, pan_speed), speed(tilt, tilt_speed)];
        self.head.drive(now, speeds);
        Ok(Change::Drive(speeds))
    }
}

fn angles(degrees: [f64; 2]) -> Vec<u8> {
    let arc_seconds = degrees.map(|degrees| ((degrees * ARC_SECONDS).round() as i32).to_le_bytes());
    arc_seconds.concat()
}

fn speeds(speeds: [f64; 2]) -> Vec<u8> {
    let pairs = speeds.map(|speed| {
        [
            (if speed == 0.0 { 0.0 } else { speed.signum() } as i8).cast_unsigned(),
            speed.abs() as u8,
        ]
    });
    pairs.concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NOW: Duration = Duration::from_secs(5);

    fn device() -> Device {
        Device::new(
            Turning {
                absolute: true,
                speed: true,
            },
            NOW,
        )
    }

    fn setup(request_type: u8, request: u8, selector: u8, unit: u8, interface: u8) -> Setup {
        Setup {
            request_type,
            request,
            value: u16::from_be_bytes([selector, 0]),
            index: u16::from_be_bytes([unit, interface]),
            length: 64,
        }
    }

    #[test]
    fn angles_are_in_arc_seconds() {
        let mut device = device();
        let data = [3600i32.to_le_bytes(), (-7200i32).to_le_bytes()].concat();
        let set = setup(0x21, SET_CUR, PAN_TILT_ABSOLUTE, CAMERA_TERMINAL, 0);
        assert_eq!(
            device.control(set, &data, NOW),
            Ok((vec![], Some(Change::TurnTo([1.0, -2.0]))))
        );
        let get = setup(0xA1, GET_CUR, PAN_TILT_ABSOLUTE, CAMERA_TERMINAL, 0);
        let later = NOW + Duration::from_secs(1);
        assert_eq!(device.control(get, &[], later), Ok((data, None)));
    }

    #[test]
    fn speeds_have_a_direction_each() {
        let mut device = device();
        let set = setup(0x21, SET_CUR, PAN_TILT_RELATIVE, CAMERA_TERMINAL, 0);
        let driven = device.control(set, &[0xFF, 20, 0, 5], NOW);
        assert_eq!(driven, Ok((vec![], Some(Change::Drive([-20.0, 0.0])))));
        let get = setup(0xA1, GET_CUR, PAN_TILT_RELATIVE, CAMERA_TERMINAL, 0);
        assert_eq!(device.control(get, &[], NOW), Ok((vec![0xFF, 20, 0, 0], None)));
    }

    #[test]
    fn a_stream_is_agreed_on() {
        let mut device = device();
        let mut data = vec![0; usize::from(NEGOTIATION_BYTES)];
        data[2..8].copy_from_slice(&[2, 2, 0x40, 0x42, 0x0F, 0]);
        let commit = setup(0x21, SET_CUR, VIDEO_COMMIT, 0, STREAMING_INTERFACE);
        let (_, change) = device.control(commit, &data, NOW).unwrap();
        let stream = Stream {
            coding: Coding::Mjpeg,
            size: SIZES[1],
            interval: 1_000_000,
        };
        assert_eq!(change, Some(Change::Start(stream)));
        let probe = setup(0xA1, GET_CUR, 1, 0, STREAMING_INTERFACE);
        assert_eq!(
            device.control(probe, &[], NOW).unwrap().0.len(),
            usize::from(NEGOTIATION_BYTES)
        );
    }

    #[test]
    fn what_it_has_not_is_refused() {
        let mut fixed = Device::new(
            Turning {
                absolute: false,
                speed: false,
            },
            NOW,
        );
        let get = setup(0xA1, GET_CUR, PAN_TILT_ABSOLUTE, CAMERA_TERMINAL, 0);
        assert_eq!(fixed.control(get, &[], NOW), Err(Refused));
        let set = setup(0x21, SET_CUR, PAN_TILT_ABSOLUTE, CAMERA_TERMINAL, 0);
        assert_eq!(device().control(set, &[1, 2], NOW), Err(Refused));
    }
}
