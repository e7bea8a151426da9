//! The stage that attends and decides: percepts and requests in, a target and commands for the head out. It never waits for either.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lookhear_board::Orientation;

use super::head::{HeadLine, HeadReport, Told};
use super::perceive;
use super::supervisor::StageResult;
use super::throttle::stretched;
use crate::actuation::PerceptEvent;
use crate::actuation::controller::{Command, Controller, ControllerSettings, Situation};
use crate::actuation::lines::EventSink;
use crate::actuation::status::{Request, Status};
use crate::attention::optics::{CameraView, Optics, OpticsSettings};
use crate::attention::{Attender, Attention, AttentionSettings, Perceived};
use crate::exchange::{Bulletin, Latest, Pulse};

/// How often the controller decides, also while nothing is perceived.
const TICK: Duration = Duration::from_millis(50);
/// When no percept came for so long there is nothing to attend to; longer where they come seldom.
const STALE_AFTER: Duration = Duration::from_secs(2);
/// The shape of the picture until there is one.
const USUAL_ASPECT: (usize, usize) = (16, 9);

/// What the stage must know.
#[derive(Debug, Clone, PartialEq)]
pub struct AimSettings {
    /// The patience of attention.
    pub attention: AttentionSettings,
    /// How the camera is turned.
    pub controller: ControllerSettings,
    /// How much the camera sees.
    pub optics: OpticsSettings,
    /// From one percept to the next, on a cool machine.
    pub period: Duration,
    /// Whether events carry the whole heatmap.
    pub heatmap_in_events: bool,
}

/// What the stage shares with the others.
pub struct AimLines<'a> {
    /// From perception.
    pub perceived: &'a Latest<perceive::Perceived>,
    /// By what factor the machine's heat stretches the period.
    pub slowdown: &'a AtomicU32,
    /// To and from the head; `None` where the camera is fixed.
    pub head: Option<&'a HeadLine>,
    /// From whoever asks anything of the device.
    pub requests: &'a Mutex<Receiver<Request>>,
    /// For the outputs.
    pub status: &'a Bulletin<Status>,
    /// For whoever takes lines of JSON.
    pub events: Option<&'a EventSink>,
    /// Told when a person paused or resumed.
    pub on_pause: &'a (dyn Fn(bool) + Send + Sync),
}

/// Attends until it is asked to stop. Whether movement is paused it takes from the status, which outlives it.
///
/// # Errors
/// None of its own.
pub fn run(settings: &AimSettings, lines: &AimLines, pulse: &Pulse) -> StageResult {
    let mut aim = Aim::new(settings, lines);
    while !pulse.should_stop() {
        pulse.beat();
        aim.turn(pulse);
    }
    Ok(())
}

struct Aim<'a> {
    settings: &'a AimSettings,
    lines: &'a AimLines<'a>,
    attender: Attender,
    attention: Attention,
    controller: Option<Controller>,
    report: HeadReport,
    /// Which opening of the head the controller belongs to, and how many refusals it knows of.
    opened: u64,
    refused: u64,
    perceived: perceive::Perceived,
    /// When it came.
    arrived: Duration,
    optics: Optics,
    paused: bool,
    /// Whether it is paused, where the disk does not know yet.
    to_keep: Option<bool>,
}

impl<'a> Aim<'a> {
    fn new(settings: &'a AimSettings, lines: &'a AimLines<'a>) -> Self {
        let paused = lines.status.read().paused;
        if let Some(line) = lines.head {
            line.paused.store(paused, Ordering::Release);
        }
        Self {
            settings,
            lines,
            attender: Attender::new(settings.attention.clone()),
            attention: Attention::default(),
            controller: None,
            report: HeadReport::default(),
            opened: 0,
            refused: 0,
            perceived: perceive::Perceived::default(),
            arrived: Duration::ZERO,
            optics: Optics::new(&settings.optics, USUAL_ASPECT.0, USUAL_ASPECT.1),
            paused,
            to_keep: None,
        }
    }

    fn turn(&mut self, pulse: &Pulse) {
        let is_fresh = self.lines.perceived.take(&mut self.perceived, TICK);
        let now = pulse.now();
        if is_fresh {
            self.arrived = now;
        }
        let request = self.take_request();
        self.follow_head();
        if is_fresh && self.perceived.aspect > 0.0 {
            let height = 1000;
            self.optics = Optics::new(&self.settings.optics, (self.perceived.aspect * 1000.0) as usize, height);
        }
        self.attend(now, is_fresh);
        self.decide(now, request);
        self.publish(now, is_fresh);
        if let Some(paused) = self.to_keep.take() {
            (self.lines.on_pause)(paused);
        }
    }

