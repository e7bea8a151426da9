#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;
use crate::ManualClock;

struct Rig {
    clock: Arc<ManualClock>,
    head: SimulatedHead,
    eye: Arc<Eye>,
}

fn rig(settings: SimulatedHeadSettings) -> Rig {
    let clock = Arc::new(ManualClock::new(Duration::from_secs(100)));
    let head = SimulatedHead::new(clock.clone(), settings);
    let eye = head.eye();
    Rig { clock, head, eye }
}

impl Rig {
    fn wait(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }

    fn pan(&mut self) -> f64 {
        self.head.orientation().unwrap().unwrap().pan_degrees
    }

    fn looks(&self) -> Orientation {
        self.eye.orientation_at(self.clock.now())
    }
}

fn speed(pan: f64, tilt: f64) -> Velocity {
    Velocity { pan, tilt }
}

fn to(pan_degrees: f64, tilt_degrees: f64) -> Orientation {
    Orientation {
        pan_degrees,
        tilt_degrees,
    }
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-6
}

/// 100 °/s², 0.1 s late.
fn plain() -> SimulatedHeadSettings {
    SimulatedHeadSettings {
        acceleration: 100.0,
        latency_seconds: 0.1,
        ..SimulatedHeadSettings::default()
    }
}

#[test]
fn it_gathers_speed_holds_it_and_brakes_where_it_should() {
    let mut rig = rig(plain());
    rig.head.move_to(to(30.0, 0.0), speed(20.0, 20.0)).unwrap();
    rig.wait(0.1);
    assert_eq!(rig.pan(), 0.0, "nothing happens before the latency is over");
    rig.wait(0.2);
    assert!(near(rig.pan(), 2.0), "0.2 s of 100 °/s² are 2 degrees: {}", rig.pan());
    rig.wait(1.0);
    assert!(near(rig.pan(), 22.0), "and a second at 20 °/s: {}", rig.pan());
    assert_eq!(rig.head.is_moving().unwrap(), Some(true));
    // 26 of the 30 degrees at full speed take 1.3 s.
    rig.wait(0.5);
    assert!(near(rig.pan(), 30.0), "{}", rig.pan());
    assert_eq!(rig.head.is_moving().unwrap(), Some(false));
}

#[test]
fn a_stop_takes_as_long_as_the_brakes_do() {
    let mut rig = rig(plain());
    rig.head.drive(speed(50.0, -20.0)).unwrap();
    rig.wait(1.1);
    rig.head.stop().unwrap();
    // 0.1 s of latency at 50 °/s, then 50²/200 degrees of braking.
    let before = rig.pan();
    rig.wait(0.6);
    assert!(near(rig.pan(), before + 5.0 + 12.5), "{before} {}", rig.pan());
    assert_eq!(rig.head.is_moving().unwrap(), Some(false));
    assert!(rig.looks().tilt_degrees < -10.0);
}

#[test]
fn turned_round_it_overshoots_as_masses_do() {
    let mut rig = rig(plain());
    rig.head.drive(speed(40.0, 0.0)).unwrap();
    rig.wait(1.1);
    let before = rig.pan();
    rig.head.move_to(to(before, 0.0), speed(40.0, 0.0)).unwrap();
    rig.wait(0.1 + 0.4);
    assert!(near(rig.pan(), before + 4.0 + 8.0), "{before} {}", rig.pan());
    rig.wait(2.0);
    assert!(near(rig.pan(), before), "{before} {}", rig.pan());
}

#[test]
fn it_stops_at_the_edge_of_its_range() {
    let mut rig = rig(plain());
    rig.head.drive(speed(-1000.0, 5.0)).unwrap();
    rig.wait(60.0);
    assert!(near(rig.pan(), -170.0), "{}", rig.pan());
    assert!(near(rig.looks().tilt_degrees, 90.0));
}

#[test]
fn loose_gears_follow_late_when_turned_back() {
    let mut rig = rig(SimulatedHeadSettings {
        backlash_degrees: 0.4,
        ..plain()
    });
    for (target, looks) in [(10.0, 9.8), (9.7, 9.8), (5.0, 5.2), (5.1, 5.2), (6.0, 5.8)] {
        rig.head.move_to(to(target, 0.0), speed(100.0, 0.0)).unwrap();
        rig.wait(5.0);
        assert!(near(rig.pan(), target), "the encoder sits on the motor: {}", rig.pan());
        assert!(
            near(rig.looks().pan_degrees, looks),
            "at {target} it looks at {looks}, not {:?}",
            rig.looks()
        );
    }
}

#[test]
fn a_head_does_only_what_it_was_set_up_for() {
    let mut rig = rig(SimulatedHeadSettings {
        absolute: false,
        tells_orientation: false,
        ..plain()
    });
    let refusal = rig.head.move_to(to(1.0, 0.0), speed(1.0, 1.0)).unwrap_err();
    assert!(matches!(refusal, PtzError::GiveUp { .. }), "{refusal}");
    assert_eq!(rig.head.orientation().unwrap(), None);
    assert_eq!(rig.head.is_moving().unwrap(), None);
}

#[test]
fn the_past_can_be_looked_at() {
    let mut rig = rig(plain());
    rig.head.drive(speed(10.0, 0.0)).unwrap();
    rig.wait(2.0);
    let (then, was) = (rig.clock.now(), rig.looks());
    rig.wait(3.0);
    rig.head.drive(speed(-10.0, 0.0)).unwrap();
    rig.wait(3.0);
    assert_eq!(rig.eye.orientation_at(then), was);
}

proptest! {
    /// Whatever it is told, it stays within its range, its speed and its acceleration, and it moves the same however often
    /// one looks.
    #[test]
    fn it_obeys_its_limits(
        orders in proptest::collection::vec((0..4_u8, -200.0..200.0_f64, 0.0..150.0_f64, 0.0..2.0_f64), 1..12),
    ) {
        let settings = SimulatedHeadSettings { acceleration: 150.0, backlash_degrees: 0.0, ..plain() };
        let mut watched = rig(settings.clone());
        let mut left_alone = rig(settings);
        let step = 0.005;
        let (mut position, mut velocity) = (0.0, 0.0);
        for (kind, place, fast, pause) in orders {
            for head in [&mut watched.head, &mut left_alone.head] {
                match kind {
                    0 => head.move_to(to(place, -place), speed(fast, fast)).unwrap(),
                    1 => head.drive(speed(place, fast)).unwrap(),
                    2 => head.stop().unwrap(),
                    _ => head.go_home().unwrap(),
                }
            }
            let steps = (pause / step) as u32;
            for _ in 0..steps {
                watched.wait(step);
                let next = watched.looks().pan_degrees;
                prop_assert!((-170.0 - 1e-6..=170.0 + 1e-6).contains(&next), "{}", next);
                let now = (next - position) / step;
                prop_assert!(now.abs() <= 100.0 + 1e-4, "{} degrees a second", now);
                prop_assert!((now - velocity).abs() <= 150.0 * step + 1e-4, "from {} to {}", velocity, now);
                (position, velocity) = (next, now);
            }
            for _ in 0..steps {
                left_alone.clock.advance(Duration::from_secs_f64(step));
            }
            prop_assert_eq!(watched.looks(), left_alone.looks());
        }
    }
}
