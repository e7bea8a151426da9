//! A file of lines that never fills the disk, and that survives a disk that is full.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Outlet;

/// How long to leave a file alone that could not be written to, and how often to look whether it is still the one of that name.
const LOOK: Duration = Duration::from_secs(5);

/// A file that lines are appended to, whole or not at all. Renamed or deleted by somebody else, it is begun anew.
pub(super) struct LogFile {
    path: PathBuf,
    most_bytes: u64,
    open: Option<File>,
    looked: Option<Instant>,
    in_trouble: bool,
}

impl LogFile {
    pub(super) fn new(path: PathBuf, most_bytes: u64) -> Self {
        Self {
            path,
            most_bytes,
            open: None,
            looked: None,
            in_trouble: false,
        }
    }

    fn append(&mut self, line: &[u8], look_again: bool) -> io::Result<()> {
        if look_again && !self.is_still_there() {
            self.open = None;
        }
        let mut length = self.file()?.metadata()?.len();
        if length > 0 && length + line.len() as u64 > self.most_bytes {
            self.open = None;
            std::fs::rename(&self.path, self.older())?;
            length = self.file()?.metadata()?.len();
        }
        let file = self.file()?;
        file.write_all(line).inspect_err(|_| {
            // What fitted of the line is taken back; should that fail too, a reader meets half a line, as after a power cut.
            let _ = file.set_len(length);
        })
    }

    fn file(&mut self) -> io::Result<&mut File> {
        let file = match self.open.take() {
            Some(file) => file,
            None => OpenOptions::new().append(true).create(true).open(&self.path)?,
        };
        Ok(self.open.insert(file))
    }

    fn is_still_there(&self) -> bool {
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let ours = self.open.as_ref().and_then(|file| file.metadata().ok()).map(identity);
        let named = self.path.metadata().ok().map(identity);
        ours == named
    }

    fn older(&self) -> PathBuf {
        let mut name: OsString = self.path.clone().into_os_string();
        name.push(".1");
        name.into()
    }
}

impl Outlet for LogFile {
    fn write(&mut self, line: &[u8]) {
        let look_again = self.looked.is_none_or(|looked| looked.elapsed() >= LOOK);
        if self.in_trouble && !look_again {
            return;
        }
        if look_again {
            self.looked = Some(Instant::now());
        }
        match self.append(line, look_again) {
            Ok(()) if self.in_trouble => {
                tracing::info!("events are written to {} again", self.path.display());
                self.in_trouble = false;
            }
            Ok(()) => {}
            Err(cause) => {
                if !self.in_trouble {
                    let path = self.path.display();
                    tracing::warn!(
                        "events cannot be written to {path}: {cause}; look at its directory, the permissions and the room on \
                         the disk. Trying again every {} s",
                        LOOK.as_secs()
                    );
                }
                self.in_trouble = true;
                self.open = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn the_file_begins_anew_before_it_grows_too_large() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        let mut file = LogFile::new(path.clone(), 10);
        for line in [
            "one\n",
            "two\n",
            "three\n",
            "a line that is too long by itself\n",
            "six\n",
        ] {
            file.write(line.as_bytes());
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "six\n");
        assert_eq!(
            std::fs::read_to_string(directory.path().join("events.jsonl.1")).unwrap(),
            "a line that is too long by itself\n"
        );
    }

    #[test]
    fn a_file_that_was_taken_away_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        let mut file = LogFile::new(path.clone(), 1000);
        file.write(b"one\n");
        std::fs::rename(&path, directory.path().join("kept")).unwrap();
        file.looked = None;
        file.write(b"two\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"two\n");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("later/events.jsonl");
        let mut file = LogFile::new(path.clone(), 1000);
        file.write(b"one\n");
        assert!(file.in_trouble);
        std::fs::create_dir(directory.path().join("later")).unwrap();
        file.write(b"two\n");
        assert!(!path.exists(), "left alone for a while");
        file.looked = None;
        file.write(b"three\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"three\n");
    }

    #[test]
    fn a_full_disk_loses_lines_and_nothing_else() {
        let mut file = LogFile::new("/dev/full".into(), u64::MAX);
        file.write(b"one\n");
        assert!(file.in_trouble);
    }
}
