//! Musical instruments played by a General MIDI sound font: more recordings of what the packages have one or two of.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::error::CorpusError;

const INSTRUMENTS: &str = include_str!("../../data/instruments.toml");
/// The package that the sound font comes from.
pub const PACKAGE: &str = "fluid-soundfont-gm";
/// Where Debian's `fluid-soundfont-gm` puts its sound font.
const SOUND_FONT: &str = "/usr/share/sounds/sf2/FluidR3_GM.sf2";
/// Clips for each program, and for each set of drum keys.
const CLIPS: usize = 6;
/// Ticks per quarter note; at the default tempo of 120 a minute a tick is a 960th of a second.
const TICKS_PER_QUARTER: u16 = 480;
const TICKS_PER_SECOND: f64 = 960.0;
const DRUM_CHANNEL: u8 = 9;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Instrument {
    #[serde(default)]
    programs: Vec<u8>,
    #[serde(default)]
    keys: Vec<u8>,
    #[serde(default)]
    notes: Option<[u8; 2]>,
}

/// A clip to be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Category of the instrument.
    pub category: String,
    /// What is played, in words, unique among the clips.
    pub name: String,
    /// Clips of one program share the samples of the sound font: they are one recording.
    pub recording: String,
    midi: Vec<u8>,
}

/// The clips that `--instruments` adds: six for every program, of single notes, scales and chords, the same for the same seed.
pub fn clips(seed: u64) -> Result<Vec<Clip>, CorpusError> {
    let instruments: BTreeMap<String, Instrument> = toml::from_str(INSTRUMENTS).map_err(|error| CorpusError::List {
        list: "instruments.toml",
        cause: error.to_string(),
    })?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut clips = Vec::new();
    for (category, instrument) in &instruments {
        let voices = instrument
            .programs
            .iter()
            .map(|program| (Some(*program), format!("program {program}")));
        let drums = (!instrument.keys.is_empty()).then(|| (None, "drum channel".to_owned()));
        for (program, voice) in voices.chain(drums) {
            for number in 0..CLIPS {
                let notes = match program {
                    Some(_) => melody(instrument.notes.unwrap_or([48, 84]), &mut random),
                    None => rhythm(&instrument.keys, &mut random),
                };
                clips.push(Clip {
                    category: category.clone(),
                    name: format!("{category}, {voice}, clip {number}"),
                    recording: format!("{PACKAGE}/{category}/{voice}"),
                    midi: midi_file(program, &notes),
                });
            }
        }
    }
    Ok(clips)
}

/// Whether a recording is one that the sound font played.
pub fn is_played(recording: &str) -> bool {
    recording.starts_with(PACKAGE)
}

impl Clip {
    /// Plays the clip with `fluidsynth`; returns the bytes of a WAVE file.
    pub fn play(&self) -> Result<Vec<u8>, CorpusError> {
        let folder = tempfile::tempdir().map_err(|source| CorpusError::Write {
            path: std::env::temp_dir(),
            source,
        })?;
        let (midi, wave) = (folder.path().join("clip.mid"), folder.path().join("clip.wav"));
        fs::write(&midi, &self.midi).map_err(|source| CorpusError::Write {
            path: midi.clone(),
            source,
        })?;
        let font = PathBuf::from(SOUND_FONT);
        if !font.is_file() {
            return Err(CorpusError::Unknown(format!(
                "the sound font {SOUND_FONT} is missing; install the Debian package fluid-soundfont-gm, or leave out `--instruments`"
            )));
        }
        let status = Command::new("fluidsynth")
            .args(["-n", "-i", "-q", "-g", "0.6", "-r", "44100", "-F"])
            .args([wave.as_path(), font.as_path(), Path::new(&midi)])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| {
                CorpusError::Unknown(format!(
                    "`fluidsynth` cannot be started ({error}); install the Debian package fluidsynth, or leave out `--instruments`"
                ))
            })?;
        if !status.success() {
            return Err(CorpusError::Damaged {
                file: self.name.clone(),
                cause: format!("fluidsynth ended with {status}"),
            });
        }
        fs::read(&wave).map_err(|source| CorpusError::Read { path: wave, source })
    }
}

