//! A device put together from its configuration.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lookhear_board::camera::replay::Rounds;
use lookhear_board::health::{HealthMonitor, SYSTEM_DIRECTORY};
use lookhear_board::{CaptureError, Clock, ptz};
use lookhear_calibration::{Calibration, Level};

use super::fitted;
use super::memory::Memory;
use super::models::Models;
use super::sources;
use super::store::CalibrationStore;
use crate::actuation::lines::{self, EventQueue, EventSink};
use crate::actuation::status::{Requests, Status};
use crate::actuation::{mqtt, screen, web};
use crate::configuration::Configuration;
use crate::exchange::{Bulletin, Latest, Pulse, Viewfinder};
use crate::perception::bundle::{Bundle, BundleError};
use crate::pipeline::live::aim::{self, AimLines, AimSettings};
use crate::pipeline::live::capture::{FrameLine, run_camera, run_microphone};
use crate::pipeline::live::head::{self, HeadLine};
use crate::pipeline::live::perceive::{self, PerceptionLines, PerceptionPace};
use crate::pipeline::live::sound_line::sound_line;
use crate::pipeline::live::supervisor::{StagePlan, StageResult, Supervisor};
use crate::pipeline::live::throttle::Throttle;

/// Below this level there is nothing to look for, where neither a person nor a fit says otherwise.
pub const USUAL_QUIET_DECIBELS: f32 = -70.0;
/// How often the temperature is read.
const HEALTH_PERIOD: Duration = Duration::from_secs(2);
/// For how long a stage may be silent. Drivers time out well within it.
const PATIENCE: Duration = Duration::from_secs(6);
/// For how long after its start: on a GPU the first start compiles kernels.
const START_PATIENCE: Duration = Duration::from_secs(900);
/// How long a stage may take to end.
const STOP_PATIENCE: Duration = Duration::from_millis(1200);

/// Why a device cannot be put together: a person has to mend something.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] BundleError),
    /// The recording cannot be played.
    #[error(transparent)]
    Replay(#[from] CaptureError),
}

/// A device that runs.
pub struct Device {
    supervisor: Supervisor,
    status: Arc<Bulletin<Status>>,
    slowdown: Arc<AtomicU32>,
    throttle: Throttle,
    health: HealthMonitor,
    health_read: Option<Duration>,
    clock: Arc<dyn Clock>,
    has_head: bool,
}

/// What the stages share, for as long as the device lives.
struct Lines {
    frames: FrameLine,
    perceived: Latest<perceive::Perceived>,
    head: HeadLine,
    status: Arc<Bulletin<Status>>,
    memory: Mutex<Memory>,
}

