//! The tri-map contrast (METHOD of Liu et al. 2022, section 3.2): each heatmap splits softly into a positive part, a negative
//! part and an ignored belt between them.

use burn::tensor::activation::{log_softmax, sigmoid};
use burn::tensor::{Tensor, TensorData};

/// Cosine from which a cell belongs to the source, ε+.
const POSITIVE: f32 = 0.65;
/// Cosine below which a cell belongs to the background, ε−.
const NEGATIVE: f32 = 0.4;
/// Softness of both borders, τ.
const SOFTNESS: f32 = 0.03;
/// Divides the logits, as published.
pub const TEMPERATURE: f64 = 0.07;
/// Stands for −∞ in a logit that must not count.
const MASKED: f32 = -1e9;
/// What the published code multiplies such a logit by instead.
const PUBLISHED_FACTOR: f32 = -99.0;

/// Which sounds are no negatives for which pictures, row-major `[pictures, sounds]`, `true` where the pair is left out: the same
/// recording or kind of thing, or a thing that is silently in view. The diagonal is the positives and is ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut(pub Vec<bool>);

/// How the contrast is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// Divides the logits.
    pub temperature: f64,
    /// As the published code has it: from the picture to the sounds only, and its own sound among the others not shut out but
    /// multiplied by −99.
    pub published: bool,
}

impl Contrast {
    /// The published one.
    pub const PUBLISHED: Self = Self {
        temperature: TEMPERATURE,
        published: true,
    };

    /// The contrast over a batch: picture `i` belongs to sound `i`; sounds beyond the number of pictures belong to none. `maps` is
    /// `[pictures, sounds, cells]`.
    pub fn loss(&self, maps: Tensor<3>, left_out: &LeftOut) -> Tensor<1> {
        let [pictures, _, _] = maps.dims();
        let Slots {
            own,
            others,
            background,
        } = self.slots(maps, left_out);
        let first_slot = |slots: Vec<Tensor<2>>| first_slot(Tensor::cat(slots, 1).div_scalar(self.temperature));
        let towards_sounds = first_slot(vec![own.clone(), others.clone(), background.clone()]);
        if self.published {
            return towards_sounds;
        }
        let others = others.slice([0..pictures, 0..pictures]).transpose();
        let towards_pictures = first_slot(vec![own, others, background]);
        (towards_sounds + towards_pictures).mul_scalar(0.5)
    }

    /// The logits from each picture `[pictures, 1 + sounds + 1]`: its own sound, all sounds with those shut out that do not count,
    /// and its own background.
    pub fn logits(&self, maps: Tensor<3>, left_out: &LeftOut) -> Tensor<2> {
        let Slots {
            own,
            others,
            background,
        } = self.slots(maps, left_out);
        Tensor::cat(vec![own, others, background], 1).div_scalar(self.temperature)
    }

    fn slots(&self, maps: Tensor<3>, left_out: &LeftOut) -> Slots {
        let [pictures, sounds, _] = maps.dims();
        let device = maps.device();
        let foreground = maps.clone().sub_scalar(POSITIVE).div_scalar(SOFTNESS);
        let scores = weighted_mean(maps.clone(), sigmoid(foreground));
        let own: Vec<f32> = (0..pictures * sounds)
            .map(|index| f32::from(index / sounds == index % sounds))
            .collect();
        let own = Tensor::<2>::from_data(TensorData::new(own, [pictures, sounds]), &device);
        let others = if self.published {
            scores.clone() - (scores.clone() * own.clone()).mul_scalar(1.0 - PUBLISHED_FACTOR)
        } else {
            let shut: Vec<f32> = left_out.0.iter().map(|&shut| if shut { 1.0 } else { 0.0 }).collect();
            let shut = Tensor::<2>::from_data(TensorData::new(shut, [pictures, sounds]), &device);
            // Its own sound stands in the first slot already.
            scores.clone() + (own.clone() + shut).clamp_max(1.0).mul_scalar(MASKED)
        };
        let own_map = (maps * own.clone().reshape([pictures, sounds, 1])).sum_dim(1);
        let background = own_map.clone().sub_scalar(NEGATIVE).div_scalar(SOFTNESS).neg();
        Slots {
            own: (scores * own).sum_dim(1),
            others,
            background: weighted_mean(own_map, sigmoid(background)),
        }
    }
}

/// Weighted means over maps, before the temperature.
struct Slots {
    /// Each picture with its own sound, `[pictures, 1]`.
    own: Tensor<2>,
    /// `[pictures, sounds]`, very low where a pair does not count.
    others: Tensor<2>,
    /// The part of its own map that the sound does not come from, `[pictures, 1]`.
    background: Tensor<2>,
}

