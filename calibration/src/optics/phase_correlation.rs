//! How far one picture is shifted against another, to a fraction of a pixel, by phase correlation.
//!
//! The spectra of both pictures are divided down to their phases, whose difference is a wave a shift; transformed back it is a
//! peak at that shift (C. D. Kuglin and D. C. Hines, "The phase correlation image alignment method", 1975). High frequencies,
//! which hold mostly noise, are weighted down by a Gaussian, so that the peak is nearly one as well, and a parabola through the logarithms
//! of some of its values finds its top. So are
//! frequencies that do not stand out from the noise, as in a picture that is out of focus.

use std::f64::consts::TAU;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::solve::least_squares;

/// Brightness (0..255) must vary by as much as that in a picture that is to be found again: a standard deviation.
const LEAST_CONTRAST: f64 = 1.0;

/// A frequency at which pictures are so many times as strong as their noise counts half.
const DOUBT: f32 = 300.0;

/// The values about a peak in which its top is looked for.
const AROUND: [isize; 5] = [-2, -1, 0, 1, 2];

/// Where a second picture shows what the first one does.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shift {
    /// By how many pixels further to the right.
    pub right: f64,
    /// By how many pixels further down.
    pub down: f64,
    /// How much of the second picture is the first one, shifted: the height of the peak, 0..1.
    pub quality: f64,
    /// What quality pictures like these would come to if they had nothing in common.
    pub chance: f64,
}

/// Why no shift can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShiftError {
    /// There is nothing in a picture that could be found again.
    #[error("there is nothing to hold on to in the picture")]
    Featureless,
    /// The pictures are not of the size that was prepared for.
    #[error("the pictures are of another size than before")]
    Size,
}

/// Finds shifts between pictures of one size.
#[derive(Clone)]
pub struct PhaseCorrelator {
    width: usize,
    height: usize,
    window: Vec<f32>,
    /// Weight of each frequency, transposed as the spectra are; they sum to 1.
    weights: Vec<f32>,
    forward: [Arc<dyn Fft<f32>>; 2],
    backward: [Arc<dyn Fft<f32>>; 2],
}

impl std::fmt::Debug for PhaseCorrelator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PhaseCorrelator({} × {})", self.width, self.height)
    }
}

