//! The coarsest answer to "where".

use lookhear::perception::heatmap::Point;
use serde::{Deserialize, Serialize};

/// A quarter of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quadrant {
    /// Left of the middle and above it.
    TopLeft,
    /// Right of the middle and above it.
    TopRight,
    /// Left of the middle and below it.
    BottomLeft,
    /// Right of the middle and below it.
    BottomRight,
}

impl Quadrant {
    /// The quarter in which a point lies; the middle lines belong to the right and to the bottom.
    pub fn of(point: Point) -> Self {
        match (point.x < 0.5, point.y < 0.5) {
            (true, true) => Self::TopLeft,
            (false, true) => Self::TopRight,
            (true, false) => Self::BottomLeft,
            (false, false) => Self::BottomRight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookhear::perception::heatmap::Heatmap;

    #[test]
    fn the_peak_of_a_map_lies_in_the_quarter_of_its_strongest_cell() {
        let quadrants = [
            Quadrant::TopLeft,
            Quadrant::TopRight,
            Quadrant::BottomLeft,
            Quadrant::BottomRight,
        ];
        for (cell, quadrant) in [3 * 14 + 3, 3 * 14 + 10, 10 * 14 + 3, 10 * 14 + 10]
            .into_iter()
            .zip(quadrants)
        {
            let mut heatmap = Heatmap {
                width: 14,
                height: 14,
                values: vec![0.1; 196],
            };
            heatmap.values[cell] = 0.8;
            assert_eq!(Quadrant::of(heatmap.peak()), quadrant);
        }
    }
}
