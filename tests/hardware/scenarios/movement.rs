//! Scenarios about movement: the closed loop, silence, and how the camera comes to rest.

use std::process::Command;

use anyhow::{Context, Result};
use lookhear_tests::scene::TALKER_DEGREES;

use crate::Stage;
use crate::camera::{VirtualCamera, command};
use crate::device::{Device, configuration};
use crate::journal::{now, sleep};
use crate::microphone::VirtualMicrophone;
use crate::row::Row;

/// How near to the talker the camera must come to rest: attention's target wanders on a face, and the dead zone is 8° wide.
const NEAR_DEGREES: f64 = 10.0;
/// For how long the closed loop may take.
const LOOP_SECONDS: f64 = 40.0;
/// Within how many seconds a device that is told to end must have ended, with the camera at rest.
const STOP_SECONDS: f64 = 2.0;

/// Camera → perception → target → pan and tilt, until the camera looks at the talker and stays there.
///
/// # Errors
/// When the parts do not start.
pub fn closed_loop(stage: &Stage, format: &str) -> Result<Row> {
    let camera = VirtualCamera::plug(stage, &[])?;
    let _microphone = VirtualMicrophone::open(stage)?;
    let began = now();
    let device = Device::start(stage, &configuration(&format!("[camera]\nformat = \"{format}\"")), None)?;
    let first = device.percept(began, LOOP_SECONDS, |percept| percept.is_accepted());
    let streams = camera.log.wait(began, 0.1, |line| {
        line.text.contains(" stream ").then(|| line.text.clone())
    });
    let moved = camera.log.wait(began, LOOP_SECONDS, |line| {
        command(&line.text).filter(|(.., to)| *to != [0.0; 2])
    });
    let aside = |look: [f64; 2]| (look[0] - TALKER_DEGREES[0]).hypot(look[1] - TALKER_DEGREES[1]);
    let until = now() + LOOP_SECONDS;
    let mut arrived = None;
    while now() < until && arrived.is_none() {
        sleep(0.2);
        arrived = (aside(camera.look()) < NEAR_DEGREES).then(now);
    }
    sleep(6.0);
    let rest = camera.look();
    let since_first = |at: f64| first.as_ref().map_or(0.0, |first| at - first.at);
    let percepts = device.percepts(began).len();
    let told = camera.commands(began).len();
    stage.keep_latencies(&device)?;
    Ok(Row {
        injected: format!(
            "nothing: someone talks {:?} beside the middle, {format}",
            TALKER_DEGREES
        ),
        expected: format!("the camera turns to within {NEAR_DEGREES}° and stays"),
        seen: format!(
            "{}; {percepts} percepts; first command after {}, there after {}; {told} commands; rests at {:.1}°, {:.1}°",
            streams
                .as_deref()
                .and_then(|line| line.split_once(" stream "))
                .map_or("no stream", |(_, what)| what),
            moved
                .as_ref()
                .map_or("never".to_owned(), |(at, ..)| format!("{:.1} s", since_first(*at))),
            arrived.map_or("never".to_owned(), |at| format!("{:.1} s", since_first(at))),
            rest[0],
            rest[1],
        ),
        recovered_seconds: None,
        holds: arrived.is_some()
            && aside(rest) < NEAR_DEGREES
            && streams.is_some_and(|line| line.to_lowercase().contains(format)),
    })
}

/// Nothing sounds: nothing moves.
///
/// # Errors
/// When the parts do not start.
pub fn silence(stage: &Stage) -> Result<Row> {
    let camera = VirtualCamera::plug(stage, &[])?;
    let microphone = VirtualMicrophone::open(stage)?;
    microphone.hear(false);
    let began = now();
    let device = Device::start(stage, &configuration(""), None)?;
    let works = device.percept(began, 20.0, |percept| percept.is_whole()).is_some();
    sleep(20.0);
    let commands = camera.commands(began).len();
    // The first frame of a stream tells where the camera looks.
    let looks = camera
        .log
        .since(began)
        .iter()
        .filter(|line| line.text.contains(" look "))
        .count();
    let accepted = device
        .percepts(began)
        .iter()
        .filter(|percept| percept.is_accepted())
        .count();
    Ok(Row {
        injected: "silence for 20 s".to_owned(),
        expected: "nothing is accepted, the camera does not move".to_owned(),
        seen: format!(
            "{} percepts, {accepted} accepted, {} movements ({commands} commands)",
            device.percepts(began).len(),
            looks.saturating_sub(1)
        ),
        recovered_seconds: None,
        holds: works && accepted == 0 && looks == 1,
    })
}

