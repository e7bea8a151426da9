//! The stage that perceives: the newest frame, with the sound that ends at its stamp.

use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use lookhear_board::Frame;
use lookhear_calibration::Level;

use super::capture::FrameLine;
use super::hearing::Hearing;
use super::rate::Rate;
use super::sound_line::SoundReader;
use super::supervisor::StageResult;
use super::throttle::stretched;
use crate::actuation::status::Status;
use crate::exchange::{Bulletin, Latest, Pulse};
use crate::perception::localiser::{Localiser, LocaliserError};
use crate::perception::percept::Percept;

/// For how long the stage waits for a frame before it gives a sign of life.
const PATIENCE: Duration = Duration::from_millis(100);

/// Without a frame for so long, what was perceived last is no longer true.
const BLIND_AFTER: Duration = Duration::from_secs(2);

/// How perception is paced, and what it does not look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerceptionPace {
    /// The time between two percepts on a cool machine.
    pub period: Duration,
    /// Quieter than this there is nothing to look for, whatever the model says.
    pub quiet: Level,
    /// By how much the sound that belongs to a frame is stamped later than the frame, in seconds; its window ends so much later.
    pub sound_delay_seconds: f64,
}

/// What was perceived at one frame.
#[derive(Debug, Clone, Default)]
pub struct Perceived {
    /// Of the frame.
    pub stamp: Duration,
    /// Width over height of the frame.
    pub aspect: f64,
    /// `None` where there was not sound enough.
    pub percept: Option<Percept>,
    /// How loud the sound is that was listened to.
    pub level: Level,
    /// How loud it is just now.
    pub meter: Level,
    /// How long the networks and their front ends took for this percept.
    pub inference: Duration,
}

/// What the stage shares with the others.
pub struct PerceptionLines<'a> {
    /// From the camera.
    pub frames: &'a FrameLine,
    /// From the microphone.
    pub sound: &'a Mutex<SoundReader>,
    /// To attention.
    pub perceived: &'a Latest<Perceived>,
    /// By what factor the machine's heat stretches the period.
    pub slowdown: &'a AtomicU32,
    /// For the outputs.
    pub status: &'a Bulletin<Status>,
}

/// Perceives until it is asked to stop.
///
/// # Errors
/// When the networks fail. A picture that cannot be read is passed over.
pub fn run(mut localiser: Localiser, pace: PerceptionPace, lines: &PerceptionLines, pulse: &Pulse) -> StageResult {
    let manifest = localiser.manifest();
    let threshold = manifest.threshold.similarity;
    let window = Duration::from_secs_f32(manifest.sound.window_seconds);
    let mut hearing = Hearing::new(localiser.ear().rate_hz(), window);
    let (mut frame, mut perceived) = (Frame::default(), Perceived::default());
    let mut rate = Rate::default();
    let mut next_due = pulse.now();
    let mut last_frame = pulse.now();
    lines.status.post(|status| status.threshold = threshold);
    while !pulse.should_stop() {
        pulse.beat();
        hearing.drain(lines.sound, localiser.ear())?;
        let now = pulse.now();
        if let Some(early) = next_due.checked_sub(now).filter(|early| !early.is_zero()) {
            std::thread::sleep(early.min(PATIENCE));
            continue;
        }
        if !lines.frames.latest.take(&mut frame, PATIENCE) {
            let percepts_per_second = rate.per_second(pulse.now());
            let meter = hearing.meter(pulse.now());
            let is_blind = pulse.now().saturating_sub(last_frame) > BLIND_AFTER;
            lines.status.post(|status| {
                if is_blind {
                    status.percept = None;
                    status.level = Level::SILENCE;
                }
                status.percepts_per_second = percepts_per_second;
                status.meter = meter;
            });
            continue;
        }
        last_frame = pulse.now();
        let period = stretched(pace.period, lines.slowdown);
        next_due = (next_due + period).max(pulse.now().saturating_sub(period));
        hearing.drain(lines.sound, localiser.ear())?;
        perceive(&mut localiser, &mut hearing, &frame, pace, &mut perceived, pulse)?;
        rate.count(pulse.now());
        let percepts_per_second = rate.per_second(pulse.now());
        lines.status.post(|status| {
            status.percept.clone_from(&perceived.percept);
            status.level = perceived.level;
            status.meter = perceived.meter;
            status.percepts_per_second = percepts_per_second;
        });
        lines.perceived.put(&mut perceived);
    }
    Ok(())
}

