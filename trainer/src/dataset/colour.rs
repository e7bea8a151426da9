//! Changes of brightness, contrast, saturation and hue.

use rand::Rng;

/// Luma weights of BT.601.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// A drawn change of colours. Factors of 1 and a hue of 0 change nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter {
    brightness: f32,
    contrast: f32,
    saturation: f32,
    /// In turns of the colour wheel.
    hue: f32,
}

impl Jitter {
    /// Draws factors in 1 ± each of the first three strengths and a hue in ± the last.
    pub fn draw([brightness, contrast, saturation, hue]: [f32; 4], random: &mut impl Rng) -> Self {
        let mut around = |middle: f32, strength: f32| middle + strength * random.random_range(-1.0..=1.0);
        Self {
            brightness: around(1.0, brightness),
            contrast: around(1.0, contrast),
            saturation: around(1.0, saturation),
            hue: around(0.0, hue),
        }
    }

    /// Changes RGB pixels (0..255), `step` values apart, the first three of each; contrast is about the mean luma of those that `counts` accepts.
    pub fn apply(&self, values: &mut [u8], step: usize, counts: impl Fn(&[u8]) -> bool) {
        let (mut sum, mut number) = (0.0_f64, 0.0_f64);
        for pixel in values.chunks_exact(step).filter(|pixel| counts(pixel)) {
            sum += f64::from(luma([pixel[0], pixel[1], pixel[2]].map(f32::from)));
            number += 1.0;
        }
        let middle = (sum / number.max(1.0)) as f32 * self.brightness;
        let turn = hue_turn(self.hue);
        for pixel in values.chunks_exact_mut(step) {
            let mut colour = [pixel[0], pixel[1], pixel[2]].map(|channel| f32::from(channel) * self.brightness);
            colour = colour.map(|channel| middle + (channel - middle) * self.contrast);
            let grey = luma(colour);
            colour = colour.map(|channel| grey + (channel - grey) * self.saturation);
            let turned = turn.map(|row| row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2]);
            for (channel, value) in pixel.iter_mut().zip(turned) {
                *channel = (value + 0.5) as u8;
            }
        }
    }
}

/// The luma of an RGB colour, in the colour's own range.
pub fn luma(colour: [f32; 3]) -> f32 {
    colour.iter().zip(LUMA).map(|(channel, weight)| channel * weight).sum()
}

/// The matrix that turns the hue of RGB colours and keeps their luma: a rotation in the chroma plane of YIQ.
fn hue_turn(turns: f32) -> [[f32; 3]; 3] {
    const TO_YIQ: [[f32; 3]; 3] = [
        LUMA,
        [0.595_716, -0.274_453, -0.321_263],
        [0.211_456, -0.522_591, 0.311_135],
    ];
    const FROM_YIQ: [[f32; 3]; 3] = [
        [1.0, 0.956_3, 0.621_0],
        [1.0, -0.272_1, -0.647_4],
        [1.0, -1.107_0, 1.704_6],
    ];
    let (sine, cosine) = (turns * std::f32::consts::TAU).sin_cos();
    let turn = [[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]];
    product(FROM_YIQ, product(turn, TO_YIQ))
}

fn product(left: [[f32; 3]; 3], right: [[f32; 3]; 3]) -> [[f32; 3]; 3] {
    left.map(|row| [0, 1, 2].map(|column| (0..3).map(|index| row[index] * right[index][column]).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Jitter = Jitter {
        brightness: 1.0,
        contrast: 1.0,
        saturation: 1.0,
        hue: 0.0,
    };

    fn changed(jitter: Jitter, mut values: Vec<u8>) -> Vec<u8> {
        jitter.apply(&mut values, 3, |_| true);
        values
    }

    #[test]
    fn no_change_changes_nothing() {
        let values = vec![10, 200, 30, 255, 0, 128];
        for (before, after) in values.iter().zip(changed(NONE, values.clone())) {
            assert!(before.abs_diff(after) <= 1);
        }
    }

    #[test]
    fn each_change_does_what_its_name_says() {
        assert_eq!(
            changed(
                Jitter {
                    brightness: 2.0,
                    ..NONE
                },
                vec![10, 20, 30]
            )[2],
            60
        );
        assert_eq!(
            changed(Jitter { contrast: 0.0, ..NONE }, vec![0, 0, 0, 200, 200, 200]),
            vec![100; 6]
        );
        let grey = changed(
            Jitter {
                saturation: 0.0,
                ..NONE
            },
            vec![10, 200, 30],
        );
        assert!(grey[0].abs_diff(grey[1]) <= 1 && grey[1].abs_diff(grey[2]) <= 1);
        let turned = changed(Jitter { hue: 1.0 / 3.0, ..NONE }, vec![120, 60, 60]);
        assert!(turned[0] < turned[1].max(turned[2]));
        let (before, after) = (
            luma([120.0, 60.0, 60.0]),
            luma([turned[0], turned[1], turned[2]].map(f32::from)),
        );
        assert!((before - after).abs() < 2.0);
    }
}
