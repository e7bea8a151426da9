//! One picture and one sound.

use std::path::Path;
use std::time::Duration;

use lookhear::actuation::PerceptEvent;
use lookhear::actuation::events::{coordinates, rows};
use lookhear::attention::Attention;
use lookhear::perception::localiser::Localiser;
use lookhear::perception::percept::Percept;
use lookhear::pipeline::{OfflineSettings, Summary, Verdict};
use lookhear_board::{Picture, read_picture};
use lookhear_calibration::Level;
use serde::Serialize;

use super::clip::read_sound;

/// A picture and a sound, and what was found.
#[derive(Debug)]
pub struct Case {
    /// The picture.
    pub picture: Picture,
    /// What was found in it.
    pub percept: Percept,
    /// How loud the whole sound is.
    pub level: Level,
    /// The sound is too quiet to hold anything.
    pub silent: bool,
}

/// A case as a line of JSON.
#[derive(Debug, Serialize)]
pub struct CaseLine<'a> {
    id: &'a str,
    /// Raw similarities, rows from the top.
    heatmap: Vec<Vec<f32>>,
    /// `[x, y]` in 0..1 of the picture, from its top left corner.
    peak: [f32; 2],
    similarity: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f32>,
    accepted: bool,
}

/// A case that cannot be looked at, as a line of JSON.
#[derive(Debug, Serialize)]
pub struct CaseFailure<'a> {
    /// Of the case.
    pub id: &'a str,
    /// What is wrong, and what helps.
    pub error: String,
}

impl Case {
    /// Looks at a picture while the whole of a sound is heard.
    pub fn look(localiser: &mut Localiser, picture: Picture, sound: &Path) -> anyhow::Result<Self> {
        let track = read_sound(sound)?;
        let embedding = localiser.hear(&track.sound)?;
        let mut percept = localiser.localise(&picture, &embedding, Duration::ZERO)?;
        let level = Level::of(&track.sound.samples);
        let silent = level <= OfflineSettings::default().quiet;
        if silent {
            percept.hush();
        }
        Ok(Self {
            picture,
            percept,
            level,
            silent,
        })
    }

    /// Reads the picture, then looks.
    pub fn read(localiser: &mut Localiser, picture: &Path, sound: &Path) -> anyhow::Result<Self> {
        Self::look(localiser, read_picture(picture)?, sound)
    }

    /// As a line of JSON.
    pub fn line<'a>(&self, id: &'a str) -> CaseLine<'a> {
        CaseLine {
            id,
            heatmap: rows(&self.percept.heatmap),
            peak: coordinates(self.percept.peak),
            similarity: self.percept.similarity,
            probability: self.percept.probability,
            accepted: self.percept.accepted,
        }
    }

    /// As a percept that nobody attends to.
    pub fn event(&self) -> PerceptEvent {
        let percept = Some(&self.percept);
        PerceptEvent::new(Duration::ZERO, percept, &Attention::default(), self.level).with_heatmap(percept)
    }

    /// What it comes down to.
    pub fn verdict(&self, threshold: f32) -> Verdict {
        let mut summary = Summary::new(threshold);
        summary.add(&self.percept, self.silent);
        summary.verdict()
    }
}
