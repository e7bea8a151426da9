//! `lookhear look` on pictures, sounds and lists of them, the way a person or a script runs it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::f32::consts::TAU;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use hound::{SampleFormat, WavSpec, WavWriter};
use image::{Rgb, RgbImage};
use lookhear_tests::{Outcome, outcome, program};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with a picture and sounds, in which the program runs.
struct Room(TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        picture(&room.path("street.png"), 320, 200);
        wave(&room.path("horn.wav"), 16_000, 1, 16, 2.0, 0.3);
        room
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// Runs `lookhear` there, with arguments parted by spaces.
    fn run(&self, arguments: &str) -> Outcome {
        outcome(
            program("lookhear")
                .unwrap()
                .current_dir(self.0.path())
                .args(arguments.split_whitespace()),
        )
        .unwrap()
    }

    /// Runs it and takes what it prints for lines of JSON.
    fn lines(&self, arguments: &str) -> Vec<Value> {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(0), "{said:?}");
        said.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Runs it, expects it to refuse, and gives what it says.
    fn refusal(&self, arguments: &str) -> String {
        let said = self.run(arguments);
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
        assert!(
            said.stderr.starts_with("lookhear: error: ") && !said.stderr.contains("panicked"),
            "{said:?}"
        );
        said.stderr
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

fn picture(path: &Path, width: u32, height: u32) {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, (x ^ y) as u8])
    })
    .save(path)
    .unwrap();
}

/// A chord with beats, so that no part of it is like another.
fn wave(path: &Path, sample_rate: u32, channels: u16, bits_per_sample: u16, seconds: f32, amplitude: f32) {
    let sample_format = if bits_per_sample == 32 {
        SampleFormat::Float
    } else {
        SampleFormat::Int
    };
    let spec = WavSpec {
        channels,
        sample_rate,
        bits_per_sample,
        sample_format,
    };
    let mut writer = WavWriter::create(path, spec).unwrap();
    for index in 0..(seconds * sample_rate as f32) as usize {
        let time = index as f32 / sample_rate as f32;
        let value = amplitude * (TAU * 440.0 * time).sin() * (TAU * 3.0 * time).sin();
        for _ in 0..channels {
            match sample_format {
                SampleFormat::Float => writer.write_sample(value).unwrap(),
                SampleFormat::Int => writer
                    .write_sample((value * (1 << (bits_per_sample - 1)) as f32) as i32)
                    .unwrap(),
            }
        }
    }
    writer.finalize().unwrap();
}

/// Whether a line is what the README promises of a case.
fn check_case(line: &Value, id: &str) {
    let keys = line.as_object().unwrap().keys().map(String::as_str);
    // Only of a model that knows how sure it is.
    let keys: Vec<&str> = keys.filter(|key| *key != "probability").collect();
    assert_eq!(keys, ["accepted", "heatmap", "id", "peak", "similarity"]);
    assert_eq!(line["id"], id);
    let rows = line["heatmap"].as_array().unwrap();
    assert_eq!(rows.len(), 14);
    let values: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|value| value.as_f64().unwrap())
        .collect();
    assert_eq!(values.len(), 14 * 14);
    assert!(values.iter().all(|value| (-1.0001..=1.0001).contains(value)));
    let greatest = values.iter().copied().fold(f64::MIN, f64::max);
    assert_eq!(line["similarity"].as_f64().unwrap(), greatest);
    let peak = line["peak"].as_array().unwrap();
    assert!(
        peak.len() == 2 && peak.iter().all(|at| (0.0..=1.0).contains(&at.as_f64().unwrap())),
        "{peak:?}"
    );
    assert!(line["accepted"].is_boolean());
}

#[test]
fn a_picture_with_a_sound_gives_one_line_of_json_and_no_file() {
    let room = Room::new();
    let before = room.files();
    let lines = room.lines("look street.png horn.wav --json");
    assert_eq!(lines.len(), 1);
    check_case(&lines[0], "street");
    assert_eq!(room.files(), before);
}

#[test]
fn the_threshold_decides() {
    let room = Room::new();
    assert_eq!(
        room.lines("look street.png horn.wav --json --threshold -1")[0]["accepted"],
        true
    );
    assert_eq!(
        room.lines("look street.png horn.wav --json --threshold 1")[0]["accepted"],
        false
    );
    let said = room.run("look street.png horn.wav --threshold 1");
    assert!(said.stdout.starts_with("Nothing in view makes the sound"), "{said:?}");
}

