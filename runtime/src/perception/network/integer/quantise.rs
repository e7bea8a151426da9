//! Brings values into bytes, by the least and the largest of them.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI32, Ordering};

use super::vectors::{GROUP, Vectors, Work, dispatch};
use crate::perception::network::blocked::{BLOCK, Shape};
use crate::perception::network::workers::Workers;

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

    /// For values between two, and for zero, which is met exactly.
    pub fn between(low: f32, high: f32) -> Self {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let size = (high - low) / 255.0;
        if !size.is_normal() {
            // All zero, or not numbers, of which nothing sensible can come.
            return Self { size: 1.0, zero: 0 };
        }
        let zero = (-low / size).round_ties_even() as i32;
        Self {
            size,
            zero: zero.clamp(0, 255),
        }
    }
}

/// How bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// `[height, width, 4]`: up to four channels, of what comes from outside.
    Group,
    /// `[blocks, height, width, BLOCK]`.
    Block,
}

impl Grain {
    /// Bytes of a cell.
    pub fn bytes(self) -> usize {
        match self {
            Self::Group => GROUP,
            Self::Block => BLOCK,
        }
    }

    /// Bytes of a map.
    pub fn len(self, shape: Shape) -> usize {
        shape.channels.div_ceil(self.bytes()) * shape.cells() * self.bytes()
    }
}

/// Brings a map into bytes of a scale that fits what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantise {
    shape: Shape,
    grain: Grain,
}

/// Values that are looked at or brought into bytes in one go.
const PIECE: usize = 1 << 14;

impl Quantise {
    /// For a map of `shape`: planar for [`Grain::Group`], which takes up to four channels, else blocked.
    pub fn new(shape: Shape, grain: Grain) -> Self {
        Self { shape, grain }
    }

    /// What it is for.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How its bytes lie.
    pub fn grain(&self) -> Grain {
        self.grain
    }

    /// Brings `input` into bytes.
    ///
    /// # Panics
    /// When a slice is shorter than its shape.
    pub fn run(&self, input: &[f32], output: &mut [u8], workers: &Workers) -> Scale {
        let values = match self.grain {
            Grain::Group => self.shape.planar_len(),
            Grain::Block => self.shape.blocked_len(),
        };
        let input = &input[..values];
        let output = &mut output[..self.grain.len(self.shape)];
        let scale = measure(input, workers);
        match self.grain {
            Grain::Group => {
                let cells = self.shape.cells();
                let piece = PIECE.min(cells);
                workers.for_each_piece(output, piece * GROUP, |index, bytes| {
                    dispatch(Interleave {
                        planes: input,
                        cells,
                        first: index * piece,
                        bytes,
                        scale,
                    });
                });
            }
            Grain::Block => workers.for_each_piece(output, PIECE, |index, bytes| {
                let values = &input[index * PIECE..][..bytes.len()];
                dispatch(Narrow { values, bytes, scale });
            }),
        }
        scale
    }
}

/// A scale for values.
fn measure(values: &[f32], workers: &Workers) -> Scale {
    let (low, high) = (AtomicI32::new(0), AtomicI32::new(0));
    workers.for_each_part(values.len().div_ceil(PIECE), |part| {
        let values = &values[part * PIECE..];
        let [least, largest] = dispatch(Extremes(&values[..values.len().min(PIECE)]));
        // With zero in the range the one is never above it and the other never below: as bits, the farther is the larger.
        low.fetch_max((-least.min(0.0)).to_bits() as i32, Ordering::Relaxed);
        high.fetch_max(largest.max(0.0).to_bits() as i32, Ordering::Relaxed);
    });
    let far = |bits: AtomicI32| f32::from_bits(bits.into_inner() as u32);
    Scale::between(-far(low), far(high))
}

/// The least and the largest of values, and zero.
struct Extremes<'a>(&'a [f32]);

impl Work for Extremes<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn with<V: Vectors>(self, vectors: V) -> [f32; 2] {
        let (blocks, rest) = self.0.as_chunks::<BLOCK>();
        let mut low = [vectors.splat(0.0); 4];
        let mut high = [vectors.splat(0.0); 4];
        for blocks in blocks.chunks(4) {
            for (index, block) in blocks.iter().enumerate() {
                // SAFETY: a block is sixteen values.
                let values = unsafe { vectors.load(block.as_ptr()) };
                low[index] = vectors.min(low[index], values);
                high[index] = vectors.max(high[index], values);
            }
        }
        let mut ends = [[0.0; BLOCK]; 2];
        let low = vectors.min(vectors.min(low[0], low[1]), vectors.min(low[2], low[3]));
        let high = vectors.max(vectors.max(high[0], high[1]), vectors.max(high[2], high[3]));
        // SAFETY: each is sixteen values.
        unsafe {
            vectors.store(ends[0].as_mut_ptr(), low);
            vectors.store(ends[1].as_mut_ptr(), high);
        }
        [
            ends[0].iter().chain(rest).copied().fold(0.0, f32::min),
            ends[1].iter().chain(rest).copied().fold(0.0, f32::max),
        ]
    }
}

/// Brings values into as many bytes, whole blocks of them.
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
        let (values, bytes) = (
            self.values.as_chunks::<BLOCK>().0,
            self.bytes.as_chunks_mut::<BLOCK>().0,
        );
        for (values, bytes) in values.iter().zip(bytes) {
            // SAFETY: both are sixteen.
            unsafe {
                let values = vectors.load(values.as_ptr());
                vectors.narrow(bytes.as_mut_ptr(), vectors.mul_add(values, units, zero));
            }
        }
    }
}

/// Brings some cells of up to four planes into bytes side by side.
struct Interleave<'a> {
    planes: &'a [f32],
    cells: usize,
    first: usize,
    bytes: &'a mut [u8],
    scale: Scale,
}

impl Work for Interleave<'_> {
    type Output = ();

    #[inline(always)]
    fn with<V: Vectors>(self, vectors: V) {
        let (units, zero) = (
            vectors.splat(1.0 / self.scale.size),
            vectors.splat(self.scale.zero as f32),
        );
        let channels = self.planes.len() / self.cells;
        let mut at = self.first;
        for bytes in self.bytes.chunks_mut(GROUP * BLOCK) {
            let cells = bytes.len() / GROUP;
            // Filled in with zeros: what there is no channel for has no weights.
            let mut planes = [[0_u8; BLOCK]; GROUP];
            for (channel, to) in planes.iter_mut().enumerate().take(channels) {
                let mut values = [0.0; BLOCK];
                let from = &self.planes[channel * self.cells + at..][..cells];
                match from.first_chunk() {
                    Some(from) => values = *from,
                    None => values[..cells].copy_from_slice(from),
                }
                // SAFETY: both are sixteen.
                unsafe {
                    let values = vectors.load(values.as_ptr());
                    vectors.narrow(to.as_mut_ptr(), vectors.mul_add(values, units, zero));
                }
            }
            // As numbers of 32 bits, which the compiler turns into vectors.
            let mut groups = [0_u32; BLOCK];
            for (channel, plane) in planes.iter().enumerate() {
                for (group, byte) in groups.iter_mut().zip(plane) {
                    *group |= u32::from(*byte) << (8 * channel);
                }
            }
            for (bytes, group) in bytes.as_chunks_mut::<GROUP>().0.iter_mut().zip(groups) {
                *bytes = group.to_le_bytes();
            }
            at += cells;
        }
    }
}
