//! Integer sums for a tile of neighbouring cells and one or two blocks of channels, held in registers.

#![allow(unsafe_code)]

use super::reach::{Lanes, Reach};
use super::vectors::{GROUP, GROUP_WEIGHTS, Vectors, Work};
use crate::perception::network::blocked::{BLOCK, whole_lines};
use crate::perception::network::lanes::Bounds;
use crate::perception::network::workers::{Cut, Workers};

/// Bytes of a window that lie together: where they start, from the window's first cell, and how many groups of four they are.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// In bytes.
    pub offset: usize,
    /// One to four.
    pub groups: usize,
}

/// Groups of a run at most.
pub const MOST_GROUPS: usize = BLOCK / GROUP;

/// Where sums go.
pub enum Output<'a> {
    /// As values.
    Floats(&'a mut [f32]),
    /// As bytes.
    Bytes(&'a mut [u8]),
}

impl Output<'_> {
    /// Does something with each piece of the first `len`, as [`Workers::for_each_piece_of_planes`] does; `are_bytes` says what they
    /// must be.
    ///
    /// # Panics
    /// When they are not.
    pub fn for_each_piece<const TOGETHER: usize>(
        self,
        len: usize,
        are_bytes: bool,
        cut: Cut,
        workers: &Workers,
        work: impl Fn(usize, usize, [Output<'_>; TOGETHER]) + Sync,
    ) {
        match self {
            Self::Floats(values) if !are_bytes => {
                workers.for_each_piece_of_planes(&mut values[..len], cut, |plane, index, values| {
                    work(plane, index, values.map(Output::Floats))
                });
            }
            Self::Bytes(bytes) if are_bytes => {
                workers.for_each_piece_of_planes(&mut bytes[..len], cut, |plane, index, bytes| {
                    work(plane, index, bytes.map(Output::Bytes))
                });
            }
            _ => unreachable!("values and bytes were mixed up"),
        }
    }

    /// How many values or bytes there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// Some lines of a block of the output, and what is its own.
pub struct Channels<'a> {
    /// For each group of the runs, in order, four weights for each channel of the block.
    pub weights: &'a [i8],
    /// What the sums of each channel begin with.
    pub start: [i32; BLOCK],
    /// What a sum of each channel is worth, in units of what is stored.
    pub factor: [f32; BLOCK],
    /// For each channel of the block, in the same units.
    pub bias: [f32; BLOCK],
    /// Is added before the bounds; of the shape of the output.
    pub residual: Option<&'a [f32]>,
    /// `[lines, width, BLOCK]`.
    pub output: Output<'a>,
}

/// The same lines of some blocks of the output, and all that they are made of.
pub struct Tiles<'a, const BLOCKS: usize> {
    /// What a window is made of.
    pub runs: &'a [Run],
    /// From the first cell's window on.
    pub input: &'a [u8],
    /// From the window of a cell to that of the cell below, in bytes.
    pub line_step: usize,
    /// From the window of a cell to that of the cell beside it, in bytes: 1, 2, 16 or 32.
    pub step: usize,
    /// In cells.
    pub width: usize,
    /// Of what is stored, in its units.
    pub bounds: Bounds,
    /// One or two. Of two, each byte of the input is read once for both.
    pub blocks: [Channels<'a>; BLOCKS],
}

impl<const BLOCKS: usize> Work for Tiles<'_, BLOCKS> {
    /// How far what is stored as values reaches.
    type Output = Reach;

    #[inline(always)]
    fn with<V: Vectors>(self, vectors: V) -> Reach {
        let mut reach = Lanes::new(vectors);
        if BLOCKS <= V::BLOCKS {
            self.any(vectors, &mut reach);
        } else {
            let Self {
                runs,
                input,
                line_step,
                step,
                width,
                bounds,
                blocks,
            } = self;
            for block in blocks {
                let one = Tiles {
                    runs,
                    input,
                    line_step,
                    step,
                    width,
                    bounds,
                    blocks: [block],
                };
                one.any(vectors, &mut reach);
            }
        }
        reach.together(vectors)
    }
}

impl<const BLOCKS: usize> Tiles<'_, BLOCKS> {
    #[inline(always)]
    fn any<V: Vectors>(self, vectors: V, reach: &mut Lanes<V>) {
        let Some(first) = self.blocks.first() else { return };
        let lines = whole_lines(first.output.count(), self.width);
        // Bytes of a block are read to its end.
        let read = |run: &Run| if self.step < BLOCK { run.groups * GROUP } else { BLOCK };
        let end = self.runs.iter().map(|run| run.offset + read(run)).max().unwrap_or(0);
        let last = (lines - 1) * self.line_step + (self.width - 1) * self.step;
        assert!(self.input.len() >= last + end, "the input is shorter than its shape");
        let are_groups_right = self.runs.iter().all(|run| (1..=MOST_GROUPS).contains(&run.groups));
        assert!(are_groups_right, "a run is longer than a block");
        let groups: usize = self.runs.iter().map(|run| run.groups).sum();
        for block in &self.blocks {
            let len = lines * self.width * BLOCK;
            assert!(block.weights.len() >= groups * GROUP_WEIGHTS, "weights are missing");
            assert!(
                block.output.count() >= len && block.residual.is_none_or(|residual| residual.len() >= len),
                "the residual or a block is shorter than the output"
            );
        }
        match self.step {
            1 => self.lines::<V, 1>(vectors, lines, reach),
            2 => self.lines::<V, 2>(vectors, lines, reach),
            16 => self.lines::<V, 16>(vectors, lines, reach),
            32 => self.lines::<V, 32>(vectors, lines, reach),
            step => unreachable!("windows lie {step} bytes apart"),
        }
    }

    #[inline(always)]
    fn lines<V: Vectors, const STEP: usize>(mut self, vectors: V, lines: usize, reach: &mut Lanes<V>) {
        for line in 0..lines {
            let origin = line * self.line_step;
            let mut column = 0;
            while column < self.width {
                let at = (line * self.width + column) * BLOCK;
                let origin = origin + column * STEP;
                let left = self.width - column;
                // As few tiles as can be, and of those none much smaller than another.
                let cells = left.div_ceil(left.div_ceil(V::CELLS));
                // SAFETY: `any` has checked that the windows of all cells lie within the input, and `left` cells are left in the
                // output.
                column += unsafe {
                    match cells {
                        8 if V::CELLS >= 8 => self.tile::<V, STEP, 8>(vectors, origin, at, reach),
                        7 if V::CELLS >= 7 => self.tile::<V, STEP, 7>(vectors, origin, at, reach),
                        6 => self.tile::<V, STEP, 6>(vectors, origin, at, reach),
                        5 => self.tile::<V, STEP, 5>(vectors, origin, at, reach),
                        4 => self.tile::<V, STEP, 4>(vectors, origin, at, reach),
                        3 => self.tile::<V, STEP, 3>(vectors, origin, at, reach),
                        2 => self.tile::<V, STEP, 2>(vectors, origin, at, reach),
                        _ => self.tile::<V, STEP, 1>(vectors, origin, at, reach),
                    }
                };
            }
        }
    }

    /// The sums of `CELLS` neighbouring cells, whose windows start at `origin`; `at` is their place in the output.
    ///
    /// # Safety
    /// All the windows lie within the input, and all the cells within the output.
    #[inline(always)]
    unsafe fn tile<V: Vectors, const STEP: usize, const CELLS: usize>(
        &mut self,
        vectors: V,
        origin: usize,
        at: usize,
        reach: &mut Lanes<V>,
    ) -> usize {
        // SAFETY: of the caller for input and output; `any` has checked that residuals are as long as the output, and that there
        // are weights for each group of the runs.
        unsafe {
            let mut sums = self
                .blocks
                .each_ref()
                .map(|block| [vectors.load_sums(block.start.as_ptr()); CELLS]);
            let mut weights = self.blocks.each_ref().map(|block| block.weights.as_ptr());
            let origin = self.input.as_ptr().add(origin);
            for run in self.runs {
                let bytes = origin.add(run.offset);
                match run.groups {
                    4 => vectors.dot::<CELLS, STEP, 4, BLOCKS>(&mut sums, bytes, weights),
                    3 => vectors.dot::<CELLS, STEP, 3, BLOCKS>(&mut sums, bytes, weights),
                    2 => vectors.dot::<CELLS, STEP, 2, BLOCKS>(&mut sums, bytes, weights),
                    _ => vectors.dot::<CELLS, STEP, 1, BLOCKS>(&mut sums, bytes, weights),
                }
                for weights in &mut weights {
                    *weights = weights.add(run.groups * GROUP_WEIGHTS);
                }
            }
            let (low, high) = (vectors.splat(self.bounds.low), vectors.splat(self.bounds.high));
            for (block, sums) in self.blocks.iter_mut().zip(sums) {
                let (factor, bias) = (vectors.load(block.factor.as_ptr()), vectors.load(block.bias.as_ptr()));
                for (cell, sums) in sums.into_iter().enumerate() {
                    let at = at + cell * BLOCK;
                    let mut value = vectors.mul_add(vectors.to_floats(sums), factor, bias);
                    if let Some(residual) = block.residual {
                        value = vectors.add(value, vectors.load(residual.as_ptr().add(at)));
                    }
                    let value = vectors.min(vectors.max(value, low), high);
                    match &mut block.output {
                        Output::Floats(values) => {
                            reach.include(vectors, value);
                            vectors.store(values.as_mut_ptr().add(at), value);
                        }
                        Output::Bytes(bytes) => vectors.narrow(bytes.as_mut_ptr().add(at), value),
                    }
                }
            }
        }
        CELLS
    }
}
