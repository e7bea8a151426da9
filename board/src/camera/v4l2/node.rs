//! The cameras of this machine and what each offers.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use v4l::capability::Flags;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::{Device, FourCC, Fraction};

use super::fault;
use super::offer::{Offer, OfferedFormat, OfferedSize, RateRange, Steps};
use crate::PixelFormat;
use crate::capture::CaptureError;
use crate::shield::caught;

/// The formats that are taken, with their codes in V4L2.
const TAKEN: [(&[u8; 4], PixelFormat); 4] = [
    (b"MJPG", PixelFormat::Mjpeg),
    (b"JPEG", PixelFormat::Mjpeg),
    (b"YUYV", PixelFormat::Yuyv),
    (b"NV12", PixelFormat::Nv12),
];

/// A camera of this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraDescription {
    /// Its node, such as `/dev/video0`.
    pub path: PathBuf,
    /// Its name that stays the same, such as `/dev/v4l/by-id/usb-…`, if the system gives it one.
    pub by_id: Option<PathBuf>,
    /// What it calls itself.
    pub card: String,
    /// The kernel's driver, such as `uvcvideo`.
    pub driver: String,
    /// What it delivers.
    pub offer: Offer,
}

/// All nodes that capture video, in the order of their numbers; or why a node could not be looked at.
///
/// Nodes that carry metadata, output or conversion are left out. The sizes of formats that are not taken are not asked for.
pub fn list_cameras() -> Vec<Result<CameraDescription, CaptureError>> {
    let identities = identities();
    let looked_at = nodes().into_iter().map(|path| {
        let node = Node::open(&path)?;
        let Some(identity) = node.captures()? else {
            return Ok(None);
        };
        let by_id = path.canonicalize().ok().and_then(|real| identities.get(&real).cloned());
        Ok(Some(CameraDescription {
            by_id,
            card: identity.card,
            driver: identity.driver,
            offer: node.offer(640, 480)?,
            path,
        }))
    });
    looked_at.filter_map(Result::transpose).collect()
}

/// All nodes of video devices, in the order of their numbers.
pub(super) fn nodes() -> Vec<PathBuf> {
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    let numbered = entries.filter_map(|entry| {
        let number = entry.file_name().to_str()?.strip_prefix("video")?.parse().ok()?;
        Some((number, entry.path()))
    });
    let mut nodes: Vec<(u32, PathBuf)> = numbered.collect();
    nodes.sort();
    nodes.into_iter().map(|(_, path)| path).collect()
}

/// Names that stay the same, by the nodes that they lead to.
fn identities() -> HashMap<PathBuf, PathBuf> {
    let entries = fs::read_dir("/dev/v4l/by-id").into_iter().flatten().flatten();
    let links = entries.map(|entry| entry.path());
    links
        .filter_map(|link| Some((link.canonicalize().ok()?, link)))
        .collect()
}

/// What a camera says of itself.
pub(super) struct Identity {
    pub(super) card: String,
    pub(super) driver: String,
    pub(super) over_usb: bool,
}

/// An open node.
pub(super) struct Node {
    path: PathBuf,
    pub(super) device: Device,
}

impl Node {
    pub(super) fn open(path: &Path) -> Result<Self, CaptureError> {
        let device = attempt(path, || Device::with_path(path))?;
        Ok(Self {
            path: path.to_owned(),
            device,
        })
    }