impl PhaseCorrelator {
    /// Prepares for pictures of so many pixels. `blur` is how broad peaks are, in pixels (their standard deviation): about 1 to
    /// measure, more where pictures are also distorted against each other.
    pub fn new(width: usize, height: usize, blur: f64) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let mut planner = FftPlanner::new();
        let [across, along] = [hann(width), hann(height)];
        let window = along.iter().flat_map(|&y| across.iter().map(move |&x| (x * y) as f32));
        let gauss = |index: usize, count: usize| {
            let frequency = index.min(count - index) as f64 / count as f64;
            (-0.5 * (TAU * frequency * blur).powi(2)).exp()
        };
        // Brightness as a whole says nothing about where things are.
        let weight = |index: usize| match (index % height, index / height) {
            (0, 0) => 0.0,
            (row, column) => gauss(row, height) * gauss(column, width),
        };
        let weights: Vec<f64> = (0..width * height).map(weight).collect();
        let sum = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        Self {
            width,
            height,
            window: window.collect(),
            weights: weights.iter().map(|weight| (weight / sum) as f32).collect(),
            forward: [planner.plan_fft_forward(width), planner.plan_fft_forward(height)],
            backward: [planner.plan_fft_inverse(width), planner.plan_fft_inverse(height)],
        }
    }

    /// Finds `first` in `second`, each `width × height` values of brightness, row by row.
    ///
    /// Shifts of more than some quarter of the size leave too little in common to be found, which the quality tells.
    ///
    /// # Errors
    /// [`ShiftError`]: a picture without contrast, or of another size.
    pub fn shift(&self, first: &[f32], second: &[f32]) -> Result<Shift, ShiftError> {
        let mut surface = self.spectrum(first)?;
        let other = self.spectrum(second)?;
        for (one, other) in surface.iter_mut().zip(&other) {
            *one = one.conj() * other;
        }
        let doubtful = DOUBT * self.noise(&surface);
        let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
        for (value, weight) in surface.iter_mut().zip(&self.weights) {
            let magnitude = value.norm();
            let weight = weight * magnitude / (magnitude + doubtful).max(f32::MIN_POSITIVE);
            *value *= weight / magnitude.max(f32::MIN_POSITIVE);
            sum += f64::from(weight);
            squares += f64::from(weight * weight);
        }
        if sum <= 0.0 || sum.is_nan() {
            return Err(ShiftError::Featureless);
        }
        let [rows, columns] = &self.backward;
        columns.process(&mut surface);
        let mut surface = transposed(&surface, self.height, self.width);
        rows.process(&mut surface);
        let peak = self.peak(&surface);
        // The highest of as many normal numbers as there are independent places.
        let independent = sum * sum / squares.max(f64::MIN_POSITIVE);
        Ok(Shift {
            quality: (peak.quality / sum).clamp(0.0, 1.0),
            chance: (2.0 * independent.ln().max(1.0) / independent).sqrt(),
            ..peak
        })
    }

    /// How large products of two spectra are where there is little but noise: near the highest frequencies.
    fn noise(&self, products: &[Complex<f32>]) -> f32 {
        let is_high = |index: usize, count: usize| 8 * index.min(count - index) > 3 * count;
        let high = products.iter().enumerate().filter(|(index, _)| {
            let (row, column) = (index % self.height, index / self.height);
            is_high(row, self.height) && is_high(column, self.width)
        });
        let mut magnitudes: Vec<f32> = high.map(|(_, product)| product.norm()).collect();
        magnitudes.sort_by(f32::total_cmp);
        magnitudes.get(magnitudes.len() / 2).copied().unwrap_or_default()
    }

    /// The spectrum of a windowed picture, column by column.
    fn spectrum(&self, picture: &[f32]) -> Result<Vec<Complex<f32>>, ShiftError> {
        if picture.len() != self.window.len() {
            return Err(ShiftError::Size);
        }
        let total: f64 = self.window.iter().map(|&weight| f64::from(weight)).sum();
        let weighted = |of: &dyn Fn(f64) -> f64| {
            let terms = picture
                .iter()
                .zip(&self.window)
                .map(|(&value, &weight)| f64::from(weight) * of(f64::from(value)));
            terms.sum::<f64>() / total.max(f64::MIN_POSITIVE)
        };
        let mean = weighted(&|value| value);
        let variance = weighted(&|value| (value - mean).powi(2));
        if variance.is_nan() || variance.sqrt() < LEAST_CONTRAST {
            return Err(ShiftError::Featureless);
        }
        let windowed = picture
            .iter()
            .zip(&self.window)
            .map(|(&value, &weight)| (value - mean as f32) * weight);
        let mut spectrum: Vec<Complex<f32>> = windowed.map(|value| Complex::new(value, 0.0)).collect();
        let [rows, columns] = &self.forward;
        rows.process(&mut spectrum);
        let mut spectrum = transposed(&spectrum, self.width, self.height);
        columns.process(&mut spectrum);
        Ok(spectrum)
    }

    fn peak(&self, surface: &[Complex<f32>]) -> Shift {
        let best = (0..surface.len()).max_by(|&one, &other| value(surface, one).total_cmp(&value(surface, other)));
        let best = best.unwrap_or_default();
        let (column, row) = (best % self.width, best / self.width);
        let top = value(surface, best);
        let beside = |columns: isize, rows: isize| {
            let wrapped =
                |index: usize, by: isize, count: usize| (index as isize + by).rem_euclid(count as isize) as usize;
            value(
                surface,
                wrapped(row, rows, self.height) * self.width + wrapped(column, columns, self.width),
            )
        };
        let (across, across_gain) = summit(AROUND.map(|by| beside(by, 0)));
        let (along, along_gain) = summit(AROUND.map(|by| beside(0, by)));
        let signed = |index: usize, count: usize| {
            if 2 * index > count {
                index as f64 - count as f64
            } else {
                index as f64
            }
        };
        Shift {
            right: signed(column, self.width) + across,
            down: signed(row, self.height) + along,
            quality: top * across_gain * along_gain,
            chance: 0.0,
        }
    }
}

fn value(surface: &[Complex<f32>], index: usize) -> f64 {
    surface.get(index).map_or(0.0, |value| f64::from(value.re))
}

