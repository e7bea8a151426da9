//! What perception hands on: one picture, the sound before it, and where they agree.

use std::time::Duration;

use super::heatmap::{Heatmap, Point};

/// What was found in one picture with the sound that ends at its stamp.
#[derive(Debug, PartialEq)]
pub struct Percept {
    /// Raw similarities over the model's view of the picture.
    pub heatmap: Heatmap,
    /// Where the greatest similarity lies, in the coordinates of the whole frame.
    pub peak: Point,
    /// The middle of what stands out around the peak, in the coordinates of the whole frame: where to aim, for the peak may lie at
    /// the edge of the thing that sounds (see [`MeanShift`](super::mean_shift::MeanShift)).
    pub centre: Point,
    /// The greatest similarity, −1..1.
    pub similarity: f32,
    /// How likely the source is in view, at the peak, 0..1; `None` where the model does not know how sure its similarities
    /// make one.
    pub probability: Option<f32>,
    /// The similarity reaches the threshold found on negatives: something in view is making the sound.
    pub accepted: bool,
    /// Of the picture.
    pub stamp: Duration,
}

impl Default for Percept {
    /// Nothing heard, nothing seen.
    fn default() -> Self {
        let middle = Point { x: 0.5, y: 0.5 };
        Self {
            heatmap: Heatmap::default(),
            peak: middle,
            centre: middle,
            similarity: 0.0,
            probability: None,
            accepted: false,
            stamp: Duration::ZERO,
        }
    }
}

impl Clone for Percept {
    fn clone(&self) -> Self {
        Self {
            heatmap: self.heatmap.clone(),
            ..*self
        }
    }

    /// Keeps the heatmap's memory.
    fn clone_from(&mut self, source: &Self) {
        let mut heatmap = std::mem::take(&mut self.heatmap);
        heatmap.clone_from(&source.heatmap);
        *self = Self { heatmap, ..*source };
    }
}

impl Percept {
    /// Where there was no sound to listen to nothing in view makes it, however alike the silence and the picture are.
    pub fn hush(&mut self) {
        self.accepted = false;
        self.probability = self.probability.map(|_| 0.0);
    }
}
