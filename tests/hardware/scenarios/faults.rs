//! Scenarios in which something goes wrong with the camera, the microphone, the disk or the clock.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::Stage;
use crate::camera::VirtualCamera;
use crate::device::{Device, Percept, configuration};
use crate::journal::{now, sleep};
use crate::microphone::VirtualMicrophone;
use crate::row::Row;

/// How long a device may take until its first percept.
const START_SECONDS: f64 = 30.0;
/// How long it may take from the end of a fault until it perceives again.
const RECOVERY_SECONDS: f64 = 10.0;

/// After so many percepts during a fault perception is said to go on.
const ENOUGH_PERCEPTS: usize = 10;
/// For how long they are waited for.
const PATIENCE_SECONDS: f64 = 60.0;

/// Everything that a scenario of this kind begins with: a device that perceives.
struct AtWork {
    camera: VirtualCamera,
    microphone: VirtualMicrophone,
    device: Device,
}

fn at_work(stage: &Stage, more: &str, state: Option<&str>) -> Result<AtWork> {
    let camera = VirtualCamera::plug(stage, &[])?;
    let microphone = VirtualMicrophone::open(stage)?;
    let device = Device::start(stage, &configuration(more), state)?;
    device
        .percept(0.0, START_SECONDS, |percept| percept.is_whole())
        .context("no percept even before anything went wrong")?;
    sleep(1.0);
    Ok(AtWork {
        camera,
        microphone,
        device,
    })
}

impl AtWork {
    /// The row of a fault that is over: how long it took from then until a whole percept of a picture taken since.
    fn recovery(&mut self, injected: &str, expected: &str, over: f64, noticed: &str) -> Row {
        let back = self
            .device
            .percept(over, 2.0 * RECOVERY_SECONDS, |percept| percept.is_whole());
        let recovered_seconds = back.map(|percept| percept.at - over);
        let runs = self.device.runs();
        Row {
            injected: injected.to_owned(),
            expected: format!("{expected}; percepts within {RECOVERY_SECONDS} s of the end"),
            seen: match recovered_seconds {
                Some(seconds) => format!("{noticed}; percepts after {seconds:.1} s"),
                None => format!(
                    "{noticed}; no percepts any more; {}",
                    if runs { "it runs" } else { "it ended" }
                ),
            },
            recovered_seconds,
            holds: runs && recovered_seconds.is_some_and(|seconds| seconds < RECOVERY_SECONDS),
        }
    }

    /// When a stage was found troubled, in words.
    fn trouble(&self, since: f64, stage: &str) -> (bool, String) {
        let found = self.device.log.wait(since, 5.0, |line| {
            (line.text.contains("trying again") && line.text.contains(stage)).then_some(line.at - since)
        });
        let words = found.map_or(format!("no word of the {stage}"), |after| {
            format!("{stage} missed after {after:.1} s")
        });
        (found.is_some(), words)
    }

    /// Waits until there were some percepts of pictures taken since a moment, and tells how many and in how many seconds. It is
    /// their number that counts: how fast they come depends on what else the host has to do.
    fn go_on(&self, moment: f64) -> (usize, f64) {
        loop {
            let percepts = self.device.percepts(moment);
            let taken_since = |percept: &&Percept| percept.is_whole() && percept.time() >= moment;
            let count = percepts.iter().filter(taken_since).count();
            let seconds = now() - moment;
            if count >= ENOUGH_PERCEPTS || seconds > PATIENCE_SECONDS {
                return (count, seconds);
            }
            sleep(0.1);
        }
    }
}

/// The camera's plug is pulled for 3 s.
///
/// # Errors
/// When the parts do not start.
pub fn camera_unplugged(stage: &Stage) -> Result<Row> {
    let mut work = at_work(stage, "", None)?;
    let pulled = work.camera.order("unplug")?;
    let (noticed, words) = work.trouble(pulled, "camera");
    sleep(3.0 - (now() - pulled).min(3.0));
    let over = work.camera.order("plug")?;
    let mut row = work.recovery("camera unplugged for 3 s", "told in the log", over, &words);
    let commands = work.camera.commands(over);
    row.seen += &format!("; {} commands to the head since", commands.len());
    row.holds &= noticed;
    Ok(row)
}

