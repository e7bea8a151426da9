#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::rotation::turned;
use super::super::texture::{noise, texture};
use super::*;

const SIZE: (usize, usize) = (320, 180);

/// What a camera sees whose picture goes through `place` before it is looked up, with noise of so many levels.
fn seen(seed: u64, levels: f32, place: impl Fn([f64; 2]) -> [f64; 2]) -> GreyPicture {
    let half = SIZE.0 as f64 / 2.0;
    let bytes = (0..SIZE.0 * SIZE.1).flat_map(|index| {
        let (column, row) = ((index % SIZE.0) as f64, (index / SIZE.0) as f64);
        let [x, y] = place([(column + 0.5) / half - 1.0, (row + 0.5 - SIZE.1 as f64 / 2.0) / half]);
        let value =
            texture(seed, half * x, half * y) + levels * noise(seed + 77, index as i64, levels.to_bits().into());
        [value.clamp(0.0, 255.0) as u8; 3]
    });
    GreyPicture::from_rgb(SIZE.0, SIZE.1, &bytes.collect::<Vec<u8>>()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn places_are_found_to_an_eighth_of_a_pixel(
        seed in 0_u64..100, right in -0.08_f64..0.08, up in -0.04_f64..0.04, roll in -0.03_f64..0.03, degrees in 25.0_f64..110.0,
    ) {
        let half = (degrees / 2.0).to_radians().tan();
        // As wide as what it sees is, the turn is what a person would choose for it.
        let parts = [right * half, up * half, roll];
        let first = seen(seed, 4.0, |place| place);
        let back = parts.map(|part| -part);
        let second = seen(seed, 5.0, |place| turned(place, back, half));
        let matches = Matcher::new(&first).matches(&first, &second).unwrap();
        prop_assert!(matches.len() >= 10, "{}", matches.len());
        let beside = matches.iter().map(|found| {
            let truth = turned(found.from, parts, half);
            (found.to[0] - truth[0]).hypot(found.to[1] - truth[1]) * SIZE.0 as f64 / 2.0
        });
        let beside = (beside.clone().map(|pixels| pixels * pixels).sum::<f64>() / beside.count() as f64).sqrt();
        prop_assert!(beside < 0.125, "{beside} pixels beside");
    }
}

#[test]
fn what_moves_by_itself_is_left_out_and_noticed() {
    let first = seen(3, 4.0, |place| place);
    // A third of the picture goes its own way.
    let second = seen(3, 5.0, |[x, y]| if x > 0.4 { [x, y - 0.05] } else { [x - 0.06, y] });
    let matcher = Matcher::new(&first);
    let matches = matcher.matches(&first, &second).unwrap();
    assert!(matches.iter().filter(|found| found.from[0] < 0.1).count() >= 8);
    assert!(
        matches
            .iter()
            .all(|found| (found.to[0] - found.from[0] - 0.06).abs() < 0.01),
        "{matches:?}"
    );
    let still = matcher.stillness(&first, &seen(3, 6.0, |place| place)).unwrap();
    assert_eq!(still.moving_share, 0.0);
    let moving = matcher
        .stillness(
            &first,
            &seen(3, 6.0, |[x, y]| if x > 0.4 { [x, y - 0.05] } else { [x, y] }),
        )
        .unwrap();
    assert!((0.15..0.5).contains(&moving.moving_share), "{moving:?}");
}

#[test]
fn a_wall_in_a_dark_room_is_refused_and_so_is_another_view() {
    let first = seen(3, 4.0, |place| place);
    let wall = |levels: f32| {
        let bytes: Vec<u8> = (0..SIZE.0 * SIZE.1)
            .flat_map(|index| [(90.0 + levels * noise(5, index as i64, 9)) as u8; 3])
            .collect();
        GreyPicture::from_rgb(SIZE.0, SIZE.1, &bytes).unwrap()
    };
    let matcher = Matcher::new(&first);
    assert_eq!(matcher.matches(&wall(1.0), &wall(1.2)), Err(MatchError::Featureless));
    assert_eq!(matcher.stillness(&wall(1.0), &wall(1.2)), Err(MatchError::Featureless));
    assert_eq!(
        matcher.matches(&first, &seen(4, 4.0, |place| place)),
        Err(MatchError::NothingInCommon)
    );
}
