//! What is agreed on with a microphone before it runs.

use std::time::Duration;

use ::alsa::pcm::{Access, Frames, HwParams, PCM, TstampType};
use ::alsa::{Direction, Error, ValueOr};
use rustix::io::Errno;

use super::fault;
use super::sample::SampleFormat;
use super::settings::MicrophoneSettings;
use crate::capture::CaptureError;
use crate::shield::caught;

/// Longest stretch that may be handed over at once: sound would else come too late for its picture.
const LONGEST_PERIOD: Duration = Duration::from_millis(250);

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// Samples a second.
    pub rate_hz: u32,
    /// Channels that the card delivers.
    pub channels: u32,
    /// How a sample is written.
    pub format: SampleFormat,
    /// Samples of each channel that are handed over at once.
    pub period_samples: usize,
    /// Samples of each channel that the card keeps for a late reader.
    pub buffer_samples: usize,
}

/// Rates to ask for, best first: the wanted one, what divides evenly to it, then the common ones.
pub(super) fn rates_to_ask_for(wanted_hz: u32) -> impl Iterator<Item = u32> {
    let multiples = (1..=6).map(move |factor| wanted_hz.saturating_mul(factor));
    multiples.filter(|rate| *rate <= 192_000).chain([48_000, 44_100])
}

/// Opens a microphone so that no call on it waits.
pub(super) fn open(device: &str) -> Result<PCM, CaptureError> {
    let opened = caught(|| PCM::new(device, Direction::Capture, true));
    let opened = opened.unwrap_or_else(|_| Err(Error::new("snd_pcm_open", Errno::NOENT.raw_os_error())));
    opened.map_err(|error| fault::while_opening(device, &error))
}

/// Agrees with a microphone on how it delivers.
pub(super) fn negotiate(pcm: &PCM, device: &str, settings: &MicrophoneSettings) -> Result<Agreement, CaptureError> {
    let refused = |cause: String| CaptureError::GiveUp {
        device: device.to_owned(),
        cause,
    };
    let failed = |error: Error| fault::while_opening(device, &error);
    let agreement = {
        let parameters = HwParams::any(pcm).map_err(failed)?;
        let offered = Offered::of(&parameters);
        parameters.set_access(Access::RWInterleaved).map_err(failed)?;
        // A conversion by ALSA itself is worse than ours.
        let _ = parameters.set_rate_resample(false);

        let format = SampleFormat::ALL
            .into_iter()
            .find(|format| parameters.set_format(format.alsa()).is_ok());
        let format = format.ok_or_else(|| {
            refused(format!(
                "it delivers {offered}, no format of which is taken: try `plug{device}` or another microphone"
            ))
        })?;
        let channels = parameters.set_channels_near(settings.channel.max(1)).map_err(failed)?;
        if channels < settings.channel {
            let wanted = settings.channel;
            return Err(refused(format!(
                "it has {channels} channels: choose `channel` from 0 to that instead of {wanted}"
            )));
        }
        let asked =
            rates_to_ask_for(settings.rate_hz).find(|rate| parameters.set_rate(*rate, ValueOr::Nearest).is_ok());
        if asked.is_none() {
            parameters
                .set_rate_near(settings.rate_hz, ValueOr::Nearest)
                .map_err(failed)?;
        }
        let rate_hz = parameters.get_rate().map_err(failed)?;
        let samples = |seconds: f64| (seconds * f64::from(rate_hz)).round() as Frames;
        let period = samples(settings.period_seconds);
        // Cards that know but one period tell so below.
        let _ = parameters.set_period_size_near(period, ValueOr::Nearest);
        let _ = parameters.set_buffer_size_near(samples(settings.buffer_seconds).max(4 * period));
        pcm.hw_params(&parameters).map_err(failed)?;

        let agreed = pcm.hw_params_current().map_err(failed)?;
        let count = |frames: Frames| usize::try_from(frames).unwrap_or(0);
        Agreement {
            rate_hz: agreed.get_rate().map_err(failed)?,
            channels: agreed.get_channels().map_err(failed)?,
            format,
            period_samples: count(agreed.get_period_size().map_err(failed)?),
            buffer_samples: count(agreed.get_buffer_size().map_err(failed)?),
        }
    };
    let period = Duration::from_secs_f64(agreement.period_samples as f64 / f64::from(agreement.rate_hz.max(1)));
    if agreement.period_samples == 0 || period > LONGEST_PERIOD {
        return Err(refused(format!(
            "it hands over {:.2} s of sound at once, too late for its picture: name the card itself (`hw:CARD=…`) or lower \
             the sound server's quantum",
            period.as_secs_f64()
        )));
    }
    prepare(pcm, &agreement).map_err(failed)?;
    Ok(agreement)
}

/// When to wake the reader, and on which clock to stamp.
fn prepare(pcm: &PCM, agreement: &Agreement) -> Result<(), Error> {
    let parameters = pcm.sw_params_current()?;
    parameters.set_avail_min(Frames::try_from(agreement.period_samples).unwrap_or(1))?;
    parameters.set_tstamp_mode(true)?;
    // Not every plug-in knows clocks; a stamp that cannot be is recognised later.
    let _ = parameters.set_tstamp_type(TstampType::Monotonic);
    pcm.sw_params(&parameters)
}

/// What a microphone offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Least and most samples a second.
    pub rates_hz: (u32, u32),
    /// Least and most channels.
    pub channels: (u32, u32),
    /// The formats that we take among its own, by ALSA's names.
    pub formats: Vec<String>,
}

impl Offered {
    pub(super) fn of(parameters: &HwParams) -> Self {
        let known = SampleFormat::ALL.into_iter().map(SampleFormat::alsa);
        let formats = known.filter(|format| parameters.test_format(*format).is_ok());
        Self {
            rates_hz: (
                parameters.get_rate_min().unwrap_or(0),
                parameters.get_rate_max().unwrap_or(0),
            ),
            channels: (
                parameters.get_channels_min().unwrap_or(0),
                parameters.get_channels_max().unwrap_or(0),
            ),
            formats: formats.map(|format| format.to_string()).collect(),
        }
    }
}

impl std::fmt::Display for Offered {
    /// `8000–48000 Hz, 1–2 channels, S16_LE`.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let range = |(least, most): (u32, u32)| match least == most {
            true => least.to_string(),
            false => format!("{least}–{most}"),
        };
        let formats = match self.formats.is_empty() {
            true => "no format that is taken".to_owned(),
            false => self.formats.join(" "),
        };
        write!(
            out,
            "{} Hz, {} channels, {formats}",
            range(self.rates_hz),
            range(self.channels)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_multiples_come_before_odd_rates() {
        let asked: Vec<u32> = rates_to_ask_for(16_000).collect();
        assert_eq!(asked, [16_000, 32_000, 48_000, 64_000, 80_000, 96_000, 48_000, 44_100]);
        assert!(rates_to_ask_for(192_000).eq([192_000, 48_000, 44_100]));
    }

    #[test]
    fn an_offer_reads_well() {
        let offered = Offered {
            rates_hz: (8000, 48_000),
            channels: (2, 2),
            formats: vec!["S16_LE".to_owned()],
        };
        assert_eq!(offered.to_string(), "8000–48000 Hz, 2 channels, S16_LE");
    }
}
