#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::rotation::turned;
use super::super::texture::noise;
use super::*;

/// A head and a lens, and how well the picture tells where things went.
#[derive(Debug, Clone, Copy)]
struct Truth {
    degrees: f64,
    scale: [f64; 2],
    backlash: f64,
    tilt_degrees: f64,
    step_degrees: f64,
    noise_pixels: f64,
    seed: u64,
    /// Radial distortion: places lie nearer to the middle by this share at the edge.
    barrel: f64,
}

impl Truth {
    fn of(degrees: f64) -> Self {
        Self {
            degrees,
            scale: [1.0, 1.0],
            backlash: 0.0,
            tilt_degrees: 0.0,
            step_degrees: 0.06 * degrees,
            noise_pixels: 0.03,
            seed: 1,
            barrel: 0.0,
        }
    }

    fn turn(&self, axis: Axis, told_degrees: f64, arrivals: [Arrival; 2], number: i64) -> Turn {
        let index = usize::from(axis == Axis::Tilt);
        // Where the camera hangs in its slack.
        let hangs = |arrival: Arrival| 0.5 * self.backlash - arrival.travelled_degrees.min(self.backlash);
        let [from, to] = arrivals.map(|arrival| arrival.direction * hangs(arrival));
        let angle = (self.scale[index] * (told_degrees + to - from)).to_radians();
        let (sine, cosine) = self.tilt_degrees.to_radians().sin_cos();
        let parts = match axis {
            Axis::Pan => [angle * cosine, 0.0, angle * sine],
            Axis::Tilt => [0.0, angle, 0.0],
        };
        let half = half_of(self.degrees);
        let bent = |[x, y]: [f64; 2]| {
            let share = 1.0 - self.barrel * (x * x + y * y);
            [x * share, y * share]
        };
        let mut salt = number * 1000;
        let mut shaken = |place: [f64; 2]| {
            place.map(|part| {
                salt += 1;
                part + self.noise_pixels / 160.0 * 1.7 * f64::from(noise(self.seed, salt, 3))
            })
        };
        let places = (0..24).map(|index| [f64::from(index % 6) * 0.3 - 0.75, f64::from(index / 6) * 0.24 - 0.36]);
        let matches = places.map(|place| Match {
            from: bent(place),
            to: shaken(bent(turned(place, parts, half))),
        });
        Turn {
            axis,
            told_degrees,
            arrivals,
            matches: matches.collect(),
        }
    }

    /// To and fro about the middle, as the procedure goes.
    fn turns(&self) -> Vec<Turn> {
        let mut turns = Vec::new();
        for axis in [Axis::Pan, Axis::Tilt] {
            let stops = [-2, -1, 0, 1, 2, 1, 0, -1, -2_i32];
            let arrival = |index: usize| Arrival {
                direction: if (1..5).contains(&index) { 1.0 } else { -1.0 },
                travelled_degrees: self.step_degrees * [2.0, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0][index],
            };
            let pairs = (0..8).map(|index| (index, index + 1)).chain([(1, 7), (2, 6), (3, 5)]);
            for (one, other) in pairs {
                let told = f64::from(stops[other] - stops[one]) * self.step_degrees;
                turns.push(self.turn(axis, told, [arrival(one), arrival(other)], turns.len() as i64));
            }
        }
        turns
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn lens_and_head_are_found_again(
        degrees in 25.0_f64..110.0, pan in prop::sample::select(vec![-1.0, 1.0, 0.93]), tilt in prop::sample::select(vec![-1.0, 1.0]),
        loose in 0.0_f64..1.4, tilt_degrees in -30.0_f64..45.0, seed in 0_u64..1000,
    ) {
        let step_degrees = 0.06 * degrees;
        let truth = Truth {
            scale: [pan, tilt], backlash: loose * step_degrees, tilt_degrees, step_degrees, seed, ..Truth::of(degrees)
        };
        let fit = TurnFit::fit(&truth.turns()).unwrap();
        // As seen in the degrees of the head.
        let effective = degrees_of(half_of(degrees) / pan.abs());
        let found = fit.horizontal_field_of_view_degrees;
        prop_assert!((found.value / effective - 1.0).abs() < 0.02, "{found:?} for {effective}");
        prop_assert!((found.value - effective).abs() < 6.0 * found.deviation + 0.003 * effective, "{found:?} for {effective}");
        for (axis, scale) in [(fit.pan, pan), (fit.tilt, tilt)] {
            let axis = axis.unwrap();
            prop_assert_eq!(axis.reversed, scale < 0.0);
            let backlash = axis.backlash_degrees.value;
            prop_assert!((backlash - truth.backlash).abs() < 0.03 * step_degrees + 0.1 * (1.0 - pan.abs()) * step_degrees, "{axis:?}");
        }
        if let Some(pinhole) = fit.pinhole_field_of_view_degrees {
            prop_assert!((pinhole.value - degrees).abs() < 6.0 * pinhole.deviation + 0.005 * degrees, "{pinhole:?} for {degrees}");
        }
    }
}

#[test]
fn a_wide_lens_tells_the_scale_of_the_head_and_a_narrow_one_does_not() {
    let wide = Truth {
        scale: [1.1, 1.1],
        ..Truth::of(90.0)
    };
    let scale = TurnFit::fit(&wide.turns())
        .unwrap()
        .pan
        .unwrap()
        .degrees_per_head_degree
        .unwrap();
    assert!((scale.value - 1.1).abs() < 0.02 && scale.deviation < 0.02, "{scale:?}");
    let narrow = TurnFit::fit(
        &Truth {
            noise_pixels: 1.0,
            ..Truth::of(15.0)
        }
        .turns(),
    )
    .unwrap();
    assert_eq!(narrow.pinhole_field_of_view_degrees, None);
    assert_eq!(narrow.pan.unwrap().degrees_per_head_degree, None);
}

/// What the documentation of the module says of distortion.
#[test]
fn barrel_distortion_looks_like_a_narrower_lens_to_the_shape_alone() {
    let fit = TurnFit::fit(
        &Truth {
            barrel: 0.05,
            ..Truth::of(70.0)
        }
        .turns(),
    )
    .unwrap();
    let (told, pinhole) = (
        fit.horizontal_field_of_view_degrees.value,
        fit.pinhole_field_of_view_degrees.unwrap().value,
    );
    assert!((told - 70.0).abs() < 5.0, "{told}");
    assert!(pinhole < told - 5.0, "{pinhole} {told}");
}

#[test]
fn what_cannot_be_fitted_is_refused_with_its_cause() {
    let good = Truth::of(60.0).turns();
    assert!(matches!(TurnFit::fit(&[]), Err(TurnsError::TooFew { have: 0 })));
    let still: Vec<Turn> = good
        .iter()
        .cloned()
        .map(|mut turn| {
            turn.matches.iter_mut().for_each(|found| found.to = found.from);
            turn
        })
        .collect();
    assert_eq!(TurnFit::fit(&still), Err(TurnsError::NotTurning));
    let loose = Truth {
        backlash: 3.0 * 3.6,
        ..Truth::of(60.0)
    };
    assert!(
        matches!(TurnFit::fit(&loose.turns()), Err(TurnsError::TooLoose { .. })),
        "{:?}",
        TurnFit::fit(&loose.turns())
    );
    let mut torn = good.clone();
    torn[2].told_degrees *= 2.0;
    assert!(
        matches!(TurnFit::fit(&torn), Err(TurnsError::Contradiction { .. })),
        "{:?}",
        TurnFit::fit(&torn)
    );
}
