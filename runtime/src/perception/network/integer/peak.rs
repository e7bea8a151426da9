//! How fast bytes are multiplied when nothing else is in the way.

#![allow(unsafe_code)]

use std::hint::black_box;

use super::vectors::{GROUP, GROUP_WEIGHTS, Vectors, Work, dispatch};
use crate::perception::network::blocked::BLOCK;

/// Cells whose sums do not wait for one another.
const CELLS: usize = 6;

/// Multiplies bytes from the nearest cache, and tells how many multiplications with an addition that were.
///
/// # Panics
/// Where the processor has no instructions for it.
pub fn multiply(steps: usize) -> usize {
    dispatch(Chains(steps))
}

struct Chains(usize);

impl Work for Chains {
    type Output = usize;

    #[inline(always)]
    fn with<V: Vectors>(self, vectors: V) -> usize {
        match V::BLOCKS {
            1 => self.of_blocks::<V, 1>(vectors),
            _ => self.of_blocks::<V, 2>(vectors),
        }
    }
}

impl Chains {
    #[inline(always)]
    fn of_blocks<V: Vectors, const BLOCKS: usize>(self, vectors: V) -> usize {
        let bytes = black_box([1_u8; CELLS * BLOCK]);
        let weights = black_box([[1_i8; BLOCK / GROUP * GROUP_WEIGHTS]; BLOCKS]);
        let weights = weights.each_ref().map(|weights| weights.as_ptr());
        let mut ends = [0.0; BLOCK];
        // SAFETY: there are sixteen bytes for each cell, weights for four groups of each block, and sixteen ends.
        unsafe {
            let mut sums = [[vectors.load_sums([0; BLOCK].as_ptr()); CELLS]; BLOCKS];
            for _ in 0..self.0 {
                let bytes = black_box(bytes.as_ptr());
                vectors.dot::<CELLS, BLOCK, { BLOCK / GROUP }, BLOCKS>(&mut sums, bytes, weights);
            }
            for sums in sums.into_iter().flatten() {
                vectors.store(ends.as_mut_ptr(), vectors.to_floats(sums));
                black_box(ends);
            }
        }
        self.0 * BLOCKS * CELLS * BLOCK * BLOCK
    }
}
