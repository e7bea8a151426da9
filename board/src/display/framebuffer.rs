//! Screens of the older kind, `/dev/fbN`: what the kernel says of them in `/sys/class/graphics`, and their memory as a file.
//!
//! Linux, Documentation/fb/framebuffer.rst; drivers/video/fbdev/core/fbsysfs.c for the formats of the attributes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::pixels::{PixelLayout, Rotation, ScreenMemory};
use super::{Canvas, Screen, ScreenError};

/// Where the kernel describes framebuffers.
pub const SYSTEM_DIRECTORY: &str = "/sys/class/graphics";

/// More than any screen has along an edge, or than any row has bytes: what is greater is not believed.
const MOST_PIXELS: usize = 16_384;
const MOST_STRIDE_BYTES: usize = MOST_PIXELS * 8;

/// In which order the bytes of a 32-bit pixel lie; the kernel does not tell in `/sys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColourOrder {
    /// Blue, green, red: nearly every screen.
    #[default]
    BlueFirst,
    /// Red, green, blue: where blue things look red.
    RedFirst,
}

/// A framebuffer. What stood on it before is put back when it is dropped.
#[derive(Debug)]
pub struct Framebuffer {
    name: String,
    file: File,
    memory: ScreenMemory,
    rotation: Rotation,
    /// What is written next; the canvas may leave a part of it as it is.
    next: Vec<u8>,
    before: Vec<u8>,
}

impl Framebuffer {
    /// Opens a device such as `/dev/fb0`, which `system_directory` ([`SYSTEM_DIRECTORY`] but in tests) describes.
    ///
    /// # Errors
    /// [`ScreenError::GiveUp`] where there is no such device, it may not be used, or its pixels are of another kind than 16 or
    /// 32 bits; [`ScreenError::Rebuild`] where the system says anything else.
    pub fn open(
        device: &Path,
        system_directory: &Path,
        rotation: Rotation,
        order: ColourOrder,
    ) -> Result<Self, ScreenError> {
        let path = device.display().to_string();
        let give_up = |cause: String| ScreenError::GiveUp {
            device: path.clone(),
            cause,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(device)
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => give_up(format!("{error}: name a device that `ls /dev/fb*` lists")),
                _ => ScreenError::of_system(&path, "open it", &error),
            })?;
        let directory = system_directory.join(device.file_name().unwrap_or_default());
        let attribute = |name: &str| {
            std::fs::read_to_string(directory.join(name))
                .map_err(|error| give_up(format!("cannot read {}: {error}", directory.join(name).display())))
        };
        let attributes = Attributes {
            virtual_size: &attribute("virtual_size")?,
            bits_per_pixel: &attribute("bits_per_pixel")?,
            stride: &attribute("stride")?,
            // Not every driver keeps a list of modes.
            modes: &attribute("modes").unwrap_or_default(),
        };
        let memory = attributes.memory(order).map_err(give_up)?;
        let driver = attribute("name").unwrap_or_default();
        let mut before = vec![0; memory.stride_bytes * memory.size.1];
        if file.read_exact_at(&mut before, 0).is_err() {
            before.clear();
        }
        Ok(Self {
            name: format!("{path} ({})", driver.trim()),
            file,
            next: vec![0; memory.stride_bytes * memory.size.1],
            memory,
            rotation,
            before,
        })
    }
}

/// The first framebuffer that `system_directory` describes; `None` where there is none.
pub fn first_framebuffer(system_directory: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(system_directory).ok()?;
    let numbers = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        name.to_str()?.strip_prefix("fb")?.parse::<u32>().ok()
    });
    numbers.min().map(|number| PathBuf::from(format!("/dev/fb{number}")))
}

impl Screen for Framebuffer {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> (usize, usize) {
        self.rotation.upright(self.memory.size)
    }

    fn show(&mut self, canvas: &Canvas) -> Result<(), ScreenError> {
        self.memory.copy(canvas, self.rotation, &mut self.next);
        self.file
            .write_all_at(&self.next, 0)
            .map_err(|error| ScreenError::of_system(&self.name, "write to it", &error))
    }
}

impl Drop for Framebuffer {
    fn drop(&mut self) {
        // Nobody is left to tell where this fails.
        let _ = self.file.write_all_at(&self.before, 0);
    }
}

/// What the kernel says of a framebuffer, as it stands in the files.
struct Attributes<'a> {
    /// `WIDTH,HEIGHT` of the memory, which may hold several pictures.
    virtual_size: &'a str,
    bits_per_pixel: &'a str,
    /// Bytes from one row to the next.
    stride: &'a str,
    /// Lines such as `U:800x480p-60`: what can be seen.
    modes: &'a str,
}

impl Attributes<'_> {
    fn memory(&self, order: ColourOrder) -> Result<ScreenMemory, String> {
        let number = |text: &str, most: usize| text.trim().parse().ok().filter(|number| (1..=most).contains(number));
        let pair = |text: &str, separator: char| {
            let (width, height) = text.trim().split_once(separator)?;
            Some((number(width, MOST_PIXELS)?, number(height, MOST_PIXELS)?))
        };
        let whole: (usize, usize) = pair(self.virtual_size, ',')
            .ok_or_else(|| format!("its size {:?} cannot be: update its driver", self.virtual_size.trim()))?;
        let visible = self.modes.lines().next().and_then(|mode| {
            let (_, size) = mode.split_once(':')?;
            pair(
                size.split(|letter: char| letter != 'x' && !letter.is_ascii_digit())
                    .next()?,
                'x',
            )
        });
        let size = visible
            .filter(|(width, height)| *width <= whole.0 && *height <= whole.1)
            .unwrap_or(whole);
        let layout = match (self.bits_per_pixel.trim(), order) {
            ("32", ColourOrder::BlueFirst) => PixelLayout::BlueFirst,
            ("32", ColourOrder::RedFirst) => PixelLayout::RedFirst,
            ("16", _) => PixelLayout::Rgb565,
            (other, _) => {
                return Err(format!(
                    "its pixels have {other} bits where 16 or 32 are needed: set them with `fbset -depth 32`, or on the \
                     kernel's command line"
                ));
            }
        };
        let stride_bytes = number(self.stride, MOST_STRIDE_BYTES)
            .filter(|stride| *stride >= size.0 * layout.bytes())
            .ok_or_else(|| {
                format!(
                    "rows of {} pixels do not fit a stride of {:?} bytes: update its driver",
                    size.0,
                    self.stride.trim()
                )
            })?;
        Ok(ScreenMemory {
            size,
            stride_bytes,
            layout,
        })
    }
}

#[cfg(test)]
mod tests;