/// Where the top of a Gaussian through neighbouring values lies beside the middle one, −1..1, and how much higher it is.
fn summit(values: [f64; 5]) -> (f64, f64) {
    let top = values[2];
    if top.is_nan() || top <= 0.0 {
        return (0.0, 1.0);
    }
    // The logarithm of a value is known the better the greater it is.
    let equations = AROUND.iter().zip(values).map(|(&by, value)| {
        let (by, weight) = (by as f64, (value / top).max(0.0));
        (
            [weight * by * by, weight * by, weight],
            weight * (value / top).max(1e-3).ln(),
        )
    });
    match least_squares(equations, [0.0; 3]) {
        Some([bend, slope, height]) if bend < -1e-6 => {
            let beside = (-0.5 * slope / bend).clamp(-1.0, 1.0);
            (beside, (height + 0.5 * slope * beside).exp().clamp(0.5, 2.0))
        }
        _ => (0.0, 1.0),
    }
}

fn hann(count: usize) -> Vec<f64> {
    (0..count)
        .map(|index| 0.5 - 0.5 * (TAU * (index as f64 + 0.5) / count as f64).cos())
        .collect()
}

fn transposed(values: &[Complex<f32>], width: usize, height: usize) -> Vec<Complex<f32>> {
    let mut turned = Vec::with_capacity(values.len());
    for column in 0..width {
        turned.extend(values.iter().skip(column).step_by(width).take(height));
    }
    turned
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::texture::{noise, texture};
    use super::*;

    const SIZE: (usize, usize) = (96, 64);

    fn picture(seed: u64, right: f64, down: f64) -> Vec<f32> {
        let at = |index: usize| ((index % SIZE.0) as f64 - right, (index / SIZE.0) as f64 - down);
        (0..SIZE.0 * SIZE.1)
            .map(|index| texture(seed, at(index).0, at(index).1))
            .collect()
    }

    fn correlator() -> PhaseCorrelator {
        PhaseCorrelator::new(SIZE.0, SIZE.1, 1.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn large_shifts_are_found_within_a_quarter_of_a_pixel(
            seed in 0_u64..1000, right in -12.0_f64..12.0, down in -8.0_f64..8.0, gain in 0.5_f32..1.5,
        ) {
            let first = picture(seed, 0.0, 0.0);
            let second: Vec<f32> = picture(seed, right, down).iter().map(|value| gain * value + 10.0).collect();
            let found = correlator().shift(&first, &second).unwrap();
            prop_assert!((found.right - right).abs() < 0.25 && (found.down - down).abs() < 0.25, "{found:?}");
            prop_assert!(found.quality > 2.0 * found.chance);
        }

        #[test]
        fn small_shifts_are_found_within_a_twentieth(seed in 0_u64..1000, right in -0.7_f64..0.7, down in -0.7_f64..0.7) {
            let found = correlator().shift(&picture(seed, 0.0, 0.0), &picture(seed, right, down)).unwrap();
            prop_assert!((found.right - right).abs() < 0.05 && (found.down - down).abs() < 0.05, "{found:?}");
        }

        #[test]
        fn no_values_make_it_panic(values in proptest::collection::vec(any::<f32>(), 15)) {
            let _ = PhaseCorrelator::new(5, 3, 1.0).shift(&values, &values);
        }
    }

    #[test]
    fn what_is_flat_or_of_another_size_is_refused_and_strangers_have_no_quality() {
        let correlator = correlator();
        let first = picture(1, 0.0, 0.0);
        let grey = vec![128.0; first.len()];
        assert_eq!(correlator.shift(&first, &grey), Err(ShiftError::Featureless));
        assert_eq!(correlator.shift(&first, &first[1..]), Err(ShiftError::Size));
        let snow = |seed| -> Vec<f32> {
            (0..first.len())
                .map(|index| 20.0 * noise(seed, index as i64, 0))
                .collect()
        };
        let strangers = correlator.shift(&snow(1), &snow(2)).unwrap();
        assert!(strangers.quality < 1.7 * strangers.chance, "{strangers:?}");
        assert!(correlator.shift(&first, &first).unwrap().quality > 0.99);
    }
}
