//! What a device remembers from one start to the next: a small file in its state directory.

use std::path::{Path, PathBuf};

use lookhear_board::write_whole;
use serde::{Deserialize, Serialize};

/// The name of the file.
const FILE: &str = "memory.toml";

/// What is worth remembering.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// A person paused the movement of the camera: a power cut does not undo that.
    pub paused: bool,
}

/// Keeps it on the disk.
#[derive(Debug)]
pub struct Memory {
    path: Option<PathBuf>,
    remembered: Remembered,
    /// What stands on the disk; `None` where that is not known.
    kept: Option<Remembered>,
    trouble_told: bool,
}

impl Memory {
    /// Recalls what was kept in a state directory; nothing where there is none, or what is there cannot be read.
    pub fn recall(directory: Option<&Path>) -> Self {
        let path = directory.map(|directory| directory.join(FILE));
        let kept = path.as_deref().and_then(read);
        Self {
            path,
            remembered: kept.unwrap_or_default(),
            kept,
            trouble_told: false,
        }
    }

    /// What is remembered.
    pub fn remembered(&self) -> Remembered {
        self.remembered
    }

    /// Changes what is remembered, and keeps it if that changed anything. A full disk is told once and costs nothing else; the
    /// next change tries again.
    pub fn keep(&mut self, change: impl FnOnce(&mut Remembered)) {
        change(&mut self.remembered);
        let Some(path) = self.path.as_ref().filter(|_| self.kept != Some(self.remembered)) else {
            return;
        };
        let written = toml::to_string(&self.remembered)
            .map_err(|error| error.to_string())
            .and_then(|text| write_whole(path, text.as_bytes()).map_err(|error| error.to_string()));
        match written {
            Ok(()) => {
                self.kept = Some(self.remembered);
                self.trouble_told = false;
            }
            Err(cause) if !self.trouble_told => {
                self.trouble_told = true;
                let path = path.display();
                tracing::warn!("{path} cannot be written, so that a restart will not know of the last change: {cause}");
            }
            Err(_) => {}
        }
    }
}

fn read(path: &Path) -> Option<Remembered> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(
                "{} cannot be read, so that nothing is remembered: {error}",
                path.display()
            );
            return None;
        }
    };
    toml::from_str(&text)
        .inspect_err(|error| tracing::warn!("{} is damaged, so that nothing is remembered: {error}", path.display()))
        .ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_pause_outlives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = Memory::recall(Some(directory.path()));
        assert_eq!(memory.remembered(), Remembered::default());
        memory.keep(|remembered| remembered.paused = true);
        assert!(Memory::recall(Some(directory.path())).remembered().paused);
    }

    #[test]
    fn damage_and_a_missing_directory_cost_nothing_but_the_memory() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), "paused = \"perha").unwrap();
        let mut memory = Memory::recall(Some(directory.path()));
        assert_eq!(memory.remembered(), Remembered::default());
        memory.keep(|remembered| remembered.paused = true);
        assert!(Memory::recall(Some(directory.path())).remembered().paused);
        let mut nowhere = Memory::recall(Some(&directory.path().join("none")));
        nowhere.keep(|remembered| remembered.paused = true);
        assert!(nowhere.remembered().paused);
        assert!(!Memory::recall(None).remembered().paused);
    }
}
