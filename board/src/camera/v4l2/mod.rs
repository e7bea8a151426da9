//! Cameras behind the kernel's video interface (V4L2): USB cameras, and others that deliver whole pictures in one buffer.

mod buffer;
mod choice;
mod fault;
mod node;
mod offer;
mod settings;
mod stream;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use v4l::buffer::Flags;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Format, FourCC, Fraction};

pub use buffer::{Flaw, Layout};
pub use node::{CameraDescription, list_cameras};
pub use offer::{Offer, OfferedFormat, OfferedSize, RateRange, Steps};
pub use settings::{CameraSettings, WantedFormat};

use self::choice::{Mode, choose};
use self::node::{Identity, Node};
use self::stream::Stream;
use crate::capture::{CaptureError, Delivery};
use crate::{Camera, Clock, Frame, MonotonicClock, PixelFormat};

/// Frames that were taken and never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Damaged, empty or cut short.
    pub flawed: u64,
    /// Whole, but a newer one was there.
    pub superseded: u64,
    /// Dropped by the driver, by its own count.
    pub lost: u64,
}

/// A running camera. Each frame is the newest there is when it is asked for.
pub struct LiveCamera {
    device: String,
    card: String,
    layout: Layout,
    rate_hz: Option<f64>,
    timeout: Duration,
    stream: Stream,
    previous_stamp: Option<Duration>,
    previous_number: Option<u32>,
    dropped: Dropped,
}

impl LiveCamera {
    /// Finds a camera, agrees with it on format, size and rate, and makes it ready to deliver.
    ///
    /// # Errors
    /// [`CaptureError::Rebuild`] where trying again later may help (not plugged in, in use, not permitted), and
    /// [`CaptureError::GiveUp`] where settings or another camera must change.
    pub fn open(settings: &CameraSettings) -> Result<Self, CaptureError> {
        if let Some(cause) = settings.complaint() {
            let device = settings.device.clone();
            return Err(CaptureError::GiveUp { device, cause });
        }
        if settings.device != "auto" {
            return Self::open_node(Path::new(&settings.device), settings, &[]);
        }
        let mut refusals = Vec::new();
        for path in node::nodes() {
            match Self::open_node(&path, settings, &settings.ignore) {
                Ok(camera) => return Ok(camera),
                Err(refusal) => refusals.push(refusal.reason()),
            }
        }
        let cause = match refusals.is_empty() {
            true => "no camera is plugged in".to_owned(),
            false => format!("no camera is of use: {}", refusals.join("; ")),
        };
        let device = settings.device.clone();
        Err(CaptureError::Rebuild { device, cause })
    }

    fn open_node(path: &Path, settings: &CameraSettings, ignore: &[String]) -> Result<Self, CaptureError> {
        let refused = |cause: String| CaptureError::GiveUp {
            device: path.display().to_string(),
            cause,
        };
        let ignored = |name: &str| ignore.iter().any(|part| name.contains(part.as_str()));
        if ignored(&path.to_string_lossy()) {
            return Err(refused("ignored".to_owned()));
        }
        let node = Node::open(path)?;
        let Some(identity) = node.captures()? else {
            return Err(refused(
                "no video is captured here: name another node of the camera".to_owned(),
            ));
        };
        if ignored(&identity.card) {
            return Err(refused(format!("{} is ignored", identity.card)));
        }
        let offer = node.offer(settings.width, settings.height)?;
        let Some(mode) = choose(&offer, settings, identity.over_usb) else {
            return Err(refused(format!(
                "{} offers {}: choose another `format`, or a camera with MJPG, YUYV or NV12",
                identity.card,
                offer.codes()
            )));
        };
        let layout = agree(&node, path, mode, &offer)?;
        let rate_hz = agree_on_rate(&node, mode, settings);
        let timeout = Duration::from_secs_f64(settings.timeout_seconds);
        let stream = Stream::new(&node.device, timeout).map_err(|error| fault::while_opening(path, &error))?;
        let Identity { card, .. } = identity;
        Ok(Self {
            device: path.display().to_string(),
            card,
            layout,
            rate_hz,
            timeout,
            stream,
            previous_stamp: None,
            previous_number: None,
            dropped: Dropped::default(),
        })
    }

    /// The node that it was opened by.
    pub fn device(&self) -> PathBuf {
        PathBuf::from(&self.device)
    }

    /// What it calls itself.
    pub fn card(&self) -> &str {
        &self.card
    }

    /// What was agreed on.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Frames a second that were agreed on, where the driver says; dim light may make it slower.
    pub fn rate_hz(&self) -> Option<f64> {
        self.rate_hz
    }

    /// What was taken and not shown since it was opened.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }
}

