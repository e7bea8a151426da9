//! Decoded packets, mixed to one channel and cut to what is to sound.

use std::path::Path;
use std::time::Duration;

use symphonia::core::audio::GenericAudioBufferRef;

use super::{SoundFileError, SoundTrack};
use crate::Sound;
use crate::mp4::Stretch;

/// The most samples read from one file (2 GiB of memory, three hours at 48 kHz); what follows is left out and told.
pub const MAX_SAMPLES: usize = 1 << 29;

/// What a container tells about where its sound lies.
#[derive(Debug, Default)]
pub(super) struct Placement {
    /// How many samples there should be.
    pub announced: Option<u64>,
    /// When the first decoded sample sounds, on the track's own clock.
    pub first: Duration,
    /// Which stretch of the track is to sound, and when.
    pub stretch: Stretch,
}

/// Mixes decoded packets to one channel.
#[derive(Default)]
pub(super) struct Mixer {
    samples: Vec<f32>,
    rate_hz: u32,
    interleaved: Vec<f32>,
    spoilt_packets: usize,
    damage: Option<String>,
    last_packet_samples: usize,
}

impl Mixer {
    /// Adds a packet; `false` where no more can be taken.
    pub fn add(&mut self, decoded: &GenericAudioBufferRef<'_>) -> bool {
        let spec = decoded.spec();
        let channels = spec.channels().count();
        if channels == 0 || spec.rate() == 0 || decoded.frames() == 0 {
            return true;
        }
        if self.rate_hz == 0 {
            self.rate_hz = spec.rate();
        } else if self.rate_hz != spec.rate() {
            self.note("the sample rate changes midway; what follows was left out");
            return false;
        }
        self.last_packet_samples = decoded.frames();
        decoded.copy_to_vec_interleaved(&mut self.interleaved);
        let room = MAX_SAMPLES - self.samples.len();
        let scale = 1.0 / channels as f32;
        self.samples
            .extend(self.interleaved.chunks_exact(channels).take(room).map(|frame| {
                let sum: f32 = frame.iter().filter(|sample| sample.is_finite()).sum();
                (sum * scale).clamp(-1.0, 1.0)
            }));
        if decoded.frames() > room {
            self.note("it is longer than this program takes at once; what follows was left out");
        }
        decoded.frames() <= room
    }

    /// Puts silence in the place of a packet that could not be decoded, so that what follows keeps its time.
    pub fn skip(&mut self, samples: u64) {
        self.spoilt_packets += 1;
        // Silence before the first good packet would hide a file with nothing good in it.
        if !self.samples.is_empty() {
            let room = MAX_SAMPLES - self.samples.len();
            let samples = usize::try_from(samples).unwrap_or(usize::MAX).min(room).min(1 << 16);
            self.samples.resize(self.samples.len() + samples, 0.0);
        }
    }

    /// Puts as much silence as the last good packet was long in the place of one that could not be decoded.
    pub fn skip_one_like_the_last(&mut self) {
        self.skip(self.last_packet_samples as u64);
    }

    pub fn note(&mut self, damage: &str) {
        self.damage.get_or_insert_with(|| damage.to_owned());
    }

    /// Cuts out what is to sound.
    pub fn finish(mut self, placement: Placement, name: &Path) -> Result<SoundTrack, SoundFileError> {
        if self.samples.is_empty() {
            let path = name.to_owned();
            let cause = match (self.damage, self.spoilt_packets) {
                (Some(damage), _) => damage,
                (None, 0) => return Err(SoundFileError::Empty { path }),
                (None, packets) => format!("none of its {packets} packets can be decoded"),
            };
            return Err(SoundFileError::Damaged { path, cause });
        }
        if self.spoilt_packets > 0 {
            self.note(&format!("{} packets could not be decoded", self.spoilt_packets));
        }
        let missing = placement
            .announced
            .unwrap_or(0)
            .saturating_sub(self.samples.len() as u64);
        // Encoders round announced lengths to whole packets; a tenth of a second is beyond any rounding.
        if missing > u64::from(self.rate_hz / 10) {
            let seconds = missing as f64 / f64::from(self.rate_hz);
            self.note(&format!("the file is cut off: its last {seconds:.1} s are missing"));
        }
        let Placement { first, stretch, .. } = placement;
        let skipped = self.samples_in(stretch.skipped.saturating_sub(first));
        let late = first.saturating_sub(stretch.skipped);
        if let Some(length) = stretch.length {
            self.samples
                .truncate(skipped.saturating_add(self.samples_in(length.saturating_sub(late))));
        }
        // Damaged numbers must not take all away: then the sound is given as it lies in the file.
        if skipped < self.samples.len() {
            self.samples.drain(..skipped);
        }
        let sound = Sound {
            samples: self.samples,
            rate_hz: self.rate_hz,
        };
        Ok(SoundTrack {
            sound,
            stamp: stretch.shown_at.saturating_add(late),
            damage: self.damage,
        })
    }

    fn samples_in(&self, duration: Duration) -> usize {
        (duration.as_secs_f64() * f64::from(self.rate_hz)).round() as usize
    }
}
