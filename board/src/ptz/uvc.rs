//! USB cameras that turn, through the controls that the kernel's uvcvideo driver makes of them.
//!
//! Positions are arc-seconds to the right and upward (Linux, "Camera Control Reference", `V4L2_CID_PAN_ABSOLUTE`); speeds are
//! steps of the camera's own, of which it does not tell what they are in degrees a second. Both axes go out in one call, as
//! they are one control of the camera.
//!
//! Kernels before 6.19 take the slowest speed for the lowest and hold the camera to it, so that it creeps to the left and down
//! (Linux, "media: uvcvideo: UVC minimum relative pan/tilt/zoom speed fix", December 2025). A camera that also takes places is
//! then driven by these alone.

use std::io::{self, ErrorKind};
use std::ops::RangeInclusive;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use v4l::control::{Control, Flags, Value};

use super::{Abilities, Orientation, Ptz, PtzError, Velocity};
use crate::shield::shielded;

/// The numbers of the controls (Linux, `include/uapi/linux/v4l2-controls.h`).
pub mod id {
    /// Turns to where it looked when it was switched on.
    pub const PAN_RESET: u32 = 0x009a_0906;
    /// The same for tilt.
    pub const TILT_RESET: u32 = 0x009a_0907;
    /// Arc-seconds to the right.
    pub const PAN_ABSOLUTE: u32 = 0x009a_0908;
    /// Arc-seconds upward.
    pub const TILT_ABSOLUTE: u32 = 0x009a_0909;
    /// Steps of speed to the right.
    pub const PAN_SPEED: u32 = 0x009a_0920;
    /// Steps of speed upward.
    pub const TILT_SPEED: u32 = 0x009a_0921;
}

const ARC_SECONDS: f64 = 3600.0;

/// What is particular to USB cameras.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UvcSettings {
    /// What its fastest pan is, in degrees a second: cameras do not tell, and this is only an assumption.
    pub fastest_pan: f64,
    /// What its fastest tilt is, in degrees a second: cameras do not tell, and this is only an assumption.
    pub fastest_tilt: f64,
}

impl Default for UvcSettings {
    fn default() -> Self {
        Self {
            fastest_pan: 60.0,
            fastest_tilt: 40.0,
        }
    }
}

/// The values that a control takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Values {
    /// The smallest.
    pub minimum: i64,
    /// The greatest.
    pub maximum: i64,
    /// What it is when the camera is switched on.
    pub default: i64,
}

impl Values {
    /// Of a speed: whether it is slower one way than the other.
    fn is_lopsided(&self) -> bool {
        self.minimum != -self.maximum
    }
}

/// The controls of a camera.
pub trait Controls: Send {
    /// What a control takes; `None` where the camera has no such control, or not to be set.
    fn values(&self, id: u32) -> Option<Values>;

    /// What a control is set to.
    fn get(&mut self, id: u32) -> io::Result<i64>;

    /// Sets controls in one go.
    fn set(&mut self, values: &[(u32, i64)]) -> io::Result<()>;
}

/// The controls of a camera that is there.
pub struct V4lControls {
    device: v4l::Device,
    known: Vec<(u32, Values)>,
}

impl V4lControls {
    /// Finds the camera's controls. `path` is a device such as `/dev/v4l/by-id/…-video-index0`.
    pub fn open(path: &str) -> io::Result<Self> {
        let device = v4l::Device::with_path(path)?;
        let all = [
            id::PAN_RESET,
            id::TILT_RESET,
            id::PAN_ABSOLUTE,
            id::TILT_ABSOLUTE,
            id::PAN_SPEED,
            id::TILT_SPEED,
        ];
        let known = match shielded(|| device.query_controls()) {
            Ok(Ok(found)) => found
                .iter()
                .filter(|control| all.contains(&control.id))
                .filter(|control| !control.flags.intersects(Flags::DISABLED | Flags::READ_ONLY))
                .map(|control| {
                    let values = Values {
                        minimum: control.minimum,
                        maximum: control.maximum,
                        default: control.default,
                    };
                    (control.id, values)
                })
                .collect(),
            Ok(Err(cause)) if cause.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => return Err(cause),
            // It has no controls at all.
            Ok(Err(_)) => Vec::new(),
            // v4l 0.14 panics on controls of kinds that it does not know, rectangles for one, which newer kernels have. Asked
            // one by one they do no harm, but then nothing tells what they take.
            Err(_) => all
                .into_iter()
                .filter(|id| device.control(*id).is_ok())
                .map(|id| (id, assumed(id)))
                .collect(),
        };
        Ok(Self { device, known })
    }
}

