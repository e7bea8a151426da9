//! What the vector code does, in plain words: what tests hold it against.

#![allow(unsafe_code)]

use super::vectors::{GROUP, GROUP_WEIGHTS, Vectors};
use crate::perception::network::blocked::BLOCK;

/// One value after the other.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Vectors for Plain {
    type Floats = [f32; BLOCK];
    type Sums = [i32; BLOCK];
    // Not 0, so that nothing may rely on that.
    const OFFSET: i32 = 128;
    const CELLS: usize = 6;
    const BLOCKS: usize = 2;

    fn splat(self, value: f32) -> [f32; BLOCK] {
        [value; BLOCK]
    }

    fn add(self, one: [f32; BLOCK], other: [f32; BLOCK]) -> [f32; BLOCK] {
        std::array::from_fn(|lane| one[lane] + other[lane])
    }

    fn mul_add(self, one: [f32; BLOCK], other: [f32; BLOCK], third: [f32; BLOCK]) -> [f32; BLOCK] {
        std::array::from_fn(|lane| one[lane].mul_add(other[lane], third[lane]))
    }

    fn max(self, one: [f32; BLOCK], other: [f32; BLOCK]) -> [f32; BLOCK] {
        std::array::from_fn(|lane| one[lane].max(other[lane]))
    }

    fn min(self, one: [f32; BLOCK], other: [f32; BLOCK]) -> [f32; BLOCK] {
        std::array::from_fn(|lane| one[lane].min(other[lane]))
    }

    fn to_floats(self, sums: [i32; BLOCK]) -> [f32; BLOCK] {
        sums.map(|sum| sum as f32)
    }

    unsafe fn load(self, from: *const f32) -> [f32; BLOCK] {
        // SAFETY: of the caller.
        unsafe { from.cast::<[f32; BLOCK]>().read_unaligned() }
    }

    unsafe fn store(self, to: *mut f32, values: [f32; BLOCK]) {
        // SAFETY: of the caller.
        unsafe { to.cast::<[f32; BLOCK]>().write_unaligned(values) }
    }

    unsafe fn load_sums(self, from: *const i32) -> [i32; BLOCK] {
        // SAFETY: of the caller.
        unsafe { from.cast::<[i32; BLOCK]>().read_unaligned() }
    }

    unsafe fn widen(self, from: *const u8) -> [f32; BLOCK] {
        // SAFETY: of the caller.
        let bytes = unsafe { from.cast::<[i8; BLOCK]>().read_unaligned() };
        bytes.map(|byte| (i32::from(byte) + Self::OFFSET) as f32)
    }

    unsafe fn narrow(self, to: *mut u8, values: [f32; BLOCK]) {
        let bytes = values.map(|value| (value.round_ties_even() as u8).wrapping_sub(Self::OFFSET as u8));
        // SAFETY: of the caller.
        unsafe { to.cast::<[u8; BLOCK]>().write_unaligned(bytes) }
    }

    unsafe fn dot<const CELLS: usize, const STEP: usize, const GROUPS: usize, const BLOCKS: usize>(
        self,
        sums: &mut [[[i32; BLOCK]; CELLS]; BLOCKS],
        bytes: *const u8,
        weights: [*const i8; BLOCKS],
    ) {
        for (sums, weights) in sums.iter_mut().zip(weights) {
            for (cell, sums) in sums.iter_mut().enumerate() {
                for (lane, sum) in sums.iter_mut().enumerate() {
                    for place in 0..GROUPS * GROUP {
                        // SAFETY: of the caller.
                        let (byte, weight) = unsafe {
                            let weight = place / GROUP * GROUP_WEIGHTS + lane * GROUP + place % GROUP;
                            (*bytes.add(cell * STEP + place).cast::<i8>(), *weights.add(weight))
                        };
                        *sum = sum.wrapping_add(i32::from(byte) * i32::from(weight));
                    }
                }
            }
        }
    }
}
