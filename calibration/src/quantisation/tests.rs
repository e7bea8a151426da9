//! What every quantisation promises, and what tells the three choices apart.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;

const CHOICES: [RangeChoice; 3] = [
    RangeChoice::MinMax,
    RangeChoice::Percentile { share: 0.999 },
    RangeChoice::MeanSquareError,
];

fn histogram(values: &[f32]) -> ValueHistogram {
    let mut histogram = ValueHistogram::default();
    histogram.add(values).unwrap();
    histogram
}

fn mean_square(values: &[f32], affine: &Affine) -> f64 {
    let off = |value: &f32| f64::from(value - affine.value(affine.quantise(*value))).powi(2);
    values.iter().map(off).sum::<f64>() / values.len() as f64
}

/// A bell of standard deviation 1 (the sum of twelve even numbers), with one stray value for each thousand.
fn bell_with_strays() -> Vec<f32> {
    let mut state = 1_u64;
    let mut even = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u32 << 24) as f32
    };
    (0..20_000)
        .map(|index| {
            let bell = (0..12).map(|_| even()).sum::<f32>() - 6.0;
            if index % 10_000 == 7 { bell + 60.0 } else { bell }
        })
        .collect()
}

#[test]
fn a_stray_value_costs_min_max_most_and_the_search_least() {
    let values = bell_with_strays();
    let histogram = histogram(&values);
    let [min_max, percentile, search] = CHOICES.map(|choice| mean_square(&values, &histogram.fit(choice).unwrap()));
    let (bell, strays): (Vec<f32>, Vec<f32>) = values.iter().partition(|value| **value < 10.0);
    assert_eq!(strays.len(), 2);
    assert!(
        search <= min_max && search <= percentile,
        "{search} {min_max} {percentile}"
    );
    let fine = histogram.fit(RangeChoice::Percentile { share: 0.999 }).unwrap();
    let coarse = histogram.fit(RangeChoice::MinMax).unwrap();
    assert!(mean_square(&bell, &fine) * 20.0 < mean_square(&bell, &coarse));
}

#[test]
fn what_relu6_gives_is_kept_whole() {
    let values: Vec<f32> = (0..6_000)
        .map(|index| (index as f32 / 1_000.0 - 1.0).max(0.0))
        .collect();
    let histogram = histogram(&values);
    for choice in CHOICES {
        let affine = histogram.fit(choice).unwrap();
        assert_eq!(affine.zero_point, -128, "{choice:?}");
        assert!((affine.value(127) - 5.0).abs() < 0.2, "{choice:?} {affine:?}");
        assert_eq!(affine.value(affine.quantise(0.0)), 0.0);
    }
}

#[test]
fn nothing_and_no_numbers_are_refused() {
    let mut empty = ValueHistogram::default();
    assert!(matches!(empty.fit(RangeChoice::MinMax), Err(FitError::TooFew { .. })));
    let error = empty.add(&[1.0, f32::NAN]).unwrap_err();
    assert!(matches!(error, FitError::NotFinite { index: 1, .. }), "{error}");
    for share in [0.5, 1.0, f64::NAN] {
        let error = histogram(&[1.0]).fit(RangeChoice::Percentile { share }).unwrap_err();
        assert!(matches!(error, FitError::Setting { .. }), "{error}");
    }
}

#[test]
fn a_tensor_of_zeros_stays_one() {
    for choice in CHOICES {
        let affine = histogram(&[0.0; 9]).fit(choice).unwrap();
        assert_eq!(affine.value(affine.quantise(0.0)), 0.0);
        assert!(affine.scale > 0.0);
    }
    assert_eq!(symmetric_scales(&[0.0; 4], 2, RangeChoice::MinMax), [1.0, 1.0]);
}

proptest! {
    #[test]
    fn a_value_in_range_comes_back_within_a_step(
        low in -1e6_f32..1e6, width in 1e-3_f32..1e6, place in 0.0_f32..=1.0,
    ) {
        let high = low + width;
        let affine = Affine::covering(low, high);
        let value = low + place * (high - low);
        let off = (affine.value(affine.quantise(value)) - value).abs();
        // Half a step of rounding, and half a step by which the zero point moves the ends.
        prop_assert!(off <= affine.scale * 1.001, "{} of {}", off, affine.scale);
        if value > affine.value(-128) && value < affine.value(127) {
            prop_assert!(off <= affine.scale * 0.501);
        }
        prop_assert_eq!(affine.value(affine.quantise(0.0)), 0.0);
    }

    #[test]
    fn ranges_grow_with_what_is_seen_and_never_beyond(values in prop::collection::vec(-50.0_f32..50.0, 1..400)) {
        let mut parts = ValueHistogram::default();
        for part in values.chunks(7) {
            parts.add(part).unwrap();
        }
        prop_assert_eq!(&parts, &histogram(&values));
        prop_assert_eq!(parts.total(), values.len() as u64);
        let whole = parts.fit(RangeChoice::MinMax).unwrap();
        for choice in CHOICES {
            let affine = parts.fit(choice).unwrap();
            prop_assert!(affine.scale <= whole.scale * 1.001, "{:?}", choice);
            prop_assert!(affine.scale > 0.0);
        }
        for value in &values {
            prop_assert!((whole.value(whole.quantise(*value)) - value).abs() <= whole.scale * 1.001);
        }
    }

    #[test]
    fn every_row_of_weights_comes_back_by_its_own_scale(
        rows in prop::collection::vec((prop::collection::vec(-1.0_f32..1.0, 12), 1e-3_f32..1e3), 1..6),
    ) {
        let weights: Vec<f32> = rows.iter().flat_map(|(row, size)| row.iter().map(move |value| value * size)).collect();
        let squared = |choice| -> f64 {
            let scales = symmetric_scales(&weights, rows.len(), choice);
            assert_eq!(scales.len(), rows.len());
            let integers = quantise_rows(&weights, &scales);
            let back = integers.iter().enumerate().map(|(index, integer)| f32::from(*integer) * scales[index / 12]);
            back.zip(&weights).map(|(back, weight)| f64::from(back - weight).powi(2)).sum()
        };
        let scales = symmetric_scales(&weights, rows.len(), RangeChoice::MinMax);
        for (index, (integer, weight)) in quantise_rows(&weights, &scales).iter().zip(&weights).enumerate() {
            let scale = scales[index / 12];
            prop_assert!((f32::from(*integer) * scale - weight).abs() <= scale * 0.501);
        }
        prop_assert!(squared(RangeChoice::MeanSquareError) <= squared(RangeChoice::MinMax) * (1.0 + 1e-9));
    }
}