impl Camera for LiveCamera {
    fn next_frame(&mut self, into: &mut Frame) -> Result<Delivery, CaptureError> {
        let Self {
            stream,
            layout,
            previous_stamp,
            previous_number,
            dropped,
            ..
        } = self;
        let mut taken = Ok(());
        let drained = stream.drain(self.timeout, |bytes, metadata, newest| {
            let number = metadata.sequence;
            dropped.lost += u64::from(
                previous_number
                    .replace(number)
                    .map_or(0, |previous| buffer::lost_between(previous, number)),
            );
            let used = usize::try_from(metadata.bytesused).unwrap_or(usize::MAX);
            let pixels = buffer::pixels(bytes, used, metadata.flags.contains(Flags::ERROR), layout);
            match pixels {
                Err(_) => dropped.flawed += 1,
                Ok(_) if !newest => dropped.superseded += 1,
                Ok(_) => {}
            }
            if !newest {
                return;
            }
            taken = pixels.map(|pixels| {
                let monotonic = metadata.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
                let stamp = metadata.timestamp;
                let stamp = Duration::new(
                    u64::try_from(stamp.sec).unwrap_or(0),
                    u32::try_from(stamp.usec).unwrap_or(0).saturating_mul(1000),
                );
                into.stamp = buffer::moment(stamp, monotonic, MonotonicClock.now(), *previous_stamp);
                *previous_stamp = Some(into.stamp);
                let picture = &mut into.picture;
                (picture.width, picture.height) = (layout.width, layout.height);
                (picture.format, picture.stride_bytes) = (layout.format, layout.stride_bytes);
                picture.bytes.clear();
                // As much as a buffer holds, so that a larger JPEG image asks for no more.
                picture.bytes.reserve(bytes.len());
                picture.bytes.extend_from_slice(pixels);
            });
        });
        match drained {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(CaptureError::Rebuild {
                device: self.device.clone(),
                cause: format!("no frame came for {:.1} s", self.timeout.as_secs_f64()),
            }),
            Err(error) => Err(fault::while_streaming(&self.device, &error)),
            Ok(()) => taken.map(|()| Delivery::Fresh).map_err(|flaw| CaptureError::Retry {
                device: self.device.clone(),
                cause: flaw.to_string(),
            }),
        }
    }
}

impl fmt::Debug for LiveCamera {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("LiveCamera");
        out.field("device", &self.device).field("card", &self.card);
        out.field("layout", &self.layout)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

/// Sets format and size, and reads back what came of it: a driver may grant something else without a word.
fn agree(node: &Node, path: &Path, mode: Mode, offer: &Offer) -> Result<Layout, CaptureError> {
    let offered = offer.formats.iter().find(|offered| offered.format == Some(mode.format));
    let code = offered.and_then(|offered| offered.code.as_bytes().try_into().ok());
    let asked = Format::new(mode.width, mode.height, FourCC::new(&code.unwrap_or(*b"YUYV")));
    let granted = node::attempt(path, || node.device.set_format(&asked))?;
    let device = || path.display().to_string();
    let Some(format) = node::taken_format(granted.fourcc) else {
        return Err(CaptureError::GiveUp {
            device: device(),
            cause: format!(
                "asked for {}, the camera delivers {}: choose another format",
                asked.fourcc, granted.fourcc
            ),
        });
    };
    let (width, height) = (granted.width as usize, granted.height as usize);
    let row_bytes = match format {
        PixelFormat::Mjpeg => 0,
        PixelFormat::Nv12 => width.next_multiple_of(2),
        PixelFormat::Yuyv | PixelFormat::Rgb => width.next_multiple_of(2) * 2,
    };
    let stride_bytes = match (format, granted.stride as usize) {
        (PixelFormat::Mjpeg, _) => 0,
        // Some drivers leave it open.
        (_, 0) => row_bytes,
        (_, stride) => stride,
    };
    if width == 0 || height == 0 || stride_bytes < row_bytes {
        return Err(CaptureError::GiveUp {
            device: device(),
            cause: format!(
                "its driver promises {width}x{height} pixels in rows of {stride_bytes} bytes, which cannot be: update it"
            ),
        });
    }
    Ok(Layout {
        format,
        width,
        height,
        stride_bytes,
    })
}

/// Sets the rate, which would else be the driver's, often 5 a second. Not every camera lets one choose.
fn agree_on_rate(node: &Node, mode: Mode, settings: &CameraSettings) -> Option<f64> {
    let wanted = mode.rate_hz.unwrap_or(settings.frames_per_second);
    let interval = Fraction::new(1000, (wanted * 1000.0).round() as u32);
    let set = node::guarded(|| node.device.set_params(&Parameters::new(interval)));
    let granted = set.or_else(|_| node::guarded(|| node.device.params())).ok()?;
    node::rate_of(granted.interval)
}