    /// All that was asked since the last turn: of several movements the last, but a stop is never overtaken.
    fn take_request(&mut self) -> Option<Request> {
        let lines = self.lines;
        let requests = lines.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = None;
        while let Ok(request) = requests.try_recv() {
            match request {
                Request::Pause => self.pause(true),
                Request::Resume => self.pause(false),
                _ if taken == Some(Request::Stop) => {}
                _ => taken = Some(request),
            }
        }
        if taken == Some(Request::Home) {
            self.attender.forget();
        }
        taken
    }

    /// It counts at once; the disk is told of it once everything else was.
    fn pause(&mut self, paused: bool) {
        self.paused = paused;
        self.to_keep = Some(paused);
        if let Some(line) = self.lines.head {
            line.paused.store(paused, Ordering::Release);
        }
    }

    /// Takes in what the head said, and gets to know a head that is new.
    fn follow_head(&mut self) {
        let Some(line) = self.lines.head else { return };
        self.report = line.report.read();
        match &self.report.abilities {
            None => self.controller = None,
            Some(abilities) if self.controller.is_none() || self.opened != self.report.opened => {
                self.opened = self.report.opened;
                self.refused = self.report.refused;
                let allowed = self.settings.attention.allowed_zone;
                let controller = Controller::new(self.settings.controller.clone(), abilities.clone(), allowed);
                self.controller = Some(controller);
                // It knows of no movement; whatever the one before it began is ended.
                line.commands.put(&mut Some(Told {
                    command: Command::Stop,
                    picture: Duration::ZERO,
                    inference: Duration::ZERO,
                }));
            }
            Some(_) => {}
        }
    }

    /// From one percept to the next, as things stand.
    fn period(&self) -> Duration {
        stretched(self.settings.period, self.lines.slowdown)
    }

    fn orientation(&self) -> Orientation {
        self.controller
            .as_ref()
            .map(Controller::orientation)
            .unwrap_or_default()
    }

    fn attend(&mut self, now: Duration, is_fresh: bool) {
        let view = |orientation| CameraView {
            optics: self.optics,
            orientation,
        };
        let perceived = match &self.perceived.percept {
            Some(percept) if is_fresh => {
                let looked_at = match &self.controller {
                    Some(controller) => controller.looked_at(percept.stamp),
                    // A head that is away may have been turned by anybody; a fixed camera was not.
                    None if self.lines.head.is_some() => None,
                    None => Some(Orientation::default()),
                };
                looked_at.map_or(Perceived::Blanked, |orientation| {
                    Perceived::Percept(percept, view(orientation))
                })
            }
            None if is_fresh => Perceived::Nothing,
            _ if now.saturating_sub(self.arrived) > STALE_AFTER.max(3 * self.period()) => Perceived::Nothing,
            // The next percept is on its way.
            _ => return,
        };
        self.attention = self.attender.step(now, perceived, view(self.orientation()));
    }

    fn decide(&mut self, now: Duration, request: Option<Request>) {
        let period = self.period();
        let (Some(line), Some(controller)) = (self.lines.head, &mut self.controller) else {
            return;
        };
        line.alive.post(|alive| *alive = now);
        if self.report.refused > self.refused {
            self.refused = self.report.refused;
            controller.refused(now);
        }
        let stamp = self.perceived.stamp;
        let situation = Situation {
            attention: Some(self.attention),
            // How long percepts are apart, where that is long, says nothing against them.
            percept_age: (!stamp.is_zero()).then(|| now.saturating_sub(stamp).saturating_sub(period)),
            orientation: self.report.orientation,
            is_moving: self.report.is_moving,
            paused: self.paused,
            request,
        };
        let command = controller.step(now, &situation);
        if command != Command::Rest {
            line.commands.put(&mut Some(Told {
                command,
                picture: stamp,
                inference: self.perceived.inference,
            }));
        }
    }

    fn publish(&self, now: Duration, is_fresh: bool) {
        let (attention, paused) = (self.attention, self.paused);
        let orientation = self.controller.as_ref().map(Controller::orientation);
        let moving = self.controller.as_ref().is_some_and(Controller::is_moving);
        self.lines.status.post(|status| {
            status.stamp = now;
            status.attention = attention;
            status.paused = paused;
            status.orientation = orientation;
            status.moving = moving;
        });
        if let Some(events) = self.lines.events.filter(|_| is_fresh) {
            let percept = self.perceived.percept.as_ref();
            let event = PerceptEvent::new(self.perceived.stamp, percept, &attention, self.perceived.level);
            let with_heatmap = self.settings.heatmap_in_events;
            events.offer(&if with_heatmap {
                event.with_heatmap(percept)
            } else {
                event
            });
        }
    }
}
