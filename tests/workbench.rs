//! The workbench as a researcher uses it, on a folder of pairs small enough to train on in seconds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lookhear_tests::{Outcome, outcome, program};

/// Pairs of a coloured block and a tone of its own, listed with the block's box and class; one of the sounds is damaged.
fn pairs(folder: &Path) -> PathBuf {
    const SORTS: [([u8; 3], f32); 4] = [
        ([220, 40, 40], 300.0),
        ([40, 200, 60], 700.0),
        ([50, 80, 230], 1500.0),
        ([230, 210, 40], 3200.0),
    ];
    let mut list = "image,sound,boxes,class,id\n".to_owned();
    for index in 0..40u32 {
        let sort = index as usize % SORTS.len();
        let (colour, hertz) = SORTS[sort];
        let (left, top) = (index * 37 % 80, index * 53 % 50);
        let picture = image::RgbImage::from_fn(120, 90, |x, y| {
            let inside = (left..left + 40).contains(&x) && (top..top + 40).contains(&y);
            image::Rgb(if inside { colour } else { [(90 + x * y % 40) as u8; 3] })
        });
        picture.save(folder.join(format!("{index}.png"))).unwrap();
        let specification = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let path = folder.join(format!("{index}.wav"));
        let mut sound = hound::WavWriter::create(&path, specification).unwrap();
        for sample in 0..16_000 {
            let phase = sample as f32 / 16_000.0 * std::f32::consts::TAU * (hertz + index as f32);
            sound.write_sample((phase.sin() * 9000.0) as i16).unwrap();
        }
        sound.finalize().unwrap();
        if index == 17 {
            std::fs::write(&path, "no sound").unwrap();
        }
        let share = |pixels: u32, of: u32| f64::from(pixels) / f64::from(of);
        list += &format!(
            "{index}.png,{index}.wav,{} {} {} {},sort{sort},item{index:02}\n",
            share(left, 120),
            share(top, 90),
            share(left + 40, 120),
            share(top + 40, 90)
        );
    }
    std::fs::write(folder.join("pairs.csv"), list).unwrap();
    folder.to_owned()
}

fn train(folder: &Path, out: &Path, epochs: &str) -> Command {
    let mut command = program("lookhear-train").unwrap();
    command.args(["fit", "--data", "pairs", "--network", "paper"]);
    command.args([
        "--width",
        "8",
        "--side",
        "64",
        "--seconds",
        "1",
        "--batch",
        "8",
        "--epochs",
        epochs,
    ]);
    command.args([
        "--validation",
        "0.2",
        "--average",
        "0.9",
        "--accumulate",
        "2",
        "--mixing",
        "--save-every",
        "0",
    ]);
    command.arg("--root").arg(folder).arg("--out").arg(out);
    command
}

fn succeed(command: &mut Command) -> Outcome {
    let said = outcome(command).unwrap();
    assert_eq!(said.code, Some(0), "{said:?}");
    said
}

/// Lines of a run's metrics so far.
fn lines(run: &Path) -> usize {
    std::fs::read_to_string(run.join("metrics.jsonl")).map_or(0, |text| text.lines().count())
}

