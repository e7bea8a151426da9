//! A convolution of bytes in which every channel sees every other.

use super::quantise::{Grain, Scale};
use super::reach::{Reach, SharedReach};
use super::tile::{Channels, MOST_GROUPS, Output, Run, Tiles};
use super::vectors::{self, GROUP, GROUP_WEIGHTS, dispatch};
use crate::perception::network::blocked::{BLOCK, Shape, whole_blocks};
use crate::perception::network::lanes::Bounds;
use crate::perception::network::window::{Border, Window};
use crate::perception::network::workers::{Cut, Order, Workers};

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
    /// What lies around the bytes that are given.
    border: Border,
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
        if !is_right || (grain == Grain::Single && window.width > MOST_GROUPS * GROUP) {
            return None;
        }
        let places = places(input, grain, window);
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
        let convolution = Self {
            input,
            output,
            window,
            grain,
            border: Border::default(),
            runs: Vec::new(),
            weights: packed,
            sizes: whole_blocks(&sizes),
            sums,
            bias: whole_blocks(bias),
            bounds,
            groups,
            stored: None,
        };
        Some(convolution.within(Border::default()))
    }

    /// The same, for bytes that are given with a border of such that mean zero.
    pub fn within(self, border: Border) -> Self {
        let padded = self.padding(border).around(self.input);
        let Window { height, width, .. } = self.window;
        let mut runs = Vec::new();
        for plane in 0..self.grain.planes(self.input) {
            let offset = |y: usize, x: usize| (plane * padded.cells() + y * padded.width + x) * self.grain.bytes();
            match self.grain {
                Grain::Single => runs.extend((0..height).map(|y| Run {
                    offset: offset(y, 0),
                    groups: width.div_ceil(GROUP),
                })),
                Grain::Block => {
                    let channels = (self.input.channels - plane * BLOCK).min(BLOCK);
                    runs.extend((0..height * width).map(|cell| Run {
                        offset: offset(cell / width, cell % width),
                        groups: channels.div_ceil(GROUP),
                    }));
                }
            }
        }
        Self { border, runs, ..self }
    }

    /// What lies around the input where it is convolved: what it is given with, if that is enough.
    fn padding(&self, given: Border) -> Border {
        if given.with(self.window.border()) == given {
            given
        } else {
            self.window.border()
        }
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
        let padding = self.padding(self.border);
        match padding == self.border {
            true => 0,
            false => self.grain.len(padding.around(self.input)) + self.grain.read_behind(),
        }
    }

    /// Convolves bytes of a scale into a blocked map; adds the blocked `residual` before the bounds. Gives how far what it stores
    /// reaches, if those are values.
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
    ) -> Reach {
        let grain = self.grain.bytes();
        let padding = self.padding(self.border);
        let padded = padding.around(self.input);
        let input = if padding == self.border {
            input
        } else {
            let scratch = &mut scratch[..self.scratch_bytes()];
            let nothing = vectors::stored(scale.zero);
            let planes = self.grain.planes(self.input);
            self.window
                .pad(input, self.input, planes, grain, nothing, scratch, workers);
            &*scratch
        };
        let [above, left] = [0, 1].map(|way| padding.before[way] - self.window.before[way]);
        let input = &input[(above * padded.width + left) * grain..];
        // A window of one cell knows no rows: the whole map is one long line.
        let (lines, line_width) = if self.window.is_one_cell() && padding == Border::default() {
            (1, self.output.cells())
        } else {
            (self.output.height, self.output.width)
        };
        let step = self.window.stride * grain;
        let line_step = step * padded.width;
        let (piece_lines, piece_width) =
            workers.pieces(lines, line_width, self.output.blocks().div_ceil(2), 2 * self.groups);
        let piece = piece_lines * piece_width * BLOCK;
        let cut = Cut {
            plane: self.output.plane(),
            piece,
            order: Order::of(self.weights.len(), self.grain.len(self.input)),
        };
        let (len, are_bytes) = (self.output.blocked_len(), self.stored.is_some());
        let units = 1.0 / self.stored.map_or(1.0, |stored| stored.size);
        let bounds = Bounds {
            low: self.bounds.low * units,
            high: self.bounds.high * units,
        };
        let reach = SharedReach::default();
        output.for_each_piece(len, are_bytes, cut, workers, |block, index, [one, other]| {
            let first_cell = index * piece_lines * piece_width;
            let width = piece_width.min(one.count() / BLOCK);
            let input = &input[first_cell / line_width * line_step + first_cell % line_width * step..];
            let channels = |block: usize, output| {
                let residual = residual.map(|residual| &residual[block * cut.plane + index * piece..]);
                self.channels(block, scale, units, residual, output)
            };
            reach.include(match other.count() {
                0 => dispatch(Tiles {
                    runs: &self.runs,
                    input,
                    line_step,
                    step,
                    width,
                    bounds,
                    blocks: [channels(block, one)],
                }),
                _ => dispatch(Tiles {
                    runs: &self.runs,
                    input,
                    line_step,
                    step,
                    width,
                    bounds,
                    blocks: [channels(block, one), channels(block + 1, other)],
                }),
            });
        });
        reach.get()
    }

    /// What makes the sums of a block of channels from bytes of a scale, in units of which `units` are one.
    fn channels<'a>(
        &'a self,
        block: usize,
        scale: Scale,
        units: f32,
        residual: Option<&'a [f32]>,
        output: Output<'a>,
    ) -> Channels<'a> {
        let start = vectors::offset() - scale.zero;
        let (mut starts, mut factor, mut bias) = ([0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
        for (lane, channel) in (block * BLOCK..(block + 1) * BLOCK).enumerate() {
            starts[lane] = start * self.sums[channel];
            factor[lane] = scale.size * self.sizes[channel] * units;
            bias[lane] = self.bias[channel] * units;
        }
        Channels {
            weights: &self.weights[block * self.groups * GROUP_WEIGHTS..][..self.groups * GROUP_WEIGHTS],
            start: starts,
            factor,
            bias,
            residual: residual.map(|residual| &residual[..output.count()]),
            output,
        }
    }
}

/// For each group of four bytes that a window is made of, in the order in which they are read, the places of their weights among
/// those of a filter, `[inputs, height, width]`.
fn places(input: Shape, grain: Grain, window: Window) -> Vec<[Option<usize>; GROUP]> {
    let place = |channel: usize, y: usize, x: usize| {
        let is_there = channel < input.channels && x < window.width;
        is_there.then_some((channel * window.height + y) * window.width + x)
    };
    let mut places = Vec::new();
    match grain {
        Grain::Single => {
            for (channel, y) in (0..input.channels).flat_map(|channel| (0..window.height).map(move |y| (channel, y))) {
                let groups = (0..window.width).step_by(GROUP);
                places.extend(groups.map(|x| std::array::from_fn(|index| place(channel, y, x + index))));
            }
        }
        Grain::Block => {
            for first in (0..input.channels).step_by(BLOCK) {
                for cell in 0..window.height * window.width {
                    let groups = (first..input.channels.min(first + BLOCK)).step_by(GROUP);
                    places.extend(groups.map(|channel| {
                        std::array::from_fn(|index| place(channel + index, cell / window.width, cell % window.width))
                    }));
                }
            }
        }
    }
    places
}
