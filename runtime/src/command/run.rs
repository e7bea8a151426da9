//! `lookhear run`: the device, or several in one process, for as long as it is not told to stop.

mod cameras;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use lookhear::actuation::status::Status;
use lookhear::device::notify::Notifier;
use lookhear::device::{Device, Models};
use lookhear_board::{Clock, MonotonicClock};
use tracing_subscriber::EnvFilter;

use self::cameras::{Camera, cameras};
use super::output::warn;

/// How often the stages are looked after.
const TURN: Duration = Duration::from_millis(50);
/// Stages that wait for their device do not keep systemd waiting for the start.
const READY_AFTER: Duration = Duration::from_secs(10);

/// `lookhear run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// The configuration [default: /etc/lookhear/lookhear.toml, or all defaults where there is none]; given several times, one
    /// camera each: they are named after their files, and those with the same model share it
    #[arg(long, value_name = "FILE.toml")]
    config: Vec<PathBuf>,
    /// Where the device keeps what it learned and was told [default: $STATE_DIRECTORY; else only the page's token
    /// is kept, where it was started]; of several cameras, each in a directory of its name there
    #[arg(long, value_name = "DIRECTORY")]
    state: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  lookhear run                                the first camera and microphone, the page on http://127.0.0.1:8080
  lookhear run --config ceiling.toml          as configured; `lookhear config --defaults` prints the keys
  lookhear run --config north.toml --config south.toml
                                              two cameras that share the model in memory
  RUST_LOG=lookhear=debug lookhear run        says what it does

Ctrl-C or SIGTERM ends it, with the camera at rest.";

impl Run {
    /// Runs.
    pub fn run(self) -> anyhow::Result<()> {
        log();
        let asked_to_stop = Arc::new(AtomicBool::new(false));
        let handler = asked_to_stop.clone();
        ctrlc::set_handler(move || handler.store(true, Ordering::Release)).context("signals cannot be awaited")?;

        let state = self
            .state
            .or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from));
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
        let models = Arc::new(Models::default());
        let mut devices = cameras(&self.config, state.as_deref())?
            .into_iter()
            .map(|camera| Served::new(camera, &models, &clock))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mut notifier = Notifier::new();
        let started = clock.now();
        while !asked_to_stop.load(Ordering::Acquire) {
            devices.iter_mut().for_each(Served::tick);
            let statuses: Vec<Status> = devices.iter().map(|served| served.device.status()).collect();
            if statuses.iter().all(all_fresh) || clock.now() - started > READY_AFTER {
                notifier.ready();
            }
            let sentences = devices
                .iter()
                .zip(&statuses)
                .map(|(served, status)| served.named(sentence(status)));
            notifier.say(&sentences.collect::<Vec<_>>().join("; "));
            if devices.iter().all(|served| served.device.stuck().is_none()) {
                notifier.feed(&*clock);
            }
            std::thread::sleep(TURN);
        }
        notifier.stopping();
        // All at once: systemd waits for the last, and each has its camera to bring to rest.
        std::thread::scope(|scope| {
            for served in &mut devices {
                scope.spawn(|| served.stop());
            }
        });
        Ok(())
    }
}

/// One of the devices of this process.
struct Served {
    name: Option<String>,
    device: Device,
    /// Names the camera in what its stages log.
    span: tracing::Span,
}

impl Served {
    fn new(camera: Camera, models: &Arc<Models>, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        if let Some(state) = &camera.state {
            // A disk that is full or may not be written to takes the memory away and nothing else.
            if let Err(cause) = std::fs::create_dir_all(state) {
                warn(format_args!("nothing can be kept in {}: {cause}", state.display()));
            }
        }
        let span = match &camera.name {
            Some(name) => tracing::info_span!("camera", name),
            None => tracing::Span::none(),
        };
        let device = span.in_scope(|| {
            Device::new(
                camera.configuration,
                camera.state.as_deref(),
                models.clone(),
                clock.clone(),
            )
        })?;
        Ok(Self {
            name: camera.name,
            device,
            span,
        })
    }

    fn tick(&mut self) {
        self.span.in_scope(|| self.device.tick());
    }

    fn stop(&mut self) {
        for stage in self.span.in_scope(|| self.device.stop()) {
            warn(self.named(format!("{stage} did not end in time")));
        }
    }

    /// Says whose it is, where there are several.
    fn named(&self, words: String) -> String {
        match &self.name {
            Some(name) => format!("{name}: {words}"),
            None => words,
        }
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
