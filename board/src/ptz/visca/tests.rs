//! The whole driver against a camera on loopback sockets and on a serial line.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::Mutex;
use std::thread;

use serialport::{SerialPort, TTYPort};

use super::codec::{END, Framer};
use super::*;
use crate::MonotonicClock;

const TIMEOUT: Duration = Duration::from_millis(400);

/// The camera's side: where it looks, and what it was told last.
#[derive(Default)]
struct Camera {
    place: [u8; 8],
    heard: Vec<Vec<u8>>,
    /// It says nothing, however it is asked.
    silent: bool,
}

impl Camera {
    fn hear(&mut self, message: &[u8]) -> Vec<u8> {
        self.heard.push(message.to_vec());
        if self.silent {
            return Vec::new();
        }
        match message {
            [0x88, 0x30, ..] => vec![0x88, 0x30, 0x02, END],
            [0x81, 0x09, 0x06, 0x12, END] => {
                let mut answer = vec![0x90, 0x50];
                answer.extend(self.place);
                answer.push(END);
                answer
            }
            [0x81, 0x01, 0x06, 0x02, _, _, place @ .., END] => {
                self.place.copy_from_slice(place);
                vec![0x90, 0x41, END, 0x90, 0x51, END]
            }
            [0x81, 0x01, 0x00, 0x01, END] => vec![0x90, 0x50, END],
            [0x81, 0x01, 0x06, ..] => vec![0x90, 0x42, END, 0x90, 0x52, END],
            _ => vec![0x90, 0x60, 0x02, END],
        }
    }

    fn heard(camera: &Mutex<Self>) -> Vec<Vec<u8>> {
        std::mem::take(&mut camera.lock().unwrap().heard)
    }
}

fn answer_stream(mut stream: impl Read + Write, camera: &Mutex<Camera>) {
    let (mut framer, mut byte) = (Framer::default(), [0]);
    loop {
        match stream.read(&mut byte) {
            Ok(1) => {}
            Err(cause) if cause.kind() == ErrorKind::TimedOut => continue,
            _ => return,
        }
        if let Some(message) = framer.push(byte[0]) {
            let answer = camera.lock().unwrap().hear(message.as_bytes());
            stream.write_all(&answer).unwrap();
        }
    }
}

fn answer_datagrams(socket: &UdpSocket, camera: &Mutex<Camera>, header: bool) {
    let (mut buffer, mut expected) = ([0; 64], None);
    while let Ok((count, from)) = socket.recv_from(&mut buffer) {
        let (head, message) = buffer[..count].split_at(if header { 8 } else { 0 });
        if header && head[..2] == [2, 0] {
            expected = Some(1);
            socket.send_to(&[2, 1, 0, 1, 0, 0, 0, 0, 1], from).unwrap();
            continue;
        }
        let number = header.then(|| u32::from_be_bytes(head[4..8].try_into().unwrap()));
        if header && number != expected {
            let mut reply = vec![2, 1, 0, 2];
            reply.extend(&head[4..8]);
            socket
                .send_to(&[reply.as_slice(), &[0x0F, 0x01]].concat(), from)
                .unwrap();
            continue;
        }
        expected = number.map(|number| number + 1);
        for part in camera
            .lock()
            .unwrap()
            .hear(message)
            .split_inclusive(|byte| *byte == END)
        {
            let mut datagram = Vec::new();
            if header {
                datagram.extend([1, 0x11, 0, part.len() as u8]);
                datagram.extend(&head[4..8]);
            }
            datagram.extend(part);
            socket.send_to(&datagram, from).unwrap();
        }
    }
}

/// Starts a camera; gives it and its address. The threads live as long as the test.
fn camera(transport: Transport) -> (Arc<Mutex<Camera>>, String) {
    let camera = Arc::new(Mutex::new(Camera::default()));
    let theirs = Arc::clone(&camera);
    let address = match transport {
        Transport::Serial => {
            let (master, slave) = TTYPort::pair().unwrap();
            let address = slave.name().unwrap();
            thread::spawn(move || {
                // While both ends are held, opening and closing in between does not hang up.
                let _slave = slave;
                answer_stream(master, &theirs);
            });
            return (camera, address);
        }
        Transport::Tcp => {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let theirs = Arc::clone(&theirs);
                    thread::spawn(move || answer_stream(stream.unwrap(), &theirs));
                }
            });
            address
        }
        Transport::SonyUdp | Transport::Udp => {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let address = socket.local_addr().unwrap();
            thread::spawn(move || answer_datagrams(&socket, &theirs, transport == Transport::SonyUdp));
            address
        }
    };
    (camera, address.to_string())
}