fn perceive(
    localiser: &mut Localiser,
    hearing: &mut Hearing,
    frame: &Frame,
    pace: PerceptionPace,
    into: &mut Perceived,
    pulse: &Pulse,
) -> Result<(), LocaliserError> {
    let began = pulse.now();
    let moment = (frame.stamp.as_secs_f64() + pace.sound_delay_seconds).max(0.0);
    let moment = Duration::try_from_secs_f64(moment).unwrap_or(frame.stamp);
    into.stamp = frame.stamp;
    into.aspect = frame.picture.width as f64 / frame.picture.height.max(1) as f64;
    into.meter = hearing.meter(began);
    let heard = hearing.until(moment, localiser.ear());
    into.level = heard.map_or(Level::SILENCE, |heard| heard.level);
    if let Some(heard) = heard {
        let percept = into.percept.get_or_insert_default();
        match localiser.localise_into(&frame.picture, &heard.embedding, frame.stamp, percept) {
            Ok(()) if heard.level <= pace.quiet => percept.hush(),
            Ok(()) => {}
            // Cables and cheap cameras spoil single pictures; the next one is on its way.
            Err(LocaliserError::Picture(cause)) => {
                tracing::debug!("a picture was passed over: {cause}");
                into.percept = None;
            }
            Err(error) => return Err(error),
        }
    } else {
        into.percept = None;
    }
    into.inference = pulse.now().saturating_sub(began);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use lookhear_board::ManualClock;
    use lookhear_calibration::LatencyFit;
    use lookhear_calibration::latency::{Onset, SeenBy, Sight};

    use super::super::sound_line::sound_line;
    use super::*;
    use crate::perception::bundle::Bundle;

    /// A camera whose stamps are 30 ms late and a microphone whose stamps are 180 ms late: what is found of them by flashes makes
    /// the window of a picture end with what was heard when it was taken.
    #[test]
    fn the_fitted_delay_ends_the_window_with_what_was_heard_at_the_picture() {
        let (camera_late, microphone_late) = (0.03, 0.18);
        let flashes = (0..40).map(|number| 2.0 + f64::from(number) * 1.3137);
        let sights: Vec<Sight> = flashes
            .clone()
            .map(|at: f64| Sight {
                latest_seconds: (at * 30.0).ceil() / 30.0 + camera_late,
                width_seconds: 1.0 / 30.0,
            })
            .collect();
        let sounds: Vec<Onset> = flashes
            .map(|at| Onset {
                seconds: at + microphone_late,
                decibels: -20.0,
            })
            .collect();
        let fit = LatencyFit::from_sights(&sights, &sounds, SeenBy::Flash).unwrap();
        assert!((fit.sound_delay_seconds - 0.15).abs() < 0.005, "{fit:?}");

        let bundle = Bundle::default_model().unwrap();
        let mut localiser = Localiser::new(&bundle, &crate::perception::encoder::Backend::default()).unwrap();
        let rate_hz = localiser.ear().rate_hz();
        let (mut writer, reader) = sound_line(rate_hz);
        // Silence until something sounds at 3 s, by the clock of the room.
        let block = rate_hz as usize / 50;
        for number in 0..200_usize {
            let stamp = Duration::from_secs_f64(number as f64 / 50.0 + microphone_late);
            let loud = if number >= 150 { 0.25 } else { 0.0 };
            let samples: Vec<f32> = (0..block)
                .map(|index| if index % 2 == 0 { loud } else { -loud })
                .collect();
            writer.push(&samples, stamp, false);
        }
        let window = Duration::from_secs_f32(localiser.manifest().sound.window_seconds);
        let mut hearing = Hearing::new(rate_hz, window);
        hearing.drain(&Mutex::new(reader), localiser.ear()).unwrap();
        let pulse = Pulse::new(Arc::new(ManualClock::new(Duration::from_secs(4))));
        let mut level = |taken_at: f64, sound_delay_seconds: f64| {
            let mut frame = Frame::default();
            frame.picture.become_rgb(64, 48);
            frame.stamp = Duration::from_secs_f64(taken_at + camera_late);
            let pace = PerceptionPace {
                period: Duration::from_millis(200),
                quiet: Level::SILENCE,
                sound_delay_seconds,
            };
            let mut perceived = Perceived::default();
            perceive(&mut localiser, &mut hearing, &frame, pace, &mut perceived, &pulse).unwrap();
            assert!(perceived.percept.is_some());
            perceived.level
        };
        let delay = fit.sound_delay_seconds;
        assert_eq!(level(2.99, delay), Level::SILENCE, "taken before the sound");
        assert!(level(3.01, delay) > Level::from_decibels(-40.0), "taken after it");
        assert_eq!(level(3.1, 0.0), Level::SILENCE, "without the fit it would be missed");
        assert!(
            level(2.9, 0.3) > Level::from_decibels(-40.0),
            "and with one too long be heard too early"
        );
    }
}