#[test]
fn a_picture_with_a_sound_is_annotated() {
    let room = Room::new();
    let said = room.run("look street.png horn.wav --threshold -1 --out results/of/today");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
    assert!(
        said.stdout.starts_with("The sound comes from the ") && said.stdout.ends_with(".\n"),
        "{said:?}"
    );
    assert_eq!(said.stdout.lines().count(), 1);
    let annotated = image::open(room.path("results/of/today/street.lookhear.png"))
        .unwrap()
        .to_rgb8();
    assert_eq!(annotated.dimensions(), (320, 200));
    assert_ne!(annotated, image::open(room.path("street.png")).unwrap().to_rgb8());
    let percept: Value =
        serde_json::from_str(&fs::read_to_string(room.path("results/of/today/street.percepts.jsonl")).unwrap())
            .unwrap();
    assert_eq!(percept["schema"], "lookhear.percept.v1");
    assert_eq!(percept["heatmap"].as_array().unwrap().len(), 14);
}

#[test]
fn silence_is_silence_whatever_the_threshold() {
    let room = Room::new();
    wave(&room.path("silence.wav"), 16_000, 1, 16, 2.0, 0.0);
    assert_eq!(
        room.lines("look street.png silence.wav --json --threshold -1")[0]["accepted"],
        false
    );
    assert_eq!(
        room.run("look street.png silence.wav --threshold -1").stdout,
        "Silence.\n"
    );
}

#[test]
fn odd_sounds_are_heard() {
    let room = Room::new();
    for (name, rate, channels, bits, seconds) in [
        ("telephone.wav", 8_000, 1, 8, 2.0),
        ("stereo.wav", 48_000, 2, 24, 1.5),
        ("studio.wav", 96_000, 1, 32, 1.0),
        ("odd.wav", 11_111, 3, 16, 1.0),
        ("click.wav", 16_000, 1, 16, 0.05),
    ] {
        wave(&room.path(name), rate, channels, bits, seconds, 0.5);
        let said = room.run(&format!("look street.png {name} --json"));
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{name}: {said:?}");
        check_case(&serde_json::from_str(&said.stdout).unwrap(), "street");
    }
}

#[test]
fn odd_pictures_are_seen() {
    let room = Room::new();
    for (width, height) in [(1, 1), (7, 500), (500, 3), (33, 31)] {
        picture(&room.path("odd.png"), width, height);
        check_case(&room.lines("look odd.png horn.wav --json")[0], "odd");
        assert_eq!(room.run("look odd.png horn.wav").code, Some(0));
        let annotated = image::open(room.path("odd.lookhear.png")).unwrap();
        assert_eq!((annotated.width(), annotated.height()), (width, height));
    }
}

#[test]
fn a_sound_that_is_cut_off_is_heard_as_far_as_it_goes() {
    let room = Room::new();
    let whole = fs::read(room.path("horn.wav")).unwrap();
    fs::write(room.path("cut.wav"), &whole[..whole.len() / 2]).unwrap();
    let said = room.run("look street.png cut.wav --json");
    assert_eq!(said.code, Some(0), "{said:?}");
    check_case(&serde_json::from_str(&said.stdout).unwrap(), "street");
    assert!(
        said.stderr.contains("cut.wav") && said.stderr.contains("cut off"),
        "{said:?}"
    );
}

