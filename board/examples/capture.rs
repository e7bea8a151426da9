//! What does my camera or microphone give? Prints one JSON object a line: what was agreed on, every frame or block, every
//! fault and the time until sound or pictures came again.
//!
//! `capture cameras | microphones`, or `capture camera | microphone DEVICE [--KEY VALUE]…` with the keys of the settings
//! (`--width 1280`, `--format mjpeg`, `--rate_hz 48000`) and `--seconds 10` (how long), `--stall_at 3 --stall_for 0.6`
//! (stand still once, to see what gets lost).

use std::error::Error;
use std::io::{Write, stdout};
use std::thread::sleep;
use std::time::Duration;

use lookhear_board::camera::v4l2::{CameraSettings, LiveCamera, list_cameras};
use lookhear_board::capture::{CaptureError, Delivery};
use lookhear_board::microphone::alsa::{LiveMicrophone, MicrophoneSettings, list_microphones};
use lookhear_board::microphone::sound_clock::SoundClock;
use lookhear_board::{Block, Camera, Clock, Frame, Microphone, MonotonicClock};
use serde_json::{Map, Value, json};

/// From one attempt to open a device to the next.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (what, rest) = arguments
        .split_first()
        .ok_or("say cameras, microphones, camera or microphone")?;
    match (what.as_str(), rest) {
        ("cameras", []) => cameras(),
        ("microphones", []) => microphones(),
        ("camera", [device, keys @ ..]) => {
            let (settings, course) = understood(device, keys)?;
            let settings: CameraSettings = serde_json::from_value(settings)?;
            watch(&course, || open_camera(&settings))
        }
        ("microphone", [device, keys @ ..]) => {
            let (settings, course) = understood(device, keys)?;
            let settings: MicrophoneSettings = serde_json::from_value(settings)?;
            watch(&course, || open_microphone(&settings))
        }
        _ => Err("say cameras, microphones, camera DEVICE or microphone DEVICE".into()),
    }
}

