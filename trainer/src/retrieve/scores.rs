//! Accuracy@K and Precision@K beside what a random order would give (METHOD "Scores"); all shares in 0..1.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::answers::{Answer, Answers};
use crate::evaluate::scores::{Interval, interval_of};

/// How many of the nearest count.
pub const DEPTHS: [usize; 3] = [1, 5, 10];
/// Of the intervals.
const CONFIDENCE: f64 = 0.95;
/// Of the bootstrap.
const RESAMPLES: usize = 1000;

/// How well one direction of retrieval does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RetrievalScores {
    /// How many queries were asked.
    pub queries: usize,
    /// From how many recordings or pictures they were made.
    pub groups: usize,
    /// Queries that were not asked because nothing else is of their class.
    pub alone: usize,
    /// By K.
    pub at: BTreeMap<usize, DepthScores>,
    /// By the class of the query.
    pub by_class: BTreeMap<String, ClassScores>,
}

/// The scores for one K.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DepthScores {
    /// Share of queries with any of their class among the K nearest.
    pub accuracy: Score,
    /// Share of the K nearest that are of the query's class.
    pub precision: Score,
}

/// A mean over queries, and over classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Mean over all queries, with the 95 % interval of a bootstrap over their groups; `None` without queries.
    pub all: Option<Interval>,
    /// What is to be expected of all queries in random order.
    pub chance: f64,
    /// Mean over the classes of the means of their queries: each class counts the same, however many queries it has.
    pub class_mean: f64,
    /// What is to be expected of that in random order.
    pub class_mean_chance: f64,
}

/// The queries of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScores {
    /// How many were asked.
    pub queries: usize,
    /// How many candidates of the class a query has, in the mean.
    pub relevant: f64,
    /// By K.
    pub at: BTreeMap<usize, ClassDepthScores>,
}

/// The mean scores of one class for one K.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassDepthScores {
    /// Accuracy@K.
    pub accuracy: f64,
    /// Accuracy@K to be expected in random order.
    pub accuracy_chance: f64,
    /// Precision@K.
    pub precision: f64,
    /// Precision@K to be expected in random order.
    pub precision_chance: f64,
}

impl RetrievalScores {
    /// Scores answers; `class_name` gives the name of a class.
    pub fn of(answers: &Answers, class_name: impl Fn(usize) -> String) -> Self {
        let mut by_class: BTreeMap<usize, Vec<&Answer>> = BTreeMap::new();
        let mut groups: BTreeMap<usize, Vec<&Answer>> = BTreeMap::new();
        for answer in &answers.answers {
            by_class.entry(answer.class).or_default().push(answer);
            groups.entry(answer.group).or_default().push(answer);
        }
        let groups: Vec<Vec<&Answer>> = groups.into_values().collect();
        let by_class: BTreeMap<String, ClassScores> = by_class
            .into_iter()
            .map(|(class, answers)| (class_name(class), ClassScores::of(&answers)))
            .collect();
        let all: Vec<&Answer> = answers.answers.iter().collect();
        let at = DEPTHS
            .into_iter()
            .map(|depth| {
                let over_all = ClassDepthScores::of(&all, depth);
                let over_classes = |part: fn(&ClassDepthScores) -> f64| {
                    mean(by_class.values().filter_map(|scores| scores.at.get(&depth)).map(part))
                };
                let scores = DepthScores {
                    accuracy: Score {
                        all: interval(&groups, |answer| accuracy(&answer.right, depth)),
                        chance: over_all.accuracy_chance,
                        class_mean: over_classes(|scores| scores.accuracy),
                        class_mean_chance: over_classes(|scores| scores.accuracy_chance),
                    },
                    precision: Score {
                        all: interval(&groups, |answer| precision(&answer.right, depth)),
                        chance: over_all.precision_chance,
                        class_mean: over_classes(|scores| scores.precision),
                        class_mean_chance: over_classes(|scores| scores.precision_chance),
                    },
                };
                (depth, scores)
            })
            .collect();
        Self {
            queries: answers.answers.len(),
            groups: groups.len(),
            alone: answers.alone,
            at,
            by_class,
        }
    }
}

