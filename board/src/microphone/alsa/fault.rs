//! What ALSA's errors mean for a microphone, and what helps.

use std::fs::{self, File};
use std::io::ErrorKind;

use ::alsa::Error;
use rustix::io::Errno;

use crate::capture::CaptureError;

/// Which error of the system it is. Some calls of the library give its number negative.
pub(super) fn errno(error: &Error) -> Errno {
    Errno::from_raw_os_error(error.errno().saturating_abs())
}

/// Why a microphone could not be opened or set up, with the remedy.
pub(super) fn while_opening(device: &str, error: &Error) -> CaptureError {
    CaptureError::Rebuild {
        device: device.to_owned(),
        cause: cause(error, cards_are_forbidden),
    }
}

fn cause(error: &Error, cards_are_forbidden: impl Fn() -> bool) -> String {
    let errno = match errno(error) {
        // The library finds no card where it may not look at any.
        Errno::NOENT | Errno::NODEV if cards_are_forbidden() => Errno::ACCESS,
        errno => errno,
    };
    match errno {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => {
            "there is no such microphone: plug it in, or name another (`arecord -L` lists them)".to_owned()
        }
        // Just after it was plugged in a card belongs to root alone, so that trying again may help.
        Errno::ACCESS | Errno::PERM => {
            "permission denied: add the user to the group audio (`usermod -aG audio USER`, then log in anew) or give the \
             service `SupplementaryGroups=audio`"
                .to_owned()
        }
        Errno::BUSY => "the microphone is in use: end the program that holds it (`fuser -v /dev/snd/*`), or choose \
                        `device = \"default\"` to share it through the sound server"
            .to_owned(),
        _ => format!("the microphone could not be set up ({error})"),
    }
}

/// Whether there are cards that this user may not open.
fn cards_are_forbidden() -> bool {
    let nodes = fs::read_dir("/dev/snd").into_iter().flatten().flatten();
    let mut controls = nodes.filter(|node| node.file_name().to_string_lossy().starts_with("controlC"));
    controls.any(|control| File::open(control.path()).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_names_its_remedy() {
        for (errno, forbidden, word) in [
            (Errno::NOENT, false, "arecord -L"),
            (Errno::NOENT, true, "group audio"),
            (Errno::ACCESS, false, "group audio"),
            (Errno::BUSY, false, "in use"),
        ] {
            for number in [errno.raw_os_error(), -errno.raw_os_error()] {
                let cause = cause(&Error::new("snd_pcm_open", number), || forbidden);
                assert!(cause.contains(word), "{cause}");
            }
        }
    }
}
