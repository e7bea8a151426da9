//! What a camera says it can deliver.

use std::fmt;

use crate::PixelFormat;

/// Frame rates closer than this to each other are the same: 30 and 29.97.
const SAME_RATE: f64 = 0.99;

/// All that a camera offers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offer {
    /// Its formats, in its own order.
    pub formats: Vec<OfferedFormat>,
}

/// One format with its sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferedFormat {
    /// The four characters of V4L2, such as `MJPG`.
    pub code: String,
    /// What it is to us, if we take it.
    pub format: Option<PixelFormat>,
    /// Its sizes.
    pub sizes: Vec<OfferedSize>,
}

/// One size, or a range of them, with its rates.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferedSize {
    /// Widths in pixels.
    pub width: Steps,
    /// Heights in pixels.
    pub height: Steps,
    /// Frame rates; empty where the driver does not say.
    pub rates: Vec<RateRange>,
}

/// Lengths in pixels, from the least to the most in equal steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The shortest.
    pub least: u32,
    /// The longest.
    pub most: u32,
    /// From one to the next; 0 counts as 1.
    pub step: u32,
}

impl Steps {
    /// One length alone.
    pub fn only(length: u32) -> Self {
        Self {
            least: length,
            most: length,
            step: 1,
        }
    }

    /// The length that comes closest to a wanted one.
    pub fn nearest(self, wanted: u32) -> u32 {
        let step = u64::from(self.step.max(1));
        let (least, most) = (u64::from(self.least), u64::from(self.most.max(self.least)));
        let above = u64::from(wanted).clamp(least, most) - least;
        let last = (most - least) / step * step;
        u32::try_from(least + ((above + step / 2) / step * step).min(last)).unwrap_or(self.most)
    }
}

/// Frame rates from the least to the most; both are the same for a single one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRange {
    /// The slowest, in frames a second.
    pub least_hz: f64,
    /// The fastest, in frames a second.
    pub most_hz: f64,
}

impl OfferedSize {
    /// The slowest rate that reaches a wanted one, or else the fastest there is; `None` where the driver does not say.
    pub fn rate(&self, wanted_hz: f64) -> Option<f64> {
        let reaching = self.rates.iter().filter(|range| range.most_hz >= wanted_hz * SAME_RATE);
        let slowest = reaching.map(|range| range.least_hz.max(wanted_hz.min(range.most_hz)));
        let fastest = self.rates.iter().map(|range| range.most_hz).reduce(f64::max);
        slowest.reduce(f64::min).or(fastest)
    }
}

impl Offer {
    /// The codes of the first formats, for a person: `H264, BGR3`.
    pub fn codes(&self) -> String {
        const SHOWN: usize = 10;
        match self
            .formats
            .iter()
            .map(|format| format.code.as_str())
            .collect::<Vec<_>>()
        {
            codes if codes.is_empty() => "nothing".to_owned(),
            codes if codes.len() > SHOWN => format!("{} and {} more", codes[..SHOWN].join(", "), codes.len() - SHOWN),
            codes => codes.join(", "),
        }
    }
}

impl fmt::Display for OfferedFormat {
    /// `MJPG 640x480 (30, 15 fps), 1280x720 (30 fps)`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.code)?;
        for (index, size) in self.sizes.iter().enumerate() {
            write!(out, "{}{size}", if index == 0 { " " } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for OfferedSize {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = (self.width, self.height);
        write!(out, "{}x{}", width.least, height.least)?;
        if (width.most, height.most) != (width.least, height.least) {
            write!(out, "–{}x{}", width.most, height.most)?;
        }
        for (index, range) in self.rates.iter().enumerate() {
            write!(
                out,
                "{}{}",
                if index == 0 { " (" } else { ", " },
                rounded(range.most_hz)
            )?;
            if range.least_hz < range.most_hz {
                write!(out, "–{}", rounded(range.least_hz))?;
            }
        }
        write!(out, "{}", if self.rates.is_empty() { "" } else { " fps)" })
    }
}

/// To the hundredth, so that 30.00003 reads 30.
fn rounded(rate_hz: f64) -> f64 {
    (rate_hz * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn at(rates: &[(f64, f64)]) -> OfferedSize {
        let ranges = rates.iter().map(|&(least_hz, most_hz)| RateRange { least_hz, most_hz });
        OfferedSize {
            width: Steps::only(640),
            height: Steps::only(480),
            rates: ranges.collect(),
        }
    }

    #[test]
    fn the_slowest_rate_that_suffices_is_taken() {
        let discrete = at(&[(60.0, 60.0), (30.0, 30.0), (5.0, 5.0)]);
        for (wanted, taken) in [
            (30.0, 30.0),
            (29.0, 30.0),
            (31.0, 60.0),
            (90.0, 60.0),
            (1.0, 5.0),
            (30.1, 30.0),
        ] {
            assert_eq!(discrete.rate(wanted), Some(taken), "{wanted}");
        }
        assert_eq!(at(&[(1.0, 50.0)]).rate(25.0), Some(25.0));
        assert_eq!(at(&[(1.0, 50.0)]).rate(70.0), Some(50.0));
        assert_eq!(at(&[(10.0, 50.0)]).rate(5.0), Some(10.0));
        assert_eq!(at(&[]).rate(5.0), None);
    }

    #[test]
    fn an_offer_reads_well() {
        let mut size = at(&[(30.00003, 30.00003), (1.0, 15.0)]);
        assert_eq!(size.to_string(), "640x480 (30, 15–1 fps)");
        size.width = Steps {
            least: 48,
            most: 4096,
            step: 4,
        };
        size.rates.clear();
        let format = OfferedFormat {
            code: "NV12".to_owned(),
            format: Some(PixelFormat::Nv12),
            sizes: vec![size],
        };
        assert_eq!(format.to_string(), "NV12 48x480–4096x480");
        assert_eq!(Offer::default().codes(), "nothing");
    }

    proptest! {
        #[test]
        fn the_nearest_length_is_offered_and_nearest(least in 0u32..5000, more in 0u32..5000, step in 0u32..64, wanted: u32) {
            let steps = Steps { least, most: least + more, step };
            let nearest = steps.nearest(wanted);
            prop_assert!((steps.least..=steps.most).contains(&nearest));
            let step = step.max(1);
            prop_assert_eq!((nearest - least) % step, 0);
            let distance = nearest.abs_diff(wanted);
            prop_assert!(nearest < least + step || (nearest - step).abs_diff(wanted) >= distance);
            prop_assert!(nearest + step > least + more || (nearest + step).abs_diff(wanted) >= distance);
        }

        #[test]
        fn no_lengths_make_it_panic(least: u32, most: u32, step: u32, wanted: u32) {
            Steps { least, most, step }.nearest(wanted);
        }
    }
}
