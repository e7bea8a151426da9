#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::Reliability;
use proptest::prelude::*;

/// Outcomes of a known law: similarities spread evenly over 0..1, each found with the probability that the law gives it.
fn outcomes(cases: usize, seed: u64, law: impl Fn(f64) -> f64) -> Vec<Outcome> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1_u32 << 24)
    };
    (0..cases)
        .map(|_| {
            let similarity = uniform();
            Outcome {
                similarity: similarity as f32,
                is_found: uniform() < law(similarity),
            }
        })
        .collect()
}

fn steep(similarity: f64) -> f64 {
    logistic(12.0 * (similarity - 0.4))
}

fn steps(similarity: f64) -> f64 {
    if similarity < 0.3 {
        0.05
    } else if similarity < 0.6 {
        0.5
    } else {
        0.9
    }
}

/// The greatest distance to the law over the middle of the similarities.
fn distance(fit: &ConfidenceFit, law: impl Fn(f64) -> f64) -> f64 {
    let places = (5..95).map(|place| f64::from(place) / 100.0);
    let distances = places.map(|place| (fit.curve.probability(place as f32) - law(place)).abs());
    distances.fold(0.0, f64::max)
}

#[test]
fn a_known_law_is_recovered_and_is_true_on_fresh_cases() {
    let fit = ConfidenceFit::fit(&outcomes(4000, 1, steep)).unwrap();
    let Curve::Logistic { slope, offset } = fit.curve else {
        panic!("{fit:?}");
    };
    assert!(
        (slope - 12.0).abs() < 1.2 && (offset + 4.8).abs() < 0.5,
        "{slope} {offset}"
    );
    assert!(distance(&fit, steep) < 0.03);
    let fresh = outcomes(4000, 2, steep);
    let said: Vec<(f64, bool)> = fresh
        .iter()
        .map(|outcome| (fit.curve.probability(outcome.similarity), outcome.is_found))
        .collect();
    let reliability = Reliability::of(&said).unwrap();
    assert!(
        reliability.calibration_error < 2.0 * reliability.calibration_error_of_chance,
        "{reliability:?}"
    );
}

#[test]
fn a_law_that_is_no_logistic_curve_takes_the_isotonic_one() {
    let fit = ConfidenceFit::fit(&outcomes(4000, 3, steps)).unwrap();
    assert!(matches!(fit.curve, Curve::Isotonic { .. }), "{fit:?}");
    assert!(fit.isotonic_loss < fit.logistic_loss);
    assert!((fit.curve.probability(0.45) - 0.5).abs() < 0.1);
    assert!((fit.curve.probability(0.9) - 0.9).abs() < 0.05);
}

#[test]
fn what_tells_nothing_is_not_made_to_tell_something() {
    let fit = ConfidenceFit::fit(&outcomes(2000, 4, |_| 0.5)).unwrap();
    assert!(distance(&fit, |_| 0.5) < 0.08, "{fit:?}");
    let fit = ConfidenceFit::fit(&outcomes(2000, 5, |similarity| 1.0 - similarity)).unwrap();
    assert!(distance(&fit, |_| 0.5) < 0.08, "the wrong way round: {fit:?}");
}

#[test]
fn what_is_told_apart_without_fail_is_never_called_certain() {
    let fit = ConfidenceFit::fit(&outcomes(200, 6, |similarity| f64::from(u8::from(similarity > 0.5)))).unwrap();
    for similarity in [-1.0, 0.0, 0.5, 1.0] {
        let probability = fit.curve.probability(similarity);
        assert!(probability > 0.0 && probability < 1.0, "{similarity}: {probability}");
    }
}

#[test]
fn too_few_of_either_kind_are_refused() {
    for law in [0.0, 1.0] {
        let error = ConfidenceFit::fit(&outcomes(500, 7, |_| law)).unwrap_err();
        assert!(
            matches!(
                error,
                FitError::TooFew {
                    have: 0,
                    needed: FEWEST,
                    ..
                }
            ),
            "{error}"
        );
    }
    let mut damaged = outcomes(500, 8, steep);
    damaged[17].similarity = f32::NAN;
    assert!(matches!(ConfidenceFit::fit(&damaged), Err(FitError::NotFinite { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_curve_rises_and_is_a_probability(seed: u64, cases in 200_usize..600, slope in 0.0..30.0_f64) {
        let fit = ConfidenceFit::fit(&outcomes(cases, seed, |similarity| logistic(slope * (similarity - 0.5)))).unwrap();
        prop_assert!(fit.is_possible());
        let (found, not_found) = (fit.found, fit.not_found);
        prop_assert_eq!(found + not_found, cases);
        for curve in [fit.curve.clone(), Curve::isotonic(&outcomes(cases, seed, steps))] {
            prop_assert!(curve.is_possible());
            let probabilities: Vec<f64> = (-100..=100).map(|step| curve.probability(step as f32 / 100.0)).collect();
            prop_assert!(probabilities.is_sorted());
            prop_assert!(probabilities.iter().all(|probability| (0.0..=1.0).contains(probability)));
        }
        let text = toml::to_string(&fit).unwrap();
        prop_assert_eq!(toml::from_str::<ConfidenceFit>(&text).unwrap(), fit);
    }

    #[test]
    fn a_higher_threshold_refuses_more(seed: u64, (one, other) in (-0.2..1.2_f32, -0.2..1.2_f32)) {
        let cases = outcomes(600, seed, steep);
        let fit = ConfidenceFit::fit(&cases).unwrap();
        let found: Vec<f32> = cases.iter().filter(|case| case.is_found).map(|case| case.similarity).collect();
        let refused = |threshold: f32| found.iter().filter(|similarity| **similarity < threshold).count() as f64 / found.len() as f64;
        prop_assert!(fit.refused_share(one.min(other)) <= fit.refused_share(one.max(other)));
        prop_assert!((fit.refused_share(one) - refused(one)).abs() < 0.05);
    }
}
