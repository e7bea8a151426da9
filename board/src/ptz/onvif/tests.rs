#![allow(clippy::unwrap_used)]

use std::time::Instant;

use super::simulated::{AsksFor, Behaviour, SimulatedCamera};
use super::time::Utc;
use super::*;
use crate::ManualClock;

struct Bench {
    clock: Arc<ManualClock>,
    camera: SimulatedCamera,
    settings: OnvifSettings,
}

fn bench(change: impl FnOnce(&mut Behaviour)) -> Bench {
    let clock = Arc::new(ManualClock::new(Duration::from_secs(1000)));
    let mut behaviour = Behaviour {
        profile: "profile & <2>".to_owned(),
        ..Behaviour::default()
    };
    change(&mut behaviour);
    let settings = OnvifSettings {
        user: behaviour.user.clone(),
        password: Password(behaviour.password.clone()),
        ..OnvifSettings::default()
    };
    let camera = SimulatedCamera::start(behaviour, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let settings = OnvifSettings {
        url: camera.url(),
        ..settings
    };
    Bench {
        clock,
        camera,
        settings,
    }
}

impl Bench {
    fn open(&self) -> Result<Onvif, PtzError> {
        let opened = Onvif::open(&self.settings, Arc::clone(&self.clock) as Arc<dyn Clock>);
        if opened.is_ok() {
            self.camera.take_asked();
        }
        opened
    }

    fn asked(&self) -> Vec<String> {
        self.camera.take_asked().into_iter().map(|asked| asked.name).collect()
    }

    fn pass(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }
}

fn looking(pan_degrees: f64, tilt_degrees: f64) -> Orientation {
    Orientation {
        pan_degrees,
        tilt_degrees,
    }
}

fn speed(pan: f64, tilt: f64) -> Velocity {
    Velocity { pan, tilt }
}

/// Turns, drives, stops and goes home, and looks whether the camera did.
fn works(bench: &Bench, head: &mut Onvif) {
    head.move_to(looking(85.0, 60.0), speed(80.0, 60.0)).unwrap();
    assert!(bench.camera.is_moving());
    bench.pass(5.0);
    assert_eq!(bench.camera.position(), [0.5, 0.5]);
    head.drive(speed(-40.0, 0.0)).unwrap();
    bench.pass(1.0);
    head.stop().unwrap();
    bench.pass(1.0);
    assert_eq!(bench.camera.position(), [0.25, 0.5]);
    head.go_home().unwrap();
    bench.pass(5.0);
    assert_eq!(bench.camera.position(), [0.0, 0.0]);
}

#[test]
fn a_good_camera_does_everything() {
    let bench = bench(|_| {});
    let mut head = bench.open().unwrap();
    assert_eq!(head.profile(), "profile & <2>");
    let abilities = head.abilities().clone();
    assert!(abilities.absolute && abilities.continuous && abilities.tells_orientation);
    assert_eq!(
        (abilities.pan_degrees, abilities.tilt_degrees),
        (-170.0..=170.0, -30.0..=90.0)
    );
    works(&bench, &mut head);
    assert_eq!(head.orientation().unwrap(), Some(looking(0.0, 30.0)));
    assert_eq!(head.is_moving().unwrap(), Some(false));
    head.move_to(looking(17.0, 30.0), speed(8.0, 6.0)).unwrap();
    bench.pass(1.0);
    assert_eq!(head.is_moving().unwrap(), Some(true));
    assert!(
        (bench.camera.position()[0] - 0.05).abs() < 1e-9,
        "at a tenth of full speed"
    );
}

#[test]
fn every_way_to_prove_a_user_is_found() {
    for asks_for in [AsksFor::Digest, AsksFor::UsernameToken, AsksFor::Either] {
        let mut bench = bench(|behaviour| behaviour.asks_for = asks_for);
        for authentication in [Authentication::Auto, Authentication::Digest, Authentication::WsSecurity] {
            bench.settings.authentication = authentication;
            let offered = match authentication {
                Authentication::Digest => asks_for != AsksFor::UsernameToken,
                Authentication::WsSecurity => asks_for != AsksFor::Digest,
                _ => true,
            };
            match bench.open() {
                Ok(mut head) => works(&bench, &mut head),
                Err(error) => assert!(!offered, "{asks_for:?} {authentication:?}: {error}"),
            }
        }
    }
}

#[test]
fn a_refused_password_ends_it_with_a_remedy() {
    for asks_for in [AsksFor::Digest, AsksFor::UsernameToken, AsksFor::Either] {
        let mut bench = bench(|behaviour| behaviour.asks_for = asks_for);
        bench.settings.password = Password("wrong".to_owned());
        let Err(PtzError::GiveUp { cause, .. }) = bench.open() else {
            panic!("{asks_for:?}: opened");
        };
        assert!(
            cause.contains("\"operator\"") && cause.contains("`password`"),
            "{cause}"
        );
        assert!(!cause.contains("wrong"), "{cause}");
        let tries = bench.asked().iter().filter(|name| *name == "GetProfiles").count();
        assert!(tries <= 3, "{tries} tries");
        bench.settings.user = String::new();
        let Err(PtzError::GiveUp { cause, .. }) = bench.open() else {
            panic!("{asks_for:?}: opened");
        };
        assert!(cause.contains("`user`"), "{cause}");
    }
}

#[test]
fn proofs_follow_the_cameras_clock() {
    let bench = bench(|behaviour| {
        behaviour.asks_for = AsksFor::UsernameToken;
        behaviour.shows = Utc(500_000_000);
    });
    let mut head = bench.open().unwrap();
    bench.pass(3600.0);
    assert!(head.orientation().unwrap().is_some());
    assert_eq!(bench.asked(), ["GetStatus"]);
    bench.camera.change(|behaviour| behaviour.shows = Utc(1_700_000_000));
    assert!(head.orientation().unwrap().is_some());
    assert_eq!(bench.asked(), ["GetStatus", "GetSystemDateAndTime", "GetStatus"]);
    bench
        .camera
        .change(|behaviour| behaviour.password = "changed".to_owned());
    assert!(matches!(head.orientation(), Err(PtzError::GiveUp { .. })));
}

#[test]
fn a_challenge_that_has_run_out_is_answered_anew() {
    let bench = bench(|behaviour| behaviour.asks_for = AsksFor::Digest);
    let mut head = bench.open().unwrap();
    head.stop().unwrap();
    assert_eq!(bench.asked(), ["Stop"]);
    bench.camera.forget_challenges();
    head.stop().unwrap();
    assert_eq!(bench.asked(), ["Stop", "Stop"]);
    bench
        .camera
        .change(|behaviour| behaviour.password = "changed".to_owned());
    assert!(matches!(head.stop(), Err(PtzError::GiveUp { .. })));
}

#[test]
fn old_new_and_mistaken_cameras_are_found_their_way() {
    for change in [
        (|behaviour| behaviour.is_old = true) as fn(&mut Behaviour),
        |behaviour| behaviour.is_new = true,
        |behaviour| behaviour.slips = true,
        |behaviour| behaviour.claims_to_be_at = Some("192.0.2.1:9".to_owned()),
        |behaviour| behaviour.takes_stop = false,
        |behaviour| behaviour.takes_timeout = false,
        |behaviour| behaviour.takes_places = false,
    ] {
        let bench = bench(change);
        works(&bench, &mut bench.open().unwrap());
    }
}

#[test]
fn a_camera_that_counts_in_degrees_is_believed() {
    let bench = bench(|behaviour| behaviour.counts_in_degrees = true);
    let mut head = bench.open().unwrap();
    assert_eq!(head.abilities().pan_degrees, -180.0..=180.0);
    head.move_to(looking(-90.0, 90.0), speed(80.0, 60.0)).unwrap();
    bench.pass(5.0);
    assert_eq!(bench.camera.position(), [-0.5, 1.0]);
    assert_eq!(head.orientation().unwrap(), Some(looking(-90.0, 90.0)));
    head.move_to(looking(900.0, -900.0), speed(80.0, 60.0)).unwrap();
    bench.pass(5.0);
    assert_eq!(bench.camera.position(), [1.0, -1.0]);
}

#[test]
fn a_drive_ends_by_itself_unless_heard_of() {
    let bench = bench(|_| {});
    let mut head = bench.open().unwrap();
    head.drive(speed(8.0, 0.0)).unwrap();
    for _ in 0..8 {
        bench.pass(0.5);
        head.orientation().unwrap();
    }
    assert!(bench.camera.is_moving(), "renewed");
    let asked = bench.asked();
    assert_eq!(
        asked.iter().filter(|name| *name == "ContinuousMove").count(),
        5,
        "{asked:?}"
    );
    bench.pass(2.1);
    assert!(!bench.camera.is_moving(), "nobody was heard of");
    head.drive(speed(8.0, 0.0)).unwrap();
    head.stop().unwrap();
    bench.pass(1.5);
    head.orientation().unwrap();
    assert!(!bench.camera.is_moving(), "a drive that was stopped is not renewed");
}

#[test]
fn a_silent_camera_costs_no_more_than_the_timeout_and_is_told_to_stop_all_the_same() {
    let mut bench = bench(|_| {});
    bench.settings.timeout_seconds = 0.2;
    let mut head = bench.open().unwrap();
    head.drive(speed(8.0, 0.0)).unwrap();
    bench.camera.set_silent(true);
    bench.asked();
    for _ in 0..3 {
        let began = Instant::now();
        let Err(PtzError::Retry { cause, .. }) = head.stop() else {
            panic!("a silent camera did not stop");
        };
        assert!(cause.contains("0.2 s"), "{cause}");
        assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    }
    assert_eq!(bench.asked(), ["Stop", "Stop", "Stop"]);
    bench.camera.set_silent(false);
    head.stop().unwrap();
    assert!(!bench.camera.is_moving());
}

#[test]
fn home_is_found_without_a_home_position() {
    let lone = bench(|behaviour| behaviour.has_home = false);
    let mut head = lone.open().unwrap();
    head.go_home().unwrap();
    lone.pass(5.0);
    assert_eq!(head.orientation().unwrap(), Some(looking(0.0, 0.0)));

    let named = bench(|behaviour| {
        behaviour.has_home = false;
        behaviour.presets = vec!["door".to_owned(), "Home".to_owned()];
    });
    named.open().unwrap().go_home().unwrap();
    named.pass(5.0);
    assert_eq!(named.camera.position(), [0.5, 0.5]);

    let blind = |behaviour: &mut Behaviour| {
        behaviour.has_home = false;
        behaviour.takes_places = false;
        behaviour.takes_steps = false;
    };
    let only_door = bench(|behaviour| {
        blind(behaviour);
        behaviour.presets = vec!["door".to_owned()];
    });
    let mut head = only_door.open().unwrap();
    head.go_home().unwrap();
    only_door.pass(5.0);
    assert_eq!(only_door.camera.position(), [0.25, 0.25]);
    assert!(!head.abilities().absolute);
    assert!(matches!(
        head.move_to(looking(0.0, 0.0), speed(1.0, 1.0)),
        Err(PtzError::GiveUp { .. })
    ));

    let homeless = bench(blind);
    let Err(PtzError::GiveUp { cause, .. }) = homeless.open().unwrap().go_home() else {
        panic!("went home");
    };
    assert!(cause.contains("preset"), "{cause}");
}

#[test]
fn a_camera_that_tells_nothing_is_driven_all_the_same() {
    let bench = bench(|behaviour| {
        behaviour.tells_position = false;
        behaviour.tells_movement = false;
        behaviour.takes_places = false;
    });
    let mut head = bench.open().unwrap();
    assert!(!head.abilities().tells_orientation && !head.abilities().absolute);
    assert_eq!(head.orientation().unwrap(), None);
    assert_eq!(head.is_moving().unwrap(), None);
    head.drive(speed(0.0, 60.0)).unwrap();
    bench.pass(1.0);
    assert_eq!(bench.camera.position(), [0.0, 0.5]);
}

#[test]
fn what_is_missing_is_named() {
    let mut bench = bench(|_| {});
    bench.settings.profile = "other".to_owned();
    let error = bench.open().err().unwrap().to_string();
    assert!(
        error.contains("\"other\"") && error.contains("profile & <2>"),
        "{error}"
    );
    bench.settings.profile = String::new();
    bench.settings.url = "http://127.0.0.1:9/".to_owned();
    assert!(matches!(bench.open(), Err(PtzError::Retry { .. })));
    bench.settings.url = "ftp://camera".to_owned();
    assert!(matches!(bench.open(), Err(PtzError::GiveUp { .. })));
}

#[test]
fn what_is_no_number_never_reaches_the_camera() {
    let bench = bench(|_| {});
    let mut head = bench.open().unwrap();
    assert!(head.move_to(looking(f64::NAN, 0.0), speed(1.0, 1.0)).is_err());
    assert!(head.drive(speed(f64::INFINITY, 0.0)).is_err());
    assert_eq!(bench.asked(), Vec::<String>::new());
}

#[test]
fn signs_are_found_by_moving() {
    for turns_backward in [false, true] {
        let mut bench = bench(|behaviour| behaviour.turns_backward = turns_backward);
        let clock = Arc::clone(&bench.clock);
        let mut wait = move |time| clock.advance(time);
        let found = probe_signs(&mut bench.open().unwrap(), &mut wait).unwrap();
        assert_eq!(
            found,
            Signs {
                pan: Some(!turns_backward),
                tilt: Some(true)
            }
        );
        assert!(bench.camera.position().iter().all(|axis| axis.abs() < 1e-9) && !bench.camera.is_moving());
        bench.settings.invert_pan_speed = turns_backward;
        let found = probe_signs(&mut bench.open().unwrap(), &mut wait).unwrap();
        assert_eq!(found.pan, Some(true));
    }
}
