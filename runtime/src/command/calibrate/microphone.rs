//! `lookhear calibrate microphone`: the room's noise, and what is wrong with the microphone.

use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use lookhear::calibrating::microphone::{Judgement, judge, listen};
use lookhear::device::sources;
use lookhear::perception::bundle::Bundle;
use lookhear_board::{Clock, MonotonicClock};
use lookhear_calibration::Fitted;
use lookhear_calibration::microphone::{LEAST_QUIET_SECONDS, Side};

use super::{Place, words};
use crate::command::output::{warn, write_text};

/// The name of the procedure.
const PROCEDURE: &str = "microphone";

/// `lookhear calibrate microphone`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Microphone {
    /// How long is listened: the first half to the quiet room, the second to a talk
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    seconds: f64,
    /// Listen to the quiet room alone
    #[arg(long)]
    no_talk: bool,
    /// The side from which is talked, as the microphone looks: tells whether left and right are swapped
    #[arg(long, value_enum)]
    from: Option<FromSide>,
    /// Show what would be kept, and keep nothing
    #[arg(long)]
    dry_run: bool,
}

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FromSide {
    /// That of the first channel
    Left,
    /// That of the second channel
    Right,
}

const EXAMPLES: &str = "\
Examples:
  lookhear calibrate microphone                  ten quiet seconds, then ten of talk
  lookhear calibrate microphone --no-talk        the room alone, when nobody is there
  lookhear calibrate microphone --from left      talk from the left: are the channels swapped?

End the service first (`systemctl stop lookhear`), which holds the microphone. It is over in seconds, so that one that was
broken off is simply begun again.";

impl Microphone {
    /// Listens, tells, and keeps what was found.
    pub fn run(self, place: &Place) -> anyhow::Result<()> {
        let part = if self.no_talk { self.seconds } else { self.seconds / 2.0 };
        if !(LEAST_QUIET_SECONDS..=600.0).contains(&part) {
            bail!(
                "{part} s for each part are out of range: give {LEAST_QUIET_SECONDS} to 600 s, twice that with a talk"
            );
        }
        if self.no_talk && self.from.is_some() {
            bail!("--from tells where the talk comes from: leave --no-talk out");
        }
        let (configuration, store) = (place.configuration()?, place.store());
        let bundle = Bundle::read_or_default(configuration.model.path.as_deref())?;
        let source = sources::microphone_name(&configuration);
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
        let rounds = sources::rounds(&configuration, clock.now())?;
        let open = || sources::open_microphone(&configuration, rounds, &clock).context("the microphone cannot be used");
        warn(format_args!("be quiet for {part:.0} s: the room is listened to"));
        let failed = "the microphone failed; start again";
        let quiet = listen(&mut *open()?, &*clock, part).context(failed)?;
        let talk = if self.no_talk {
            None
        } else {
            warn(format_args!("now talk for {part:.0} s, from where people will be"));
            // Opened anew, so that nothing of the quiet room waits in the card's memory.
            Some(listen(&mut *open()?, &*clock, part).context(failed)?)
        };
        let judgement = Judgement {
            heard_channel: configuration.microphone.channel as usize,
            from: self.from.map(|side| match side {
                FromSide::Left => Side::Left,
                FromSide::Right => Side::Right,
            }),
            model_rate_hz: bundle.manifest.sound.rate_hz,
            window_seconds: f64::from(bundle.manifest.sound.window_seconds),
        };
        let (fit, floor) = judge(&quiet, talk.as_ref(), judgement).context("nothing can be said of the microphone")?;
        write_text(words::microphone(&fit))?;
        if floor.is_none() {
            warn("the noise floor is left as it was: there was no sound to take it from");
        }
        if self.dry_run {
            return write_text(floor.map_or_else(String::new, |floor| {
                format!("noise floor: floor {}, gate {} (not kept)", floor.floor, floor.gate)
            }));
        }
        let change = store.change(PROCEDURE, |all| {
            if let Some(fit) = floor {
                let source = source.clone();
                all.noise_floor = Some(Fitted { source, fit });
            }
            all.microphone = Some(Fitted { source, fit });
        })?;
        write_text(words::changed(&change))
    }
}
