//! Where in the picture a sound is: one cosine a cell.

use serde::{Deserialize, Serialize};

/// A point of the picture, both coordinates in 0..1, the origin at the top left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// From the left edge.
    pub x: f32,
    /// From the top edge.
    pub y: f32,
}

/// Raw similarities between each cell of a picture and a sound (METHOD: `H[y,x] = ⟨V[:,y,x], A⟩`), never rescaled.
#[derive(Debug, PartialEq, Default)]
pub struct Heatmap {
    /// Cells in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Cosines in −1..1, rows from the top, `width × height` of them.
    pub values: Vec<f32>,
}

impl Clone for Heatmap {
    fn clone(&self) -> Self {
        let Self { width, height, values } = self;
        Self {
            width: *width,
            height: *height,
            values: values.clone(),
        }
    }

    /// Keeps the memory that is there: heatmaps are copied for each frame.
    fn clone_from(&mut self, source: &Self) {
        (self.width, self.height) = (source.width, source.height);
        self.values.clone_from(&source.values);
    }
}

impl Heatmap {
    /// Fills the map from an L2-normalised vision map `[channels, height, width]` and an L2-normalised sound embedding
    /// `[channels]`. A sound of zero length in the embedding space (silence) gives a map of zeros.
    pub fn fill(&mut self, vision: &[f32], width: usize, height: usize, sound: &[f32]) {
        let cells = width * height;
        self.width = width;
        self.height = height;
        self.values.clear();
        self.values.resize(cells, 0.0);
        for (plane, &weight) in vision.chunks_exact(cells.max(1)).zip(sound) {
            if weight != 0.0 {
                for (value, &feature) in self.values.iter_mut().zip(plane) {
                    *value += weight * feature;
                }
            }
        }
    }

    /// The greatest similarity of the map; 0 for an empty map.
    pub fn similarity(&self) -> f32 {
        self.values.iter().copied().reduce(f32::max).unwrap_or(0.0)
    }

    /// Where the greatest similarity lies: the centre of the strongest cell, moved by at most half a cell towards the
    /// stronger neighbours (the vertex of the parabola through three cells, along each axis).
    pub fn peak(&self) -> Point {
        let Some((index, _)) = self
            .values
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)))
        else {
            return Point { x: 0.5, y: 0.5 };
        };
        let (row, column) = (index / self.width, index % self.width);
        let at = |row: usize, column: usize| self.values[row * self.width + column];
        let horizontal = if column > 0 && column + 1 < self.width {
            vertex(at(row, column - 1), at(row, column), at(row, column + 1))
        } else {
            0.0
        };
        let vertical = if row > 0 && row + 1 < self.height {
            vertex(at(row - 1, column), at(row, column), at(row + 1, column))
        } else {
            0.0
        };
        Point {
            x: (column as f32 + 0.5 + horizontal) / self.width as f32,
            y: (row as f32 + 0.5 + vertical) / self.height as f32,
        }
    }

    /// The map as rows from the top.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

/// Offset of the extreme of the parabola through three equally spaced values, in −0.5..0.5 where the middle is greatest.
fn vertex(before: f32, middle: f32, after: f32) -> f32 {
    let curvature = before - 2.0 * middle + after;
    if curvature < -1e-9 {
        (0.5 * (before - after) / curvature).clamp(-0.5, 0.5)
    } else {
        0.0
    }
}

/// Scales a vector to unit length in place; a vector shorter than 1e-12 becomes zero.
pub fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    let scale = if length > 1e-12 { 1.0 / length } else { 0.0 };
    vector.iter_mut().for_each(|value| *value *= scale);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_map_is_the_cosine_of_every_cell() {
        let mut heatmap = Heatmap::default();
        heatmap.fill(&[1.0, 0.6, 0.0, 0.8], 2, 1, &[0.6, 0.8]);
        assert_eq!((heatmap.width, heatmap.height), (2, 1));
        assert!((heatmap.values[0] - 0.6).abs() < 1e-6);
        assert!((heatmap.values[1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_peak_leans_towards_the_stronger_neighbour() {
        let heatmap = Heatmap {
            width: 3,
            height: 1,
            values: vec![0.2, 1.0, 0.6],
        };
        let peak = heatmap.peak();
        assert!(peak.x > 0.5 && peak.x < 2.0 / 3.0, "{peak:?}");
        assert!((peak.y - 0.5).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn the_peak_stays_within_its_cell(values in prop::collection::vec(-1.0f32..1.0, 35)) {
            let heatmap = Heatmap { width: 7, height: 5, values };
            let peak = heatmap.peak();
            let cell = (peak.y * 5.0).min(4.999) as usize * 7 + (peak.x * 7.0).min(6.999) as usize;
            let near = heatmap.values.iter().enumerate().any(|(index, &value)| {
                value == heatmap.similarity()
                    && (index / 7).abs_diff(cell / 7) <= 1
                    && (index % 7).abs_diff(cell % 7) <= 1
            });
            prop_assert!((0.0..=1.0).contains(&peak.x) && (0.0..=1.0).contains(&peak.y) && near);
        }
    }
}