/// The camera stops sending for 5 s, and stays on the bus.
///
/// # Errors
/// When the parts do not start.
pub fn camera_frozen(stage: &Stage) -> Result<Row> {
    let mut work = at_work(stage, "", None)?;
    let frozen = work.camera.order("freeze")?;
    let (noticed, words) = work.trouble(frozen, "camera");
    sleep(5.0 - (now() - frozen).min(5.0));
    let over = work.camera.order("whole")?;
    let mut row = work.recovery("camera sends nothing for 5 s", "told in the log", over, &words);
    row.holds &= noticed;
    Ok(row)
}

/// Something is wrong with frames for a while; those that are good are perceived all the while.
///
/// # Errors
/// When the parts do not start.
pub fn frames_spoilt(stage: &Stage, order: &str, format: &str, injected: &str) -> Result<Row> {
    let mut work = at_work(stage, &format!("[camera]\nformat = \"{format}\""), None)?;
    let began = work.camera.order(order)?;
    let (meanwhile, seconds) = work.go_on(began);
    let restarts = work
        .device
        .log
        .since(began)
        .iter()
        .filter(|line| line.text.contains("trying again"))
        .count();
    let over = work.camera.order("whole")?;
    let words = format!("{meanwhile} percepts in {seconds:.1} s meanwhile, {restarts} restarts");
    let mut row = work.recovery(injected, "perception goes on with the good ones", over, &words);
    row.holds &= meanwhile >= ENOUGH_PERCEPTS && restarts == 0;
    Ok(row)
}

/// A camera that has no format that was asked for.
///
/// # Errors
/// When the parts do not start.
pub fn wrong_format(stage: &Stage) -> Result<Row> {
    let modules = std::env::var("MODULES_ROOT").context("MODULES_ROOT is not set: this runs in run-in-kernel")?;
    let loaded = Command::new("modprobe")
        .args(["-d", &modules, "vivid", "node_types=0x1"])
        .status()?;
    ensure!(loaded.success(), "no vivid");
    let node = (0..8)
        .map(|number| format!("/sys/class/video4linux/video{number}"))
        .find(|class| fs::read_to_string(format!("{class}/name")).is_ok_and(|name| name.contains("vivid")))
        .context("vivid made no camera")?;
    let node = node.replace("/sys/class/video4linux", "/dev");
    let began = now();
    let more = format!("[camera]\ndevice = \"{node}\"\nformat = \"mjpeg\"\n[ptz]\nkind = \"none\"");
    let mut device = Device::start(stage, &configuration(&more), None)?;
    let line = device.log.wait(began, 10.0, |line| {
        let about = line.text.contains("camera") && line.text.contains(&node);
        about.then(|| line.text.clone())
    });
    let runs = device.runs();
    drop(device);
    let _ = Command::new("modprobe").args(["-d", &modules, "-r", "vivid"]).status();
    let clear = line.as_ref().is_some_and(|line| {
        let line = line.to_lowercase();
        line.contains("mjpeg") || line.contains("mjpg")
    });
    Ok(Row {
        injected: "MJPEG asked of a camera that has none (vivid)".to_owned(),
        expected: "a message that names the camera and the format; the rest goes on".to_owned(),
        seen: line.unwrap_or_else(|| "no message".to_owned()),
        recovered_seconds: None,
        holds: clear && runs,
    })
}

/// Nobody reads the microphone for 1.5 s: its buffer overruns, and the sound across the gap is not trusted.
///
/// # Errors
/// When the parts do not start.
pub fn microphone_overrun(stage: &Stage) -> Result<Row> {
    let mut work = at_work(stage, "", None)?;
    let stopped = work.device.signal("STOP")?;
    sleep(1.5);
    let over = work.device.signal("CONT")?;
    let untrusted = work
        .device
        .percept(stopped, 3.0, |percept| percept.at > over && !percept.is_whole());
    let words = match &untrusted {
        Some(percept) => format!("a percept without sound {:.1} s after", percept.at - over),
        None => "no percept was without sound".to_owned(),
    };
    let mut row = work.recovery(
        "the whole process stopped for 1.5 s: the microphone overruns",
        "the window across the gap is not trusted",
        over,
        &words,
    );
    row.holds &= untrusted.is_some();
    Ok(row)
}

