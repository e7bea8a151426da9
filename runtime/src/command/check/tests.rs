#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::Cell;
use std::io::{Error, ErrorKind};
use std::time::Duration;

use lookhear_board::display::{MemoryScreen, ScreenError, ScreenSettings};
use lookhear_board::ptz::{PtzKind, PtzSettings};
use lookhear_board::{Clock, ManualClock, PtzError};

use super::devices::{Seen, check_head, check_screen, check_seen, open_head};
use super::model::{Pace, check_pace};
use super::nodes::{Node, check_groups, check_permissions, groups, nodes};
use super::*;

const GROUPS: &str = "root:x:0:\nvideo:x:44:pi,ada\naudio:x:29:\nrender:x:104:\ndialout:x:20:\n";

fn node(path: &str, group: &str, mode: u32) -> Node {
    Node {
        path: path.into(),
        group: group.into(),
        mode,
    }
}

#[test]
fn groups_are_read_by_number() {
    let groups = groups("video:x:44:ada\nnonsense\nrender:x:many:\naudio:x:29:\n");
    assert_eq!(
        groups.into_iter().collect::<Vec<_>>(),
        [(29, "audio".into()), (44, "video".into())]
    );
}

#[test]
fn a_machine_without_a_group_of_the_unit_is_told_how_to_get_it() {
    assert_eq!(check_groups(&groups(GROUPS)).verdict, Verdict::Ok);
    let finding = check_groups(&groups("video:x:44:\naudio:x:29:\ndialout:x:20:\n"));
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.remedy.unwrap().contains("groupadd --system render"));
}

#[test]
fn a_node_is_open_by_its_group_or_to_everyone() {
    for (group, mode, open) in [
        ("video", 0o660, true),
        ("video", 0o640, false),
        ("root", 0o660, false),
        ("root", 0o666, true),
        ("1000", 0o600, false),
    ] {
        assert_eq!(
            node("/dev/video0", group, mode).is_open_to_service(),
            open,
            "{group} {mode:o}"
        );
    }
}

#[test]
fn one_closed_node_is_enough_to_fail() {
    assert_eq!(check_permissions("cameras", &[], "video"), None);
    let open = node("/dev/video0", "video", 0o660);
    assert_eq!(
        check_permissions("cameras", std::slice::from_ref(&open), "video")
            .unwrap()
            .verdict,
        Verdict::Ok
    );
    let finding = check_permissions("cameras", &[open, node("/dev/video1", "root", 0o600)], "video").unwrap();
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.remedy.unwrap().contains("chgrp video /dev/video1"));
}

#[test]
fn only_device_nodes_count() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("video0"), "no device").unwrap();
    assert_eq!(nodes(directory.path(), |_| true, &BTreeMap::new()), []);
    let zero = nodes(Path::new("/dev"), |name| name == "zero", &groups(GROUPS));
    assert_eq!(zero, [node("/dev/zero", "root", 0o666)]);
}

fn seen(name: &str, offers: Result<&str, &str>) -> Seen {
    Seen {
        names: vec![name.to_owned()],
        offers: offers.map(str::to_owned).map_err(str::to_owned),
    }
}

#[test]
fn the_camera_that_is_wanted_is_looked_for() {
    let there = [
        seen("/dev/video0", Err("it is in use")),
        seen("/dev/video2", Ok("Webcam, MJPG 640x480")),
    ];
    for (wanted, verdict, word) in [
        ("auto", Verdict::Ok, "/dev/video2"),
        ("/dev/video2", Verdict::Ok, "MJPG"),
        ("/dev/video0", Verdict::Fail, "in use"),
        ("/dev/video7", Verdict::Fail, "/dev/video2"),
    ] {
        let finding = check_seen("camera", &there, wanted);
        assert_eq!(finding.verdict, verdict, "{finding}");
        assert!(finding.to_string().contains(word), "{finding}");
    }
    assert_eq!(check_seen("camera", &[], "auto").verdict, Verdict::Fail);
    assert_eq!(check_seen("camera", &there[..1], "auto").verdict, Verdict::Fail);
}

