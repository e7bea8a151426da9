//! A convolution in which every channel sees only itself.

#![allow(unsafe_code)]

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::blocked::{BLOCK, Shape, whole_blocks};
use super::lanes::{Bounds, dispatch, load, store};
use super::window::Window;
use super::workers::{Cut, Order, Workers};

/// A depthwise convolution with its weights in the order in which they are used.
#[derive(Debug)]
pub struct Depthwise {
    input: Shape,
    output: Shape,
    window: Window,
    /// `[blocks, height, width, BLOCK]`.
    weights: Vec<f32>,
    bias: Vec<f32>,
    bounds: Bounds,
}

impl Depthwise {
    /// Prepares `weights`, `[channels, height, width]`, and `bias`, `[channels]`. `None` where they do not fit together, or the
    /// window is not 3×3 or 5×5.
    pub fn new(input: Shape, window: Window, weights: &[f32], bias: &[f32], bounds: Bounds) -> Option<Self> {
        let output = window.output(input, input.channels)?;
        let size = window.height;
        let is_known = window.width == size && matches!(size, 3 | 5);
        if !is_known || bias.len() != input.channels || weights.len() != bias.len() * size * size {
            return None;
        }
        let mut packed = vec![0.0; output.blocks() * size * size * BLOCK];
        for (channel, weights) in weights.chunks_exact(size * size).enumerate() {
            for (tap, weight) in weights.iter().enumerate() {
                packed[(channel / BLOCK * size * size + tap) * BLOCK + channel % BLOCK] = *weight;
            }
        }
        Some(Self {
            input,
            output,
            window,
            weights: packed,
            bias: whole_blocks(bias),
            bounds,
        })
    }

    /// What goes in.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// What comes out.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// What a cell sees.
    pub fn window(&self) -> Window {
        self.window
    }

    /// `[blocks, height, width, BLOCK]`.
    pub fn packed_weights(&self) -> &[f32] {
        &self.weights
    }

    /// `[blocks, BLOCK]`.
    pub fn packed_bias(&self) -> &[f32] {
        &self.bias
    }

    /// The bounds of what is stored.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Multiplications with an addition each, of one run.
    pub fn operations(&self) -> usize {
        self.output.planar_len() * self.window.height * self.window.width
    }

    /// Weights and biases, with those of channels that only fill a block.
    pub fn weights(&self) -> usize {
        self.weights.len() + self.bias.len()
    }

    /// The bounds of what is stored.
    pub fn bounds_mut(&mut self) -> &mut Bounds {
        &mut self.bounds
    }

    /// Convolves blocked `input` into blocked `output`.
    ///
    /// # Panics
    /// When a slice is shorter than its shape.
    pub fn run(&self, input: &[f32], output: &mut [f32], workers: &Workers) {
        let input = &input[..self.input.blocked_len()];
        let output = &mut output[..self.output.blocked_len()];
        let taps = self.window.height * self.window.width;
        let Shape { height, width, .. } = self.output;
        let (piece_lines, _) = workers.pieces(height, width, self.output.blocks(), taps);
        let cut = Cut {
            plane: self.output.plane(),
            piece: piece_lines * width * BLOCK,
            order: Order::PlaceByPlace,
        };
        workers.for_each_piece_of_planes(output, cut, |block, index, [output]| {
            dispatch(Piece {
                convolution: self,
                input: &input[block * self.input.plane()..][..self.input.plane()],
                weights: &self.weights[block * taps * BLOCK..][..taps * BLOCK],
                bias: &self.bias[block * BLOCK..][..BLOCK],
                output,
                first_line: index * piece_lines,
            });
        });
    }
}

/// Some lines of one block of the output.
struct Piece<'a> {
    convolution: &'a Depthwise,
    input: &'a [f32],
    weights: &'a [f32],
    bias: &'a [f32],
    output: &'a mut [f32],
    first_line: usize,
}

impl WithSimd for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.convolution.window.height, self.convolution.window.stride) {
            (3, 1) => self.lines::<S, 3, 1>(simd),
            (3, _) => self.lines::<S, 3, 2>(simd),
            (_, 1) => self.lines::<S, 5, 1>(simd),
            (_, _) => self.lines::<S, 5, 2>(simd),
        }
    }
}

