//! What was fitted, in words: as it stands, and before and after a change.

use std::fmt::Write;

use lookhear::device::store::Change;
use lookhear_calibration::latency::SeenBy;
use lookhear_calibration::microphone::Finding;
use lookhear_calibration::{Calibration, LatencyFit, MicrophoneFit};

use super::optics;

/// A fit, in a name and a sentence.
type Section = (&'static str, String);

/// Everything that was fitted.
pub fn all(calibration: &Calibration) -> String {
    let mut text = String::new();
    for (name, value) in sections(calibration) {
        let _ = writeln!(text, "{name:<12} {value}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// A change that was made: what it changed, before and after.
pub fn changed(change: &Change) -> String {
    told("calibrated", change)
}

/// A change that was taken back.
pub fn undone(change: &Change) -> String {
    told("taken back", change)
}

fn told(verb: &str, change: &Change) -> String {
    let mut text = format!("{}: {verb}", change.what);
    for ((name, before), (_, after)) in sections(&change.before).into_iter().zip(sections(&change.after)) {
        if before != after {
            let _ = write!(text, "\n  {name}\n    before  {before}\n    now     {after}");
        }
    }
    text
}

/// All fits in their order; those that are missing too.
fn sections(calibration: &Calibration) -> Vec<Section> {
    let threshold = calibration.threshold.as_ref().map(|fitted| {
        let rate = fitted.fit.rate.map_or(String::new(), |rate| {
            let how = rate.tail.map_or("", |_| ", extrapolated");
            let (bound, hours) = (rate.per_hour_bound, rate.hours);
            format!(", at most {bound:.1} false fires an hour in this room{how} (heard for {hours:.2} h)")
        });
        format!(
            "{:.3} for the model {}, from {} negatives{rate}",
            fitted.fit.threshold, fitted.source, fitted.fit.negatives
        )
    });
    let noise_floor = calibration.noise_floor.as_ref().map(|fitted| {
        format!(
            "floor {:.1} dBFS, gate {:.1} dBFS, of the microphone {}",
            fitted.fit.floor.decibels(),
            fitted.fit.gate.decibels(),
            fitted.source
        )
    });
    let latency = calibration
        .latency
        .as_ref()
        .map(|fitted| format!("{}, of {}", delay(&fitted.fit), fitted.source));
    let microphone = calibration.microphone.as_ref().map(|fitted| {
        let warnings = fitted
            .fit
            .findings
            .iter()
            .filter(|finding| finding.is_warning())
            .count();
        let verdict = match warnings {
            0 => "as it should be".to_owned(),
            1 => "1 thing to mend".to_owned(),
            more => format!("{more} things to mend"),
        };
        let channels = match fitted.fit.channels.len() {
            1 => "1 channel".to_owned(),
            more => format!("{more} channels"),
        };
        format!("{verdict}, {channels}, {}", fitted.source)
    });
    [
        ("threshold", threshold),
        ("noise floor", noise_floor),
        ("latency", latency),
        ("microphone", microphone),
        ("optics", calibration.optics.as_ref().map(optics::in_words)),
    ]
    .map(|(name, fit)| (name, fit.unwrap_or_else(|| "not fitted on this device".into())))
    .to_vec()
}

/// A delay, in words.
pub fn delay(fit: &LatencyFit) -> String {
    let milliseconds = fit.sound_delay_seconds * 1e3;
    let side = if milliseconds < 0.0 { "earlier" } else { "later" };
    let seen_by = match fit.seen_by {
        SeenBy::Flash => "flashes",
        SeenBy::Clap => "claps",
    };
    format!(
        "sound is stamped {:.0} ms {side} than its picture, ± {:.0} ms, from {} {seen_by}",
        milliseconds.abs(),
        fit.uncertainty_seconds * 1e3,
        fit.pairs
    )
}

/// A microphone: its channels, and what was found, each with its remedy.
pub fn microphone(fit: &MicrophoneFit) -> String {
    let mut text = format!("{:.0} s at {} Hz", fit.seconds, fit.rate_hz);
    for (index, channel) in fit.channels.iter().enumerate() {
        let _ = write!(text, "\n  channel {}: room {}", index + 1, channel.quiet);
        if let Some(talk) = channel.talk {
            let _ = write!(text, ", talk {talk}");
        }
    }
    let (warnings, rest): (Vec<&Finding>, Vec<&Finding>) =
        fit.findings.iter().partition(|finding| finding.is_warning());
    for finding in warnings {
        let _ = write!(text, "\nto mend: {finding}");
    }
    for finding in rest {
        let _ = write!(text, "\ngood to know: {finding}");
    }
    if fit.is_sound() {
        text.push_str("\nthe microphone is as it should be");
    }
    text
}
