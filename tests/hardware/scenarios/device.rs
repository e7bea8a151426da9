//! The device under test: `lookhear run`, what it prints and logs, and signals to it.

use std::fs;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::Stage;
use crate::camera::BY_ID;
use crate::journal::{Journal, now, sleep};
use crate::microphone;

/// A configuration for these small machines: few percepts, and patience where they come late; no page; the virtual camera and
/// microphone.
pub fn configuration(more: &str) -> String {
    let mut sections: toml::Table = format!(
        r#"
        [camera]
        device = "{BY_ID}"
        width = 640
        height = 360
        frames_per_second = 10
        timeout_seconds = 1.0
        [microphone]
        device = "{}"
        rate_hz = 48000
        timeout_seconds = 1.0
        [perception]
        percepts_per_second = 4
        [attention]
        pause_seconds = 2.0
        percept_reach_seconds = 2.0
        [optics]
        horizontal_field_of_view_degrees = 60
        [ptz]
        kind = "uvc"
        address = "{BY_ID}"
        [events]
        stdout = true
        [web]
        enabled = false
        "#,
        microphone::DEVICE
    )
    .parse()
    .unwrap_or_default();
    let more: toml::Table = more.parse().unwrap_or_default();
    for (section, keys) in more {
        match (sections.get_mut(&section), keys) {
            (Some(toml::Value::Table(known)), toml::Value::Table(keys)) => known.extend(keys),
            (_, keys) => {
                sections.insert(section, keys);
            }
        }
    }
    sections.to_string()
}

/// A running `lookhear run`.
pub struct Device {
    child: Child,
    /// Its standard output: percepts.
    pub events: Journal,
    /// Its standard error.
    pub log: Journal,
}

/// A percept as it was printed.
#[derive(Debug, Clone)]
pub struct Percept {
    /// When the line came, in seconds on the monotonic clock.
    pub at: f64,
    /// What it says.
    pub object: Value,
}

impl Percept {
    /// When its picture was taken.
    pub fn time(&self) -> f64 {
        self.object["time"].as_f64().unwrap_or(0.0)
    }

    /// Whether there was sound enough, and a picture.
    pub fn is_whole(&self) -> bool {
        self.object["similarity"].is_f64()
    }

    /// Whether something in view made the sound.
    pub fn is_accepted(&self) -> bool {
        self.object["accepted"] == true
    }
}

impl Device {
    /// Starts the device with a configuration; its files lie in the results under the scenario's name.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(stage: &Stage, configuration: &str, state: Option<&str>) -> Result<Self> {
        let path = stage.file("lookhear.toml");
        fs::write(&path, configuration)?;
        let mut command = Command::new(&stage.lookhear);
        command.arg("run").arg("--config").arg(&path);
        if let Some(state) = state {
            command.arg("--state").arg(state);
        }
        let mut child = command
            .env("RUST_LOG", "info,tract=warn,lookhear=debug")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("lookhear cannot be started")?;
        let (events, log) = (child.stdout.take(), child.stderr.take());
        Ok(Self {
            child,
            events: Journal::follow(events.context("no output")?, &stage.file("percepts.jsonl"))?,
            log: Journal::follow(log.context("no log")?, &stage.file("log"))?,
        })
    }

    /// The percepts printed at a moment or later.
    pub fn percepts(&self, moment: f64) -> Vec<Percept> {
        let lines = self.events.since(moment);
        lines
            .into_iter()
            .filter_map(|line| {
                let object = serde_json::from_str(&line.text).ok()?;
                Some(Percept { at: line.at, object })
            })
            .collect()
    }

    /// Waits for a percept of a picture that was taken at a moment or later.
    pub fn percept(&self, moment: f64, patience_seconds: f64, wanted: impl Fn(&Percept) -> bool) -> Option<Percept> {
        self.events.wait(moment, patience_seconds, |line| {
            let object = serde_json::from_str(&line.text).ok()?;
            let percept = Percept { at: line.at, object };
            (percept.time() >= moment && wanted(&percept)).then_some(percept)
        })
    }

    /// Waits for words in the log, at a moment or later; gives when they came.
    pub fn says(&self, moment: f64, patience_seconds: f64, words: &str) -> Option<f64> {
        self.log.wait(moment, patience_seconds, |line| {
            line.text.contains(words).then_some(line.at)
        })
    }

    /// Sends a signal, such as `TERM`.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, name: &str) -> Result<f64> {
        let at = now();
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()?;
        anyhow::ensure!(status.success(), "the device has ended before it got a {name}");
        Ok(at)
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end: how many seconds it took, and its exit status in words; `None` when it does not end.
    pub fn end(&mut self, patience_seconds: f64) -> Option<(f64, String)> {
        let began = now();
        while now() < began + patience_seconds {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some((now() - began, status.to_string()));
            }
            sleep(0.01);
        }
        None
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let told = self.runs() && self.signal("TERM").is_ok();
        if told && self.end(4.0).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
