//! Who does the work of one operator: the thread that asks, or a few.

#![allow(unsafe_code)]

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::blocked::BLOCK;

/// One unit of work is not made smaller than so many multiplications: handing it over costs as much as some thousands.
const LEAST_OPERATIONS: usize = 200_000;

/// Pieces for each thread, so that none waits long for the last of another.
const PIECES: usize = 16;

/// Parts of a line are a multiple of so many cells: as many as convolutions take at once.
const TILE: usize = 14;

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
                .with_max_len(1)
                .enumerate()
                .for_each(|(index, piece)| work(index, piece));
        }
    }

    /// Does something for each number below `parts`.
    pub fn for_each_part(&self, parts: usize, work: impl Fn(usize) + Send + Sync) {
        if self.pool.is_none() || parts <= 1 {
            (0..parts).for_each(&work);
        } else {
            (0..parts).into_par_iter().with_max_len(1).for_each(&work);
        }
    }

    /// Does something with each piece of each plane of `values`, with the same pieces of `TOGETHER` neighbouring planes at once: with
    /// the number of the first of these planes and that of the piece. Where there are fewer planes left, the last pieces are empty.
    ///
    /// # Panics
    /// When they are not whole planes, or cut into pieces of nothing.
    pub fn for_each_piece_of_planes<Value: Send, const TOGETHER: usize>(
        &self,
        values: &mut [Value],
        cut: Cut,
        work: impl Fn(usize, usize, [&mut [Value]; TOGETHER]) + Sync,
    ) {
        let Cut { plane, piece, order } = cut;
        assert!(
            piece > 0 && values.len().is_multiple_of(plane),
            "values are not whole planes"
        );
        let planes = values.len() / plane;
        let (groups, pieces) = (planes.div_ceil(TOGETHER), plane.div_ceil(piece));
        let start = Start(values.as_mut_ptr());
        self.for_each_part(groups * pieces, |part| {
            let (group, index) = match order {
                Order::PlaneByPlane => (part / pieces, part % pieces),
                Order::PlaceByPlace => (part % groups, part / groups),
            };
            let first = group * TOGETHER;
            let len = piece.min(plane - index * piece);
            let pieces = std::array::from_fn(|member| match first + member {
                // SAFETY: each part has planes and a place of its own, so that no value is in two pieces; all lie within `values`,
                // which nobody else has meanwhile.
                number if number < planes => unsafe {
                    std::slice::from_raw_parts_mut(start.get().add(number * plane + index * piece), len)
                },
                _ => &mut [],
            });
            work(first, index, pieces);
        });
    }

    /// How to cut planes of `lines × width` cells, of which there are `blocks`, each cell worth `taps` times sixteen
    /// multiplications: so many lines and columns are a piece, the last of a plane maybe fewer. Pieces are whole lines, or parts
    /// of the only one.
    pub fn pieces(&self, lines: usize, width: usize, blocks: usize, taps: usize) -> (usize, usize) {
        let threads = self.threads();
        if threads == 1 {
            return (lines, width);
        }
        let worthwhile = (lines * width * taps * BLOCK).div_ceil(LEAST_OPERATIONS);
        let wanted = (PIECES * threads).div_ceil(blocks.max(1)).min(worthwhile).max(1);
        match lines {
            1 => (1, width.div_ceil(wanted).next_multiple_of(TILE).min(width)),
            _ => (lines.div_ceil(wanted), width),
        }
    }
}

/// How planes are cut.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Values of a plane.
    pub plane: usize,
    /// Values of a piece; the last of a plane may be shorter.
    pub piece: usize,
    /// What comes after what.
    pub order: Order,
}

/// In which order pieces are taken, and so which of them a thread has: it begins with neighbours in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All of a plane, then of the next: what belongs to a plane, such as weights, is read by one thread.
    PlaneByPlane,
    /// The first piece of each plane, then the next: a thread has the same lines of all planes, and what it wrote before is near.
    PlaceByPlace,
}

impl Order {
    /// The order for what reads so many bytes of weights and of a map.
    pub fn of(weights: usize, map: usize) -> Self {
        if map > weights {
            Self::PlaceByPlace
        } else {
            Self::PlaneByPlane
        }
    }
}

/// Where values start that threads share among them.
struct Start<Value>(*mut Value);

impl<Value> Start<Value> {
    fn get(&self) -> *mut Value {
        self.0
    }
}

// SAFETY: threads take values from it that no other takes, and values may be sent.
unsafe impl<Value: Send> Sync for Start<Value> {}
