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
    into.level = heard.as_ref().map_or(Level::SILENCE, |heard| heard.level);
    into.percept = match heard {
        None => None,
        Some(heard) => match localiser.localise(&frame.picture, &heard.embedding, frame.stamp) {
            Ok(mut percept) => {
                if heard.level <= pace.quiet {
                    percept.hush();
                }
                Some(percept)
            }
            // Cables and cheap cameras spoil single pictures; the next one is on its way.
            Err(LocaliserError::Picture(cause)) => {
                tracing::debug!("a picture was passed over: {cause}");
                None
            }
            Err(error) => return Err(error),
        },
    };
    into.inference = pulse.now().saturating_sub(began);
    Ok(())
}
