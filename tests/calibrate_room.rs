//! `lookhear calibrate room`, with a recording in place of camera and microphone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use lookhear::perception::bundle::Bundle;
use lookhear_tests::film::write_film;
use lookhear_tests::{Outcome, outcome, program, root};
use serde_json::json;

fn calibrate(folder: &Path, arguments: &str) -> Outcome {
    let mut command = program("lookhear").unwrap();
    command.arg("calibrate").args(arguments.split(' ')).current_dir(folder);
    command.arg("--config").arg(folder.join("lookhear.toml"));
    outcome(command.arg("--state").arg(folder.join("state"))).unwrap()
}

/// As if the room had been heard for some minutes before somebody broke it off: similarities about a middle.
fn heard_before(folder: &Path, middle: f64) {
    let bundle = Bundle::read(&root().join("runtime/model/default.lookhear")).unwrap();
    let mut state = 7_u64;
    let mut similarity = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        middle + 0.05 * ((state >> 40) as f64 / f64::from(1_u32 << 24) - 0.5)
    };
    let mut of_now = middle;
    let moments: Vec<(f64, f64, f64)> = (0..2990)
        .map(|index| {
            if index % 5 == 0 {
                of_now = similarity();
            }
            (0.2 * f64::from(index), of_now, -42.0)
        })
        .collect();
    let heard = json!({ "model": bundle.manifest.identity(), "microphone": "film.mp4", "parts": [moments] });
    std::fs::create_dir_all(folder.join("state")).unwrap();
    std::fs::write(folder.join("state/calibrating-room.json"), heard.to_string()).unwrap();
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_film(&folder.path().join("film.mp4")).unwrap();
    let configuration = "[replay]\nfilm = \"film.mp4\"\nsound = \"film.mp4\"\n";
    std::fs::write(folder.path().join("lookhear.toml"), configuration).unwrap();
    folder
}

#[test]
fn a_room_that_was_broken_off_is_gone_on_with_kept_and_taken_back() {
    let folder = folder();
    heard_before(folder.path(), 0.05);
    let said = calibrate(folder.path(), "room --minutes 10 --dry-run");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("minutes were heard before"), "{}", said.stderr);
    assert!(said.stdout.contains("nothing was changed"), "{}", said.stdout);
    assert!(!folder.path().join("state/calibration.toml").exists());
    let said = calibrate(folder.path(), "room --minutes 10");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("heard 10.0 minutes"), "{}", said.stdout);
    assert!(
        said.stdout.contains("before  not fitted on this device"),
        "{}",
        said.stdout
    );
    let kept = std::fs::read_to_string(folder.path().join("state/calibration.toml")).unwrap();
    assert!(
        kept.contains("false-fires-per-hour") && kept.contains("[noise_floor"),
        "{kept}"
    );
    assert!(!folder.path().join("state/calibrating-room.json").exists());
    let shown = calibrate(folder.path(), "show");
    assert!(
        shown.stdout.contains("false fires an hour in this room"),
        "{}",
        shown.stdout
    );
    assert_eq!(calibrate(folder.path(), "undo").code, Some(0));
    assert!(calibrate(folder.path(), "show").stdout.contains("not fitted"));
}

#[test]
fn somebody_in_view_and_too_short_a_time_are_refused_and_nothing_is_kept_of_them() {
    let folder = folder();
    let said = calibrate(folder.path(), "room --minutes 0.05");
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("at least 60 s are needed"), "{}", said.stderr);
    heard_before(folder.path(), 0.9);
    let said = calibrate(folder.path(), "room --minutes 9.9");
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("% of the time") && said.stderr.contains("--fresh"),
        "{}",
        said.stderr
    );
    assert!(!folder.path().join("state/calibration.toml").exists());
}
