//! Triangular filters on the mel scale, stored sparsely.
//!
//! Both front ends use the HTK scale, `mel = 2595 · log10(1 + f / 700)`, and neither normalises the filters by their
//! area. They differ in what the flanks are straight in, which the two constructors of [`MelFilterbank`] keep apart.

use realfft::FftNum;
use realfft::num_traits::Float;

/// Hertz to mel (HTK).
pub fn hertz_to_mel(hertz: f64) -> f64 {
    2595.0 * (1.0 + hertz / 700.0).log10()
}

/// The bins of a spectrum that one filter reaches.
#[derive(Debug, Clone, Copy)]
struct Row {
    first_bin: usize,
    first_weight: usize,
    length: usize,
}

/// A bank of overlapping triangular filters that sums the bins of a spectrum into mel bands.
#[derive(Debug, Clone)]
pub struct MelFilterbank<T> {
    rows: Vec<Row>,
    weights: Vec<T>,
}

impl<T: FftNum> MelFilterbank<T> {
    /// Filters whose flanks are straight over **hertz**, from 0 Hz to half of `rate_hz` (torchaudio's convention, which
    /// the paper uses).
    ///
    /// `bins` is the length of the spectrum, from 0 Hz to half the rate. A filter narrower than the distance of two
    /// bins may reach none: it stays, and its band is zero.
    ///
    /// Computed in single precision, rounding where torchaudio rounds: a bin close to a filter's edge gets a weight
    /// that hangs on the last digits of both frequencies, and exact ones are up to 0.006 dB away from what published
    /// models were trained on.
    pub fn linear_in_hertz(rate_hz: u32, bins: usize, bands: usize) -> Self {
        // torchaudio halves the rate as a whole number.
        let highest_hz = f64::from(rate_hz / 2);
        let to_hertz = |mel: f32| 700.0 * (10f64.powf(f64::from(mel / 2595.0)) as f32 - 1.0);
        let edges: Vec<f32> = evenly_spaced(0.0, hertz_to_mel(highest_hz) as f32, bands + 2)
            .map(to_hertz)
            .collect();
        Self::triangles(
            &edges,
            &evenly_spaced(0.0, highest_hz as f32, bins).collect::<Vec<f32>>(),
        )
    }

    /// Filters whose flanks are straight over **mel**, from `lowest_hz` to `highest_hz` (the convention of TensorFlow's
    /// `linear_to_mel_weight_matrix`, which YAMNet uses). The bin at 0 Hz belongs to no filter.
    pub fn linear_in_mel(rate_hz: u32, bins: usize, bands: usize, lowest_hz: f64, highest_hz: f64) -> Self {
        let (lowest, highest) = (hertz_to_mel(lowest_hz), hertz_to_mel(highest_hz));
        let edges: Vec<f64> = (0..bands + 2)
            .map(|i| lowest + (highest - lowest) * i as f64 / (bands + 1) as f64)
            .collect();
        let bin_hz = f64::from(rate_hz) / 2.0 / bins.saturating_sub(1).max(1) as f64;
        let mut positions: Vec<f64> = (0..bins).map(|bin| hertz_to_mel(bin as f64 * bin_hz)).collect();
        if let Some(first) = positions.first_mut() {
            *first = f64::NEG_INFINITY;
        }
        Self::triangles(&edges, &positions)
    }

    /// One triangle over each three neighbouring `edges`, read at `positions`, both ascending in the same unit.
    fn triangles<P: Float>(edges: &[P], positions: &[P]) -> Self {
        let mut bank = Self {
            rows: Vec::with_capacity(edges.len().saturating_sub(2)),
            weights: Vec::new(),
        };
        for edge in edges.windows(3) {
            let (low, centre, high) = (edge[0], edge[1], edge[2]);
            let weight_at = |position: P| ((position - low) / (centre - low)).min((high - position) / (high - centre));
            let first_bin = positions.partition_point(|&position| position <= low);
            let first_weight = bank.weights.len();
            let reached = positions[first_bin..].iter().take_while(|&&position| position < high);
            let weight = |&position: &P| {
                weight_at(position)
                    .to_f64()
                    .and_then(T::from_f64)
                    .unwrap_or_else(T::zero)
            };
            bank.weights.extend(reached.map(weight));
            bank.rows.push(Row {
                first_bin,
                first_weight,
                length: bank.weights.len() - first_weight,
            });
        }
        bank
    }

