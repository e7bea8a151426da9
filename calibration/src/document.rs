//! The calibration file: what was fitted on this machine, as versioned TOML.
//!
//! ```toml
//! version = 1
//!
//! [threshold]
//! source = "edge-1"                    # the model that made the similarities
//!
//! [threshold.fit]
//! threshold = 0.4375                   # similarities are accepted from here on
//! negatives = 299
//! fired = 0
//! expected_false_fire_share = 0.0033333333333333335
//! false_fire_share_bound = 0.009969139831967
//!
//! [threshold.fit.method]
//! kind = "false-fire-share"            # or "false-fires-per-hour" with per_hour and [threshold.fit.rate], or "third-quartile"
//! share = 0.01
//! confidence = 0.95
//!
//! [noise_floor]
//! source = "hw:CARD=U0x46d0x825"       # the microphone that heard the room
//!
//! [noise_floor.fit]
//! floor = -61.5                        # dBFS
//! gate = -52.25                        # dBFS
//! blocks = 300
//!
//! [latency]
//! source = "/dev/video0 + hw:CARD=U0x46d0x825"
//!
//! [latency.fit]
//! sound_delay_seconds = 0.125          # the sound of a picture is stamped later by this
//! uncertainty_seconds = 0.0065
//! pairs = 8
//! seen_by = "flash"                    # or "clap"
//!
//! [microphone]
//! source = "hw:CARD=U0x46d0x825"
//!
//! [microphone.fit]
//! rate_hz = 48000
//! seconds = 20.0
//!
//! [[microphone.fit.channels]]          # one for each channel
//! quiet = -61.5                        # dBFS
//! talk = -30.0                         # dBFS
//! offset = 0.001953125                 # mean of the samples, −1..1
//! clipped_share = 0.0
//!
//! [[microphone.fit.findings]]          # each with its own numbers
//! kind = "identical"
//!
//! [optics]
//! source = "camera auto 1280x720, head visca-tcp 10.0.0.5"
//!
//! [optics.fit]
//! horizontal_field_of_view_degrees = { value = 71.5, deviation = 0.25 }  # in the head's degrees
//! pinhole_field_of_view_degrees = { value = 72.0, deviation = 0.5 }
//! pan = { inverted = true, backlash_degrees = { value = 0.25, deviation = 0.0625 } }
//!
//! [optics.fit.response]
//! dead_time_seconds = { value = 0.125, deviation = 0.0078125 }
//! degrees_per_second = 40.0
//! still_seconds = 0.5
//! way_degrees = 8.0
//! settle_seconds = 0.125               # after the head says that it is at rest
//! ```

use serde::{Deserialize, Serialize};

use crate::microphone::ChannelFit;
use crate::{LatencyFit, MicrophoneFit, NoiseFloorFit, OpticsFit, ThresholdFit};

/// The version that this code reads and writes.
pub const VERSION: u32 = 1;

/// Everything that was fitted on a machine; what was not is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The acceptance threshold of a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Fitted<ThresholdFit>>,
    /// The noise floor of a microphone in its room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_floor: Option<Fitted<NoiseFloorFit>>,
    /// The time between the pictures of a camera and the sound of a microphone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Fitted<LatencyFit>>,
    /// What is to be said of a microphone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microphone: Option<Fitted<MicrophoneFit>>,
    /// What a camera on its head sees, and how the head turns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optics: Option<Fitted<OpticsFit>>,
}

/// A fit together with what its data came from: it says nothing about any other model or device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fitted<T> {
    /// Name of the model or device that made the data.
    pub source: String,
    /// What was found.
    pub fit: T,
}

impl<T> Fitted<T> {
    /// The fit, when it was made with the `source` of that name.
    pub fn for_source(&self, source: &str) -> Option<&T> {
        (self.source == source).then_some(&self.fit)
    }
}

/// Why a calibration file cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DocumentError {
    /// It is damaged or was edited: calibrate again.
    #[error("the calibration is damaged: {0}; delete it and calibrate again")]
    Damaged(String),
    /// It was written by another version of this program: use that version, or calibrate again.
    #[error(
        "the calibration has version {found}, and this program reads version {VERSION}; update the program, or calibrate again"
    )]
    Version {
        /// The version that it states.
        found: i64,
    },
}

