//! A sound file in place of a microphone.

use std::path::Path;
use std::time::Duration;

use super::{Microphone, time_of};
use crate::Block;
use crate::capture::{CaptureError, Delivery};
pub use crate::sound_file::{SoundFileError, SoundTrack, read_sound, read_sound_track};

/// Replays a sound file in blocks of a fixed length, the last of which may be shorter.
#[derive(Debug)]
pub struct FileMicrophone {
    name: String,
    track: SoundTrack,
    block_samples: usize,
    next: usize,
    damage_told: bool,
}

impl FileMicrophone {
    /// Reads the sound of a file, to be replayed `block_samples` (at least one) at a time.
    pub fn open(path: &Path, block_samples: usize) -> Result<Self, SoundFileError> {
        Ok(Self::new(
            path.display().to_string(),
            read_sound_track(path)?,
            block_samples,
        ))
    }

    /// Replays a sound that is already at hand; `name` stands for it in errors.
    pub fn new(name: String, track: SoundTrack, block_samples: usize) -> Self {
        Self {
            name,
            track,
            block_samples: block_samples.max(1),
            next: 0,
            damage_told: false,
        }
    }
}

impl Microphone for FileMicrophone {
    /// After the last sample of a damaged file comes [`CaptureError::Incomplete`], then the end.
    fn next_block(&mut self, into: &mut Block) -> Result<Delivery, CaptureError> {
        let sound = &self.track.sound;
        let end = sound.samples.len().min(self.next + self.block_samples);
        let Some(samples) = sound.samples.get(self.next..end).filter(|samples| !samples.is_empty()) else {
            return match &self.track.damage {
                Some(damage) if !self.damage_told => {
                    self.damage_told = true;
                    Err(CaptureError::Incomplete {
                        device: self.name.clone(),
                        cause: damage.clone(),
                    })
                }
                _ => Ok(Delivery::Ended),
            };
        };
        into.sound.samples.clear();
        into.sound.samples.extend_from_slice(samples);
        into.sound.rate_hz = sound.rate_hz;
        into.stamp = self.track.stamp + time_of(self.next as u64, sound.rate_hz);
        into.after_gap = false;
        self.next = end;
        Ok(Delivery::Fresh)
    }

    fn rate_hz(&self) -> u32 {
        self.track.sound.rate_hz
    }

    fn duration(&self) -> Option<Duration> {
        Some(self.track.sound.duration())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::Sound;

    fn track(damage: Option<&str>) -> SoundTrack {
        let sound = Sound {
            samples: (0..10_u8).map(|n| f32::from(n) / 16.0).collect(),
            rate_hz: 100,
        };
        SoundTrack {
            sound,
            stamp: Duration::from_millis(500),
            damage: damage.map(str::to_owned),
        }
    }

    #[test]
    fn blocks_join_to_the_whole() {
        let mut microphone = FileMicrophone::new("a.wav".to_owned(), track(None), 4);
        assert_eq!(
            (microphone.rate_hz(), microphone.duration()),
            (100, Some(Duration::from_millis(100)))
        );
        let (mut block, mut samples, mut stamps) = (Block::default(), Vec::new(), Vec::new());
        while microphone.next_block(&mut block).unwrap() == Delivery::Fresh {
            samples.extend_from_slice(&block.sound.samples);
            stamps.push(block.stamp.as_millis());
        }
        assert_eq!(samples, track(None).sound.samples);
        assert_eq!(stamps, [500, 540, 580]);
        assert_eq!(microphone.next_block(&mut block).unwrap(), Delivery::Ended);
    }

    #[test]
    fn damage_is_told_once_at_the_end() {
        let mut microphone = FileMicrophone::new("a.wav".to_owned(), track(Some("it is cut off")), 64);
        let mut block = Block::default();
        assert_eq!(microphone.next_block(&mut block).unwrap(), Delivery::Fresh);
        let error = microphone.next_block(&mut block).unwrap_err();
        assert!(matches!(error, CaptureError::Incomplete { .. }));
        assert_eq!(error.to_string(), "a.wav: it is cut off");
        assert_eq!(microphone.next_block(&mut block).unwrap(), Delivery::Ended);
    }
}
