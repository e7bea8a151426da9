//! Brings values into bytes, by how far they reach.

#![allow(unsafe_code)]

use super::reach::Reach;
use super::vectors::{self, GROUP, Vectors, Work, dispatch};
use crate::perception::network::blocked::{BLOCK, Shape};
use crate::perception::network::window::Border;
use crate::perception::network::workers::{Cut, Order, Workers};

/// What a byte means: `size` × (byte − `zero`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Of one unit; above zero.
    pub size: f32,
    /// The byte that means zero, 0 to 255.
    pub zero: i32,
}

impl Scale {
    /// For values from zero to `high`, which must be above it.
    pub fn up_to(high: f32) -> Self {
        Self {
            size: high / 255.0,
            zero: 0,
        }
    }

    /// For values that reach so far; zero is met exactly.
    pub fn of(reach: Reach) -> Self {
        let size = (reach.high - reach.low) / 255.0;
        if !size.is_normal() {
            // All zero, or not numbers, of which nothing sensible can come.
            return Self { size: 1.0, zero: 0 };
        }
        let zero = (-reach.low / size).round_ties_even() as i32;
        Self {
            size,
            zero: zero.clamp(0, 255),
        }
    }
}

/// How bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// `[channels, height, width]`: a few channels, of what comes from outside.
    Single,
    /// `[blocks, height, width, BLOCK]`.
    Block,
}

impl Grain {
    /// Bytes of a cell of a plane.
    pub fn bytes(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Block => BLOCK,
        }
    }

    /// Planes of a map.
    pub fn planes(self, shape: Shape) -> usize {
        match self {
            Self::Single => shape.channels,
            Self::Block => shape.blocks(),
        }
    }

    /// Bytes of a map of `shape`.
    pub fn len(self, shape: Shape) -> usize {
        self.planes(shape) * shape.cells() * self.bytes()
    }

    /// Bytes that are read behind a map's end, and mean nothing: groups of four begin at single bytes.
    pub fn read_behind(self) -> usize {
        match self {
            Self::Single => GROUP - 1,
            Self::Block => 0,
        }
    }
}

/// Brings a map into bytes of a scale that fits what is in it, with bytes that mean zero around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantise {
    shape: Shape,
    grain: Grain,
    border: Border,
}

/// What it takes to bring sixteen values into bytes, in sixteen multiplications.
const TAPS: usize = 8;

impl Quantise {
    /// For a map of `shape`: planar for [`Grain::Single`], else blocked.
    pub fn new(shape: Shape, grain: Grain, border: Border) -> Self {
        Self { shape, grain, border }
    }

    /// Bytes that it writes, and those that are read behind them.
    pub fn output_len(&self) -> usize {
        self.grain.len(self.border.around(self.shape)) + self.grain.read_behind()
    }

    /// Brings `input`, which reaches so far if that is known, into bytes.
    ///
    /// # Panics
    /// When a slice is shorter than its shape.
    pub fn run(&self, input: &[f32], reach: Option<Reach>, output: &mut [u8], workers: &Workers) -> Scale {
        let planes = self.grain.planes(self.shape);
        let plane = self.shape.cells() * self.grain.bytes();
        let input = &input[..planes * plane];
        let scale = Scale::of(reach.unwrap_or_else(|| Reach::of(input, workers)));
        let large = self.border.around(self.shape);
        let (row, large_row) = (self.shape.width * self.grain.bytes(), large.width * self.grain.bytes());
        let cells = large.width.div_ceil(BLOCK / self.grain.bytes());
        let (lines, _) = workers.pieces(large.height, cells, planes, TAPS);
        let cut = Cut {
            plane: large.height * large_row,
            piece: lines * large_row,
            order: Order::PlaceByPlace,
        };
        let left = self.border.before[1] * self.grain.bytes();
        let nothing = vectors::stored(scale.zero);
        workers.for_each_piece_of_planes(&mut output[..planes * cut.plane], cut, |index, piece, [output]| {
            let input = &input[index * plane..][..plane];
            for (line, to) in output.chunks_exact_mut(large_row).enumerate() {
                let line = (piece * lines + line).checked_sub(self.border.before[0]);
                match line.filter(|line| *line < self.shape.height) {
                    None => to.fill(nothing),
                    Some(line) => {
                        to[..left].fill(nothing);
                        to[left + row..].fill(nothing);
                        dispatch(Narrow {
                            values: &input[line * row..][..row],
                            bytes: &mut to[left..left + row],
                            scale,
                        });
                    }
                }
            }
        });
        scale
    }
}

/// Brings values into as many bytes.
struct Narrow<'a> {
    values: &'a [f32],
    bytes: &'a mut [u8],
    scale: Scale,
}

impl Work for Narrow<'_> {
    type Output = ();

    #[inline(always)]
    fn with<V: Vectors>(self, vectors: V) {
        let (units, zero) = (
            vectors.splat(1.0 / self.scale.size),
            vectors.splat(self.scale.zero as f32),
        );
        let narrow = |values: &[f32; BLOCK], bytes: &mut [u8; BLOCK]| {
            // SAFETY: both are sixteen.
            unsafe {
                let values = vectors.load(values.as_ptr());
                vectors.narrow(bytes.as_mut_ptr(), vectors.mul_add(values, units, zero));
            }
        };
        let (values, last_values) = self.values.as_chunks::<BLOCK>();
        let (bytes, last_bytes) = self.bytes.as_chunks_mut::<BLOCK>();
        for (values, bytes) in values.iter().zip(bytes) {
            narrow(values, bytes);
        }
        if !last_bytes.is_empty() {
            let (mut values, mut bytes) = ([0.0; BLOCK], [0; BLOCK]);
            values[..last_values.len()].copy_from_slice(last_values);
            narrow(&values, &mut bytes);
            last_bytes.copy_from_slice(&bytes[..last_bytes.len()]);
        }
    }
}
