//! A convolution with a window of 3×3 by fewer multiplications: Winograd's minimal filtering, as Lavin and Gray (2016, arXiv
//! 1509.09308) use it.
//!
//! The output is cut into tiles of 2×2 or 4×4 cells. The window of a tile, 4×4 or 6×6 cells, is transformed so that the
//! convolution becomes one product for each of its places: 16 multiplications in place of 36 for a tile of 2×2, 36 in place of 144
//! for one of 4×4. The products of one place, over all tiles and channels, are a convolution with a window of one cell.

use pulp::{Simd, WithSimd};

use super::blocked::{BLOCK, Shape, whole_blocks};
use super::lanes::{Bounds, dispatch};
use super::tile::{NO_BIAS, Run, Step, Tiles};
use super::window::Window;
use super::workers::Workers;

/// Edges of tiles, the better first, each with the fewest tiles of which it is the faster way: with fewer, reading the transformed
/// weights costs more than the multiplications that they save.
const EDGES: [(usize, usize); 2] = [(4, 36), (2, 20)];
/// Values of transformed input and output that are worked on at a time, at least: what the second cache of a processor holds.
const PORTION_VALUES: usize = 200_000;

/// A convolution with its weights transformed.
#[derive(Debug)]
pub struct Winograd {
    input: Shape,
    output: Shape,
    /// Cells put in front of the input: rows, columns.
    before: [usize; 2],
    /// Cells of the output along an edge of a tile: two or four.
    edge: usize,
    /// Tiles in a row.
    columns: usize,
    tiles: usize,
    /// Tiles that are worked on at a time.
    portion: usize,
    /// `[places, blocks, input channels, BLOCK]`.
    weights: Vec<f32>,
    runs: Vec<Run>,
    bias: Vec<f32>,
    bounds: Bounds,
}

impl Winograd {
    /// Prepares `weights`, `[outputs, inputs, 3, 3]`, and `bias`, `[outputs]`. `None` where they do not fit together, or where the
    /// plain way is faster.
    pub fn new(input: Shape, window: Window, weights: &[f32], bias: &[f32], bounds: Bounds) -> Option<Self> {
        let output = window.output(input, bias.len())?;
        if (window.height, window.width, window.stride) != (3, 3, 1) || weights.len() != bias.len() * input.channels * 9
        {
            return None;
        }
        let tiles = |edge: usize| output.height.div_ceil(edge) * output.width.div_ceil(edge);
        let (edge, _) = EDGES.into_iter().find(|(edge, fewest)| tiles(*edge) >= *fewest)?;
        if input.channels < BLOCK {
            return None;
        }
        let places = (edge + 2) * (edge + 2);
        let taps = input.channels;
        let mut transformed = vec![0.0; places * output.blocks() * taps * BLOCK];
        for (filter, weights) in weights.chunks_exact(taps * 9).enumerate() {
            for (tap, weights) in weights.chunks_exact(9).enumerate() {
                for (place, weight) in transform_weights(weights, edge).into_iter().take(places).enumerate() {
                    let block = place * output.blocks() + filter / BLOCK;
                    transformed[(block * taps + tap) * BLOCK + filter % BLOCK] = weight;
                }
            }
        }
        // All weights are read for each portion: they should not be many more.
        let most = PORTION_VALUES.max(transformed.len() / 2) / (places * (input.blocks() + output.blocks()) * BLOCK);
        // Whole tiles of the kernel that multiplies.
        let portion = (most / 14 * 14).max(14).min(tiles(edge));
        let runs = (0..input.blocks())
            .map(|block| Run {
                offset: block * places * portion * BLOCK,
                values: BLOCK.min(taps - block * BLOCK),
            })
            .collect();
        Some(Self {
            input,
            output,
            before: window.before,
            edge,
            columns: output.width.div_ceil(edge),
            tiles: tiles(edge),
            portion,
            weights: transformed,
            runs,
            bias: whole_blocks(bias),
            bounds,
        })
    }

    /// What comes out.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// Multiplications with an addition each, of one run; without those of the transformations.
    pub fn operations(&self) -> usize {
        self.places() * self.tiles * self.input.channels * self.output.channels
    }

    /// Weights and biases, with those of channels that only fill a block.
    pub fn weights(&self) -> usize {
        self.weights.len() + self.bias.len()
    }

    /// The bounds of what is stored.
    pub fn bounds_mut(&mut self) -> &mut Bounds {
        &mut self.bounds
    }

    /// Values of scratch memory that [`run`](Self::run) wants.
    pub fn scratch_len(&self) -> usize {
        self.places() * (self.input.blocks() + self.output.blocks()) * self.portion * BLOCK
    }

    fn places(&self) -> usize {
        (self.edge + 2) * (self.edge + 2)
    }

