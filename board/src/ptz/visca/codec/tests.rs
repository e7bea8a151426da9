#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

/// Bytes written as the manuals write them.
fn bytes(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

fn answer(text: &str) -> Option<Reply> {
    parse(&Message::from_bytes(&bytes(text))?, 1)
}

#[test]
fn requests_are_those_of_the_manual() {
    let place = Request::Absolute {
        to: Position { pan: -100, tilt: 0x4B0 },
        pan_speed: 0x18,
        tilt_speed: 0x17,
        digits: Digits::default(),
    };
    for (request, text) in [
        (Request::Drive { pan: -5, tilt: 3 }, "81 01 06 01 05 03 01 01 FF"),
        (Request::Drive { pan: 24, tilt: -1 }, "81 01 06 01 18 01 02 02 FF"),
        (Request::Drive { pan: 0, tilt: 2 }, "81 01 06 01 01 02 03 01 FF"),
        (
            Request::Drive {
                pan: i8::MIN,
                tilt: i8::MAX,
            },
            "81 01 06 01 18 17 01 01 FF",
        ),
        (Request::Stop, "81 01 06 01 01 01 03 03 FF"),
        (place, "81 01 06 02 18 17 0F 0F 09 0C 00 04 0B 00 FF"),
        (Request::Home, "81 01 06 04 FF"),
        (Request::Cancel { socket: 2 }, "81 22 FF"),
        (Request::Clear, "81 01 00 01 FF"),
        (Request::Position, "81 09 06 12 FF"),
        (Request::AssignAddresses, "88 30 01 FF"),
    ] {
        assert_eq!(request.message(1).as_bytes(), bytes(text), "{request:?}");
    }
    assert_eq!(Request::Home.message(7).as_bytes(), bytes("87 01 06 04 FF"));
}

#[test]
fn cameras_with_five_digits_are_spoken_to_in_five() {
    let request = Request::Relative {
        by: Position { pan: -2, tilt: 1 },
        pan_speed: 0,
        tilt_speed: 99,
        digits: Digits { pan: 5, tilt: 4 },
    };
    let text = "81 01 06 03 01 17 0F 0F 0F 0F 0E 00 00 00 01 FF";
    assert_eq!(request.message(1).as_bytes(), bytes(text));
}

#[test]
fn answers_are_those_of_the_manual() {
    let position = |pan, tilt| Some(Reply::Position(Position { pan, tilt }, Digits::default()));
    let refused = |socket, why| Some(Reply::Refused { socket, why });
    for (text, reply) in [
        ("90 41 FF", Some(Reply::Acknowledged { socket: 1 })),
        ("90 52 FF", Some(Reply::Completed { socket: 2 })),
        ("90 50 0F 07 02 05 00 04 0B 00 FF", position(-0x08DB, 0x04B0)),
        ("90 50 02 FF", Some(Reply::Value)),
        ("90 50 1F 07 02 05 00 04 0B 00 FF", Some(Reply::Value)),
        ("90 60 02 FF", refused(0, Refusal::Syntax)),
        ("90 60 03 FF", refused(0, Refusal::BufferFull)),
        ("90 61 04 FF", refused(1, Refusal::Cancelled)),
        ("90 61 41 FF", refused(1, Refusal::NotExecutable)),
        ("90 61 77 FF", refused(1, Refusal::Other(0x77))),
        ("90 38 FF", Some(Reply::LineChanged)),
        ("88 30 03 FF", Some(Reply::AddressesAssigned { cameras: 2 })),
        ("88 01 00 01 FF", Some(Reply::Cleared)),
        ("A0 41 FF", None),
        ("81 01 06 04 FF", None),
        ("90 FF", None),
        ("FF", None),
        ("90 41 FF 90 51 FF", None),
    ] {
        assert_eq!(answer(text), reply, "{text}");
    }
    let wide = answer("90 50 0F 0F 0F 0F 0E 00 00 01 00 FF").unwrap();
    let place = Position { pan: -2, tilt: 16 };
    assert_eq!(wide, Reply::Position(place, Digits { pan: 5, tilt: 4 }));
}

#[test]
fn a_stream_is_cut_into_messages_whatever_lies_between() {
    let mut framer = Framer::default();
    let mut stream = bytes("90 41 FF FF 13 FF");
    stream.extend([0x55; 40]);
    stream.extend(bytes("FF 90 51 FF"));
    let found: Vec<Vec<u8>> = stream
        .into_iter()
        .filter_map(|byte| framer.push(byte))
        .map(|message| message.as_bytes().to_vec())
        .collect();
    assert_eq!(found, [bytes("90 41 FF"), bytes("13 FF"), bytes("90 51 FF")]);
}

fn requests() -> impl Strategy<Value = Request> {
    let digits = prop_oneof![Just(Digits { pan: 4, tilt: 4 }), Just(Digits { pan: 5, tilt: 4 })];
    prop_oneof![
        (any::<i8>(), any::<i8>()).prop_map(|(pan, tilt)| Request::Drive { pan, tilt }),
        (any::<i32>(), any::<i32>(), any::<u8>(), any::<u8>(), digits).prop_map(
            |(pan, tilt, pan_speed, tilt_speed, digits)| Request::Absolute {
                to: Position { pan, tilt },
                pan_speed,
                tilt_speed,
                digits,
            }
        ),
        any::<u8>().prop_map(|socket| Request::Cancel { socket }),
    ]
}

proptest! {
    #[test]
    fn every_request_is_one_message(request in requests(), address in any::<u8>()) {
        let message = request.message(address);
        prop_assert!(message.as_bytes().len() <= LONGEST_MESSAGE_BYTES);
        prop_assert_eq!(Message::from_bytes(message.as_bytes()), Some(message));
    }

    /// What a camera is told as a place it tells as the same place.
    #[test]
    fn places_survive_the_way(pan in -0x8000..0x8000_i32, tilt in -0x8000..0x8000_i32, address in 1..8_u8) {
        let (place, digits) = (Position { pan, tilt }, Digits::default());
        let told = Request::Absolute { to: place, pan_speed: 1, tilt_speed: 1, digits }.message(address);
        let mut echo = vec![0x80 | (address << 4), 0x50];
        echo.extend(&told.as_bytes()[6..]);
        prop_assert_eq!(parse(&Message::from_bytes(&echo).unwrap(), address), Some(Reply::Position(place, digits)));
    }

    #[test]
    fn no_bytes_do_harm(stream in proptest::collection::vec(any::<u8>(), 0..200), address in any::<u8>()) {
        let mut framer = Framer::default();
        for byte in stream {
            if let Some(message) = framer.push(byte) {
                prop_assert!(message.as_bytes().len() <= LONGEST_MESSAGE_BYTES);
                let _ = parse(&message, address);
            }
        }
    }
}