impl ClassScores {
    fn of(answers: &[&Answer]) -> Self {
        Self {
            queries: answers.len(),
            relevant: mean(answers.iter().map(|answer| answer.relevant as f64)),
            at: DEPTHS
                .into_iter()
                .map(|depth| (depth, ClassDepthScores::of(answers, depth)))
                .collect(),
        }
    }
}

impl ClassDepthScores {
    fn of(answers: &[&Answer], depth: usize) -> Self {
        let over = |score: &dyn Fn(&Answer) -> f64| mean(answers.iter().map(|answer| score(answer)));
        Self {
            accuracy: over(&|answer| accuracy(&answer.right, depth)),
            accuracy_chance: over(&|answer| accuracy_by_chance(answer.relevant, answer.candidates, depth)),
            precision: over(&|answer| precision(&answer.right, depth)),
            precision_chance: over(&|answer| precision_by_chance(answer.relevant, answer.candidates, depth)),
        }
    }
}

/// 1 where any of the `depth` nearest is right, else 0.
pub fn accuracy(right: &[bool], depth: usize) -> f64 {
    f64::from(u8::from(right.iter().take(depth).any(|&right| right)))
}

/// The share of the `depth` (at least 1) nearest that is right; where there are fewer, those that are not there are wrong.
pub fn precision(right: &[bool], depth: usize) -> f64 {
    right.iter().take(depth).filter(|&&right| right).count() as f64 / depth as f64
}

/// What [`accuracy`] is in the mean over all orders of `candidates` of which `relevant` are right:
/// `1 − C(candidates − relevant, depth) / C(candidates, depth)`.
pub fn accuracy_by_chance(relevant: usize, candidates: usize, depth: usize) -> f64 {
    let wrong = candidates.saturating_sub(relevant);
    let none: f64 = (0..depth.min(candidates))
        .map(|place| wrong.saturating_sub(place) as f64 / (candidates - place) as f64)
        .product();
    1.0 - none
}

/// What [`precision`] is in the mean over all orders of `candidates` of which `relevant` are right.
pub fn precision_by_chance(relevant: usize, candidates: usize, depth: usize) -> f64 {
    if candidates == 0 {
        return 0.0;
    }
    relevant as f64 / candidates as f64 * depth.min(candidates) as f64 / depth as f64
}

/// The mean over all queries. Queries of one group are no independent cases, so the bootstrap draws whole groups.
fn interval(groups: &[Vec<&Answer>], score: impl Fn(&Answer) -> f64) -> Option<Interval> {
    let sums: Vec<(f64, usize)> = groups
        .iter()
        .map(|answers| (answers.iter().map(|answer| score(answer)).sum(), answers.len()))
        .collect();
    interval_of(
        sums.len(),
        CONFIDENCE,
        RESAMPLES,
        &mut ChaCha8Rng::seed_from_u64(0),
        |drawn| {
            let drawn = drawn.iter().map(|&group| sums[group]);
            let (sum, count) = drawn.fold((0.0, 0), |total, (sum, count)| (total.0 + sum, total.1 + count));
            (count > 0).then(|| sum / count as f64)
        },
    )
}

