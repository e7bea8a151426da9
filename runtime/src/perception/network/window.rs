//! What part of its input one cell of an output sees.

use super::blocked::Shape;

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

    /// Size of what comes out; `None` where no window fits, or the stride is not one or two.
    pub fn output(&self, input: Shape, channels: usize) -> Option<Shape> {
        let along = |cells: usize, size: usize| Some(cells.checked_sub(size)? / self.stride + 1);
        let padded = self.padded(input);
        if !(1..=2).contains(&self.stride) || self.height == 0 || self.width == 0 || channels == 0 {
            return None;
        }
        Some(Shape {
            channels,
            height: along(padded.height, self.height)?,
            width: along(padded.width, self.width)?,
        })
    }

    /// Size of the input with its padding.
    pub fn padded(&self, input: Shape) -> Shape {
        Shape {
            channels: input.channels,
            height: self.before[0] + input.height + self.after[0],
            width: self.before[1] + input.width + self.after[1],
        }
    }

    /// Whether the input must be padded.
    pub fn has_padding(&self) -> bool {
        self.before != [0; 2] || self.after != [0; 2]
    }

    /// Whether each cell of the output sees the one cell of the input at its place.
    pub fn is_one_cell(&self) -> bool {
        *self == Self::ONE_CELL
    }

    /// Copies `planes` planes of `input`, `values` to a cell, each with zeros around it.
    pub fn pad(&self, input: &[f32], shape: Shape, planes: usize, values: usize, padded: &mut [f32]) {
        let row = shape.width * values;
        let large = self.padded(shape);
        let (large_row, large_plane) = (large.width * values, large.cells() * values);
        let left = self.before[1] * values;
        for (from, to) in input
            .chunks_exact(shape.cells() * values)
            .zip(padded.chunks_exact_mut(large_plane))
            .take(planes)
        {
            let (above, rest) = to.split_at_mut(self.before[0] * large_row);
            let (within, below) = rest.split_at_mut(shape.height * large_row);
            above.fill(0.0);
            below.fill(0.0);
            for (from, to) in from.chunks_exact(row).zip(within.chunks_exact_mut(large_row)) {
                to[..left].fill(0.0);
                to[left..left + row].copy_from_slice(from);
                to[left + row..].fill(0.0);
            }
        }
    }
}
