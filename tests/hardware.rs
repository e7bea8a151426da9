//! The device on the kernel's real drivers: cameras, microphones and faults in the virtual-hardware kernel.
//!
//! One start of that kernel runs all scenarios (`tests/hardware/scenarios`); here they become the table of faults,
//! `virtual-hardware/faults.md` in the build directory, and every row of it has to hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lookhear_tests::{outcome, program, root, scene};
use serde_json::Value;

/// The build directory's part for virtual hardware.
fn store() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("virtual-hardware")
}

/// The scene, which is made once of a film and a photograph that Debian packages.
fn scene() -> &'static Path {
    static SCENE: OnceLock<PathBuf> = OnceLock::new();
    SCENE.get_or_init(|| {
        let directory = store().join("scene");
        if !directory.join("sound.raw").is_file() {
            let samples = store().join("samples");
            let fetched = outcome(Command::new(root().join("tests/hardware/fetch-samples")).arg(&samples)).unwrap();
            assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
            scene::prepare(&samples.join("film.mp4"), &samples.join("photograph.jpg"), &directory).unwrap();
        }
        directory
    })
}

/// Runs scenarios in the kernel; gives their rows.
fn run(names: &[&str], results: &Path) -> Vec<Value> {
    fs::create_dir_all(results).unwrap();
    let rows = results.join("rows.jsonl");
    let _ = fs::remove_file(&rows);
    let _ = fs::remove_file(results.join("latencies"));
    let lookhear = std::env::var_os("LOOKHEAR_UNDER_TEST")
        .map_or_else(|| program("lookhear").unwrap().get_program().to_owned(), Into::into);
    let mut command = Command::new(root().join("tests/hardware/run-in-kernel"));
    command
        .env("RESULTS", results)
        .env("LIMIT", "900")
        .arg(env!("CARGO_BIN_EXE_virtual-hardware-scenarios"))
        .arg(scene())
        .arg(env!("CARGO_BIN_EXE_uvc-camera"))
        .arg(lookhear)
        .args(names);
    let ran = outcome(&mut command).unwrap();
    let rows = fs::read_to_string(rows).unwrap_or_default();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ran.code, Some(0), "after {rows:?}:\n{}\n{}", ran.stdout, ran.stderr);
    rows
}

fn install(packages: &[&str]) {
    let installed = outcome(Command::new(root().join("board/install-missing")).args(packages)).unwrap();
    assert_eq!(installed.code, Some(0), "{}", installed.stderr);
}

#[test]
fn the_virtual_hardware_is_a_camera_and_a_microphone() {
    install(&["alsa-utils", "v4l-utils"]);
    let rows = run(&["part-camera", "part-microphone"], &store().join("parts"));
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row["holds"], true, "{row:#}");
    }
}

#[test]
fn the_device_survives_what_happens_to_devices() {
    let names = [
        "loop-mjpeg",
        "loop-yuyv",
        "silence",
        "camera-unplugged",
        "camera-frozen",
        "frames-dropped",
        "jpeg-corrupt",
        "jpeg-no-tables",
        "wrong-format",
        "microphone-overrun",
        "microphone-unplugged",
        "disk-full",
        "clock-step",
        "terminate",
        "crash",
    ];
    install(&["alsa-utils"]);
    let results = store().join("faults");
    let rows = run(&names, &results);
    let mut text = table(&rows);
    let latencies = fs::read_to_string(results.join("latencies")).unwrap_or_default();
    text += &latency(&latencies);
    fs::write(store().join("faults.md"), &text).unwrap();

    let missing: Vec<_> = names
        .iter()
        .filter(|name| !rows.iter().any(|row| row["scenario"] == **name))
        .collect();
    assert!(missing.is_empty(), "{missing:?} did not run");
    let failed: Vec<_> = rows.iter().filter(|row| row["holds"] != true).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

/// The table of faults, in Markdown.
fn table(rows: &[Value]) -> String {
    let mut text = String::from("| | injected | expected | seen | recovered after |\n|---|---|---|---|---|\n");
    for row in rows {
        let words = |key: &str| row[key].as_str().unwrap_or_default().replace('|', "\\|");
        let holds = match (row["holds"] == true, row["plays"].as_u64()) {
            (true, Some(2..)) => "holds at last",
            (true, _) => "holds",
            (false, _) => "**fails**",
        };
        let recovered = row["recovered_seconds"]
            .as_f64()
            .map_or("–".to_owned(), |seconds| format!("{seconds:.1} s"));
        let [injected, expected, seen] = ["injected", "expected", "seen"].map(words);
        writeln!(text, "| {holds} | {injected} | {expected} | {seen} | {recovered} |").unwrap();
    }
    text
}

/// How long it took from a picture's stamp to the command for the head that came of it, as the device logs it.
fn latency(lines: &str) -> String {
    let seconds = |line: &str, key: &str| {
        let (_, rest) = line.split_once(key)?;
        let word = rest.split(' ').next()?;
        let unit = word.find(char::is_alphabetic)?;
        let scale = match &word[unit..] {
            "s" => 1.0,
            "ms" => 1e-3,
            "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        Some(word[..unit].parse::<f64>().ok()? * scale)
    };
    let mut all: Vec<(f64, f64)> = lines
        .lines()
        .filter_map(|line| Some((seconds(line, " latency=")?, seconds(line, " inference=")?)))
        .collect();
    if all.is_empty() {
        return "\nNo command for the head was logged.\n".to_owned();
    }
    all.sort_by(|a, b| (a.0 - a.1).total_cmp(&(b.0 - b.1)));
    let at = |share: f64| all[((all.len() - 1) as f64 * share).round() as usize];
    let (median, late) = (at(0.5), at(0.99));
    format!(
        "\nFrom a picture's stamp to the command for the head, without inference, in the kernel on one processor: median \
         {:.0} ms, 99th percentile {:.0} ms ({} commands).\n",
        (median.0 - median.1) * 1e3,
        (late.0 - late.1) * 1e3,
        all.len()
    )
}

#[test]
fn latencies_are_read_from_the_log() {
    let line = "DEBUG the head was told to move told.command=Rest latency=250.5ms inference=200ms\n";
    assert!(latency(line).contains("median 50 ms"), "{}", latency(line));
    assert!(latency("nothing").contains("No command"));
}

#[test]
fn a_row_that_fails_stands_out() {
    let row =
        serde_json::json!({"injected": "a|b", "expected": "c", "seen": "d", "recovered_seconds": 1.25, "holds": false});
    assert!(
        table(&[row]).contains("| **fails** | a\\|b | c | d | 1.2 s |"),
        "no such row"
    );
}
