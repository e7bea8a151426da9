//! The heart of every dense operator: sums for a tile of neighbouring cells and one block of channels, held in registers.

#![allow(unsafe_code)]

use pulp::{Simd, WithSimd};

use super::blocked::{BLOCK, whole_lines};
use super::lanes::{Bounds, load, store};

/// For sums that begin with nothing.
pub const NO_BIAS: [f32; BLOCK] = [0.0; BLOCK];

/// A part of a window whose values lie together: where it starts, from the window's first cell, and how many values it has.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// In values.
    pub offset: usize,
    /// How many.
    pub values: usize,
}

/// How far the windows of neighbouring cells lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One value: planar input.
    Value,
    /// Two values: planar input, stride two.
    TwoValues,
    /// One block: blocked input.
    Block,
    /// Two blocks: blocked input, stride two.
    TwoBlocks,
}

impl Step {
    /// In values.
    pub fn values(self) -> usize {
        match self {
            Self::Value => 1,
            Self::TwoValues => 2,
            Self::Block => BLOCK,
            Self::TwoBlocks => 2 * BLOCK,
        }
    }
}

/// Some lines of one block of the output, and all that they are made of.
pub struct Tiles<'a> {
    /// What a window is made of.
    pub runs: &'a [Run],
    /// For each value of the runs, in order, one weight for each channel of the block.
    pub weights: &'a [f32],
    /// For each channel of the block.
    pub bias: &'a [f32],
    /// Of what is stored.
    pub bounds: Bounds,
    /// From the first cell's window on.
    pub input: &'a [f32],
    /// From the window of a cell to that of the cell below, in values.
    pub line_step: usize,
    /// From the window of a cell to that of the cell beside it.
    pub step: Step,
    /// Is added before the bounds; of the shape of the output.
    pub residual: Option<&'a [f32]>,
    /// `[lines, width, BLOCK]`.
    pub output: &'a mut [f32],
    /// In cells.
    pub width: usize,
}

impl WithSimd for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lines = whole_lines(self.output.len(), self.width);
        let end = self.runs.iter().map(|run| run.offset + run.values).max().unwrap_or(0);
        let last = (lines - 1) * self.line_step + (self.width - 1) * self.step.values();
        let taps: usize = self.runs.iter().map(|run| run.values).sum();
        assert!(self.input.len() >= last + end, "the input is shorter than its shape");
        assert!(
            self.weights.len() >= taps * BLOCK && self.bias.len() >= BLOCK,
            "weights are missing"
        );
        assert!(
            self.residual.is_none_or(|residual| residual.len() >= self.output.len()),
            "the residual is shorter than the output"
        );
        match self.step {
            Step::Value => self.lines::<S, 1>(simd),
            Step::TwoValues => self.lines::<S, 2>(simd),
            Step::Block => self.lines::<S, BLOCK>(simd),
            Step::TwoBlocks => self.lines::<S, { 2 * BLOCK }>(simd),
        }
    }
}

