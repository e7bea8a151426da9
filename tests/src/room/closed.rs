//! The loop: picture and sound → percept → attention → controller → head → picture.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use lookhear::actuation::{Command, Controller, ControllerSettings, Situation};
use lookhear::attention::{Attender, Attention, AttentionSettings, CameraView, Optics, OpticsSettings, Perceived};
use lookhear::perception::bundle::Bundle;
use lookhear::perception::localiser::Localiser;
use lookhear::perception::percept::Percept;
use lookhear::pipeline::OfflineSettings;
use lookhear_board::camera::panorama::Panorama;
use lookhear_board::ptz::{Eye, SimulatedHead, SimulatedHeadSettings};
use lookhear_board::{Clock, ManualClock, Orientation, Picture, Ptz};
use lookhear_calibration::Level;

use super::soundscape::{RATE_HZ, Soundscape};

/// Between two steps of the controller.
const STEP: Duration = Duration::from_millis(50);
/// Steps between two percepts: five a second.
const STEPS_A_PERCEPT: u64 = 4;
/// How old a picture is when its percept is there.
const PICTURE_AGE: Duration = Duration::from_millis(100);
/// Width and height of the frames.
const FRAME: (usize, usize) = (640, 360);

/// What a run takes place under.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// The head.
    pub head: SimulatedHeadSettings,
    /// The patience of attention.
    pub attention: AttentionSettings,
    /// How the camera is turned.
    pub controller: ControllerSettings,
    /// The lens.
    pub optics: OpticsSettings,
}

/// What was so at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// Since the run began.
    pub time: Duration,
    /// Where the camera really looked.
    pub looks: Orientation,
    /// What attention said.
    pub attention: Attention,
    /// What the head was told.
    pub command: Command,
    /// Of the percept that came at this step, if one did and the camera was at rest: its bearing, its similarity, and whether it
    /// was accepted.
    pub percept: Option<(Orientation, f32, bool)>,
}

/// A room, a model that listens in it, and a head.
pub struct Closed {
    clock: Arc<ManualClock>,
    began: Duration,
    panorama: Panorama,
    soundscape: Soundscape,
    localiser: Localiser,
    optics: Optics,
    field_of_view_degrees: f64,
    head: SimulatedHead,
    eye: Arc<Eye>,
    attender: Attender,
    controller: Controller,
    attention: Attention,
    last_stamp: Option<Duration>,
    steps: u64,
    heard_samples: u64,
    /// The latest sound, as long as the model listens.
    recent: Vec<f32>,
    /// The latest picture as the model understands it, and where it was taken: a camera at rest sees the same again.
    seen: Option<(Orientation, Vec<f32>)>,
    picture: Picture,
}

impl Closed {
    /// Prepares a run with the default model.
    ///
    /// # Errors
    /// When the model cannot be used.
    pub fn new(panorama: Panorama, soundscape: Soundscape, conditions: Conditions) -> Result<Self> {
        let localiser = Localiser::new(
            &Bundle::default_model()?,
            &lookhear::perception::encoder::Backend::default(),
        )?;
        ensure!(
            localiser.manifest().sound.rate_hz == RATE_HZ,
            "the room sounds at {RATE_HZ} Hz"
        );
        let clock = Arc::new(ManualClock::new(Duration::from_secs(10)));
        let head = SimulatedHead::new(clock.clone(), conditions.head);
        let allowed = conditions.attention.allowed_zone;
        Ok(Self {
            began: clock.now(),
            eye: head.eye(),
            controller: Controller::new(conditions.controller, head.abilities().clone(), allowed),
            attender: Attender::new(conditions.attention),
            optics: Optics::new(&conditions.optics, FRAME.0, FRAME.1),
            field_of_view_degrees: conditions.optics.horizontal_degrees(),
            clock,
            panorama,
            soundscape,
            localiser,
            head,
            attention: Attention::default(),
            last_stamp: None,
            steps: 0,
            heard_samples: 0,
            recent: Vec::new(),
            seen: None,
            picture: Picture::default(),
        })
    }

