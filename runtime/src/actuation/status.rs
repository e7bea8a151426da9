//! What the outputs of a live device are told, and what they may ask of it.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use lookhear_board::{Orientation, Velocity};
use lookhear_calibration::Level;
use serde::{Deserialize, Serialize};

use crate::attention::Attention;
use crate::perception::percept::Percept;

/// How many requests may wait; a person presses no more buttons than that between two ticks.
const MOST_WAITING_REQUESTS: usize = 16;

/// The state of a live device at one moment. It is small: copying it costs no output anything.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// When this was so, on the monotonic clock.
    pub stamp: Duration,
    /// The latest percept; `None` before there was sound and picture enough, or while either is missing.
    pub percept: Option<Percept>,
    /// From which similarity on a percept counts.
    pub threshold: f32,
    /// What attention makes of it.
    pub attention: Attention,
    /// How loud the sound is that was listened to for the percept.
    pub level: Level,
    /// How loud it is just now.
    pub meter: Level,
    /// Percepts a second, over the last seconds.
    pub percepts_per_second: f32,
    /// Frames a second that the camera gives, over the last seconds.
    pub frames_per_second: f32,
    /// The hottest thermal zone; `None` where the machine has none.
    pub temperature_celsius: Option<f32>,
    /// Perception was slowed down because the machine is too hot.
    pub throttled: bool,
    /// A person paused the movement of the camera.
    pub paused: bool,
    /// Where the camera looks, where that is known.
    pub orientation: Option<Orientation>,
    /// The camera is being turned.
    pub moving: bool,
    /// The stages, in the order of the data.
    pub stages: Vec<StageStatus>,
}

/// How one stage is doing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StageStatus {
    /// Its name: `camera`, `microphone`, `perception`, `attention`, `ptz`, `screen`, `web`, `mqtt`.
    pub name: String,
    /// It runs and gave a sign of life lately.
    pub fresh: bool,
    /// How often it was started again since the program began.
    pub restarts: u64,
    /// What went wrong last, while it has not come back.
    pub trouble: Option<String>,
}

/// What a person asks of the device, by whatever output.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "request")]
pub enum Request {
    /// Move the camera no more, and let it rest where it is.
    Pause,
    /// Go on.
    Resume,
    /// Turn the camera home and forget the target.
    Home,
    /// Turn the camera by hand, in degrees a second, until the next request, for a second at most. It pauses tracking for a
    /// while (see the configuration).
    Drive {
        /// To the right.
        pan: f64,
        /// Upward.
        tilt: f64,
    },
    /// Stop a movement by hand.
    Stop,
}

impl Request {
    /// The speed asked for by hand, if this is such a request.
    pub fn velocity(self) -> Option<Velocity> {
        match self {
            Self::Drive { pan, tilt } => Some(Velocity { pan, tilt }),
            Self::Stop => Some(Velocity::default()),
            _ => None,
        }
    }
}

/// The outputs' end of the line on which requests come in. Sending never waits.
#[derive(Debug, Clone)]
pub struct Requests(SyncSender<Request>);

impl Requests {
    /// A line: this end for the outputs, and the other for attention.
    pub fn line() -> (Self, std::sync::mpsc::Receiver<Request>) {
        let (sender, receiver) = sync_channel(MOST_WAITING_REQUESTS);
        (Self(sender), receiver)
    }

    /// Passes a request on; `false` when so many wait already that this one is lost.
    #[must_use]
    pub fn send(&self, request: Request) -> bool {
        match self.0.try_send(request) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}
