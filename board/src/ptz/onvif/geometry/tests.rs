#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const GENERIC: &str = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace";
const SPHERICAL: &str = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees";

fn space(uri: &str, x: [f64; 2], y: [f64; 2]) -> Space {
    Space {
        uri: uri.to_owned(),
        x,
        y,
    }
}

fn status(x: f64, y: f64, space: Option<&str>) -> Status {
    Status {
        position: Some([x, y]),
        space: space.map(str::to_owned),
        moving: None,
    }
}

fn looking(pan_degrees: f64, tilt_degrees: f64) -> Orientation {
    Orientation {
        pan_degrees,
        tilt_degrees,
    }
}

fn generic_spaces() -> Spaces {
    Spaces {
        absolute: vec![space(GENERIC, UNIT, UNIT)],
        relative: vec![space("u/TranslationGenericSpace", UNIT, UNIT)],
        continuous: vec![space("u/VelocityGenericSpace", UNIT, UNIT)],
        speed: vec![space("u/GenericSpeedSpace", [0.0, 1.0], [0.0, 1.0])],
    }
}

#[test]
fn generic_numbers_mean_what_the_settings_say() {
    let geometry = Geometry::new(&OnvifSettings::default(), &generic_spaces(), &Configuration::default());
    assert_eq!(
        (geometry.pan_degrees.clone(), geometry.tilt_degrees.clone()),
        (-170.0..=170.0, -30.0..=90.0)
    );
    let at = geometry.position(looking(85.0, 30.0));
    assert_eq!((at.x, at.y, at.space), (0.5, 0.0, None));
    assert_eq!(geometry.position(looking(400.0, -80.0)).x, 1.0);
    assert_eq!(geometry.orientation(&status(0.5, 0.0, None)), Some(looking(85.0, 30.0)));
    let drive = geometry.velocity(Velocity {
        pan: -40.0,
        tilt: 600.0,
    });
    assert_eq!((drive.x, drive.y), (-0.5, 1.0));
    let step = geometry.translation(looking(0.0, 0.0), looking(17.0, 999.0)).unwrap();
    assert_eq!((step.x, step.y), (0.1, 1.0));
    assert_eq!(geometry.speed(Velocity { pan: -8.0, tilt: 0.0 }).unwrap().x, 0.1);
    assert!(geometry.speed(Velocity::default()).unwrap().y > 0.0);
}

#[test]
fn spaces_in_degrees_need_no_settings() {
    let mut spaces = generic_spaces();
    spaces.absolute.push(space(SPHERICAL, [0.0, 360.0], [-20.0, 90.0]));
    spaces
        .continuous
        .push(space("u/VelocitySpaceDegrees", [-100.0, 100.0], [-50.0, 50.0]));
    let geometry = Geometry::new(&OnvifSettings::default(), &spaces, &Configuration::default());
    assert_eq!(
        (geometry.pan_degrees.clone(), geometry.tilt_degrees.clone()),
        (-180.0..=180.0, -20.0..=90.0)
    );
    let at = geometry.position(looking(-90.0, 10.0));
    assert_eq!((at.x, at.y, at.space.as_deref()), (90.0, 10.0, Some(SPHERICAL)));
    assert_eq!(
        geometry.orientation(&status(90.0, 10.0, Some(SPHERICAL))),
        Some(looking(-90.0, 10.0))
    );
    assert_eq!(
        geometry.orientation(&status(0.5, -1.0, Some(GENERIC))),
        Some(looking(90.0, -20.0))
    );
    assert_eq!(
        geometry.orientation(&status(0.5, -1.0, None)),
        Some(looking(90.0, -20.0))
    );
    assert_eq!(geometry.fastest, Velocity { pan: 100.0, tilt: 50.0 });
    assert_eq!(geometry.velocity(Velocity { pan: 30.0, tilt: -70.0 }).y, -50.0);
}

#[test]
fn limits_narrow_the_range_without_changing_the_numbers() {
    let configuration = Configuration {
        limits: Some(space(GENERIC, [-0.5, 0.5], [-1.0, 2.0])),
        ..Configuration::default()
    };
    let geometry = Geometry::new(&OnvifSettings::default(), &generic_spaces(), &configuration);
    assert_eq!(
        (geometry.pan_degrees.clone(), geometry.tilt_degrees.clone()),
        (-85.0..=85.0, -30.0..=90.0)
    );
    assert_eq!(geometry.position(looking(170.0, 0.0)).x, 0.5);
    assert_eq!(geometry.orientation(&status(0.5, 1.0, None)), Some(looking(85.0, 90.0)));
}

#[test]
fn signs_are_turned_one_by_one() {
    let settings = OnvifSettings {
        invert_pan: true,
        invert_tilt_speed: true,
        ..OnvifSettings::default()
    };
    let geometry = Geometry::new(&settings, &generic_spaces(), &Configuration::default());
    assert_eq!(geometry.position(looking(85.0, 90.0)).x, -0.5);
    assert_eq!(geometry.position(looking(85.0, 90.0)).y, 1.0);
    let drive = geometry.velocity(Velocity { pan: 40.0, tilt: 30.0 });
    assert_eq!((drive.x, drive.y), (-0.5, -0.5));
    assert!(geometry.translation(looking(0.0, 0.0), looking(17.0, 6.0)).unwrap().x < 0.0);
}

proptest! {
    #[test]
    fn what_is_commanded_is_read_back(
        pan in -170.0_f64..170.0,
        tilt in -30.0_f64..90.0,
        inverted in any::<bool>(),
        counted in (-300.0_f64..0.0, 0.1_f64..300.0),
        spherical in any::<bool>(),
    ) {
        let settings = OnvifSettings { invert_pan: inverted, invert_tilt: !inverted, ..OnvifSettings::default() };
        let absolute = if spherical {
            space(SPHERICAL, [-200.0, 200.0], [-91.0, 91.0])
        } else {
            space(GENERIC, [counted.0, counted.1], UNIT)
        };
        let spaces = Spaces { absolute: vec![absolute], ..Spaces::default() };
        let geometry = Geometry::new(&settings, &spaces, &Configuration::default());
        let at = geometry.position(looking(pan, tilt));
        let read = geometry.orientation(&status(at.x, at.y, at.space.as_deref())).unwrap();
        prop_assert!((read.pan_degrees - pan).abs() < 1e-9 && (read.tilt_degrees - tilt).abs() < 1e-9);
    }
}
