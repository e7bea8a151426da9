//! Embeddings in one block of memory, and the exact nearest of them to a query.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::num::NonZero;
use std::thread;

/// Products summed side by side: as many as four 128-bit registers hold, so that neither latency nor order keeps the compiler
/// from using vectors.
const LANES: usize = 16;
/// Values below which a further thread costs more than it saves.
const LEAST_VALUES_PER_THREAD: usize = 1 << 20;
/// How far from 1 the length of a unit vector may be.
const LENGTH_TOLERANCE: f32 = 1e-3;

/// An embedding or query that does not fit the gallery.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum GalleryError {
    /// It comes from another model: embed all with one bundle.
    #[error("an embedding of {found} channels does not fit a gallery of {channels}; embed both with the same bundle")]
    Channels {
        /// Of the embedding.
        found: usize,
        /// Of the gallery.
        channels: usize,
    },
    /// The dot product would be no cosine: scale it to unit length.
    #[error("an embedding has the length {length}, not 1; scale it to unit length, and leave out what has none")]
    Length {
        /// Not finite where a value is not.
        length: f32,
    },
}

/// A member of a gallery as an answer to a query. The greater is the nearer; of equally near ones, the one with the lower index.
#[derive(Debug, Clone, Copy)]
pub struct Neighbour {
    /// In the gallery.
    pub index: usize,
    /// Cosine, −1..1.
    pub similarity: f32,
}

impl Ord for Neighbour {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_similarity = self.similarity.total_cmp(&other.similarity);
        by_similarity.then(other.index.cmp(&self.index))
    }
}

impl PartialOrd for Neighbour {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Neighbour {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Neighbour {}

/// Unit vectors, `[count, channels]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Gallery {
    channels: NonZero<usize>,
    values: Vec<f32>,
}

impl Gallery {
    /// An empty gallery for embeddings of so many channels.
    pub fn new(channels: NonZero<usize>) -> Self {
        Self {
            channels,
            values: Vec::new(),
        }
    }

    /// Adds an embedding behind the others.
    ///
    /// # Errors
    /// Both [`GalleryError`]s; the gallery is then as before.
    pub fn push(&mut self, embedding: &[f32]) -> Result<(), GalleryError> {
        self.check(embedding)?;
        self.values.extend_from_slice(embedding);
        Ok(())
    }

    /// How many embeddings there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.channels
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Length of an embedding.
    pub fn channels(&self) -> usize {
        self.channels.get()
    }

    /// All embeddings, `[count, channels]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The embeddings one by one, in the order in which they came.
    pub fn embeddings(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.channels.get())
    }

