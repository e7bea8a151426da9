//! Any bytes as a film: opened, and the first frames decoded.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use lookhear_board::camera::film::Film;
use lookhear_board::{Camera, Delivery, Frame};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut film) = Film::read(Cursor::new(bytes), Path::new("film.mp4")) else {
        return;
    };
    let mut frame = Frame::default();
    for _ in 0..50 {
        match film.next_frame(&mut frame) {
            Ok(Delivery::Fresh) => {
                assert_eq!(
                    frame.picture.bytes.len(),
                    frame.picture.width * frame.picture.height * 3
                );
            }
            _ => break,
        }
    }
});