/// A note: when it begins and how long it lasts (seconds), its key and how hard it is struck.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Note {
    start: f64,
    length: f64,
    key: u8,
    velocity: u8,
}

fn melody([lowest, highest]: [u8; 2], random: &mut impl Rng) -> Vec<Note> {
    const MAJOR: [u8; 8] = [0, 2, 4, 5, 7, 9, 11, 12];
    let root = random.random_range(lowest..=highest.saturating_sub(12).max(lowest));
    let length = random.random_range(0.15..0.7);
    let chord = random.random_bool(0.25);
    let mut start = 0.0;
    let mut notes = Vec::new();
    while start < 3.5 {
        let velocity = random.random_range(70..=115);
        let steps: &[usize] = if chord { &[0, 2, 4] } else { &[0] };
        let step = random.random_range(0..MAJOR.len());
        for above in steps {
            let key = root.saturating_add(MAJOR[(step + above) % MAJOR.len()]).min(highest);
            notes.push(Note {
                start,
                length,
                key,
                velocity,
            });
        }
        start += length * random.random_range(1.0..1.4);
    }
    notes
}

fn rhythm(keys: &[u8], random: &mut impl Rng) -> Vec<Note> {
    let beat = random.random_range(0.12..0.5);
    let beats = (3.5 / beat) as usize;
    let struck = (0..beats).filter_map(|index| {
        let note = Note {
            start: index as f64 * beat,
            length: beat,
            key: keys[random.random_range(0..keys.len())],
            velocity: random.random_range(70..=120),
        };
        (index == 0 || random.random_bool(0.75)).then_some(note)
    });
    struck.collect()
}

/// A Standard MIDI File of format 0.
fn midi_file(program: Option<u8>, notes: &[Note]) -> Vec<u8> {
    let channel = if program.is_some() { 0 } else { DRUM_CHANNEL };
    let tick = |seconds: f64| (seconds * TICKS_PER_SECOND).round() as u32;
    let mut events: Vec<(u32, [u8; 3])> = Vec::new();
    for note in notes {
        events.push((tick(note.start), [0x90 | channel, note.key, note.velocity]));
        events.push((tick(note.start + note.length), [0x80 | channel, note.key, 0]));
    }
    // At the same tick a note ends before the next begins.
    events.sort_by_key(|(tick, event)| (*tick, event[0]));
    let mut track = Vec::new();
    if let Some(program) = program {
        track.extend([0, 0xc0 | channel, program]);
    }
    let mut now = 0;
    for (tick, event) in events {
        track.extend(variable_length(tick - now));
        track.extend(event);
        now = tick;
    }
    track.extend([0, 0xff, 0x2f, 0]);
    let mut file = b"MThd\0\0\0\x06\0\0\0\x01".to_vec();
    file.extend(TICKS_PER_QUARTER.to_be_bytes());
    file.extend(b"MTrk");
    file.extend((track.len() as u32).to_be_bytes());
    file.extend(track);
    file
}

/// Seven bits a byte, the highest first; all bytes but the last have their top bit set.
fn variable_length(number: u32) -> Vec<u8> {
    let mut bytes = vec![(number & 0x7f) as u8];
    let mut rest = number >> 7;
    while rest > 0 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.reverse();
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::corpus::catalogue::Catalogue;

    #[test]
    fn clips_are_of_known_categories_and_repeat_with_the_seed() {
        let names = Catalogue::built_in().unwrap().category_names();
        let once = clips(1).unwrap();
        assert!(once.len() > 100 && once.iter().all(|clip| names.contains(&clip.category)));
        assert_eq!(once, clips(1).unwrap());
        assert_ne!(once, clips(2).unwrap());
    }

    #[test]
    fn variable_length_numbers_follow_the_standard() {
        assert_eq!(variable_length(0), [0]);
        assert_eq!(variable_length(0x7f), [0x7f]);
        assert_eq!(variable_length(0x80), [0x81, 0]);
        assert_eq!(variable_length(0x1f_ffff), [0xff, 0xff, 0x7f]);
    }

    #[test]
    fn notes_lie_in_range() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..50 {
            let notes = melody([40, 60], &mut random);
            assert!(!notes.is_empty() && notes.iter().all(|note| (40..=60).contains(&note.key)));
        }
    }
}
