//! What a person may choose about a camera.

use serde::{Deserialize, Serialize};

use crate::PixelFormat;

/// Which camera, and how it shall deliver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CameraSettings {
    /// The camera: `auto` (the first that delivers a format we take), `/dev/videoN`, or better `/dev/v4l/by-id/…`, which
    /// stays the same when cameras are plugged in another order.
    pub device: String,
    /// Cameras that `auto` passes over: parts of their names or paths.
    pub ignore: Vec<String>,
    /// Width in pixels, 16–8192. The nearest that the camera offers is taken.
    pub width: u32,
    /// Height in pixels, 16–8192. The nearest that the camera offers is taken.
    pub height: u32,
    /// Frames a second, 0.1–1000. The next higher rate that the camera offers is taken, or else its highest.
    pub frames_per_second: f64,
    /// How pixels come over the wire: `auto`, `mjpeg`, `yuyv` or `nv12`.
    pub format: WantedFormat,
    /// Seconds without a frame after which the camera is opened anew, 0.1–60. Cameras may take 2 s to wake.
    pub timeout_seconds: f64,
}

impl Default for CameraSettings {
    fn default() -> Self {
        Self {
            device: "auto".to_owned(),
            ignore: Vec::new(),
            width: 640,
            height: 480,
            frames_per_second: 30.0,
            format: WantedFormat::Auto,
            timeout_seconds: 3.0,
        }
    }
}

impl CameraSettings {
    /// What is out of range, if anything is.
    pub(super) fn complaint(&self) -> Option<String> {
        if !(16..=8192).contains(&self.width) || !(16..=8192).contains(&self.height) {
            let (width, height) = (self.width, self.height);
            return Some(format!(
                "a size of {width}x{height} is out of range: each side is 16 to 8192 pixels"
            ));
        }
        if !(0.1..=1000.0).contains(&self.frames_per_second) {
            let rate = self.frames_per_second;
            return Some(format!("{rate} frames per second are out of range: give 0.1 to 1000"));
        }
        if !(0.1..=60.0).contains(&self.timeout_seconds) {
            let timeout = self.timeout_seconds;
            return Some(format!("a timeout of {timeout} s is out of range: give 0.1 to 60"));
        }
        None
    }
}

/// How pixels shall come over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WantedFormat {
    /// What fits size, rate and bus best.
    #[default]
    Auto,
    /// Motion JPEG.
    Mjpeg,
    /// Two bytes a pixel.
    Yuyv,
    /// One and a half bytes a pixel.
    Nv12,
}

impl WantedFormat {
    /// Whether a format is among those wanted; RGB is none that cameras are asked for.
    pub(super) fn admits(self, format: PixelFormat) -> bool {
        match self {
            Self::Auto => format != PixelFormat::Rgb,
            Self::Mjpeg => format == PixelFormat::Mjpeg,
            Self::Yuyv => format == PixelFormat::Yuyv,
            Self::Nv12 => format == PixelFormat::Nv12,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_person_writes_what_differs() {
        let settings: CameraSettings = toml::from_str("width = 1280\nformat = \"mjpeg\"").unwrap();
        assert_eq!(
            (settings.width, settings.height, settings.format),
            (1280, 480, WantedFormat::Mjpeg)
        );
        assert!(toml::from_str::<CameraSettings>("lens = 1280").is_err());
        assert!(toml::from_str::<CameraSettings>("format = \"h264\"").is_err());
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        assert_eq!(CameraSettings::default().complaint(), None);
        for (wrong, word) in [
            ("width = 0", "size"),
            ("height = 100000", "size"),
            ("frames_per_second = nan", "frames"),
            ("timeout_seconds = 0.0", "timeout"),
        ] {
            let settings: CameraSettings = toml::from_str(wrong).unwrap();
            assert!(settings.complaint().unwrap().contains(word), "{wrong}");
        }
    }
}
