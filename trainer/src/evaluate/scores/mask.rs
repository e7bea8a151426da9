//! What a heatmap says belongs to the source, pixel by pixel.

use lookhear::perception::heatmap::Heatmap;

use super::SIDE;

/// Pixels of a `SIDE × SIDE` picture that are taken for the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    pixels: Vec<bool>,
}

impl Mask {
    /// The pixels strictly above the median of the map, which is enlarged and stretched to 0..1 first: the mask of the
    /// published protocol. The median is the upper of the two middle pixels, so at most half of the picture less one pixel
    /// is marked; nothing is in a flat map.
    pub fn above_median(heatmap: &Heatmap) -> Self {
        let mut values = enlarged(heatmap);
        stretch(&mut values);
        let mut ordered = values.clone();
        let middle = ordered.len() / 2;
        let (_, &mut median, _) = ordered.select_nth_unstable_by(middle, f32::total_cmp);
        Self {
            pixels: values.iter().map(|&value| value > median).collect(),
        }
    }

    /// The pixels at which the enlarged raw map reaches a similarity, as a source is accepted by the threshold of
    /// `lookhear_calibration`.
    pub fn reaching(heatmap: &Heatmap, threshold: f32) -> Self {
        Self {
            pixels: enlarged(heatmap).iter().map(|&value| value >= threshold).collect(),
        }
    }

    /// The whole picture.
    pub fn whole() -> Self {
        Self {
            pixels: vec![true; SIDE * SIDE],
        }
    }

    /// Rows from the top, `SIDE × SIDE`.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// The marked share of the picture, 0..1.
    pub fn share(&self) -> f64 {
        self.pixels.iter().filter(|&&marked| marked).count() as f64 / self.pixels.len() as f64
    }
}

/// Bilinear enlargement of a map to `SIDE × SIDE` with aligned pixel areas (PyTorch's `align_corners=False`). A map without
/// cells is flat.
fn enlarged(heatmap: &Heatmap) -> Vec<f32> {
    let columns: Vec<Tap> = taps(heatmap.width);
    let rows: Vec<Vec<f32>> = heatmap
        .rows()
        .map(|row| {
            columns
                .iter()
                .map(|tap| tap.between(row[tap.first], row[tap.second]))
                .collect()
        })
        .collect();
    let mut values = Vec::with_capacity(SIDE * SIDE);
    for tap in taps(rows.len()) {
        let (upper, lower) = (&rows[tap.first], &rows[tap.second]);
        values.extend(
            upper
                .iter()
                .zip(lower)
                .map(|(&upper, &lower)| tap.between(upper, lower)),
        );
    }
    values.resize(SIDE * SIDE, 0.0);
    values
}

/// Two neighbouring cells of a row or a column, and the weight of the second.
struct Tap {
    first: usize,
    second: usize,
    weight: f32,
}

impl Tap {
    fn between(&self, first: f32, second: f32) -> f32 {
        // Fused: between equal cells lies their very value, so that what ties at the median keeps tying.
        second.mul_add(self.weight, (1.0 - self.weight) * first)
    }
}

/// From which cells each of `SIDE` pixels is made; none where there are no cells.
fn taps(cells: usize) -> Vec<Tap> {
    let Some(last) = cells.checked_sub(1) else {
        return Vec::new();
    };
    let scale = cells as f32 / SIDE as f32;
    (0..SIDE)
        .map(|pixel| {
            let position = (scale * (pixel as f32 + 0.5) - 0.5).max(0.0);
            let first = (position as usize).min(last);
            Tap {
                first,
                second: (first + 1).min(last),
                weight: (position - first as f32).clamp(0.0, 1.0),
            }
        })
        .collect()
}

/// Brings the values to 0..1 in place; a flat map stays as it is.
fn stretch(values: &mut [f32]) {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let range = values.iter().copied().fold(f32::NEG_INFINITY, f32::max) - least;
    if range > 0.0 {
        values.iter_mut().for_each(|value| *value = (*value - least) / range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(width: usize, height: usize, values: Vec<f32>) -> Heatmap {
        Heatmap { width, height, values }
    }

    #[test]
    fn enlargement_keeps_borders_and_blends_between_centres() {
        let values = enlarged(&map(2, 1, vec![0.0, 1.0]));
        assert_eq!(values.len(), SIDE * SIDE);
        assert_eq!((values[0], values[SIDE - 1]), (0.0, 1.0));
        assert_eq!(values[55], 0.0);
        assert!((values[56] - 0.5 / 112.0).abs() < 1e-6, "{}", values[56]);
        assert!((values[111] + values[112] - 1.0).abs() < 1e-6);
        assert_eq!(values[..SIDE], values[SIDE * (SIDE - 1)..]);
    }

    #[test]
    fn a_map_of_full_size_stays_as_it_is() {
        let values: Vec<f32> = (0..SIDE * SIDE).map(|pixel| (pixel as f32 * 0.37).sin()).collect();
        assert_eq!(enlarged(&map(SIDE, SIDE, values.clone())), values);
    }

    #[test]
    fn a_ramp_marks_its_upper_half() {
        let mask = Mask::above_median(&map(2, 1, vec![-0.2, 0.3]));
        for row in mask.pixels().chunks(SIDE) {
            assert!(row[..112].iter().all(|&marked| !marked) && row[113..168].iter().all(|&marked| marked));
        }
    }

    #[test]
    fn flat_and_damaged_maps_mark_nothing() {
        for damaged in [
            Heatmap::default(),
            map(14, 14, vec![0.7; 196]),
            map(14, 14, vec![0.1; 5]),
            map(3, 1, vec![f32::NAN; 3]),
        ] {
            assert_eq!(Mask::above_median(&damaged).share(), 0.0);
        }
    }

    proptest! {
        #[test]
        fn the_median_mask_never_passes_half_and_knows_no_scale(
            values in prop::collection::vec(-1.0f32..1.0, 196),
            offset in -4i8..4,
        ) {
            // Shifts and scales by powers of two of coarse values are exact, so that ties stay ties.
            let values: Vec<f32> = values.iter().map(|value| (value * 256.0).round() / 256.0).collect();
            let moved = values.iter().map(|value| value * 4.0 + f32::from(offset)).collect();
            let mask = Mask::above_median(&map(14, 14, values));
            prop_assert!(mask.share() < 0.5);
            prop_assert_eq!(mask, Mask::above_median(&map(14, 14, moved)));
        }

        #[test]
        fn between_equal_cells_lies_their_value(value in -1.0f32..1.0) {
            prop_assert!(enlarged(&map(14, 14, vec![value; 196])).iter().all(|&pixel| pixel == value));
        }

        #[test]
        fn a_higher_threshold_marks_less(
            values in prop::collection::vec(-1.0f32..1.0, 35),
            low in -1.0f32..1.0,
            high in -1.0f32..1.0,
        ) {
            let (low, high) = (low.min(high), low.max(high));
            let heatmap = map(7, 5, values);
            let (wide, narrow) = (Mask::reaching(&heatmap, low), Mask::reaching(&heatmap, high));
            prop_assert!(wide.pixels().iter().zip(narrow.pixels()).all(|(&wide, &narrow)| wide || !narrow));
            prop_assert_eq!(Mask::reaching(&heatmap, 1.0).share(), 0.0);
            prop_assert_eq!(Mask::reaching(&heatmap, -1.0).share(), 1.0);
        }
    }
}