/// The microphone's plug is pulled for 3 s.
///
/// # Errors
/// When the parts do not start.
pub fn microphone_unplugged(stage: &Stage) -> Result<Row> {
    let mut work = at_work(stage, "", None)?;
    let pulled = work.microphone.unplug()?;
    let (noticed, words) = work.trouble(pulled, "microphone");
    sleep(3.0 - (now() - pulled).min(3.0));
    let deaf = work
        .device
        .percept(pulled, 3.0, |percept| !percept.is_whole())
        .is_some();
    let over = work.microphone.replug()?;
    let words = format!(
        "{words}, {}",
        if deaf {
            "percepts without sound meanwhile"
        } else {
            "no percept was without sound"
        }
    );
    let mut row = work.recovery(
        "microphone unplugged for 3 s",
        "told in the log, nothing heard meanwhile",
        over,
        &words,
    );
    row.holds &= noticed && deaf;
    Ok(row)
}

/// The disk on which it keeps its state and its events is full.
///
/// # Errors
/// When the parts do not start.
pub fn disk_full(stage: &Stage) -> Result<Row> {
    let disk = "/run/disk";
    fs::create_dir_all(disk)?;
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "disk", disk])
        .status()?;
    ensure!(mounted.success(), "no disk");
    let events = format!("{disk}/events.jsonl");
    let mut work = at_work(
        stage,
        &format!("[events]\nheatmap = true\nfile = \"{events}\""),
        Some(disk),
    )?;
    let began = now();
    let filled = fs::write(format!("{disk}/rubbish"), vec![0; 1 << 20]);
    ensure!(filled.is_err(), "the disk is not full");
    let (meanwhile, seconds) = work.go_on(began);
    let said = work
        .device
        .log
        .since(began)
        .into_iter()
        .find(|line| line.text.contains("events.jsonl"));
    fs::remove_file(format!("{disk}/rubbish"))?;
    let over = now();
    let length = || fs::metadata(&events).map_or(0, |file| file.len());
    let before = length();
    while length() <= before && now() < over + RECOVERY_SECONDS {
        sleep(0.05);
    }
    let written_after = (length() > before).then(|| now() - over);
    let words = format!(
        "{meanwhile} percepts in {seconds:.1} s meanwhile; log: {}; file goes on after {}",
        said.as_ref().map_or("nothing", |line| line.text.as_str()),
        written_after.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s")),
    );
    let mut row = work.recovery(
        "disk full",
        "perception goes on, the log says so, the file goes on",
        over,
        &words,
    );
    row.holds &= meanwhile >= ENOUGH_PERCEPTS && said.is_some() && written_after.is_some();
    drop(work);
    let _ = Command::new("umount").arg(disk).status();
    Ok(row)
}

/// The time of day jumps by an hour.
///
/// # Errors
/// When the parts do not start.
pub fn clock_step(stage: &Stage) -> Result<Row> {
    let mut work = at_work(stage, "", None)?;
    let began = now();
    for step in ["+1 hour", "-2 hours", "+1 hour"] {
        let time = Command::new("date").args(["-d", step, "+@%s"]).output()?.stdout;
        let time = String::from_utf8_lossy(&time).trim().to_owned();
        ensure!(
            Command::new("date").args(["-s", &time]).output()?.status.success(),
            "date -s {time} failed"
        );
        sleep(2.0);
    }
    let over = now();
    work.go_on(began);
    let percepts = work.device.percepts(began);
    let percepts: Vec<f64> = percepts.iter().map(Percept::time).collect();
    let longest = percepts.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    let rising = percepts.windows(2).all(|pair| pair[1] > pair[0]);
    let restarts = work
        .device
        .log
        .since(began)
        .iter()
        .filter(|line| line.text.contains("trying again"))
        .count();
    let words = format!(
        "{} percepts, the longest gap {longest:.2} s, {restarts} restarts",
        percepts.len()
    );
    let mut row = work.recovery(
        "the time of day jumps +1 h, −2 h, +1 h",
        "nothing happens",
        over,
        &words,
    );
    row.holds &= rising && longest < RECOVERY_SECONDS && restarts == 0 && percepts.len() >= ENOUGH_PERCEPTS;
    Ok(row)
}
