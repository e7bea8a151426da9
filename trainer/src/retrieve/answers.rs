//! Every member of one collection asked of another: what comes first, and what of it is of the same class.

use std::num::NonZero;
use std::thread;

use super::gallery::{Gallery, GalleryError, Neighbour};

/// How many of the nearest an answer keeps.
pub const KEPT: usize = 10;

/// What is known of an embedding. Numbers are shared by all collections that are asked of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// The kind of thing; what has none is neither asked nor found.
    pub class: Option<usize>,
    /// The recording or picture it was made from: members of the query's own group are no answers to it.
    pub group: usize,
}

/// Embeddings and their labels, of equal number.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// The embeddings.
    pub gallery: &'a Gallery,
    /// What is known of each.
    pub labels: &'a [Label],
}

/// What came of one query.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its index among those that asked.
    pub query: usize,
    /// Its class.
    pub class: usize,
    /// Its group.
    pub group: usize,
    /// How many candidates are of its class; at least one.
    pub relevant: usize,
    /// How many candidates there are, its own group left out.
    pub candidates: usize,
    /// The nearest, at most [`KEPT`].
    pub nearest: Vec<Neighbour>,
    /// Which of `nearest` are of its class.
    pub right: Vec<bool>,
    /// Mean of the precisions at the place of every candidate of its class, 0..1.
    pub average_precision: f64,
}

/// What came of all queries.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answers {
    /// In the order of the queries.
    pub answers: Vec<Answer>,
    /// Queries that were not asked because nothing else is of their class.
    pub alone: usize,
}

/// Asks every labelled query that `is_asked` (given its index) lets through, on so many threads.
///
/// # Errors
/// [`GalleryError::Channels`] where queries and gallery do not fit each other.
pub fn ask(
    queries: Labelled<'_>,
    gallery: Labelled<'_>,
    is_asked: impl Fn(usize) -> bool + Sync,
    threads: NonZero<usize>,
) -> Result<Answers, GalleryError> {
    let asked: Vec<(usize, usize, usize, &[f32])> = queries
        .labels
        .iter()
        .zip(queries.gallery.embeddings())
        .enumerate()
        .filter(|&(index, _)| is_asked(index))
        .filter_map(|(index, (label, embedding))| Some((index, label.class?, label.group, embedding)))
        .collect();
    let share = asked.len().div_ceil(threads.get()).max(1);
    let parts: Vec<Result<Answers, GalleryError>> = thread::scope(|scope| {
        let workers: Vec<_> = asked
            .chunks(share)
            .map(|part| scope.spawn(move || ask_part(part, gallery)))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = Answers::default();
    for part in parts {
        let part = part?;
        all.answers.extend(part.answers);
        all.alone += part.alone;
    }
    Ok(all)
}

fn ask_part(asked: &[(usize, usize, usize, &[f32])], gallery: Labelled<'_>) -> Result<Answers, GalleryError> {
    let mut answers = Answers::default();
    let mut ranking = Vec::new();
    for &(query, class, group, embedding) in asked {
        let is_candidate = |label: &Label| label.class.is_some() && label.group != group;
        let is_right = |label: &Label| label.class == Some(class);
        let relevant = gallery
            .labels
            .iter()
            .filter(|label| is_candidate(label) && is_right(label))
            .count();
        if relevant == 0 {
            answers.alone += 1;
            continue;
        }
        let is_left_out = |index: usize| !gallery.labels.get(index).is_some_and(is_candidate);
        gallery.gallery.rank(embedding, is_left_out, &mut ranking)?;
        let right: Vec<bool> = ranking
            .iter()
            .map(|found| is_right(&gallery.labels[found.index]))
            .collect();
        answers.answers.push(Answer {
            query,
            class,
            group,
            relevant,
            candidates: ranking.len(),
            average_precision: average_precision(&right),
            nearest: ranking.iter().take(KEPT).copied().collect(),
            right: right.into_iter().take(KEPT).collect(),
        });
    }
    Ok(answers)
}

/// Mean of the precisions at each place that is right; 0 where none is.
fn average_precision(right: &[bool]) -> f64 {
    let places = right.iter().enumerate().filter(|&(_, &right)| right);
    let precisions = places
        .enumerate()
        .map(|(before, (place, _))| (before + 1) as f64 / (place + 1) as f64);
    let (sum, count) = precisions.fold((0.0, 0usize), |(sum, count), precision| (sum + precision, count + 1));
    if count > 0 { sum / count as f64 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Unit vectors of the plane at so many degrees.
    fn at(degrees: &[f32]) -> Gallery {
        let mut gallery = Gallery::new(NonZero::new(2).unwrap());
        for degrees in degrees {
            let (sine, cosine) = degrees.to_radians().sin_cos();
            gallery.push(&[cosine, sine]).unwrap();
        }
        gallery
    }

    fn labels(pairs: &[(Option<usize>, usize)]) -> Vec<Label> {
        pairs.iter().map(|&(class, group)| Label { class, group }).collect()
    }

    #[test]
    fn a_query_finds_neither_itself_nor_its_group_nor_what_has_no_class() {
        let gallery = at(&[0.0, 1.0, 2.0, 3.0, 10.0, 50.0]);
        let labels = labels(&[
            (Some(0), 0),
            (Some(0), 0),
            (None, 1),
            (Some(1), 2),
            (Some(0), 3),
            (Some(2), 4),
        ]);
        let side = Labelled {
            gallery: &gallery,
            labels: &labels,
        };
        for threads in [1, 2, 4] {
            let found = ask(side, side, |index| index != 1, NonZero::new(threads).unwrap()).unwrap();
            assert_eq!(found.alone, 2, "the classes 1 and 2 have one member each");
            let summary: Vec<_> = found
                .answers
                .iter()
                .map(|answer| (answer.query, answer.relevant, answer.candidates, answer.right.clone()))
                .collect();
            assert_eq!(
                summary,
                [
                    (0, 1, 3, vec![false, true, false]),
                    (4, 2, 4, vec![false, true, true, false])
                ]
            );
            let places: Vec<usize> = found.answers[1].nearest.iter().map(|near| near.index).collect();
            assert_eq!(places, [3, 1, 0, 5]);
            assert_eq!(found.answers[0].average_precision, 0.5);
            assert_eq!(found.answers[1].average_precision, (1.0 / 2.0 + 2.0 / 3.0) / 2.0);
        }
    }

    #[test]
    fn average_precision_by_hand() {
        assert_eq!(average_precision(&[true, false, true, false]), (1.0 + 2.0 / 3.0) / 2.0);
        assert_eq!(average_precision(&[false]), 0.0);
        assert_eq!(average_precision(&[]), 0.0);
    }
}
