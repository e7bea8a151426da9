//! Which screen is used, and how.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::drm::{DrmScreen, Wanted, has_cards};
use super::framebuffer::{self, ColourOrder, Framebuffer};
use super::memory_screen::MemoryScreen;
use super::pixels::Rotation;
use super::{Screen, ScreenError};

/// The kinds of screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScreenKind {
    /// No screen is used.
    None,
    /// Whatever is plugged in; when nothing is, that is no fault.
    #[default]
    Auto,
    /// A screen on a graphics card (`/dev/dri/card0`): HDMI, DSI, and small panels with a driver in the kernel.
    Drm,
    /// A framebuffer (`/dev/fb0`).
    Framebuffer,
    /// A picture file that always holds what a screen would show.
    Png,
}

/// The screen of the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScreenSettings {
    /// `none`, `auto` (whatever is plugged in), `drm`, `framebuffer`, or `png` (a picture file instead of a screen).
    pub kind: ScreenKind,
    /// Such as `/dev/dri/card1` or `/dev/fb0`, or the file of kind `png`; the first that serves where it is empty.
    pub device: String,
    /// The connector of kind `drm`, such as `HDMI-A-1` (see `ls /sys/class/drm`); any where it is empty.
    pub connector: String,
    /// Pixels across that the screen should be set to, as near as it can; what it prefers (or Full HD where that is more) where it is 0.
    /// Of a picture file: its width.
    pub width: usize,
    /// Pixels down, in the same way.
    pub height: usize,
    /// 0, 90, 180 or 270: by how much the picture is turned clockwise, to stand upright on a screen that is mounted turned.
    pub rotation_degrees: Rotation,
    /// Pictures a second at most, 1 to 120.
    pub frames_per_second: f64,
    /// Of a 32-bit framebuffer: `blue-first`, or `red-first` where red and blue are the wrong way round.
    pub colour_order: ColourOrder,
}

impl Default for ScreenSettings {
    fn default() -> Self {
        Self {
            kind: ScreenKind::default(),
            device: String::new(),
            connector: String::new(),
            width: 0,
            height: 0,
            rotation_degrees: Rotation::None,
            frames_per_second: 30.0,
            colour_order: ColourOrder::default(),
        }
    }
}

/// Width and height of a picture file where none are set.
const USUAL_SIZE: (usize, usize) = (800, 480);
/// No screen has more along an edge.
const MOST_PIXELS: usize = 8192;
/// Pictures a second that a screen can be set to.
const RATES_HZ: std::ops::RangeInclusive<f64> = 1.0..=120.0;

impl ScreenSettings {
    /// What cannot be, in words.
    fn fault(&self) -> Option<String> {
        if !RATES_HZ.contains(&self.frames_per_second) {
            let (least, most) = (RATES_HZ.start(), RATES_HZ.end());
            let given = self.frames_per_second;
            return Some(format!("frames_per_second is {given}: choose from {least} to {most}"));
        }
        if (self.width == 0) != (self.height == 0) || self.width.max(self.height) > MOST_PIXELS {
            let (width, height) = (self.width, self.height);
            return Some(format!(
                "a size of {width}×{height} cannot be: set width and height, up to {MOST_PIXELS}, or neither"
            ));
        }
        None
    }

    fn size(&self) -> Option<(usize, usize)> {
        (self.width > 0).then_some((self.width, self.height))
    }

    fn device(&self) -> Option<&Path> {
        (!self.device.is_empty()).then(|| Path::new(&self.device))
    }
}

