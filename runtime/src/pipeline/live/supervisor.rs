//! Keeps the stages alive: one that fails or falls silent is started again alone, and the others go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lookhear_board::{Clock, PtzError};

use crate::actuation::status::StageStatus;
use crate::exchange::Pulse;

/// The wait before a failed stage is started again; it doubles with every failure in a row.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// And it grows no longer than this: a camera that is plugged in again is seen within so much.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// What only a person can mend, a wrong password say, is tried again this seldom: cameras lock out those who try more often.
const HOPELESS_WAIT: Duration = Duration::from_secs(60);
/// How often the log is reminded of the same trouble.
const REMINDER_PERIOD: Duration = Duration::from_secs(600);
/// A stage that held out for so long has recovered, and its next failure is a first one.
const RECOVERED_AFTER: Duration = Duration::from_secs(20);

/// How a stage came to its end.
pub type StageResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// What a stage does from when it is started until it fails or is asked to stop; called anew for every start.
pub type Work = Arc<dyn Fn(&Pulse) -> StageResult + Send + Sync>;

/// What the supervisor must know of a stage.
#[derive(Clone)]
pub struct StagePlan {
    /// Its name, as in [`StageStatus`].
    pub name: &'static str,
    /// What it does.
    pub work: Work,
    /// For how long it may give no sign of life.
    pub patience: Duration,
    /// For how long it may give none after its start, where it has much to load.
    pub start_patience: Duration,
}

/// Starts, watches, and starts again.
pub struct Supervisor {
    clock: Arc<dyn Clock>,
    stages: Vec<Stage>,
}

struct Stage {
    plan: StagePlan,
    running: Option<Running>,
    /// Stages that fell silent and have not ended yet: they may still hold their device.
    abandoned: Vec<JoinHandle<()>>,
    failures_in_row: u32,
    restarts: u64,
    started_once: bool,
    next_start: Duration,
    trouble: Option<String>,
    /// The trouble that the log told of last, and when.
    logged: Option<(String, Duration)>,
    recovery_is_news: bool,
}

struct Running {
    pulse: Pulse,
    thread: JoinHandle<()>,
    outcome: Receiver<StageResult>,
    since: Duration,
}

impl Supervisor {
    /// One that has not yet started anything; the first [`tick`](Self::tick) does.
    pub fn new(clock: Arc<dyn Clock>, plans: Vec<StagePlan>) -> Self {
        let stages = plans.into_iter().map(Stage::new).collect();
        Self { clock, stages }
    }

    /// Looks after every stage. Call it some ten times a second.
    pub fn tick(&mut self) {
        let now = self.clock.now();
        for stage in &mut self.stages {
            stage.look_after(now, &self.clock);
        }
    }

    /// How the stages are doing, in the order in which they were given.
    pub fn statuses(&self) -> Vec<StageStatus> {
        let now = self.clock.now();
        self.stages.iter().map(|stage| stage.status(now)).collect()
    }

    /// A stage that only the end of the process can free: it fell silent, its thread still sits in some call of the system, and
    /// a second one in its place does not get on either.
    pub fn stuck(&self) -> Option<&'static str> {
        let now = self.clock.now();
        let stuck = self
            .stages
            .iter()
            .filter(|stage| !stage.is_fresh(now) && !stage.is_first_successor_starting(now))
            .find(|stage| !stage.abandoned.is_empty());
        stuck.map(|stage| stage.plan.name)
    }

    /// Asks all stages but those named to end, and waits for them for at most `patience`; gives the names of those that did not.
    pub fn stop(&mut self, but: &[&str], patience: Duration) -> Vec<&'static str> {
        let leaving = |stage: &&mut Stage| !but.contains(&stage.plan.name);
        for stage in self.stages.iter_mut().filter(leaving) {
            if let Some(running) = &stage.running {
                running.pulse.stop();
            }
        }
        let deadline = self.clock.now() + patience;
        let mut late = Vec::new();
        for stage in self.stages.iter_mut().filter(leaving) {
            let Some(running) = stage.running.take() else { continue };
            while !running.thread.is_finished() && self.clock.now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
            if !running.thread.is_finished() {
                late.push(stage.plan.name);
            }
        }
        late
    }
}

impl Stage {
    fn new(plan: StagePlan) -> Self {
        Self {
            plan,
            running: None,
            abandoned: Vec::new(),
            failures_in_row: 0,
            restarts: 0,
            started_once: false,
            next_start: Duration::ZERO,
            trouble: None,
            logged: None,
            recovery_is_news: false,
        }
    }

