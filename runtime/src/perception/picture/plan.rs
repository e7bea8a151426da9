//! Filters and buffers for pictures of one size and layout, resized to another size.

use std::array::from_fn;
use std::ops::Range;

use super::Axis;
use crate::perception::colour::LimitedRangeBt601;
use crate::perception::planes::{Layout, Planes};
use crate::perception::resize::{BLEND_UNIT, LANES, Lanes, RowBlend, Rows, Stretch, Tap, bilinear_taps, reach};

/// Made for the first picture of a size and layout, and used for all that follow.
#[derive(Debug)]
pub(in crate::perception) struct Plan {
    size: (usize, usize),
    layout: Layout,
    /// Width and height of what comes out, in pixels.
    resized: (usize, usize),
    /// Columns of the frame that the output shows any of, with an even start.
    columns: Range<usize>,
    rows: RowBlend,
    chroma_rows: RowBlend,
    stretch: Stretch,
    chroma_stretch: Stretch,
    band: Band,
    line: Vec<Lanes>,
    /// Red, green and blue, or luma, U and V.
    stretched: [Vec<Lanes>; 3],
}

impl Plan {
    /// `across` and `down` are laid onto as many pixels as `resized` says.
    pub(in crate::perception) fn new(
        size: (usize, usize),
        [across, down]: [Axis; 2],
        resized: (usize, usize),
        layout: Layout,
    ) -> Self {
        let taps = |axis: Axis, count: usize| bilinear_taps(axis.input, axis.resized, axis.offset, count);
        let halved = |taps: &[Tap]| taps.iter().map(Tap::halved).collect::<Vec<_>>();
        let (across, down) = (taps(across, resized.0), taps(down, resized.1));
        let columns = reach(&across);
        let chroma_columns = columns.start / 2..columns.end.div_ceil(2);
        let bytes_per_column = match layout {
            Layout::Rgb => 3,
            Layout::Yuyv => 2,
            Layout::Nv12 => 1,
        };
        // A last odd column comes with its neighbour.
        let row_bytes = bytes_per_column * columns.len().next_multiple_of(2);
        Self {
            size,
            layout,
            resized,
            rows: RowBlend::new(&down),
            chroma_rows: RowBlend::new(&halved(&down)),
            stretch: Stretch::new(&across, &columns, BLEND_UNIT),
            chroma_stretch: Stretch::new(&halved(&across), &chroma_columns, BLEND_UNIT),
            band: Band {
                even: from_fn(|_| vec![0; row_bytes / 2]),
                odd: from_fn(|_| vec![0; row_bytes / 2]),
            },
            line: vec![[0.0; LANES]; row_bytes],
            stretched: from_fn(|_| vec![[0.0; LANES]; resized.0]),
            columns,
        }
    }

    /// Whether this plan was made for such a picture, and for this size of what comes out.
    pub(in crate::perception) fn suits(&self, size: (usize, usize), resized: (usize, usize), layout: Layout) -> bool {
        (self.size, self.resized, self.layout) == (size, resized, layout)
    }

    /// Fills `rgb` (width × height × 3 bytes) with red, green and blue.
    pub(in crate::perception) fn write_rgb(&mut self, planes: Planes<'_>, rgb: &mut [u8]) {
        let (width, height) = self.resized;
        for first in (0..height).step_by(LANES) {
            self.resize_rows(planes, from_fn(|lane| (first + lane).min(height - 1)));
            let [reds, greens, blues] = &self.stretched;
            for (lane, row) in rgb.chunks_exact_mut(width * 3).skip(first).take(LANES).enumerate() {
                let values = reds.iter().zip(greens).zip(blues);
                let values = values.map(|((red, green), blue)| [red[lane], green[lane], blue[lane]]);
                let pixels = row.as_chunks_mut::<3>().0.iter_mut().zip(values);
                if self.layout == Layout::Rgb {
                    pixels.for_each(|(pixel, rgb)| *pixel = rgb.map(|value| (value + 0.5) as u8));
                } else {
                    pixels.for_each(|(pixel, [luma, u, v])| {
                        *pixel = LimitedRangeBt601::to_rgb(luma, u, v).map(|value| (value + 0.5) as u8);
                    });
                }
            }
        }
    }

