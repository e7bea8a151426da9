//! The virtual camera, as a scenario handles it: orders in, its log out, and the link that udev would make to its device.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::Stage;
use crate::journal::{Journal, now, sleep};

/// Where a machine with udev has the camera, whatever its number is.
pub const BY_ID: &str = "/dev/v4l/by-id/usb-Lookhear_Virtual_PTZ_camera_VIRTUAL0001-video-index0";

/// How long the camera's program may take to read its scene, and the kernel to get to know the camera.
const PLUG_SECONDS: f64 = 60.0;

/// A camera on the bus; dropping it pulls the plug for good.
pub struct VirtualCamera {
    child: Child,
    orders: ChildStdin,
    /// What it did and was told.
    pub log: Journal,
    linking: Arc<AtomicBool>,
}

impl VirtualCamera {
    /// Plugs a camera in and waits until the kernel has it.
    ///
    /// # Errors
    /// When that does not come to pass.
    pub fn plug(stage: &Stage, options: &[&str]) -> Result<Self> {
        let mut child = Command::new(&stage.camera)
            .arg(&stage.scene)
            .args(["--film-start", &stage.began.to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the virtual camera cannot be started")?;
        let (orders, output) = (child.stdin.take(), child.stdout.take());
        let log = Journal::follow(output.context("no output")?, &stage.file("camera.log"))?;
        let linking = Arc::new(AtomicBool::new(true));
        let keep = linking.clone();
        std::thread::spawn(move || {
            while keep.load(Ordering::Relaxed) {
                link();
                sleep(0.05);
            }
        });
        let camera = Self {
            child,
            orders: orders.context("no input")?,
            log,
            linking,
        };
        let until = now() + PLUG_SECONDS;
        while !Path::new(BY_ID).exists() {
            anyhow::ensure!(now() < until, "the kernel did not take the camera");
            sleep(0.02);
        }
        Ok(camera)
    }

    /// Gives an order, and tells when.
    ///
    /// # Errors
    /// When the camera's program has ended.
    pub fn order(&mut self, order: &str) -> Result<f64> {
        let at = now();
        writeln!(self.orders, "{order}").with_context(|| format!("the camera does not take: {order}"))?;
        Ok(at)
    }

    /// The commands to its motors since a moment: when, `turn-to` or `drive`, pan and tilt.
    pub fn commands(&self, moment: f64) -> Vec<(f64, String, [f64; 2])> {
        let lines = self.log.since(moment);
        lines.iter().filter_map(|line| command(&line.text)).collect()
    }

    /// Where it looks, as it was last seen to.
    pub fn look(&self) -> [f64; 2] {
        let lines = self.log.since(0.0);
        let looks = lines.iter().rev().find_map(|line| after(&line.text, "look"));
        looks.unwrap_or_default()
    }
}

impl Drop for VirtualCamera {
    fn drop(&mut self) {
        self.linking.store(false, Ordering::Relaxed);
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(BY_ID);
        sleep(0.5);
    }
}

/// A line of the camera's log as a command to its motors: when, what, pan and tilt.
pub fn command(line: &str) -> Option<(f64, String, [f64; 2])> {
    let at = line.split(' ').next()?.parse().ok()?;
    ["turn-to", "drive"]
        .into_iter()
        .find_map(|what| Some((at, what.to_owned(), after(line, what)?)))
}

/// The two numbers after a word, the second of a line.
fn after(line: &str, word: &str) -> Option<[f64; 2]> {
    let mut words = line.split(' ').skip(1);
    if words.next()? != word {
        return None;
    }
    Some([words.next()?.parse().ok()?, words.next()?.parse().ok()?])
}

/// Does udev's work: keeps the camera's name on the node that streams.
fn link() {
    let streams = |class: &Path| {
        let read = |file: &str| std::fs::read_to_string(class.join(file)).unwrap_or_default();
        read("name").contains("Virtual PTZ") && read("index").trim() == "0"
    };
    let classes = std::fs::read_dir("/sys/class/video4linux")
        .into_iter()
        .flatten()
        .flatten();
    let node = classes
        .map(|entry| entry.path())
        .find(|class| streams(class))
        .and_then(|class| Some(PathBuf::from("/dev").join(class.file_name()?)))
        .filter(|node| node.exists());
    let link = Path::new(BY_ID);
    if std::fs::read_link(link).ok() == node {
        return;
    }
    let _ = std::fs::remove_file(link);
    if let (Some(node), Some(directory)) = (node, link.parent()) {
        let _ = std::fs::create_dir_all(directory);
        let _ = symlink(node, link);
    }
}
