//! How fast bytes are multiplied when nothing else is in the way.

#![allow(unsafe_code)]

use std::hint::black_box;

use super::vectors::{GROUP, GROUP_WEIGHTS, Vectors, Work, dispatch};
use crate::perception::network::blocked::BLOCK;

/// Sums that do not wait for one another.
const CHAINS: usize = 6;

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
        let bytes = black_box([1_u8; CHAINS * BLOCK]);
        let weights = black_box([1_i8; BLOCK / GROUP * GROUP_WEIGHTS]);
        let mut ends = [0.0; BLOCK];
        // SAFETY: there are sixteen bytes for each of the sums, weights for four groups, and sixteen ends.
        unsafe {
            let mut sums = [vectors.load_sums([0; BLOCK].as_ptr()); CHAINS];
            for _ in 0..self.0 {
                vectors.dot::<CHAINS, BLOCK, { BLOCK / GROUP }>(&mut sums, black_box(bytes.as_ptr()), weights.as_ptr());
            }
            for sums in sums {
                vectors.store(ends.as_mut_ptr(), vectors.to_floats(sums));
                black_box(ends);
            }
        }
        self.0 * CHAINS * BLOCK * BLOCK
    }
}
