//! From a canvas to the memory of a screen.

use serde::{Deserialize, Serialize};

use super::Canvas;

/// How a screen hangs: by how much the picture is turned clockwise to stand upright on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Rotation {
    /// 0°.
    #[default]
    None,
    /// 90°.
    Quarter,
    /// 180°.
    Half,
    /// 270°.
    ThreeQuarters,
}

impl TryFrom<u16> for Rotation {
    type Error = String;

    fn try_from(degrees: u16) -> Result<Self, String> {
        match degrees {
            0 => Ok(Self::None),
            90 => Ok(Self::Quarter),
            180 => Ok(Self::Half),
            270 => Ok(Self::ThreeQuarters),
            other => Err(format!(
                "a screen cannot be turned by {other}°: choose 0, 90, 180 or 270"
            )),
        }
    }
}

impl From<Rotation> for u16 {
    fn from(rotation: Rotation) -> Self {
        match rotation {
            Rotation::None => 0,
            Rotation::Quarter => 90,
            Rotation::Half => 180,
            Rotation::ThreeQuarters => 270,
        }
    }
}

impl Rotation {
    /// Width and height as a person sees them, of a screen of a width and height.
    pub(super) fn upright(self, (width, height): (usize, usize)) -> (usize, usize) {
        match self {
            Self::None | Self::Half => (width, height),
            Self::Quarter | Self::ThreeQuarters => (height, width),
        }
    }

    /// Which column and row of the upright picture is seen at a column and row of the screen.
    fn seen_at(self, (x, y): (usize, usize), (width, height): (usize, usize)) -> (usize, usize) {
        match self {
            Self::None => (x, y),
            Self::Quarter => (y, width - 1 - x),
            Self::Half => (width - 1 - x, height - 1 - y),
            Self::ThreeQuarters => (height - 1 - y, x),
        }
    }
}

/// How a pixel lies in the memory of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PixelLayout {
    /// Four bytes: blue, green, red, nothing (DRM `XRGB8888`, little-endian).
    BlueFirst,
    /// Four bytes: red, green, blue, nothing (DRM `XBGR8888`, little-endian).
    RedFirst,
    /// Two bytes, little-endian: from the highest bit on five of red, six of green, five of blue (DRM `RGB565`).
    Rgb565,
}

impl PixelLayout {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::BlueFirst | Self::RedFirst => 4,
            Self::Rgb565 => 2,
        }
    }
}

/// The memory of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScreenMemory {
    /// Width and height in pixels, as they lie in memory.
    pub size: (usize, usize),
    /// Bytes from one row to the next.
    pub stride_bytes: usize,
    pub layout: PixelLayout,
}

impl ScreenMemory {
    /// Copies a canvas row by row into `memory`, which is only written to; what the canvas does not cover stays.
    pub(super) fn copy(&self, canvas: &Canvas, rotation: Rotation, memory: &mut [u8]) {
        match self.layout {
            PixelLayout::BlueFirst => {
                self.copy_as(canvas, rotation, memory, |[red, green, blue]| [blue, green, red, 0])
            }
            PixelLayout::RedFirst => self.copy_as(canvas, rotation, memory, |[red, green, blue]| [red, green, blue, 0]),
            PixelLayout::Rgb565 => self.copy_as(canvas, rotation, memory, |rgb| {
                let [red, green, blue] = rgb.map(u16::from);
                ((red >> 3) << 11 | (green >> 2) << 5 | blue >> 3).to_le_bytes()
            }),
        }
    }