/// A camera that only knows speeds, turning slowly, so that it can be caught in the middle of a movement.
struct Caught {
    camera: VirtualCamera,
    device: Device,
    _microphone: VirtualMicrophone,
}

fn caught_moving(stage: &Stage) -> Result<Caught> {
    let camera = VirtualCamera::plug(stage, &["--speed-only"])?;
    let microphone = VirtualMicrophone::open(stage)?;
    let began = now();
    let slow = "[controller]\nfastest_degrees_per_second = 2\nslowest_degrees_per_second = 1";
    let device = Device::start(stage, &configuration(slow), None)?;
    camera
        .log
        .wait(began, LOOP_SECONDS, |line| {
            command(&line.text).filter(|(_, what, speed)| what == "drive" && *speed != [0.0; 2])
        })
        .context("the camera was never told to drive")?;
    sleep(0.3);
    Ok(Caught {
        camera,
        device,
        _microphone: microphone,
    })
}

/// SIGTERM while the camera turns.
///
/// # Errors
/// When the parts do not start, or nothing moves.
pub fn terminate(stage: &Stage) -> Result<Row> {
    let mut caught = caught_moving(stage)?;
    let at = caught.device.signal("TERM")?;
    let ended = caught.device.end(10.0);
    let last = caught.camera.commands(0.0).pop();
    let rests = last
        .as_ref()
        .is_some_and(|(_, what, speed)| what == "drive" && *speed == [0.0; 2]);
    let stopped_after = last.as_ref().map_or(f64::INFINITY, |(when, ..)| when - at);
    let (seconds, status) = ended.unwrap_or((f64::INFINITY, "it did not end".to_owned()));
    Ok(Row {
        injected: "SIGTERM while the camera turns".to_owned(),
        expected: format!("ends within {STOP_SECONDS} s, the camera at rest"),
        seen: format!("stop sent after {stopped_after:.2} s; {status} after {seconds:.2} s"),
        recovered_seconds: None,
        holds: rests && seconds < STOP_SECONDS && stopped_after < STOP_SECONDS && status == "exit status: 0",
    })
}

/// The process dies while the camera turns; what systemd runs after it stops the camera.
///
/// # Errors
/// When the parts do not start, or nothing moves.
pub fn crash(stage: &Stage) -> Result<Row> {
    let mut caught = caught_moving(stage)?;
    caught.device.signal("KILL")?;
    caught.device.end(5.0).context("it survived SIGKILL")?;
    let still_turns = caught
        .camera
        .commands(0.0)
        .pop()
        .is_some_and(|(_, _, speed)| speed != [0.0; 2]);
    let began = now();
    let output = Command::new(&stage.lookhear)
        .arg("ptz")
        .arg("--config")
        .arg(stage.file("lookhear.toml"))
        .arg("stop")
        .output()?;
    let last = caught.camera.commands(began).pop();
    let rests = last
        .as_ref()
        .is_some_and(|(_, what, speed)| what == "drive" && *speed == [0.0; 2]);
    Ok(Row {
        injected: "SIGKILL while the camera turns, then `lookhear ptz --config … stop`, as systemd does it".to_owned(),
        expected: "the camera comes to rest".to_owned(),
        seen: match &last {
            Some((at, what, _)) if rests => format!("{what} 0 0 after {:.2} s; {}", at - began, output.status),
            _ => format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()),
        },
        recovered_seconds: last.map(|(at, ..)| at - began),
        holds: still_turns && rests,
    })
}
