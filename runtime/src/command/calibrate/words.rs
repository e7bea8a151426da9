//! What was fitted, in words: as it stands, and before and after a change.

use std::fmt::Write;

use lookhear::device::store::Change;
use lookhear_calibration::Calibration;

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
    [("threshold", threshold), ("noise floor", noise_floor)]
        .map(|(name, fit)| (name, fit.unwrap_or_else(|| "not fitted on this device".into())))
        .to_vec()
}
