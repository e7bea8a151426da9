//! What the system's errors mean for a camera, and what helps.

use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::capture::CaptureError;

/// Why a camera could not be opened or set up, with the remedy.
pub(super) fn while_opening(device: &Path, error: &io::Error) -> CaptureError {
    let name = device.display().to_string();
    let cause = match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => {
            "there is no such camera: plug it in, or name another (`ls -l /dev/v4l/by-id`)".to_owned()
        }
        // Just after it was plugged in a node belongs to root alone, so that trying again may help.
        Some(Errno::ACCESS | Errno::PERM) => {
            "permission denied: add the user to the group video (`usermod -aG video USER`, then log in anew) or give the \
             service `SupplementaryGroups=video`"
                .to_owned()
        }
        Some(Errno::BUSY) => match holders(device, |process| process != std::process::id()) {
            holders if holders.is_empty() => "the camera is in use: end the program that holds it".to_owned(),
            holders => format!("the camera is in use, open in {}: end what captures from it", holders.join(", ")),
        },
        Some(Errno::NOTTY | Errno::INVAL) => {
            let cause = format!("this is not a camera that video can be captured from ({error}): name another");
            return CaptureError::GiveUp { device: name, cause };
        }
        _ => format!("the camera could not be set up ({error}): unplug it and plug it in again"),
    };
    CaptureError::Rebuild { device: name, cause }
}

/// Why a running camera delivers no more.
pub(super) fn while_streaming(device: &str, error: &io::Error) -> CaptureError {
    let cause = match Errno::from_io_error(error) {
        Some(Errno::NODEV | Errno::NXIO) => "the camera was unplugged".to_owned(),
        _ => format!("the camera failed ({error})"),
    };
    CaptureError::Rebuild {
        device: device.to_owned(),
        cause,
    }
}

/// The programs that have a device open, as far as this user may see, from among some processes: `obs (1234)`.
fn holders(device: &Path, among: impl Fn(u32) -> bool) -> Vec<String> {
    let Ok(device) = device.canonicalize() else {
        return Vec::new();
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let holding = processes.filter(|process| among(*process)).filter(|process| {
        let files = fs::read_dir(format!("/proc/{process}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        let mut targets = files.map(|file| fs::read_link(file.path()));
        targets.any(|target| target.is_ok_and(|target| target == device))
    });
    let named = holding.map(|process| {
        let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        format!("{} ({process})", name.trim())
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn every_error_names_its_remedy() {
        for (errno, word, again) in [
            (Errno::NOENT, "by-id", true),
            (Errno::ACCESS, "group video", true),
            (Errno::BUSY, "in use", true),
            (Errno::NOTTY, "not a camera", false),
            (Errno::IO, "plug it in again", true),
        ] {
            let error = while_opening(Path::new("/dev/video7"), &io::Error::from(errno));
            assert_eq!(matches!(error, CaptureError::Rebuild { .. }), again, "{error}");
            let message = error.to_string();
            assert!(message.contains(word) && message.contains("/dev/video7"), "{message}");
        }
        assert!(
            while_streaming("c", &Errno::NODEV.into())
                .to_string()
                .contains("unplugged")
        );
    }

    #[test]
    fn who_holds_a_file_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let me = format!("({})", std::process::id());
        assert!(
            holders(file.path(), |_| true)
                .iter()
                .any(|holder| holder.ends_with(&me))
        );
        let other = |process| process != std::process::id();
        assert!(holders(file.path(), other).is_empty());
        assert!(holders(Path::new("/nowhere/at/all"), |_| true).is_empty());
    }
}