/// 0 of nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    if count > 0 { sum / count as f64 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn answer(class: usize, group: usize, relevant: usize, candidates: usize, right: &[bool]) -> Answer {
        Answer {
            query: 0,
            class,
            group,
            relevant,
            candidates,
            nearest: Vec::new(),
            right: right.to_vec(),
            average_precision: 0.0,
        }
    }

    #[test]
    fn scores_by_hand() {
        let answers = Answers {
            answers: vec![
                answer(0, 0, 2, 20, &[true, false, false, false, true, false]),
                answer(0, 1, 2, 20, &[false, true, false, false, false, false]),
                answer(0, 1, 2, 20, &[false; 10]),
                answer(1, 2, 1, 4, &[false, false, false, true]),
            ],
            alone: 3,
        };
        let scores = RetrievalScores::of(&answers, |class| format!("class {class}"));
        assert_eq!((scores.queries, scores.groups, scores.alone), (4, 3, 3));
        let all = |depth: usize| {
            let at = &scores.at[&depth];
            (at.accuracy.all.unwrap().mean, at.precision.all.unwrap().mean)
        };
        assert_eq!(all(1), (0.25, 0.25));
        let near = |(accuracy, precision): (f64, f64), expected: (f64, f64)| {
            accuracy == expected.0 && (precision - expected.1).abs() < 1e-12
        };
        assert!(near(all(5), (0.75, (0.4 + 0.2 + 0.0 + 0.2) / 4.0)), "{:?}", all(5));
        assert!(near(all(10), (0.75, (0.2 + 0.1 + 0.0 + 0.1) / 4.0)), "{:?}", all(10));
        assert_eq!(scores.at[&5].accuracy.class_mean, (2.0 / 3.0 + 1.0) / 2.0);
        let first = &scores.by_class["class 0"];
        assert_eq!((first.queries, first.relevant), (3, 2.0));
        assert_eq!(first.at[&1].accuracy, 1.0 / 3.0);
        // 18/20 × 17/19 × 16/18 × 15/17 × 14/16 = 15 × 14 / (20 × 19) orders have none of two among the first five.
        assert!((first.at[&5].accuracy_chance - (1.0 - 210.0 / 380.0)).abs() < 1e-12);
        assert!((first.at[&5].precision_chance - 0.1).abs() < 1e-12);
        let second = &scores.by_class["class 1"].at[&10];
        assert_eq!((second.accuracy_chance, second.precision_chance), (1.0, 0.1));
    }

    #[test]
    fn queries_of_one_group_are_one_case() {
        let many = |groups: usize| Answers {
            answers: (0..100)
                .map(|index| answer(0, index % groups, 1, 9, &[(index % groups).is_multiple_of(2)]))
                .collect(),
            alone: 0,
        };
        let width = |groups: usize| {
            let found = RetrievalScores::of(&many(groups), |_| String::new()).at[&1]
                .accuracy
                .all
                .unwrap();
            assert_eq!(found.mean, 0.5);
            found.high - found.low
        };
        assert!(width(100) < 0.25 && width(4) > 0.45, "{} {}", width(100), width(4));
    }

    #[test]
    fn no_queries_have_no_scores() {
        let scores = RetrievalScores::of(&Answers::default(), |_| String::new());
        assert_eq!(scores.at[&1].accuracy.all, None);
        assert!(scores.by_class.is_empty());
    }

    /// Calls with every order of the values (Heap's algorithm).
    fn for_each_order(values: &mut Vec<bool>, length: usize, call: &mut impl FnMut(&[bool])) {
        if length <= 1 {
            return call(values);
        }
        for index in 0..length {
            for_each_order(values, length - 1, call);
            values.swap(if length.is_multiple_of(2) { index } else { 0 }, length - 1);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn chance_is_the_mean_over_all_orders(candidates in 1usize..8, relevant in 1usize..8, depth in 1usize..11) {
            prop_assume!(relevant <= candidates);
            let mut right: Vec<bool> = (0..candidates).map(|index| index < relevant).collect();
            let (mut orders, mut accuracies, mut precisions) = (0.0, 0.0, 0.0);
            for_each_order(&mut right, candidates, &mut |right| {
                orders += 1.0;
                accuracies += accuracy(right, depth);
                precisions += precision(right, depth);
            });
            prop_assert_eq!(orders, (1..=candidates).product::<usize>() as f64);
            prop_assert!((accuracies / orders - accuracy_by_chance(relevant, candidates, depth)).abs() < 1e-9);
            prop_assert!((precisions / orders - precision_by_chance(relevant, candidates, depth)).abs() < 1e-9);
        }
    }
}