/// What a control is taken to take where there is no way to find out.
fn assumed(id: u32) -> Values {
    let degrees = ARC_SECONDS as i64;
    let (minimum, maximum) = match id {
        id::PAN_ABSOLUTE => (-170 * degrees, 170 * degrees),
        id::TILT_ABSOLUTE => (-30 * degrees, 90 * degrees),
        _ => (-1, 1),
    };
    Values {
        minimum,
        maximum,
        default: 0,
    }
}

impl Controls for V4lControls {
    fn values(&self, id: u32) -> Option<Values> {
        self.known
            .iter()
            .find_map(|(known, values)| (*known == id).then_some(*values))
    }

    fn get(&mut self, id: u32) -> io::Result<i64> {
        match self.device.control(id)?.value {
            Value::Integer(value) => Ok(value),
            _ => Err(ErrorKind::InvalidData.into()),
        }
    }

    fn set(&mut self, values: &[(u32, i64)]) -> io::Result<()> {
        let controls = values.iter().map(|(id, value)| Control {
            id: *id,
            value: Value::Integer(*value),
        });
        self.device.set_controls(controls.collect())
    }
}

/// One way of moving: the control of each axis that the camera has.
#[derive(Debug, Clone, Copy)]
struct Pair {
    pan: Option<(u32, Values)>,
    tilt: Option<(u32, Values)>,
}

impl Pair {
    fn find(controls: &impl Controls, pan: u32, tilt: u32) -> Option<Self> {
        let find = |id| controls.values(id).map(|values| (id, values));
        let pair = Self {
            pan: find(pan),
            tilt: find(tilt),
        };
        (pair.pan.is_some() || pair.tilt.is_some()).then_some(pair)
    }

    /// Whether one of its speeds is slower one way than the other.
    fn is_lopsided(&self) -> bool {
        let mut axes = self.pan.iter().chain(&self.tilt);
        axes.any(|(_, values)| values.is_lopsided())
    }

    /// What to set for two values that depend on what the controls take.
    fn set_to(&self, pan: impl Fn(Values) -> i64, tilt: impl Fn(Values) -> i64) -> Vec<(u32, i64)> {
        let pan = self.pan.map(|(id, values)| (id, pan(values)));
        let tilt = self.tilt.map(|(id, values)| (id, tilt(values)));
        pan.into_iter().chain(tilt).collect()
    }
}

/// A USB camera that turns. Where it looks is what its kernel driver says: after a camera was plugged in again that may be 0
/// wherever it looks, and some cameras tell where they are going rather than where they are.
pub struct Uvc<C = V4lControls> {
    controls: C,
    device: String,
    places: Option<Pair>,
    speeds: Option<Pair>,
    abilities: Abilities,
    /// The speed that was set last: many cameras take half a second for a command, and choke on too many.
    driving: Option<Vec<(u32, i64)>>,
}

fn unopened(device: &str, cause: &io::Error) -> PtzError {
    let device = device.to_owned();
    if cause.kind() == ErrorKind::PermissionDenied {
        let cause = format!("it may not be opened ({cause}); cameras are open to the group video");
        return PtzError::GiveUp { device, cause };
    }
    let cause = format!("it cannot be opened ({cause})");
    PtzError::Rebuild { device, cause }
}

