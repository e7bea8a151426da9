//! The scenarios that run inside the virtual-hardware kernel: `virtual-hardware-scenarios SCENE CAMERA LOOKHEAR [NAME…]`.
//!
//! SCENE is a directory, CAMERA the virtual camera's program, LOOKHEAR the device's; without names all scenarios run. Each adds a row to
//! `$RESULTS/rows.jsonl` and leaves what the programs said in files that begin with its name.

mod camera;
mod device;
mod faults;
mod journal;
mod microphone;
mod movement;
mod parts;
mod row;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use device::Device;
use row::Row;

/// What a scenario is given.
pub struct Stage {
    /// The world in front of the camera.
    pub scene: PathBuf,
    /// The virtual camera's program.
    pub camera: PathBuf,
    /// The device's program.
    pub lookhear: PathBuf,
    /// When its film began, in seconds on the monotonic clock.
    pub began: f64,
    results: PathBuf,
    name: String,
}

impl Stage {
    /// A file of this scenario among the results.
    pub fn file(&self, name: &str) -> PathBuf {
        self.results.join(format!("{}.{name}", self.name))
    }

    /// Keeps what the device says of how long it took from a picture to the command that came of it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_latencies(&self, device: &Device) -> Result<()> {
        let path = self.results.join("latencies");
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        for line in device
            .log
            .since(0.0)
            .iter()
            .filter(|line| line.text.contains("latency="))
        {
            writeln!(file, "{}", line.text)?;
        }
        Ok(())
    }
}

/// How often a scenario is played that does not hold.
const MOST_PLAYS: u32 = 3;

type Scenario = fn(&Stage) -> Result<Row>;

/// Every scenario, by name.
const SCENARIOS: [(&str, Scenario); 17] = [
    ("part-camera", parts::camera),
    ("part-microphone", parts::microphone),
    ("loop-mjpeg", |stage| movement::closed_loop(stage, "mjpeg")),
    ("loop-yuyv", |stage| movement::closed_loop(stage, "yuyv")),
    ("silence", movement::silence),
    ("camera-unplugged", faults::camera_unplugged),
    ("camera-frozen", faults::camera_frozen),
    ("frames-dropped", |stage| {
        faults::frames_spoilt(
            stage,
            "incomplete",
            "yuyv",
            "every second buffer broken off and dropped",
        )
    }),
    ("jpeg-corrupt", |stage| {
        faults::frames_spoilt(
            stage,
            "corrupt",
            "mjpeg",
            "the second half of every second JPEG is noise",
        )
    }),
    ("jpeg-no-tables", |stage| {
        faults::frames_spoilt(stage, "no-tables", "mjpeg", "JPEG without Huffman tables")
    }),
    ("wrong-format", faults::wrong_format),
    ("microphone-overrun", faults::microphone_overrun),
    ("microphone-unplugged", faults::microphone_unplugged),
    ("disk-full", faults::disk_full),
    ("clock-step", faults::clock_step),
    ("terminate", movement::terminate),
    ("crash", movement::crash),
];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut path = |what: &str| {
        arguments
            .next()
            .map(PathBuf::from)
            .with_context(|| format!("no {what} was given"))
    };
    let (scene, camera, lookhear) = (path("scene")?, path("camera")?, path("lookhear")?);
    let names: Vec<String> = arguments.collect();
    let results = PathBuf::from(std::env::var_os("RESULTS").context("RESULTS is not set: this runs in run-in-kernel")?);

    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    for (name, scenario) in SCENARIOS.iter().filter(|(name, _)| wanted(name)) {
        let stage = Stage {
            scene: scene.clone(),
            camera: camera.clone(),
            lookhear: lookhear.clone(),
            began: journal::now(),
            results: results.clone(),
            name: (*name).to_owned(),
        };
        let (row, plays) = played(name, *scenario, &stage);
        row.append(name, plays, &results.join("rows.jsonl"))?;
    }
    Ok(())
}

/// Plays a scenario until it holds, at most [`MOST_PLAYS`] times: where the host stands still for seconds, a device that must keep
/// time has missed it through no fault of its own. What moves in silence does so through its own. The row tells what was seen
/// before.
fn played(name: &str, scenario: Scenario, stage: &Stage) -> (Row, u32) {
    let mut before = String::new();
    let mut play = 1;
    loop {
        let mut row = scenario(stage).unwrap_or_else(|error| Row {
            injected: name.to_owned(),
            expected: "the scenario runs to its end".to_owned(),
            seen: format!("{error:#}"),
            ..Row::default()
        });
        if row.holds || play == MOST_PLAYS || name == "silence" {
            row.seen += &before;
            return (row, play);
        }
        before += &format!("; play {play}: {}", row.seen);
        play += 1;
    }
}