    /// Lets so many seconds pass, and tells what was so at every step.
    ///
    /// # Errors
    /// When picture or sound cannot be perceived, or the head refuses.
    pub fn run(&mut self, seconds: f64) -> Result<Vec<Record>> {
        let steps = (seconds / STEP.as_secs_f64()).round() as u64;
        (0..steps).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Result<Record> {
        self.clock.advance(STEP);
        let now = self.clock.now();
        let percept = if self.steps.is_multiple_of(STEPS_A_PERCEPT) {
            self.perceive(now)?
        } else {
            None
        };
        self.steps += 1;
        let situation = Situation {
            attention: Some(self.attention),
            percept_age: self.last_stamp.map(|stamp| now - stamp),
            orientation: self.head.orientation()?,
            is_moving: self.head.is_moving()?,
            ..Situation::default()
        };
        let command = self.controller.step(now, &situation);
        match command {
            Command::Rest => {}
            Command::MoveTo(to, speed) => self.head.move_to(to, speed)?,
            Command::Drive(velocity) => self.head.drive(velocity)?,
            Command::Stop => self.head.stop()?,
            Command::GoHome => self.head.go_home()?,
        }
        Ok(Record {
            time: now - self.began,
            looks: self.eye.orientation_at(now),
            attention: self.attention,
            command,
            percept,
        })
    }

    /// Hears the sound up to a picture and, if the camera was at rest, looks at that.
    fn perceive(&mut self, now: Duration) -> Result<Option<(Orientation, f32, bool)>> {
        let stamp = now - PICTURE_AGE;
        let view_now = self.view(self.controller.orientation());
        let Some(time) = stamp.checked_sub(self.began) else {
            return Ok(None);
        };
        self.listen(time)?;
        self.last_stamp = Some(stamp);
        let percept = match self.controller.looked_at(stamp) {
            None => {
                self.attention = self.attender.step(now, Perceived::Blanked, view_now);
                return Ok(None);
            }
            Some(orientation) => self.look(stamp, time)?.map(|percept| (percept, self.view(orientation))),
        };
        let perceived = match &percept {
            Some((percept, view)) => Perceived::Percept(percept, *view),
            None => Perceived::Nothing,
        };
        self.attention = self.attender.step(now, perceived, view_now);
        Ok(percept.map(|(percept, view)| (view.bearing(percept.centre), percept.similarity, percept.accepted)))
    }

    fn view(&self, orientation: Orientation) -> CameraView {
        CameraView {
            optics: self.optics,
            orientation,
        }
    }

    fn listen(&mut self, time: Duration) -> Result<()> {
        let end = (time.as_secs_f64() * f64::from(RATE_HZ)).round() as u64;
        let before = self.recent.len();
        self.soundscape.render(self.heard_samples..end, &mut self.recent);
        self.heard_samples = end;
        self.localiser.ear().push(&self.recent[before..])?;
        let window = (self.localiser.manifest().sound.window_seconds * RATE_HZ as f32) as usize;
        self.recent.drain(..self.recent.len().saturating_sub(window));
        Ok(())
    }

    fn look(&mut self, stamp: Duration, time: Duration) -> Result<Option<Percept>> {
        let Some(sound) = self.localiser.ear().embedding_until(time) else {
            return Ok(None);
        };
        let orientation = self.eye.orientation_at(stamp);
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != orientation) {
            self.panorama
                .look(orientation, self.field_of_view_degrees, FRAME, &mut self.picture);
            self.seen = Some((orientation, self.localiser.see(&self.picture)?.to_vec()));
        }
        let is_audible = Level::of(&self.recent) > OfflineSettings::default().quiet;
        Ok(self.seen.as_ref().map(|(_, seen)| {
            let mut percept = self.localiser.localise_again(seen, FRAME, &sound, stamp);
            percept.accepted &= is_audible;
            percept
        }))
    }
}
