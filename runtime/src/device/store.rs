//! Where the fits of this device are kept: in its state directory, never in the person's file, and so that each can be undone.

use std::path::{Path, PathBuf};

use lookhear_board::write_whole;
use lookhear_calibration::Calibration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The calibration.
const FILE: &str = "calibration.toml";
/// What it was before each change.
const HISTORY_FILE: &str = "calibration-history.toml";
/// How many changes can be undone.
const REMEMBERED_CHANGES: usize = 20;

/// Why fits cannot be kept or recalled.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read: look at the disk and at who may read it.
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file is damaged, or of another version.
    #[error("{}: {cause}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A file cannot be written: make room, or run as who may write there.
    #[error("{} cannot be written: {cause}; nothing was changed", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// There is no earlier calibration to go back to.
    #[error("there is nothing to undo: no calibration was changed in {}", directory.display())]
    NothingToUndo {
        /// The state directory.
        directory: PathBuf,
    },
}

/// A change of the calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What was calibrated, `optics` for example.
    pub what: String,
    /// What stood there.
    pub before: Calibration,
    /// What stands there now.
    pub after: Calibration,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    #[serde(default)]
    change: Vec<Former>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Former {
    what: String,
    before: String,
}

/// The fits of one device.
#[derive(Debug, Clone)]
pub struct CalibrationStore {
    directory: PathBuf,
}

impl CalibrationStore {
    /// Of a state directory, which comes into being with the first change.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// What was fitted; nothing where nothing was.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn calibration(&self) -> Result<Calibration, StoreError> {
        let path = self.path(FILE);
        match read(&path)? {
            Some(text) => Calibration::read(&text).map_err(|cause| damaged(&path, cause)),
            None => Ok(Calibration::default()),
        }
    }

    /// Changes the calibration, so that it can be undone. Where that cannot be remembered, nothing is changed.
    ///
    /// # Errors
    /// When the files cannot be read or written, or a number in the change is none that a fit could have found.
    pub fn change(&self, what: &str, change: impl FnOnce(&mut Calibration)) -> Result<Change, StoreError> {
        let before = self.calibration()?;
        let mut after = before.clone();
        change(&mut after);
        let path = self.path(FILE);
        let text = |calibration: &Calibration| calibration.render().map_err(|cause| damaged(&path, cause));
        let (former, text) = (text(&before)?, text(&after)?);
        let mut history = self.history()?;
        history.change.push(Former {
            what: what.to_owned(),
            before: former,
        });
        let surplus = history.change.len().saturating_sub(REMEMBERED_CHANGES);
        history.change.drain(..surplus);
        self.keep_history(&history)?;
        self.write(FILE, &text)?;
        Ok(Change {
            what: what.to_owned(),
            before,
            after,
        })
    }

    /// Takes the last change back.
    ///
    /// # Errors
    /// When there is none, or the files cannot be read or written.
    pub fn undo(&self) -> Result<Change, StoreError> {
        let mut history = self.history()?;
        let Some(former) = history.change.pop() else {
            return Err(StoreError::NothingToUndo {
                directory: self.directory.clone(),
            });
        };
        let before = self.calibration()?;
        let after = Calibration::read(&former.before).map_err(|cause| damaged(&self.path(HISTORY_FILE), cause))?;
        self.write(FILE, &former.before)?;
        self.keep_history(&history)?;
        Ok(Change {
            what: former.what,
            before,
            after,
        })
    }

    /// What was calibrated and can be undone, the oldest first.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn changes(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.history()?.change.into_iter().map(|former| former.what).collect())
    }

    /// What a procedure that was broken off had measured; nothing where none was, or it is of no use any more.
    pub fn unfinished<T: DeserializeOwned>(&self, procedure: &str) -> Option<T> {
        let text = read(&self.unfinished_path(procedure)).ok().flatten()?;
        serde_json::from_str(&text).ok()
    }

    /// Keeps what a procedure has measured so far, so that it can go on after being broken off.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_unfinished<T: Serialize>(&self, procedure: &str, measured: &T) -> Result<(), StoreError> {
        let path = self.unfinished_path(procedure);
        let text = serde_json::to_string(measured).map_err(|cause| damaged(&path, cause))?;
        self.write(&unfinished_name(procedure), &text)
    }

    /// Forgets it: the procedure came to its end, or begins afresh.
    pub fn forget_unfinished(&self, procedure: &str) {
        // What is not there is forgotten already; what cannot be removed is only measured again.
        let _ = std::fs::remove_file(self.unfinished_path(procedure));
    }

    fn unfinished_path(&self, procedure: &str) -> PathBuf {
        self.path(&unfinished_name(procedure))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn history(&self) -> Result<History, StoreError> {
        let path = self.path(HISTORY_FILE);
        match read(&path)? {
            Some(text) => toml::from_str(&text).map_err(|cause| damaged(&path, cause)),
            None => Ok(History::default()),
        }
    }

    fn keep_history(&self, history: &History) -> Result<(), StoreError> {
        let text = toml::to_string(history).map_err(|cause| damaged(&self.path(HISTORY_FILE), cause))?;
        self.write(HISTORY_FILE, &text)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        std::fs::create_dir_all(&self.directory)
            .and_then(|()| write_whole(&path, text.as_bytes()))
            .map_err(|cause| StoreError::Unwritable { path, cause })
    }
}

