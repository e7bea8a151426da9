//! A shield against decoders and drivers' bindings of others that panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a decoder over bytes from outside; its panic becomes an error that carries the message.
///
/// Needed for symphonia 0.6.1: `symphonia-format-riff` multiplies numbers of the file without a check in
/// `WaveFormatChunk::read_pcm_fmt`, which panics wherever overflow checks are on. The decoder is dropped with whatever
/// state the panic left it in.
#[cfg(feature = "media")]
pub(crate) fn shielded<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    caught(decode).map_err(|message| format!("its decoder failed: {message}"))
}

/// Runs what may panic; a panic becomes its message. What it worked on is not to be used again.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| message(payload.as_ref()))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(payload.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(caught(|| 7), Ok(7));
        let formatted = caught(|| panic!("no {}", "good"));
        assert_eq!(formatted, Err::<(), _>("no good".to_owned()));
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
    }
}
