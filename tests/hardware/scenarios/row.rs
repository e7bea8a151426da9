//! One line of the table of faults.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

/// What was done to the device, what should have come of it, and what came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The fault.
    pub injected: String,
    /// What the device should do.
    pub expected: String,
    /// What it did.
    pub seen: String,
    /// Seconds from the end of the fault until the device worked again, where that is to be told.
    pub recovered_seconds: Option<f64>,
    /// What was seen is what was expected.
    pub holds: bool,
}

impl Row {
    /// Adds it to a file of JSON lines, under the scenario's name, and how often that was played.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&self, scenario: &str, plays: u32, path: &Path) -> Result<()> {
        let object: Value = json!({
            "scenario": scenario,
            "injected": self.injected,
            "expected": self.expected,
            "seen": self.seen,
            "recovered_seconds": self.recovered_seconds,
            "holds": self.holds,
            "plays": plays,
        });
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{object}")?;
        Ok(())
    }
}