/// Heatmaps of every picture with every sound `[pictures, sounds, cells]`, from vision maps `[pictures, channels, cells]` and
/// sound embeddings `[sounds, channels]`.
pub fn heatmaps(vision: Tensor<3>, sounds: Tensor<2>) -> Tensor<3> {
    sounds.unsqueeze::<3>().matmul(vision)
}

/// The maps `[batch, cells]` of each picture with its own sound, out of `[pictures, sounds, cells]` with at least as many sounds.
pub fn own_maps(maps: Tensor<3>) -> Tensor<2> {
    let [pictures, _, cells] = maps.dims();
    let picked = (0..pictures)
        .map(|index| maps.clone().slice([index..index + 1, index..index + 1, 0..cells]))
        .collect();
    Tensor::cat(picked, 0).reshape([pictures, cells])
}

/// Share of pictures whose own sound is nearer to them than every other sound that counts, 0..1: by the greatest value of the maps
/// `[pictures, sounds, cells]`.
pub fn own_first(maps: Tensor<3>, left_out: &LeftOut) -> f64 {
    let [pictures, sounds, _] = maps.dims();
    let data = maps.max_dim(2).into_data().convert::<f32>();
    let nearest: Vec<f32> = data.try_to_vec().unwrap_or_default();
    let first = nearest.chunks(sounds).enumerate().filter(|(picture, row)| {
        let own = row.get(*picture).copied().unwrap_or(f32::NEG_INFINITY);
        let counts = |sound: usize| sound != *picture && left_out.0.get(picture * sounds + sound) != Some(&true);
        row.iter()
            .enumerate()
            .all(|(sound, &other)| !counts(sound) || other < own)
    });
    first.count() as f64 / pictures.max(1) as f64
}

/// Σ m·H / Σ m over the cells, `[rows, columns, cells]` → `[rows, columns]`.
fn weighted_mean(maps: Tensor<3>, weights: Tensor<3>) -> Tensor<2> {
    let [rows, columns, _] = maps.dims();
    let total = weights.clone().sum_dim(2).clamp_min(1e-12);
    ((maps * weights).sum_dim(2) / total).reshape([rows, columns])
}

/// Mean cross-entropy of logits `[rows, slots]` to slot 0.
fn first_slot(logits: Tensor<2>) -> Tensor<1> {
    let [rows, _] = logits.dims();
    log_softmax(logits, 1).slice([0..rows, 0..1]).mean().neg()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::golden::Golden;
    use burn::tensor::Device;

    const MENDED: Contrast = Contrast {
        temperature: TEMPERATURE,
        published: false,
    };

    #[test]
    fn the_golden_loss_holds() {
        let golden = Golden::read("model.safetensors");
        let device = Device::flex();
        let (vision, shape) = golden.array("trimap.vision");
        let [batch, channels] = [shape[0], shape[1]];
        let cells: usize = shape[2..].iter().product();
        let vision = Tensor::<3>::from_data(TensorData::new(vision, [batch, channels, cells]), &device);
        let (sound, _) = golden.array("trimap.audio");
        let sound = Tensor::<2>::from_data(TensorData::new(sound, [batch, channels]), &device);
        let loss: f32 = Contrast::PUBLISHED
            .loss(heatmaps(vision, sound), &LeftOut(vec![false; batch * batch]))
            .into_scalar();
        let (expected, _) = golden.array("trimap.loss");
        assert!(
            (loss - expected[0]).abs() < 1e-4 * expected[0].abs(),
            "{loss} against {}",
            expected[0]
        );
    }

    #[test]
    fn a_left_out_sound_does_not_count() {
        let device = Device::flex();
        let maps = |other: f32| {
            let values = vec![0.9, 0.1, other, other, 0.2, 0.2, 0.1, 0.9];
            Tensor::<3>::from_data(TensorData::new(values, [2, 2, 2]), &device)
        };
        let loss = |other, left_out| -> f32 { MENDED.loss(maps(other), &LeftOut(left_out)).into_scalar() };
        let masked = vec![false, true, false, false];
        assert!((loss(0.1, masked.clone()) - loss(0.8, masked)).abs() < 1e-6);
        assert!(loss(0.8, vec![false; 4]) > loss(0.1, vec![false; 4]) + 0.05);
    }

    #[test]
    fn a_sound_of_no_picture_is_a_negative_for_all() {
        let device = Device::flex();
        let maps =
            |stray: f32| Tensor::<3>::from_data(TensorData::new(vec![0.9, 0.1, stray, stray], [1, 2, 2]), &device);
        let loss = |stray| -> f32 { MENDED.loss(maps(stray), &LeftOut(vec![false; 2])).into_scalar() };
        assert!(loss(0.8) > loss(0.0) + 0.1);
    }
}
