//! `lookhear calibrate room`: listens to the room's own sound, and refines threshold and noise floor.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use lookhear::calibrating::listening::listen;
use lookhear::calibrating::room::{Heard, RoomFit, RoomSettings};
use lookhear::configuration::Configuration;
use lookhear::device::assembly::{USUAL_QUIET_DECIBELS, sound_delay_seconds};
use lookhear::device::sources::{microphone_name, open_camera, open_microphone, rounds};
use lookhear::device::store::CalibrationStore;
use lookhear::perception::bundle::Bundle;
use lookhear::perception::localiser::Localiser;
use lookhear::pipeline::live::perceive::PerceptionPace;
use lookhear_board::{Clock, MonotonicClock};
use lookhear_calibration::{Fitted, Level};

use super::super::output::{warn, write_text};
use super::super::ptz::watch_for_interruption;
use super::{Place, words};

/// The procedure's name in the state directory.
const NAME: &str = "room";
/// How often what was heard is kept.
const KEEP_PERIOD: Duration = Duration::from_secs(15);

/// `lookhear calibrate room`.
#[derive(Debug, Args)]
pub struct Room {
    /// For how long the room is listened to, what was heard before a break included
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0, value_parser = positive)]
    minutes: f64,
    /// How often an hour the camera may turn to nothing
    #[arg(long, value_name = "FIRES", default_value_t = 1.0, value_parser = positive)]
    false_fires_per_hour: f64,
    /// Begin anew, and forget what was heard before
    #[arg(long)]
    fresh: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Room {
    /// Listens, fits, and keeps what was found.
    pub fn run(&self, place: &Place) -> anyhow::Result<()> {
        let (configuration, store) = (place.configuration()?, place.store());
        let bundle = Bundle::read_or_default(configuration.model.path.as_deref())?;
        let model = bundle.manifest.identity();
        let microphone = &microphone_name(&configuration);
        if self.fresh {
            store.forget_unfinished(NAME);
        }
        let kept = store.unfinished::<Heard>(NAME);
        let kept = kept.filter(|heard| heard.model == model && heard.microphone == *microphone);
        let mut heard = kept.unwrap_or_else(|| Heard::new(&model, microphone));
        let settings = RoomSettings {
            per_hour: self.false_fires_per_hour,
            rule: configuration.attention.fire_rule(),
            quiet: configuration
                .perception
                .quiet()
                .unwrap_or(Level::from_decibels(USUAL_QUIET_DECIBELS)),
            model_threshold: bundle.manifest.threshold.similarity,
            confidence: bundle.manifest.confidence.as_ref(),
        };
        let before = heard.seconds(settings.rule) / 60.0;
        warn(beginning(self.minutes, before));
        if before < self.minutes && !self.listen(&configuration, &bundle, &store, &mut heard, &settings)? {
            return write_text("broken off; the same command goes on, and --fresh begins anew");
        }
        let fit = heard.fit(&settings)?;
        write_text(told(&fit, &settings))?;
        if configuration.model.threshold.is_some() {
            warn(
                "the configuration sets model.threshold, which counts before any that is fitted; take it out to use this one",
            );
        }
        if self.dry_run {
            return write_text("nothing was changed: this was a dry run");
        }
        let change = store.change(NAME, |all| {
            all.threshold = Some(Fitted {
                source: model.clone(),
                fit: fit.threshold,
            });
            all.noise_floor = Some(Fitted {
                source: microphone.clone(),
                fit: fit.noise_floor,
            });
        })?;
        store.forget_unfinished(NAME);
        write_text(words::changed(&change))
    }

    /// Listens until it is enough; `false` when a person broke it off. What was heard is kept either way.
    fn listen(
        &self,
        configuration: &Configuration,
        bundle: &Bundle,
        store: &CalibrationStore,
        heard: &mut Heard,
        settings: &RoomSettings,
    ) -> anyhow::Result<bool> {
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
        let asked_to_stop = watch_for_interruption()?;
        let rounds = rounds(configuration, clock.now())?;
        let pace = PerceptionPace {
            period: configuration.perception.period(),
            quiet: settings.quiet,
            sound_delay_seconds: sound_delay_seconds(configuration, &store.calibration()?),
        };
        heard.begin_part();
        let bar = bar(self.minutes)?;
        let (mut kept, mut failure) = (clock.now(), None);
        let listened = listen(
            || open_camera(configuration, rounds, &clock),
            || open_microphone(configuration, rounds, &clock),
            bundle.manifest.sound.rate_hz,
            || {
                let backend = configuration.model.backend()?;
                if let Some(caveat) = backend.caveat() {
                    warn(caveat);
                }
                Localiser::new(bundle, &backend)
            },
            pace,
            clock.clone(),
            |perceived| {
                if let Some(perceived) = perceived {
                    heard.add(perceived);
                    bar.set_position(heard.seconds(settings.rule) as u64);
                }
                if clock.now().saturating_sub(kept) > KEEP_PERIOD {
                    kept = clock.now();
                    failure = store.keep_unfinished(NAME, heard).err();
                }
                let is_enough = heard.seconds(settings.rule) >= 60.0 * self.minutes;
                !is_enough && failure.is_none() && !asked_to_stop.load(Ordering::Acquire)
            },
        );
        bar.finish_and_clear();
        store.keep_unfinished(NAME, heard)?;
        listened?;
        Ok(!asked_to_stop.load(Ordering::Acquire))
    }
}

fn beginning(minutes: f64, before: f64) -> String {
    let mut text = format!(
        "listening to the room's own sound for {minutes:.0} minutes: leave it as it is when nobody is there, its fans and its street \
         included. Nobody should speak, nor make any sound that is to be found. Ctrl-C breaks it off, and the same command goes on"
    );
    if before > 0.0 {
        let _ = write!(text, "; {before:.1} minutes were heard before");
    }
    text
}

/// What was found, in words.
fn told(fit: &RoomFit, settings: &RoomSettings) -> String {
    let mut text = String::new();
    let Some(rate) = fit.threshold.rate else { return text };
    let _ = writeln!(
        text,
        "heard {:.1} minutes of the room; the model's own threshold, {:.3}, would have turned the camera {} times",
        60.0 * rate.hours,
        settings.model_threshold,
        fit.fires_at_model_threshold
    );
    let how = match (&rate.tail, &fit.short_of) {
        (Some(tail), _) => format!(
            "extrapolated from {} peaks: it takes {:.1} hours to see such a rate without",
            tail.peaks,
            3.0 / fit.per_hour()
        ),
        (None, Some(short)) => format!("{} an hour cannot be promised: {}", settings.per_hour, short.cause),
        (None, None) => "without extrapolation".to_owned(),
    };
    let _ = writeln!(
        text,
        "the room takes {:.3} for at most {:.1} false fires an hour, at 95 % confidence ({how})",
        fit.room_threshold,
        fit.per_hour()
    );
    let _ = match fit.lost {
        _ if fit.threshold.threshold <= settings.model_threshold => {
            write!(text, "the model's own threshold is higher, and stays")
        }
        Some(lost) => write!(
            text,
            "that costs {:.1} % of the sources that the model finds now",
            100.0 * lost
        ),
        None => write!(
            text,
            "how many sources that costs the model does not know: it carries no confidence"
        ),
    };
    text
}

fn bar(minutes: f64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} s of the room")?;
    Ok(ProgressBar::new((60.0 * minutes) as u64).with_style(style))
}

/// A number of more than 0 from the command line.
fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "this is not a number".to_owned())?;
    if number > 0.0 && number.is_finite() {
        Ok(number)
    } else {
        Err("more than 0 is needed".to_owned())
    }
}
