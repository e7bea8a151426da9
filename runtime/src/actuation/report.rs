//! The state of a live device as one object of JSON: the same on standard output, over MQTT and in the page's event stream.
//!
//! The schema `lookhear.status.v1`:
//!
//! | key | value |
//! |---|---|
//! | `schema` | `"lookhear.status.v1"`; a change that breaks readers gets a new number, a new key does not |
//! | `time` | seconds, on the monotonic clock of the machine |
//! | `state` | what attention is doing: `idle`, `candidate`, `tracking`, `holding`, `home` |
//! | `target` | `[x, y]` of what attention looks at, or `null` |
//! | `confidence` | 0..1: how sure the target is: how likely the percepts of late were right, for as long as there is evidence |
//! | `accepted` | whether something in view makes the sound just now |
//! | `peak` | `[x, y]` of the greatest similarity, or `null` while nothing is perceived |
//! | `similarity` | the greatest raw similarity, −1..1, or `null` while nothing is perceived |
//! | `probability` | 0..1: how likely the source is in view, at the peak; left out where the model does not know |
//! | `threshold` | from which similarity on a percept counts |
//! | `level_dbfs` | how loud the sound is that was listened to for the percept |
//! | `meter_dbfs` | how loud it is just now |
//! | `percepts_per_second`, `frames_per_second` | over the last seconds |
//! | `temperature_celsius` | the hottest thermal zone, or `null` |
//! | `throttled` | perception was slowed down because the machine is too hot |
//! | `paused` | a person paused the movement of the camera |
//! | `moving` | the camera is being turned |
//! | `pan_degrees`, `tilt_degrees` | where the camera looks, to the right and upward, or `null` where that is not known |
//! | `healthy` | all stages are well |
//! | `stages` | list of `{name, fresh, restarts, trouble}` in the order of the data; `trouble` in words, or `null` |
//!
//! Places are 0..1 of the picture's width and height from its top left corner.

use std::time::Duration;

use lookhear_calibration::Level;
use serde::{Deserialize, Serialize};

use super::events::coordinates;
use super::status::{StageStatus, Status};
use crate::attention::State;

/// Name and version of the schema.
pub const STATUS_SCHEMA: &str = "lookhear.status.v1";

/// After how long without news whoever brings the status must have come to a halt.
const STATUS_REACH: Duration = Duration::from_secs(5);

/// A [`Status`] for other programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// [`STATUS_SCHEMA`].
    pub schema: String,
    /// When this was so, in seconds.
    pub time: f64,
    /// What attention is doing.
    pub state: State,
    /// What attention looks at, `[x, y]` in 0..1.
    pub target: Option<[f32; 2]>,
    /// How sure the target is, 0..1.
    pub confidence: f32,
    /// Something in view makes the sound.
    pub accepted: bool,
    /// Where the greatest similarity lies, `[x, y]` in 0..1.
    pub peak: Option<[f32; 2]>,
    /// The greatest raw similarity, −1..1.
    pub similarity: Option<f32>,
    /// How likely the source is in view, at the peak, 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f32>,
    /// From which similarity on a percept counts.
    pub threshold: f32,
    /// How loud the sound is that was listened to.
    pub level_dbfs: Level,
    /// How loud it is just now.
    pub meter_dbfs: Level,
    /// Percepts a second.
    pub percepts_per_second: f32,
    /// Frames a second.
    pub frames_per_second: f32,
    /// The hottest thermal zone.
    pub temperature_celsius: Option<f32>,
    /// Perception was slowed down because the machine is too hot.
    pub throttled: bool,
    /// A person paused the movement of the camera.
    pub paused: bool,
    /// The camera is being turned.
    pub moving: bool,
    /// Where the camera looks, to the right.
    pub pan_degrees: Option<f64>,
    /// Where the camera looks, upward.
    pub tilt_degrees: Option<f64>,
    /// All stages are well.
    pub healthy: bool,
    /// The stages, in the order of the data.
    pub stages: Vec<StageStatus>,
}

