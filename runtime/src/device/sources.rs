//! Where pictures and sound come from, as configured: devices, or a recording in their place.

use std::sync::Arc;
use std::time::Duration;

use lookhear_board::camera::replay::{ReplayCamera, Rounds, film_duration};
use lookhear_board::camera::v4l2::LiveCamera;
use lookhear_board::microphone::alsa::LiveMicrophone;
use lookhear_board::microphone::replay::ReplayMicrophone;
use lookhear_board::{Camera, CaptureError, Clock, Microphone};

use crate::configuration::Configuration;

/// The configured camera, or the film in its place.
///
/// # Errors
/// When it is not there, is in use, or does not give what is asked of it.
pub fn open_camera(
    configuration: &Configuration,
    rounds: Option<Rounds>,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Camera>, CaptureError> {
    Ok(match (&configuration.replay.film, rounds) {
        (Some(film), Some(rounds)) => Box::new(ReplayCamera::open(film, rounds, clock.clone())?),
        _ => Box::new(LiveCamera::open(&configuration.camera)?),
    })
}

/// The configured microphone, or the sound in its place.
///
/// # Errors
/// When it is not there, is in use, or does not give what is asked of it.
pub fn open_microphone(
    configuration: &Configuration,
    rounds: Option<Rounds>,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Microphone>, CaptureError> {
    Ok(match (&configuration.replay.sound, rounds) {
        (Some(sound), Some(rounds)) => Box::new(ReplayMicrophone::open(sound, rounds, clock.clone())?),
        _ => Box::new(LiveMicrophone::open(&configuration.microphone)?),
    })
}

/// The rounds in which a recording is played, where one is.
///
/// # Errors
/// When the recording cannot be read.
pub fn rounds(configuration: &Configuration, now: Duration) -> Result<Option<Rounds>, CaptureError> {
    let replay = &configuration.replay;
    let period = match (&replay.film, &replay.sound) {
        (Some(film), _) => film_duration(film)?,
        (None, Some(sound)) => {
            let track = lookhear_board::read_sound_track(sound).map_err(|cause| CaptureError::GiveUp {
                device: sound.display().to_string(),
                cause: cause.to_string(),
            })?;
            track.sound.duration()
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(Rounds { begun: now, period }))
}