impl Uvc {
    /// Opens a camera by its path.
    ///
    /// # Errors
    /// `GiveUp` where it may not be opened or does not turn, `Rebuild` where it is not there.
    pub fn open(path: &str, settings: &UvcSettings) -> Result<Self, PtzError> {
        let device = format!("camera {path}");
        let controls = V4lControls::open(path).map_err(|cause| unopened(&device, &cause))?;
        Self::with_controls(controls, device, settings)
    }

    /// Stops a camera without asking first what it can do: that takes slow ones a second.
    ///
    /// # Errors
    /// As [`open`](Self::open), and where the stop could not be sent.
    pub fn halt(path: &str, settings: &UvcSettings) -> Result<(), PtzError> {
        let device = v4l::Device::with_path(path).map_err(|cause| unopened(&format!("camera {path}"), &cause))?;
        let stopped = |ids: &[u32]| {
            let controls = ids.iter().map(|id| Control {
                id: *id,
                value: Value::Integer(0),
            });
            device.set_controls(controls.collect()).is_ok()
        };
        let both = [id::PAN_SPEED, id::TILT_SPEED];
        if stopped(&both) || both.map(|id| stopped(&[id])).contains(&true) {
            return Ok(());
        }
        Self::open(path, settings)?.stop()
    }
}

impl<C: Controls> Uvc<C> {
    /// A camera with these controls.
    ///
    /// # Errors
    /// `GiveUp` where none of them turns it.
    pub fn with_controls(controls: C, device: String, settings: &UvcSettings) -> Result<Self, PtzError> {
        let places = Pair::find(&controls, id::PAN_ABSOLUTE, id::TILT_ABSOLUTE);
        let speeds = Pair::find(&controls, id::PAN_SPEED, id::TILT_SPEED);
        if places.is_none() && speeds.is_none() {
            let cause = "it has no controls to pan or tilt; is it a camera that turns, and the right one?".to_owned();
            return Err(PtzError::GiveUp { device, cause });
        }
        let range = |axis: fn(Pair) -> Option<(u32, Values)>| -> RangeInclusive<f64> {
            match (places.and_then(axis), places) {
                (Some((_, values)), _) => values.minimum as f64 / ARC_SECONDS..=values.maximum as f64 / ARC_SECONDS,
                (None, Some(_)) => 0.0..=0.0,
                (None, None) => -180.0..=180.0,
            }
        };
        let fastest = Velocity {
            pan: settings.fastest_pan.abs(),
            tilt: settings.fastest_tilt.abs(),
        };
        let abilities = Abilities {
            absolute: places.is_some(),
            continuous: speeds.is_some_and(|speeds| places.is_none() || !speeds.is_lopsided()),
            tells_orientation: places.is_some(),
            pan_degrees: range(|pair| pair.pan),
            tilt_degrees: range(|pair| pair.tilt),
            fastest,
        };
        Ok(Self {
            controls,
            device,
            places,
            speeds,
            abilities,
            driving: None,
        })
    }

    fn set(&mut self, values: &[(u32, i64)]) -> Result<(), PtzError> {
        self.controls.set(values).map_err(|cause| self.sorted(&cause))
    }

    fn sorted(&self, cause: &io::Error) -> PtzError {
        let device = self.device.clone();
        let is = |errno: Errno| cause.raw_os_error() == Some(errno.raw_os_error());
        if is(Errno::NODEV) || is(Errno::NXIO) || is(Errno::BADF) || is(Errno::SHUTDOWN) {
            let cause = "it was unplugged".to_owned();
            PtzError::Rebuild { device, cause }
        } else if is(Errno::INVAL) || is(Errno::RANGE) || is(Errno::ACCESS) {
            let cause = format!("it does not take that ({cause})");
            PtzError::GiveUp { device, cause }
        } else {
            let cause = format!("the command did not get through ({cause})");
            PtzError::Retry { device, cause }
        }
    }

    fn refuse(&self, what: &str) -> PtzError {
        PtzError::GiveUp {
            device: self.device.clone(),
            cause: format!("it has no controls for {what}"),
        }
    }

