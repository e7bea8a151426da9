//! Microphones behind ALSA: sound cards, USB microphones, and sound servers that offer themselves as one.

mod fault;
mod list;
mod negotiation;
mod sample;
mod settings;

use std::fmt;
use std::thread;
use std::time::Duration;

use ::alsa::card::Iter;
use ::alsa::pcm::{PCM, State};
use rustix::io::Errno;

pub use list::{MicrophoneDescription, list_microphones};
pub use negotiation::{Agreement, Offered};
pub use sample::SampleFormat;
pub use settings::MicrophoneSettings;

use crate::capture::{CaptureError, Delivery};
use crate::shield::caught;
use crate::{Block, Clock, Microphone, MonotonicClock};

/// A late reader gets at most this many periods at once.
const LARGEST_BLOCK_PERIODS: usize = 4;

/// So many recoveries without a sample between them, and the device is opened anew instead.
const VAIN_RECOVERIES: u32 = 3;

/// How old a stamp may be when it is read.
const OLDEST_STAMP: Duration = Duration::from_secs(10);

/// How long a card may take to wake from the machine's sleep.
const WAKING: Duration = Duration::from_secs(1);

/// A running microphone.
pub struct LiveMicrophone {
    device: String,
    agreement: Agreement,
    channel: usize,
    timeout: Duration,
    pcm: PCM,
    running: bool,
    raw: Vec<u8>,
    /// How much of it the last block was made of.
    last_bytes: usize,
    gap: bool,
    recoveries: u32,
    gaps: u64,
}

impl LiveMicrophone {
    /// Finds a microphone, agrees with it on rate, channels and format, and makes it ready to deliver.
    ///
    /// # Errors
    /// [`CaptureError::Rebuild`] where trying again later may help (not plugged in, in use, not permitted), and
    /// [`CaptureError::GiveUp`] where settings or another microphone must change.
    pub fn open(settings: &MicrophoneSettings) -> Result<Self, CaptureError> {
        let device = settings.device.clone();
        if let Some(cause) = settings.complaint() {
            return Err(CaptureError::GiveUp { device, cause });
        }
        if device != "auto" {
            return Self::open_device(device, settings);
        }
        let mut refusals = Vec::new();
        let cards = Iter::new().filter_map(Result::ok);
        let inputs = cards
            .filter_map(|card| caught(|| list::captures_of(&card)).ok()?.ok())
            .flatten();
        let heard = inputs.filter(|(device, card, _)| {
            let ignored = |part: &String| device.contains(part.as_str()) || card.contains(part.as_str());
            !settings.ignore.iter().any(ignored)
        });
        for candidate in heard.map(|(device, ..)| device).chain(["default".to_owned()]) {
            match Self::open_device(candidate, settings) {
                Ok(microphone) => return Ok(microphone),
                Err(refusal) => refusals.push(refusal.reason()),
            }
        }
        let cause = format!("no microphone is of use: {}", refusals.join("; "));
        Err(CaptureError::Rebuild { device, cause })
    }

    fn open_device(device: String, settings: &MicrophoneSettings) -> Result<Self, CaptureError> {
        let pcm = negotiation::open(&device)?;
        let agreement = negotiation::negotiate(&pcm, &device, settings)?;
        let frame_bytes = agreement.format.bytes() * agreement.channels as usize;
        Ok(Self {
            raw: vec![0; agreement.period_samples * LARGEST_BLOCK_PERIODS * frame_bytes],
            channel: settings.channel as usize,
            timeout: Duration::from_secs_f64(settings.timeout_seconds),
            device,
            agreement,
            pcm,
            running: false,
            last_bytes: 0,
            gap: false,
            recoveries: 0,
            gaps: 0,
        })
    }

    /// The name that it was opened by.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// What was agreed on.
    pub fn agreement(&self) -> Agreement {
        self.agreement
    }

