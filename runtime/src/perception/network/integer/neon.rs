//! Sixteen values at a time by NEON with its products of bytes (the extension named `dotprod`).

#![allow(unsafe_code)]

use std::arch::aarch64::*;
use std::arch::asm;

use super::vectors::{GROUP, GROUP_WEIGHTS, Vectors, Work};

/// Proof that the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub struct Neon(());

/// Adds to each of four sums four products, of weights with the group of that number of a cell's bytes.
macro_rules! dot {
    ($sums:expr, $weights:expr, $bytes:expr, $group:literal) => {
        // The standard library has no stable name for it.
        asm!(
            ".arch_extension dotprod",
            concat!("sdot {sums:v}.4s, {weights:v}.16b, {bytes:v}.4b[", $group, "]"),
            sums = inout(vreg) $sums,
            weights = in(vreg) $weights,
            bytes = in(vreg) $bytes,
            options(pure, nomem, nostack, preserves_flags),
        )
    };
}

impl Neon {
    /// `None` where the processor is another.
    #[inline]
    pub fn try_new() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("dotprod").then_some(Self(()))
    }

    /// Runs vector code.
    #[inline]
    pub fn run<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "neon,dotprod")]
        fn with_features<W: Work>(vectors: Neon, work: W) -> W::Output {
            work.with(vectors)
        }
        // SAFETY: `self` is the proof that these features are there.
        unsafe { with_features(self, work) }
    }
}

/// Does the same with each of four vectors.
#[inline(always)]
fn four<Value>(each: impl FnMut(usize) -> Value) -> [Value; 4] {
    std::array::from_fn(each)
}

// In all of these the features are there because a `Neon` is.
impl Vectors for Neon {
    type Floats = [float32x4_t; 4];
    type Sums = [int32x4_t; 4];
    const OFFSET: i32 = 128;
    // Six times four sums, six cells' bytes and weights fill the 32 registers.
    const CELLS: usize = 6;
    const BLOCKS: usize = 1;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Floats {
        // SAFETY: see above.
        [unsafe { vdupq_n_f32(value) }; 4]
    }

    #[inline(always)]
    fn add(self, one: Self::Floats, other: Self::Floats) -> Self::Floats {
        // SAFETY: see above.
        four(|part| unsafe { vaddq_f32(one[part], other[part]) })
    }

    #[inline(always)]
    fn mul_add(self, one: Self::Floats, other: Self::Floats, third: Self::Floats) -> Self::Floats {
        // SAFETY: see above.
        four(|part| unsafe { vfmaq_f32(third[part], one[part], other[part]) })
    }

    #[inline(always)]
    fn max(self, one: Self::Floats, other: Self::Floats) -> Self::Floats {
        // SAFETY: see above.
        four(|part| unsafe { vmaxq_f32(one[part], other[part]) })
    }

    #[inline(always)]
    fn min(self, one: Self::Floats, other: Self::Floats) -> Self::Floats {
        // SAFETY: see above.
        four(|part| unsafe { vminq_f32(one[part], other[part]) })
    }

    #[inline(always)]
    fn to_floats(self, sums: Self::Sums) -> Self::Floats {
        // SAFETY: see above.
        four(|part| unsafe { vcvtq_f32_s32(sums[part]) })
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Self::Floats {
        // SAFETY: of the caller.
        four(|part| unsafe { vld1q_f32(from.add(part * 4)) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, values: Self::Floats) {
        for (part, values) in values.into_iter().enumerate() {
            // SAFETY: of the caller.
            unsafe { vst1q_f32(to.add(part * 4), values) }
        }
    }

    #[inline(always)]
    unsafe fn load_sums(self, from: *const i32) -> Self::Sums {
        // SAFETY: of the caller.
        four(|part| unsafe { vld1q_s32(from.add(part * 4)) })
    }

    #[inline(always)]
    unsafe fn widen(self, from: *const u8) -> Self::Floats {
        // SAFETY: of the caller.
        unsafe {
            let bytes = veorq_u8(vld1q_u8(from), vdupq_n_u8(Self::OFFSET as u8));
            let (low, high) = (vmovl_u8(vget_low_u8(bytes)), vmovl_high_u8(bytes));
            [
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))),
                vcvtq_f32_u32(vmovl_high_u16(low)),
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))),
                vcvtq_f32_u32(vmovl_high_u16(high)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn narrow(self, to: *mut u8, values: Self::Floats) {
        // SAFETY: of the caller.
        unsafe {
            let whole = four(|part| vcvtnq_s32_f32(values[part]));
            let low = vqmovn_high_s32(vqmovn_s32(whole[0]), whole[1]);
            let high = vqmovn_high_s32(vqmovn_s32(whole[2]), whole[3]);
            let bytes = vqmovun_high_s16(vqmovun_s16(low), high);
            vst1q_u8(to, veorq_u8(bytes, vdupq_n_u8(Self::OFFSET as u8)));
        }
    }

    #[inline(always)]
    unsafe fn dot<const CELLS: usize, const STEP: usize, const GROUPS: usize, const BLOCKS: usize>(
        self,
        sums: &mut [[Self::Sums; CELLS]; BLOCKS],
        bytes: *const u8,
        weights: [*const i8; BLOCKS],
    ) {
        for (sums, weights) in sums.iter_mut().zip(weights) {
            // SAFETY: of the caller.
            unsafe {
                if STEP < 4 * GROUP {
                    for group in 0..GROUPS {
                        let bytes: [int8x16_t; CELLS] = std::array::from_fn(|cell| {
                            let bytes = bytes.add(cell * STEP + group * GROUP).cast::<i32>();
                            vreinterpretq_s8_s32(vdupq_n_s32(bytes.read_unaligned()))
                        });
                        for part in 0..4 {
                            let weights = vld1q_s8(weights.add(group * GROUP_WEIGHTS + part * 16));
                            for (sums, bytes) in sums.iter_mut().zip(bytes) {
                                dot!(sums[part], weights, bytes, 0);
                            }
                        }
                    }
                    continue;
                }
                let bytes: [int8x16_t; CELLS] = std::array::from_fn(|cell| vld1q_s8(bytes.add(cell * STEP).cast()));
                for group in 0..GROUPS {
                    for part in 0..4 {
                        let weights = vld1q_s8(weights.add(group * GROUP_WEIGHTS + part * 16));
                        for (sums, bytes) in sums.iter_mut().zip(bytes) {
                            match group {
                                0 => dot!(sums[part], weights, bytes, 0),
                                1 => dot!(sums[part], weights, bytes, 1),
                                2 => dot!(sums[part], weights, bytes, 2),
                                _ => dot!(sums[part], weights, bytes, 3),
                            }
                        }
                    }
                }
            }
        }
    }
}