    fn look_after(&mut self, now: Duration, clock: &Arc<dyn Clock>) {
        self.abandoned.retain(|thread| !thread.is_finished());
        if let Some(running) = self.running.take() {
            match running.outcome.try_recv() {
                Ok(Err(error)) => {
                    self.failed(now, running.since, error.to_string());
                    if is_for_a_person_to_mend(&*error) {
                        self.next_start = now + HOPELESS_WAIT;
                    }
                }
                Ok(Ok(())) => self.failed(now, running.since, "it ended of itself".to_owned()),
                Err(TryRecvError::Disconnected) => {
                    self.failed(now, running.since, "it ended without a word".to_owned())
                }
                Err(TryRecvError::Empty) => {
                    let silent_for = now.saturating_sub(running.pulse.last_beat());
                    if silent_for > self.patience(&running) {
                        running.pulse.stop();
                        self.abandoned.push(running.thread);
                        self.failed(now, running.since, "it gives no sign of life".to_owned());
                    } else {
                        self.notice_recovery(now, &running);
                        self.running = Some(running);
                    }
                }
            }
        }
        if self.running.is_none() && now >= self.next_start {
            self.start(now, clock);
        }
    }

    fn start(&mut self, now: Duration, clock: &Arc<dyn Clock>) {
        let pulse = Pulse::new(Arc::clone(clock));
        // Any beat later than this is the stage's own.
        let since = pulse.last_beat();
        let (sender, outcome) = sync_channel(1);
        let (work, stages_pulse) = (Arc::clone(&self.plan.work), pulse.clone());
        // What the stage logs names the device as what is logged here does.
        let span = tracing::Span::current();
        let started = thread::Builder::new().name(self.plan.name.to_owned()).spawn(move || {
            let _entered = span.entered();
            let result = catch_unwind(AssertUnwindSafe(|| work(&stages_pulse)))
                .unwrap_or_else(|panic| Err(format!("it panicked: {}", message(&*panic)).into()));
            // Where the supervisor gave this thread up, nobody listens any more.
            let _ = sender.send(result);
        });
        self.restarts += u64::from(self.started_once);
        self.started_once = true;
        match started {
            Ok(thread) => {
                self.running = Some(Running {
                    pulse,
                    thread,
                    outcome,
                    since,
                });
            }
            Err(error) => self.failed(now, now, format!("no thread can be had: {error}")),
        }
    }

    fn failed(&mut self, now: Duration, since: Duration, trouble: String) {
        if now.saturating_sub(since) >= RECOVERED_AFTER {
            self.failures_in_row = 0;
        }
        let wait = FIRST_WAIT
            .saturating_mul(1 << self.failures_in_row.min(10))
            .min(LONGEST_WAIT);
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        self.next_start = now + wait;
        // The same trouble again and again, as of a loose plug, would fill the journal of a year.
        let is_news = self
            .logged
            .as_ref()
            .is_none_or(|(before, at)| *before != trouble || now.saturating_sub(*at) > REMINDER_PERIOD);
        if is_news {
            tracing::warn!(stage = self.plan.name, "{trouble}; trying again");
            self.logged = Some((trouble.clone(), now));
        }
        self.recovery_is_news |= is_news;
        self.trouble = Some(trouble);
    }

    fn notice_recovery(&mut self, now: Duration, running: &Running) {
        let is_back = running.pulse.last_beat() > running.since && now.saturating_sub(running.since) > FIRST_WAIT;
        if is_back && self.trouble.take().is_some() && std::mem::take(&mut self.recovery_is_news) {
            tracing::info!(stage = self.plan.name, "works again");
        }
    }

    fn patience(&self, running: &Running) -> Duration {
        if running.pulse.last_beat() > running.since {
            self.plan.patience
        } else {
            self.plan.start_patience
        }
    }

    /// Whether the first that took the place of one that fell silent is still loading what it needs.
    fn is_first_successor_starting(&self, now: Duration) -> bool {
        self.failures_in_row <= 1
            && self.running.as_ref().is_some_and(|running| {
                running.pulse.last_beat() <= running.since
                    && now.saturating_sub(running.since) <= self.plan.start_patience
            })
    }

    fn is_fresh(&self, now: Duration) -> bool {
        self.trouble.is_none()
            && self.running.as_ref().is_some_and(|running| {
                running.pulse.last_beat() > running.since
                    && now.saturating_sub(running.pulse.last_beat()) <= self.plan.patience
            })
    }

    fn status(&self, now: Duration) -> StageStatus {
        StageStatus {
            name: self.plan.name.to_owned(),
            fresh: self.is_fresh(now),
            restarts: self.restarts,
            trouble: self.trouble.clone(),
        }
    }
}

/// Whether a device says that trying again helps nothing before somebody did something.
fn is_for_a_person_to_mend(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(PtzError::GiveUp { .. }))
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests;
