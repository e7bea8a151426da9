//! From what a camera counts in to degrees, and back.
//!
//! The generic spaces of ONVIF count from −1 to 1 and leave open what that is in degrees: there the settings say it. Where a
//! camera offers spaces in degrees, those are used and the settings are not needed. Pan in degrees is moved so that 0 is the
//! middle of its range, as some cameras count from 0 to 360; tilt keeps the camera's horizon.

use std::ops::RangeInclusive;

use super::answers::{Configuration, Space, Spaces, Status, is_in_degrees};
use super::messages::Vector;
use super::settings::OnvifSettings;
use crate::{Orientation, Velocity};

/// How a head counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Geometry {
    /// Places where it takes them; those of steps and status otherwise.
    place: Plane,
    /// Places as its status tells them when it counts otherwise.
    generic: Plane,
    degrees: Option<Plane>,
    usual_space_is_in_degrees: bool,
    takes_places: bool,
    step: Option<Plane>,
    drive: Plane,
    speed: Option<Plane>,
    /// Where it can look.
    pub pan_degrees: RangeInclusive<f64>,
    /// Where it can look.
    pub tilt_degrees: RangeInclusive<f64>,
    /// How fast it turns.
    pub fastest: Velocity,
}

/// Both axes in one space.
#[derive(Debug, Clone, PartialEq)]
struct Plane {
    /// The space, where it is not the generic one.
    space: Option<String>,
    pan: Scale,
    tilt: Scale,
}

/// One axis: degrees = slope · counted + intercept.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    slope: f64,
    intercept: f64,
    counted: [f64; 2],
}

impl Scale {
    /// The range `counted` lies on the range `degrees`, the other way round if inverted.
    fn between(counted: [f64; 2], degrees: [f64; 2], inverted: bool) -> Self {
        let [first, last] = if inverted { [degrees[1], degrees[0]] } else { degrees };
        let slope = (last - first) / (counted[1] - counted[0]);
        Self {
            slope,
            intercept: first - slope * counted[0],
            counted,
        }
    }

    /// Counted in degrees already, with `middle` for 0.
    fn shifted(counted: [f64; 2], middle: f64, inverted: bool) -> Self {
        let slope = if inverted { -1.0 } else { 1.0 };
        Self {
            slope,
            intercept: -slope * middle,
            counted,
        }
    }

    fn to_degrees(self, counted: f64) -> f64 {
        self.slope * counted + self.intercept
    }

    fn counted_from(self, degrees: f64) -> f64 {
        ((degrees - self.intercept) / self.slope).clamp(self.counted[0], self.counted[1])
    }

    fn range(self) -> [f64; 2] {
        let [first, last] = self.counted.map(|end| self.to_degrees(end));
        [first.min(last), first.max(last)]
    }
}

impl Plane {
    fn vector(&self, pan: f64, tilt: f64) -> Vector {
        Vector {
            x: self.pan.counted_from(pan),
            y: self.tilt.counted_from(tilt),
            space: self.space.clone(),
        }
    }
}

const UNIT: [f64; 2] = [-1.0, 1.0];

/// The space in degrees, or else the first.
fn best(spaces: &[Space]) -> Option<&Space> {
    spaces
        .iter()
        .find(|space| space.is_in_degrees())
        .or_else(|| spaces.iter().find(|space| space.uri.contains("Generic")))
        .or(spaces.first())
}

/// The name of a space, where it has to be told: the generic ones are meant where none is.
fn name(space: &Space) -> Option<String> {
    let usual = space.uri.ends_with("GenericSpace") || space.uri.ends_with("GenericSpeedSpace");
    (!usual && !space.uri.is_empty()).then(|| space.uri.clone())
}

impl Geometry {
    pub fn new(settings: &OnvifSettings, spaces: &Spaces, configuration: &Configuration) -> Self {
        let in_degrees = spaces.absolute.iter().find(|space| space.is_in_degrees());
        let mut degrees = in_degrees.map(|space| {
            let horizon = if (space.y[0]..=space.y[1]).contains(&0.0) {
                0.0
            } else {
                f64::midpoint(space.y[0], space.y[1])
            };
            Plane {
                space: name(space),
                pan: Scale::shifted(space.x, f64::midpoint(space.x[0], space.x[1]), settings.invert_pan),
                tilt: Scale::shifted(space.y, horizon, settings.invert_tilt),
            }
        });
        let (pan_range, tilt_range) = degrees
            .as_ref()
            .map_or((settings.pan_range_degrees, settings.tilt_range_degrees), |plane| {
                (plane.pan.range(), plane.tilt.range())
            });
        let counted = spaces.absolute.iter().find(|space| !space.is_in_degrees());
        let (pan_counted, tilt_counted) = counted.map_or((UNIT, UNIT), |space| (space.x, space.y));
        let mut generic = Plane {
            space: None,
            pan: Scale::between(pan_counted, pan_range, settings.invert_pan),
            tilt: Scale::between(tilt_counted, tilt_range, settings.invert_tilt),
        };
        generic.space = counted.and_then(name);
        // Limits narrow where it may look, but do not change what its numbers mean.
        for (plane, space) in [(Some(&mut generic), counted), (degrees.as_mut(), in_degrees)] {
            if let (Some(plane), Some(space)) = (plane, space) {
                let limited = limited(space, configuration);
                plane.pan.counted = limited.x;
                plane.tilt.counted = limited.y;
            }
        }
        let place = degrees.clone().unwrap_or_else(|| generic.clone());

        let drive_space = best(&spaces.continuous).cloned().unwrap_or_default();
        let fastest = fastest(settings, spaces, &drive_space);
        let step = best(&spaces.relative).map(|space| Self::step(space, &generic, settings));
        let turns = |inverted: bool, against: bool| inverted != against;
        let drive = Plane {
            space: name(&drive_space),
            pan: Self::rate(
                &drive_space,
                drive_space.x,
                fastest.pan,
                turns(settings.invert_pan, settings.invert_pan_speed),
            ),
            tilt: Self::rate(
                &drive_space,
                drive_space.y,
                fastest.tilt,
                turns(settings.invert_tilt, settings.invert_tilt_speed),
            ),
        };
        let speed = best(&spaces.speed).map(|space| Plane {
            space: name(space),
            pan: Self::rate(space, space.x, fastest.pan, false),
            tilt: Self::rate(space, space.y, fastest.tilt, false),
        });
        let [left, right] = place.pan.range();
        let [down, up] = place.tilt.range();
        Self {
            usual_space_is_in_degrees: configuration
                .position_space
                .as_deref()
                .map_or(degrees.is_some() && counted.is_none(), is_in_degrees),
            takes_places: !spaces.absolute.is_empty(),
            place,
            generic,
            degrees,
            step,
            drive,
            speed,
            pan_degrees: left..=right,
            tilt_degrees: down..=up,
            fastest,
        }
    }

