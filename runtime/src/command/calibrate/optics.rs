//! `lookhear calibrate optics`: what the camera sees, and how its head turns it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::Args;
use lookhear::calibrating::optics::{Devices, OpticsError, OpticsMeasurements, measure};
use lookhear::configuration::Configuration;
use lookhear::device::fitted::optics_source;
use lookhear::device::store::{CalibrationStore, Change};
use lookhear_board::camera::v4l2::LiveCamera;
use lookhear_board::ptz::{PtzKind, open};
use lookhear_board::{Clock, MonotonicClock};
use lookhear_calibration::optics::{Axis, AxisFit, Estimate};
use lookhear_calibration::{Fitted, OpticsFit};

use super::words;
use crate::command::output::{warn, write_text};
use crate::command::ptz::watch_for_interruption;

/// The name of the procedure.
const WHAT: &str = "optics";
/// From here on a scale of the head, or a backlash, is worth a word: a share of the angle, and degrees.
const NOTABLE_SCALE: f64 = 0.03;
const NOTABLE_BACKLASH_DEGREES: f64 = 1.0;

/// `lookhear calibrate optics`.
#[derive(Debug, Args)]
pub struct Optics {
    /// How far a step is [default: as far as shifts the picture by a twentieth, 6 at most]
    #[arg(long, value_name = "DEGREES", value_parser = degrees)]
    step_degrees: Option<f64>,
    /// Measure everything anew, also what was measured before it was broken off
    #[arg(long)]
    fresh: bool,
    /// Show what comes out, and keep nothing of it
    #[arg(long)]
    dry_run: bool,
}

impl Optics {
    /// Does it.
    pub fn run(self, configuration: &Configuration, store: &CalibrationStore) -> anyhow::Result<()> {
        if configuration.ptz.kind == PtzKind::None {
            bail!(
                "no head is named in [ptz], and a camera that stands still does not show how wide it sees: write \
                 optics.horizontal_field_of_view_degrees into the configuration, as the camera's data sheet has it (or measure: \
                 something of width w that just fills the picture at a distance d makes it twice the arctangent of w / 2d)"
            );
        }
        // Nothing is written before it is known that it can be.
        let before = store.calibration()?;
        let interrupted = watch_for_interruption()?;
        let clock = Arc::new(MonotonicClock);
        let mut camera = LiveCamera::open(&configuration.camera)?;
        let mut head = open(&configuration.ptz, clock.clone())?.context("the settings name no head")?;
        let head_settings = &configuration.ptz;
        let inverted =
            [head_settings.pan_inverted, head_settings.tilt_inverted].map(|inverted| inverted.unwrap_or(false));
        let source = optics_source(&configuration.camera, head_settings);
        let mut measurements = self.begin(OpticsMeasurements::new(source, inverted, self.step_degrees), store)?;
        write_text(
            "The camera will turn to and fro by a few degrees for a minute or two, and come back. Keep what it sees still. Ctrl-C \
             stops it.",
        )?;
        let devices = Devices {
            camera: &mut camera,
            head: &mut *head,
            clock: &*clock as &dyn Clock,
            interrupted: &|| interrupted.load(Ordering::Relaxed),
            tell: &mut |progress| warn(progress),
        };
        let mut keep = |measured: &OpticsMeasurements| {
            if let Err(cause) = store.keep_unfinished(WHAT, measured) {
                warn(format_args!("what was measured is not kept for later: {cause}"));
            }
        };
        let outcome = measure(devices, &mut measurements, &mut keep);
        if outcome.is_err() {
            // A second word to a head that may not have taken the first.
            head.stop().context("the head could not be stopped")?;
        }
        outcome.map_err(|cause| match cause {
            OpticsError::Camera(_) => {
                anyhow::Error::from(cause).context("the camera failed; what was measured is kept")
            }
            cause => cause.into(),
        })?;
        let source = measurements.source.clone();
        let fit = measurements.fit();
        if !self.dry_run || fit.is_err() {
            // What is refused is not worth going on with.
            store.forget_unfinished(WHAT);
        }
        let fit = fit?;
        let remarks = remarks(&fit, configuration);
        let change = if self.dry_run {
            let mut after = before.clone();
            after.optics = Some(Fitted { source, fit });
            Change {
                what: format!("{WHAT} (dry run, nothing is kept)"),
                before,
                after,
            }
        } else {
            store.change(WHAT, |calibration| calibration.optics = Some(Fitted { source, fit }))?
        };
        write_text(words::changed(&change))?;
        remarks.iter().try_for_each(write_text)
    }

    /// What there is to go on with.
    fn begin(&self, new: OpticsMeasurements, store: &CalibrationStore) -> anyhow::Result<OpticsMeasurements> {
        if self.fresh {
            store.forget_unfinished(WHAT);
            return Ok(new);
        }
        match store.unfinished::<OpticsMeasurements>(WHAT) {
            Some(begun) if new.goes_on(&begun) => {
                write_text("It goes on with what was measured before it was broken off; --fresh begins anew.")?;
                Ok(begun)
            }
            _ => Ok(new),
        }
    }
}

/// A length of step from the command line.
fn degrees(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|cause| format!("{cause}"))?;
    if (0.2..=15.0).contains(&value) {
        Ok(value)
    } else {
        Err("a step lies between 0.2 and 15 degrees".to_owned())
    }
}