impl DocumentError {
    fn damaged(error: impl std::fmt::Display) -> Self {
        Self::Damaged(error.to_string().trim().replace('\n', " "))
    }
}

impl Calibration {
    /// Reads the text of a calibration file.
    ///
    /// # Errors
    /// [`DocumentError::Version`] for a version other than [`VERSION`], [`DocumentError::Damaged`] for text that is not
    /// TOML, lacks a key, has one too many, or holds a number that no fit could have found.
    pub fn read(text: &str) -> Result<Self, DocumentError> {
        let mut table: toml::Table = text.parse().map_err(DocumentError::damaged)?;
        // The version is looked at first, so that a newer file is called newer and not damaged.
        match table.remove("version") {
            Some(toml::Value::Integer(found)) if found == i64::from(VERSION) => {}
            Some(toml::Value::Integer(found)) => return Err(DocumentError::Version { found }),
            _ => return Err(DocumentError::damaged("its version is missing")),
        }
        let calibration: Self = table.try_into().map_err(DocumentError::damaged)?;
        calibration.check()?;
        Ok(calibration)
    }

    /// The text of the calibration file, which [`Calibration::read`] reads back equal.
    ///
    /// # Errors
    /// [`DocumentError::Damaged`] when a number is not one that [`Calibration::read`] would take.
    pub fn render(&self) -> Result<String, DocumentError> {
        self.check()?;
        let body = toml::to_string(self).map_err(DocumentError::damaged)?;
        Ok(format!("version = {VERSION}\n\n{body}"))
    }

