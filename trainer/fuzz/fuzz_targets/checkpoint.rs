//! Any bytes as a checkpoint: `cargo +nightly fuzz run checkpoint`, in the directory `trainer`.
#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use lookhear_trainer::import::checkpoint::Checkpoint;

/// A tensor may claim more numbers than memory holds; import reads only those of the shapes that it knows.
const MOST_NUMBERS: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = tempfile::NamedTempFile::new() else {
        return;
    };
    if file.write_all(bytes).is_err() {
        return;
    }
    let Ok(checkpoint) = Checkpoint::open(file.path()) else {
        return;
    };
    for name in checkpoint.names() {
        let shape = checkpoint.shape(name).unwrap_or_default();
        if shape.iter().product::<usize>() <= MOST_NUMBERS {
            let _ = checkpoint.read(name);
        }
    }
});
