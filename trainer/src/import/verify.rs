//! Holds a bundle, as it is served, against the networks that it was made from.

use burn::tensor::{Device, Tensor, TensorData};
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::{Backend, Encoder};
use lookhear::perception::spectrogram::{MEL_BANDS, PaperSpectrogram};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::ImportError;
use crate::export::bundle::{PAPER_RATE_HZ, PAPER_SIDE_PIXELS};
use crate::export::graph::Storage;
use crate::model::paper::PaperNetworks;

/// Sees to it that the input is the same every time.
const SEED: u64 = 1;

/// How far a bundle may be from the networks, in any number of a vision map or an embedding: for weights as they are, what
/// another order of summing costs; for rounded ones, what rounding costs at most, where a number of such a vector is 0.04 on average.
pub fn allowed(storage: Storage) -> f32 {
    match storage {
        Storage::Float32 => 1e-3,
        Storage::Float16 => 5e-3,
        Storage::Int8 => 5e-2,
    }
}

/// What the networks make of a fixed picture and a fixed spectrogram.
#[derive(Debug)]
pub struct Reference {
    picture: Vec<f32>,
    spectrogram: Vec<f32>,
    frames: usize,
    map: Vec<f32>,
    embedding: Vec<f32>,
}

impl Reference {
    /// Runs the networks once, by their running statistics.
    ///
    /// # Errors
    /// [`ImportError::Diverged`] when they give no numbers.
    pub fn new(networks: &PaperNetworks) -> Result<Self, ImportError> {
        let device = Device::flex();
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let side = PAPER_SIDE_PIXELS;
        let frames = PaperSpectrogram::new(PAPER_RATE_HZ).frames();
        let picture: Vec<f32> = (0..3 * side * side).map(|_| random.random_range(-2.0..2.5)).collect();
        let spectrogram: Vec<f32> = (0..MEL_BANDS * frames)
            .map(|_| random.random_range(-100.0..30.0))
            .collect();
        let tensor = |values: &[f32], shape: [usize; 4]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), &device)
        };
        let map = networks.see(tensor(&picture, [1, 3, side, side])).into_data();
        let embedding = networks
            .hear(tensor(&spectrogram, [1, 1, MEL_BANDS, frames]))
            .into_data();
        let map: Vec<f32> = map.convert::<f32>().try_to_vec().unwrap_or_default();
        let embedding: Vec<f32> = embedding.convert::<f32>().try_to_vec().unwrap_or_default();
        if !map.iter().chain(&embedding).all(|value| value.is_finite()) {
            return Err(ImportError::Diverged {
                what: "networks give numbers that are infinite or none at all".to_owned(),
            });
        }
        Ok(Self {
            picture,
            spectrogram,
            frames,
            map,
            embedding,
        })
    }

    /// The largest difference between what a served bundle gives and what the networks gave, when none is above `allowed`.
    ///
    /// # Errors
    /// [`ImportError::Verification`], and [`ImportError::Encoder`] when the bundle cannot be served.
    pub fn compare(&self, bundle: &Bundle, allowed: f32) -> Result<f32, ImportError> {
        let side = PAPER_SIDE_PIXELS;
        let mut vision = Encoder::load("vision.onnx", &bundle.vision, &[1, 3, side, side], &Backend::default())?;
        let mut sound = Encoder::load(
            "audio.onnx",
            &bundle.audio,
            &[1, 1, MEL_BANDS, self.frames],
            &Backend::default(),
        )?;
        let map = difference("vision map", vision.run(&self.picture)?, &self.map, allowed)?;
        let embedding = difference(
            "sound embedding",
            sound.run(&self.spectrogram)?,
            &self.embedding,
            allowed,
        )?;
        Ok(map.max(embedding))
    }
}

fn difference(what: &'static str, found: &[f32], expected: &[f32], allowed: f32) -> Result<f32, ImportError> {
    let distances = found
        .iter()
        .zip(expected)
        .map(|(found, expected)| (found - expected).abs());
    // What is no number at all would compare with nothing.
    let distances = distances.map(|distance| if distance.is_nan() { f32::INFINITY } else { distance });
    let difference = if found.len() == expected.len() {
        distances.fold(0.0, f32::max)
    } else {
        f32::INFINITY
    };
    if difference > allowed {
        return Err(ImportError::Verification {
            what,
            difference,
            allowed,
        });
    }
    Ok(difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_found_even_where_there_is_no_number() {
        let of = |found: &[f32]| difference("map", found, &[0.5, 0.25], 0.125).ok();
        assert_eq!(of(&[0.5, 0.375]), Some(0.125));
        for wrong in [[0.5, 0.5].as_slice(), &[f32::NAN, 0.25], &[0.5], &[0.5, 0.25, 0.0]] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }
}