    fn check(&self) -> Result<(), DocumentError> {
        if let Some(Fitted { fit, .. }) = &self.threshold {
            let shares = [fit.expected_false_fire_share, fit.false_fire_share_bound];
            if !fit.threshold.is_finite() {
                return Err(DocumentError::damaged("its threshold is not a finite number"));
            }
            if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
                return Err(DocumentError::damaged("a share of false fires is not between 0 and 1"));
            }
            if fit.rate.is_some_and(|rate| !rate.is_possible()) {
                return Err(DocumentError::damaged("its rate of false fires is not one"));
            }
            if fit.fired > fit.negatives {
                return Err(DocumentError::damaged("more negatives fired than there were"));
            }
        }
        if let Some(Fitted { fit, .. }) = &self.noise_floor
            && fit.gate < fit.floor
        {
            return Err(DocumentError::damaged("its gate is below the noise floor"));
        }
        if let Some(Fitted { fit, .. }) = &self.latency {
            if !(-1.0..=1.0).contains(&fit.sound_delay_seconds) {
                return Err(DocumentError::damaged("its sound delay is not between −1 and 1 s"));
            }
            if !(0.0..=1.0).contains(&fit.uncertainty_seconds) {
                return Err(DocumentError::damaged(
                    "the uncertainty of its sound delay is not between 0 and 1 s",
                ));
            }
        }
        if let Some(Fitted { fit, .. }) = &self.microphone {
            let is_sound =
                |channel: &ChannelFit| channel.offset.is_finite() && (0.0..=1.0).contains(&channel.clipped_share);
            if !(fit.channels.iter().all(is_sound) && (0.0..=1e9).contains(&fit.seconds)) {
                return Err(DocumentError::damaged("what it says of the microphone cannot be"));
            }
        }
        if let Some(complaint) = self.optics.as_ref().and_then(|Fitted { fit, .. }| fit.complaint()) {
            return Err(DocumentError::damaged(complaint));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::latency::SeenBy;
    use crate::microphone::Finding;
    use crate::optics::{AxisFit, Estimate, Response};
    use crate::{Level, Method};
    use proptest::prelude::*;

    fn example() -> Calibration {
        let negatives: Vec<f32> = (0..299).map(|n| 0.4375_f32.next_down() - n as f32 * 1e-3).collect();
        let method = Method::FalseFireShare {
            share: 0.01,
            confidence: 0.95,
        };
        let levels: Vec<Level> = (0..300).map(|n| Level::from_decibels(-61.5 + (n % 5) as f32)).collect();
        Calibration {
            threshold: Some(Fitted {
                source: "edge-1".into(),
                fit: ThresholdFit::fit(&negatives, method).unwrap(),
            }),
            noise_floor: Some(Fitted {
                source: "hw:CARD=U0x46d0x825".into(),
                fit: NoiseFloorFit::fit(&levels, 6.0).unwrap(),
            }),
            latency: None,
            microphone: None,
            optics: Some(Fitted {
                source: "camera auto 640x480, head simulated".into(),
                fit: optics(60.0, 0.25, true),
            }),
        }
    }

    fn optics(degrees: f64, part: f64, has_head: bool) -> OpticsFit {
        let estimate = |value: f64| Estimate { value, deviation: part };
        let axis = AxisFit {
            inverted: has_head,
            backlash_degrees: estimate(part),
            degrees_per_head_degree: has_head.then(|| estimate(1.0 + part)),
        };
        OpticsFit {
            horizontal_field_of_view_degrees: estimate(degrees),
            pinhole_field_of_view_degrees: has_head.then(|| estimate(degrees)),
            pan: Some(axis),
            tilt: has_head.then_some(axis),
            response: has_head.then_some(Response {
                dead_time_seconds: estimate(part),
                degrees_per_second: degrees,
                still_seconds: 2.0 * part,
                way_degrees: 8.0,
                settle_seconds: Some(part),
            }),
        }
    }

    /// The example in the documentation of this module is one that it reads.
    #[test]
    fn the_documented_example_is_read() {
        let text: String = include_str!("document.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| format!("{}\n", line.trim_start_matches("//!")))
            .collect();
        let calibration = Calibration::read(&text).unwrap();
        let threshold = calibration.threshold.unwrap();
        assert_eq!(threshold.for_source("edge-1").unwrap().threshold, 0.4375);
        assert_eq!(threshold.for_source("edge-2"), None);
        assert_eq!(calibration.noise_floor.unwrap().fit.gate, Level::from_decibels(-52.25));
        assert_eq!(calibration.latency.unwrap().fit.sound_delay_seconds, 0.125);
        let microphone = calibration.microphone.unwrap().fit;
        assert_eq!(microphone.channels[0].quiet, Level::from_decibels(-61.5));
        assert_eq!(microphone.findings, [Finding::Identical]);
        let optics = calibration.optics.unwrap().fit;
        assert!(optics.pan.unwrap().inverted && optics.tilt.is_none());
        assert_eq!(optics.response.unwrap().settle_seconds, Some(0.125));
    }

    #[test]
    fn a_delay_that_cannot_be_is_refused() {
        let text = "version = 1\n[latency]\nsource = \"a + b\"\n[latency.fit]\nsound_delay_seconds = 0.1\n\
                    uncertainty_seconds = 0.01\npairs = 8\nseen_by = \"clap\"\n";
        assert!(Calibration::read(text).is_ok());
        for (from, to) in [
            ("= 0.1\n", "= nan\n"),
            ("= 0.1\n", "= 3.0\n"),
            ("= 0.01", "= -0.01"),
            ("clap", "guess"),
        ] {
            assert!(Calibration::read(&text.replacen(from, to, 1)).is_err(), "{to}");
        }
    }

    #[test]
    fn an_empty_calibration_is_its_version_alone() {
        let text = Calibration::default().render().unwrap();
        assert_eq!(text.trim(), "version = 1");
        assert_eq!(Calibration::read(&text).unwrap(), Calibration::default());
    }

    #[test]
    fn foreign_and_damaged_files_are_told_apart() {
        let newer = example()
            .render()
            .unwrap()
            .replacen("version = 1", "version = 2\nlatency = 3", 1);
        assert_eq!(Calibration::read(&newer), Err(DocumentError::Version { found: 2 }));
        let text = example().render().unwrap();
        for (from, to) in [
            ("version = 1", ""),
            ("version = 1", "version = \"1\""),
            ("version = 1", "version = 1\nlatency = 3"),
            ("fired = 0", "fired = 1000"),
            ("fired = 0", "fired = -1"),
            ("threshold = 0.4375", "threshold = nan"),
            ("floor = -59.5", "floor = 0.0"),
            ("floor = -59.5", "floor = -inf"),
            ("kind = \"false-fire-share\"", "kind = \"guess\""),
            ("blocks = 300\n", ""),
            ("value = 60.0", "value = 400.0"),
            ("deviation = 0.25", "deviation = -0.25"),
            ("still_seconds = 0.5", "still_seconds = inf"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from} is not in\n{text}");
            let error = Calibration::read(&changed).unwrap_err();
            assert!(matches!(error, DocumentError::Damaged(_)), "{to}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            threshold in -1.0_f32..=1.0, share in 0.0..=1.0_f64, negatives in 0_usize..1_000_000,
            floor in -144.0_f32..0.0, rise in 0.0_f32..40.0, blocks in 1_usize..1_000_000,
            model in ".*", microphone in ".*", quartile in any::<bool>(),
            (delay, uncertainty) in (-1.0..=1.0_f64, 0.0..=1.0_f64), offset in -1.0_f32..=1.0,
            (view, part) in (1.0..175.0_f64, 0.0..9.0_f64),
        ) {
            let method = if quartile {
                Method::ThirdQuartile
            } else {
                Method::FalseFireShare { share: 0.01, confidence: 0.95 }
            };
            let calibration = Calibration {
                threshold: Some(Fitted {
                    source: model,
                    fit: ThresholdFit {
                        threshold,
                        negatives,
                        fired: negatives / 3,
                        expected_false_fire_share: share,
                        false_fire_share_bound: share,
                        method,
                        rate: (!quartile).then_some(crate::FireRate {
                            hours: share, fires: negatives, expected_per_hour: share, per_hour_bound: 2.0 * share, tail: None,
                        }),
                    },
                }),
                noise_floor: Some(Fitted {
                    source: microphone.clone(),
                    fit: NoiseFloorFit {
                        floor: Level::from_decibels(floor),
                        gate: Level::from_decibels(floor + rise),
                        blocks,
                    },
                }),
                latency: Some(Fitted {
                    source: microphone.clone(),
                    fit: LatencyFit {
                        sound_delay_seconds: delay,
                        uncertainty_seconds: uncertainty,
                        pairs: negatives,
                        seen_by: if quartile { SeenBy::Flash } else { SeenBy::Clap },
                    },
                }),
                microphone: Some(Fitted {
                    source: microphone,
                    fit: MicrophoneFit {
                        rate_hz: 48_000,
                        seconds: uncertainty,
                        channels: vec![ChannelFit {
                            quiet: Level::from_decibels(floor),
                            talk: quartile.then_some(Level::from_decibels(floor + rise)),
                            offset,
                            clipped_share: share as f32,
                        }],
                        findings: vec![
                            Finding::Muted,
                            Finding::Hum { channel: 2, hertz: 50, share: 0.5, level: Level::from_decibels(floor) },
                            Finding::WrongRate { claimed_hz: 48_000, true_hz: 47_000.5 },
                        ],
                    },
                }),
                optics: Some(Fitted {
                    source: "camera auto".into(),
                    fit: optics(view, part, quartile),
                }),
            };
            prop_assert_eq!(Calibration::read(&calibration.render().unwrap()), Ok(calibration));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            prop_assert!(Calibration::read(&text).is_err());
        }

        #[test]
        fn a_damaged_file_never_panics(at in 0_usize..600, with in any::<char>(), cut in any::<bool>()) {
            let text = example().render().unwrap();
            let at = at.min(text.len());
            let damaged = if cut { text[..at].to_owned() } else { format!("{}{with}{}", &text[..at], &text[at..]) };
            if let Ok(calibration) = Calibration::read(&damaged) {
                prop_assert!(calibration.render().is_ok());
            }
        }
    }
}
