//! `lookhear run`: the device, for as long as it is not told to stop.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use lookhear::actuation::status::Status;
use lookhear::configuration::Configuration;
use lookhear::device::Device;
use lookhear::device::notify::Notifier;
use lookhear_board::{Clock, MonotonicClock};
use tracing_subscriber::EnvFilter;

use super::output::warn;

/// How often the stages are looked after.
const TURN: Duration = Duration::from_millis(50);
/// Stages that wait for their device do not keep systemd waiting for the start.
const READY_AFTER: Duration = Duration::from_secs(10);

/// `lookhear run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// The configuration [default: /etc/lookhear/lookhear.toml, or all defaults where there is none]
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Where the device keeps what it learned and was told [default: $STATE_DIRECTORY; else only the page's token
    /// is kept, where it was started]
    #[arg(long, value_name = "DIRECTORY")]
    state: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  lookhear run                                the first camera and microphone, the page on http://127.0.0.1:8080
  lookhear run --config ceiling.toml          as configured; `lookhear config --defaults` prints the keys
  RUST_LOG=lookhear=debug lookhear run        says what it does

Ctrl-C or SIGTERM ends it, with the camera at rest.";

impl Run {
    /// Runs.
    pub fn run(self) -> anyhow::Result<()> {
        log();
        let configuration = Configuration::read(self.config.as_deref())?;
        let asked_to_stop = Arc::new(AtomicBool::new(false));
        let handler = asked_to_stop.clone();
        ctrlc::set_handler(move || handler.store(true, Ordering::Release)).context("signals cannot be awaited")?;

        let state = self
            .state
            .or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from));
        if let Some(state) = &state {
            // A disk that is full or may not be written to takes the memory away and nothing else.
            if let Err(cause) = std::fs::create_dir_all(state) {
                warn(format_args!("nothing can be kept in {}: {cause}", state.display()));
            }
        }
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
        let mut device = Device::new(configuration, state.as_deref(), clock.clone())?;
        let mut notifier = Notifier::new();
        let started = clock.now();
        while !asked_to_stop.load(Ordering::Acquire) {
            device.tick();
            let status = device.status();
            if all_fresh(&status) || clock.now() - started > READY_AFTER {
                notifier.ready();
            }
            notifier.say(&sentence(&status));
            if device.stuck().is_none() {
                notifier.feed(&*clock);
            }
            std::thread::sleep(TURN);
        }
        notifier.stopping();
        for stage in device.stop() {
            warn(format_args!("{stage} did not end in time"));
        }
        Ok(())
    }
}

/// Sends what the program says of itself to standard error; under systemd, whose journal stamps every line, without the time.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,tract=warn,rumqttc=warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        builder.without_time().init();
    } else {
        builder.init();
    }
}

fn all_fresh(status: &Status) -> bool {
    !status.stages.is_empty() && status.stages.iter().all(|stage| stage.fresh)
}

/// How the device is doing, for `systemctl status`.
fn sentence(status: &Status) -> String {
    let troubled: Vec<&str> = status
        .stages
        .iter()
        .filter(|stage| stage.trouble.is_some())
        .map(|stage| stage.name.as_str())
        .collect();
    if !troubled.is_empty() {
        return format!("waiting for {}", troubled.join(", "));
    }
    match (status.paused, all_fresh(status)) {
        (_, false) => "starting".to_owned(),
        (true, true) => "paused".to_owned(),
        (false, true) => "at work".to_owned(),
    }
}