    fn copy_as<const BYTES: usize>(
        &self,
        canvas: &Canvas,
        rotation: Rotation,
        memory: &mut [u8],
        pixel: impl Fn([u8; 3]) -> [u8; BYTES],
    ) {
        let (width, height) = self.size;
        let (columns, rows) = (canvas.width(), canvas.height());
        let pixels = canvas.bytes().as_chunks::<3>().0;
        let lines = memory.chunks_mut(self.stride_bytes.max(1)).take(height).enumerate();
        for (y, line) in lines {
            let line = line.as_chunks_mut::<BYTES>().0.iter_mut().take(width);
            if rotation == Rotation::None {
                let source = pixels.get(y * columns..(y + 1) * columns).unwrap_or_default();
                line.zip(source).for_each(|(to, from)| *to = pixel(*from));
                continue;
            }
            for (x, to) in line.enumerate() {
                let (column, row) = rotation.seen_at((x, y), self.size);
                if column < columns
                    && row < rows
                    && let Some(from) = pixels.get(row * columns + column)
                {
                    *to = pixel(*from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn canvas(width: usize, height: usize, pixels: &[[u8; 3]]) -> Canvas {
        let mut canvas = Canvas::new(width, height);
        canvas.bytes_mut().copy_from_slice(pixels.as_flattened());
        canvas
    }

    #[test]
    fn pixels_lie_as_the_screen_wants_them() {
        let canvas = canvas(1, 1, &[[255, 130, 9]]);
        for (layout, expected) in [
            (PixelLayout::BlueFirst, [9, 130, 255, 0].as_slice()),
            (PixelLayout::RedFirst, &[255, 130, 9, 0]),
            (PixelLayout::Rgb565, &[0x01, 0xFC]),
        ] {
            let mut memory = vec![7; layout.bytes()];
            let screen = ScreenMemory {
                size: (1, 1),
                stride_bytes: layout.bytes(),
                layout,
            };
            screen.copy(&canvas, Rotation::None, &mut memory);
            assert_eq!(memory, expected, "{layout:?}");
        }
    }

    /// The red of what a screen of three by two pixels shows of the letters 1 to 6, in rows of the screen.
    fn shown(rotation: Rotation) -> [u8; 6] {
        let screen = ScreenMemory {
            size: (3, 2),
            stride_bytes: 16,
            layout: PixelLayout::RedFirst,
        };
        let (width, height) = rotation.upright(screen.size);
        let canvas = canvas(width, height, &[1, 2, 3, 4, 5, 6].map(|red| [red, 0, 0]));
        let mut memory = vec![0; 32];
        screen.copy(&canvas, rotation, &mut memory);
        [0, 4, 8, 16, 20, 24].map(|at| memory[at])
    }

    #[test]
    fn a_turned_screen_shows_a_turned_picture() {
        assert_eq!(shown(Rotation::None), [1, 2, 3, 4, 5, 6]);
        assert_eq!(shown(Rotation::Half), [6, 5, 4, 3, 2, 1]);
        // 1 2        5 3 1
        // 3 4   →    6 4 2
        // 5 6
        assert_eq!(shown(Rotation::Quarter), [5, 3, 1, 6, 4, 2]);
        assert_eq!(shown(Rotation::ThreeQuarters), [2, 4, 6, 1, 3, 5]);
    }

    #[test]
    fn only_quarters_of_a_turn_are_taken() {
        for degrees in [0, 90, 180, 270] {
            assert_eq!(u16::from(Rotation::try_from(degrees).unwrap()), degrees);
        }
        assert!(Rotation::try_from(45).unwrap_err().contains("45°"));
    }

    proptest! {
        #[test]
        fn a_canvas_of_any_size_on_a_screen_of_any_size(
            (columns, rows) in (0usize..20, 0usize..20), (width, height) in (1usize..20, 1usize..20), spare in 0usize..9,
            degrees in prop::sample::select(vec![0u16, 90, 180, 270]),
            layout in prop::sample::select(vec![PixelLayout::BlueFirst, PixelLayout::RedFirst, PixelLayout::Rgb565]),
        ) {
            let mut canvas = Canvas::new(columns, rows);
            canvas.bytes_mut().fill(255);
            let screen = ScreenMemory { size: (width, height), stride_bytes: width * layout.bytes() + spare, layout };
            let mut memory = vec![1; screen.stride_bytes * height];
            let rotation = Rotation::try_from(degrees).unwrap();
            screen.copy(&canvas, rotation, &mut memory);
            let written = memory.iter().filter(|&&byte| byte == 255).count();
            let (across, down) = rotation.upright((width, height));
            let covered = across.min(columns) * down.min(rows);
            prop_assert_eq!(written, covered * layout.bytes().min(3));
        }
    }
}
