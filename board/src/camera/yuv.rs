//! Decoded film pictures turned into RGB.

/// How luma and colour differences make up a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colours {
    /// Weights of red and blue in luma, in millionths.
    red_weight: i32,
    blue_weight: i32,
    /// The levels run over 0–255 instead of 16–235.
    full_range: bool,
}

impl Colours {
    /// The colours that a film's matrix coefficients ask for (ITU-T H.273 table 4); those of ITU-R BT.601 where it tells
    /// none, as most encoders that tell none were fed by converters with that default.
    pub fn new(matrix_coefficients: Option<u16>, full_range: bool) -> Self {
        let (red_weight, blue_weight) = match matrix_coefficients {
            Some(1) => (212_600, 72_200),
            Some(7) => (212_000, 87_000),
            Some(9 | 10) => (262_700, 59_300),
            _ => (299_000, 114_000),
        };
        Self {
            red_weight,
            blue_weight,
            full_range,
        }
    }

    fn factors(self) -> Factors {
        let (red, blue) = (f64::from(self.red_weight) / 1e6, f64::from(self.blue_weight) / 1e6);
        let green = 1.0 - red - blue;
        let (luma_levels, chroma_levels) = if self.full_range {
            (255.0, 255.0)
        } else {
            (219.0, 224.0)
        };
        let fixed = |value: f64| (value * f64::from(1 << Factors::FRACTION_BITS)).round() as i32;
        let chroma = 255.0 / chroma_levels;
        Factors {
            luma_zero: if self.full_range { 0 } else { 16 },
            luma: fixed(255.0 / luma_levels),
            red_from_v: fixed(2.0 * (1.0 - red) * chroma),
            green_from_u: fixed(-2.0 * (1.0 - blue) * blue / green * chroma),
            green_from_v: fixed(-2.0 * (1.0 - red) * red / green * chroma),
            blue_from_u: fixed(2.0 * (1.0 - blue) * chroma),
        }
    }
}

/// The factors of the conversion, in fixed point.
struct Factors {
    luma_zero: i32,
    luma: i32,
    red_from_v: i32,
    green_from_u: i32,
    green_from_v: i32,
    blue_from_u: i32,
}

impl Factors {
    const FRACTION_BITS: u32 = 14;

    fn pixel(&self, luma: u8, u: i32, v: i32) -> [u8; 3] {
        let base = (i32::from(luma) - self.luma_zero) * self.luma + (1 << (Self::FRACTION_BITS - 1));
        let level = |value: i32| (value >> Self::FRACTION_BITS).clamp(0, 255) as u8;
        [
            level(base + v * self.red_from_v),
            level(base + u * self.green_from_u + v * self.green_from_v),
            level(base + u * self.blue_from_u),
        ]
    }
}

/// A picture of one luma plane and two colour planes of half its width and height (4:2:0).
pub(crate) struct Planes<'a> {
    pub width: usize,
    pub height: usize,
    pub luma: &'a [u8],
    pub u: &'a [u8],
    pub v: &'a [u8],
    pub luma_stride: usize,
    pub chroma_stride: usize,
}

impl Planes<'_> {
    /// Writes tightly packed RGB over `rgb`; rows that the planes lack stay as they are.
    pub fn write_rgb(&self, colours: Colours, rgb: &mut [u8]) {
        let factors = colours.factors();
        let half = self.width.div_ceil(2);
        for (row, out) in rgb
            .chunks_exact_mut(self.width.max(1) * 3)
            .take(self.height)
            .enumerate()
        {
            let luma = self
                .luma
                .get(row * self.luma_stride..)
                .and_then(|rest| rest.get(..self.width));
            let chroma = row / 2 * self.chroma_stride;
            let u = self.u.get(chroma..).and_then(|rest| rest.get(..half));
            let v = self.v.get(chroma..).and_then(|rest| rest.get(..half));
            let (Some(luma), Some(u), Some(v)) = (luma, u, v) else {
                return;
            };
            for ((out, luma), (u, v)) in out.chunks_mut(6).zip(luma.chunks(2)).zip(u.iter().zip(v)) {
                let (u, v) = (i32::from(*u) - 128, i32::from(*v) - 128);
                for (pixel, luma) in out.chunks_exact_mut(3).zip(luma) {
                    pixel.copy_from_slice(&factors.pixel(*luma, u, v));
                }
            }
        }
    }
}

