//! The virtual hardware itself, through the tools that everybody uses: it must be a camera and a microphone before anything
//! can be said of a device that uses them.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::Stage;
use crate::camera::{BY_ID, VirtualCamera};
use crate::journal::{now, sleep};
use crate::microphone::{DEVICE, VirtualMicrophone};
use crate::row::Row;

/// Runs a tool to its end; its output, both kinds.
fn tool(line: &str) -> Result<(bool, String)> {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    let output = command
        .args(words)
        .output()
        .with_context(|| format!("{line}: is it installed?"))?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

/// The camera offers its formats, streams both at the rate asked for, turns, and its faults are faults to the driver too.
///
/// # Errors
/// When a tool is missing, or the camera is none.
pub fn camera(stage: &Stage) -> Result<Row> {
    let mut camera = VirtualCamera::plug(stage, &[])?;
    let (_, formats) = tool(&format!("v4l2-ctl -d {BY_ID} --list-formats-ext"))?;
    let (_, controls) = tool(&format!("v4l2-ctl -d {BY_ID} --list-ctrls"))?;
    let mut seen = Vec::new();
    for name in ["MJPG", "YUYV"] {
        ensure!(formats.contains(name), "no {name} among the formats:\n{formats}");
        let (frames, seconds) = stream(stage, name, 20)?;
        let rate = frames as f64 / seconds;
        seen.push(format!("{name} {rate:.1} frames/s"));
        ensure!(
            frames == 20 && (7.0..12.0).contains(&rate),
            "{frames} frames of {name} in {seconds:.1} s"
        );
    }
    for name in ["pan_absolute", "tilt_absolute", "pan_speed", "tilt_speed"] {
        ensure!(controls.contains(name), "no {name} among the controls:\n{controls}");
    }
    tool(&format!(
        "v4l2-ctl -d {BY_ID} -c pan_absolute=64800,tilt_absolute=14400"
    ))?;
    sleep(1.0);
    let (_, position) = tool(&format!("v4l2-ctl -d {BY_ID} -C pan_absolute,tilt_absolute"))?;
    ensure!(
        position.contains("pan_absolute: 64800") && position.contains("tilt_absolute: 14400"),
        "{position}"
    );
    seen.push("turned to 18°, 4°".to_owned());

    camera.order("incomplete")?;
    let (_, seconds) = stream(stage, "YUYV", 10)?;
    seen.push(format!("with every second frame spoilt, 10 in {seconds:.1} s"));
    ensure!(seconds > 1.6, "the driver let spoilt frames pass: 10 in {seconds} s");
    camera.order("freeze")?;
    let (ended, _) = tool(&format!("timeout 2 {}", streaming("MJPG", 5)))?;
    ensure!(!ended, "a frozen camera streams");
    camera.order("whole")?;
    let (frames, _) = stream(stage, "MJPG", 5)?;
    ensure!(frames == 5, "{frames} frames after the freeze");
    seen.push("frozen and thawed".to_owned());

    camera.order("unplug")?;
    camera
        .log
        .wait(0.0, 5.0, |line| line.text.ends_with("unplugged").then_some(()))
        .context("the kernel did not notice that the plug was pulled")?;
    sleep(0.3);
    let again = camera.order("plug")?;
    while tool(&streaming("MJPG", 1))?.1.contains("Cannot open") && now() < again + 10.0 {
        sleep(0.1);
    }
    let (frames, _) = stream(stage, "MJPG", 5)?;
    ensure!(frames == 5, "{frames} frames after the plug was put in again");
    seen.push("unplugged and plugged in again".to_owned());
    Ok(Row {
        injected: "none: v4l2-ctl on the virtual camera".to_owned(),
        expected: "10 frames/s of either format, pan and tilt, faults that the driver sees".to_owned(),
        seen: seen.join("; "),
        recovered_seconds: None,
        holds: true,
    })
}

fn streaming(format: &str, frames: u32) -> String {
    format!(
        "v4l2-ctl -d {BY_ID} --set-fmt-video=width=640,height=360,pixelformat={format} --set-parm=10 --stream-mmap \
         --stream-count={frames} --stream-to=/run/frames"
    )
}

/// Streams frames into a file: how many came, and how many seconds it took from the first to the last.
fn stream(stage: &Stage, format: &str, frames: u32) -> Result<(usize, f64)> {
    let began = now();
    let (_, said) = tool(&streaming(format, frames))?;
    let seconds = now() - began;
    let bytes = std::fs::read("/run/frames").context(said)?;
    std::fs::copy("/run/frames", stage.file(&format!("frames.{format}")))?;
    let count = if format == "YUYV" {
        bytes.len() / (640 * 360 * 2)
    } else {
        bytes.windows(3).filter(|mark| *mark == [0xFF, 0xD8, 0xFF]).count()
    };
    Ok((count, seconds))
}

/// The microphone records in real time what the scene sounds like, overruns when nobody reads, and can be unplugged.
///
/// # Errors
/// When a tool is missing, or the microphone is none.
pub fn microphone(stage: &Stage) -> Result<Row> {
    let microphone = VirtualMicrophone::open(stage)?;
    sleep(0.5);
    let record = format!("arecord -q -D {DEVICE} -t raw -f S16_LE -c 2 -r 48000");
    let began = now();
    tool(&format!("{record} -d 3 /run/heard"))?;
    let seconds = now() - began;
    let heard = std::fs::read("/run/heard")?;
    let loudest = loudest(&heard);
    ensure!((2.7..4.0).contains(&seconds), "3 s of sound took {seconds:.2} s");
    ensure!(loudest > 1000, "the loudest sample is {loudest}");

    let script = format!(
        "{record} --buffer-time=500000 -d 4 -v /run/heard & sleep 1; kill -STOP $!; sleep 1; kill -CONT $!; wait $!"
    );
    let output = Command::new("sh").args(["-c", &script]).output()?;
    let overran = String::from_utf8_lossy(&output.stderr).contains("overrun");
    ensure!(
        overran,
        "no overrun after a stall of 1 s: {}",
        String::from_utf8_lossy(&output.stderr)
    );

    microphone.hear(false);
    sleep(0.6);
    tool(&format!("{record} -d 1 /run/heard"))?;
    let hushed = self::loudest(&std::fs::read("/run/heard")?);
    ensure!(hushed == 0, "silence is as loud as {hushed}");
    microphone.hear(true);

    let mut child = Command::new("sh")
        .args(["-c", &format!("exec {record} /run/heard")])
        .spawn()?;
    sleep(1.0);
    let pulled = microphone.unplug()?;
    let status = child.wait()?;
    let noticed = now() - pulled;
    ensure!(
        !status.success() && noticed < 3.0,
        "arecord took {noticed:.1} s to notice: {status}"
    );
    microphone.replug()?;
    sleep(0.5);
    tool(&format!("{record} -d 1 /run/heard"))?;
    let again = self::loudest(&std::fs::read("/run/heard")?);
    Ok(Row {
        injected: "none: arecord on the virtual microphone".to_owned(),
        expected: "3 s in 3 s, an overrun after a stall, silence, unplug and replug".to_owned(),
        seen: format!(
            "3 s in {seconds:.2} s, loudest sample {loudest}; overrun; silence; unplugged within {noticed:.1} s; back, loudest \
             sample {again}"
        ),
        recovered_seconds: None,
        holds: again > 0,
    })
}

fn loudest(bytes: &[u8]) -> u16 {
    let samples = bytes
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs());
    samples.max().unwrap_or(0)
}