    /// How often samples were lost since it was opened.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    fn rebuild(&self, cause: String) -> CaptureError {
        let device = self.device.clone();
        CaptureError::Rebuild { device, cause }
    }

    /// Reads what is there; false if that is nothing yet.
    fn read(&mut self, into: &mut Block) -> Result<bool, ::alsa::Error> {
        let status = self.pcm.status()?;
        // Plug-ins may say that there is nothing to read where a card says why.
        let state = caught(|| status.get_state()).unwrap_or(State::Disconnected);
        if state != State::Running {
            let errno = match state {
                State::Disconnected => Errno::NODEV,
                _ => Errno::PIPE,
            };
            return Err(::alsa::Error::new("snd_pcm_status", errno.raw_os_error()));
        }
        let count = |frames| usize::try_from(frames).unwrap_or(0);
        let waiting = count(status.get_avail());
        let frame_bytes = self.agreement.format.bytes() * self.agreement.channels as usize;
        let wanted = waiting.min(self.raw.len() / frame_bytes.max(1));
        if wanted == 0 {
            return Ok(false);
        }
        let read = self.pcm.io_bytes().readi(&mut self.raw[..wanted * frame_bytes])?;
        if read == 0 {
            return Ok(false);
        }
        let stamp = status.get_htstamp();
        let stamp = Duration::new(
            u64::try_from(stamp.tv_sec).unwrap_or(0),
            u32::try_from(stamp.tv_nsec).unwrap_or(0).min(999_999_999),
        );
        let behind = waiting.max(count(status.get_delay()));
        let rate_hz = self.agreement.rate_hz;
        into.stamp = first_sample_at(stamp, MonotonicClock.now(), behind, rate_hz);
        into.after_gap = std::mem::take(&mut self.gap);
        into.sound.rate_hz = rate_hz;
        into.sound.samples.clear();
        into.sound.samples.reserve(self.raw.len() / frame_bytes.max(1));
        self.last_bytes = (read * frame_bytes).min(self.raw.len());
        let bytes = &self.raw[..self.last_bytes];
        let (format, channels) = (self.agreement.format, self.agreement.channels as usize);
        sample::append_mono(bytes, format, channels, self.channel, &mut into.sound.samples);
        Ok(true)
    }

    /// Brings the device to run again after an error, if it can be.
    fn recover(&mut self, error: &::alsa::Error) -> Result<(), CaptureError> {
        match fault::errno(error) {
            Errno::INTR | Errno::AGAIN => return Ok(()),
            Errno::NODEV | Errno::NXIO => return Err(self.rebuild("the microphone was unplugged".to_owned())),
            _ => {}
        }
        self.recoveries += 1;
        if self.recoveries > VAIN_RECOVERIES {
            return Err(self.rebuild(format!("it does not recover ({error})")));
        }
        let state = caught(|| self.pcm.state()).map_err(|cause| self.rebuild(cause))?;
        let running = match state {
            State::Disconnected => return Err(self.rebuild("the microphone was unplugged".to_owned())),
            State::Suspended => self.resume(),
            _ => false,
        };
        if !running {
            let restarted = self.pcm.prepare().and_then(|()| self.pcm.start());
            restarted.map_err(|error| match fault::errno(&error) {
                Errno::NODEV | Errno::NXIO => self.rebuild("the microphone was unplugged".to_owned()),
                _ => self.rebuild(format!("it does not start again ({error})")),
            })?;
        }
        self.gap = true;
        self.gaps += 1;
        Ok(())
    }

    /// Wakes a card after the machine slept; false if it must be started anew.
    fn resume(&self) -> bool {
        let patience = MonotonicClock.now() + WAKING;
        loop {
            match self.pcm.resume() {
                Ok(()) => return true,
                Err(error) if fault::errno(&error) == Errno::AGAIN && MonotonicClock.now() < patience => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(_) => return false,
            }
        }
    }
}

impl Microphone for LiveMicrophone {
    fn next_block(&mut self, into: &mut Block) -> Result<Delivery, CaptureError> {
        if !self.running {
            let started = self.pcm.start();
            started.map_err(|error| self.rebuild(format!("it does not start ({error})")))?;
            self.running = true;
        }
        let deadline = MonotonicClock.now() + self.timeout;
        loop {
            let left = deadline.saturating_sub(MonotonicClock.now());
            if left.is_zero() {
                return Err(self.rebuild(format!("no sound came for {:.1} s", self.timeout.as_secs_f64())));
            }
            let milliseconds = u32::try_from(left.as_millis()).unwrap_or(u32::MAX).max(1);
            let taken = match self.pcm.wait(Some(milliseconds)) {
                Ok(true) => self.read(into),
                Ok(false) => continue,
                Err(error) => Err(error),
            };
            match taken {
                Ok(true) => {
                    self.recoveries = 0;
                    return Ok(Delivery::Fresh);
                }
                // Some plug-ins wake their reader too early.
                Ok(false) => thread::sleep(Duration::from_millis(1)),
                Err(error) => self.recover(&error)?,
            }
        }
    }

    fn rate_hz(&self) -> u32 {
        self.agreement.rate_hz
    }

    fn channels(&self, _last: &Block, into: &mut Vec<Vec<f32>>) {
        let bytes = self.raw.get(..self.last_bytes).unwrap_or_default();
        sample::split(bytes, self.agreement.format, self.agreement.channels as usize, into);
    }
}

impl fmt::Debug for LiveMicrophone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("LiveMicrophone");
        out.field("device", &self.device).field("agreement", &self.agreement);
        out.field("gaps", &self.gaps).finish_non_exhaustive()
    }
}

/// When the first of the samples that wait was taken: as many samples before the card's stamp as lie `behind` it.
///
/// A stamp that is none, or of another clock, gives way to now.
fn first_sample_at(stamp: Duration, now: Duration, behind: usize, rate_hz: u32) -> Duration {
    let believable = stamp > Duration::ZERO && stamp <= now && now - stamp <= OLDEST_STAMP;
    let last = if believable { stamp } else { now };
    last.saturating_sub(super::time_of(behind as u64, rate_hz))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sample_lies_before_the_stamp() {
        let milliseconds = Duration::from_millis;
        for (stamp, expected, why) in [
            (99_990, 99_890, "as it should be"),
            (0, 99_900, "none at all"),
            (1_700_000_000_000, 99_900, "of the time of day"),
            (50_000, 99_900, "too old"),
        ] {
            let first = first_sample_at(milliseconds(stamp), milliseconds(100_000), 1600, 16_000);
            assert_eq!(first, milliseconds(expected), "{why}");
        }
        assert_eq!(
            first_sample_at(milliseconds(5), milliseconds(6), 16_000, 16_000),
            Duration::ZERO
        );
    }
}
