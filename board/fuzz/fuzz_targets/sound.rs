//! Any bytes as a sound file, or a film with sound.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use lookhear_board::sound_file::decode_sound;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(track) = decode_sound(Box::new(Cursor::new(bytes.to_vec())), Path::new("sound")) {
        assert!(track.sound.samples.iter().all(|sample| sample.abs() <= 1.0));
    }
});
