//! A convolution in which every channel sees every other: one by one, or of any size and stride.

use super::blocked::{BLOCK, Shape, whole_blocks};
use super::lanes::{Bounds, dispatch};
use super::tile::{Run, Step, Tiles};
use super::window::Window;
use super::workers::{Cut, Order, Workers};

/// How a convolution's input lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[channels, height, width]`: what comes from outside.
    Planar,
    /// `[blocks, height, width, BLOCK]`.
    Blocked,
}

/// A convolution with its weights in the order in which they are used.
#[derive(Debug)]
pub struct Dense {
    input: Shape,
    output: Shape,
    window: Window,
    layout: Layout,
    /// One for each part of a window whose values lie together.
    runs: Vec<Run>,
    /// `[blocks, taps, BLOCK]`, the taps in the order of `runs`.
    weights: Vec<f32>,
    bias: Vec<f32>,
    bounds: Bounds,
    taps: usize,
}

impl Dense {
    /// Prepares `weights`, `[outputs, inputs, height, width]`, and `bias`, `[outputs]`. `None` where they do not fit together.
    pub fn new(
        input: Shape,
        layout: Layout,
        window: Window,
        weights: &[f32],
        bias: &[f32],
        bounds: Bounds,
    ) -> Option<Self> {
        let output = window.output(input, bias.len())?;
        let taps = input.channels * window.height * window.width;
        if weights.len() != bias.len() * taps || taps == 0 {
            return None;
        }
        let padded = window.padded(input);
        let (group, plane) = match layout {
            // The channels of a single cell lie together.
            Layout::Planar if padded.cells() == 1 => (input.channels, 1),
            Layout::Planar => (1, padded.cells()),
            Layout::Blocked => (BLOCK, padded.plane()),
        };
        let mut runs = Vec::new();
        // For each tap in the order of the runs, its place among the weights of a filter.
        let mut places = Vec::with_capacity(taps);
        for first in (0..input.channels).step_by(group) {
            let values = group.min(input.channels - first);
            for y in 0..window.height {
                for x in 0..window.width {
                    runs.push(Run {
                        offset: first / group * plane + (y * padded.width + x) * group,
                        values,
                    });
                    let channels = first..first + values;
                    places.extend(channels.map(|channel| (channel * window.height + y) * window.width + x));
                }
            }
        }
        let mut packed = vec![0.0; output.blocks() * taps * BLOCK];
        for (packed, filters) in packed.chunks_exact_mut(taps * BLOCK).zip(weights.chunks(BLOCK * taps)) {
            for (packed, place) in packed.chunks_exact_mut(BLOCK).zip(&places) {
                for (packed, filter) in packed.iter_mut().zip(filters.chunks_exact(taps)) {
                    *packed = filter[*place];
                }
            }
        }
        Some(Self {
            input,
            output,
            window,
            layout,
            runs,
            weights: packed,
            bias: whole_blocks(bias),
            bounds,
            taps,
        })
    }

    /// What comes out.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// Multiplications with an addition each, of one run.
    pub fn operations(&self) -> usize {
        self.output.planar_len() * self.taps
    }

    /// Values of scratch memory that [`run`](Self::run) wants.
    pub fn scratch_len(&self) -> usize {
        let padded = self.window.padded(self.input);
        match (self.window.has_padding(), self.layout) {
            (false, _) => 0,
            (true, Layout::Planar) => padded.planar_len(),
            (true, Layout::Blocked) => padded.blocked_len(),
        }
    }

    /// Weights and biases, with those of channels that only fill a block.
    pub fn weights(&self) -> usize {
        self.weights.len() + self.bias.len()
    }

    /// The bounds of what is stored.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The same, to change them.
    pub fn bounds_mut(&mut self) -> &mut Bounds {
        &mut self.bounds
    }

    /// Convolves `input`, of the layout that was stated, into blocked `output`; adds the blocked `residual` before the bounds.
    ///
    /// # Panics
    /// When a slice is shorter than its shape.
    pub fn run(
        &self,
        input: &[f32],
        residual: Option<&[f32]>,
        output: &mut [f32],
        scratch: &mut [f32],
        workers: &Workers,
    ) {
        let output = &mut output[..self.output.blocked_len()];
        let residual = residual.map(|residual| &residual[..output.len()]);
        let input = if self.window.has_padding() {
            let scratch = &mut scratch[..self.scratch_len()];
            match self.layout {
                Layout::Planar => self
                    .window
                    .pad(input, self.input, self.input.channels, 1, 0.0, scratch, workers),
                Layout::Blocked => {
                    self.window
                        .pad(input, self.input, self.input.blocks(), BLOCK, 0.0, scratch, workers)
                }
            }
            &*scratch
        } else {
            input
        };
        let (group, step) = match (self.layout, self.window.stride) {
            (Layout::Planar, 1) => (1, Step::Value),
            (Layout::Planar, _) => (1, Step::TwoValues),
            (Layout::Blocked, 1) => (BLOCK, Step::Block),
            (Layout::Blocked, _) => (BLOCK, Step::TwoBlocks),
        };
        // A window of one cell knows no rows: the whole map is one long line.
        let (lines, width) = if self.window.is_one_cell() {
            (1, self.output.cells())
        } else {
            (self.output.height, self.output.width)
        };
        let line_step = self.window.stride * self.window.padded(self.input).width * group;
        let (piece_lines, piece_width) = workers.pieces(lines, width, self.output.blocks(), self.taps);
        let piece = piece_lines * piece_width * BLOCK;
        let cut = Cut {
            plane: self.output.plane(),
            piece,
            order: Order::of(self.weights.len(), self.input.blocked_len()),
        };
        workers.for_each_piece_of_planes(output, cut, |block, index, [output]| {
            let first = block * cut.plane + index * piece;
            let first_cell = index * piece_lines * piece_width;
            dispatch(Tiles {
                runs: &self.runs,
                weights: &self.weights[block * self.taps * BLOCK..][..self.taps * BLOCK],
                bias: &self.bias[block * BLOCK..][..BLOCK],
                bounds: self.bounds,
                input: &input[first_cell / width * line_step + first_cell % width * step.values()..],
                line_step,
                step,
                residual: residual.map(|residual| &residual[first..][..output.len()]),
                width: piece_width.min(output.len() / BLOCK),
                output,
            });
        });
    }
}
