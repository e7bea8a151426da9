//! Who does the work of one operator: the thread that asks, or a few.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::blocked::BLOCK;

/// One unit of work is not made smaller than so many multiplications: handing it over costs as much as some thousands.
const LEAST_OPERATIONS: usize = 200_000;

/// Threads that share the work of a network.
#[derive(Debug, Default)]
pub struct Workers {
    pool: Option<rayon::ThreadPool>,
}

impl Workers {
    /// `threads` of them; with one, the work is done by whoever asks.
    pub fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        if threads <= 1 {
            return Ok(Self::default());
        }
        let builder = || {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|index| format!("network {index}"))
        };
        // Who asks is best one of those who work: it need not be woken, nor another be put to sleep. A thread can be that for one
        // set of workers only.
        let pool = builder().use_current_thread().build().or_else(|_| builder().build())?;
        Ok(Self { pool: Some(pool) })
    }

    /// How many there are.
    pub fn threads(&self) -> usize {
        self.pool.as_ref().map_or(1, rayon::ThreadPool::current_num_threads)
    }

    /// Does `work`, within which [`for_each_piece`](Self::for_each_piece) costs least.
    pub fn within<Result: Send>(&self, work: impl FnOnce() -> Result + Send) -> Result {
        match &self.pool {
            None => work(),
            Some(pool) => pool.install(work),
        }
    }

    /// Does something with each piece of `values`, with its number.
    pub fn for_each_piece<Value: Send>(
        &self,
        values: &mut [Value],
        piece: usize,
        work: impl Fn(usize, &mut [Value]) + Sync,
    ) {
        if self.pool.is_none() || values.len() <= piece {
            for (index, piece) in values.chunks_mut(piece).enumerate() {
                work(index, piece);
            }
        } else {
            values
                .par_chunks_mut(piece)
                .enumerate()
                .for_each(|(index, piece)| work(index, piece));
        }
    }

    /// Does something for each number below `parts`.
    pub fn for_each_part(&self, parts: usize, work: impl Fn(usize) + Send + Sync) {
        if self.pool.is_none() || parts <= 1 {
            (0..parts).for_each(&work);
        } else {
            (0..parts).into_par_iter().for_each(&work);
        }
    }

    /// Into what pieces, lines by columns, to cut a plane of `lines × width` cells, of which there are `blocks`, each cell worth
    /// `taps` times sixteen multiplications. Pieces are whole lines, or parts of the only one, and all alike.
    pub fn pieces(&self, lines: usize, width: usize, blocks: usize, taps: usize) -> (usize, usize) {
        let threads = self.threads();
        if threads == 1 {
            return (lines, width);
        }
        let cells = lines * width;
        let worthwhile = (cells * taps * BLOCK).div_ceil(LEAST_OPERATIONS);
        let wanted = (4 * threads).div_ceil(blocks.max(1)).min(worthwhile);
        let parts = |whole: usize| (wanted..=whole).find(|parts| whole.is_multiple_of(*parts));
        match (wanted, lines) {
            (..=1, _) => (lines, width),
            (_, 1) => (1, width / parts(width).unwrap_or(1)),
            _ => (lines / parts(lines).unwrap_or(1), width),
        }
    }
}
