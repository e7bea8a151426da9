//! Any bytes, as if a camera had sent them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lookhear_board::ptz::visca::codec::{Framer, parse};
use lookhear_board::ptz::visca::datagram::SonyPacket;

fuzz_target!(|bytes: &[u8]| {
    let mut framer = Framer::default();
    for byte in bytes {
        if let Some(message) = framer.push(*byte) {
            let _ = parse(&message, byte & 7);
            let _ = parse(&message, 1);
        }
    }
    let _ = SonyPacket::parse(bytes);
});
