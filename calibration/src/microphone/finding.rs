//! What may be wrong with a microphone, in words, each with its remedy.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Level;

/// A side, as the microphone looks: that of its left or its right channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// That of the first channel.
    Left,
    /// That of the second.
    Right,
}

/// Something to be said of a microphone; channels are counted from 1, and `heard` is the setting: 0 for the mean of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "the fields bear their names, and their variants say what is counted"
)]
pub enum Finding {
    /// No channel hears anything.
    Muted,
    /// One of several channels (`of`) hears nothing; `instead` does.
    Dead {
        channel: usize,
        instead: usize,
        of: usize,
        heard: usize,
    },
    /// Samples were lost on their way, so often.
    Gaps { count: usize },
    /// Samples come faster or slower than claimed, by more than 0.1 %.
    WrongRate { claimed_hz: u32, true_hz: f32 },
    /// Loud sounds are cut off; the share of such samples, 0..1.
    Clipping { channel: usize, share: f32 },
    /// So many holes of 1 to 100 ms of exact silence within sound.
    Dropouts { channel: usize, count: usize },
    /// Exact silence between the sounds; its share, 0..1.
    Gated { channel: usize, share: f32 },
    /// The mean of the samples, −1..1, is far from zero.
    Offset { channel: usize, offset: f32 },
    /// The mains are heard: their share of the energy of the quiet room, 0..1, and their level.
    Hum {
        channel: usize,
        hertz: u32,
        share: f32,
        level: Level,
    },
    /// The quiet room is loud.
    LoudRoom { channel: usize, level: Level },
    /// Talk is hardly louder than the room.
    LittleAboveRoom { channel: usize, decibels: f32 },
    /// Talk is quiet.
    QuietTalk { channel: usize, level: Level },
    /// The first two channels are of opposite phase; what their mean loses by it.
    Inverted { loss_decibels: f32, heard: usize },
    /// A talk from the left is heard on the right, or the other way round.
    Swapped,
    /// The first two channels are the same.
    Identical,
    /// A talk is heard from where it came.
    SidesRight,
    /// A talk is heard from nowhere in particular.
    SidesUnknown,
}

impl Finding {
    /// Whether something has to be mended; else it is good to know.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::Identical | Self::SidesRight | Self::SidesUnknown | Self::Swapped => false,
            Self::Inverted { heard, .. } => *heard == 0,
            Self::Dead { channel, heard, .. } => *heard == 0 || heard == channel,
            _ => true,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f32| 100.0 * share;
        match *self {
            Self::Muted => write!(
                out,
                "nothing is heard at all: unmute it (`alsamixer`, F4; a switch on the device) and see that it is plugged in"
            ),
            Self::Dead {
                channel,
                instead,
                of,
                heard: 0,
            } => write!(
                out,
                "channel {channel} is dead, and the mean of all is {:.1} dB too quiet: mend its cable, or set `channel = {instead}` \
                 in [microphone]",
                20.0 * (of.max(1) as f32 / of.saturating_sub(1).max(1) as f32).log10()
            ),
            Self::Dead {
                channel,
                instead,
                heard,
                ..
            } if heard == channel => write!(
                out,
                "channel {channel}, the one that is heard, is dead: mend its cable, or set `channel = {instead}` in [microphone]"
            ),
            Self::Dead { channel, heard, .. } => {
                write!(out, "channel {channel} is dead; no matter, as channel {heard} is heard")
            }
            Self::Gaps { count } => write!(
                out,
                "sound was lost {count} times: close what keeps the machine busy, take it off a crowded USB hub, or raise \
                 `buffer_seconds` in [microphone]"
            ),
            Self::WrongRate { claimed_hz, true_hz } => write!(
                out,
                "it claims {claimed_hz} samples a second and delivers {true_hz:.0}: choose another `rate_hz` in [microphone], or \
                 name the card itself (`hw:CARD=…`) in place of a sound server"
            ),
            Self::Clipping { channel, share } => write!(
                out,
                "channel {channel} is overdriven, {:.2} % of it is cut off: lower its gain (`alsamixer`, F4) or move it away",
                percent(share)
            ),
            Self::Dropouts { channel, count } => write!(
                out,
                "channel {channel} has {count} holes of silence: another cable, another USB port without a hub, and no wireless \
                 link in between"
            ),
            Self::Gated { channel, share } => write!(
                out,
                "channel {channel} is shut off {:.0} % of the time: switch noise suppression off in its driver or in the sound \
                 server, as quiet sounds are lost",
                percent(share)
            ),
            Self::Offset { channel, offset } => write!(
                out,
                "channel {channel} has a constant offset of {:.1} % of full scale, which takes headroom: another input or sound \
                 card; levels are corrected for it",
                percent(offset)
            ),
            Self::Hum {
                channel,
                hertz,
                share,
                level,
            } => write!(
                out,
                "channel {channel} hums with the mains: {hertz} Hz and multiples are {:.0} % of the quiet room, at {level}: keep it \
                 away from power supplies, use a shielded cable, and power all from one socket",
                percent(share)
            ),
            Self::LoudRoom { channel, level } => write!(
                out,
                "channel {channel} hears a room of {level}, and nothing quieter will be found: lower its gain, or move it away \
                 from fans"
            ),
            Self::LittleAboveRoom { channel, decibels } => write!(
                out,
                "on channel {channel} the talk is only {decibels:.0} dB above the room: bring it nearer to whom it shall hear, or \
                 make the room quieter"
            ),
            Self::QuietTalk { channel, level } => write!(
                out,
                "on channel {channel} the talk is only {level}: raise its gain (`alsamixer`, F4)"
            ),
            Self::Inverted {
                loss_decibels,
                heard: 0,
            } => write!(
                out,
                "channels 1 and 2 are of opposite phase, and their mean loses {loss_decibels:.0} dB: set `channel = 1` in \
                 [microphone], or swap the two wires of one"
            ),
            Self::Inverted { heard, .. } => write!(
                out,
                "channels 1 and 2 are of opposite phase; no matter, as channel {heard} is heard alone"
            ),
            Self::Swapped => write!(
                out,
                "left and right are swapped; no matter here, as one channel is heard or the mean of all"
            ),
            Self::Identical => write!(
                out,
                "channels 1 and 2 are the same sound: a single microphone, offered as two"
            ),
            Self::SidesRight => write!(out, "left and right are as they should be"),
            Self::SidesUnknown => write!(
                out,
                "whether left and right are swapped cannot be told: both hear the talk alike; talk nearer, and right from that side"
            ),
        }
    }
}
