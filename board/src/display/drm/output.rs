//! Which screen of a card is drawn on, and in which mode.

use std::io;

use drm::control::{Device, Mode, ModeFlags, ModeTypeFlags, connector, crtc};

/// The most pixels of a mode that is chosen unasked, and what is aimed at where the screen prefers more: they cost a small
/// board more than anyone sees of them.
const MOST_UNASKED: usize = 1920 * 1200;
const ENOUGH: (usize, usize) = (1920, 1080);
/// The refresh rate that is chosen where there are several.
const USUAL_REFRESH_HZ: u32 = 60;

/// Which screen is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Name of the connector, such as `HDMI-A-1`; any where it is `None`.
    pub connector: Option<String>,
    /// Width and height in pixels that the mode should come near to; what the screen prefers, or 1920×1080 where that is
    /// more than 1920×1200, where it is `None`.
    pub size: Option<(usize, usize)>,
}

/// A screen on a connector, the part of the card that can feed it, and the mode that was chosen.
#[derive(Debug)]
pub(super) struct Output {
    /// Of the connector.
    pub name: String,
    pub connector: connector::Handle,
    pub crtc: crtc::Handle,
    pub mode: Mode,
}

impl Output {
    /// The first screen of a card that is plugged in and as wanted; one of which the card cannot tell whether it is plugged in,
    /// where there is no better.
    pub(super) fn find(card: &impl Device, wanted: &Wanted) -> io::Result<Option<Self>> {
        let resources = card.resource_handles()?;
        let mut unsure = None;
        for &handle in resources.connectors() {
            let info = card.get_connector(handle, true)?;
            let name = format!("{}-{}", info.interface().as_str(), info.interface_id());
            if wanted.connector.as_ref().is_some_and(|wanted| *wanted != name)
                || info.state() == connector::State::Disconnected
            {
                continue;
            }
            let candidates: Vec<Candidate> = info.modes().iter().map(Candidate::from).collect();
            let mode = choose(&candidates, wanted.size).and_then(|index| info.modes().get(index));
            let (Some(&mode), Some(crtc)) = (mode, feeding(card, &resources, &info)) else {
                continue;
            };
            let output = Self {
                name,
                connector: handle,
                crtc,
                mode,
            };
            if info.state() == connector::State::Connected {
                return Ok(Some(output));
            }
            unsure = unsure.or(Some(output));
        }
        Ok(unsure)
    }
}

/// What feeds a connector now, or could.
fn feeding(
    card: &impl Device,
    resources: &drm::control::ResourceHandles,
    info: &connector::Info,
) -> Option<crtc::Handle> {
    let now = info
        .current_encoder()
        .and_then(|encoder| card.get_encoder(encoder).ok());
    now.and_then(|encoder| encoder.crtc()).or_else(|| {
        let encoders = info
            .encoders()
            .iter()
            .filter_map(|&encoder| card.get_encoder(encoder).ok());
        encoders
            .flat_map(|encoder| resources.filter_crtcs(encoder.possible_crtcs()))
            .next()
    })
}

/// What matters of a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    size: (usize, usize),
    refresh_hz: u32,
    preferred: bool,
    interlaced: bool,
}

impl From<&Mode> for Candidate {
    fn from(mode: &Mode) -> Self {
        let (width, height) = mode.size();
        Self {
            size: (width.into(), height.into()),
            refresh_hz: mode.vrefresh(),
            preferred: mode.mode_type().contains(ModeTypeFlags::PREFERRED),
            interlaced: mode.flags().contains(ModeFlags::INTERLACE),
        }
    }
}

/// The mode nearest to a size, or to what the screen prefers; of several like that the one that is preferred, not interlaced,
/// and of a usual rate.
fn choose(modes: &[Candidate], size: Option<(usize, usize)>) -> Option<usize> {
    let preferred = modes.iter().find(|mode| mode.preferred).or(modes.first())?.size;
    let is_modest = preferred.0 * preferred.1 <= MOST_UNASKED;
    let (width, height) = size.unwrap_or(if is_modest { preferred } else { ENOUGH });
    let cost = |mode: &Candidate| {
        let distance = mode.size.0.abs_diff(width) + mode.size.1.abs_diff(height);
        let rate = mode.refresh_hz.abs_diff(USUAL_REFRESH_HZ);
        (distance, mode.interlaced, !mode.preferred, rate)
    };
    (0..modes.len()).min_by_key(|&index| cost(&modes[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn mode(width: usize, height: usize, refresh_hz: u32) -> Candidate {
        Candidate {
            size: (width, height),
            refresh_hz,
            preferred: false,
            interlaced: false,
        }
    }

    #[test]
    fn the_preferred_mode_is_chosen_unasked_up_to_full_hd() {
        let monitor = [
            Candidate {
                preferred: true,
                ..mode(3840, 2160, 60)
            },
            mode(1920, 1200, 60),
            mode(1920, 1080, 144),
            Candidate {
                interlaced: true,
                ..mode(1920, 1080, 60)
            },
            mode(1920, 1080, 50),
        ];
        assert_eq!(choose(&monitor, None), Some(4));
        assert_eq!(choose(&monitor[1..3], None), Some(0));
        let panel = [
            mode(1024, 768, 60),
            Candidate {
                preferred: true,
                ..mode(800, 480, 60)
            },
        ];
        assert_eq!(choose(&panel, None), Some(1));
        assert_eq!(choose(&[], None), None);
    }

    #[test]
    fn the_nearest_mode_is_chosen_when_asked() {
        let modes = [mode(1920, 1080, 60), mode(1024, 768, 60), mode(640, 480, 60)];
        assert_eq!(choose(&modes, Some((800, 480))), Some(2));
        assert_eq!(choose(&modes, Some((1000, 700))), Some(1));
        assert_eq!(choose(&modes, Some((9000, 9000))), Some(0));
    }
}