impl Device {
    /// Puts a device together; nothing is opened or started before the first [`tick`](Self::tick). It shares `models` with the
    /// other devices of the process.
    ///
    /// # Errors
    /// When the model or a recording that is to be played cannot be read. Devices that are missing are no error: they are waited
    /// for.
    pub fn new(
        configuration: Configuration,
        state_directory: Option<&Path>,
        models: Arc<Models>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DeviceError> {
        let mut configuration = configuration;
        configuration.web.token_file = within(state_directory, &configuration.web.token_file);
        let calibration = recall_calibration(state_directory);
        fitted::apply_optics(&mut configuration, &calibration);
        let configuration = Arc::new(configuration);
        let bundle = Arc::new(read_bundle(&configuration, &calibration)?);
        let memory = Memory::recall(state_directory);
        let status = Arc::new(Bulletin::<Status>::default());
        status.post(|status| status.paused = memory.remembered().paused);
        let (screen_view, web_view) = (Arc::<Viewfinder>::default(), Arc::<Viewfinder>::default());
        let lines = Arc::new(Lines {
            frames: FrameLine {
                latest: Latest::default(),
                viewfinders: vec![screen_view.clone(), web_view.clone()],
            },
            perceived: Latest::default(),
            head: HeadLine::default(),
            status: status.clone(),
            memory: Mutex::new(memory),
        });
        let slowdown = Arc::new(AtomicU32::new(1));
        let rounds = sources::rounds(&configuration, clock.now())?;
        let has_head = configuration.ptz.kind != ptz::PtzKind::None;

        let mut plans = vec![camera_plan(&configuration, &lines, rounds, &clock)];
        let (sound_writer, sound_reader) = sound_line(bundle.manifest.sound.rate_hz);
        let model_rate_hz = bundle.manifest.sound.rate_hz;
        plans.push(microphone_plan(
            &configuration,
            Mutex::new(sound_writer),
            model_rate_hz,
            rounds,
            &clock,
        ));
        let pace = PerceptionPace {
            period: configuration.perception.period(),
            quiet: quiet(&configuration, &calibration),
            sound_delay_seconds: sound_delay_seconds(&configuration, &calibration),
        };
        plans.push({
            let (lines, bundle, slowdown) = (lines.clone(), bundle.clone(), slowdown.clone());
            let model = configuration.model.clone();
            let sound = Mutex::new(sound_reader);
            plan("perception", move |pulse| {
                let lines = PerceptionLines {
                    frames: &lines.frames,
                    sound: &sound,
                    perceived: &lines.perceived,
                    slowdown: &slowdown,
                    status: &lines.status,
                };
                let backend = model.backend()?;
                if let Some(caveat) = backend.caveat() {
                    tracing::warn!("{caveat}");
                }
                perceive::run(models.localiser(&bundle, &backend)?, pace, &lines, pulse)
            })
        });
        let (requests, asked) = Requests::line();
        let events = configuration.events.enabled().then(EventSink::queue);
        plans.push(aim_plan(
            &configuration,
            &lines,
            Mutex::new(asked),
            events.as_ref().map(|(sink, _)| sink.clone()),
            has_head,
            slowdown.clone(),
        ));
        if has_head {
            plans.push(head_plan(&configuration, &lines, &clock));
        }
        plans.extend(output_plans(
            &configuration,
            &bundle,
            &lines,
            [screen_view, web_view],
            &requests,
        ));
        if let Some((_, queue)) = events {
            plans.push(events_plan(&configuration, queue));
        }
        Ok(Self {
            supervisor: Supervisor::new(clock.clone(), plans),
            status,
            slowdown,
            throttle: Throttle::new(configuration.throttle),
            health: HealthMonitor::new(Path::new(SYSTEM_DIRECTORY)),
            health_read: None,
            clock,
            has_head,
        })
    }

    /// Looks after the stages and the temperature. Call it some ten times a second.
    pub fn tick(&mut self) {
        self.supervisor.tick();
        let now = self.clock.now();
        let temperature = self.health_is_due(now).then(|| self.health.read().hottest_celsius);
        let factor = temperature.map(|celsius| self.throttle.step(now, celsius));
        if let Some(factor) = factor {
            let before = self.slowdown.swap(factor, Ordering::Relaxed);
            if factor != before {
                tracing::warn!(
                    "the machine is at {temperature:?} °C: percepts come {factor} times as seldom as configured"
                );
            }
        }
        let stages = self.supervisor.statuses();
        let perception_is_gone = stages.iter().any(|stage| stage.name == "perception" && !stage.fresh);
        self.status.post(|status| {
            status.stamp = now;
            status.stages = stages;
            // Whoever perceives no more has nothing to say of what sounds now.
            if perception_is_gone {
                status.percept = None;
                status.level = Level::SILENCE;
            }
            if let (Some(celsius), Some(factor)) = (temperature, factor) {
                status.temperature_celsius = celsius;
                status.throttled = factor > 1;
            }
        });
    }

    fn health_is_due(&mut self, now: Duration) -> bool {
        let is_due = self
            .health_read
            .is_none_or(|read| now.saturating_sub(read) >= HEALTH_PERIOD);
        if is_due {
            self.health_read = Some(now);
        }
        is_due
    }

    /// How the device is doing.
    pub fn status(&self) -> Status {
        self.status.read()
    }

    /// A stage that only the end of the process can free.
    pub fn stuck(&self) -> Option<&'static str> {
        self.supervisor.stuck()
    }

    /// Ends all stages, with the camera at rest; gives the names of those that did not end in time.
    pub fn stop(&mut self) -> Vec<&'static str> {
        let mut late = Vec::new();
        if self.has_head {
            // The head first: whatever hangs elsewhere, the camera comes to rest.
            let others: Vec<String> = self.supervisor.statuses().into_iter().map(|stage| stage.name).collect();
            let others: Vec<&str> = others
                .iter()
                .map(String::as_str)
                .filter(|name| *name != "ptz")
                .collect();
            late.extend(self.supervisor.stop(&others, STOP_PATIENCE));
        }
        late.extend(self.supervisor.stop(&[], STOP_PATIENCE / 2));
        late
    }
}

