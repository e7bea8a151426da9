//! A clip, picture by picture, with the sound that belongs to each: the window that ends at the picture's stamp.

use std::time::Duration;

use lookhear_board::{Frame, Orientation};
use lookhear_calibration::Level;

use super::sound_feed::SoundFeed;
use crate::attention::{Attender, Attention, AttentionSettings, CameraView, Optics, OpticsSettings, Perceived};
use crate::perception::localiser::{Localiser, LocaliserError};
use crate::perception::percept::Percept;

/// The stretch of sound before a picture whose level the meter shows.
const METER_WINDOW: Duration = Duration::from_millis(150);

/// By how much a picture may come early and still be perceived: stamps are rounded to the ticks of their container.
const EARLY: Duration = Duration::from_millis(2);

/// How a clip is run.
#[derive(Debug, Clone, PartialEq)]
pub struct OfflineSettings {
    /// The least time between two percepts; every picture in between is shown with the latest.
    pub perception_period: Duration,
    /// Quieter than this there is nothing to look for, whatever the model says.
    pub quiet: Level,
    /// The patience of attention.
    pub attention: AttentionSettings,
    /// Of the camera that took the clip. It is taken to have stood still: its bearings count from where it looked.
    pub optics: OpticsSettings,
}

impl Default for OfflineSettings {
    fn default() -> Self {
        Self {
            perception_period: Duration::from_millis(200),
            quiet: Level::from_decibels(-70.0),
            // A film stays as it was taken: there is nothing to frame.
            attention: AttentionSettings {
                framing: Duration::ZERO,
                ..AttentionSettings::default()
            },
            optics: OpticsSettings::default(),
        }
    }
}

/// What is known at one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment<'a> {
    /// The latest percept; `None` before there was sound enough for one.
    pub percept: Option<&'a Percept>,
    /// Perception and attention are of this very picture, not of one before.
    pub fresh: bool,
    /// What attention makes of it.
    pub attention: Attention,
    /// How loud the sound is that was listened to for the percept.
    pub level: Level,
    /// The sound that was listened to is too quiet to hold anything.
    pub silent: bool,
    /// How loud it is just now.
    pub meter: Level,
}

/// Runs a clip.
#[derive(Debug)]
pub struct Offline {
    localiser: Localiser,
    feed: SoundFeed,
    settings: OfflineSettings,
    attender: Attender,
    next_due: Duration,
    percept: Option<Percept>,
    attention: Attention,
    level: Level,
}

impl Offline {
    /// Prepares to run a clip with its sound, which [`SoundFeed`] gives at the rate of the localiser's ear.
    pub fn new(localiser: Localiser, feed: SoundFeed, settings: OfflineSettings) -> Self {
        Self {
            localiser,
            feed,
            attender: Attender::new(settings.attention.clone()),
            settings,
            next_due: Duration::ZERO,
            percept: None,
            attention: Attention::default(),
            level: Level::SILENCE,
        }
    }

    /// Takes in the next picture and the sound up to it.
    pub fn advance(&mut self, frame: &Frame) -> Result<Moment<'_>, LocaliserError> {
        let fresh = frame.stamp + EARLY >= self.next_due;
        if fresh {
            self.perceive(frame)?;
            self.next_due = frame.stamp + self.settings.perception_period;
        }
        Ok(Moment {
            percept: self.percept.as_ref(),
            fresh,
            attention: self.attention,
            level: self.level,
            silent: self.level <= self.settings.quiet,
            meter: self.feed.level(frame.stamp, METER_WINDOW),
        })
    }

    fn perceive(&mut self, frame: &Frame) -> Result<(), LocaliserError> {
        let Self {
            localiser,
            feed,
            settings,
            ..
        } = self;
        localiser.ear().push(feed.until(frame.stamp))?;
        let window = Duration::from_secs_f32(localiser.manifest().sound.window_seconds);
        self.level = feed.level(frame.stamp, window);
        let sound = feed
            .sound_time(frame.stamp)
            .and_then(|moment| localiser.ear().embedding_until(moment));
        self.percept = match sound {
            Some(sound) => {
                let mut percept = localiser.localise(&frame.picture, &sound, frame.stamp)?;
                if self.level <= settings.quiet {
                    percept.hush();
                }
                Some(percept)
            }
            None => None,
        };
        let view = CameraView {
            optics: Optics::new(&settings.optics, frame.picture.width, frame.picture.height),
            orientation: Orientation::default(),
        };
        let perceived = match &self.percept {
            Some(percept) => Perceived::Percept(percept, view),
            None => Perceived::Nothing,
        };
        self.attention = self.attender.step(frame.stamp, perceived, view);
        Ok(())
    }
}
