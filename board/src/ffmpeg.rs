//! The system's `ffmpeg`, where there is one, for films and sounds that are not decoded here.
//!
//! It runs as a process of its own and hands its work over on a pipe. Only local files are opened: a playlist in place of
//! a film cannot send it elsewhere.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// The largest sound that is taken from it (three hours at 48 kHz).
const MAX_SOUND_BYTES: u64 = 4 * crate::sound_file::MAX_SAMPLES as u64;

/// Whether an `ffmpeg` answers on this machine.
pub(crate) fn is_installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        let mut command = Command::new("ffmpeg");
        command
            .arg("-version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// A running `ffmpeg`; it is stopped when this is dropped.
pub(crate) struct Ffmpeg {
    child: Child,
    complaints: File,
}

impl Ffmpeg {
    /// Starts it on a file, with the options that say what to put on its standard output.
    pub fn start(path: &Path, options: &[&str]) -> Result<(Self, ChildStdout), String> {
        let failed = |error: std::io::Error| format!("ffmpeg does not start: {error}");
        // Not a pipe: nobody reads it while the work goes on, and a damaged film makes many complaints.
        let complaints = tempfile::tempfile().map_err(failed)?;
        let mut input = OsString::from("file:");
        input.push(path);
        let mut command = Command::new("ffmpeg");
        command
            .args(["-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe", "-i"])
            .arg(input)
            .args(options);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(complaints.try_clone().map_err(failed)?);
        let mut child = command.spawn().map_err(failed)?;
        let output = child.stdout.take().ok_or("ffmpeg has no output")?;
        Ok((Self { child, complaints }, output))
    }

    /// Waits for its end, once its output is used up; what it complained of last, where it failed.
    pub fn finish(mut self) -> Result<(), String> {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(self.last_complaint()),
        }
    }

    fn last_complaint(&mut self) -> String {
        let mut text = Vec::new();
        let read = self
            .complaints
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.complaints.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        match (read, text.lines().rev().find(|line| !line.trim().is_empty())) {
            (Ok(_), Some(line)) => format!("ffmpeg says: {}", line.trim()),
            _ => "ffmpeg failed".to_owned(),
        }
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The sound of a file as a WAV of float samples in one channel, its first sample at the file's time zero.
pub(crate) fn read_sound(path: &Path) -> Result<Vec<u8>, String> {
    let options = [
        "-map",
        "0:a:0",
        "-af",
        "aresample=async=1:first_pts=0",
        "-ac",
        "1",
        "-c:a",
        "pcm_f32le",
        "-f",
        "wav",
        "-",
    ];
    let (ffmpeg, output) = Ffmpeg::start(path, &options)?;
    let mut wave = Vec::new();
    output
        .take(MAX_SOUND_BYTES)
        .read_to_end(&mut wave)
        .map_err(|error| error.to_string())?;
    if wave.len() as u64 == MAX_SOUND_BYTES {
        return Ok(wave);
    }
    // What it could decode of a damaged file is worth having.
    match ffmpeg.finish() {
        Err(complaint) if wave.is_empty() => Err(complaint),
        _ => Ok(wave),
    }
}
