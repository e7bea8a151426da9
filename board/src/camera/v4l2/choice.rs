//! Which of the things that a camera offers is asked of it.

use super::offer::Offer;
use super::settings::CameraSettings;
use crate::PixelFormat;

/// Above this a raw stream crowds USB 2, and cameras lower its rate.
const RAW_PIXELS_OVER_USB: u64 = 640 * 480;

/// Format, size and rate to ask for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mode {
    /// Layout of the pixels.
    pub format: PixelFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second, where the driver says.
    pub rate_hz: Option<f64>,
}

/// What fits the settings best among all that is offered; `None` if there is nothing that they admit.
///
/// Over USB, Motion JPEG is preferred above 640×480, else raw pixels, which cost no decoding.
pub fn choose(offer: &Offer, settings: &CameraSettings, over_usb: bool) -> Option<Mode> {
    let admitted = offer.formats.iter().filter_map(|offered| {
        let format = offered.format.filter(|format| settings.format.admits(*format))?;
        Some(offered.sizes.iter().map(move |size| Mode {
            format,
            width: size.width.nearest(settings.width),
            height: size.height.nearest(settings.height),
            rate_hz: size.rate(settings.frames_per_second),
        }))
    });
    admitted
        .flatten()
        .filter(|mode| mode.width > 0 && mode.height > 0)
        .min_by(|a, b| misfit(a, settings, over_usb).total_cmp(&misfit(b, settings, over_usb)))
}

