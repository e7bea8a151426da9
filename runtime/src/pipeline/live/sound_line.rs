//! The way of the sound from the microphone to perception: a lock-free ring of samples, and beside it a ring of marks that tell
//! when which of them was taken.

use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

/// How much sound may wait: perception may be busy with a picture for so long before any is lost.
const SECONDS: usize = 5;
/// Marks a second: more than any microphone has periods.
const MARKS_PER_SECOND: usize = 500;

/// Of the samples that follow it: when the first was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// How many samples follow before the next mark.
    pub samples: usize,
    /// When the first of them was taken, on the monotonic clock.
    pub stamp: Duration,
    /// Sound was lost just before it.
    pub after_gap: bool,
}

/// The microphone's end.
#[derive(Debug)]
pub struct SoundWriter {
    samples: Producer<f32>,
    marks: Producer<Mark>,
    lost: bool,
}

/// Perception's end.
#[derive(Debug)]
pub struct SoundReader {
    samples: Consumer<f32>,
    marks: Consumer<Mark>,
}

/// A line for sound of a rate.
pub fn sound_line(rate_hz: u32) -> (SoundWriter, SoundReader) {
    let (sample_writer, sample_reader) = RingBuffer::new(rate_hz as usize * SECONDS);
    let (mark_writer, mark_reader) = RingBuffer::new(MARKS_PER_SECOND * SECONDS);
    let writer = SoundWriter {
        samples: sample_writer,
        marks: mark_writer,
        lost: false,
    };
    let reader = SoundReader {
        samples: sample_reader,
        marks: mark_reader,
    };
    (writer, reader)
}

impl SoundWriter {
    /// Passes a stretch of sound on. Where there is no room for it, it is lost as a whole, and the next comes after a gap.
    pub fn push(&mut self, samples: &[f32], stamp: Duration, after_gap: bool) {
        let after_gap = after_gap || self.lost;
        if self.marks.is_full() || self.samples.slots() < samples.len() {
            self.lost = true;
            return;
        }
        // Samples first: the reader trusts that what a mark announces is there.
        let mark = Mark {
            samples: samples.len(),
            stamp,
            after_gap,
        };
        self.lost = self.samples.push_entire_slice(samples).is_err() || self.marks.push(mark).is_err();
    }
}

impl SoundReader {
    /// Takes the next stretch out, over `into`; `None` when no more has come yet.
    pub fn pop(&mut self, into: &mut Vec<f32>) -> Option<Mark> {
        let mark = self.marks.pop().ok()?;
        into.clear();
        if let Ok(chunk) = self.samples.read_chunk(mark.samples.min(self.samples.slots())) {
            let (first, second) = chunk.as_slices();
            into.extend_from_slice(first);
            into.extend_from_slice(second);
            chunk.commit_all();
        }
        Some(mark)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sound_comes_out_as_it_went_in() {
        let (mut writer, mut reader) = sound_line(16_000);
        let sound: Vec<f32> = (0..1000).map(|sample| sample as f32).collect();
        let mut out = Vec::new();
        for round in 0..200 {
            let stamp = Duration::from_millis(20 * round);
            writer.push(&sound[..320], stamp, round == 3);
            let mark = reader.pop(&mut out).unwrap();
            assert_eq!((mark.stamp, mark.after_gap, mark.samples), (stamp, round == 3, 320));
            assert_eq!(out, sound[..320]);
        }
        assert_eq!(reader.pop(&mut out), None);
    }

    #[test]
    fn what_finds_no_room_is_lost_and_told() {
        let (mut writer, mut reader) = sound_line(100);
        for round in 0..8 {
            writer.push(&[1.0; 100], Duration::from_secs(round), false);
        }
        let mut out = Vec::new();
        let stamps: Vec<u64> = std::iter::from_fn(|| reader.pop(&mut out).map(|mark| mark.stamp.as_secs())).collect();
        assert_eq!(stamps, [0, 1, 2, 3, 4]);
        writer.push(&[2.0; 10], Duration::from_secs(9), false);
        assert!(reader.pop(&mut out).unwrap().after_gap);
        assert_eq!(out, [2.0; 10]);
    }
}
