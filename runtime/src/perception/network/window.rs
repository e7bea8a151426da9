//! What part of its input one cell of an output sees.

use std::ops::Range;

use super::blocked::{BLOCK, Shape};
use super::workers::Workers;

/// Values of one feature map at most: a quarter of a gibibyte of them, far more than a camera's network has.
const MOST_VALUES: usize = 1 << 28;

/// Cells around a map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Border {
    /// In front of it: rows, columns.
    pub before: [usize; 2],
    /// Behind it: rows, columns.
    pub after: [usize; 2],
}

impl Border {
    /// Size of a map with it.
    pub fn around(&self, map: Shape) -> Shape {
        Shape {
            channels: map.channels,
            height: self.before[0] + map.height + self.after[0],
            width: self.before[1] + map.width + self.after[1],
        }
    }

    /// The least that has all cells of two.
    pub fn with(&self, other: Self) -> Self {
        let most = |one: [usize; 2], other: [usize; 2]| [one[0].max(other[0]), one[1].max(other[1])];
        Self {
            before: most(self.before, other.before),
            after: most(self.after, other.after),
        }
    }
}

/// Size, stride and padding of a convolution or a pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// In cells of the input.
    pub height: usize,
    /// In cells of the input.
    pub width: usize,
    /// Cells of the input between neighbouring windows, both ways: one or two.
    pub stride: usize,
    /// Cells put in front of the input: rows, columns.
    pub before: [usize; 2],
    /// Cells put behind the input: rows, columns.
    pub after: [usize; 2],
}

impl Window {
    /// Each cell sees the one at its place.
    pub const ONE_CELL: Self = Self {
        height: 1,
        width: 1,
        stride: 1,
        before: [0; 2],
        after: [0; 2],
    };

    /// Size of what comes out; `None` where no window fits, where one may see nothing but padding, where the stride is not one or
    /// two, or where there would be more values than a network of a camera has.
    pub fn output(&self, input: Shape, channels: usize) -> Option<Shape> {
        let along = |cells: usize, size: usize, before: usize, after: usize| {
            let padded = (size > 0 && before < size && after < size).then_some(cells + before + after)?;
            Some((padded, padded.checked_sub(size)? / self.stride + 1))
        };
        let is_known =
            (1..=2).contains(&self.stride) && input.height > 0 && input.width > 0 && input.channels > 0 && channels > 0;
        let is_small = |size: usize| size <= MOST_VALUES;
        if !is_known
            || ![input.height, input.width, self.height, self.width]
                .into_iter()
                .all(is_small)
        {
            return None;
        }
        let (padded_height, height) = along(input.height, self.height, self.before[0], self.after[0])?;
        let (padded_width, width) = along(input.width, self.width, self.before[1], self.after[1])?;
        for (channels, height, width) in [(input.channels, padded_height, padded_width), (channels, height, width)] {
            let cells = height.checked_mul(width)?;
            cells
                .checked_mul(channels.checked_next_multiple_of(BLOCK)?)
                .filter(|values| is_small(*values))?;
        }
        Some(Shape {
            channels,
            height,
            width,
        })
    }

    /// The padding.
    pub fn border(&self) -> Border {
        Border {
            before: self.before,
            after: self.after,
        }
    }

    /// Size of the input with its padding.
    pub fn padded(&self, input: Shape) -> Shape {
        self.border().around(input)
    }

    /// Of a window that begins in row `top` of the padded input, the rows that lie on the input, which has `height`.
    #[inline(always)]
    pub fn rows_within(&self, top: usize, height: usize) -> Range<usize> {
        let [above, _] = self.before;
        above.saturating_sub(top)..self.height.min((height + above).saturating_sub(top))
    }

    /// Whether the input must be padded.
    pub fn has_padding(&self) -> bool {
        self.before != [0; 2] || self.after != [0; 2]
    }

    /// Whether each cell of the output sees the one cell of the input at its place.
    pub fn is_one_cell(&self) -> bool {
        *self == Self::ONE_CELL
    }

    /// Copies `planes` planes of `input`, `values` to a cell, each with `nothing` around it.
    #[allow(clippy::too_many_arguments, reason = "what is copied, how it lies, and who does it")]
    pub fn pad<Value: Copy + Send + Sync>(
        &self,
        input: &[Value],
        shape: Shape,
        planes: usize,
        values: usize,
        nothing: Value,
        padded: &mut [Value],
        workers: &Workers,
    ) {
        let row = shape.width * values;
        let large = self.padded(shape);
        let (large_row, large_plane) = (large.width * values, large.cells() * values);
        let left = self.before[1] * values;
        let plane = shape.cells() * values;
        workers.for_each_piece(&mut padded[..planes * large_plane], large_plane, |index, to| {
            let from = &input[index * plane..][..plane];
            let (above, rest) = to.split_at_mut(self.before[0] * large_row);
            let (within, below) = rest.split_at_mut(shape.height * large_row);
            above.fill(nothing);
            below.fill(nothing);
            for (from, to) in from.chunks_exact(row).zip(within.chunks_exact_mut(large_row)) {
                to[..left].fill(nothing);
                to[left..left + row].copy_from_slice(from);
                to[left + row..].fill(nothing);
            }
        });
    }
}
