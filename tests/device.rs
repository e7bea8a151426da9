//! `lookhear run`, with a recording in place of camera and microphone and a head that is not there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use lookhear_tests::device::RunningDevice;
use lookhear_tests::film::write_film;
use lookhear_tests::{outcome, program, root};
use serde_json::Value;

/// Replays the film; everything counts as the source, so that there always is one.
const REPLAY: &str = "[replay]\nfilm = \"film.mp4\"\nsound = \"film.mp4\"\n[model]\nthreshold = -1.0\n";
const HEAD: &str = "[ptz]\nkind = \"simulated\"\n";

fn stage<'a>(status: &'a Value, name: &str) -> &'a Value {
    let stages = status["stages"].as_array().unwrap();
    stages.iter().find(|stage| stage["name"] == name).unwrap()
}

#[test]
fn a_recording_is_perceived_round_after_round_until_the_device_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    write_film(&folder.path().join("film.mp4")).unwrap();
    let device = RunningDevice::start(folder.path(), REPLAY).unwrap();
    let mut before = 0.0;
    let mut heard = 0;
    // More than a round of four seconds at five percepts a second, or whatever this machine manages.
    for _ in 0..24 {
        let line = device.line().unwrap();
        assert_eq!(line["schema"], "lookhear.percept.v1");
        let time = line["time"].as_f64().unwrap();
        assert!(time > before, "{time} after {before}");
        before = time;
        if line["similarity"].is_number() {
            heard += 1;
            let level = line["level_dbfs"].as_f64().unwrap();
            assert!(
                (-20.0..-8.0).contains(&level),
                "a tone of 0.4 that beats is at −14 dBFS: {level}"
            );
        }
    }
    assert!(heard >= 16, "{heard} of 24");
    let status = device.status_when(|status| status["healthy"] == true).unwrap();
    assert_eq!(stage(&status, "perception")["restarts"], 0);
    assert_eq!(device.get("/healthz").unwrap().0, 200);
    let ended = device.end("TERM").unwrap();
    assert_eq!(ended.code, Some(0));
    assert!(ended.after < Duration::from_secs(2), "{ended:?}");
}