    /// A generic step of 1 is as long as the way from 0 to 1 among its places.
    fn step(space: &Space, generic: &Plane, settings: &OnvifSettings) -> Plane {
        let axis = |counted, of_places: Scale, inverted: bool| Scale {
            slope: match space.is_in_degrees() {
                true if inverted => -1.0,
                true => 1.0,
                false => of_places.slope,
            },
            intercept: 0.0,
            counted,
        };
        Plane {
            space: name(space),
            pan: axis(space.x, generic.pan, settings.invert_pan),
            tilt: axis(space.y, generic.tilt, settings.invert_tilt),
        }
    }

    fn rate(space: &Space, counted: [f64; 2], fastest: f64, inverted: bool) -> Scale {
        let counted = if counted[0] < counted[1] { counted } else { UNIT };
        let full = counted[0].abs().max(counted[1].abs());
        let slope = if space.is_in_degrees() { 1.0 } else { fastest / full };
        Scale {
            slope: if inverted { -slope } else { slope },
            intercept: 0.0,
            counted,
        }
    }

    /// Whether it takes places, or steps that lead to them.
    pub fn takes_places(&self) -> bool {
        self.takes_places
    }

    /// Whether it takes steps.
    pub fn takes_steps(&self) -> bool {
        self.step.is_some()
    }

    /// Where a status says that it looks.
    pub fn orientation(&self, status: &Status) -> Option<Orientation> {
        let [x, y] = status.position?;
        let in_degrees = status
            .space
            .as_deref()
            .map_or(self.usual_space_is_in_degrees, is_in_degrees);
        let plane = self.degrees.as_ref().filter(|_| in_degrees).unwrap_or(&self.generic);
        Some(Orientation {
            pan_degrees: plane.pan.to_degrees(x),
            tilt_degrees: plane.tilt.to_degrees(y),
        })
    }

    /// A place within its range.
    pub fn position(&self, to: Orientation) -> Vector {
        self.place.vector(to.pan_degrees, to.tilt_degrees)
    }

    /// The step from one direction to another, as far as one step goes.
    pub fn translation(&self, from: Orientation, to: Orientation) -> Option<Vector> {
        let pan = to.pan_degrees.clamp(*self.pan_degrees.start(), *self.pan_degrees.end());
        let tilt = to
            .tilt_degrees
            .clamp(*self.tilt_degrees.start(), *self.tilt_degrees.end());
        let step = self.step.as_ref()?;
        Some(step.vector(pan - from.pan_degrees, tilt - from.tilt_degrees))
    }

    /// A speed with a direction.
    pub fn velocity(&self, velocity: Velocity) -> Vector {
        self.drive.vector(velocity.pan, velocity.tilt)
    }

    /// The speed of a movement to a place, for heads that take one; never quite 0, at which it would not end.
    pub fn speed(&self, speed: Velocity) -> Option<Vector> {
        let slowest = |axis: f64, fastest: f64| axis.abs().max(0.01 * fastest);
        let plane = self.speed.as_ref()?;
        Some(plane.vector(
            slowest(speed.pan, self.fastest.pan),
            slowest(speed.tilt, self.fastest.tilt),
        ))
    }
}

/// A space within the limits that the profile sets in it.
fn limited(space: &Space, configuration: &Configuration) -> Space {
    let within = |own: [f64; 2], limits: [f64; 2]| {
        let both = [own[0].max(limits[0]), own[1].min(limits[1])];
        if both[0] < both[1] { both } else { own }
    };
    match configuration.limits.as_ref().filter(|limits| limits.uri == space.uri) {
        Some(limits) => Space {
            uri: space.uri.clone(),
            x: within(space.x, limits.x),
            y: within(space.y, limits.y),
        },
        None => space.clone(),
    }
}

/// How fast it turns: as it tells where it counts speeds in degrees, otherwise as the settings have it.
fn fastest(settings: &OnvifSettings, spaces: &Spaces, drive: &Space) -> Velocity {
    let telling = Some(drive)
        .filter(|space| space.is_in_degrees())
        .or_else(|| spaces.speed.iter().find(|space| space.is_in_degrees()));
    let [pan, tilt] = telling.map_or(settings.fastest_degrees_per_second, |space| [space.x[1], space.y[1]]);
    let positive = |told: f64, assumed: f64| if told > 0.0 { told } else { assumed };
    Velocity {
        pan: positive(pan, settings.fastest_degrees_per_second[0]),
        tilt: positive(tilt, settings.fastest_degrees_per_second[1]),
    }
}

#[cfg(test)]
mod tests;