/// A plan whose patience exceeds the driver's own, so that a stage is not given up while its device is merely slow.
fn patient(mut plan: StagePlan, driver_timeout_seconds: f64) -> StagePlan {
    let timeout = Duration::try_from_secs_f64(driver_timeout_seconds).unwrap_or_default();
    plan.patience = plan.patience.max(2 * timeout + Duration::from_secs(3));
    plan.start_patience = plan.start_patience.max(2 * plan.patience);
    plan
}

fn plan(name: &'static str, work: impl Fn(&Pulse) -> StageResult + Send + Sync + 'static) -> StagePlan {
    StagePlan {
        name,
        work: Arc::new(work),
        patience: PATIENCE,
        start_patience: if name == "perception" {
            START_PATIENCE
        } else {
            2 * PATIENCE
        },
    }
}

fn camera_plan(
    configuration: &Arc<Configuration>,
    lines: &Arc<Lines>,
    rounds: Option<Rounds>,
    clock: &Arc<dyn Clock>,
) -> StagePlan {
    let (configuration, lines, clock) = (configuration.clone(), lines.clone(), clock.clone());
    let timeout_seconds = configuration.camera.timeout_seconds;
    let plan = plan("camera", move |pulse| {
        let mut camera = sources::open_camera(&configuration, rounds, &clock)?;
        run_camera(&mut camera, &lines.frames, &lines.status, pulse)
    });
    patient(plan, timeout_seconds)
}

fn microphone_plan(
    configuration: &Arc<Configuration>,
    line: Mutex<crate::pipeline::live::sound_line::SoundWriter>,
    model_rate_hz: u32,
    rounds: Option<Rounds>,
    clock: &Arc<dyn Clock>,
) -> StagePlan {
    let (configuration, clock) = (configuration.clone(), clock.clone());
    let timeout_seconds = configuration.microphone.timeout_seconds;
    let plan = plan("microphone", move |pulse| {
        let mut microphone = sources::open_microphone(&configuration, rounds, &clock)?;
        run_microphone(&mut microphone, &line, model_rate_hz, pulse)
    });
    patient(plan, timeout_seconds)
}

fn aim_plan(
    configuration: &Configuration,
    lines: &Arc<Lines>,
    asked: Mutex<std::sync::mpsc::Receiver<crate::actuation::status::Request>>,
    events: Option<EventSink>,
    has_head: bool,
    slowdown: Arc<AtomicU32>,
) -> StagePlan {
    let mut attention = configuration.attention.clone();
    // Where percepts come seldom, each vouches for longer, and a pause is not one percept that found nothing.
    let period = configuration.perception.period();
    attention.percept_reach = attention.percept_reach.max(2 * period);
    attention.pause = attention.pause.max(2 * period);
    let settings = AimSettings {
        period,
        attention,
        controller: configuration.controller.clone(),
        optics: configuration.optics,
        heatmap_in_events: configuration.events.heatmap,
    };
    let lines = lines.clone();
    plan("attention", move |pulse| {
        let on_pause = |paused| {
            let mut memory = lines.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.keep(|remembered| remembered.paused = paused);
        };
        let lines = AimLines {
            slowdown: &slowdown,
            perceived: &lines.perceived,
            head: has_head.then_some(&lines.head),
            requests: &asked,
            status: &lines.status,
            events: events.as_ref(),
            on_pause: &on_pause,
        };
        aim::run(&settings, &lines, pulse)
    })
}

fn head_plan(configuration: &Configuration, lines: &Arc<Lines>, clock: &Arc<dyn Clock>) -> StagePlan {
    let (settings, deadman) = (configuration.ptz.clone(), configuration.controller.deadman);
    let (lines, clock) = (lines.clone(), clock.clone());
    let timeout_seconds = configuration
        .ptz
        .timeout_seconds
        .max(configuration.ptz.onvif.timeout_seconds);
    let plan = plan("ptz", move |pulse| match ptz::open(&settings, clock.clone())? {
        Some(mut head) => head::run(&mut *head, &lines.head, deadman, pulse),
        None => Ok(()),
    });
    patient(plan, timeout_seconds)
}

