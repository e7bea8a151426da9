//! What this processor could do at best: the two floors under the time that a network takes.

use std::hint::black_box;
use std::time::Instant;

use pulp::{Simd, WithSimd};

use super::integer;
use super::lanes::dispatch;
use super::workers::Workers;

/// Chains of multiplications that do not wait for one another: enough to keep two units of four cycles busy.
const CHAINS: usize = 12;
/// Steps of each chain.
const STEPS: usize = 2_000_000;
/// The same for bytes.
const INTEGER_STEPS: usize = 1_000_000;
/// Values that are read to find the bandwidth: 64 MiB, more than the caches of a small processor hold.
const VALUES: usize = 16 << 20;
/// The best of so many counts: whatever else ran meanwhile only takes away.
const ROUNDS: usize = 5;

/// Multiplications with an addition each that all threads can do in a second, with nothing to read.
pub fn operations_per_second(workers: &Workers) -> f64 {
    let mut sums = vec![0.0_f32; workers.threads()];
    let operations = (workers.threads() * STEPS * CHAINS * dispatch(Lanes)) as f64;
    best(|| workers.within(|| workers.for_each_piece(&mut sums, 1, |_, sum| sum[0] = dispatch(Chains)))) * operations
}

/// Multiplications of bytes with an addition each that all threads can do in a second, on bytes that are in the nearest cache;
/// `None` where the processor has no instructions for them.
pub fn integer_operations_per_second(workers: &Workers) -> Option<f64> {
    if !integer::are_here() {
        return None;
    }
    let operations = (workers.threads() * integer::peak::multiply(INTEGER_STEPS)) as f64;
    let work = || {
        workers.for_each_part(workers.threads(), |_| {
            integer::peak::multiply(INTEGER_STEPS);
        });
    };
    Some(best(|| workers.within(work)) * operations)
}

/// Bytes that all threads can read from memory in a second.
pub fn bytes_per_second(workers: &Workers) -> f64 {
    let mut values = vec![1.0_f32; VALUES];
    let piece = VALUES / workers.threads();
    let bytes = (piece * workers.threads() * size_of::<f32>()) as f64;
    best(|| {
        workers.within(|| {
            workers.for_each_piece(&mut values, piece, |_, values| {
                black_box(dispatch(Reading(values)));
            });
        });
    }) * bytes
}

/// Times a second.
fn best(mut work: impl FnMut()) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        1.0 / start.elapsed().as_secs_f64().max(1e-9)
    });
    rounds.fold(0.0, f64::max)
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

struct Chains;

impl WithSimd for Chains {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let factor = simd.splat_f32s(black_box(0.999));
        let mut chains = [factor; CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = simd.mul_add_e_f32s(*chain, factor, factor);
            }
        }
        chains.iter().map(|chain| simd.reduce_sum_f32s(*chain)).sum()
    }
}

struct Reading<'a>(&'a [f32]);

impl WithSimd for Reading<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (vectors, _) = S::as_simd_f32s(self.0);
        let mut sums = [simd.splat_f32s(0.0); 8];
        for vectors in vectors.chunks_exact(8) {
            for (sum, vector) in sums.iter_mut().zip(vectors) {
                *sum = simd.add_f32s(*sum, *vector);
            }
        }
        sums.iter().map(|sum| simd.reduce_sum_f32s(*sum)).sum()
    }
}
