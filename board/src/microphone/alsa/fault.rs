//! What ALSA's errors mean for a microphone, and what helps.

use ::alsa::Error;
use rustix::io::Errno;

use crate::capture::CaptureError;

/// Which error of the system it is. Some calls of the library give its number negative.
pub(super) fn errno(error: &Error) -> Errno {
    Errno::from_raw_os_error(error.errno().saturating_abs())
}

/// Why a microphone could not be opened or set up, with the remedy.
pub(super) fn while_opening(device: &str, error: &Error) -> CaptureError {
    let cause = match errno(error) {
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
    };
    CaptureError::Rebuild {
        device: device.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_names_its_remedy() {
        for (errno, word) in [
            (Errno::NOENT, "arecord -L"),
            (Errno::ACCESS, "group audio"),
            (Errno::BUSY, "in use"),
        ] {
            for number in [errno.raw_os_error(), -errno.raw_os_error()] {
                let message = while_opening("hw:CARD=X", &Error::new("snd_pcm_open", number)).to_string();
                assert!(message.contains(word) && message.contains("hw:CARD=X"), "{message}");
            }
        }
    }
}
