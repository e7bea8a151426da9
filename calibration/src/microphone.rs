//! From a stretch of the quiet room, and one of somebody who talks, to what is wrong with a microphone.
//!
//! Every channel is looked at by itself ([`channel`]), then all together ([`pair`]); what is found is said in words, each with
//! its remedy ([`Finding`]). Limits are set so that clean speech, music and a quiet room give no finding.

pub mod channel;
mod finding;
pub mod hum;
pub mod pair;
pub mod rate;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use finding::{Finding, Side};

use crate::{FitError, Level};
use channel::Channel;

/// Less than this, in seconds, says nothing about a room.
pub const LEAST_QUIET_SECONDS: f64 = 4.0;
/// A mean above this share of full scale is an offset.
const LARGEST_OFFSET: f32 = 0.01;
/// A room louder than this drowns what is said in it, in dBFS.
const LOUDEST_ROOM: f32 = -35.0;
/// Talk quieter than this asks for more gain, in dBFS.
const QUIETEST_TALK: f32 = -50.0;
/// Talk is as many decibels above the room at least.
const LEAST_ABOVE_ROOM: f32 = 10.0;
/// A channel so many decibels below the loudest hears nothing, …
const DEAD_BELOW: f32 = 30.0;
/// … where it is quieter than this, in dBFS.
const DEAD_LEVEL: f32 = -75.0;
/// The share of samples that are lost to a gate.
const GATED_SHARE: f64 = 0.2;
/// Holes in the sound that are no accident.
const MOST_DROPOUTS: usize = 2;
/// No sound clock follows a rate that is off by more (parts in one).
const LARGEST_RATE_ERROR: f64 = 1e-3;

/// What was heard of a microphone.
#[derive(Debug, Clone, Copy)]
pub struct Listening<'a> {
    /// The quiet room: for every channel its samples, −1..1, all of one length.
    pub quiet: &'a [Vec<f32>],
    /// Somebody who talks, the same way; empty where nobody did.
    pub talk: &'a [Vec<f32>],
    /// Samples a second, as the microphone claims.
    pub rate_hz: u32,
    /// Samples a second by the clock of the machine, where it was measured.
    pub true_rate_hz: Option<f64>,
    /// Which channel the device hears: 0 the mean of all, 1 the first.
    pub heard_channel: usize,
    /// The side that the talk came from, as the microphone looks, where somebody said so.
    pub from: Option<Side>,
    /// How often samples were lost.
    pub gaps: usize,
}

/// A channel, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelFit {
    /// Median level of the quiet room.
    pub quiet: Level,
    /// Level of the talk: nine tenths of it are quieter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talk: Option<Level>,
    /// Mean of all samples, −1..1.
    pub offset: f32,
    /// Share of samples that are cut off, 0..1.
    pub clipped_share: f32,
}

/// What is to be said of a microphone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MicrophoneFit {
    /// Samples a second, as it claims.
    pub rate_hz: u32,
    /// For how long it was listened to, in seconds.
    pub seconds: f64,
    /// Its channels in their order.
    pub channels: Vec<ChannelFit>,
    /// What was found, the worst first; empty for a microphone that is as it should be.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

impl MicrophoneFit {
    /// Looks at what was heard.
    ///
    /// # Errors
    /// [`FitError::TooFew`] for less than [`LEAST_QUIET_SECONDS`] of the room, or no channel; [`FitError::NotFinite`] for
    /// samples that are no numbers.
    pub fn fit(listening: &Listening) -> Result<Self, FitError> {
        let samples = listening.quiet.iter().map(Vec::len).min().unwrap_or(0);
        let needed = (LEAST_QUIET_SECONDS * f64::from(listening.rate_hz.max(1))) as usize;
        if samples < needed {
            return Err(FitError::TooFew {
                what: "samples of the quiet room",
                have: samples,
                needed,
            });
        }
        for sound in listening.quiet.iter().chain(listening.talk) {
            if let Some(index) = sound.iter().position(|sample| !sample.is_finite()) {
                return Err(FitError::NotFinite {
                    what: "sample",
                    index,
                    value: sound[index],
                });
            }
        }
        let channels: Vec<Channel> = (0..listening.quiet.len())
            .map(|number| Channel::of(&listening.quiet[number], listening.talk.get(number), listening.rate_hz))
            .collect();
        let talk_samples = listening.talk.iter().map(Vec::len).min().unwrap_or(0);
        let mut findings = of_device(listening);
        findings.extend(of_channels(&channels, listening));
        findings.extend(pair::of_pairs(&channels, listening));
        findings.sort_by_key(|finding| !finding.is_warning());
        Ok(Self {
            rate_hz: listening.rate_hz,
            seconds: (samples + talk_samples) as f64 / f64::from(listening.rate_hz.max(1)),
            channels: channels.iter().map(|channel| channel.fit).collect(),
            findings,
        })
    }

