//! A running `lookhear run`, to be asked and stopped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::program;

/// How long anything may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A device that runs in a folder of its own, with its page on a free port.
#[derive(Debug)]
pub struct RunningDevice {
    child: Child,
    lines: Receiver<String>,
    port: u16,
    state: PathBuf,
}

/// How a device ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// From the signal to the end.
    pub after: Duration,
}

impl RunningDevice {
    /// Starts a device in `folder`, with lines of JSON on its standard output and whatever else `configuration` (TOML) says. What
    /// it says of itself is kept in `device.log` there, its state in `state`.
    ///
    /// # Errors
    /// When it cannot be built or started.
    pub fn start(folder: &Path, configuration: &str) -> Result<Self> {
        Self::start_beside(folder, configuration, &[])
    }

    /// The same, with further cameras in the process, whose configurations `others` are.
    ///
    /// # Errors
    /// When it cannot be built or started.
    pub fn start_beside(folder: &Path, configuration: &str, others: &[PathBuf]) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let file = folder.join("lookhear.toml");
        let own = format!("[web]\nlisten = \"127.0.0.1:{port}\"\n[events]\nstdout = true\n");
        std::fs::write(&file, format!("{configuration}\n{own}"))?;
        let state = folder.join("state");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("device.log"))?;
        let mut child = program("lookhear")?
            .arg("run")
            .arg("--config")
            .arg(&file)
            .args(others.iter().flat_map(|other| [Path::new("--config"), other]))
            .arg("--state")
            .arg(&state)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("lookhear run cannot be started")?;
        let stdout = child.stdout.take().context("no standard output")?;
        Ok(Self {
            child,
            lines: reader(stdout),
            port,
            state: if others.is_empty() {
                state
            } else {
                state.join("lookhear")
            },
        })
    }

    /// The next line of JSON.
    ///
    /// # Errors
    /// When none comes, or it is not JSON.
    pub fn line(&self) -> Result<Value> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).with_context(|| format!("{line} is not JSON")),
            Err(RecvTimeoutError::Timeout) => bail!("no line came"),
            Err(RecvTimeoutError::Disconnected) => bail!("the device ended"),
        }
    }

    /// Asks the page for something; gives the status code and the body.
    ///
    /// # Errors
    /// When the page does not answer.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        self.http(&format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.port
        ))
    }

    /// Asks the device for something that changes it, with its token.
    ///
    /// # Errors
    /// When the page does not answer.
    pub fn request(&self, json: &str) -> Result<(u16, String)> {
        let token = std::fs::read_to_string(self.state.join("web-token")).context("there is no token")?;
        self.http(&format!(
            "POST /api/request HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
            self.port,
            token.trim(),
            json.len()
        ))
    }

    /// The status, once it is as wanted.
    ///
    /// # Errors
    /// When it does not become so.
    pub fn status_when(&self, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        let asked = Instant::now();
        let mut last = Value::Null;
        while asked.elapsed() < PATIENCE {
            if let Ok((200, body)) = self.get("/api/status") {
                last = serde_json::from_str(&body)?;
                if is_so(&last) {
                    return Ok(last);
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the status never became so; at last it was {last}")
    }

    /// Sends a signal by its name, as in `TERM`.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) -> Result<()> {
        let kill = std::process::Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()?;
        ensure!(kill.success(), "kill -s {name} failed");
        Ok(())
    }

    /// Ends it by a signal and waits for that.
    ///
    /// # Errors
    /// When it does not end.
    pub fn end(mut self, signal: &str) -> Result<Ended> {
        self.signal(signal)?;
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Ended {
                    code: status.code(),
                    after: asked.elapsed(),
                });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("it did not end")
    }

    fn http(&self, request: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok((code.context("no HTTP status")?, body.to_owned()))
    }
}

impl Drop for RunningDevice {
    fn drop(&mut self) {
        // A test that failed leaves nothing running; one that went well ended it before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reader(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
