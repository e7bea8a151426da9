//! How the operators here lay out what flows between them: channels in blocks of sixteen, innermost.

/// Channels in a block: one vector of AVX-512, two of AVX2, four of NEON.
pub const BLOCK: usize = 16;

/// Size of a feature map. Blocked, its values lie as `[blocks, height, width, BLOCK]`; channels beyond the last are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Channels that mean something.
    pub channels: usize,
    /// In cells.
    pub height: usize,
    /// In cells.
    pub width: usize,
}

impl Shape {
    /// Blocks that hold the channels.
    pub fn blocks(&self) -> usize {
        self.channels.div_ceil(BLOCK)
    }

    /// Cells of one channel.
    pub fn cells(&self) -> usize {
        self.height * self.width
    }

    /// Values of one block: `[height, width, BLOCK]`.
    pub fn plane(&self) -> usize {
        self.cells() * BLOCK
    }

    /// Values that the blocked map takes.
    pub fn blocked_len(&self) -> usize {
        self.blocks() * self.plane()
    }

    /// Values of the planar map, `[channels, height, width]`.
    pub fn planar_len(&self) -> usize {
        self.channels * self.cells()
    }
}

/// How many lines of `width` cells of a block so many values are.
///
/// # Panics
/// When they are not whole lines, or none.
pub fn whole_lines(values: usize, width: usize) -> usize {
    let line = width.checked_mul(BLOCK).filter(|line| *line > 0).unwrap_or(usize::MAX);
    let lines = values / line;
    assert!(
        lines > 0 && lines * line == values,
        "the output is not made of whole lines"
    );
    lines
}

/// A value for each channel, with zeros for those that only fill the last block.
pub fn whole_blocks(values: &[f32]) -> Vec<f32> {
    let mut whole = values.to_vec();
    whole.resize(values.len().next_multiple_of(BLOCK), 0.0);
    whole
}