impl Piece<'_> {
    #[inline(always)]
    fn lines<S: Simd, const SIZE: usize, const STRIDE: usize>(mut self, simd: S) {
        let Shape { height, width, .. } = self.convolution.input;
        let [_, left] = self.convolution.window.before;
        let output_width = self.convolution.output.width;
        let lines = self.output.len() / (output_width * BLOCK);
        for line in 0..lines {
            let top = (self.first_line + line) * STRIDE;
            let rows = self.convolution.window.rows_within(top, height);
            let mut column = 0;
            while column < output_width {
                let at = (line * output_width + column) * BLOCK;
                let first = (column * STRIDE) as isize - left as isize;
                let place = Place {
                    top,
                    rows: rows.clone(),
                    first,
                    at,
                };
                // As many sums as the registers hold beside what they are made of.
                column += match output_width - column {
                    14.. if S::F32_LANES == BLOCK && SIZE == 3 => self.tile::<S, SIZE, STRIDE, 14>(simd, place, width),
                    7.. if S::F32_LANES == BLOCK => self.tile::<S, SIZE, STRIDE, 7>(simd, place, width),
                    4.. => self.tile::<S, SIZE, STRIDE, 4>(simd, place, width),
                    2.. => self.tile::<S, SIZE, STRIDE, 2>(simd, place, width),
                    _ => self.tile::<S, SIZE, STRIDE, 1>(simd, place, width),
                };
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const SIZE: usize, const STRIDE: usize, const CELLS: usize>(
        &mut self,
        simd: S,
        place: Place,
        width: usize,
    ) -> usize {
        let seen = (CELLS - 1) * STRIDE + SIZE;
        let is_inside = place.first >= 0 && place.first as usize + seen <= width;
        for vector in 0..BLOCK / S::F32_LANES {
            if is_inside {
                self.sums::<S, SIZE, STRIDE, CELLS, true>(simd, &place, width, vector * S::F32_LANES);
            } else {
                self.sums::<S, SIZE, STRIDE, CELLS, false>(simd, &place, width, vector * S::F32_LANES);
            }
        }
        CELLS
    }

    /// The sums of `CELLS` neighbouring cells for the channels of one vector, from `lane` on.
    #[inline(always)]
    fn sums<S: Simd, const SIZE: usize, const STRIDE: usize, const CELLS: usize, const INSIDE: bool>(
        &mut self,
        simd: S,
        place: &Place,
        width: usize,
        lane: usize,
    ) {
        let [above, _] = self.convolution.window.before;
        let zero = simd.splat_f32s(0.0);
        // SAFETY: `lane` and a vector's lanes stay within BLOCK values, of which bias has one set and weights SIZE × SIZE; rows
        // are those that lie on the input, and a column off the input is not read; `CELLS` cells are left in the output.
        unsafe {
            let mut sums = [load::<S>(self.bias.as_ptr().add(lane)); CELLS];
            for y in place.rows.clone() {
                let row = self.input.as_ptr().add((place.top + y - above) * width * BLOCK + lane);
                let value = |column: usize| {
                    let column = place.first + column as isize;
                    if INSIDE || (column >= 0 && (column as usize) < width) {
                        load::<S>(row.offset(column * BLOCK as isize))
                    } else {
                        zero
                    }
                };
                let weights = self.weights.as_ptr().add(y * SIZE * BLOCK + lane);
                for x in 0..SIZE {
                    let weight = load::<S>(weights.add(x * BLOCK));
                    for (cell, sum) in sums.iter_mut().enumerate() {
                        *sum = simd.mul_add_e_f32s(value(cell * STRIDE + x), weight, *sum);
                    }
                }
            }
            for (cell, sum) in sums.into_iter().enumerate() {
                let to = self.output.as_mut_ptr().add(place.at + cell * BLOCK + lane);
                store::<S>(to, self.convolution.bounds.clamp(simd, sum));
            }
        }
    }
}

/// Where the first of some cells lies.
pub struct Place {
    /// Row of the padded input where its window begins.
    pub top: usize,
    /// Of the window, those that lie on the input.
    pub rows: Range<usize>,
    /// Column of the input where its window begins, which may lie before the input.
    pub first: isize,
    /// In the piece of the output.
    pub at: usize,
}