fn output_plans(
    configuration: &Arc<Configuration>,
    bundle: &Bundle,
    lines: &Arc<Lines>,
    [screen_view, web_view]: [Arc<Viewfinder>; 2],
    requests: &Requests,
) -> Vec<StagePlan> {
    let mut plans = Vec::new();
    let input = bundle.manifest.picture.clone();
    if configuration.screen.kind != lookhear_board::display::ScreenKind::None {
        let (configuration, lines, input) = (configuration.clone(), lines.clone(), input.clone());
        plans.push(plan("screen", move |pulse| {
            Ok(screen::run(
                &configuration.screen,
                &screen_view,
                &lines.status,
                &input,
                pulse,
            )?)
        }));
    }
    if configuration.web.enabled {
        let (configuration, status, requests) = (configuration.clone(), lines.status.clone(), requests.clone());
        plans.push(plan("web", move |pulse| {
            let (status, requests) = (status.clone(), requests.clone());
            Ok(web::run(
                &configuration.web,
                input.clone(),
                status,
                web_view.clone(),
                requests,
                pulse,
            )?)
        }));
    }
    if configuration.mqtt.enabled {
        let (configuration, status, requests) = (configuration.clone(), lines.status.clone(), requests.clone());
        plans.push(plan("mqtt", move |pulse| {
            Ok(mqtt::run(&configuration.mqtt, &status, &requests, pulse)?)
        }));
    }
    plans
}

fn events_plan(configuration: &Configuration, queue: EventQueue) -> StagePlan {
    let settings = configuration.events.clone();
    let queue = Mutex::new(queue);
    plan("events", move |pulse| {
        let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(lines::run(&settings, &queue, pulse)?)
    })
}

fn within(state_directory: Option<&Path>, path: &Path) -> PathBuf {
    state_directory.map_or_else(|| path.to_owned(), |directory| directory.join(path))
}

fn read_bundle(configuration: &Configuration, calibration: &Calibration) -> Result<Bundle, BundleError> {
    let mut bundle = Bundle::read_or_default(configuration.model.path.as_deref())?;
    let fitted = calibration
        .threshold
        .as_ref()
        .and_then(|fitted| fitted.for_source(&bundle.manifest.identity()));
    if let Some(threshold) = configuration.model.threshold.or(fitted.map(|fit| fit.threshold)) {
        bundle.manifest.threshold.similarity = threshold;
    }
    Ok(bundle)
}

fn quiet(configuration: &Configuration, calibration: &Calibration) -> Level {
    let fitted = calibration
        .noise_floor
        .as_ref()
        .and_then(|fitted| fitted.for_source(&sources::microphone_name(configuration)));
    configuration
        .perception
        .quiet()
        .or(fitted.map(|fit| fit.gate))
        .unwrap_or(Level::from_decibels(USUAL_QUIET_DECIBELS))
}

/// By how much the sound that belongs to a picture is stamped later: as a person says, else as fitted for this camera and this
/// microphone, else not at all.
pub fn sound_delay_seconds(configuration: &Configuration, calibration: &Calibration) -> f64 {
    let fitted = calibration
        .latency
        .as_ref()
        .and_then(|fitted| fitted.for_source(&sources::pair_name(configuration)));
    let chosen = configuration.perception.sound_delay_seconds;
    chosen.or(fitted.map(|fit| fit.sound_delay_seconds)).unwrap_or(0.0)
}

/// What was fitted on this device; nothing where nothing was, or it cannot be read.
fn recall_calibration(state_directory: Option<&Path>) -> Calibration {
    let Some(directory) = state_directory else {
        return Calibration::default();
    };
    CalibrationStore::new(directory).calibration().unwrap_or_else(|cause| {
        tracing::warn!("{cause}");
        Calibration::default()
    })
}

#[cfg(test)]
mod tests {
    use lookhear_calibration::latency::SeenBy;
    use lookhear_calibration::{Fitted, LatencyFit};

    use super::*;

    #[test]
    fn a_person_decides_before_a_fit_and_a_fit_holds_for_its_devices_alone() {
        let mut configuration = Configuration::default();
        let mut calibration = Calibration::default();
        assert_eq!(sound_delay_seconds(&configuration, &calibration), 0.0);
        let fit = LatencyFit {
            sound_delay_seconds: 0.125,
            uncertainty_seconds: 0.01,
            pairs: 8,
            seen_by: SeenBy::Flash,
        };
        let source = sources::pair_name(&configuration);
        calibration.latency = Some(Fitted { source, fit });
        assert_eq!(sound_delay_seconds(&configuration, &calibration), 0.125);
        configuration.perception.sound_delay_seconds = Some(-0.5);
        assert_eq!(sound_delay_seconds(&configuration, &calibration), -0.5);
        configuration.perception.sound_delay_seconds = None;
        configuration.microphone.device = "hw:CARD=Other".to_owned();
        assert_eq!(sound_delay_seconds(&configuration, &calibration), 0.0);
    }
}