fn cameras() -> Result<(), Box<dyn Error>> {
    for camera in list_cameras() {
        say(match camera {
            Ok(camera) => json!({
                "path": camera.path, "by_id": camera.by_id, "card": camera.card, "driver": camera.driver,
                "formats": camera.offer.formats.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
            Err(error) => json!({"error": error.to_string()}),
        })?;
    }
    Ok(())
}

fn microphones() -> Result<(), Box<dyn Error>> {
    for microphone in list_microphones() {
        let offered = microphone
            .offered
            .map_or_else(|error| error.to_string(), |offered| offered.to_string());
        say(json!({
            "device": microphone.device, "card": microphone.card, "driver": microphone.driver, "offered": offered,
        }))?;
    }
    Ok(())
}

/// How a run goes.
struct Course {
    seconds: f64,
    stall_at: f64,
    stall_for: f64,
}

/// Splits keys into the device's settings and the course of the run.
fn understood(device: &str, keys: &[String]) -> Result<(Value, Course), Box<dyn Error>> {
    let mut settings = Map::from_iter([("device".to_owned(), device.into())]);
    let mut course = Course {
        seconds: 10.0,
        stall_at: f64::INFINITY,
        stall_for: 0.0,
    };
    for pair in keys.chunks(2) {
        let [key, value] = pair else {
            return Err(format!("{} needs a value", pair[0]).into());
        };
        match key.trim_start_matches("--") {
            "seconds" => course.seconds = value.parse()?,
            "stall_at" => course.stall_at = value.parse()?,
            "stall_for" => course.stall_for = value.parse()?,
            key => {
                let value = serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into());
                settings.insert(key.to_owned(), value);
            }
        }
    }
    Ok((settings.into(), course))
}

/// A device that tells of one frame or block after another.
type Source = Box<dyn FnMut() -> Result<Option<Value>, CaptureError>>;

fn open_camera(settings: &CameraSettings) -> Result<(Value, Source), CaptureError> {
    let mut camera = LiveCamera::open(settings)?;
    let layout = camera.layout();
    let agreed = json!({
        "device": camera.device(), "card": camera.card(), "format": format!("{:?}", layout.format),
        "width": layout.width, "height": layout.height, "stride_bytes": layout.stride_bytes, "rate_hz": camera.rate_hz(),
    });
    let mut frame = Frame::default();
    let next = move || {
        let delivery = camera.next_frame(&mut frame)?;
        let age = MonotonicClock.now().saturating_sub(frame.stamp);
        let dropped = camera.dropped();
        Ok((delivery == Delivery::Fresh).then(|| {
            json!({
                "stamp": frame.stamp.as_secs_f64(), "age": age.as_secs_f64(), "bytes": frame.picture.bytes.len(),
                "flawed": dropped.flawed, "superseded": dropped.superseded, "lost": dropped.lost,
            })
        }))
    };
    Ok((agreed, Box::new(next)))
}

fn open_microphone(settings: &MicrophoneSettings) -> Result<(Value, Source), CaptureError> {
    let mut microphone = LiveMicrophone::open(settings)?;
    let agreement = microphone.agreement();
    let agreed = json!({
        "device": microphone.device(), "rate_hz": agreement.rate_hz, "channels": agreement.channels,
        "format": format!("{:?}", agreement.format), "period_samples": agreement.period_samples,
        "buffer_samples": agreement.buffer_samples,
    });
    let (mut block, mut clock, mut heard) = (Block::default(), SoundClock::new(agreement.rate_hz), 0);
    let next = move || {
        let delivery = microphone.next_block(&mut block)?;
        if block.after_gap {
            clock.reset();
        }
        clock.observe(heard, block.stamp);
        let smooth = clock.time_of(heard).unwrap_or_default();
        heard += block.sound.samples.len() as u64;
        let power: f32 = block.sound.samples.iter().map(|sample| sample * sample).sum();
        let level = 10.0 * (power / block.sound.samples.len().max(1) as f32).log10();
        Ok((delivery == Delivery::Fresh).then(|| {
            json!({
                "stamp": block.stamp.as_secs_f64(), "smooth": smooth.as_secs_f64(), "samples": block.sound.samples.len(),
                "after_gap": block.after_gap, "gaps": microphone.gaps(), "level_decibels": level.max(-200.0),
                "drift_parts_per_million": clock.drift_parts_per_million(),
            })
        }))
    };
    Ok((agreed, Box::new(next)))
}

/// Opens a device, tells what it gives, and opens it again whenever it fails.
fn watch(
    course: &Course,
    mut open: impl FnMut() -> Result<(Value, Source), CaptureError>,
) -> Result<(), Box<dyn Error>> {
    let clock = MonotonicClock;
    let begun = clock.now();
    let elapsed = || clock.now().saturating_sub(begun).as_secs_f64();
    let mut failed_at: Option<f64> = None;
    let mut stalled = false;
    let mut last_complaint = String::new();
    while elapsed() < course.seconds {
        let mut source = match open() {
            Ok((agreed, source)) => {
                say(json!({"at": elapsed(), "opened": agreed}))?;
                source
            }
            Err(error @ CaptureError::GiveUp { .. }) => return Err(error.into()),
            Err(error) => {
                let complaint = error.to_string();
                if complaint != last_complaint {
                    say(json!({"at": elapsed(), "closed": complaint}))?;
                    last_complaint = complaint;
                }
                sleep(BETWEEN_ATTEMPTS);
                continue;
            }
        };
        while elapsed() < course.seconds {
            match source() {
                Ok(Some(mut told)) => {
                    told["at"] = elapsed().into();
                    if let Some(failed) = failed_at.take() {
                        told["recovered_after"] = (elapsed() - failed).into();
                    }
                    say(told)?;
                }
                Ok(None) => return Ok(()),
                Err(CaptureError::Retry { cause, .. }) => say(json!({"at": elapsed(), "retry": cause}))?,
                Err(error @ CaptureError::Rebuild { .. }) => {
                    say(json!({"at": elapsed(), "rebuild": error.to_string()}))?;
                    failed_at = failed_at.or(Some(elapsed()));
                    break;
                }
                Err(error) => return Err(error.into()),
            }
            if !stalled && elapsed() > course.stall_at {
                stalled = true;
                sleep(Duration::from_secs_f64(course.stall_for));
            }
        }
    }
    Ok(())
}

/// One line.
fn say(value: Value) -> Result<(), Box<dyn Error>> {
    Ok(writeln!(stdout().lock(), "{value}")?)
}