/// Opens the screen that is set; `None` where that is none, or where nothing is plugged in and the kind is `auto`.
///
/// # Errors
/// [`ScreenError::GiveUp`] where the settings or the permissions must be changed first, [`ScreenError::Rebuild`] where a
/// screen may be plugged in later.
pub fn open_screen(settings: &ScreenSettings) -> Result<Option<Box<dyn Screen>>, ScreenError> {
    if let Some(cause) = settings.fault() {
        let device = "screen".into();
        return Err(ScreenError::GiveUp { device, cause });
    }
    match settings.kind {
        ScreenKind::None => Ok(None),
        ScreenKind::Auto if settings.device().is_some_and(is_framebuffer) => open_framebuffer(settings),
        ScreenKind::Auto => match open_drm(settings)? {
            None if !has_cards() => open_framebuffer(settings),
            found => Ok(found),
        },
        ScreenKind::Drm => open_drm(settings)?.map(Some).ok_or_else(|| ScreenError::Rebuild {
            device: settings
                .device()
                .map_or("/dev/dri".into(), |path| path.display().to_string()),
            cause: match settings.connector.as_str() {
                "" => "no screen is plugged in: look at `cat /sys/class/drm/*/status`".into(),
                connector => format!("no screen is plugged in at {connector}: look at `cat /sys/class/drm/*/status`"),
            },
        }),
        ScreenKind::Framebuffer => open_framebuffer(settings)?
            .map(Some)
            .ok_or_else(|| ScreenError::GiveUp {
                device: "/dev/fb*".into(),
                cause: "there is no framebuffer: load the driver of the screen, or set its kind to auto".into(),
            }),
        ScreenKind::Png => {
            let path = settings.device().ok_or_else(|| ScreenError::GiveUp {
                device: "screen".into(),
                cause: "a screen of the kind png needs a file: set device to a path that ends in .png".into(),
            })?;
            let (width, height) = settings.rotation_degrees.upright(settings.size().unwrap_or(USUAL_SIZE));
            Ok(Some(Box::new(MemoryScreen::keeping(path.to_owned(), width, height))))
        }
    }
}

fn open_drm(settings: &ScreenSettings) -> Result<Option<Box<dyn Screen>>, ScreenError> {
    let wanted = Wanted {
        connector: (!settings.connector.is_empty()).then(|| settings.connector.clone()),
        size: settings.size(),
    };
    let screen = DrmScreen::open(settings.device(), &wanted, settings.rotation_degrees)?;
    Ok(screen.map(|screen| Box::new(screen) as Box<dyn Screen>))
}

fn open_framebuffer(settings: &ScreenSettings) -> Result<Option<Box<dyn Screen>>, ScreenError> {
    let system = Path::new(framebuffer::SYSTEM_DIRECTORY);
    let device: Option<PathBuf> = settings
        .device()
        .map(Path::to_owned)
        .or_else(|| framebuffer::first_framebuffer(system));
    let Some(device) = device else { return Ok(None) };
    let screen = Framebuffer::open(&device, system, settings.rotation_degrees, settings.colour_order)?;
    Ok(Some(Box::new(screen)))
}

fn is_framebuffer(device: &Path) -> bool {
    let name = device.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with("fb"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::Canvas;

    fn settings(text: &str) -> ScreenSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn every_key_has_a_default_and_no_other_is_taken() {
        assert_eq!(settings(""), ScreenSettings::default());
        assert_eq!(settings("rotation_degrees = 90").rotation_degrees, Rotation::Quarter);
        assert!(toml::from_str::<ScreenSettings>("rotation_degrees = 45").is_err());
        assert!(toml::from_str::<ScreenSettings>("brightness = 3").is_err());
        let text = toml::to_string(&ScreenSettings::default()).unwrap();
        assert_eq!(settings(&text), ScreenSettings::default());
    }

    #[test]
    fn no_screen_is_no_fault() {
        assert!(open_screen(&settings("kind = 'none'")).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_remedy() {
        for (text, remedy) in [
            ("frames_per_second = 0.0", "1 to 120"),
            ("frames_per_second = nan", "1 to 120"),
            ("width = 800", "width and height"),
            ("width = 1000000\nheight = 10", "8192"),
            ("kind = 'png'", ".png"),
            ("kind = 'framebuffer'\ndevice = '/dev/fb-absent'", "ls /dev/fb*"),
        ] {
            match open_screen(&settings(text)) {
                Err(ScreenError::GiveUp { cause, .. }) => assert!(cause.contains(remedy), "{text}: {cause}"),
                other => panic!("{text}: {:?}", other.map(|screen| screen.map(|screen| screen.size()))),
            }
        }
    }

    #[test]
    fn a_picture_file_is_a_screen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("screen.png");
        let text = format!(
            "kind = 'png'\ndevice = '{}'\nwidth = 320\nheight = 240\nrotation_degrees = 90",
            path.display()
        );
        let mut screen = open_screen(&settings(&text)).unwrap().unwrap();
        assert_eq!(screen.size(), (240, 320));
        screen.show(&Canvas::new(240, 320)).unwrap();
        assert!(path.exists());
    }
}