#[test]
fn the_camera_turns_to_the_source_and_rests_while_paused_also_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    write_film(&folder.path().join("film.mp4")).unwrap();
    let configuration = format!("{REPLAY}{HEAD}");
    let device = RunningDevice::start(folder.path(), &configuration).unwrap();
    let pan = |status: &Value| status["pan_degrees"].as_f64().unwrap_or(0.0);
    device.status_when(|status| pan(status).abs() > 3.0).unwrap();
    assert_eq!(device.request(r#"{"request":"pause"}"#).unwrap().0, 202);
    let paused = device
        .status_when(|status| status["paused"] == true && status["moving"] == false)
        .unwrap();
    for _ in 0..10 {
        device.line().unwrap();
    }
    let later = device.status_when(|_| true).unwrap();
    assert_eq!((pan(&later), &later["moving"]), (pan(&paused), &Value::Bool(false)));
    assert_eq!(device.end("KILL").unwrap().code, None);

    let again = RunningDevice::start(folder.path(), &configuration).unwrap();
    let status = again.status_when(|status| status["healthy"] == true).unwrap();
    assert_eq!(status["paused"], true);
    for _ in 0..10 {
        again.line().unwrap();
    }
    let status = again.status_when(|_| true).unwrap();
    assert_eq!(pan(&status), 0.0, "nothing moves it after a restart either");
    assert_eq!(again.request(r#"{"request":"resume"}"#).unwrap().0, 202);
    again.status_when(|status| pan(status).abs() > 3.0).unwrap();
    assert_eq!(again.end("TERM").unwrap().code, Some(0));
}

#[test]
fn a_missing_camera_is_waited_for_and_named_while_the_others_work() {
    let folder = tempfile::tempdir().unwrap();
    write_film(&folder.path().join("film.mp4")).unwrap();
    let configuration = "[replay]\nsound = \"film.mp4\"\n[camera]\ndevice = \"/dev/no-camera-here\"\n";
    let device = RunningDevice::start(folder.path(), configuration).unwrap();
    // On a busy machine the model may take longer to prepare than the camera to be looked for twice.
    let others = ["web", "microphone", "perception", "attention"];
    let status = device
        .status_when(|status| {
            let others_work = others.iter().all(|name| stage(status, name)["fresh"] == true);
            stage(status, "camera")["restarts"].as_u64() > Some(1) && others_work
        })
        .unwrap();
    let trouble = stage(&status, "camera")["trouble"].as_str().unwrap();
    assert!(trouble.contains("/dev/no-camera-here"), "{trouble}");
    let (code, reasons) = device.get("/healthz").unwrap();
    assert_eq!(code, 503);
    assert!(reasons.contains("camera"), "{reasons}");
    assert_eq!(device.end("TERM").unwrap().code, Some(0));
}

#[test]
fn several_cameras_in_one_process_perceive_beside_each_other_and_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    write_film(&folder.path().join("film.mp4")).unwrap();
    let (second, seen) = (folder.path().join("south.toml"), folder.path().join("south.jsonl"));
    let head_that_is_not_there = "[ptz]\nkind = \"visca-tcp\"\naddress = \"127.0.0.1:1\"\n";
    let own = "[web]\nenabled = false\n[screen]\nkind = \"none\"\n[events]\nfile = \"south.jsonl\"\n";
    std::fs::write(&second, format!("{REPLAY}{own}{head_that_is_not_there}")).unwrap();
    let device = RunningDevice::start_beside(folder.path(), REPLAY, &[second]).unwrap();
    device.status_when(|status| status["healthy"] == true).unwrap();
    for _ in 0..10 {
        assert_eq!(device.line().unwrap()["schema"], "lookhear.percept.v1");
    }
    let south = || std::fs::read_to_string(&seen).unwrap_or_default();
    let found = |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|line| line["similarity"].is_number());
    device
        .status_when(|_| south().lines().filter(|line| found(line)).count() > 5)
        .unwrap();
    assert_eq!(
        device.request(r#"{"request":"pause"}"#).unwrap().0,
        202,
        "each has a token of its own"
    );
    device.status_when(|status| status["paused"] == true).unwrap();
    assert_eq!(device.end("TERM").unwrap().code, Some(0));
    let log = std::fs::read_to_string(folder.path().join("device.log")).unwrap();
    let troubled: Vec<&str> = log.lines().filter(|line| line.contains("trying again")).collect();
    assert!(
        !troubled.is_empty() && troubled.iter().all(|line| line.contains("south")),
        "{log}"
    );
}

#[test]
fn a_key_that_nobody_knows_is_named_and_nothing_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lookhear.toml");
    std::fs::write(&file, "[camera]\nlens = 640\n").unwrap();
    let said = outcome(program("lookhear").unwrap().arg("run").arg("--config").arg(&file)).unwrap();
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("lens") && said.stderr.contains("lookhear.toml"),
        "{}",
        said.stderr
    );
}

#[test]
fn the_configuration_that_is_printed_is_one_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let printed = outcome(program("lookhear").unwrap().args(["config", "--defaults"])).unwrap();
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let file = folder.path().join("lookhear.toml");
    std::fs::write(&file, &printed.stdout).unwrap();
    let again = outcome(program("lookhear").unwrap().arg("config").arg("--config").arg(&file)).unwrap();
    assert_eq!(again.stdout, printed.stdout);
}

#[test]
fn every_profile_and_every_example_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<_> = std::fs::read_dir(root().join("board/profiles"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    files.push(root().join("tests/service/lookhear.toml"));
    let page = std::fs::read_to_string(root().join("runtime/README.md")).unwrap();
    for (number, example) in page.split("```toml\n").skip(1).enumerate() {
        let file = folder.path().join(format!("example-{number}.toml"));
        std::fs::write(&file, example.split("```").next().unwrap()).unwrap();
        files.push(file);
    }
    for file in files {
        let said = outcome(program("lookhear").unwrap().arg("config").arg("--config").arg(&file)).unwrap();
        assert_eq!(said.code, Some(0), "{}: {}", file.display(), said.stderr);
    }
}
