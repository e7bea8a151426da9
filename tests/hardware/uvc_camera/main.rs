//! A USB camera with pan and tilt, in user space: plugged into the kernel's virtual USB bus (`vhci-hcd`), it makes the real
//! driver `uvcvideo` serve a `/dev/video…` that looks into a scene, and turns when the host says so.
//!
//! `uvc-camera SCENE [--absolute-only | --speed-only] [--film-start SECONDS]`; SCENE is what `lookhear_tests::scene` prepared,
//! and the film in it starts at that time on the monotonic clock (now, if nothing is said).
//!
//! Lines on the standard input are orders: `unplug`, `plug`, `freeze`, `incomplete`, `no-tables`, `corrupt`, `whole`; see
//! `faults`.
//! Lines on the standard output tell what happened: seconds on the monotonic clock, then `plugged in`, `unplugged`,
//! `stream Mjpeg 640x360 10.0/s`, `stop`, `turn-to PAN TILT` in degrees, `drive PAN TILT` in degrees a second, `look PAN TILT` for the first
//! frame of a direction, or the order that was taken.

mod controls;
mod descriptors;
mod faults;
mod format;
mod motor;
mod stream;
mod usbip;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lookhear_board::{Clock, MonotonicClock};
use lookhear_tests::scene::Scene;

use descriptors::Turning;
use faults::Order;
use stream::Camera;

/// Writes a line to the log.
fn report(what: &str) {
    let mut log = std::io::stdout().lock();
    // Nobody may be listening any more; the camera goes on.
    let _ = writeln!(log, "{:.6} {what}", MonotonicClock.now().as_secs_f64());
}

fn main() -> Result<()> {
    let mut turning = Turning {
        absolute: true,
        speed: true,
    };
    let mut film_start = MonotonicClock.now();
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().context("uvc-camera SCENE …: no scene was given")?;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--absolute-only" => turning.speed = false,
            "--speed-only" => turning.absolute = false,
            "--film-start" => {
                let seconds = arguments.next().context("--film-start wants seconds")?;
                film_start = Duration::try_from_secs_f64(seconds.parse()?)?;
            }
            other => bail!("unknown: {other}"),
        }
    }

    let scene = Scene::load(Path::new(&directory))?;
    let camera = Arc::new(Camera::new(scene, film_start, turning));
    camera.plug()?;
    let streaming = Arc::clone(&camera);
    std::thread::spawn(move || {
        if let Err(error) = streaming.stream() {
            report(&format!("{error:#}"));
        }
    });
    for line in std::io::stdin().lines() {
        let line = line?;
        let order = Order::parse(&line).with_context(|| format!("unknown order: {line}"))?;
        report(&line);
        match order {
            Order::Unplug => camera.unplug(),
            Order::Plug => camera.plug()?,
            Order::Stream(fault) => camera.spoil(fault),
        }
    }
    Ok(())
}