#[test]
fn a_card_is_enough_of_a_name_for_a_microphone() {
    let there = [seen("hw:CARD=Webcam,DEV=0", Ok("Webcam, 16000 Hz"))];
    assert_eq!(check_seen("microphone", &there, "hw:CARD=Webcam").verdict, Verdict::Ok);
    assert_eq!(check_seen("microphone", &there, "hw:CARD=Web").verdict, Verdict::Fail);
}

#[test]
fn a_head_answers_or_is_missed() {
    let settings = PtzSettings {
        kind: PtzKind::Simulated,
        ..PtzSettings::default()
    };
    let finding = check_head(settings.kind, open_head(&settings));
    assert!(
        finding.verdict == Verdict::Ok && finding.says.contains("pan -"),
        "{finding}"
    );
    assert_eq!(check_head(PtzKind::None, Ok(None)).verdict, Verdict::Ok);
    let silent = PtzError::Rebuild {
        device: "10.0.0.9".to_owned(),
        cause: "no answer".to_owned(),
    };
    let finding = check_head(PtzKind::ViscaTcp, Err(silent));
    assert!(
        finding.verdict == Verdict::Fail && finding.says.contains("10.0.0.9"),
        "{finding}"
    );
}

#[test]
fn a_device_works_without_a_screen() {
    let settings = ScreenSettings::default();
    assert_eq!(check_screen(&settings, Ok(None)).verdict, Verdict::Ok);
    let screen = check_screen(&settings, Ok(Some(Box::new(MemoryScreen::new(240, 320)))));
    assert!(screen.says.contains("240×320"), "{screen}");
    let busy = ScreenError::Rebuild {
        device: "/dev/dri/card0".to_owned(),
        cause: "another program draws on it".to_owned(),
    };
    assert_eq!(check_screen(&settings, Err(busy)).verdict, Verdict::Warn);
}

#[test]
fn a_weak_supply_is_told() {
    assert_eq!(machine::check_supply(false).verdict, Verdict::Ok);
    assert_eq!(machine::check_supply(true).verdict, Verdict::Warn);
}

#[test]
fn a_clock_that_stands_still_fails() {
    let clock = ManualClock::default();
    let honest = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    let napped = Cell::new(Duration::ZERO);
    let still = machine::check_clock(&clock, |nap| napped.set(nap), honest);
    assert_eq!((still.verdict, clock.now()), (Verdict::Fail, Duration::ZERO));
    assert!(napped.get() > Duration::ZERO);
    assert_eq!(
        machine::check_clock(&clock, |nap| clock.advance(nap), honest).verdict,
        Verdict::Ok
    );
    let early = machine::check_clock(&clock, |nap| clock.advance(nap), SystemTime::UNIX_EPOCH);
    assert_eq!(early.verdict, Verdict::Warn);
}

#[test]
fn heat_is_judged_by_the_configuration() {
    assert_eq!(machine::check_temperature(None, 80.0).verdict, Verdict::Ok);
    assert_eq!(machine::check_temperature(Some(79.0), 80.0).verdict, Verdict::Ok);
    assert_eq!(machine::check_temperature(Some(80.0), 80.0).verdict, Verdict::Warn);
}

#[test]
fn a_processor_that_is_held_back_is_told() {
    let thermal = tempfile::tempdir().unwrap();
    let device = |name: &str, kind: &str, state: &str| {
        let device = thermal.path().join(name);
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("type"), format!("{kind}\n")).unwrap();
        fs::write(device.join("cur_state"), format!("{state}\n")).unwrap();
    };
    device("cooling_device0", "pwm-fan", "3");
    device("cooling_device1", "cpufreq-cpu0", "0");
    fs::create_dir(thermal.path().join("thermal_zone0")).unwrap();
    assert_eq!(
        machine::check_throttling(thermal.path()).verdict,
        Verdict::Ok,
        "a fan that runs is no trouble"
    );
    device("cooling_device1", "cpufreq-cpu0", "2");
    assert_eq!(machine::check_throttling(thermal.path()).verdict, Verdict::Warn);
}