    /// How many bands it makes.
    pub fn bands(&self) -> usize {
        self.rows.len()
    }

    /// Weighs `spectrum` (one value a bin) into `bands` (one value a filter); bands beyond the filters are left alone.
    ///
    /// # Panics
    /// Where `spectrum` is shorter than the `bins` that the bank was made for.
    pub fn apply(&self, spectrum: &[T], bands: &mut [T]) {
        for (band, row) in bands.iter_mut().zip(&self.rows) {
            let weights = &self.weights[row.first_weight..row.first_weight + row.length];
            let bins = &spectrum[row.first_bin..row.first_bin + row.length];
            *band = weights
                .iter()
                .zip(bins)
                .fold(T::zero(), |sum, (&weight, &bin)| sum + weight * bin);
        }
    }
}

/// `count` values from `first` to `last`, both included: a rounded step, counted from the nearer end, each value
/// rounded once (PyTorch's `linspace`).
fn evenly_spaced(first: f32, last: f32, count: usize) -> impl Iterator<Item = f32> {
    let step = (last - first) / count.saturating_sub(1).max(1) as f32;
    (0..count).map(move |i| {
        if i < count / 2 {
            step.mul_add(i as f32, first)
        } else {
            (-step).mul_add((count - 1 - i) as f32, last)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    /// The bank as a full matrix, a row a band.
    fn matrix(bank: &MelFilterbank<f64>, bins: usize) -> Vec<Vec<f64>> {
        let mut rows = vec![vec![0.0; bins]; bank.bands()];
        for bin in 0..bins {
            let mut unit = vec![0.0; bins];
            unit[bin] = 1.0;
            let mut bands = vec![0.0; bank.bands()];
            bank.apply(&unit, &mut bands);
            for (row, band) in rows.iter_mut().zip(bands) {
                row[bin] = band;
            }
        }
        rows
    }

    #[test]
    fn a_thousand_hertz_are_nearly_a_thousand_mel() {
        assert_eq!(hertz_to_mel(0.0), 0.0);
        assert!((hertz_to_mel(1000.0) - 999.985_537).abs() < 1e-6);
    }

    #[test]
    fn papers_bank_keeps_its_empty_filters() {
        let bank = matrix(&MelFilterbank::linear_in_hertz(16_000, 257, 257), 257);
        assert_eq!(bank.len(), 257);
        let empty = bank
            .iter()
            .filter(|row| row.iter().all(|&weight| weight == 0.0))
            .count();
        assert!(empty > 0, "at 16 kHz the lowest filters are narrower than a bin");
        assert!(bank.iter().flatten().all(|weight| (0.0..=1.0).contains(weight)));
        // The flanks of neighbours meet at every bin between the outer centres.
        for bin in 1..=253 {
            let sum: f64 = bank.iter().map(|row| row[bin]).sum();
            assert!((sum - 1.0).abs() < 1e-3, "bin {bin}: {sum}");
        }
    }

    #[test]
    fn yamnets_triangles_sum_to_one_between_the_outer_centres() {
        let bank = matrix(&MelFilterbank::linear_in_mel(16_000, 257, 64, 125.0, 7500.0), 257);
        let step = (hertz_to_mel(7500.0) - hertz_to_mel(125.0)) / 65.0;
        for bin in 0..257 {
            let mel = hertz_to_mel(bin as f64 * 31.25);
            let sum: f64 = bank.iter().map(|row| row[bin]).sum();
            if mel > hertz_to_mel(125.0) + step && mel < hertz_to_mel(7500.0) - step {
                assert!((sum - 1.0).abs() < 1e-9, "bin {bin}: {sum}");
            }
            if !(125.0..7500.0).contains(&(bin as f64 * 31.25)) {
                assert_eq!(sum, 0.0, "bin {bin}");
            }
        }
    }
}