#[test]
fn a_run_that_is_killed_again_and_again_gives_the_bundle_of_one_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = pairs(folder.path());
    let (whole, broken, again) = (
        folder.path().join("whole.lookhear"),
        folder.path().join("broken.lookhear"),
        folder.path().join("again.lookhear"),
    );
    let said = succeed(&mut train(&data, &whole, "3"));
    assert!(
        said.stderr.contains("item17"),
        "the damaged sound is named: {}",
        said.stderr
    );

    let run = folder.path().join("broken.lookhear.run");
    for killed in 0..4 {
        let mut process = train(&data, &broken, "3")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (begun, before) = (Instant::now(), lines(&run));
        while lines(&run) <= before + killed % 2 && process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(300), "no step in five minutes");
            std::thread::sleep(Duration::from_millis(2));
        }
        process.kill().unwrap();
        process.wait().unwrap();
    }
    assert!(!broken.exists(), "it was killed before its end");
    let said = succeed(&mut train(&data, &broken, "3"));
    assert!(said.stderr.contains("going on"), "{}", said.stderr);
    assert_eq!(std::fs::read(&broken).unwrap(), std::fs::read(&whole).unwrap());

    let mut rebuild = program("lookhear-train").unwrap();
    rebuild.args(["fit", "--data", "pairs"]).arg("--from").arg(&whole);
    let said = succeed(rebuild.arg("--root").arg(&data).arg("--out").arg(&again));
    assert!(said.stderr.contains("the same to the bit"), "{}", said.stderr);

    let page = std::fs::read_to_string(run.join("curves.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("://"));
}

#[test]
fn a_trained_bundle_is_scored_beside_what_needs_no_input_and_searched() {
    let folder = tempfile::tempdir().unwrap();
    let data = pairs(folder.path());
    let bundle = folder.path().join("tiny.lookhear");
    succeed(&mut train(&data, &bundle, "1"));

    let (json, page) = (folder.path().join("scores.json"), folder.path().join("scores.html"));
    let mut evaluate = program("lookhear-train").unwrap();
    evaluate
        .arg("evaluate")
        .arg(&bundle)
        .args(["--data", "pairs", "--quads", "8"]);
    evaluate
        .arg("--root")
        .arg(&data)
        .arg("--json")
        .arg(&json)
        .arg("--report")
        .arg(&page);
    let said = succeed(&mut evaluate);
    for word in ["cIoU", "AUC", "above centred disk", "F_LOC", "max-F1"] {
        assert!(
            said.stdout.contains(word),
            "{word} is not in the table:\n{}",
            said.stdout
        );
    }
    let scores: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert!(scores.to_string().contains("item17"), "what was skipped is named");
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains("data:image/jpeg;base64,") && !page.contains("://"));

    let gallery = folder.path().join("search.html");
    let mut retrieve = program("lookhear-train").unwrap();
    retrieve
        .arg("retrieve")
        .arg(&bundle)
        .args(["--data", "pairs"])
        .arg("--root")
        .arg(&data);
    let said = succeed(retrieve.arg("--report").arg(&gallery));
    assert!(said.stdout.contains("chance"), "{}", said.stdout);
    assert!(std::fs::read_to_string(&gallery).unwrap().contains("data:image/"));

    let mut look = program("lookhear").unwrap();
    look.arg("look")
        .arg(data.join("3.png"))
        .arg(data.join("3.wav"))
        .arg("--json");
    let said = succeed(look.arg("--model").arg(&bundle).current_dir(folder.path()));
    assert!(
        said.stdout.contains("similarity"),
        "the device serves it: {}",
        said.stdout
    );
}

#[test]
fn another_plan_other_data_and_foreign_checkpoints_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let data = pairs(folder.path());
    let out = folder.path().join("tiny.lookhear");
    succeed(&mut train(&data, &out, "1"));

    let said = outcome(train(&data, &out, "1").args(["--seed", "9"])).unwrap();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("differs in seed") && said.stderr.contains("--run"),
        "{}",
        said.stderr
    );

    let list = folder.path().join("some.txt");
    std::fs::write(
        &list,
        (0..30).map(|index| format!("item{index:02}\n")).collect::<String>(),
    )
    .unwrap();
    let mut rebuild = program("lookhear-train").unwrap();
    rebuild
        .args(["fit", "--data", "pairs"])
        .arg("--from")
        .arg(&out)
        .arg("--list")
        .arg(&list);
    rebuild
        .arg("--root")
        .arg(&data)
        .arg("--out")
        .arg(folder.path().join("other.lookhear"));
    let said = outcome(&mut rebuild).unwrap();
    assert!(said.code == Some(1) && said.stderr.contains("trained on"), "{said:?}");

    let mut import = program("lookhear-train").unwrap();
    import
        .arg("import")
        .arg(data.join("17.wav"))
        .arg("--out")
        .arg(folder.path().join("import.lookhear"));
    let said = outcome(&mut import).unwrap();
    assert!(said.code == Some(1) && said.stderr.contains("17.wav"), "{said:?}");
}