    /// Convolves blocked `input` into blocked `output`; adds the blocked `residual` before the bounds.
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
        let places = self.places();
        let (input_blocks, output_blocks) = (self.input.blocks(), self.output.blocks());
        let plane = self.portion * BLOCK;
        let (before, after) = scratch[..self.scratch_len()].split_at_mut(places * input_blocks * plane);
        for first in (0..self.tiles).step_by(self.portion) {
            let portion = Portion {
                convolution: self,
                first,
                tiles: self.portion.min(self.tiles - first),
            };
            // [input blocks, places, tiles, BLOCK]
            workers.for_each_piece(before, places * plane, |block, transformed| {
                let input = &input[block * self.input.plane()..][..self.input.plane()];
                dispatch(Before {
                    portion,
                    input,
                    transformed,
                });
            });
            let before = &*before;
            // [output blocks, places, tiles, BLOCK]
            workers.for_each_piece(after, plane, |index, products| {
                let (block, place) = (index / places, index % places);
                let taps = self.input.channels * BLOCK;
                dispatch(Tiles {
                    runs: &self.runs,
                    weights: &self.weights[(place * output_blocks + block) * taps..][..taps],
                    bias: &NO_BIAS,
                    bounds: Bounds::NONE,
                    input: &before[place * plane..],
                    line_step: 0,
                    step: Step::Block,
                    residual: None,
                    output: &mut products[..portion.tiles * BLOCK],
                    width: portion.tiles,
                });
            });
            let after = &*after;
            let output = &mut output[..self.output.blocked_len()];
            workers.for_each_piece(output, self.output.plane(), |block, output| {
                dispatch(After {
                    portion,
                    products: &after[block * places * plane..][..places * plane],
                    bias: &self.bias[block * BLOCK..][..BLOCK],
                    residual: residual.map(|residual| &residual[block * self.output.plane()..][..self.output.plane()]),
                    output,
                });
            });
        }
    }
}

/// Some of the tiles.
#[derive(Debug, Clone, Copy)]
struct Portion<'a> {
    convolution: &'a Winograd,
    first: usize,
    tiles: usize,
}

impl Portion<'_> {
    /// Row and column in the output where each tile begins.
    fn corners(self) -> impl Iterator<Item = (usize, usize)> {
        let Winograd { columns, edge, .. } = *self.convolution;
        (self.first..self.first + self.tiles).map(move |tile| (tile / columns * edge, tile % columns * edge))
    }
}

/// The transformation of one block of the input.
struct Before<'a> {
    portion: Portion<'a>,
    input: &'a [f32],
    /// `[places, tiles, BLOCK]`.
    transformed: &'a mut [f32],
}

impl WithSimd for Before<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.portion.convolution.edge {
            2 => self.tiles::<S, 4>(simd),
            _ => self.tiles::<S, 6>(simd),
        }
    }
}

impl Before<'_> {
    /// `SIZE` cells along an edge of a tile's window.
    #[inline(always)]
    fn tiles<S: Simd, const SIZE: usize>(self, simd: S) {
        let Winograd {
            input,
            before,
            portion: plane,
            ..
        } = *self.portion.convolution;
        let vectors = BLOCK / S::F32_LANES;
        let (cells, _) = S::as_simd_f32s(self.input);
        let (transformed, _) = S::as_mut_simd_f32s(self.transformed);
        let zero = simd.splat_f32s(0.0);
        for (tile, (top, left)) in self.portion.corners().enumerate() {
            for vector in 0..vectors {
                let mut window = [[zero; SIZE]; SIZE];
                for (y, row) in window.iter_mut().enumerate() {
                    let Some(line) = (top + y).checked_sub(before[0]).filter(|line| *line < input.height) else {
                        continue;
                    };
                    for (x, value) in row.iter_mut().enumerate() {
                        if let Some(column) = (left + x).checked_sub(before[1]).filter(|column| *column < input.width) {
                            *value = cells[(line * input.width + column) * vectors + vector];
                        }
                    }
                }
                for row in &mut window {
                    *row = transform_input(simd, *row);
                }
                for x in 0..SIZE {
                    let column: [_; SIZE] = transform_input(simd, std::array::from_fn(|y| window[y][x]));
                    for (y, value) in column.into_iter().enumerate() {
                        transformed[((y * SIZE + x) * plane + tile) * vectors + vector] = value;
                    }
                }
            }
        }
    }
}

/// The transformation of the products into one block of the output.
struct After<'a> {
    portion: Portion<'a>,
    /// `[places, tiles, BLOCK]`.
    products: &'a [f32],
    bias: &'a [f32],
    residual: Option<&'a [f32]>,
    output: &'a mut [f32],
}

impl WithSimd for After<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.portion.convolution.edge {
            2 => self.tiles::<S, 4, 2>(simd),
            _ => self.tiles::<S, 6, 4>(simd),
        }
    }
}

