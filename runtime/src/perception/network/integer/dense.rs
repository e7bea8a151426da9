//! A convolution of bytes in which every channel sees every other.

use super::quantise::{Grain, Scale};
use super::tile::{Output, Run, Tiles};
use super::vectors::{self, GROUP, GROUP_WEIGHTS, dispatch};
use crate::perception::network::blocked::{BLOCK, Shape, whole_blocks};
use crate::perception::network::lanes::Bounds;
use crate::perception::network::window::Window;
use crate::perception::network::workers::Workers;

/// Products of the largest byte and the largest weight that a sum of 32 bits holds.
const MOST_TAPS: usize = i32::MAX as usize / (255 * 127);

/// The largest weight in eight bits.
const LARGEST: f32 = 127.0;

/// A convolution with its weights in eight bits, in the order in which they are used.
#[derive(Debug)]
pub struct IntegerDense {
    input: Shape,
    output: Shape,
    window: Window,
    grain: Grain,
    /// One for each block of channels of each tap of the window.
    runs: Vec<Run>,
    /// `[blocks, groups, BLOCK, 4]`, the groups in the order of `runs`.
    weights: Vec<i8>,
    /// What one unit of a channel's weights is worth.
    sizes: Vec<f32>,
    /// Of each channel's weights, in units.
    sums: Vec<i32>,
    bias: Vec<f32>,
    bounds: Bounds,
    groups: usize,
    /// For what is stored as bytes.
    stored: Option<Scale>,
}

impl IntegerDense {
    /// Prepares `weights`, `[outputs, inputs, height, width]`, and `bias`, `[outputs]`. `None` where they do not fit together, or
    /// where sums might not fit into 32 bits.
    pub fn new(
        input: Shape,
        grain: Grain,
        window: Window,
        weights: &[f32],
        bias: &[f32],
        bounds: Bounds,
    ) -> Option<Self> {
        let output = window.output(input, bias.len())?;
        let taps = input.channels * window.height * window.width;
        let is_right = weights.len() == bias.len() * taps && (1..=MOST_TAPS).contains(&taps);
        if !is_right || (grain == Grain::Group && input.channels > GROUP) {
            return None;
        }
        let padded = window.padded(input);
        let mut runs = Vec::new();
        // For each group of four in the order of the runs, the places of its weights among those of a filter.
        let mut places = Vec::<[Option<usize>; GROUP]>::new();
        for first in (0..input.channels).step_by(grain.bytes()) {
            let channels = first..input.channels.min(first + grain.bytes());
            for y in 0..window.height {
                for x in 0..window.width {
                    runs.push(Run {
                        offset: (first / grain.bytes() * padded.cells() + y * padded.width + x) * grain.bytes(),
                        groups: channels.len().div_ceil(GROUP),
                    });
                    let place = |channel: usize| (channel * window.height + y) * window.width + x;
                    places.extend(channels.clone().step_by(GROUP).map(|group| {
                        std::array::from_fn(|index| channels.contains(&(group + index)).then(|| place(group + index)))
                    }));
                }
            }
        }
        let groups = places.len();
        let mut packed = vec![0; output.blocks() * groups * GROUP_WEIGHTS];
        let (mut sizes, mut sums) = (vec![0.0; bias.len()], vec![0; output.blocks() * BLOCK]);
        for (channel, filter) in weights.chunks_exact(taps).enumerate() {
            let largest = filter.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
            let size = largest / LARGEST;
            let unit = if size.is_normal() { size } else { 1.0 };
            sizes[channel] = unit;
            for (group, places) in places.iter().enumerate() {
                let start = (channel / BLOCK * groups + group) * GROUP_WEIGHTS + channel % BLOCK * GROUP;
                for (weight, place) in packed[start..].iter_mut().zip(places) {
                    *weight = place.map_or(0, |place| {
                        (filter[place] / unit).round_ties_even().clamp(-LARGEST, LARGEST) as i8
                    });
                    sums[channel] += i32::from(*weight);
                }
            }
        }
        Some(Self {
            input,
            output,
            window,
            grain,
            runs,
            weights: packed,
            sizes: whole_blocks(&sizes),
            sums,
            bias: whole_blocks(bias),
            bounds,
            groups,
            stored: None,
        })
    }

    /// The same, which stores bytes from zero to `high`; it must have no residual.
    pub fn storing(self, high: f32) -> Self {
        Self {
            stored: Some(Scale::up_to(high)),
            ..self
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
        self.output.planar_len() * self.input.channels * self.window.height * self.window.width
    }

    /// Of weights and what belongs to them.
    pub fn weight_bytes(&self) -> usize {
        self.weights.len() + 3 * self.bias.len() * size_of::<f32>()
    }

    /// Bytes of scratch memory that [`run`](Self::run) wants.
    pub fn scratch_bytes(&self) -> usize {
        match self.window.has_padding() {
            true => self.grain.len(self.window.padded(self.input)),
            false => 0,
        }
    }

    /// Convolves bytes of a scale into a blocked map; adds the blocked `residual` before the bounds.
    ///
    /// # Panics
    /// When a slice is shorter than its shape, or the output is not of the kind that it stores.
    pub fn run(
        &self,
        input: &[u8],
        scale: Scale,
        residual: Option<&[f32]>,
        output: Output<'_>,
        scratch: &mut [u8],
        workers: &Workers,
    ) {
        let grain = self.grain.bytes();
        let input = if self.window.has_padding() {
            let scratch = &mut scratch[..self.scratch_bytes()];
            let planes = self.input.channels.div_ceil(grain);
            let nothing = vectors::stored(scale.zero);
            self.window
                .pad(input, self.input, planes, grain, nothing, scratch, workers);
            &*scratch
        } else {
            input
        };
        // A window of one cell knows no rows: the whole map is one long line.
        let (lines, width) = if self.window.is_one_cell() {
            (1, self.output.cells())
        } else {
            (self.output.height, self.output.width)
        };
        let step = self.window.stride * grain;
        let line_step = step * self.window.padded(self.input).width;
        let (piece_lines, piece_width) = workers.pieces(lines, width, self.output.blocks(), self.groups);
        let piece = piece_lines * piece_width * BLOCK;
        let pieces_in_plane = self.output.plane() / piece;
        let (len, are_bytes) = (self.output.blocked_len(), self.stored.is_some());
        output.for_each_piece(len, are_bytes, piece, workers, |index, output| {
            let (block, within) = (index / pieces_in_plane, index % pieces_in_plane);
            let first_cell = within * piece_lines * piece_width;
            let lanes = block * BLOCK..(block + 1) * BLOCK;
            let units = 1.0 / self.stored.map_or(1.0, |stored| stored.size);
            let start = vectors::offset() - scale.zero;
            let (mut starts, mut factor, mut bias) = ([0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
            for (lane, channel) in lanes.enumerate() {
                starts[lane] = start * self.sums[channel];
                factor[lane] = scale.size * self.sizes[channel] * units;
                bias[lane] = self.bias[channel] * units;
            }
            dispatch(Tiles {
                runs: &self.runs,
                weights: &self.weights[block * self.groups * GROUP_WEIGHTS..][..self.groups * GROUP_WEIGHTS],
                start: starts,
                factor,
                bias,
                bounds: Bounds {
                    low: self.bounds.low * units,
                    high: self.bounds.high * units,
                },
                input: &input[first_cell / width * line_step + first_cell % width * step..],
                line_step,
                step,
                residual: residual.map(|residual| &residual[index * piece..][..piece]),
                output,
                width: piece_width,
            });
        });
    }
}
