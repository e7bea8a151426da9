//! A whole clip in one sentence.

use std::fmt;
use std::time::Duration;

use crate::perception::heatmap::Point;
use crate::perception::percept::Percept;

/// Cells along each edge of the grid on which places are counted.
const CELLS: usize = 12;

/// Gathers the percepts of a clip.
#[derive(Debug, Clone)]
pub struct Summary {
    threshold: f32,
    percepts: usize,
    silent: usize,
    /// By cell: how many accepted percepts, and the sums of their x, y, similarity and probability.
    places: Vec<[f64; 5]>,
    /// Whether the model knows how likely its percepts are right.
    knows: bool,
}

/// What a clip comes down to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Something in view makes the sound.
    Found {
        /// Where it was found most often: the mean over that place and its surroundings.
        place: Point,
        /// The mean raw similarity there.
        similarity: f32,
        /// How likely on the mean the percepts there are right, 0..1; `None` where the model does not know.
        probability: Option<f32>,
        /// From which similarity on a percept counts.
        threshold: f32,
        /// In how much of the clip it was found, 0..1.
        share: f32,
    },
    /// There is sound, of nothing in view.
    NotInView {
        /// From which similarity on a percept counts.
        threshold: f32,
    },
    /// There is no sound.
    Silence,
    /// The clip is too short to hear anything.
    TooShort,
}

impl Summary {
    /// Of nothing yet; `threshold` is told along with the verdict.
    pub fn new(threshold: f32) -> Self {
        Self {
            threshold,
            percepts: 0,
            silent: 0,
            places: vec![[0.0; 5]; CELLS * CELLS],
            knows: false,
        }
    }

    /// Adds a percept, and whether its sound was too quiet to hold anything.
    pub fn add(&mut self, percept: &Percept, silent: bool) {
        self.percepts += 1;
        self.silent += usize::from(silent);
        if percept.accepted {
            self.knows = percept.probability.is_some();
            let Point { x, y } = percept.centre;
            let cell = |share: f32| ((share * CELLS as f32) as usize).min(CELLS - 1);
            let place = &mut self.places[cell(y) * CELLS + cell(x)];
            for (sum, value) in
                place
                    .iter_mut()
                    .zip([1.0, x, y, percept.similarity, percept.probability.unwrap_or_default()])
            {
                *sum += f64::from(value);
            }
        }
    }

    /// What it comes down to.
    pub fn verdict(&self) -> Verdict {
        let accepted: f64 = self.places.iter().map(|place| place[0]).sum();
        if self.percepts == 0 {
            return Verdict::TooShort;
        }
        if accepted == 0.0 {
            let silence = self.silent == self.percepts;
            return if silence {
                Verdict::Silence
            } else {
                Verdict::NotInView {
                    threshold: self.threshold,
                }
            };
        }
        let cells = (0..CELLS).flat_map(|row| (0..CELLS).map(move |column| (row, column)));
        let densest = cells
            .map(|(row, column)| self.around(row, column))
            .max_by(|a, b| a[0].total_cmp(&b[0]));
        let [count, x, y, similarity, probability] = densest.unwrap_or_default();
        Verdict::Found {
            place: Point {
                x: (x / count) as f32,
                y: (y / count) as f32,
            },
            similarity: (similarity / count) as f32,
            probability: self.knows.then_some((probability / count) as f32),
            threshold: self.threshold,
            share: (accepted / self.percepts as f64) as f32,
        }
    }

    /// The sums over a cell and its neighbours.
    fn around(&self, row: usize, column: usize) -> [f64; 5] {
        let reach = |at: usize| at.saturating_sub(1)..=(at + 1).min(CELLS - 1);
        let cells = reach(row).flat_map(|row| reach(column).map(move |column| row * CELLS + column));
        cells.fold([0.0; 5], |sums, cell| {
            std::array::from_fn(|axis| sums[axis] + self.places[cell][axis])
        })
    }
}