    /// The `count` nearest to a query, nearest first, but for those whose index is left out. Exact: every member is looked at, on
    /// at most `threads` threads.
    ///
    /// # Errors
    /// Both [`GalleryError`]s, of the query.
    pub fn nearest(
        &self,
        query: &[f32],
        count: usize,
        threads: NonZero<usize>,
        is_left_out: impl Fn(usize) -> bool + Sync,
    ) -> Result<Vec<Neighbour>, GalleryError> {
        self.check(query)?;
        let useful_threads = (self.values.len() / LEAST_VALUES_PER_THREAD).clamp(1, threads.get());
        let rows_per_thread = self.len().div_ceil(useful_threads).max(1);
        let part =
            |thread: usize, values: &[f32]| nearest_of(values, query, count, thread * rows_per_thread, &is_left_out);
        let mut parts = self.values.chunks(rows_per_thread * self.channels.get()).enumerate();
        let first = parts.next();
        let mut found: Vec<Neighbour> = thread::scope(|scope| {
            let others: Vec<_> = parts
                .map(|(thread, values)| scope.spawn(move || part(thread, values)))
                .collect();
            let mut found = first.map(|(thread, values)| part(thread, values)).unwrap_or_default();
            for other in others {
                match other.join() {
                    Ok(neighbours) => found.extend(neighbours),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            found
        });
        found.sort_unstable_by_key(|&neighbour| Reverse(neighbour));
        found.truncate(count);
        Ok(found)
    }

    /// All members but those whose index is left out, nearest first, into `ranking`, on this thread.
    ///
    /// # Errors
    /// Both [`GalleryError`]s, of the query.
    pub fn rank(
        &self,
        query: &[f32],
        is_left_out: impl Fn(usize) -> bool,
        ranking: &mut Vec<Neighbour>,
    ) -> Result<(), GalleryError> {
        self.check(query)?;
        ranking.clear();
        ranking.extend(
            self.embeddings()
                .enumerate()
                .filter(|&(index, _)| !is_left_out(index))
                .map(|(index, embedding)| Neighbour {
                    index,
                    similarity: dot(embedding, query),
                }),
        );
        ranking.sort_unstable_by_key(|&neighbour| Reverse(neighbour));
        Ok(())
    }

    fn check(&self, embedding: &[f32]) -> Result<(), GalleryError> {
        if embedding.len() != self.channels.get() {
            return Err(GalleryError::Channels {
                found: embedding.len(),
                channels: self.channels.get(),
            });
        }
        let length = dot(embedding, embedding).sqrt();
        let is_unit = (1.0 - LENGTH_TOLERANCE..=1.0 + LENGTH_TOLERANCE).contains(&length);
        if !is_unit {
            return Err(GalleryError::Length { length });
        }
        Ok(())
    }
}

/// The nearest of some rows, of which the first has the index `first`, in no order. Whatever the number of rows, memory is taken
/// once, for the `count`.
fn nearest_of(
    values: &[f32],
    query: &[f32],
    count: usize,
    first: usize,
    is_left_out: &impl Fn(usize) -> bool,
) -> Vec<Neighbour> {
    let rows = values.len() / query.len().max(1);
    let mut kept: BinaryHeap<Reverse<Neighbour>> = BinaryHeap::with_capacity(count.min(rows) + 1);
    for (row, embedding) in values.chunks_exact(query.len().max(1)).enumerate() {
        let candidate = Neighbour {
            index: first + row,
            similarity: dot(embedding, query),
        };
        if kept.len() == count && kept.peek().is_none_or(|farthest| candidate < farthest.0) {
            continue;
        }
        if !is_left_out(candidate.index) {
            kept.push(Reverse(candidate));
            if kept.len() > count {
                kept.pop();
            }
        }
    }
    kept.into_iter().map(|Reverse(neighbour)| neighbour).collect()
}

/// Sum of products, in an order that depends on nothing but the length.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let (one, one_rest) = one.as_chunks::<LANES>();
    let (other, other_rest) = other.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (one, other) in one.iter().zip(other) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use lookhear::perception::heatmap::normalise;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn threads(count: usize) -> NonZero<usize> {
        NonZero::new(count).unwrap()
    }

    fn gallery(rows: &[Vec<f32>]) -> Gallery {
        let mut gallery = Gallery::new(NonZero::new(rows[0].len()).unwrap());
        for row in rows {
            gallery.push(row).unwrap();
        }
        gallery
    }

    fn random_unit(channels: usize, random: &mut impl Rng) -> Vec<f32> {
        let mut row: Vec<f32> = (0..channels).map(|_| random.random_range(-1.0..1.0)).collect();
        normalise(&mut row);
        row
    }

    #[test]
    fn the_nearest_come_first_and_equals_by_index() {
        let rows = [vec![0.0, 1.0], vec![1.0, 0.0], vec![0.6, 0.8], vec![1.0, 0.0]];
        let nearest = |except: usize| {
            let found = gallery(&rows).nearest(&[1.0, 0.0], 3, threads(2), |index| index == except);
            let pairs = found.unwrap().into_iter().map(|found| (found.index, found.similarity));
            pairs.collect::<Vec<_>>()
        };
        assert_eq!(nearest(9), [(1, 1.0), (3, 1.0), (2, 0.6)]);
        assert_eq!(nearest(1), [(3, 1.0), (2, 0.6), (0, 0.0)]);
    }

    #[test]
    fn threads_change_nothing() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let rows: Vec<_> = (0..30_000).map(|_| random_unit(131, &mut random)).collect();
        let (gallery, query) = (gallery(&rows), random_unit(131, &mut random));
        let on = |count| {
            gallery
                .nearest(&query, 25, threads(count), |index| index % 7 == 0)
                .unwrap()
        };
        assert_eq!(on(1).len(), 25);
        assert_eq!(on(1), on(2));
        assert_eq!(on(1), on(5));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut gallery = gallery(&[vec![1.0, 0.0]]);
        let channels = GalleryError::Channels { found: 1, channels: 2 };
        assert_eq!(gallery.push(&[1.0]), Err(channels));
        assert_eq!(gallery.nearest(&[1.0], 1, threads(1), |_| false), Err(channels));
        for row in [[0.0, 0.0], [2.0, 0.0], [f32::NAN, 1.0], [f32::INFINITY, 0.0]] {
            assert!(
                matches!(gallery.push(&row), Err(GalleryError::Length { .. })),
                "{row:?}"
            );
        }
        assert_eq!(gallery.len(), 1);
    }

    #[test]
    fn an_empty_gallery_answers_with_nothing() {
        let gallery = Gallery::new(threads(2));
        assert_eq!(gallery.nearest(&[1.0, 0.0], 4, threads(2), |_| false), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn the_nearest_are_the_head_of_the_full_ranking(
            seed in 0u64..1000, rows in 1usize..60, channels in 1usize..40, count in 0usize..70, duplicates in 0usize..5
        ) {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut rows: Vec<_> = (0..rows).map(|_| random_unit(channels, &mut random)).collect();
            rows.extend(rows.clone().into_iter().take(duplicates));
            let gallery = gallery(&rows);
            let query = random_unit(channels, &mut random);
            let is_left_out = |index: usize| index.is_multiple_of(5);
            let mut expected: Vec<(usize, f32)> = (0..rows.len()).filter(|&index| !is_left_out(index))
                .map(|index| (index, dot(&rows[index], &query))).collect();
            expected.sort_by(|one, other| other.1.total_cmp(&one.1));
            let mut ranking = Vec::new();
            gallery.rank(&query, is_left_out, &mut ranking).unwrap();
            prop_assert_eq!(ranking.iter().map(|found| (found.index, found.similarity)).collect::<Vec<_>>(), expected);
            ranking.truncate(count);
            prop_assert_eq!(gallery.nearest(&query, count, threads(2), is_left_out).unwrap(), ranking);
        }
    }
}
