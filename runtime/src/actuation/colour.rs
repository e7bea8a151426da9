//! The colours of the heatmap: from violet over red to yellow, ever lighter.
//!
//! Equal steps of similarity look like equal steps: the way runs through the perceptual space Oklab (Ottosson, "A perceptual
//! color space for image processing", 2020), lightness along a straight line, so that it reads in grey and to the colour-blind too.

/// Lightness, chroma and hue (in turns) at the weak and at the strong end.
const WEAK: [f32; 3] = [0.38, 0.17, 0.82];
const STRONG: [f32; 3] = [0.93, 0.17, 1.29];

/// The colour of a strength in 0..1 (clamped), as sRGB red, green, blue.
pub fn of_strength(strength: f32) -> [u8; 3] {
    let strength = if strength.is_nan() {
        0.0
    } else {
        strength.clamp(0.0, 1.0)
    };
    let [lightness, chroma, hue] = [0, 1, 2].map(|axis| WEAK[axis] + (STRONG[axis] - WEAK[axis]) * strength);
    let (sine, cosine) = (hue * std::f32::consts::TAU).sin_cos();
    srgb(lightness, chroma * cosine, chroma * sine)
}

/// Oklab to sRGB, clipped to its gamut.
fn srgb(lightness: f32, a: f32, b: f32) -> [u8; 3] {
    let long = lightness + 0.396_337_78 * a + 0.215_803_76 * b;
    let medium = lightness - 0.105_561_346 * a - 0.063_854_17 * b;
    let short = lightness - 0.089_484_18 * a - 1.291_485_5 * b;
    let [long, medium, short] = [long, medium, short].map(|cone| cone * cone * cone);
    [
        4.076_741_7 * long - 3.307_711_6 * medium + 0.230_969_94 * short,
        -1.268_438 * long + 2.609_757_4 * medium - 0.341_319_38 * short,
        -0.004_196_086_3 * long - 0.703_418_6 * medium + 1.707_614_7 * short,
    ]
    .map(|linear| {
        let linear = linear.clamp(0.0, 1.0);
        let encoded = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (Rec. 709) of an sRGB colour.
    fn luminance(colour: [u8; 3]) -> f32 {
        let [red, green, blue] = colour.map(|value| {
            let value = f32::from(value) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn white_and_black_and_red_come_out() {
        assert_eq!(srgb(1.0, 0.0, 0.0), [255, 255, 255]);
        assert_eq!(srgb(0.0, 0.0, 0.0), [0, 0, 0]);
        assert_eq!(srgb(0.627_955, 0.224_863, 0.125_846), [255, 0, 0]);
    }

    #[test]
    fn stronger_is_lighter() {
        let steps: Vec<f32> = (0..=32)
            .map(|step| luminance(of_strength(step as f32 / 32.0)))
            .collect();
        assert!(steps.windows(2).all(|pair| pair[1] > pair[0]), "{steps:?}");
        assert_eq!(of_strength(f32::NAN), of_strength(0.0));
        assert_eq!(of_strength(7.0), of_strength(1.0));
    }
}
