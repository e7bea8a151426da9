#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use lookhear_calibration::Outcome;
use proptest::prelude::*;
use rand_like::Chance;

use super::*;
use crate::attention::AttentionSettings;
use crate::perception::heatmap::{Heatmap, Point};
use crate::perception::percept::Percept;

/// Repeatable chance, without a crate for it.
mod rand_like {
    pub struct Chance(pub u64);

    impl Chance {
        pub fn uniform(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        pub fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
        }
    }
}

const MODEL_THRESHOLD: f32 = 0.4;

/// Percepts five a second of a room whose similarities lie about `middle`, as loud as `decibels`.
fn room(seconds: f64, middle: f64, decibels: f32, seed: u64) -> Heard {
    let mut heard = Heard::new("edge-1", "hw:0");
    go_on(&mut heard, seconds, middle, decibels, seed);
    heard
}

fn go_on(heard: &mut Heard, seconds: f64, middle: f64, decibels: f32, seed: u64) {
    heard.begin_part();
    let mut chance = Chance(seed.wrapping_mul(2).wrapping_add(1));
    let mut window = [0.0; 4];
    for index in 0..(seconds * 5.0) as u64 {
        if index * 2 % 5 < 2 {
            window.rotate_left(1);
            window[3] = chance.normal();
        }
        let similarity = (middle + 0.02 * window.iter().sum::<f64>() + 0.005 * chance.normal()) as f32;
        heard.add(&percept(
            0.2 * index as f64,
            similarity,
            decibels + chance.normal() as f32,
        ));
    }
}

fn percept(seconds: f64, similarity: f32, decibels: f32) -> Perceived {
    let stamp = Duration::from_secs_f64(seconds);
    Perceived {
        stamp,
        percept: Some(Percept {
            heatmap: Heatmap::default(),
            peak: Point { x: 0.5, y: 0.5 },
            centre: Point { x: 0.5, y: 0.5 },
            similarity,
            probability: None,
            accepted: false,
            stamp,
        }),
        level: Level::from_decibels(decibels),
        ..Perceived::default()
    }
}

/// A model whose sources have similarities of 0.45 to 0.85.
fn confidence() -> ConfidenceFit {
    let outcomes: Vec<Outcome> = (0..400)
        .map(|index| Outcome {
            similarity: (index / 2) as f32 / 200.0 * 0.4 + if index % 2 == 0 { 0.45 } else { 0.0 },
            is_found: index % 2 == 0,
        })
        .collect();
    ConfidenceFit::fit(&outcomes).unwrap()
}

fn settings(confidence: Option<&ConfidenceFit>) -> RoomSettings<'_> {
    RoomSettings {
        per_hour: 1.0,
        rule: AttentionSettings::default().fire_rule(),
        quiet: Level::from_decibels(-70.0),
        model_threshold: MODEL_THRESHOLD,
        confidence,
    }
}

#[test]
fn a_room_that_never_comes_near_keeps_the_threshold_of_the_model() {
    let confidence = confidence();
    let fit = room(600.0, 0.1, -50.0, 1).fit(&settings(Some(&confidence))).unwrap();
    assert_eq!(fit.threshold.threshold, MODEL_THRESHOLD);
    assert!(fit.room_threshold < MODEL_THRESHOLD, "{fit:?}");
    assert_eq!(
        (fit.fires_at_model_threshold, fit.lost, fit.short_of),
        (0, Some(0.0), None)
    );
    let rate = fit.threshold.rate.unwrap();
    assert!(rate.per_hour_bound <= 1.0 && rate.expected_per_hour < 0.1 && rate.tail.is_some());
    assert!((fit.noise_floor.floor.decibels() + 50.0).abs() < 0.5);
    assert!(fit.noise_floor.gate.decibels() > -46.0);
}