fn open(transport: Transport, address: &str) -> Result<Visca, PtzError> {
    let settings = ViscaSettings::default();
    Visca::open(transport, address, &settings, TIMEOUT, Arc::new(MonotonicClock))
}

const ALL: [Transport; 4] = [Transport::Serial, Transport::SonyUdp, Transport::Tcp, Transport::Udp];

#[test]
fn a_head_is_moved_and_asked_over_every_transport() {
    for transport in ALL {
        let (camera, address) = camera(transport);
        let mut head = open(transport, &address).unwrap();
        assert!(head.abilities().tells_orientation, "{transport:?}");
        let (to, speed) = (
            Orientation {
                pan_degrees: -45.0,
                tilt_degrees: 12.5,
            },
            Velocity { pan: 50.0, tilt: 20.0 },
        );
        head.move_to(to, speed).unwrap();
        assert_eq!(head.orientation().unwrap(), Some(to), "{transport:?}");
        assert_eq!(head.is_moving().unwrap(), Some(false), "{transport:?}");
        Camera::heard(&camera);
        head.drive(Velocity { pan: -10.5, tilt: 0.5 }).unwrap();
        head.drive(Velocity::default()).unwrap();
        head.go_home().unwrap();
        let mut heard = Camera::heard(&camera);
        heard.dedup();
        let expected: [&[u8]; 3] = [
            &[0x81, 1, 6, 1, 9, 1, 1, 3, END],
            &[0x81, 1, 6, 1, 1, 1, 3, 3, END],
            &[0x81, 1, 6, 4, END],
        ];
        assert_eq!(heard, expected, "{transport:?}");
    }
}

#[test]
fn a_silent_camera_is_one_to_be_opened_again_and_still_hears_a_halt() {
    for transport in ALL {
        let (camera, address) = camera(transport);
        camera.lock().unwrap().silent = true;
        let error = open(transport, &address).err();
        assert!(
            matches!(error, Some(PtzError::Rebuild { .. })),
            "{transport:?}: {error:?}"
        );
        Camera::heard(&camera);
        let settings = ViscaSettings::default();
        let begun = std::time::Instant::now();
        let confirmed = Visca::halt(transport, &address, &settings, TIMEOUT, Arc::new(MonotonicClock)).unwrap();
        assert!(!confirmed && begun.elapsed() < Duration::from_secs(1), "{transport:?}");
        let heard = Camera::heard(&camera);
        let stops = heard
            .iter()
            .filter(|message| message.get(6..8) == Some(&[3, 3]))
            .count();
        let lossy = matches!(transport, Transport::SonyUdp | Transport::Udp);
        assert!(stops >= if lossy { 2 } else { 1 }, "{transport:?}: {heard:x?}");
    }
}

#[test]
fn a_hung_up_connection_is_one_to_be_opened_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || drop(listener.accept()));
    let error = open(Transport::Tcp, &address).err();
    assert!(matches!(error, Some(PtzError::Rebuild { .. })), "{error:?}");
}

#[test]
fn what_makes_no_sense_is_told() {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    for nonsense in [
        ViscaSettings {
            camera: 8,
            ..ViscaSettings::default()
        },
        ViscaSettings {
            pan_units_per_degree: 0.0,
            ..ViscaSettings::default()
        },
        ViscaSettings {
            tilt_speeds: vec![],
            ..ViscaSettings::default()
        },
    ] {
        let error = Visca::open(Transport::Udp, "127.0.0.1", &nonsense, TIMEOUT, Arc::clone(&clock)).err();
        assert!(
            matches!(error, Some(PtzError::GiveUp { .. })),
            "{nonsense:?}: {error:?}"
        );
    }
    let error = open(Transport::Serial, "/dev/there-is-no-such-port").err();
    assert!(matches!(error, Some(PtzError::Rebuild { .. })), "{error:?}");
}

#[test]
fn addresses_may_leave_out_the_port() {
    for (address, full) in [
        ("127.0.0.1", "127.0.0.1:1259"),
        ("127.0.0.1:7", "127.0.0.1:7"),
        ("::1", "[::1]:1259"),
        ("[::1]:7", "[::1]:7"),
    ] {
        assert_eq!(resolve(address, 1259).unwrap(), [full.parse().unwrap()], "{address}");
    }
    assert!(resolve("", 1259).is_err());
}
