//! From luma and chroma to red, green and blue.

/// Limited-range BT.601 luma and chroma to R'G'B' of the same 0..255 scale (ITU-R BT.601-7, 2.5.3; luma 16..235, chroma
/// 16..240).
#[derive(Debug, Clone, Copy)]
pub(super) struct LimitedRangeBt601;

const LUMA: f32 = 255.0 / 219.0;
const RED_FROM_V: f32 = 1.402 * 255.0 / 224.0;
const GREEN_FROM_U: f32 = -0.344_136 * 255.0 / 224.0;
const GREEN_FROM_V: f32 = -0.714_136 * 255.0 / 224.0;
const BLUE_FROM_U: f32 = 1.772 * 255.0 / 224.0;

impl LimitedRangeBt601 {
    /// One pixel; what lies outside the gamut is clipped to 0..255.
    pub(super) fn to_rgb(luma: f32, u: f32, v: f32) -> [f32; 3] {
        let luma = (luma - 16.0) * LUMA;
        let (u, v) = (u - 128.0, v - 128.0);
        [
            luma + RED_FROM_V * v,
            luma + (GREEN_FROM_U * u + GREEN_FROM_V * v),
            luma + BLUE_FROM_U * u,
        ]
        .map(|value| value.clamp(0.0, 255.0))
    }

    /// One pixel of bytes, rounded.
    pub(super) fn to_rgb_bytes(luma: u8, u: u8, v: u8) -> [u8; 3] {
        Self::to_rgb(luma.into(), u.into(), v.into()).map(|value| (value + 0.5) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn studio_black_white_and_primaries() {
        let cases = [
            ((16, 128, 128), [0, 0, 0]),
            ((235, 128, 128), [255, 255, 255]),
            ((126, 128, 128), [128, 128, 128]),
            ((81, 90, 240), [254, 0, 0]),
            ((145, 54, 34), [0, 255, 1]),
            ((41, 240, 110), [0, 0, 255]),
        ];
        for ((luma, u, v), rgb) in cases {
            assert_eq!(LimitedRangeBt601::to_rgb_bytes(luma, u, v), rgb, "{luma} {u} {v}");
        }
    }

    #[test]
    fn what_lies_outside_the_gamut_is_clipped() {
        assert_eq!(LimitedRangeBt601::to_rgb_bytes(255, 128, 255), [255, 175, 255]);
        assert_eq!(LimitedRangeBt601::to_rgb_bytes(0, 0, 0), [0, 136, 0]);
    }
}