/// What was found, in a sentence.
pub fn in_words(fitted: &Fitted<OpticsFit>) -> String {
    let fit = &fitted.fit;
    let mut parts = vec![format!(
        "{} degrees wide",
        estimate(fit.horizontal_field_of_view_degrees)
    )];
    if let Some(pinhole) = fit.pinhole_field_of_view_degrees {
        parts.push(format!("{} by the shape of the picture alone", estimate(pinhole)));
    }
    for (axis, found) in [(Axis::Pan, fit.pan), (Axis::Tilt, fit.tilt)] {
        parts.push(axis_in_words(axis, found));
    }
    if let Some(response) = &fit.response {
        let settles = response.settle_seconds.map_or(String::new(), |seconds| {
            format!(", {seconds:.2} s after the head says so")
        });
        parts.push(format!(
            "follows after {} s, still {:.2} s after a command of {:.0} degrees{settles}",
            estimate(response.dead_time_seconds),
            response.still_seconds,
            response.way_degrees
        ));
    }
    format!("{}; of {}", parts.join("; "), fitted.source)
}

fn axis_in_words(axis: Axis, found: Option<AxisFit>) -> String {
    let Some(found) = found else {
        return format!("{} not turned", axis.name());
    };
    let sign = if found.inverted { "inverted" } else { "as it should" };
    let scale = found
        .degrees_per_head_degree
        .map_or(String::new(), |scale| format!(", scale {}", estimate(scale)));
    format!(
        "{} {sign}, loose by {} degrees{scale}",
        axis.name(),
        estimate(found.backlash_degrees)
    )
}

/// A number with as many digits as it is known to.
fn estimate(estimate: Estimate) -> String {
    let digits = if estimate.deviation >= 0.095 { 1 } else { 2 };
    format!("{:.digits$} ± {:.digits$}", estimate.value, estimate.deviation)
}

/// What a person had better know.
fn remarks(fit: &OpticsFit, configuration: &Configuration) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(stated) = configuration.optics.horizontal_field_of_view_degrees {
        remarks.push(format!(
            "The configuration says optics.horizontal_field_of_view_degrees = {stated}, which holds: take it out for the fitted one to count."
        ));
    }
    let stated = [configuration.ptz.pan_inverted, configuration.ptz.tilt_inverted];
    for ((axis, found), stated) in [(Axis::Pan, fit.pan), (Axis::Tilt, fit.tilt)].into_iter().zip(stated) {
        let (Some(found), name) = (found, axis.name()) else {
            continue;
        };
        if let Some(stated) = stated.filter(|stated| *stated != found.inverted) {
            remarks.push(format!(
                "The configuration says ptz.{name}_inverted = {stated}, and the camera turns the other way: take it out."
            ));
        }
        if let Some(scale) = found.degrees_per_head_degree {
            let off = scale.value - 1.0;
            if off.abs() > NOTABLE_SCALE.max(3.0 * scale.deviation) {
                remarks.push(format!(
                    "A degree of the head's {name} seems to be {:.3} ± {:.3} degrees: its units are set wrongly (ptz.visca.{name}_units_per_degree, \
                     where it speaks VISCA), or the lens bends straight lines. It is aimed right all the same.",
                    scale.value, scale.deviation
                ));
            }
        }
        if found.backlash_degrees.value > NOTABLE_BACKLASH_DEGREES {
            remarks.push(format!(
                "The head's {name} is loose by {:.1} degrees: see to its gears or its mount.",
                found.backlash_degrees.value
            ));
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fit(scale: f64) -> OpticsFit {
        let estimate = |value: f64, deviation: f64| Estimate { value, deviation };
        OpticsFit {
            horizontal_field_of_view_degrees: estimate(71.52, 0.2),
            pinhole_field_of_view_degrees: None,
            pan: Some(AxisFit {
                inverted: true,
                backlash_degrees: estimate(1.31, 0.02),
                degrees_per_head_degree: Some(estimate(scale, 0.005)),
            }),
            tilt: None,
            response: None,
        }
    }

    #[test]
    fn it_is_told_in_words() {
        let text = in_words(&Fitted {
            source: "camera auto 640x480, head uvc".into(),
            fit: fit(1.0),
        });
        assert_eq!(
            text,
            "71.5 ± 0.2 degrees wide; pan inverted, loose by 1.31 ± 0.02 degrees, scale 1.00 ± 0.01; tilt not turned; of camera auto \
             640x480, head uvc"
        );
    }

    #[test]
    fn what_a_person_had_better_know_is_said() {
        let plain = Configuration::default();
        assert_eq!(remarks(&fit(1.0), &plain).len(), 1, "it is loose");
        assert!(remarks(&fit(1.1), &plain)[0].contains("pan_units_per_degree"));
        let stated =
            Configuration::parse("[optics]\nhorizontal_field_of_view_degrees = 60\n[ptz]\npan_inverted = false")
                .unwrap();
        let remarks = remarks(&fit(1.0), &stated);
        assert!(
            remarks[0].contains("= 60") && remarks[1].contains("the other way"),
            "{remarks:?}"
        );
    }

    #[test]
    fn without_a_head_it_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let optics = Optics {
            step_degrees: None,
            fresh: false,
            dry_run: false,
        };
        let error = optics
            .run(&Configuration::default(), &CalibrationStore::new(directory.path()))
            .unwrap_err();
        assert!(
            error.to_string().contains("horizontal_field_of_view_degrees"),
            "{error}"
        );
        assert!(degrees("0").is_err() && degrees("nan").is_err() && degrees("3").is_ok());
    }
}
