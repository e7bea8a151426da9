//! Perceives with a camera and a microphone for a while, by the stages of a live device, and hands every percept to whoever asks.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use lookhear_board::{Camera, CaptureError, Clock, Microphone};

use crate::exchange::{Bulletin, Latest, Pulse};
use crate::perception::localiser::{Localiser, LocaliserError};
use crate::pipeline::live::capture::{FrameLine, run_camera, run_microphone};
use crate::pipeline::live::perceive::{self, Perceived, PerceptionLines, PerceptionPace};
use crate::pipeline::live::sound_line::sound_line;
use crate::pipeline::live::supervisor::StageResult;

/// How often is asked whether to go on.
const TURN: Duration = Duration::from_millis(100);
/// When nothing was perceived for so long, there is nothing to wait for. On a GPU the first percept waits for kernels to be compiled.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why nothing more is perceived.
#[derive(Debug, thiserror::Error)]
pub enum ListeningError {
    /// A device or the model failed.
    #[error("{stage}: {cause}; see `lookhear check`, then start again: what was measured is kept")]
    Stage {
        /// `camera`, `microphone` or `perception`.
        stage: &'static str,
        /// In its words.
        cause: String,
    },
    /// Neither fails, and yet there is no percept.
    #[error(
        "nothing was perceived for {} s: the camera gives no frames or the microphone no sound; see `lookhear check`, then start again",
        PATIENCE.as_secs()
    )]
    Nothing,
}

/// Opens a device, in the thread that will read it.
pub trait Open<T: ?Sized>: FnOnce() -> Result<Box<T>, CaptureError> + Send {}
impl<T: ?Sized, F: FnOnce() -> Result<Box<T>, CaptureError> + Send> Open<T> for F {}

/// What a thread does.
type Work<'a> = Box<dyn FnOnce() -> StageResult + Send + 'a>;

/// Perceives, by a localiser that takes sound of `rate_hz` and is made in the thread that runs it, until `take`, which gets every percept and else, some ten times a second, none, says that it is enough by `false`.
///
/// # Errors
/// When a device or the model fails, or nothing is perceived for long.
pub fn listen(
    camera: impl Open<dyn Camera>,
    microphone: impl Open<dyn Microphone>,
    rate_hz: u32,
    localiser: impl FnOnce() -> Result<Localiser, LocaliserError> + Send,
    pace: PerceptionPace,
    clock: Arc<dyn Clock>,
    mut take: impl FnMut(Option<&Perceived>) -> bool,
) -> Result<(), ListeningError> {
    let (frames, perceived, status) = (FrameLine::default(), Latest::default(), Bulletin::default());
    let (writer, reader) = sound_line(rate_hz);
    let (writer, reader, slowdown) = (Mutex::new(writer), Mutex::new(reader), AtomicU32::new(1));
    let pulse = Pulse::new(clock.clone());
    let (ended, endings) = mpsc::channel();
    thread::scope(|scope| {
        let see: Work = Box::new(|| run_camera(&mut *camera()?, &frames, &status, &pulse));
        let hear: Work = Box::new(|| run_microphone(&mut *microphone()?, &writer, rate_hz, &pulse));
        let perceive: Work = Box::new(|| {
            let lines = PerceptionLines {
                frames: &frames,
                sound: &reader,
                perceived: &perceived,
                slowdown: &slowdown,
                status: &status,
            };
            perceive::run(localiser()?, pace, &lines, &pulse)
        });
        for (name, work) in [("camera", see), ("microphone", hear), ("perception", perceive)] {
            let ended = ended.clone();
            scope.spawn(move || {
                let result = work().map_err(|cause| cause.to_string());
                // Whoever waits for it has its answer already.
                let _ = ended.send((name, result));
            });
        }
        let outcome = (|| {
            let mut newest = Perceived::default();
            let mut last = clock.now();
            loop {
                let is_fresh = perceived.take(&mut newest, TURN) && newest.percept.is_some();
                if is_fresh {
                    last = clock.now();
                }
                if !take(is_fresh.then_some(&newest)) {
                    return Ok(());
                }
                if let Ok((stage, result)) = endings.try_recv() {
                    let cause = result.err().unwrap_or_else(|| "it ended".to_owned());
                    return Err(ListeningError::Stage { stage, cause });
                }
                if clock.now().saturating_sub(last) > PATIENCE {
                    return Err(ListeningError::Nothing);
                }
            }
        })();
        pulse.stop();
        outcome
    })
}
