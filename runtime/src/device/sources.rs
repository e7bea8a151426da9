//! The camera and the microphone of a configuration, or the recording in their place, and what a fit calls them.

use std::sync::Arc;
use std::time::Duration;

use lookhear_board::camera::replay::{ReplayCamera, Rounds, film_duration};
use lookhear_board::camera::v4l2::LiveCamera;
use lookhear_board::microphone::alsa::LiveMicrophone;
use lookhear_board::microphone::replay::ReplayMicrophone;
use lookhear_board::{Camera, CaptureError, Clock, Microphone};

use crate::configuration::Configuration;

/// Opens the camera.
///
/// # Errors
/// What it says, with the remedy.
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

/// Opens the microphone.
///
/// # Errors
/// What it says, with the remedy.
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

/// What fits call the camera: its name in the configuration.
pub fn camera_name(configuration: &Configuration) -> String {
    let film = configuration.replay.film.as_ref();
    film.map_or_else(
        || configuration.camera.device.clone(),
        |film| film.display().to_string(),
    )
}

/// What fits call the microphone: its name in the configuration.
pub fn microphone_name(configuration: &Configuration) -> String {
    let sound = configuration.replay.sound.as_ref();
    sound.map_or_else(
        || configuration.microphone.device.clone(),
        |sound| sound.display().to_string(),
    )
}

/// What fits call the two together.
pub fn pair_name(configuration: &Configuration) -> String {
    format!("{} + {}", camera_name(configuration), microphone_name(configuration))
}

/// The rounds in which a recording is played, where one is.
///
/// # Errors
/// When it cannot be read, or does not say how long it lasts.
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
