#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

/// The controls of a camera that is not there.
#[derive(Default)]
struct Fake {
    known: Vec<(u32, Values)>,
    set: Vec<Vec<(u32, i64)>>,
    failing: Option<Errno>,
}

impl Fake {
    fn result(&self) -> io::Result<()> {
        self.failing.map_or(Ok(()), |errno| Err(errno.into()))
    }
}

impl Controls for Fake {
    fn values(&self, id: u32) -> Option<Values> {
        self.known
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, values)| *values)
    }

    fn get(&mut self, id: u32) -> io::Result<i64> {
        self.result()?;
        let last = self.set.iter().flatten().rev().find(|(set, _)| *set == id);
        Ok(last.map_or(0, |(_, value)| *value))
    }

    fn set(&mut self, values: &[(u32, i64)]) -> io::Result<()> {
        self.result()?;
        self.set.push(values.to_vec());
        Ok(())
    }
}

fn values(minimum: i64, maximum: i64) -> Values {
    Values {
        minimum,
        maximum,
        default: 0,
    }
}

const PLACES: [(u32, Values); 2] = [
    (
        id::PAN_ABSOLUTE,
        Values {
            minimum: -468_000,
            maximum: 468_000,
            default: 0,
        },
    ),
    (
        id::TILT_ABSOLUTE,
        Values {
            minimum: -108_000,
            maximum: 324_000,
            default: 3600,
        },
    ),
];
/// As older kernels tell them: the lowest is wrong.
const SPEEDS: [(u32, Values); 2] = [
    (
        id::PAN_SPEED,
        Values {
            minimum: -1,
            maximum: 24,
            default: 0,
        },
    ),
    (
        id::TILT_SPEED,
        Values {
            minimum: -1,
            maximum: 20,
            default: 0,
        },
    ),
];

fn head(known: &[(u32, Values)]) -> Result<Uvc<Fake>, PtzError> {
    let fake = Fake {
        known: known.to_vec(),
        ..Fake::default()
    };
    Uvc::with_controls(fake, "the camera".to_owned(), &UvcSettings::default())
}

fn to(pan_degrees: f64, tilt_degrees: f64) -> Orientation {
    Orientation {
        pan_degrees,
        tilt_degrees,
    }
}

#[test]
fn places_are_arc_seconds_and_both_axes_go_out_together() {
    let mut head = head(&PLACES).unwrap();
    assert_eq!(head.abilities().pan_degrees, -130.0..=130.0);
    assert_eq!(head.abilities().tilt_degrees, -30.0..=90.0);
    head.move_to(to(10.0, -2.5), Velocity::default()).unwrap();
    head.move_to(to(-500.0, 500.0), Velocity::default()).unwrap();
    head.go_home().unwrap();
    let set = |pan, tilt| vec![(id::PAN_ABSOLUTE, pan), (id::TILT_ABSOLUTE, tilt)];
    assert_eq!(
        head.controls.set,
        [set(36_000, -9_000), set(-468_000, 324_000), set(0, 3600)]
    );
    assert_eq!(head.orientation().unwrap(), Some(to(0.0, 1.0)));
}

#[test]
fn the_wrong_lowest_speed_of_older_kernels_is_mirrored() {
    let mut head = head(&SPEEDS).unwrap();
    assert!(!head.abilities().absolute && head.abilities().continuous && !head.abilities().tells_orientation);
    head.drive(Velocity { pan: -60.0, tilt: 10.0 }).unwrap();
    head.drive(Velocity { pan: -1e9, tilt: -0.5 }).unwrap();
    head.stop().unwrap();
    let set = |pan, tilt| vec![(id::PAN_SPEED, pan), (id::TILT_SPEED, tilt)];
    assert_eq!(head.controls.set, [set(-24, 5), set(-24, 0), set(0, 0)]);
    assert_eq!(head.orientation().unwrap(), None);
}

#[test]
fn a_camera_that_only_creeps_one_way_is_driven_by_places_if_it_takes_any() {
    let mut crept = head(&[PLACES[0], PLACES[1], SPEEDS[0], SPEEDS[1]]).unwrap();
    assert!(crept.abilities().absolute && !crept.abilities().continuous);
    assert!(crept.drive(Velocity { pan: 10.0, tilt: 0.0 }).is_err());
    crept.stop().unwrap();
    assert_eq!(crept.controls.set, [[(id::PAN_SPEED, 0), (id::TILT_SPEED, 0)]]);
    let speeds = [(id::PAN_SPEED, values(-24, 24)), (id::TILT_SPEED, values(-20, 20))];
    let even = head(&[PLACES[0], PLACES[1], speeds[0], speeds[1]]).unwrap();
    assert!(even.abilities().absolute && even.abilities().continuous);
}

#[test]
fn a_speed_that_holds_is_not_set_again_but_a_stop_always_is() {
    let mut head = head(&SPEEDS).unwrap();
    for _ in 0..5 {
        head.drive(Velocity { pan: 30.0, tilt: 0.0 }).unwrap();
    }
    head.stop().unwrap();
    head.stop().unwrap();
    head.drive(Velocity { pan: 30.0, tilt: 0.0 }).unwrap();
    assert_eq!(head.controls.set.len(), 4);
}

#[test]
fn a_camera_that_knows_places_only_is_stopped_by_holding_where_it_is() {
    let mut head = head(&PLACES).unwrap();
    head.move_to(to(10.0, 0.0), Velocity::default()).unwrap();
    head.stop().unwrap();
    assert_eq!(head.controls.set.len(), 2);
    assert!(head.drive(Velocity::default()).is_err());
}

#[test]
fn one_axis_is_enough() {
    let mut head = head(&PLACES[..1]).unwrap();
    assert_eq!(head.abilities().tilt_degrees, 0.0..=0.0);
    head.move_to(to(1.0, 1.0), Velocity::default()).unwrap();
    assert_eq!(head.controls.set, [[(id::PAN_ABSOLUTE, 3600)]]);
}

#[test]
fn failures_are_sorted_by_what_helps() {
    let mut head = head(&SPEEDS).unwrap();
    for (errno, kind) in [
        (Errno::NODEV, "open it again"),
        (Errno::IO, "try again"),
        (Errno::PIPE, "try again"),
        (Errno::INVAL, "it does not take that"),
    ] {
        head.controls.failing = Some(errno);
        let error = head.drive(Velocity { pan: 1e3, tilt: 0.0 }).unwrap_err();
        assert!(error.to_string().contains(kind), "{errno}: {error}");
    }
    head.controls.failing = None;
    head.drive(Velocity { pan: 1e3, tilt: 0.0 }).unwrap();
    assert_eq!(head.controls.set.len(), 1, "what failed is set again");
}

#[test]
fn a_camera_that_does_not_turn_is_told() {
    let error = head(&[(id::PAN_RESET, values(0, 1))]).err();
    assert!(matches!(error, Some(PtzError::GiveUp { .. })), "{error:?}");
    let mut head = head(&[SPEEDS[0], (id::PAN_RESET, values(0, 1))]).unwrap();
    head.go_home().unwrap();
    assert_eq!(head.controls.set, [[(id::PAN_RESET, 1)]]);
}
