//! Screens of the newer kind, `/dev/dri/cardN`: kernel mode setting with two dumb buffers, one shown and one drawn on.
//!
//! Linux, Documentation/gpu/drm-kms.rst. Every screen that the kernel drives serves: HDMI, DSI, and small SPI panels
//! (`panel-mipi-dbi`), to which the kernel sends a picture when it is flipped to or declared dirty.

mod output;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drm::buffer::{Buffer as _, DrmFourcc};
use drm::control::dumbbuffer::{DumbBuffer, DumbMapping};
use drm::control::{ClipRect, Device as ControlDevice, Event, PageFlipFlags, connector, crtc, framebuffer};
use drm::{Device, DriverCapability};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::pixels::{PixelLayout, Rotation, ScreenMemory};
use super::{Canvas, Screen, ScreenError};
use output::Output;
pub use output::Wanted;

/// Where the kernel puts its cards.
const DEVICE_DIRECTORY: &str = "/dev/dri";
/// How long the screen may take to show a picture before the next one is dropped, in steps of this.
const FLIP_STEPS: u32 = 100;
const FLIP_STEP: Duration = Duration::from_millis(1);
/// After so many pictures that the screen did not take, something is wrong with it.
const MOST_LATE_PICTURES: u32 = 20;
/// After how many pictures it is looked up whether the screen is still plugged in.
const PICTURES_BETWEEN_LOOKS: u32 = 32;

/// A graphics card.
#[derive(Debug)]
struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Device for Card {}
impl ControlDevice for Card {}

impl Card {
    /// Reading events must never wait: a screen that was unplugged sends none.
    fn open(path: &Path) -> io::Result<Self> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)?;
        Ok(Self(file))
    }
}

/// A picture in the memory of a card.
struct Buffer {
    dumb: DumbBuffer,
    mapping: DumbMapping<'static>,
    framebuffer: framebuffer::Handle,
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Buffer({:?}, {:?})", self.dumb, self.framebuffer)
    }
}

/// A screen on a card. What it showed before comes back when this is dropped.
#[derive(Debug)]
pub struct DrmScreen {
    name: String,
    card: Card,
    output: Output,
    before: crtc::Info,
    memory: ScreenMemory,
    rotation: Rotation,
    buffers: [Buffer; 2],
    /// Which of the buffers is shown.
    front: usize,
    /// Whether the card was told to show it and has not yet said that it does.
    flipping: bool,
    /// Whether the card can change between buffers; where not, the one shown is drawn on.
    flips: bool,
    late: u32,
    pictures: u32,
}

impl DrmScreen {
    /// Opens the first screen that is plugged in: of the card at `device`, or of any.
    ///
    /// `None` where no card has such a screen, or there is no card.
    ///
    /// # Errors
    /// [`ScreenError::GiveUp`] where a card may not be used or another program draws on it, [`ScreenError::Rebuild`] where the
    /// system says anything else.
    pub fn open(device: Option<&Path>, wanted: &Wanted, rotation: Rotation) -> Result<Option<Self>, ScreenError> {
        let paths = match device {
            Some(device) => vec![device.to_owned()],
            None => cards(Path::new(DEVICE_DIRECTORY)),
        };
        for path in paths {
            let name = path.display().to_string();
            let card =
                Card::open(&path).map_err(|error| ScreenError::of_system(&name, "open the graphics card", &error))?;
            // A card that only computes has no outputs to list.
            if let Ok(Some(output)) = Output::find(&card, wanted) {
                return Self::on(card, &name, output, rotation).map(Some);
            }
        }
        Ok(None)
    }

