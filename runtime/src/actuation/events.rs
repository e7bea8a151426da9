//! Percepts as lines of JSON, for other programs.
//!
//! One object a line. The schema `lookhear.percept.v1`:
//!
//! | key | value |
//! |---|---|
//! | `schema` | `"lookhear.percept.v1"`; a change that breaks readers gets a new number, a new key does not |
//! | `time` | seconds: of the picture, from the start of a clip or on the clock of a live camera |
//! | `state` | what attention is doing: `idle`, `candidate`, `tracking`, `holding`, `home` |
//! | `target` | `[x, y]` of what attention looks at, or `null` |
//! | `bearing` | `[pan, tilt]` in degrees, to the right and upward from the head's zero: where the camera is to look; `null` where it does not turn |
//! | `confidence` | 0..1: how sure the target is: how likely the percepts of late were right, for as long as there is evidence |
//! | `peak` | `[x, y]` of the greatest similarity, or `null` before there was sound enough |
//! | `similarity` | the greatest raw similarity, −1..1, or `null` before there was sound enough |
//! | `probability` | 0..1: how likely the source is in view, at the peak; left out where the model does not know |
//! | `accepted` | whether something in view makes the sound: the similarity reaches the threshold and there is a sound |
//! | `level_dbfs` | how loud the sound is that was listened to, in decibels below full scale (−144.5 is digital silence) |
//! | `heatmap` | raw similarities, rows from the top; left out where nobody asked for it or nothing was perceived |
//!
//! Places are 0..1 of the picture's width and height from its top left corner.

use std::io::{self, Write};
use std::time::Duration;

use lookhear_calibration::Level;
use serde::{Deserialize, Serialize};

use crate::attention::{Attention, State};
use crate::perception::heatmap::{Heatmap, Point};
use crate::perception::percept::Percept;

/// Name and version of the schema.
pub const PERCEPT_SCHEMA: &str = "lookhear.percept.v1";

/// What was perceived at one moment, and what attention made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerceptEvent {
    /// [`PERCEPT_SCHEMA`].
    pub schema: String,
    /// Of the picture, in seconds.
    pub time: f64,
    /// What attention is doing.
    pub state: State,
    /// What attention looks at, `[x, y]` in 0..1.
    pub target: Option<[f32; 2]>,
    /// Where the camera is to look, `[pan, tilt]` in degrees; `None` for a camera that does not turn.
    #[serde(default)]
    pub bearing: Option<[f64; 2]>,
    /// How sure the target is, 0..1.
    pub confidence: f32,
    /// Where the greatest similarity lies, `[x, y]` in 0..1.
    pub peak: Option<[f32; 2]>,
    /// The greatest raw similarity, −1..1.
    pub similarity: Option<f32>,
    /// How likely the source is in view, at the peak, 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f32>,
    /// Something in view makes the sound.
    pub accepted: bool,
    /// How loud the sound is that was listened to.
    pub level_dbfs: Level,
    /// Raw similarities, rows from the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heatmap: Option<Vec<Vec<f32>>>,
}

impl PerceptEvent {
    /// The event of one moment, without the heatmap.
    pub fn new(time: Duration, percept: Option<&Percept>, attention: &Attention, level: Level) -> Self {
        Self {
            schema: PERCEPT_SCHEMA.to_owned(),
            time: time.as_secs_f64(),
            state: attention.state,
            target: attention.target.map(coordinates),
            bearing: attention
                .bearing
                .map(|bearing| [bearing.pan_degrees, bearing.tilt_degrees]),
            confidence: attention.confidence,
            peak: percept.map(|percept| coordinates(percept.peak)),
            similarity: percept.map(|percept| percept.similarity),
            probability: percept.and_then(|percept| percept.probability),
            accepted: percept.is_some_and(|percept| percept.accepted),
            level_dbfs: level,
            heatmap: None,
        }
    }

    /// With the heatmap, where there is one.
    pub fn with_heatmap(self, percept: Option<&Percept>) -> Self {
        Self {
            heatmap: percept.map(|percept| rows(&percept.heatmap)),
            ..self
        }
    }
}

/// Writes one object as a line, and hands it on at once.
pub fn write_line(writer: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(object).map_err(io::Error::from)?;
    line.push(b'\n');
    writer.write_all(&line)?;
    writer.flush()
}

/// A point as JSON has it.
pub fn coordinates(point: Point) -> [f32; 2] {
    [point.x, point.y]
}

/// A heatmap as JSON has it.
pub fn rows(heatmap: &Heatmap) -> Vec<Vec<f32>> {
    heatmap.rows().map(<[f32]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use lookhear_board::Orientation;

    use super::*;

    fn percept() -> Percept {
        Percept {
            heatmap: Heatmap {
                width: 2,
                height: 1,
                values: vec![0.25, 0.5],
            },
            peak: Point { x: 0.75, y: 0.5 },
            centre: Point { x: 0.75, y: 0.5 },
            similarity: 0.5,
            probability: None,
            accepted: true,
            stamp: Duration::from_millis(1500),
        }
    }

    fn line(event: &PerceptEvent) -> String {
        let mut bytes = Vec::new();
        write_line(&mut bytes, event).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_schema_stands() {
        let attention = Attention {
            state: State::Tracking,
            target: Some(Point { x: 0.75, y: 0.5 }),
            bearing: Some(Orientation {
                pan_degrees: -12.5,
                tilt_degrees: 3.0,
            }),
            confidence: 1.0,
        };
        let percept = percept();
        let event = PerceptEvent::new(percept.stamp, Some(&percept), &attention, Level::from_decibels(-20.0));
        let event = event.with_heatmap(Some(&percept));
        let expected = concat!(
            r#"{"schema":"lookhear.percept.v1","time":1.5,"state":"tracking","target":[0.75,0.5],"#,
            r#""bearing":[-12.5,3.0],"confidence":1.0,"peak":[0.75,0.5],"similarity":0.5,"accepted":true,"level_dbfs":-20.0,"heatmap":[[0.25,0.5]]}"#,
            "\n"
        );
        assert_eq!(line(&event), expected);
        assert_eq!(serde_json::from_str::<PerceptEvent>(expected).unwrap(), event);
    }

    #[test]
    fn nothing_perceived_is_null() {
        let event = PerceptEvent::new(Duration::ZERO, None, &Attention::default(), Level::SILENCE);
        assert_eq!(
            line(&event.with_heatmap(None)),
            concat!(
                r#"{"schema":"lookhear.percept.v1","time":0.0,"state":"idle","target":null,"bearing":null,"confidence":0.0,"#,
                r#""peak":null,"similarity":null,"accepted":false,"level_dbfs":-144.5}"#,
                "\n"
            )
        );
    }
}
