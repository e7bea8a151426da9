//! How far the values of a map reach from zero, by which they are brought into bytes.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI32, Ordering};

use super::vectors::{Vectors, Work, dispatch};
use crate::perception::network::blocked::BLOCK;
use crate::perception::network::workers::Workers;

/// The least and the largest of values and zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Zero or below.
    pub low: f32,
    /// Zero or above.
    pub high: f32,
}

impl Reach {
    /// Of nothing but zero.
    pub const NONE: Self = Self { low: 0.0, high: 0.0 };

    /// Of values, which are read once.
    pub fn of(values: &[f32], workers: &Workers) -> Self {
        let reach = SharedReach::default();
        workers.for_each_part(values.len().div_ceil(PIECE), |part| {
            let values = &values[part * PIECE..];
            reach.include(dispatch(Ends(&values[..values.len().min(PIECE)])));
        });
        reach.get()
    }
}

/// Values that are looked at in one go.
const PIECE: usize = 1 << 14;

/// A reach that threads put together.
#[derive(Debug, Default)]
pub struct SharedReach {
    // Of both the distance from zero, as bits: of two numbers that are not below zero the larger has the larger bits.
    low: AtomicI32,
    high: AtomicI32,
}

impl SharedReach {
    /// Reaches as far as another, too.
    pub fn include(&self, reach: Reach) {
        self.low
            .fetch_max((-reach.low).max(0.0).to_bits() as i32, Ordering::Relaxed);
        self.high
            .fetch_max(reach.high.max(0.0).to_bits() as i32, Ordering::Relaxed);
    }

    /// What all have included.
    pub fn get(self) -> Reach {
        let far = |bits: AtomicI32| f32::from_bits(bits.into_inner() as u32);
        Reach {
            low: -far(self.low),
            high: far(self.high),
        }
    }
}

/// The least and the largest of each of sixteen lanes, and zero.
#[derive(Clone, Copy)]
pub struct Lanes<V: Vectors> {
    low: V::Floats,
    high: V::Floats,
}

impl<V: Vectors> Lanes<V> {
    /// Of nothing.
    #[inline(always)]
    pub fn new(vectors: V) -> Self {
        Self {
            low: vectors.splat(0.0),
            high: vectors.splat(0.0),
        }
    }

    /// Reaches as far as these, too.
    #[inline(always)]
    pub fn include(&mut self, vectors: V, values: V::Floats) {
        self.low = vectors.min(self.low, values);
        self.high = vectors.max(self.high, values);
    }

    /// Of all lanes together.
    #[inline(always)]
    pub fn together(self, vectors: V) -> Reach {
        let mut ends = [[0.0; BLOCK]; 2];
        // SAFETY: each is sixteen values.
        unsafe {
            vectors.store(ends[0].as_mut_ptr(), self.low);
            vectors.store(ends[1].as_mut_ptr(), self.high);
        }
        Reach {
            low: ends[0].into_iter().fold(0.0, f32::min),
            high: ends[1].into_iter().fold(0.0, f32::max),
        }
    }
}

struct Ends<'a>(&'a [f32]);

impl Work for Ends<'_> {
    type Output = Reach;

    #[inline(always)]
    fn with<V: Vectors>(self, vectors: V) -> Reach {
        let (blocks, rest) = self.0.as_chunks::<BLOCK>();
        // In turns, for each waits for itself.
        let mut lanes = [Lanes::new(vectors); 4];
        for blocks in blocks.chunks(lanes.len()) {
            for (lanes, block) in lanes.iter_mut().zip(blocks) {
                // SAFETY: a block is sixteen values.
                lanes.include(vectors, unsafe { vectors.load(block.as_ptr()) });
            }
        }
        let mut reach = Reach::NONE;
        for one in lanes.map(|lanes| lanes.together(vectors)) {
            reach.low = reach.low.min(one.low);
            reach.high = reach.high.max(one.high);
        }
        Reach {
            low: rest.iter().copied().fold(reach.low, f32::min),
            high: rest.iter().copied().fold(reach.high, f32::max),
        }
    }
}
