//! What is known of a row, in a file of its own: what tells a finished row from one that is to be done.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::dataset::Profile;
use crate::evaluate::baselines::PictureBaselines;
use crate::evaluate::test_set::{Case, Measurement};
use crate::fit::data::DataRecord;
use crate::fit::plan::Plan;
use crate::fit::record::Start;
use lookhear_board::write_whole;

/// A row so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What its weights follow from.
    pub origin: Origin,
    /// Seconds that its training took, without those of a process that was killed.
    pub seconds: f64,
    /// What has become of it.
    pub state: State,
}

/// All that decides the weights, but for the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// How it is trained.
    pub plan: Plan,
    /// On what.
    pub data: DataRecord,
    /// Beginning with what.
    pub start: Start,
}

/// What has become of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It goes on from its last checkpoint.
    Unfinished,
    /// Training or scoring came to an end before its time.
    Failed {
        /// In words.
        cause: String,
    },
    /// It has been trained and scored.
    Finished {
        /// Passes over the data that were done.
        epochs: usize,
        /// What it was scored on.
        test: TestRecord,
        /// What it scored.
        scores: Scores,
    },
}

/// What rows are scored on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRecord {
    /// The layout of the test set, or `held-out` of a corpus.
    pub kind: String,
    /// Its items.
    pub items: usize,
    /// Listed items that are not there.
    pub missing: usize,
    /// How pictures and boxes are brought together.
    pub profile: Profile,
    /// Of ids, lengths of files and boxes.
    pub sha256: String,
}

/// What a row scored, item by item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// In the order of the items; those that cannot be read are left out.
    pub cases: Vec<CaseRecord>,
    /// Of each quad, whether the sound was found in its quadrant.
    pub quads: Vec<bool>,
}

/// What a row scored on one item, and what needs no input; cIoU in 0..1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// The item's.
    pub id: String,
    /// Of the row's map.
    pub ciou: f64,
    /// The peak of the map lies in one of the boxes.
    pub peak_in_box: bool,
    /// cIoU of the centred disk.
    pub centred_disk: f64,
    /// cIoU of the whole picture.
    pub whole_picture: f64,
    /// The most that a mask of half the area can reach.
    pub ceiling: f64,
    /// The middle lies in one of the boxes.
    pub centre_in_box: bool,
}

impl Record {
    /// A row that nothing has been done for.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            seconds: 0.0,
            state: State::Unfinished,
        }
    }

    /// Reads one; `None` where there is none yet.
    pub fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(cause).with_context(|| format!("the row {path:?} cannot be read")),
        };
        let record = serde_json::from_slice(&bytes)
            .with_context(|| format!("{path:?} is no row of an ablation; remove it to score the row again"))?;
        Ok(Some(record))
    }

    /// Puts it in the place of the old one.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec(self)?;
        write_whole(path, &bytes).with_context(|| format!("the row {path:?} cannot be written"))
    }

    /// Its scores on a test set, where it has them.
    pub fn scores_on(&self, on: &TestRecord) -> Option<&Scores> {
        match &self.state {
            State::Finished { test, scores, .. } if test == on => Some(scores),
            _ => None,
        }
    }
}

impl Scores {
    /// Of a measurement.
    pub fn of(measurement: &Measurement) -> Self {
        let quads = measurement.quads.iter();
        Self {
            cases: measurement.cases.iter().map(CaseRecord::of).collect(),
            quads: quads.map(|quad| quad.sounding == quad.found).collect(),
        }
    }
}

impl CaseRecord {
    fn of(case: &Case) -> Self {
        let PictureBaselines {
            centred_disk,
            whole_picture,
            ceiling,
            centre_in_box,
        } = case.baselines;
        Self {
            id: case.id.clone(),
            ciou: case.ciou,
            peak_in_box: case.peak_in_box,
            centred_disk,
            whole_picture,
            ceiling,
            centre_in_box,
        }
    }
}