    /// Who it is, if single-planar video can be streamed from it.
    pub(super) fn captures(&self) -> Result<Option<Identity>, CaptureError> {
        let capabilities = attempt(&self.path, || self.device.query_caps())?;
        let flags = capabilities.capabilities;
        if flags.contains(Flags::VIDEO_CAPTURE_MPLANE) && !flags.contains(Flags::VIDEO_CAPTURE) {
            return Err(CaptureError::GiveUp {
                device: self.path.display().to_string(),
                cause: format!(
                    "{} delivers planes in separate buffers, which is not supported: use a USB camera, or put v4l2loopback \
                     before it",
                    capabilities.card
                ),
            });
        }
        let captures = flags.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING);
        Ok(captures.then(|| Identity {
            over_usb: capabilities.bus.starts_with("usb"),
            card: capabilities.card,
            driver: capabilities.driver,
        }))
    }

    /// What it offers. Where sizes come in ranges, the rates are those of the one nearest to a wanted size.
    pub(super) fn offer(&self, width: u32, height: u32) -> Result<Offer, CaptureError> {
        let described = attempt(&self.path, || self.device.enum_formats())?;
        let formats = described.into_iter().map(|description| {
            let format = taken_format(description.fourcc);
            let sizes = match format {
                Some(_) => self.sizes(description.fourcc, width, height)?,
                None => Vec::new(),
            };
            Ok(OfferedFormat {
                code: code_name(description.fourcc),
                format,
                sizes,
            })
        });
        let formats = formats.collect::<Result<_, CaptureError>>()?;
        Ok(Offer { formats })
    }

    fn sizes(&self, code: FourCC, width: u32, height: u32) -> Result<Vec<OfferedSize>, CaptureError> {
        // Drivers need not list sizes; any may then be asked for, and the answer tells.
        let any = |least| Steps {
            least,
            most: 8192,
            step: 2,
        };
        let Ok(listed) = guarded(|| self.device.enum_framesizes(code)) else {
            return Ok(vec![OfferedSize {
                width: any(16),
                height: any(16),
                rates: Vec::new(),
            }]);
        };
        let sizes = listed.into_iter().map(|listed| {
            let (widths, heights) = match listed.size {
                FrameSizeEnum::Discrete(size) => (Steps::only(size.width), Steps::only(size.height)),
                FrameSizeEnum::Stepwise(range) => (
                    Steps {
                        least: range.min_width,
                        most: range.max_width,
                        step: range.step_width,
                    },
                    Steps {
                        least: range.min_height,
                        most: range.max_height,
                        step: range.step_height,
                    },
                ),
            };
            OfferedSize {
                rates: self.rates(code, widths.nearest(width), heights.nearest(height)),
                width: widths,
                height: heights,
            }
        });
        Ok(sizes.collect())
    }

    fn rates(&self, code: FourCC, width: u32, height: u32) -> Vec<RateRange> {
        let listed = guarded(|| self.device.enum_frameintervals(code, width, height)).unwrap_or_default();
        let ranges = listed.into_iter().filter_map(|listed| match listed.interval {
            FrameIntervalEnum::Discrete(interval) => {
                let rate = rate_of(interval)?;
                Some(RateRange {
                    least_hz: rate,
                    most_hz: rate,
                })
            }
            // The longest interval is the slowest rate; some drivers give 0/1 for the shortest.
            FrameIntervalEnum::Stepwise(range) => Some(RateRange {
                least_hz: rate_of(range.max)?,
                most_hz: rate_of(range.min).unwrap_or(1000.0),
            }),
        });
        ranges.collect()
    }
}

/// What a code of V4L2 is to us, if it is taken.
pub(super) fn taken_format(code: FourCC) -> Option<PixelFormat> {
    TAKEN
        .iter()
        .find(|(taken, _)| **taken == code.repr)
        .map(|(_, format)| *format)
}

/// The four characters of a code, as the kernel writes them: the topmost bit means big-endian.
fn code_name(code: FourCC) -> String {
    let [a, b, c, d] = code.repr;
    let characters: String = [a, b, c, d & 0x7F].into_iter().map(char::from).collect();
    let order = if d & 0x80 == 0 { "" } else { "-BE" };
    format!("{}{order}", characters.trim_end())
}

/// Frames a second at an interval in seconds.
pub(super) fn rate_of(interval: Fraction) -> Option<f64> {
    let rate = f64::from(interval.denominator) / f64::from(interval.numerator);
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

/// Runs a call of v4l 0.14, which panics on strings that are not UTF-8 and on numbers that it does not know.
pub(super) fn guarded<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    caught(call).unwrap_or_else(|message| {
        Err(io::Error::other(format!(
            "the driver's answer is not understood: {message}"
        )))
    })
}

/// As [`guarded`], with what the error means for someone who opens a camera.
pub(super) fn attempt<T>(path: &Path, call: impl FnOnce() -> io::Result<T>) -> Result<T, CaptureError> {
    guarded(call).map_err(|error| fault::while_opening(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_as_the_kernel_does() {
        assert_eq!(code_name(FourCC::new(b"MJPG")), "MJPG");
        assert_eq!(code_name(FourCC::new(b"Y16 ")), "Y16");
        assert_eq!(code_name(FourCC::new(&[b'Y', b'1', b'6', b' ' | 0x80])), "Y16-BE");
    }

    #[test]
    fn a_rate_is_the_inverse_of_an_interval() {
        assert_eq!(rate_of(Fraction::new(1, 30)), Some(30.0));
        assert_eq!(rate_of(Fraction::new(0, 1)), None);
        assert_eq!(rate_of(Fraction::new(0, 0)), None);
        assert_eq!(rate_of(Fraction::new(1, 0)), None);
    }
}
