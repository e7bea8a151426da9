//! The largest value of each window.

use pulp::{Simd, WithSimd};

use super::blocked::{BLOCK, Shape};
use super::lanes::dispatch;
use super::window::Window;
use super::workers::Workers;

/// A max pooling; what lies outside the input is never the largest.
#[derive(Debug)]
pub struct MaxPool {
    input: Shape,
    output: Shape,
    window: Window,
}

impl MaxPool {
    /// `None` where no window fits.
    pub fn new(input: Shape, window: Window) -> Option<Self> {
        let output = window.output(input, input.channels)?;
        Some(Self { input, output, window })
    }

    /// What comes out.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// Pools blocked `input` into blocked `output`.
    ///
    /// # Panics
    /// When a slice is shorter than its shape.
    pub fn run(&self, input: &[f32], output: &mut [f32], workers: &Workers) {
        let input = &input[..self.input.blocked_len()];
        let output = &mut output[..self.output.blocked_len()];
        workers.for_each_piece(output, self.output.plane(), |block, output| {
            dispatch(Plane {
                pooling: self,
                input: &input[block * self.input.plane()..][..self.input.plane()],
                output,
            });
        });
    }
}

/// One block.
struct Plane<'a> {
    pooling: &'a MaxPool,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let MaxPool { input, output, window } = self.pooling;
        let (values, _) = S::as_simd_f32s(self.input);
        let (largest, _) = S::as_mut_simd_f32s(self.output);
        let vectors = BLOCK / S::F32_LANES;
        let seen = |place: usize, before: usize, size: usize, cells: usize| {
            let first = place * window.stride;
            first.saturating_sub(before)..(first + size).saturating_sub(before).min(cells)
        };
        for (cell, largest) in largest.chunks_exact_mut(vectors).enumerate() {
            let rows = seen(cell / output.width, window.before[0], window.height, input.height);
            let columns = seen(cell % output.width, window.before[1], window.width, input.width);
            largest.fill(simd.splat_f32s(f32::NEG_INFINITY));
            for row in rows {
                for column in columns.clone() {
                    let from = (row * input.width + column) * vectors;
                    for (largest, value) in largest.iter_mut().zip(&values[from..from + vectors]) {
                        *largest = simd.max_f32s(*largest, *value);
                    }
                }
            }
        }
    }
}