    /// Fills `out` (three planes of width × height) with `level · scale + shift`, levels being 0..255.
    pub(in crate::perception) fn run(&mut self, planes: Planes<'_>, scale: [f32; 3], shift: [f32; 3], out: &mut [f32]) {
        let (width, height) = self.resized;
        for first in (0..height).step_by(LANES) {
            self.resize_rows(planes, from_fn(|lane| (first + lane).min(height - 1)));
            for (plane, stretched) in out.chunks_exact_mut(width * height).zip(&self.stretched) {
                for (lane, row) in plane.chunks_exact_mut(width).skip(first).take(LANES).enumerate() {
                    row.iter_mut()
                        .zip(stretched)
                        .for_each(|(value, lanes)| *value = lanes[lane]);
                }
            }
        }
        let normalised =
            |rgb: [f32; 3]| -> [f32; 3] { from_fn(|channel| rgb[channel] * scale[channel] + shift[channel]) };
        let (first, rest) = out.split_at_mut(width * height);
        let (second, third) = rest.split_at_mut(width * height);
        let pixels = first
            .iter_mut()
            .zip(second)
            .zip(third)
            .map(|((first, second), third)| [first, second, third]);
        if self.layout == Layout::Rgb {
            pixels.for_each(|[red, green, blue]| [*red, *green, *blue] = normalised([*red, *green, *blue]));
        } else {
            pixels.for_each(|[luma, u, v]| [*luma, *u, *v] = normalised(LimitedRangeBt601::to_rgb(*luma, *u, *v)));
        }
    }

    /// Rows `outputs` of what comes out, still in the colours of the source.
    fn resize_rows(&mut self, planes: Planes<'_>, outputs: [usize; LANES]) {
        let (start, columns, pairs) = (self.columns.start, self.columns.len(), self.columns.len().div_ceil(2));
        let (band, line, [first, second, third]) = (&mut self.band, &mut self.line, &mut self.stretched);
        match planes {
            Planes::Rgb(rows) => {
                band.blend(&self.rows, rows, outputs, start * 3..(start + columns) * 3);
                band.widen(line);
                self.stretch.apply(line, [first, second, third]);
            }
            Planes::Yuyv(rows) => {
                band.blend(&self.rows, rows, outputs, start * 2..(start + 2 * pairs) * 2);
                widen(&band.even, line);
                self.stretch.apply(line, [first]);
                widen(&band.odd, line);
                self.chroma_stretch.apply(line, [second, third]);
            }
            Planes::Nv12 { luma, chroma } => {
                band.blend(&self.rows, luma, outputs, start..start + columns);
                band.widen(line);
                self.stretch.apply(line, [first]);
                band.blend(&self.chroma_rows, chroma, outputs, start..start + 2 * pairs);
                band.widen(line);
                self.chroma_stretch.apply(line, [second, third]);
            }
        }
    }
}

/// Rows of what comes out before they are resized along themselves, bytes at even places apart from those at odd
/// ones.
#[derive(Debug)]
struct Band {
    even: [Vec<u16>; LANES],
    odd: [Vec<u16>; LANES],
}

impl Band {
    /// Fills the front of the rows with bytes `bytes` of the rows `outputs`.
    fn blend(&mut self, blend: &RowBlend, rows: Rows<'_>, outputs: [usize; LANES], bytes: Range<usize>) {
        let odd_bytes = bytes.len() / 2;
        for ((even, odd), output) in self.even.iter_mut().zip(&mut self.odd).zip(outputs) {
            blend.apply(
                rows,
                output,
                bytes.start,
                &mut even[..bytes.len() - odd_bytes],
                &mut odd[..odd_bytes],
            );
        }
    }

    /// Even and odd places together, side by side as floats.
    fn widen(&self, line: &mut [Lanes]) {
        let [a, b, c, d] = &self.even;
        let even = a.iter().zip(b).zip(c.iter().zip(d));
        let [a, b, c, d] = &self.odd;
        let odd = a.iter().zip(b).zip(c.iter().zip(d));
        for ((pair, ((a, b), (c, d))), ((e, f), (g, h))) in line.as_chunks_mut::<2>().0.iter_mut().zip(even).zip(odd) {
            *pair = [[*a, *b, *c, *d].map(f32::from), [*e, *f, *g, *h].map(f32::from)];
        }
    }
}

/// Rows side by side, as floats.
fn widen([a, b, c, d]: &[Vec<u16>; LANES], line: &mut [Lanes]) {
    for (lanes, ((a, b), (c, d))) in line.iter_mut().zip(a.iter().zip(b).zip(c.iter().zip(d))) {
        *lanes = [*a, *b, *c, *d].map(f32::from);
    }
}
