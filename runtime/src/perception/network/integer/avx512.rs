//! Sixteen values at a time by AVX-512 with its instructions for neural networks (VNNI).

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::vectors::{GROUP, GROUP_WEIGHTS, Vectors, Work};

/// Proof that the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub struct Avx512(());

impl Avx512 {
    /// `None` where the processor is another.
    #[inline]
    pub fn try_new() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni"))
        .then_some(Self(()))
    }

    /// Runs vector code.
    #[inline]
    pub fn run<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
        fn with_features<W: Work>(vectors: Avx512, work: W) -> W::Output {
            work.with(vectors)
        }
        // SAFETY: `self` is the proof that these features are there.
        unsafe { with_features(self, work) }
    }
}

// In all of these the features are there because an `Avx512` is.
impl Vectors for Avx512 {
    type Floats = __m512;
    type Sums = __m512i;
    const OFFSET: i32 = 0;
    // An input that is read once for two blocks leaves the ports to memory half idle, which pays where another thread of the same core
    // wants them as well. Sixteen sums hide how long a product takes; more are no faster.
    const CELLS: usize = 8;
    const BLOCKS: usize = 2;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn add(self, one: __m512, other: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_add_ps(one, other) }
    }

    #[inline(always)]
    fn mul_add(self, one: __m512, other: __m512, third: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_fmadd_ps(one, other, third) }
    }

    #[inline(always)]
    fn max(self, one: __m512, other: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_max_ps(one, other) }
    }

    #[inline(always)]
    fn min(self, one: __m512, other: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_min_ps(one, other) }
    }

    #[inline(always)]
    fn to_floats(self, sums: __m512i) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_cvtepi32_ps(sums) }
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        // SAFETY: of the caller.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, values: __m512) {
        // SAFETY: of the caller.
        unsafe { _mm512_storeu_ps(to, values) }
    }

    #[inline(always)]
    unsafe fn load_sums(self, from: *const i32) -> __m512i {
        // SAFETY: of the caller.
        unsafe { _mm512_loadu_epi32(from) }
    }

    #[inline(always)]
    unsafe fn widen(self, from: *const u8) -> __m512 {
        // SAFETY: of the caller.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn narrow(self, to: *mut u8, values: __m512) {
        // SAFETY: of the caller.
        unsafe {
            let whole = _mm512_max_epi32(_mm512_cvtps_epi32(values), _mm512_setzero_si512());
            _mm_storeu_si128(to.cast(), _mm512_cvtusepi32_epi8(whole));
        }
    }

    #[inline(always)]
    unsafe fn dot<const CELLS: usize, const STEP: usize, const GROUPS: usize, const BLOCKS: usize>(
        self,
        sums: &mut [[__m512i; CELLS]; BLOCKS],
        bytes: *const u8,
        weights: [*const i8; BLOCKS],
    ) {
        for group in 0..GROUPS {
            // SAFETY: of the caller.
            unsafe {
                let weights = weights.map(|weights| _mm512_loadu_si512(weights.add(group * GROUP_WEIGHTS).cast()));
                for cell in 0..CELLS {
                    let bytes = bytes.add(cell * STEP + group * GROUP).cast::<i32>().read_unaligned();
                    let bytes = _mm512_set1_epi32(bytes);
                    for (sums, weights) in sums.iter_mut().zip(weights) {
                        sums[cell] = _mm512_dpbusd_epi32(sums[cell], bytes, weights);
                    }
                }
            }
        }
    }
}