/// The truth of a room is what it does for the hours that follow.
#[test]
fn a_room_whose_noise_fires_raises_the_threshold_until_it_keeps_still() {
    let confidence = confidence();
    let settings = settings(Some(&confidence));
    let (mut broken, mut fires) = (0, 0);
    for seed in 0..10 {
        let fit = room(600.0, 0.3, -50.0, seed).fit(&settings).unwrap();
        assert!(fit.threshold.threshold > MODEL_THRESHOLD, "{fit:?}");
        assert!(fit.lost.unwrap() < MOST_LOST);
        fires += fit.fires_at_model_threshold;
        let streams = room(20.0 * 3600.0, 0.3, -50.0, 1000 + seed).streams(settings.quiet);
        let before = settings.rule.fires(&streams[0], MODEL_THRESHOLD).len();
        let after = settings.rule.fires(&streams[0], fit.threshold.threshold).len();
        assert!(before > 100, "{before} fires in twenty hours");
        broken += usize::from(after > 20);
    }
    assert!(fires > 5, "{fires} fires while they were listened to");
    assert!(broken <= 2, "{broken} of 10 rooms fire more than once an hour");
}

#[test]
fn somebody_in_view_is_no_room() {
    let error = room(600.0, 0.6, -30.0, 2).fit(&settings(None)).unwrap_err();
    assert!(matches!(error, RoomError::Occupied { share } if share > 0.9), "{error}");
    // Now and then: the threshold would have to rise above what sources reach.
    let mut heard = room(600.0, 0.1, -50.0, 3);
    for minute in 0..10 {
        go_on(&mut heard, 20.0, 0.7, -30.0, 40 + minute);
        go_on(&mut heard, 30.0, 0.1, -50.0, 60 + minute);
    }
    let confidence = confidence();
    let error = heard.fit(&settings(Some(&confidence))).unwrap_err();
    assert!(matches!(error, RoomError::Costly { lost, .. } if lost > 0.6), "{error}");
    assert!(error.to_string().contains("% of the sources"), "{error}");
}

#[test]
fn a_room_too_quiet_to_tell_promises_only_what_it_can() {
    let mut heard = room(600.0, 0.3, -80.0, 4);
    let fit = heard.fit(&settings(None)).unwrap();
    assert_eq!(fit.threshold.threshold, MODEL_THRESHOLD);
    let short = fit.short_of.clone().unwrap();
    assert!(matches!(short.cause, FitError::TooFew { have: 0, .. }));
    assert!((short.per_hour - 18.0).abs() < 0.2, "{short:?}");
    assert_eq!(fit.per_hour(), short.per_hour);
    // One knock that reaches beyond the model's threshold: the room's lies above it.
    heard.begin_part();
    (0..8).for_each(|tick| heard.add(&percept(0.2 * f64::from(tick), 0.47, -40.0)));
    let fit = heard.fit(&settings(None)).unwrap();
    assert_eq!(fit.threshold.threshold, 0.47_f32.next_up());
}

#[test]
fn digital_silence_and_a_glance_are_refused() {
    let error = room(600.0, 0.1, -300.0, 5).fit(&settings(None)).unwrap_err();
    assert_eq!(error, RoomError::Fit(FitError::NoSignal));
    let error = room(30.0, 0.1, -50.0, 6).fit(&settings(None)).unwrap_err();
    assert!(matches!(error, RoomError::TooShort { seconds } if (seconds - 30.0).abs() < 1.0));
}

#[test]
fn what_was_heard_is_kept_and_gone_on_with() {
    let whole = room(120.0, 0.2, -50.0, 7);
    let kept: Heard = serde_json::from_str(&serde_json::to_string(&whole).unwrap()).unwrap();
    assert_eq!(kept, whole);
    let mut gone_on = kept;
    go_on(&mut gone_on, 120.0, 0.2, -50.0, 8);
    let rule = settings(None).rule;
    assert!((gone_on.seconds(rule) - 240.0).abs() < 1.0, "the break is not counted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_room_lowers_the_threshold_or_fires_more_than_it_allows(seed: u64, middle in 0.0..0.45_f64, model in 0.1..0.6_f32) {
        let heard = room(300.0, middle, -50.0, seed);
        let settings = RoomSettings { model_threshold: model, per_hour: 2.0, ..settings(None) };
        if let Ok(fit) = heard.fit(&settings) {
            prop_assert!(fit.threshold.threshold >= model.max(fit.room_threshold));
            let rate = fit.threshold.rate.unwrap();
            prop_assert!(rate.fires as f64 <= fit.per_hour() * rate.hours);
        }
    }
}
