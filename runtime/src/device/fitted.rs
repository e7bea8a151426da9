//! What was fitted of the camera on its head, put where the person's file says nothing.

use lookhear_board::camera::v4l2::CameraSettings;
use lookhear_board::ptz::{PtzKind, PtzSettings};
use lookhear_calibration::Calibration;
use std::time::Duration;

use crate::actuation::controller::ControllerSettings;
use crate::configuration::Configuration;

/// What the picture is blanked beyond what was measured: a frame is exposed for a while.
const SETTLE_MARGIN: Duration = Duration::from_millis(50);
/// A head may be later by this share than it was when it was measured.
const RESPONSE_MARGIN: f64 = 1.25;

/// What a fit of optics holds for: a camera at one size of picture, for others are cut out of what it sees, and a head.
pub fn optics_source(camera: &CameraSettings, head: &PtzSettings) -> String {
    let address = match head.kind {
        PtzKind::Onvif if head.address.is_empty() => &head.onvif.url,
        _ => &head.address,
    };
    let (device, width, height) = (&camera.device, camera.width, camera.height);
    format!("camera {device} {width}x{height}, head {} {address}", head.kind)
        .trim_end()
        .to_owned()
}

/// Completes a configuration by the optics that were fitted for its camera and head. Whatever the person said stays.
pub fn apply_optics(configuration: &mut Configuration, calibration: &Calibration) {
    let source = optics_source(&configuration.camera, &configuration.ptz);
    let Some(fit) = calibration
        .optics
        .as_ref()
        .and_then(|fitted| fitted.for_source(&source))
    else {
        return;
    };
    let view = &mut configuration.optics.horizontal_field_of_view_degrees;
    *view = view.or(Some(fit.horizontal_field_of_view_degrees.value));
    let head = &mut configuration.ptz;
    head.pan_inverted = head.pan_inverted.or(fit.pan.map(|axis| axis.inverted));
    head.tilt_inverted = head.tilt_inverted.or(fit.tilt.map(|axis| axis.inverted));
    let Some(response) = &fit.response else { return };
    let controller = &mut configuration.controller;
    let late = response.dead_time_seconds.value + 2.0 * response.dead_time_seconds.deviation;
    let late = Duration::try_from_secs_f64(RESPONSE_MARGIN * late).unwrap_or_default();
    // A head that follows at once is still not to be told more often than usual: some wedge.
    controller.response = controller
        .response
        .or(Some(late.max(ControllerSettings::USUAL_RESPONSE)));
    let settle = response
        .settle_seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    controller.settle = controller.settle.or(settle.map(|settle| settle + SETTLE_MARGIN));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use lookhear_calibration::optics::{AxisFit, Estimate, Response};
    use lookhear_calibration::{Fitted, OpticsFit};

    use super::*;

    fn fitted(source: String) -> Calibration {
        let estimate = |value: f64| Estimate { value, deviation: 0.0 };
        let axis = |inverted: bool| AxisFit {
            inverted,
            backlash_degrees: estimate(0.0),
            degrees_per_head_degree: None,
        };
        let fit = OpticsFit {
            horizontal_field_of_view_degrees: estimate(78.5),
            pinhole_field_of_view_degrees: None,
            pan: Some(axis(true)),
            tilt: Some(axis(false)),
            response: Some(Response {
                dead_time_seconds: estimate(0.8),
                degrees_per_second: 40.0,
                still_seconds: 1.2,
                way_degrees: 8.0,
                settle_seconds: Some(0.1),
            }),
        };
        Calibration {
            optics: Some(Fitted { source, fit }),
            ..Calibration::default()
        }
    }

    const HEAD: &str = "[ptz]\nkind = \"visca-tcp\"\naddress = \"10.0.0.5\"\n";

    #[test]
    fn a_fit_goes_over_the_default() {
        let mut configuration = Configuration::parse(HEAD).unwrap();
        let source = optics_source(&configuration.camera, &configuration.ptz);
        assert_eq!(source, "camera auto 640x480, head visca-tcp 10.0.0.5");
        apply_optics(&mut configuration, &fitted(source));
        assert_eq!(configuration.optics.horizontal_degrees(), 78.5);
        assert!(configuration.ptz.mounting().unwrap().pan_inverted);
        assert_eq!(configuration.controller.response(), Duration::from_secs(1));
        assert_eq!(configuration.controller.settle(), Duration::from_millis(150));
    }

    #[test]
    fn a_person_goes_over_a_fit() {
        let text = "[optics]\nhorizontal_field_of_view_degrees = 50\n[controller]\nsettle_seconds = 0.7\nresponse_seconds = 0.2\n";
        let mut configuration = Configuration::parse(&format!("{text}{HEAD}pan_inverted = false\n")).unwrap();
        let before = configuration.clone();
        let source = optics_source(&configuration.camera, &configuration.ptz);
        apply_optics(&mut configuration, &fitted(source));
        let tilt_inverted = Some(false);
        assert_eq!(
            configuration.ptz,
            PtzSettings {
                tilt_inverted,
                ..before.ptz
            }
        );
        assert_eq!(
            (configuration.optics, configuration.controller),
            (before.optics, before.controller)
        );
    }

    #[test]
    fn a_fit_of_another_camera_or_size_or_head_says_nothing() {
        let mut configuration = Configuration::parse(HEAD).unwrap();
        let before = configuration.clone();
        let other = optics_source(
            &CameraSettings {
                width: 1280,
                ..CameraSettings::default()
            },
            &before.ptz,
        );
        apply_optics(&mut configuration, &fitted(other));
        assert_eq!(configuration, before);
    }
}