impl Verdict {
    /// The sentence; `duration` is that of a clip, `None` for a single picture.
    pub fn sentence(&self, duration: Option<Duration>) -> impl fmt::Display {
        let Self::Found {
            place,
            similarity,
            probability,
            threshold,
            share,
        } = *self
        else {
            return match self {
                Self::NotInView { threshold } => {
                    format!("Nothing in view makes the sound (no similarity reaches {threshold:.2}).")
                }
                Self::Silence => "Silence.".to_owned(),
                _ => "Too short: there is no picture with sound enough before it.".to_owned(),
            };
        };
        let extent = duration.map_or(String::new(), |duration| {
            format!(", in {:.0} % of {:.1} s", share * 100.0, duration.as_secs_f64())
        });
        let sure = probability.map_or(String::new(), |probability| {
            format!(" {:.0} % sure,", 100.0 * probability)
        });
        format!(
            "The sound comes from the {} (x {:.2}, y {:.2}),{sure} similarity {similarity:.2} ≥ {threshold:.2}{extent}.",
            region(place),
            place.x,
            place.y,
        )
    }
}

/// Which third of the picture a point lies in, along each axis.
fn region(Point { x, y }: Point) -> &'static str {
    let third = |share: f32| {
        if share < 1.0 / 3.0 {
            0
        } else if share <= 2.0 / 3.0 {
            1
        } else {
            2
        }
    };
    match (third(y), third(x)) {
        (0, 0) => "upper left",
        (0, 1) => "top",
        (0, _) => "upper right",
        (1, 0) => "left",
        (1, 1) => "centre",
        (1, _) => "right",
        (_, 0) => "lower left",
        (_, 1) => "bottom",
        _ => "lower right",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::perception::heatmap::Heatmap;

    fn percept(x: f32, y: f32, accepted: bool) -> Percept {
        let peak = Point { x, y };
        Percept {
            heatmap: Heatmap::default(),
            peak,
            centre: peak,
            similarity: 0.6,
            probability: None,
            accepted,
            stamp: Duration::ZERO,
        }
    }

    #[test]
    fn the_usual_place_wins_over_strays() {
        let mut summary = Summary::new(0.4);
        for step in 0..30 {
            summary.add(&percept(0.25 + 0.002 * step as f32, 0.3, true), false);
        }
        for step in 0..10 {
            summary.add(&percept(0.9, 0.08 * step as f32, true), false);
            summary.add(&percept(0.5, 0.5, false), true);
        }
        let sentence = summary
            .verdict()
            .sentence(Some(Duration::from_millis(12_340)))
            .to_string();
        assert_eq!(
            sentence,
            "The sound comes from the upper left (x 0.28, y 0.30), similarity 0.60 ≥ 0.40, in 80 % of 12.3 s."
        );
    }

    #[test]
    fn a_single_picture_has_no_duration() {
        let mut summary = Summary::new(0.4);
        summary.add(&percept(0.5, 0.9, true), false);
        let sentence = summary.verdict().sentence(None).to_string();
        assert_eq!(
            sentence,
            "The sound comes from the bottom (x 0.50, y 0.90), similarity 0.60 ≥ 0.40."
        );
    }

    #[test]
    fn a_model_that_knows_how_sure_it_is_says_so() {
        let mut summary = Summary::new(0.4);
        let known = Percept {
            probability: Some(0.93),
            ..percept(0.5, 0.9, true)
        };
        summary.add(&known, false);
        assert_eq!(
            summary.verdict().sentence(None).to_string(),
            "The sound comes from the bottom (x 0.50, y 0.90), 93 % sure, similarity 0.60 ≥ 0.40."
        );
    }

    #[test]
    fn nothing_silence_and_too_short_are_told_apart() {
        let mut summary = Summary::new(0.4);
        assert_eq!(summary.verdict(), Verdict::TooShort);
        summary.add(&percept(0.5, 0.5, false), true);
        assert_eq!(summary.verdict(), Verdict::Silence);
        summary.add(&percept(0.5, 0.5, false), false);
        assert_eq!(summary.verdict(), Verdict::NotInView { threshold: 0.4 });
    }

    proptest! {
        #[test]
        fn the_place_lies_in_the_picture(peaks in prop::collection::vec((0.0f32..=1.0, 0.0f32..=1.0, any::<bool>()), 1..50)) {
            let mut summary = Summary::new(0.4);
            for &(x, y, accepted) in &peaks {
                summary.add(&percept(x, y, accepted), false);
            }
            match summary.verdict() {
                Verdict::Found { place, share, .. } => {
                    prop_assert!((0.0..=1.0).contains(&place.x) && (0.0..=1.0).contains(&place.y));
                    prop_assert!(share > 0.0 && share <= 1.0);
                }
                other => prop_assert_eq!(other, Verdict::NotInView { threshold: 0.4 }),
            }
        }
    }
}