    fn on(card: Card, path: &str, output: Output, rotation: Rotation) -> Result<Self, ScreenError> {
        let name = format!("{path} {} ({})", output.name, driver(&card));
        let fails = |attempt: &'static str| {
            let name = name.clone();
            move |error: io::Error| ScreenError::of_system(&name, attempt, &error)
        };
        // The first to open a card commands it; the others are busy with that, whatever their rights.
        card.acquire_master_lock().map_err(|error| {
            match Errno::from_io_error(&error) {
                Some(Errno::BUSY) => taken(&name, &Errno::ACCESS.into()),
                _ => taken(&name, &error),
            }
            .unwrap_or_else(|| fails("take command of the screen")(error))
        })?;
        let before = card.get_crtc(output.crtc).map_err(fails("ask what the screen shows"))?;
        let depth = card.get_driver_capability(DriverCapability::DumbPreferredDepth);
        let layout = if depth.is_ok_and(|depth| depth == 16) {
            PixelLayout::Rgb565
        } else {
            PixelLayout::BlueFirst
        };
        let (width, height) = output.mode.size();
        let first = Buffer::new(&card, (width, height), layout).map_err(fails("get memory for a picture"))?;
        let second = match Buffer::new(&card, (width, height), layout) {
            Ok(second) => second,
            Err(error) => {
                first.free(&card);
                return Err(fails("get memory for a second picture")(error));
            }
        };
        let screen = Self {
            memory: ScreenMemory {
                size: (width.into(), height.into()),
                stride_bytes: first.dumb.pitch() as usize,
                layout,
            },
            buffers: [first, second],
            card,
            before,
            rotation,
            front: 0,
            flipping: false,
            flips: true,
            late: 0,
            pictures: 0,
            name,
            output,
        };
        screen.set_mode()?;
        Ok(screen)
    }

    /// Shows the front buffer in the mode of the output.
    fn set_mode(&self) -> Result<(), ScreenError> {
        let output = &self.output;
        let shown = Some(self.buffers[self.front].framebuffer);
        self.card
            .set_crtc(output.crtc, shown, (0, 0), &[output.connector], Some(output.mode))
            .map_err(|error| {
                taken(&self.name, &error).unwrap_or_else(|| ScreenError::of_system(&self.name, "set its mode", &error))
            })
    }

    fn fails(&self, attempt: &str, error: &io::Error) -> ScreenError {
        ScreenError::of_system(&self.name, attempt, error)
    }

    /// Every now and then: whether the screen is still there.
    fn look_whether_plugged_in(&mut self) -> Result<(), ScreenError> {
        self.pictures = (self.pictures + 1) % PICTURES_BETWEEN_LOOKS;
        if self.pictures > 0 {
            return Ok(());
        }
        let state = self.card.get_connector(self.output.connector, false);
        let state = state.map_err(|error| self.fails("ask whether it is plugged in", &error))?;
        if state.state() == connector::State::Disconnected {
            return Err(ScreenError::Rebuild {
                device: self.name.clone(),
                cause: "the screen was unplugged".into(),
            });
        }
        Ok(())
    }

    /// Waits until the picture before is on the screen, so that the other buffer is free.
    fn finish_flip(&mut self) -> Result<(), ScreenError> {
        for _ in 0..FLIP_STEPS {
            if !self.flipping {
                self.late = 0;
                return Ok(());
            }
            match self.card.receive_events() {
                Ok(events) => {
                    let crtc = self.output.crtc;
                    for event in events {
                        self.flipping &= !matches!(event, Event::PageFlip(flip) if flip.crtc == crtc);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(FLIP_STEP),
                Err(error) => return Err(self.fails("wait for the picture before", &error)),
            }
        }
        self.late += 1;
        let device = self.name.clone();
        let cause = "the screen has not yet taken the picture before".to_owned();
        Err(if self.late < MOST_LATE_PICTURES {
            ScreenError::Retry { device, cause }
        } else {
            ScreenError::Rebuild { device, cause }
        })
    }

    fn copy(&mut self, canvas: &Canvas, buffer: usize) {
        self.memory
            .copy(canvas, self.rotation, &mut self.buffers[buffer].mapping);
    }

    /// Draws on the buffer that is shown, and says so to screens that must be sent it.
    fn draw_over(&mut self, canvas: &Canvas) -> Result<(), ScreenError> {
        self.copy(canvas, self.front);
        let (width, height) = self.output.mode.size();
        let whole = ClipRect::new(0, 0, width, height);
        match self
            .card
            .dirty_framebuffer(self.buffers[self.front].framebuffer, &[whole])
        {
            // A screen that reads its memory by itself need not be told.
            Err(error) if !is_unknown_to_driver(&error) => Err(self.fails("send it the picture", &error)),
            _ => Ok(()),
        }
    }
}

impl Screen for DrmScreen {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> (usize, usize) {
        self.rotation.upright(self.memory.size)
    }

    fn show(&mut self, canvas: &Canvas) -> Result<(), ScreenError> {
        self.look_whether_plugged_in()?;
        self.finish_flip()?;
        if !self.flips {
            return self.draw_over(canvas);
        }
        let back = 1 - self.front;
        self.copy(canvas, back);
        let flags = PageFlipFlags::EVENT;
        match self
            .card
            .page_flip(self.output.crtc, self.buffers[back].framebuffer, flags, None)
        {
            Ok(()) => {
                self.front = back;
                self.flipping = true;
                Ok(())
            }
            Err(error) if is_unknown_to_driver(&error) => {
                self.flips = false;
                self.draw_over(canvas)
            }
            Err(error) => Err(taken(&self.name, &error).unwrap_or_else(|| self.fails("show the picture", &error))),
        }
    }
}

impl Drop for DrmScreen {
    /// Nobody is left to tell where any of this fails.
    fn drop(&mut self) {
        let _ = self.finish_flip();
        let (output, before) = (&self.output, &self.before);
        let restored = match (before.framebuffer(), before.mode()) {
            (Some(framebuffer), Some(mode)) => self.card.set_crtc(
                output.crtc,
                Some(framebuffer),
                before.position(),
                &[output.connector],
                Some(mode),
            ),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        if restored.is_err() {
            let _ = self.card.set_crtc(output.crtc, None, (0, 0), &[], None);
        }
        for buffer in &self.buffers {
            buffer.free(&self.card);
        }
    }
}

impl Buffer {
    fn new(card: &Card, (width, height): (u16, u16), layout: PixelLayout) -> io::Result<Self> {
        let (format, depth) = match layout {
            PixelLayout::Rgb565 => (DrmFourcc::Rgb565, 16),
            PixelLayout::BlueFirst | PixelLayout::RedFirst => (DrmFourcc::Xrgb8888, 24),
        };
        let bits = layout.bytes() as u32 * 8;
        let dumb = card.create_dumb_buffer((width.into(), height.into()), format, bits)?;
        // The mapping is kept, for to touch fresh pages at every picture is slow; its borrow of this small description must
        // then last as long, which costs so many bytes each time a screen is opened.
        let mapped = card.map_dumb_buffer(Box::leak(Box::new(dumb)));
        let made = mapped.and_then(|mut mapping| {
            mapping.fill(0);
            let framebuffer = card.add_framebuffer(&dumb, depth, bits)?;
            Ok((mapping, framebuffer))
        });
        match made {
            Ok((mapping, framebuffer)) => Ok(Self {
                dumb,
                mapping,
                framebuffer,
            }),
            Err(error) => {
                let _ = card.destroy_dumb_buffer(dumb);
                Err(error)
            }
        }
    }

    /// Gives the memory back, once nothing shows it; the mapping goes with the last of it.
    fn free(&self, card: &Card) {
        let _ = card.destroy_framebuffer(self.framebuffer);
        let _ = card.destroy_dumb_buffer(self.dumb);
    }
}

/// The cards of a directory, by number.
fn cards(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix("card")?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    numbered.sort();
    numbered.into_iter().map(|(_, path)| path).collect()
}

/// Whether there is a card whose screens, plugged in or not, the kernel drives; `/dev/fbN` is then but another way to them.
pub(super) fn has_cards() -> bool {
    let drives = |path: PathBuf| {
        let outputs = Card::open(&path).and_then(|card| card.resource_handles());
        outputs.is_ok_and(|outputs| !outputs.connectors().is_empty())
    };
    cards(Path::new(DEVICE_DIRECTORY)).into_iter().any(drives)
}

fn driver(card: &Card) -> String {
    card.get_driver().map_or_else(
        |_| "unknown driver".into(),
        |driver| driver.name().to_string_lossy().into(),
    )
}

/// Only one program at a time commands a card; what is said to the others.
fn taken(name: &str, error: &io::Error) -> Option<ScreenError> {
    let is_taken = matches!(Errno::from_io_error(error), Some(Errno::ACCESS | Errno::PERM));
    is_taken.then(|| ScreenError::GiveUp {
        device: name.to_owned(),
        cause: format!(
            "another program draws on this screen ({error}): end the desktop (`systemctl isolate multi-user.target`, or \
             `systemctl disable --now display-manager`), or set the kind of the screen to none"
        ),
    })
}

fn is_unknown_to_driver(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOTTY)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn cards_come_by_number() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["card10", "card2", "renderD128", "by-path"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let found = cards(directory.path());
        assert_eq!(found, ["card2", "card10"].map(|name| directory.path().join(name)));
        assert!(cards(&directory.path().join("absent")).is_empty());
    }

    #[test]
    fn what_is_no_card_is_no_screen() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let found = DrmScreen::open(Some(file.path()), &Wanted::default(), Rotation::None);
        assert!(matches!(found, Ok(None)), "{found:?}");
        let absent = DrmScreen::open(
            Some(Path::new("/dev/dri/card-absent")),
            &Wanted::default(),
            Rotation::None,
        );
        assert!(matches!(absent, Err(ScreenError::Rebuild { .. })), "{absent:?}");
    }
}