/// How far a mode is from the wanted one, in doublings.
///
/// Too few pixels or frames weigh twice, since nothing brings them back; too many cost only time. The format decides between
/// modes that are else alike.
fn misfit(mode: &Mode, settings: &CameraSettings, over_usb: bool) -> f64 {
    let pixels = u64::from(mode.width) * u64::from(mode.height);
    let wanted_pixels = u64::from(settings.width) * u64::from(settings.height);
    let size = match (pixels as f64 / wanted_pixels as f64).log2() {
        less if less < 0.0 => -2.0 * less,
        more => more,
    };
    let wanted_shape = f64::from(settings.width) / f64::from(settings.height);
    let shape = (f64::from(mode.width) / f64::from(mode.height) / wanted_shape)
        .log2()
        .abs();
    let rate = match mode.rate_hz.map(|rate| (rate / settings.frames_per_second).log2()) {
        None => 0.0,
        Some(less) if less < 0.0 => -2.0 * less,
        Some(more) => 0.1 * more,
    };
    let crowded = over_usb && pixels > RAW_PIXELS_OVER_USB;
    let format = match mode.format {
        PixelFormat::Mjpeg if crowded => 0.0,
        PixelFormat::Yuyv => 1.0,
        PixelFormat::Nv12 => 2.0,
        PixelFormat::Mjpeg | PixelFormat::Rgb => 3.0,
    };
    size + shape + rate + 0.001 * format
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::super::offer::{OfferedFormat, OfferedSize, RateRange, Steps};
    use super::super::settings::WantedFormat;
    use super::*;

    fn format(code: &str, format: Option<PixelFormat>, sizes: &[(u32, u32, f64)]) -> OfferedFormat {
        let sizes = sizes.iter().map(|&(width, height, rate_hz)| OfferedSize {
            width: Steps::only(width),
            height: Steps::only(height),
            rates: vec![RateRange {
                least_hz: rate_hz,
                most_hz: rate_hz,
            }],
        });
        OfferedFormat {
            code: code.to_owned(),
            format,
            sizes: sizes.collect(),
        }
    }

    /// The modes of a common webcam of USB 2.
    fn webcam() -> Offer {
        let raw = [(640, 480, 30.0), (320, 240, 30.0), (1280, 720, 10.0), (1920, 1080, 5.0)];
        let jpeg = [(640, 480, 30.0), (1280, 720, 30.0), (1920, 1080, 30.0)];
        Offer {
            formats: vec![
                format("YUYV", Some(PixelFormat::Yuyv), &raw),
                format("MJPG", Some(PixelFormat::Mjpeg), &jpeg),
                format("H264", None, &jpeg),
            ],
        }
    }

    fn wanted(width: u32, height: u32, frames_per_second: f64) -> CameraSettings {
        CameraSettings {
            width,
            height,
            frames_per_second,
            ..CameraSettings::default()
        }
    }

    #[test]
    fn a_webcam_is_asked_for_what_it_does_well() {
        use PixelFormat::{Mjpeg, Yuyv};
        for (width, height, rate, expected) in [
            (640, 480, 30.0, (Yuyv, 640, 480)),
            (1280, 720, 30.0, (Mjpeg, 1280, 720)),
            (1280, 720, 10.0, (Yuyv, 1280, 720)),
            (1920, 1080, 30.0, (Mjpeg, 1920, 1080)),
            (8000, 6000, 30.0, (Mjpeg, 1920, 1080)),
            (320, 240, 30.0, (Yuyv, 320, 240)),
            (224, 224, 30.0, (Yuyv, 320, 240)),
            (800, 600, 30.0, (Yuyv, 640, 480)),
            (1000, 700, 30.0, (Mjpeg, 1280, 720)),
        ] {
            let mode = choose(&webcam(), &wanted(width, height, rate), true).unwrap();
            assert_eq!(
                (mode.format, mode.width, mode.height),
                expected,
                "{width}x{height} at {rate}"
            );
        }
    }

    #[test]
    fn what_a_person_insists_on_is_kept_to() {
        for (insisted, expected) in [
            (WantedFormat::Mjpeg, PixelFormat::Mjpeg),
            (WantedFormat::Yuyv, PixelFormat::Yuyv),
        ] {
            let settings = CameraSettings {
                format: insisted,
                ..wanted(1280, 720, 30.0)
            };
            assert_eq!(choose(&webcam(), &settings, true).unwrap().format, expected);
        }
        let settings = CameraSettings {
            format: WantedFormat::Nv12,
            ..CameraSettings::default()
        };
        assert_eq!(choose(&webcam(), &settings, true), None);
    }

    #[test]
    fn a_camera_on_a_wide_bus_sends_raw_pixels() {
        let sizes = [(1920, 1080, 60.0)];
        let offer = Offer {
            formats: vec![
                format("MJPG", Some(PixelFormat::Mjpeg), &sizes),
                format("NV12", Some(PixelFormat::Nv12), &sizes),
            ],
        };
        let settings = wanted(1920, 1080, 30.0);
        assert_eq!(choose(&offer, &settings, false).unwrap().format, PixelFormat::Nv12);
        assert_eq!(choose(&offer, &settings, true).unwrap().format, PixelFormat::Mjpeg);
    }

    #[test]
    fn what_is_not_taken_is_not_chosen() {
        let offer = Offer {
            formats: vec![format("H264", None, &[(640, 480, 30.0)])],
        };
        assert_eq!(choose(&offer, &CameraSettings::default(), true), None);
        assert_eq!(choose(&Offer::default(), &CameraSettings::default(), true), None);
    }

    proptest! {
        #[test]
        fn the_choice_is_always_among_what_is_offered(
            sizes in prop::collection::vec((1u32..5000, 1u32..5000, 0.5f64..240.0), 1..12),
            width in 16u32..8192, height in 16u32..8192, rate in 0.1f64..1000.0, over_usb: bool,
        ) {
            let offer = Offer { formats: vec![format("YUYV", Some(PixelFormat::Yuyv), &sizes)] };
            let mode = choose(&offer, &wanted(width, height, rate), over_usb).unwrap();
            prop_assert!(sizes.contains(&(mode.width, mode.height, mode.rate_hz.unwrap())));
        }

        #[test]
        fn an_exact_offer_is_taken(
            others in prop::collection::vec((1u32..5000, 1u32..5000, 0.5f64..240.0), 0..12),
            width in 16u32..8192, height in 16u32..8192, rate in 0.5f64..240.0, at: prop::sample::Index,
        ) {
            let mut sizes = others;
            sizes.insert(at.index(sizes.len() + 1), (width, height, rate));
            let offer = Offer { formats: vec![format("YUYV", Some(PixelFormat::Yuyv), &sizes)] };
            let mode = choose(&offer, &wanted(width, height, rate), false).unwrap();
            prop_assert_eq!((mode.width, mode.height), (width, height));
        }
    }
}