fn unfinished_name(procedure: &str) -> String {
    format!("calibrating-{procedure}.json")
}

fn damaged(path: &Path, cause: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        cause: cause.to_string(),
    }
}

fn read(path: &Path) -> Result<Option<String>, StoreError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(StoreError::Unreadable {
            path: path.to_owned(),
            cause,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lookhear_calibration::{Fitted, Level, NoiseFloorFit};

    fn floor(decibels: f32) -> Fitted<NoiseFloorFit> {
        Fitted {
            source: "default".into(),
            fit: NoiseFloorFit::fit(&[Level::from_decibels(decibels)], 6.0).unwrap(),
        }
    }

    #[test]
    fn changes_are_taken_back_one_by_one() {
        let directory = tempfile::tempdir().unwrap();
        let store = CalibrationStore::new(&directory.path().join("state"));
        assert_eq!(store.calibration().unwrap(), Calibration::default());
        assert!(matches!(store.undo(), Err(StoreError::NothingToUndo { .. })));
        for decibels in [-60.0, -50.0] {
            let change = store
                .change("microphone", |all| all.noise_floor = Some(floor(decibels)))
                .unwrap();
            assert_eq!(store.calibration().unwrap(), change.after);
        }
        assert_eq!(store.changes().unwrap(), ["microphone", "microphone"]);
        let undone = store.undo().unwrap();
        assert_eq!(undone.after.noise_floor, Some(floor(-60.0)));
        store.undo().unwrap();
        assert_eq!(store.calibration().unwrap(), Calibration::default());
        assert!(store.undo().is_err());
    }

    #[test]
    fn only_so_many_changes_are_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let store = CalibrationStore::new(directory.path());
        for decibels in 0..REMEMBERED_CHANGES + 5 {
            store
                .change("microphone", |all| {
                    all.noise_floor = Some(floor(-40.0 - decibels as f32))
                })
                .unwrap();
        }
        assert_eq!(store.changes().unwrap().len(), REMEMBERED_CHANGES);
    }

    #[test]
    fn what_was_measured_outlives_a_break() {
        let directory = tempfile::tempdir().unwrap();
        let store = CalibrationStore::new(directory.path());
        assert_eq!(store.unfinished::<Vec<f32>>("optics"), None);
        store.keep_unfinished("optics", &vec![1.5_f32, 2.5]).unwrap();
        assert_eq!(store.unfinished("optics"), Some(vec![1.5_f32, 2.5]));
        assert_eq!(store.unfinished::<String>("optics"), None, "of another shape");
        store.forget_unfinished("optics");
        assert_eq!(store.unfinished::<Vec<f32>>("optics"), None);
    }

    #[test]
    fn a_damaged_file_is_named_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let store = CalibrationStore::new(directory.path());
        std::fs::write(directory.path().join(FILE), "versi").unwrap();
        let error = store.change("optics", |_| {}).unwrap_err();
        assert!(error.to_string().contains(FILE), "{error}");
        assert_eq!(std::fs::read_to_string(directory.path().join(FILE)).unwrap(), "versi");
    }
}