impl After<'_> {
    /// `SIZE` products along an edge of a tile, and `EDGE` cells.
    #[inline(always)]
    fn tiles<S: Simd, const SIZE: usize, const EDGE: usize>(self, simd: S) {
        let Winograd {
            output: shape,
            bounds,
            portion: plane,
            ..
        } = *self.portion.convolution;
        let vectors = BLOCK / S::F32_LANES;
        let (products, _) = S::as_simd_f32s(self.products);
        let (bias, _) = S::as_simd_f32s(self.bias);
        let (residual, _) = S::as_simd_f32s(self.residual.unwrap_or_default());
        let (output, _) = S::as_mut_simd_f32s(self.output);
        for (tile, (top, left)) in self.portion.corners().enumerate() {
            for (vector, bias) in bias.iter().enumerate() {
                let mut lines = [[*bias; SIZE]; EDGE];
                for x in 0..SIZE {
                    let place = |y: usize| products[((y * SIZE + x) * plane + tile) * vectors + vector];
                    let column: [_; EDGE] = transform_products::<S, SIZE, EDGE>(simd, std::array::from_fn(place));
                    for (line, value) in lines.iter_mut().zip(column) {
                        line[x] = value;
                    }
                }
                for (y, line) in lines.into_iter().enumerate().take(shape.height - top) {
                    let cells: [_; EDGE] = transform_products::<S, SIZE, EDGE>(simd, line);
                    for (x, cell) in cells.into_iter().enumerate().take(shape.width - left) {
                        let at = ((top + y) * shape.width + left + x) * vectors + vector;
                        let mut sum = simd.add_f32s(cell, *bias);
                        if let Some(residual) = residual.get(at) {
                            sum = simd.add_f32s(sum, *residual);
                        }
                        output[at] = bounds.clamp(simd, sum);
                    }
                }
            }
        }
    }
}

/// Bᵀ of the paper, along one axis: four values for tiles of two cells, six for tiles of four.
#[inline(always)]
fn transform_input<S: Simd, const SIZE: usize>(simd: S, d: [S::f32s; SIZE]) -> [S::f32s; SIZE] {
    let add = |a, b| simd.add_f32s(a, b);
    let subtract = |a, b| simd.sub_f32s(a, b);
    let times = |factor: f32, a, b| simd.mul_add_e_f32s(simd.splat_f32s(factor), a, b);
    let mut t = d;
    if SIZE == 4 {
        t[0] = subtract(d[0], d[2]);
        t[1] = add(d[1], d[2]);
        t[2] = subtract(d[2], d[1]);
        t[3] = subtract(d[1], d[3]);
    } else {
        let (even, odd) = (times(-4.0, d[2], d[4]), times(-4.0, d[1], d[3]));
        let (near, far) = (subtract(d[4], d[2]), subtract(d[3], d[1]));
        t[0] = times(4.0, d[0], times(-5.0, d[2], d[4]));
        t[1] = add(even, odd);
        t[2] = subtract(even, odd);
        t[3] = times(2.0, far, near);
        t[4] = times(-2.0, far, near);
        t[5] = times(4.0, d[1], times(-5.0, d[3], d[5]));
    }
    t
}

/// Aᵀ of the paper, along one axis.
#[inline(always)]
fn transform_products<S: Simd, const SIZE: usize, const EDGE: usize>(simd: S, m: [S::f32s; SIZE]) -> [S::f32s; EDGE] {
    let add = |a, b| simd.add_f32s(a, b);
    let subtract = |a, b| simd.sub_f32s(a, b);
    let times = |factor: f32, a, b| simd.mul_add_e_f32s(simd.splat_f32s(factor), a, b);
    let mut cells = [m[0]; EDGE];
    if EDGE == 2 {
        cells[0] = add(m[0], add(m[1], m[2]));
        cells[1] = subtract(subtract(m[1], m[2]), m[3]);
    } else {
        let (sum, difference) = (add(m[1], m[2]), subtract(m[1], m[2]));
        let (far_sum, far_difference) = (add(m[3], m[4]), subtract(m[3], m[4]));
        cells[0] = add(m[0], add(sum, far_sum));
        cells[1] = times(2.0, far_difference, difference);
        cells[2] = times(4.0, far_sum, sum);
        cells[3] = add(times(8.0, far_difference, difference), m[5]);
    }
    cells
}

/// G g Gᵀ of the paper: the weights of a window, for each place.
fn transform_weights(weights: &[f32], edge: usize) -> [f32; 36] {
    const TWO: [[f32; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];
    const FOUR: [[f32; 3]; 6] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    let rows: &[[f32; 3]] = if edge == 2 { &TWO } else { &FOUR };
    let sum =
        |factors: &[f32; 3], values: [f32; 3]| factors[0] * values[0] + factors[1] * values[1] + factors[2] * values[2];
    let mut transformed = [0.0; 36];
    for (y, down) in rows.iter().enumerate() {
        let line: [f32; 3] = std::array::from_fn(|x| sum(down, [weights[x], weights[3 + x], weights[6 + x]]));
        for (x, across) in rows.iter().enumerate() {
            transformed[y * rows.len() + x] = sum(across, line);
        }
    }
    transformed
}