#[test]
fn what_cannot_be_looked_at_is_named() {
    let room = Room::new();
    fs::write(room.path("nothing.wav"), b"").unwrap();
    fs::write(room.path("words.wav"), b"these are words and no sound at all").unwrap();
    fs::write(room.path("nothing.png"), b"").unwrap();
    let png = fs::read(room.path("street.png")).unwrap();
    fs::write(room.path("cut.png"), &png[..png.len() / 2]).unwrap();
    wave(&room.path("empty.wav"), 16_000, 1, 16, 0.0, 0.0);
    fs::create_dir(room.path("nobody")).unwrap();
    for (arguments, names) in [
        ("look street.png", "street.png"),
        ("look street.png absent.wav", "absent.wav"),
        ("look street.png nothing.wav", "nothing.wav"),
        ("look street.png words.wav", "words.wav"),
        ("look street.png empty.wav", "empty.wav"),
        ("look street.png street.png", "street.png"),
        ("look absent.png horn.wav", "absent.png"),
        ("look nothing.png horn.wav", "nothing.png"),
        ("look cut.png horn.wav", "cut.png"),
        ("look horn.wav horn.wav", "horn.wav"),
        ("look words.wav", "words.wav"),
        ("look nobody horn.wav", "nobody"),
        ("look nobody", "nobody"),
        ("look street.png horn.wav --model street.png", "street.png"),
        ("look street.png horn.wav --model absent.lookhear", "absent.lookhear"),
        ("look street.png horn.wav --backend abacus", "abacus"),
        ("look street.png horn.wav --out horn.wav", "horn.wav"),
        ("look --pairs absent.csv --json", "absent.csv"),
        ("model --model horn.wav", "horn.wav"),
    ] {
        let refusal = room.refusal(arguments);
        assert!(
            refusal.contains(names) && refusal.lines().count() == 1,
            "{arguments}: {refusal}"
        );
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_usage_error() {
    let room = Room::new();
    for arguments in [
        "",
        "look",
        "look street.png horn.wav third.wav",
        "look street.png horn.wav --threshold 7",
        "look street.png horn.wav --rate 0",
        "look street.png horn.wav --rate nan",
        "look street.png --pairs pairs.csv",
    ] {
        let said = room.run(arguments);
        assert_eq!(
            (said.code, said.stdout.as_str()),
            (Some(2), ""),
            "{arguments}: {said:?}"
        );
    }
}

#[test]
fn a_list_of_pairs_goes_on_past_what_cannot_be_read() {
    let room = Room::new();
    fs::create_dir(room.path("list")).unwrap();
    let list = "\u{feff}sound,note,id,image\n\
        ../horn.wav,first,a/1,../street.png\n\
        ../absent.wav,,b 2,../street.png\n\
        ../horn.wav,,c,../horn.wav\n\
        ../horn.wav\n\
        ,,e,../street.png\n\
        \"../horn.wav\", ,\"f, the last\", ../street.png \n";
    fs::write(room.path("list/pairs.csv"), list).unwrap();
    let lines = room.lines("look --pairs list/pairs.csv --json");
    let ids: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a/1", "b 2", "c", "", "e", "f, the last"]);
    check_case(&lines[0], "a/1");
    check_case(&lines[5], "f, the last");
    assert_eq!(lines[0]["heatmap"], lines[5]["heatmap"]);
    for (line, names) in lines[1..5].iter().zip(["absent.wav", "horn.wav", "line 5", "line 6"]) {
        assert_eq!(line.as_object().unwrap().len(), 2, "{line}");
        assert!(line["error"].as_str().unwrap().contains(names), "{line}");
    }
    let alone = room.lines("look street.png horn.wav --json");
    assert_eq!(
        lines[0]["heatmap"], alone[0]["heatmap"],
        "a case does not depend on those before it"
    );
}

#[test]
fn a_list_of_pairs_can_be_annotated() {
    let room = Room::new();
    fs::write(room.path("pairs.csv"), "id,image,sound\n../../x,street.png,horn.wav\n").unwrap();
    let said = room.run("look --pairs pairs.csv --out results --threshold -1");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.starts_with("../../x: The sound comes from"), "{said:?}");
    assert!(room.path("results/.._.._x.lookhear.png").is_file());
}

#[test]
fn a_list_without_its_columns_is_refused() {
    let room = Room::new();
    for list in ["", "id,picture,sound\na,street.png,horn.wav\n"] {
        fs::write(room.path("pairs.csv"), list).unwrap();
        assert!(
            room.refusal("look --pairs pairs.csv --json")
                .contains("id, image and sound")
        );
    }
    fs::write(room.path("pairs.csv"), "id,image,sound\n").unwrap();
    assert_eq!(room.lines("look --pairs pairs.csv --json"), Vec::<Value>::new());
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let room = Room::new();
    let list = "id,image,sound\n".to_owned() + &"x,street.png,horn.wav\n".repeat(50);
    fs::write(room.path("pairs.csv"), list).unwrap();
    let mut running = program("lookhear")
        .unwrap()
        .current_dir(room.0.path())
        .args(["look", "--pairs", "pairs.csv", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(running.stdout.take());
    let ended = running.wait_with_output().unwrap();
    assert_eq!(
        (ended.status.code(), ended.stderr.as_slice()),
        (Some(0), b"".as_slice()),
        "{ended:?}"
    );
}

#[test]
fn the_model_tells_about_itself() {
    let room = Room::new();
    let said = room.run("model");
    assert_eq!(said.code, Some(0), "{said:?}");
    let manifest: toml::Table = said.stdout.parse().unwrap();
    for key in [
        "name",
        "architecture",
        "licence",
        "notices",
        "threshold",
        "parts",
        "training",
        "scores",
    ] {
        assert!(manifest.contains_key(key), "{key}");
    }
}
