//! A shield against decoders of others that panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a decoder over bytes from outside; its panic becomes an error that carries the message.
///
/// Needed for symphonia 0.6.1: `symphonia-format-riff` multiplies numbers of the file without a check in
/// `WaveFormatChunk::read_pcm_fmt`, which panics wherever overflow checks are on. The decoder is dropped with whatever
/// state the panic left it in.
pub(crate) fn shielded<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|payload| message(payload.as_ref()))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(payload.downcast_ref::<&str>().copied());
    format!("its decoder failed: {}", text.unwrap_or("no reason given"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(shielded(|| 7), Ok(7));
        let caught = shielded(|| panic!("no {}", "good"));
        assert_eq!(caught, Err::<(), _>("its decoder failed: no good".to_owned()));
        assert_eq!(
            shielded(|| panic!("plain")),
            Err::<(), _>("its decoder failed: plain".to_owned())
        );
    }
}
