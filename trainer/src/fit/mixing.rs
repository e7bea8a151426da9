//! The sound-mixing curriculum: later epochs hear more and more of another sound that is near the own one.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// So many others are drawn, of which the nearest is taken.
const DRAWN: usize = 4000;
/// Share of sounds that are mixed in epoch 0, and what each epoch adds.
const FIRST_SHARE: f64 = 0.1;
/// What each epoch adds to the share of mixed sounds and to the partner's part in them.
const STEP: f64 = 0.01;
/// The partner's greatest part.
const GREATEST_ALPHA: f64 = 0.5;

/// Which sounds are mixed with which in an epoch, by the number of the pair.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Partners {
    /// Each mixed sound and its partner, ascending.
    pub of: Vec<(usize, usize)>,
    /// The partner's part in the mixture, 0..0.5.
    pub alpha: f64,
}

impl Partners {
    /// Whether an epoch, counted from 1, mixes anything: the first does not.
    pub fn are_heard_in(epoch: usize) -> bool {
        passed(epoch) > 0.0
    }

    /// Draws the partners of an epoch, counted from 1, among embeddings of unit length of all training sounds (METHOD, "Sound
    /// mixing"): for each mixed sound the nearest of 4,000 others.
    pub fn draw(embeddings: &[Vec<f32>], epoch: usize, seed: u64) -> Self {
        let passed = passed(epoch);
        let share = (FIRST_SHARE + STEP * passed).min(1.0);
        let alpha = (STEP * passed).min(GREATEST_ALPHA);
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ (epoch as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
        let mut of = Vec::new();
        for (index, own) in embeddings.iter().enumerate() {
            if !random.random_bool(share) {
                continue;
            }
            let drawn = rand::seq::index::sample(&mut random, embeddings.len(), DRAWN.min(embeddings.len()));
            let nearest = drawn
                .iter()
                .filter(|&other| other != index)
                .map(|other| (cosine(own, &embeddings[other]), other))
                .max_by(|(one, _), (other, _)| one.total_cmp(other));
            if let Some((_, partner)) = nearest {
                of.push((index, partner));
            }
        }
        Self { of, alpha }
    }
}

/// Epochs before this one, which is counted from 1.
fn passed(epoch: usize) -> f64 {
    epoch.saturating_sub(1) as f64
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(count: usize) -> Vec<Vec<f32>> {
        (0..count)
            .map(|index| {
                let angle = index as f32 / count as f32 * std::f32::consts::TAU;
                vec![angle.cos(), angle.sin()]
            })
            .collect()
    }

    #[test]
    fn the_first_epoch_hears_each_sound_alone() {
        assert!(!Partners::are_heard_in(1) && Partners::are_heard_in(2));
        assert_eq!(Partners::draw(&circle(50), 1, 3).alpha, 0.0);
    }

    #[test]
    fn later_epochs_mix_more_of_the_nearest() {
        let sounds = circle(400);
        let early = Partners::draw(&sounds, 11, 3);
        let late = Partners::draw(&sounds, 71, 3);
        assert!((early.alpha - 0.1).abs() < 1e-12 && (late.alpha - 0.5).abs() < 1e-12);
        assert!((60..=100).contains(&early.of.len()), "{}", early.of.len());
        assert!((290..=350).contains(&late.of.len()), "{}", late.of.len());
        for &(index, partner) in &late.of {
            let apart = (index + sounds.len() - partner) % sounds.len();
            assert!(apart == 1 || apart == sounds.len() - 1, "{index} with {partner}");
        }
    }

    #[test]
    fn a_sound_alone_is_never_its_own_partner() {
        assert!(Partners::draw(&circle(1), 90, 3).of.is_empty());
    }
}