    fn degrees(&mut self, axis: Option<(u32, Values)>) -> Result<f64, PtzError> {
        match axis {
            Some((id, _)) => {
                let value = self.controls.get(id).map_err(|cause| self.sorted(&cause))?;
                Ok(value as f64 / ARC_SECONDS)
            }
            None => Ok(0.0),
        }
    }

    /// Has it hold where it looks, for cameras that know places only.
    fn hold(&mut self, places: Pair) -> Result<(), PtzError> {
        let mut values = Vec::with_capacity(2);
        for (id, _) in places.pan.into_iter().chain(places.tilt) {
            let value = self.controls.get(id).map_err(|cause| self.sorted(&cause))?;
            values.push((id, value));
        }
        self.set(&values)
    }
}

/// The step that comes nearest to a speed. The lowest value that older kernels tell is wrong, so the greatest one holds both
/// ways.
fn step(velocity: f64, fastest: f64, values: Values) -> i64 {
    let most = values.maximum.max(values.minimum.saturating_abs()).max(1) as f64;
    let share = if fastest > 0.0 { velocity / fastest } else { 0.0 };
    (share * most).round().clamp(-most, most) as i64
}

impl<C: Controls> Ptz for Uvc<C> {
    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn orientation(&mut self) -> Result<Option<Orientation>, PtzError> {
        let Some(places) = self.places else {
            return Ok(None);
        };
        Ok(Some(Orientation {
            pan_degrees: self.degrees(places.pan)?,
            tilt_degrees: self.degrees(places.tilt)?,
        }))
    }

    fn is_moving(&mut self) -> Result<Option<bool>, PtzError> {
        Ok(None)
    }

    /// The speed is the camera's own choice.
    fn move_to(&mut self, to: Orientation, _: Velocity) -> Result<(), PtzError> {
        let Some(places) = self.places else {
            return Err(self.refuse("places"));
        };
        let within = |degrees: f64, values: Values| {
            let (low, high) = (values.minimum.min(values.maximum), values.maximum.max(values.minimum));
            ((degrees * ARC_SECONDS).round() as i64).clamp(low, high)
        };
        self.driving = None;
        self.set(&places.set_to(
            |values| within(to.pan_degrees, values),
            |values| within(to.tilt_degrees, values),
        ))
    }

    fn drive(&mut self, velocity: Velocity) -> Result<(), PtzError> {
        let Some(speeds) = self.speeds else {
            return Err(self.refuse("speeds"));
        };
        if !self.abilities.continuous {
            let cause =
                "with this kernel it would creep to the left and down: turn it to places, or use Linux 6.19".to_owned();
            let device = self.device.clone();
            return Err(PtzError::GiveUp { device, cause });
        }
        let fastest = self.abilities.fastest;
        let values = speeds.set_to(
            |values| step(velocity.pan, fastest.pan, values),
            |values| step(velocity.tilt, fastest.tilt, values),
        );
        if self.driving.as_ref() == Some(&values) {
            return Ok(());
        }
        self.driving = None;
        self.set(&values)?;
        self.driving = Some(values);
        Ok(())
    }

    fn stop(&mut self) -> Result<(), PtzError> {
        self.driving = None;
        match (self.speeds, self.places) {
            (Some(speeds), _) => self.set(&speeds.set_to(|_| 0, |_| 0)),
            (None, Some(places)) => self.hold(places),
            (None, None) => Ok(()),
        }
    }

    fn go_home(&mut self) -> Result<(), PtzError> {
        self.driving = None;
        if let Some(places) = self.places {
            return self.set(&places.set_to(|values| values.default, |values| values.default));
        }
        match Pair::find(&self.controls, id::PAN_RESET, id::TILT_RESET) {
            Some(resets) => self.set(&resets.set_to(|_| 1, |_| 1)),
            None => Err(self.refuse("a way home")),
        }
    }
}

#[cfg(test)]
mod tests;
