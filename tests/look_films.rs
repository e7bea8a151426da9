//! `lookhear look` on films and directories of frames.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::f32::consts::TAU;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use lookhear_board::camera::film::Film;
use lookhear_board::display::{Canvas, FilmSound, FilmWriter};
use lookhear_board::{Camera, Delivery, Frame, Sound, read_sound_track};
use lookhear_tests::{Outcome, outcome, program};
use serde_json::Value;
use tempfile::TempDir;

const RATE_HZ: u32 = 16_000;
const FRAMES_A_SECOND: f64 = 10.0;

/// A folder in which films are made and looked at.
struct Room(TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A film of a bright square that wanders over a dark ground.
    fn film(&self, name: &str, seconds: f64, sound: FilmSound) {
        let (width, height) = (320, 240);
        let mut writer = FilmWriter::create(&self.path(name), width, height, FRAMES_A_SECOND, sound).unwrap();
        for index in 0..(seconds * FRAMES_A_SECOND) as usize {
            let mut canvas = Canvas::new(width, height);
            for (at, value) in canvas.bytes_mut().iter_mut().enumerate() {
                let (x, y) = (at / 3 % width, at / 3 / width);
                let inside = (40 + index..80 + index).contains(&x) && (60..100).contains(&y);
                *value = if inside { 230 } else { (30 + x / 8) as u8 };
            }
            writer
                .write(&canvas, Duration::from_secs_f64(index as f64 / FRAMES_A_SECOND))
                .unwrap();
        }
        writer.finish().unwrap();
    }

    fn run(&self, arguments: &str) -> Outcome {
        outcome(
            program("lookhear")
                .unwrap()
                .current_dir(self.0.path())
                .args(arguments.split_whitespace()),
        )
        .unwrap()
    }

    fn lines(&self, arguments: &str) -> Vec<Value> {
        let said = self.run(arguments);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
        parsed(&said.stdout)
    }

    /// Every frame of a film.
    fn frames(&self, name: &str) -> Vec<Frame> {
        let mut film = Film::open(&self.path(name)).unwrap();
        let mut frames = Vec::new();
        loop {
            let mut frame = Frame::default();
            match film.next_frame(&mut frame).unwrap() {
                Delivery::Fresh => frames.push(frame),
                Delivery::Ended => return frames,
            }
        }
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn parsed(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A tone that beats, of an amplitude.
fn tone(seconds: f32, amplitude: f32) -> Sound {
    let samples = (0..(seconds * RATE_HZ as f32) as usize)
        .map(|index| index as f32 / RATE_HZ as f32)
        .map(|time| amplitude * (TAU * 440.0 * time).sin() * (TAU * 3.0 * time).sin())
        .collect();
    Sound {
        samples,
        rate_hz: RATE_HZ,
    }
}

fn from_the_start(sound: Sound) -> FilmSound {
    FilmSound::Given(sound, Duration::ZERO)
}

#[test]
fn a_film_is_annotated_and_keeps_its_pace_and_sound() {
    let room = Room::new();
    room.film("clip.mp4", 2.5, from_the_start(tone(2.5, 0.4)));
    let said = room.run("look clip.mp4 --threshold -1");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
    assert!(said.stdout.starts_with("The sound comes from the "), "{said:?}");
    assert!(said.stdout.ends_with(", in 100 % of 2.5 s.\n"), "{said:?}");
    assert_eq!(room.files(), ["clip.lookhear.mp4", "clip.mp4", "clip.percepts.jsonl"]);

    let (before, after) = (room.frames("clip.mp4"), room.frames("clip.lookhear.mp4"));
    let stamps = |frames: &[Frame]| frames.iter().map(|frame| frame.stamp).collect::<Vec<_>>();
    assert_eq!(stamps(&before), stamps(&after));
    // Once something is perceived, what is drawn changes the picture above the strip, too.
    let light = |frame: &Frame| {
        frame.picture.bytes[..320 * 200 * 3]
            .iter()
            .map(|value| u64::from(*value))
            .sum::<u64>()
    };
    let changed = before
        .iter()
        .zip(&after)
        .map(|(before, after)| light(before).abs_diff(light(after)) > 200_000);
    assert_eq!(changed.collect::<Vec<_>>(), [vec![false; 10], vec![true; 15]].concat());

    let (own, kept) = (
        read_sound_track(&room.path("clip.mp4")).unwrap(),
        read_sound_track(&room.path("clip.lookhear.mp4")).unwrap(),
    );
    assert_eq!((own.stamp, own.sound), (kept.stamp, kept.sound));
}

#[test]
fn percepts_follow_the_schema_and_the_rate() {
    let room = Room::new();
    room.film("clip.mp4", 2.5, from_the_start(tone(2.5, 0.4)));
    let lines = room.lines("look clip.mp4 --json --threshold -1");
    assert_eq!(room.files(), ["clip.mp4"]);
    let times: Vec<f64> = lines.iter().map(|line| line["time"].as_f64().unwrap()).collect();
    assert_eq!(times.len(), 13);
    assert!(
        times
            .iter()
            .enumerate()
            .all(|(index, time)| (time - 0.2 * index as f64).abs() < 1e-4),
        "{times:?}"
    );
    for line in &lines {
        assert_eq!(line["schema"], "lookhear.percept.v1");
        let heard = line["time"].as_f64().unwrap() >= 0.975;
        assert_eq!(line["peak"].is_array(), heard, "{line}");
        assert_eq!(line["similarity"].is_number(), heard, "{line}");
        assert_eq!(line["accepted"], heard, "{line}");
        assert_eq!(line.get("heatmap").is_some(), heard, "{line}");
        assert_eq!(line["target"].is_array(), line["state"] == "tracking", "{line}");
    }
    assert!(
        lines[1..]
            .iter()
            .all(|line| line["level_dbfs"].as_f64().unwrap() > -40.0)
    );

    assert_eq!(room.lines("look clip.mp4 --json --rate 2").len(), 5);
    let said = room.run("look clip.mp4 --json --threshold -1 --out results");
    assert_eq!(
        fs::read_to_string(room.path("results/clip.percepts.jsonl")).unwrap(),
        said.stdout
    );
    assert_eq!(parsed(&said.stdout), lines);
}

#[test]
fn a_sound_track_that_starts_late_is_heard_late() {
    let room = Room::new();
    room.film(
        "late.mp4",
        3.0,
        FilmSound::Given(tone(1.5, 0.4), Duration::from_millis(1500)),
    );
    for line in room.lines("look late.mp4 --json --rate 10") {
        let time = line["time"].as_f64().unwrap();
        assert_eq!(line["level_dbfs"].as_f64().unwrap() > -60.0, time > 1.51, "{line}");
        assert_eq!(line["peak"].is_array(), time > 2.45, "{line}");
    }
}

#[test]
fn after_its_sound_a_film_is_silent() {
    let room = Room::new();
    room.film("short.mp4", 5.0, from_the_start(tone(1.2, 0.4)));
    let lines = room.lines("look short.mp4 --json --threshold -1");
    let at = |time: f64| {
        lines
            .iter()
            .find(|line| (line["time"].as_f64().unwrap() - time).abs() < 0.01)
            .unwrap()
    };
    assert_eq!(at(1.2)["accepted"], true);
    assert_eq!(
        (&at(4.8)["accepted"], at(4.8)["level_dbfs"].as_f64().unwrap()),
        (&Value::Bool(false), -144.5)
    );
}

#[test]
fn a_film_can_be_heard_with_another_sound() {
    let room = Room::new();
    room.film("mute.mp4", 2.0, FilmSound::Silent);
    let said = room.run("look mute.mp4");
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
    assert!(
        said.stderr.contains("mute.mp4") && said.stderr.contains("sound"),
        "{said:?}"
    );

    room.film("other.mp4", 2.0, from_the_start(tone(2.0, 0.4)));
    let said = room.run("look mute.mp4 other.mp4 --threshold -1");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        read_sound_track(&room.path("mute.lookhear.mp4"))
            .unwrap()
            .sound
            .duration()
            > Duration::from_millis(1900)
    );
}

#[test]
fn a_silent_film_and_a_short_one_are_told_apart() {
    let room = Room::new();
    room.film("silent.mp4", 2.0, from_the_start(tone(2.0, 0.0)));
    assert_eq!(room.run("look silent.mp4 --threshold -1").stdout, "Silence.\n");
    room.film("short.mp4", 0.5, from_the_start(tone(0.5, 0.4)));
    let said = room.run("look short.mp4 --threshold -1");
    assert!(said.code == Some(0) && said.stdout.starts_with("Too short"), "{said:?}");
}

#[test]
fn a_film_that_is_cut_off_is_looked_at_as_far_as_it_goes_or_refused() {
    let room = Room::new();
    room.film("clip.mp4", 2.0, from_the_start(tone(2.0, 0.4)));
    let whole = fs::read(room.path("clip.mp4")).unwrap();
    for share in [0.0, 0.1, 0.5, 0.9] {
        fs::write(room.path("cut.mp4"), &whole[..(whole.len() as f64 * share) as usize]).unwrap();
        let said = room.run("look cut.mp4");
        assert!(matches!(said.code, Some(0 | 1)), "{said:?}");
        assert!(
            said.stderr.contains("cut.mp4") && !said.stderr.contains("panicked"),
            "{said:?}"
        );
    }
}

#[test]
fn frames_in_a_directory_are_a_film() {
    let room = Room::new();
    room.film("clip.mp4", 2.0, from_the_start(tone(2.0, 0.4)));
    fs::create_dir(room.path("frames")).unwrap();
    for (index, frame) in room.frames("clip.mp4").iter().enumerate() {
        let mut canvas = Canvas::default();
        assert!(canvas.show(&frame.picture));
        canvas.save(&room.path(&format!("frames/{index}.png"))).unwrap();
    }
    fs::write(room.path("frames/7.png"), b"no picture").unwrap();
    Canvas::new(20, 20).save(&room.path("frames/11.png")).unwrap();

    let said = room.run("look frames clip.mp4 --frame-rate 10 --threshold -1 --out .");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.ends_with(" % of 2.0 s.\n"), "{said:?}");
    assert!(
        said.stderr.contains("7.png") && said.stderr.contains("1 frame of another size"),
        "{said:?}"
    );
    assert_eq!(room.frames("frames.lookhear.mp4").len(), 18);

    let said = room.run("look frames");
    assert!(said.code == Some(1) && said.stderr.contains("sound file"), "{said:?}");
}