#[test]
fn memory_is_read_from_the_kernel() {
    let meminfo = |kibibytes| format!("MemTotal: 8000000 kB\nMemFree: 100 kB\nMemAvailable:  {kibibytes} kB\n");
    assert_eq!(machine::check_memory(&meminfo(4_000_000)).verdict, Verdict::Ok);
    assert_eq!(machine::check_memory(&meminfo(100_000)).verdict, Verdict::Fail);
    assert_eq!(machine::check_memory("").verdict, Verdict::Warn);
}

#[test]
fn a_full_disk_is_told_before_state_is_lost() {
    let place = Path::new("/var/lib/lookhear");
    assert_eq!(machine::check_disk(place, Ok(1000)).verdict, Verdict::Ok);
    assert_eq!(machine::check_disk(place, Ok(3)).verdict, Verdict::Warn);
    assert_eq!(
        machine::check_disk(place, Err("no such device".into())).verdict,
        Verdict::Warn
    );
    assert!(machine::free_mebibytes(Path::new("/nowhere/at/all")).unwrap() > 0);
}

#[test]
fn the_pace_is_held_against_the_rate_that_is_wanted() {
    let pace = Pace {
        picture: Duration::from_millis(50),
        patch: Duration::from_millis(48),
    };
    assert!((pace.attainable_hz() - 18.0).abs() < 0.1, "{}", pace.attainable_hz());
    assert_eq!(check_pace("cpu", Ok(pace), 10.0).verdict, Verdict::Ok);
    let slow = check_pace("cpu", Ok(pace), 25.0);
    assert_eq!(slow.verdict, Verdict::Warn);
    assert!(slow.remedy.unwrap().contains("14.4"));
    let hopeless = Pace {
        patch: Duration::from_secs(1),
        ..pace
    };
    assert_eq!(hopeless.attainable_hz(), 0.0);
    assert_eq!(
        check_pace("cuda", Err(anyhow::anyhow!("no driver")), 1.0).verdict,
        Verdict::Fail
    );
}

#[test]
fn the_model_that_ships_with_the_program_runs() {
    let pace = model::measure(&mut load(&Wanted::default()).unwrap()).unwrap();
    assert!(pace.picture > Duration::ZERO && pace.patch > Duration::ZERO, "{pace:?}");
}

#[test]
fn a_taken_port_may_be_the_services_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let taken = reach::check_web(address, reach::bind(address));
    assert_eq!(taken.verdict, Verdict::Warn, "{taken}");
    assert_eq!(
        reach::check_web(address, Err(Error::from(ErrorKind::AddrNotAvailable))).verdict,
        Verdict::Fail
    );
    drop(listener);
    assert_eq!(reach::check_web(address, reach::bind(address)).verdict, Verdict::Ok);
}

#[test]
fn a_silent_broker_is_no_failure_of_the_device() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let there = reach::check_host("mqtt", "127.0.0.1", port, reach::connect("127.0.0.1", port));
    assert_eq!(there.verdict, Verdict::Ok, "{there}");
    drop(listener);
    let gone = reach::check_host("mqtt", "127.0.0.1", port, reach::connect("127.0.0.1", port));
    assert_eq!(gone.verdict, Verdict::Warn, "{gone}");
}

#[test]
fn a_configuration_that_cannot_be_used_fails_and_one_that_is_missing_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lookhear.toml");
    let verdict = || check_configuration(&path, read_configuration(&path)).0.verdict;
    assert_eq!(verdict(), Verdict::Warn);
    for wrong in ["[camera", "[camera]\ndevise = \"auto\""] {
        fs::write(&path, wrong).unwrap();
        assert_eq!(verdict(), Verdict::Fail, "{wrong}");
    }
    fs::write(&path, "").unwrap();
    assert_eq!(verdict(), Verdict::Ok);
}
