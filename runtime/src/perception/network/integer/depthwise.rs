//! A depthwise convolution of bytes. It multiplies floats: what it saves is the memory, which is what such a convolution waits for.

#![allow(unsafe_code)]

use super::quantise::Scale;
use super::tile::Output;
use super::vectors::{Vectors, Work, dispatch};
use crate::perception::network::blocked::{BLOCK, Shape};
use crate::perception::network::depthwise::{Depthwise, Place};
use crate::perception::network::window::Window;
use crate::perception::network::workers::{Cut, Order, Workers};

/// A depthwise convolution that takes bytes of a scale known beforehand.
#[derive(Debug)]
pub struct IntegerDepthwise {
    input: Shape,
    output: Shape,
    window: Window,
    /// `[blocks, height, width, BLOCK]`, for bytes, in units of what is stored.
    weights: Vec<f32>,
    /// In the same units, as are the bounds.
    bias: Vec<f32>,
    low: f32,
    high: f32,
    /// For what is stored as bytes.
    stored: Option<Scale>,
}

impl IntegerDepthwise {
    /// The same as `depthwise`, on bytes from zero to `high`; where `stored` is some, it stores bytes from zero to that.
    pub fn new(depthwise: &Depthwise, high: f32, stored: Option<f32>) -> Self {
        let (taken, stored) = (Scale::up_to(high), stored.map(Scale::up_to));
        let units = 1.0 / stored.map_or(1.0, |stored| stored.size);
        let scaled = |values: &[f32], factor: f32| values.iter().map(|value| value * factor).collect();
        Self {
            input: depthwise.input(),
            output: depthwise.output(),
            window: depthwise.window(),
            weights: scaled(depthwise.packed_weights(), taken.size * units),
            bias: scaled(depthwise.packed_bias(), units),
            low: depthwise.bounds().low * units,
            high: depthwise.bounds().high * units,
            stored,
        }
    }

    /// What comes out.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// The scale of the bytes that it stores; `None` where it stores values.
    pub fn stored(&self) -> Option<Scale> {
        self.stored
    }

    /// Multiplications with an addition each, of one run.
    pub fn operations(&self) -> usize {
        self.output.planar_len() * self.window.height * self.window.width
    }

    /// Of weights and biases.
    pub fn weight_bytes(&self) -> usize {
        (self.weights.len() + self.bias.len()) * size_of::<f32>()
    }

    /// Convolves bytes.
    ///
    /// # Panics
    /// When a slice is shorter than its shape, or the output is not of the kind that it stores.
    pub fn run(&self, input: &[u8], output: Output<'_>, workers: &Workers) {
        let input = &input[..self.input.blocked_len()];
        let taps = self.window.height * self.window.width;
        let Shape { height, width, .. } = self.output;
        let (piece_lines, _) = workers.pieces(height, width, self.output.blocks(), taps);
        let cut = Cut {
            plane: self.output.plane(),
            piece: piece_lines * width * BLOCK,
            order: Order::PlaceByPlace,
        };
        let (len, are_bytes) = (self.output.blocked_len(), self.stored.is_some());
        output.for_each_piece(len, are_bytes, cut, workers, |block, index, [output]| {
            dispatch(Piece {
                convolution: self,
                input: &input[block * self.input.plane()..][..self.input.plane()],
                weights: &self.weights[block * taps * BLOCK..][..taps * BLOCK],
                bias: &self.bias[block * BLOCK..][..BLOCK],
                lines: output.count() / (width * BLOCK),
                output,
                first_line: index * piece_lines,
            });
        });
    }
}

/// Some lines of one block of the output.
struct Piece<'a> {
    convolution: &'a IntegerDepthwise,
    input: &'a [u8],
    weights: &'a [f32],
    bias: &'a [f32],
    output: Output<'a>,
    lines: usize,
    first_line: usize,
}

impl Work for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn with<V: Vectors>(self, vectors: V) {
        match (self.convolution.window.height, self.convolution.window.stride) {
            (3, 1) => self.all::<V, 3, 1>(vectors),
            (3, _) => self.all::<V, 3, 2>(vectors),
            (_, 1) => self.all::<V, 5, 1>(vectors),
            (_, _) => self.all::<V, 5, 2>(vectors),
        }
    }
}