/// Writes tightly packed RGB of `width × height` over `turned`, turned clockwise by a number of quarter turns.
pub(crate) fn turn(rgb: &[u8], width: usize, height: usize, quarter_turns: u8, turned: &mut [u8]) {
    for (row, pixels) in rgb.chunks_exact(width.max(1) * 3).take(height).enumerate() {
        for (column, pixel) in pixels.chunks_exact(3).enumerate() {
            let at = match quarter_turns {
                1 => column * height + (height - 1 - row),
                2 => (height - 1 - row) * width + (width - 1 - column),
                3 => (width - 1 - column) * height + row,
                _ => row * width + column,
            };
            if let Some(out) = turned.get_mut(at * 3..at * 3 + 3) {
                out.copy_from_slice(pixel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(colours: Colours, luma: u8, u: u8, v: u8) -> [u8; 3] {
        let mut rgb = [0; 3];
        let planes = Planes {
            width: 1,
            height: 1,
            luma: &[luma],
            u: &[u],
            v: &[v],
            luma_stride: 1,
            chroma_stride: 1,
        };
        planes.write_rgb(colours, &mut rgb);
        rgb
    }

    #[test]
    fn black_white_and_the_primaries_come_out() {
        let sd = Colours::new(None, false);
        assert_eq!(converted(sd, 16, 128, 128), [0, 0, 0]);
        assert_eq!(converted(sd, 235, 128, 128), [255, 255, 255]);
        // 75 % and 100 % colour bars: ITU-R BT.601-7 §3.5 quantised to 8 bits.
        assert_eq!(converted(sd, 81, 90, 240), [254, 0, 0]);
        assert_eq!(converted(sd, 145, 54, 34), [0, 255, 1]);
        let hd = Colours::new(Some(1), false);
        let red = converted(hd, 63, 102, 240);
        assert!(red[0] >= 253 && red[1] <= 2 && red[2] <= 2, "{red:?}");
        let full = Colours::new(Some(6), true);
        assert_eq!(converted(full, 76, 85, 255), [254, 0, 0]);
        assert_eq!(converted(full, 255, 128, 128), [255, 255, 255]);
    }

    #[test]
    fn odd_sizes_and_strides_are_kept_apart() {
        let luma = [16, 235, 16, 99, 235, 16, 235, 99, 16, 235, 16, 99];
        let planes = Planes {
            width: 3,
            height: 3,
            luma: &luma,
            u: &[128; 6],
            v: &[128; 6],
            luma_stride: 4,
            chroma_stride: 3,
        };
        let mut rgb = [7; 27];
        planes.write_rgb(Colours::new(None, false), &mut rgb);
        let levels: Vec<u8> = rgb.chunks(3).map(|pixel| pixel[0]).collect();
        assert_eq!(levels, [0, 255, 0, 255, 0, 255, 0, 255, 0]);
    }

    #[test]
    fn missing_rows_are_left_alone() {
        let planes = Planes {
            width: 2,
            height: 2,
            luma: &[235; 3],
            u: &[128],
            v: &[128],
            luma_stride: 2,
            chroma_stride: 1,
        };
        let mut rgb = [7; 12];
        planes.write_rgb(Colours::new(None, false), &mut rgb);
        assert_eq!(rgb, [255, 255, 255, 255, 255, 255, 7, 7, 7, 7, 7, 7]);
    }

    #[test]
    fn turns_are_clockwise() {
        let rgb: Vec<u8> = (0..6).flat_map(|pixel| [pixel; 3]).collect();
        let turned = |quarter_turns| {
            let mut out = [9; 18];
            turn(&rgb, 3, 2, quarter_turns, &mut out);
            out.chunks(3).map(|pixel| pixel[0]).collect::<Vec<_>>()
        };
        assert_eq!(turned(0), [0, 1, 2, 3, 4, 5]);
        assert_eq!(turned(1), [3, 0, 4, 1, 5, 2]);
        assert_eq!(turned(2), [5, 4, 3, 2, 1, 0]);
        assert_eq!(turned(3), [2, 5, 1, 4, 0, 3]);
    }
}
