//! `lookhear calibrate latency`: the time between picture and sound.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use lookhear::calibrating::latency::{LatencyPatience, LatencyRecord, film, watch};
use lookhear::device::sources;
use lookhear_board::{Clock, MonotonicClock};
use lookhear_calibration::Fitted;
use lookhear_calibration::latency::LEAST_PAIRS;

use super::{Place, words};
use crate::command::output::{warn, write_text};

/// The name of the procedure, for what is kept of it.
const PROCEDURE: &str = "latency";
/// Size of the flashing film in pixels.
const FILM_SIZE: (usize, usize) = (640, 360);

/// `lookhear calibrate latency`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Latency {
    /// How many claps or flashes have to agree, 5 or more
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    claps: usize,
    /// How long is waited for them, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 90)]
    seconds: u64,
    /// Write the flashing film to a file, and do nothing else
    #[arg(long, value_name = "FILE.mp4")]
    make_film: Option<PathBuf>,
    /// Forget what was measured before a break
    #[arg(long)]
    fresh: bool,
    /// Show what would be kept, and keep nothing
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookhear calibrate latency                          clap before the camera, hands in full view, 1 to 2 s apart
  lookhear calibrate latency --make-film flash.mp4    a film for a telephone: hold it before the camera, and calibrate
  lookhear calibrate latency --claps 16               the more, the more exactly

End the service first (`systemctl stop lookhear`), which holds camera and microphone. A telephone that plays its film's sound
late, by Bluetooth above all, is measured along; claps are not. Sound takes 3 ms a metre.";

impl Latency {
    /// Measures, and keeps what was found.
    pub fn run(self, place: &Place) -> anyhow::Result<()> {
        if let Some(path) = &self.make_film {
            film::write(path, FILM_SIZE, Duration::ZERO)?;
            return write_text(format_args!(
                "{}: {} flashes, each with its click; play it as loud and as bright as it goes",
                path.display(),
                film::FLASHES
            ));
        }
        if self.claps < LEAST_PAIRS {
            bail!("{} claps are too few: give --claps {LEAST_PAIRS} or more", self.claps);
        }
        let (configuration, store) = (place.configuration()?, place.store());
        let source = sources::pair_name(&configuration);
        if self.fresh {
            store.forget_unfinished(PROCEDURE);
        }
        let kept = store.unfinished::<LatencyRecord>(PROCEDURE);
        let mut record = kept
            .filter(|record| record.source == source)
            .unwrap_or_else(|| LatencyRecord::new(source.clone()));
        if !record.sounds.is_empty() {
            let sounds = record.sounds.len();
            warn(format_args!(
                "going on with {sounds} sounds heard before; --fresh begins anew"
            ));
        }
        warn(format_args!(
            "clap {} times in full view of the camera, 1 to 2 s apart and unevenly, or play the flashing film",
            self.claps
        ));
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
        let rounds = sources::rounds(&configuration, clock.now())?;
        let mut camera = sources::open_camera(&configuration, rounds, &clock).context("the camera cannot be used")?;
        let mut microphone =
            sources::open_microphone(&configuration, rounds, &clock).context("the microphone cannot be used")?;
        let patience = LatencyPatience {
            pairs: self.claps,
            longest: Duration::from_secs(self.seconds),
        };
        let (mut told, mut unkept) = (0, None);
        let watched = watch(
            &mut *camera,
            &mut *microphone,
            &*clock,
            patience,
            &mut record,
            &mut |record, fit| {
                // What cannot be kept is told once, and measured on.
                if unkept.is_none() && !self.dry_run {
                    unkept = store.keep_unfinished(PROCEDURE, record).err();
                    if let Some(cause) = &unkept {
                        warn(cause);
                    }
                }
                if record.sounds.len() != told {
                    told = record.sounds.len();
                    match fit {
                        Ok(fit) => warn(format_args!("{told} heard, {} agree: {}", fit.pairs, words::delay(fit))),
                        Err(cause) => warn(format_args!("{told} heard: {cause}")),
                    }
                }
            },
        );
        watched.context("camera or microphone failed; what was measured is kept, start again to go on")?;
        let fit = record
            .fit()
            .context("there is no delay to be kept; start again to go on, or with --fresh")?;
        if self.dry_run {
            return write_text(format_args!("latency: {} (not kept)", words::delay(&fit)));
        }
        let change = store.change(PROCEDURE, |all| all.latency = Some(Fitted { source, fit }))?;
        store.forget_unfinished(PROCEDURE);
        if let Some(seconds) = configuration.perception.sound_delay_seconds {
            warn(format_args!(
                "`sound_delay_seconds = {seconds}` in [perception] is what counts: take it out for the fit to count"
            ));
        }
        write_text(words::changed(&change))
    }
}