impl StatusReport {
    /// What there is to say of a status, read at `now` on the monotonic clock.
    pub fn new(status: &Status, now: Duration) -> Self {
        let percept = status.percept.as_ref();
        Self {
            schema: STATUS_SCHEMA.to_owned(),
            time: status.stamp.as_secs_f64(),
            state: status.attention.state,
            target: status.attention.target.map(coordinates),
            confidence: status.attention.confidence,
            accepted: percept.is_some_and(|percept| percept.accepted),
            peak: percept.map(|percept| coordinates(percept.peak)),
            similarity: percept.map(|percept| percept.similarity),
            probability: percept.and_then(|percept| percept.probability),
            threshold: status.threshold,
            level_dbfs: status.level,
            meter_dbfs: status.meter,
            percepts_per_second: status.percepts_per_second,
            frames_per_second: status.frames_per_second,
            temperature_celsius: status.temperature_celsius,
            throttled: status.throttled,
            paused: status.paused,
            moving: status.moving,
            pan_degrees: status.orientation.map(|orientation| orientation.pan_degrees),
            tilt_degrees: status.orientation.map(|orientation| orientation.tilt_degrees),
            healthy: troubles(status, now).is_empty(),
            stages: status.stages.clone(),
        }
    }
}

/// What is wrong with the device, in words, one sentence for each; nothing while all stages are well.
pub fn troubles(status: &Status, now: Duration) -> Vec<String> {
    let mut troubles = Vec::new();
    let age = now.saturating_sub(status.stamp);
    if status.stages.is_empty() {
        troubles.push("no stage has started yet".to_owned());
    } else if age > STATUS_REACH {
        troubles.push(format!("the status is {} s old", age.as_secs()));
    }
    let ailing = status.stages.iter().filter(|stage| !stage.fresh);
    troubles.extend(ailing.map(|stage| {
        let trouble = stage.trouble.as_deref().unwrap_or("gives no sign of life");
        format!("{}: {trouble}", stage.name)
    }));
    troubles
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::attention::Attention;
    use crate::perception::heatmap::{Heatmap, Point};
    use crate::perception::percept::Percept;

    fn stage(name: &str, trouble: Option<&str>) -> StageStatus {
        StageStatus {
            name: name.to_owned(),
            fresh: trouble.is_none(),
            restarts: u64::from(trouble.is_some()),
            trouble: trouble.map(str::to_owned),
        }
    }

    fn status() -> Status {
        Status {
            stamp: Duration::from_millis(2500),
            percept: Some(Percept {
                heatmap: Heatmap::default(),
                peak: Point { x: 0.75, y: 0.5 },
                centre: Point { x: 0.75, y: 0.5 },
                similarity: 0.5,
                probability: None,
                accepted: true,
                stamp: Duration::from_secs(2),
            }),
            threshold: 0.25,
            attention: Attention {
                state: State::Tracking,
                target: Some(Point { x: 0.75, y: 0.5 }),
                confidence: 1.0,
                ..Attention::default()
            },
            level: Level::from_decibels(-20.0),
            meter: Level::from_decibels(-30.0),
            percepts_per_second: 10.0,
            frames_per_second: 30.0,
            stages: vec![stage("camera", None), stage("microphone", Some("it was unplugged"))],
            ..Status::default()
        }
    }

    #[test]
    fn the_schema_stands() {
        let expected = concat!(
            r#"{"schema":"lookhear.status.v1","time":2.5,"state":"tracking","target":[0.75,0.5],"confidence":1.0,"#,
            r#""accepted":true,"peak":[0.75,0.5],"similarity":0.5,"threshold":0.25,"level_dbfs":-20.0,"#,
            r#""meter_dbfs":-30.0,"percepts_per_second":10.0,"frames_per_second":30.0,"temperature_celsius":null,"#,
            r#""throttled":false,"paused":false,"moving":false,"pan_degrees":null,"tilt_degrees":null,"#,
            r#""healthy":false,"stages":[{"name":"camera","fresh":true,"restarts":0,"trouble":null},"#,
            r#"{"name":"microphone","fresh":false,"restarts":1,"trouble":"it was unplugged"}]}"#,
        );
        let report = StatusReport::new(&status(), Duration::from_secs(3));
        assert_eq!(serde_json::to_string(&report).unwrap(), expected);
        assert_eq!(serde_json::from_str::<StatusReport>(expected).unwrap(), report);
    }

    #[test]
    fn troubles_are_told_in_words() {
        let mut status = status();
        assert_eq!(troubles(&status, status.stamp), ["microphone: it was unplugged"]);
        status.stages.pop();
        assert!(troubles(&status, status.stamp + STATUS_REACH).is_empty());
        let later = status.stamp + STATUS_REACH + Duration::from_secs(2);
        assert_eq!(troubles(&status, later), ["the status is 7 s old"]);
        status.stages.clear();
        assert_eq!(troubles(&status, status.stamp), ["no stage has started yet"]);
    }
}
