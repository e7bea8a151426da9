//! The product of two matrices that both come out of the network.

use super::blocked::{BLOCK, Shape};
use super::lanes::{Bounds, dispatch};
use super::tile::{NO_BIAS, Run, Step, Tiles};
use super::workers::Workers;

/// `[rows, inner] × [inner, columns]`, either as it is or lying the other way round.
#[derive(Debug)]
pub struct Product {
    rows: usize,
    inner: usize,
    columns: usize,
    /// The left matrix lies as `[inner, rows]`.
    is_left_turned: bool,
    /// The right matrix lies as `[columns, inner]`.
    is_right_turned: bool,
    runs: Vec<Run>,
}

impl Product {
    /// A product of these sizes.
    pub fn new(rows: usize, inner: usize, columns: usize, is_left_turned: bool, is_right_turned: bool) -> Self {
        let runs = (0..inner)
            .map(|tap| Run {
                offset: tap * columns,
                values: 1,
            })
            .collect();
        Self {
            rows,
            inner,
            columns,
            is_left_turned,
            is_right_turned,
            runs,
        }
    }

    /// What comes out, blocked: the rows are its channels.
    pub fn output(&self) -> Shape {
        Shape {
            channels: self.rows,
            height: 1,
            width: self.columns,
        }
    }

    /// Multiplications with an addition each.
    pub fn operations(&self) -> usize {
        self.rows * self.inner * self.columns
    }

    /// Values of scratch memory that [`run`](Self::run) wants.
    pub fn scratch_len(&self) -> usize {
        let right = if self.is_right_turned {
            self.inner * self.columns
        } else {
            0
        };
        self.packed_len() + right
    }

    fn packed_len(&self) -> usize {
        self.rows.div_ceil(BLOCK) * BLOCK * self.inner
    }

    /// Multiplies.
    ///
    /// # Panics
    /// When a slice is shorter than its shape.
    pub fn run(&self, left: &[f32], right: &[f32], output: &mut [f32], scratch: &mut [f32], workers: &Workers) {
        let (packed, turned) = scratch.split_at_mut(self.packed_len());
        for (block, packed) in packed.chunks_exact_mut(BLOCK * self.inner).enumerate() {
            let first = block * BLOCK;
            let rows = BLOCK.min(self.rows - first);
            for (tap, weights) in packed.chunks_exact_mut(BLOCK).enumerate() {
                weights[rows..].fill(0.0);
                if self.is_left_turned {
                    weights[..rows].copy_from_slice(&left[tap * self.rows + first..][..rows]);
                } else {
                    let column = left[first * self.inner + tap..].iter().step_by(self.inner);
                    weights[..rows]
                        .iter_mut()
                        .zip(column)
                        .for_each(|(to, value)| *to = *value);
                }
            }
        }
        let right = if self.is_right_turned {
            let turned = &mut turned[..self.inner * self.columns];
            for (tap, row) in turned.chunks_exact_mut(self.columns).enumerate() {
                let column = right[tap..].iter().step_by(self.inner);
                row.iter_mut().zip(column).for_each(|(to, value)| *to = *value);
            }
            &*turned
        } else {
            right
        };
        let output = &mut output[..self.output().blocked_len()];
        workers.for_each_piece(output, self.columns * BLOCK, |block, output| {
            dispatch(Tiles {
                runs: &self.runs,
                weights: &packed[block * BLOCK * self.inner..][..BLOCK * self.inner],
                bias: &NO_BIAS,
                bounds: Bounds::NONE,
                input: right,
                line_step: 0,
                step: Step::Value,
                residual: None,
                output,
                width: self.columns,
            });
        });
    }
}