    /// Whether anything has to be mended.
    pub fn is_sound(&self) -> bool {
        !self.findings.iter().any(Finding::is_warning)
    }
}

/// What concerns all channels alike.
fn of_device(listening: &Listening) -> Vec<Finding> {
    let mut findings = Vec::new();
    if listening.gaps > 0 {
        findings.push(Finding::Gaps { count: listening.gaps });
    }
    let claimed = f64::from(listening.rate_hz.max(1));
    let off = |rate: &f64| (rate / claimed - 1.0).abs() > LARGEST_RATE_ERROR;
    if let Some(true_rate_hz) = listening.true_rate_hz.filter(off) {
        findings.push(Finding::WrongRate {
            claimed_hz: listening.rate_hz,
            true_hz: true_rate_hz as f32,
        });
    }
    findings
}

/// What concerns channels one by one: those that live, and whether any does.
fn of_channels(channels: &[Channel], listening: &Listening) -> Vec<Finding> {
    let loudest = channels
        .iter()
        .map(|channel| channel.loudness())
        .fold(f32::NEG_INFINITY, f32::max);
    let is_dead = |channel: &Channel| {
        channel.is_constant || (channel.loudness() < DEAD_LEVEL && channel.loudness() < loudest - DEAD_BELOW)
    };
    if channels.iter().all(is_dead) {
        return vec![Finding::Muted];
    }
    let instead = channels
        .iter()
        .position(|channel| !is_dead(channel))
        .map_or(1, |index| index + 1);
    let mut findings = Vec::new();
    for (index, channel) in channels.iter().enumerate() {
        let number = index + 1;
        if is_dead(channel) {
            findings.push(Finding::Dead {
                channel: number,
                instead,
                of: channels.len(),
                heard: listening.heard_channel,
            });
        } else if listening.heard_channel == 0 || listening.heard_channel == number {
            findings.extend(of_channel(channel, number));
        }
    }
    findings
}

fn of_channel(channel: &Channel, number: usize) -> Vec<Finding> {
    let fit = &channel.fit;
    let mut findings = Vec::new();
    if fit.clipped_share > 0.0 {
        findings.push(Finding::Clipping {
            channel: number,
            share: fit.clipped_share,
        });
    }
    if channel.dropouts > MOST_DROPOUTS {
        findings.push(Finding::Dropouts {
            channel: number,
            count: channel.dropouts,
        });
    }
    if channel.gated_share > GATED_SHARE {
        findings.push(Finding::Gated {
            channel: number,
            share: channel.gated_share as f32,
        });
    }
    if fit.offset.abs() > LARGEST_OFFSET {
        findings.push(Finding::Offset {
            channel: number,
            offset: fit.offset,
        });
    }
    if let Some(hum) = &channel.hum {
        findings.push(Finding::Hum {
            channel: number,
            hertz: hum.hertz,
            share: hum.share as f32,
            level: hum.level,
        });
    }
    if fit.quiet.decibels() > LOUDEST_ROOM {
        findings.push(Finding::LoudRoom {
            channel: number,
            level: fit.quiet,
        });
    }
    if let Some(talk) = fit.talk {
        let above = talk.decibels() - fit.quiet.decibels();
        if above < LEAST_ABOVE_ROOM {
            findings.push(Finding::LittleAboveRoom {
                channel: number,
                decibels: above,
            });
        } else if talk.decibels() < QUIETEST_TALK {
            findings.push(Finding::QuietTalk {
                channel: number,
                level: talk,
            });
        }
    }
    findings
}