impl Piece<'_> {
    #[inline(always)]
    fn all<V: Vectors, const SIZE: usize, const STRIDE: usize>(mut self, vectors: V) {
        let Shape { height, width, .. } = self.convolution.input;
        let [_, left] = self.convolution.window.before;
        let output_width = self.convolution.output.width;
        for line in 0..self.lines {
            let top = (self.first_line + line) * STRIDE;
            let rows = self.convolution.window.rows_within(top, height);
            let mut column = 0;
            while column < output_width {
                let place = Place {
                    top,
                    rows: rows.clone(),
                    first: (column * STRIDE) as isize - left as isize,
                    at: (line * output_width + column) * BLOCK,
                };
                // As many sums as the registers hold beside the bytes of one row, each of which is widened once.
                column += match output_width - column {
                    7.. if V::CELLS >= 8 => self.tile::<V, SIZE, STRIDE, 7>(vectors, place, width),
                    4.. if V::CELLS >= 8 => self.tile::<V, SIZE, STRIDE, 4>(vectors, place, width),
                    2.. => self.tile::<V, SIZE, STRIDE, 2>(vectors, place, width),
                    _ => self.tile::<V, SIZE, STRIDE, 1>(vectors, place, width),
                };
            }
        }
    }

    #[inline(always)]
    fn tile<V: Vectors, const SIZE: usize, const STRIDE: usize, const CELLS: usize>(
        &mut self,
        vectors: V,
        place: Place,
        width: usize,
    ) -> usize {
        let seen = (CELLS - 1) * STRIDE + SIZE;
        if place.first >= 0 && place.first as usize + seen <= width {
            self.sums::<V, SIZE, STRIDE, CELLS, true>(vectors, &place, width);
        } else {
            self.sums::<V, SIZE, STRIDE, CELLS, false>(vectors, &place, width);
        }
        CELLS
    }

    /// The sums of `CELLS` neighbouring cells.
    #[inline(always)]
    fn sums<V: Vectors, const SIZE: usize, const STRIDE: usize, const CELLS: usize, const INSIDE: bool>(
        &mut self,
        vectors: V,
        place: &Place,
        width: usize,
    ) {
        let [above, _] = self.convolution.window.before;
        let nothing = vectors.splat(0.0);
        // SAFETY: bias has BLOCK values and weights SIZE × SIZE times as many; rows are those that lie on the input, and a column
        // off the input is not read; `CELLS` cells are left in the output.
        unsafe {
            let mut sums = [vectors.load(self.bias.as_ptr()); CELLS];
            for y in place.rows.clone() {
                let row = self.input.as_ptr().add((place.top + y - above) * width * BLOCK);
                let mut values = [nothing; MOST_SEEN];
                for (column, value) in values[..(CELLS - 1) * STRIDE + SIZE].iter_mut().enumerate() {
                    let column = place.first + column as isize;
                    if INSIDE || (column >= 0 && (column as usize) < width) {
                        *value = vectors.widen(row.offset(column * BLOCK as isize));
                    }
                }
                let weights = self.weights.as_ptr().add(y * SIZE * BLOCK);
                for x in 0..SIZE {
                    let weight = vectors.load(weights.add(x * BLOCK));
                    for (cell, sum) in sums.iter_mut().enumerate() {
                        *sum = vectors.mul_add(values[cell * STRIDE + x], weight, *sum);
                    }
                }
            }
            let low = vectors.splat(self.convolution.low);
            let high = vectors.splat(self.convolution.high);
            for (cell, sum) in sums.into_iter().enumerate() {
                let at = place.at + cell * BLOCK;
                let value = vectors.min(vectors.max(sum, low), high);
                match &mut self.output {
                    Output::Floats(values) => vectors.store(values.as_mut_ptr().add(at), value),
                    Output::Bytes(bytes) => vectors.narrow(bytes.as_mut_ptr().add(at), value),
                }
            }
        }
    }
}

/// Cells of a row that seven windows of five see at a stride of two.
const MOST_SEEN: usize = 6 * 2 + 5;
