//! `lookhear ptz` on a camera that speaks VISCA: a simulated one, which clients that others wrote show to be what it says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lookhear_tests::{Outcome, outcome, program, python, root};
use serde_json::Value;
use tempfile::TempDir;

const CLIENTS: [&str; 2] = ["visca_over_ip==0.5.2", "pyvisca==0.1.9"];
const KINDS: [&str; 4] = ["visca-sony-udp", "visca-udp", "visca-tcp", "visca-serial"];

/// A running camera.
struct Camera {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    places: Value,
    folder: TempDir,
}

impl Camera {
    fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new("python3")
            .arg(root().join("tests/peers/visca_camera.py"))
            .arg("--log")
            .arg(folder.path().join("log"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is missing");
        let mut output = BufReader::new(process.stdout.take().unwrap());
        Self {
            input: process.stdin.take().unwrap(),
            places: line(&mut output),
            process,
            output,
            folder,
        }
    }

    fn place(&self, kind: &str) -> &str {
        self.places[kind].as_str().unwrap()
    }

    /// Where it really looks.
    fn looks(&mut self) -> (f64, f64) {
        writeln!(self.input).unwrap();
        let seen = line(&mut self.output);
        (seen["pan"].as_f64().unwrap(), seen["tilt"].as_f64().unwrap())
    }

    fn is_at_rest(&mut self) -> bool {
        let before = self.looks();
        sleep(Duration::from_millis(300));
        self.looks() == before
    }

    /// The messages that it heard, in the manuals' notation.
    fn heard(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines()
            .map(|line| line.split_once(' ').unwrap().1.to_owned())
            .collect()
    }

    /// `lookhear ptz` on it, with more arguments parted by spaces.
    fn lookhear(&self, kind: &str, arguments: &str) -> Command {
        let mut command = program("lookhear").unwrap();
        command
            .args(["ptz", "--kind", kind, "--address", self.place(kind)])
            .args(arguments.split_whitespace());
        command
    }

    fn run(&self, kind: &str, arguments: &str) -> Outcome {
        outcome(&mut self.lookhear(kind, arguments)).unwrap()
    }

    /// What it prints where all goes well.
    fn says(&self, kind: &str, arguments: &str) -> String {
        let said = self.run(kind, arguments);
        assert_eq!(said.code, Some(0), "{kind} {arguments}: {said:?}");
        said.stdout
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> Value {
    let mut text = String::new();
    output.read_line(&mut text).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{text:?}: {cause}"))
}

const STOP: &str = "81 01 06 01 01 01 03 03 ff";

fn stops(heard: &[String]) -> usize {
    heard.iter().filter(|message| *message == STOP).count()
}

#[test]
fn clients_that_others_wrote_take_the_camera_for_one() {
    let camera = Camera::start(&[]);
    let mut clients = python::with(&CLIENTS).unwrap();
    clients
        .arg(root().join("tests/peers/visca_clients.py"))
        .arg(camera.places.to_string());
    let said = outcome(&mut clients).unwrap();
    assert_eq!(said.code, Some(0), "{said:?}");
    let read: Value = serde_json::from_str(&said.stdout).unwrap();
    let network = &read["network"];
    assert_eq!(network["absolute"], serde_json::json!([300, -120]), "{read}");
    assert_eq!(network["relative"], serde_json::json!([256, -100]), "{read}");
    // 11 and 4.7 degrees a second for half a second, 14.4 units a degree.
    let driven = |axis: usize| network["driven"][axis].as_i64().unwrap();
    assert!(
        (256 - driven(0) - 79).abs() < 30 && (-100 - driven(1) - 34).abs() < 15,
        "{read}"
    );
    assert_eq!(network["stopped"], network["driven"], "{read}");
    assert_eq!(network["home"], serde_json::json!([0, 0]), "{read}");
    assert_eq!(network["refused"], Value::Bool(true), "{read}");
    // 4.7 degrees a second for half a second, to the right.
    let line = read["line"]["driven"].as_i64().unwrap();
    assert!((line - 34).abs() < 15, "{read}");
}

#[test]
fn it_is_turned_to_a_direction_over_every_transport() {
    for kind in KINDS {
        let mut camera = Camera::start(&[]);
        let words = "It looks 20.0 degrees right, 5.0 degrees down.\n";
        assert_eq!(camera.says(kind, "to 20 -5 --speed 100"), words, "{kind}");
        assert_eq!(camera.says(kind, "where"), words, "{kind}");
        assert_eq!(camera.looks(), (20.0, -5.0), "{kind}");
        let home = camera.says(kind, "home");
        assert_eq!(home, "It looks 0.0 degrees, 0.0 degrees.\n", "{kind}");
        let probe = camera.says(kind, "probe");
        assert!(
            probe.contains("to a direction and at a speed, and it tells where it looks"),
            "{kind}: {probe}"
        );
    }
}

#[test]
fn upside_down_it_is_turned_as_it_is_seen() {
    let mut camera = Camera::start(&[]);
    let said = camera.says("visca-tcp", "--pan-inverted --tilt-inverted to 20 -5 --speed 100");
    assert_eq!(said, "It looks 20.0 degrees right, 5.0 degrees down.\n");
    assert_eq!(camera.looks(), (-20.0, 5.0));
}

#[test]
fn lost_datagrams_and_lost_counts_do_no_harm() {
    let mut camera = Camera::start(&["--lose", "4", "--forget", "7"]);
    for (kind, pan) in [("visca-sony-udp", 15.0), ("visca-udp", -15.0)] {
        camera.says(kind, &format!("to {pan} 5 --speed 100"));
        assert_eq!(camera.looks(), (pan, 5.0), "{kind}");
        camera.says(kind, "drive 0 9 --seconds 0.5");
        assert!(camera.is_at_rest(), "{kind}");
    }
}

#[test]
fn a_trial_ends_with_a_stop_and_tells_what_is_odd() {
    let straight = Camera::start(&[]);
    let said = straight.says("visca-sony-udp", "test");
    assert!(said.contains("It does what it is told"), "{said}");
    let heard = straight.heard();
    let last = heard.iter().rfind(|message| !message.starts_with("81 09")).unwrap();
    assert_eq!(last, STOP, "{heard:#?}");

    let mut odd = Camera::start(&["--mirrored"]);
    let said = odd.run("visca-udp", "test");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr
            .contains("driven to the right it says that it turned to the left"),
        "{said:?}"
    );
    assert!(odd.is_at_rest());
}

#[test]
fn a_stop_ends_what_a_killed_program_began() {
    for kind in KINDS {
        let mut camera = Camera::start(&[]);
        let mut driver = camera
            .lookhear(kind, "drive 5 0 --seconds 60")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("it to turn", || camera.looks().0 > 1.0);
        driver.kill().unwrap();
        driver.wait().unwrap();
        assert!(!camera.is_at_rest(), "{kind}");
        let begun = Instant::now();
        assert_eq!(camera.says(kind, "stop"), "stopped\n", "{kind}");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(1), "{kind}: {took:?}");
        assert!(camera.is_at_rest(), "{kind}");
    }
}

#[test]
fn an_interrupted_program_stops_the_camera_first() {
    let mut camera = Camera::start(&[]);
    let mut driver = camera
        .lookhear("visca-udp", "drive 5 0 --seconds 60")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("it to turn", || camera.looks().0 > 1.0);
    let asked = Command::new("kill")
        .args(["-INT", &driver.id().to_string()])
        .status()
        .unwrap();
    assert!(asked.success());
    assert!(driver.wait().unwrap().success());
    assert!(camera.is_at_rest() && camera.looks().0 < 20.0);
}

#[test]
fn a_silent_camera_is_told_to_stop_all_the_same() {
    for kind in KINDS {
        let camera = Camera::start(&["--mute"]);
        let said = camera.run(kind, "where");
        assert_eq!(said.code, Some(1), "{kind}: {said:?}");
        assert!(said.stderr.contains("no answer within 0.50 s"), "{kind}: {said:?}");
        let begun = Instant::now();
        let said = camera.says(kind, "stop");
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{kind}: {:?}",
            begun.elapsed()
        );
        assert_eq!(said, "the stop went out; the camera did not confirm it\n", "{kind}");
        wait_for("the stop to be heard", || stops(&camera.heard()) > 0);
    }
}

#[test]
fn what_is_not_there_is_told_with_what_helps() {
    let refusal = |arguments: &str| {
        let mut command = program("lookhear").unwrap();
        let said = outcome(command.args(arguments.split_whitespace())).unwrap();
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(!said.stderr.contains("panicked"), "{said:?}");
        said.stderr
    };
    assert!(refusal("ptz where").contains("give --kind and --address"));
    assert!(refusal("ptz --kind visca-udp where").contains("no address was given"));
    assert!(refusal("ptz --kind visca-tcp --address 127.0.0.1:1 where").contains("cannot be reached"));
    assert!(refusal("ptz --kind visca-serial --address /dev/nothing where").contains("cannot be reached"));
    assert!(refusal("ptz --kind uvc --address /dev/nothing where").contains("cannot be opened"));
}

/// Waits for something to become true, 5 seconds at most.
fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !is_true() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        sleep(Duration::from_millis(20));
    }
}