impl Tiles<'_> {
    /// `STEP` is how far the windows of neighbouring cells lie apart, in values.
    #[inline(always)]
    fn lines<S: Simd, const STEP: usize>(mut self, simd: S) {
        let lines = self.output.len() / (self.width * BLOCK);
        for line in 0..lines {
            let origin = line * self.line_step;
            let mut column = 0;
            while column < self.width {
                let at = (line * self.width + column) * BLOCK;
                let origin = origin + column * STEP;
                let left = self.width - column;
                // Fourteen sums, their weights and one input fill the 32 registers of AVX-512 well, and fourteen or twelve divide
                // the widths of the usual networks; six pairs fill the sixteen of AVX2, six times four those of NEON.
                let is_wide = S::F32_LANES == BLOCK;
                // SAFETY: `with_simd` has checked that the windows of all cells lie within the input, and `left` cells are left in
                // the output.
                column += unsafe {
                    match left {
                        14.. if is_wide && !left.is_multiple_of(12) => self.tile::<S, STEP, 14, 1>(simd, origin, at),
                        12.. if is_wide => self.tile::<S, STEP, 12, 1>(simd, origin, at),
                        6.. => self.tile::<S, STEP, 6, 1>(simd, origin, at),
                        4.. => self.tile::<S, STEP, 4, 1>(simd, origin, at),
                        2.. => self.tile::<S, STEP, 2, 2>(simd, origin, at),
                        _ => self.tile::<S, STEP, 1, 4>(simd, origin, at),
                    }
                };
            }
        }
    }

    /// The sums of `CELLS` neighbouring cells, whose windows start at `origin`; `at` is their place in the output. Each is added
    /// up in `PARTS` parts: an addition takes as long as four can be begun.
    ///
    /// # Safety
    /// All the windows lie within the input, and all the cells within the output.
    #[inline(always)]
    unsafe fn tile<S: Simd, const STEP: usize, const CELLS: usize, const PARTS: usize>(
        &mut self,
        simd: S,
        origin: usize,
        at: usize,
    ) -> usize {
        match BLOCK / S::F32_LANES {
            // SAFETY: of the caller.
            1 => unsafe { self.sums::<S, STEP, CELLS, PARTS, 1>(simd, origin, at) },
            // SAFETY: of the caller.
            2 => unsafe { self.sums::<S, STEP, CELLS, PARTS, 2>(simd, origin, at) },
            // SAFETY: of the caller.
            4 => unsafe { self.sums::<S, STEP, CELLS, PARTS, 4>(simd, origin, at) },
            // SAFETY: of the caller.
            _ => unsafe { self.sums::<S, STEP, CELLS, PARTS, BLOCK>(simd, origin, at) },
        }
        CELLS
    }

    /// `VECTORS` of them make a block.
    ///
    /// # Safety
    /// As for [`tile`](Self::tile), and `VECTORS` vectors have no more than `BLOCK` values.
    #[inline(always)]
    unsafe fn sums<S: Simd, const STEP: usize, const CELLS: usize, const PARTS: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        origin: usize,
        at: usize,
    ) {
        let mut sums = [[[simd.splat_f32s(0.0); CELLS]; VECTORS]; PARTS];
        // SAFETY: of the caller for input and output; `with_simd` has checked that the residual is as long as the output, that
        // there is a weight for each lane and each value of the runs, and a bias for each lane.
        unsafe {
            for (vector, sums) in sums[0].iter_mut().enumerate() {
                *sums = [load::<S>(self.bias.as_ptr().add(vector * S::F32_LANES)); CELLS];
            }
            let mut weights = self.weights.as_ptr();
            let origin = self.input.as_ptr().add(origin);
            for run in self.runs {
                let mut input = origin.add(run.offset);
                for _ in 0..run.values / PARTS {
                    for sums in &mut sums {
                        add::<S, STEP, CELLS, VECTORS>(simd, input, weights, sums);
                        input = input.add(1);
                        weights = weights.add(BLOCK);
                    }
                }
                for _ in 0..run.values % PARTS {
                    add::<S, STEP, CELLS, VECTORS>(simd, input, weights, &mut sums[0]);
                    input = input.add(1);
                    weights = weights.add(BLOCK);
                }
            }
            let output = self.output.as_mut_ptr().add(at);
            for vector in 0..VECTORS {
                for cell in 0..CELLS {
                    let place = cell * BLOCK + vector * S::F32_LANES;
                    let mut sum = sums[0][vector][cell];
                    for part in &sums[1..] {
                        sum = simd.add_f32s(sum, part[vector][cell]);
                    }
                    if let Some(residual) = self.residual {
                        sum = simd.add_f32s(sum, load::<S>(residual.as_ptr().add(at + place)));
                    }
                    store::<S>(output.add(place), self.bounds.clamp(simd, sum));
                }
            }
        }
    }
}

/// Adds one value of the input of each cell, times its weights.
///
/// # Safety
/// Weights of a block can be read, and inputs of `CELLS` cells, `STEP` values apart.
#[inline(always)]
unsafe fn add<S: Simd, const STEP: usize, const CELLS: usize, const VECTORS: usize>(
    simd: S,
    input: *const f32,
    weights: *const f32,
    sums: &mut [[S::f32s; CELLS]; VECTORS],
) {
    let mut weight = [simd.splat_f32s(0.0); VECTORS];
    // SAFETY: of the caller.
    unsafe {
        for (vector, weight) in weight.iter_mut().enumerate() {
            *weight = load::<S>(weights.add(vector * S::F32_LANES));
        }
        #[allow(clippy::needless_range_loop, reason = "the second index of the sums")]
        for cell in 0..CELLS {
            let value = simd.splat_f32s(*input.add(cell * STEP));
            for (sums, weight) in sums.iter_mut().zip(weight) {
                sums[cell] = simd.mul_add_e_f32s(weight, value, sums[cell]);
            }
        }
    }
}
