//! Cameras, microphones, the head and the screen: whether they are there and answer.

use std::sync::Arc;

use lookhear_board::camera::v4l2::{CameraDescription, list_cameras};
use lookhear_board::display::{Screen, ScreenError, ScreenKind, ScreenSettings, open_screen};
use lookhear_board::microphone::alsa::list_microphones;
use lookhear_board::ptz::{self, PtzKind, PtzSettings};
use lookhear_board::{MonotonicClock, Ptz, PtzError};

use super::finding::Finding;

/// The first that serves is taken.
const AUTO: &str = "auto";

/// A camera or a microphone, as far as it can be looked at without starting it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The names by which it may be chosen.
    pub names: Vec<String>,
    /// What it calls itself and what it offers; or why it is of no use.
    pub offers: Result<String, String>,
}

/// Whether what is wanted, a name or `auto`, is among what was seen and of use. `kind` is what a person calls it.
pub fn check_seen(kind: &'static str, seen: &[Seen], wanted: &str) -> Finding {
    let chosen = seen.iter().find(|device| match wanted {
        AUTO => device.offers.is_ok(),
        name => device
            .names
            .iter()
            .any(|known| known == name || known.starts_with(&format!("{name},"))),
    });
    let named = |device: &Seen| device.names.last().cloned().unwrap_or_default();
    match chosen.map(|device| (named(device), &device.offers)) {
        Some((name, Ok(offers))) => Finding::ok(kind, format!("{name}: {offers}")),
        Some((name, Err(cause))) => Finding::fail(
            kind,
            format!("{name}: {cause}"),
            "if it is in use, end the program that has it (the service itself, perhaps); else see `dmesg` and its cable",
        ),
        None if seen.is_empty() => Finding::fail(
            kind,
            format!("no {kind} is there"),
            "plug one in; `lsusb` and `dmesg` tell whether the kernel sees it, and `groups` whether you may",
        ),
        None if wanted == AUTO => {
            let causes: Vec<&str> = seen
                .iter()
                .filter_map(|device| device.offers.as_ref().err())
                .map(String::as_str)
                .collect();
            Finding::fail(
                kind,
                format!("none can be used: {}", causes.join("; ")),
                "end the programs that have them, or plug in another",
            )
        }
        None => {
            let names: Vec<String> = seen.iter().map(named).collect();
            Finding::fail(
                kind,
                format!("{wanted} is not there"),
                format!(
                    "plug it in, or set `device` to \"auto\" or one of: {}",
                    names.join(", ")
                ),
            )
        }
    }
}

/// The cameras of this machine.
pub fn cameras() -> Vec<Seen> {
    let seen = list_cameras().into_iter().map(|camera| match camera {
        Ok(camera) => Seen {
            offers: offers_of(&camera),
            names: [Some(camera.path), camera.by_id]
                .into_iter()
                .flatten()
                .map(|path| path.display().to_string())
                .collect(),
        },
        Err(cause) => Seen {
            names: Vec::new(),
            offers: Err(cause.to_string()),
        },
    });
    seen.collect()
}

/// The formats that we take, each with its largest picture.
fn offers_of(camera: &CameraDescription) -> Result<String, String> {
    let taken = camera.offer.formats.iter().filter(|format| format.format.is_some());
    let formats: Vec<String> = taken
        .map(|format| {
            let sizes = format.sizes.iter().map(|size| (size.width.most, size.height.most));
            match sizes.max() {
                Some((width, height)) => format!("{} up to {width}x{height}", format.code),
                None => format.code.clone(),
            }
        })
        .collect();
    if formats.is_empty() {
        let (card, codes) = (&camera.card, camera.offer.codes());
        return Err(format!("{card} offers only {codes}, of which we take none"));
    }
    Ok(format!("{}, {}", camera.card, formats.join(", ")))
}

/// The microphones of this machine.
pub fn microphones() -> Vec<Seen> {
    let seen = list_microphones().into_iter().map(|microphone| Seen {
        names: vec![microphone.device],
        offers: match microphone.offered {
            Ok(offered) => Ok(format!("{}, {offered}", microphone.card)),
            Err(cause) => Err(format!("{}: {cause}", microphone.card)),
        },
    });
    seen.collect()
}

/// Whether the head answers: `opened` is what came of opening it.
pub fn check_head(kind: PtzKind, opened: Result<Option<Box<dyn Ptz>>, PtzError>) -> Finding {
    match opened {
        Ok(None) => Finding::ok("ptz", "no head is set: the camera stays where it is"),
        Ok(Some(head)) => {
            let abilities = head.abilities();
            let (pan, tilt) = (&abilities.pan_degrees, &abilities.tilt_degrees);
            Finding::ok(
                "ptz",
                format!(
                    "{} answers: pan {:.0}° to {:.0}°, tilt {:.0}° to {:.0}°",
                    kind.name(),
                    pan.start(),
                    pan.end(),
                    tilt.start(),
                    tilt.end()
                ),
            )
        }
        Err(cause) => Finding::fail(
            "ptz",
            format!("{}: {cause}", kind.name()),
            "see that it is switched on and that kind and address in [ptz] are right; then try `lookhear ptz`",
        ),
    }
}

/// Opens the head, as the service does.
pub fn open_head(settings: &PtzSettings) -> Result<Option<Box<dyn Ptz>>, PtzError> {
    ptz::open(settings, Arc::new(MonotonicClock))
}

/// Whether there is a screen: `opened` is what came of opening it.
pub fn check_screen(settings: &ScreenSettings, opened: Result<Option<Box<dyn Screen>>, ScreenError>) -> Finding {
    match opened {
        Ok(None) if settings.kind == ScreenKind::None => Finding::ok("screen", "no screen is set"),
        Ok(None) => Finding::ok("screen", "no screen is plugged in; the device works without"),
        Ok(Some(screen)) => {
            let (width, height) = screen.size();
            Finding::ok("screen", format!("{width}×{height} pixels"))
        }
        Err(cause) => Finding::warn(
            "screen",
            cause.to_string(),
            "end what else draws on it (the service itself, or a desktop), or set `kind = \"none\"` in [screen]",
        ),
    }
}

/// Opens the screen, as the service does, but for a picture file, which is written only by the service.
pub fn open_if_screen(settings: &ScreenSettings) -> Result<Option<Box<dyn Screen>>, ScreenError> {
    match settings.kind {
        ScreenKind::Png => Ok(None),
        _ => open_screen(settings),
    }
}
