//! The program for 64-bit ARM boards, as `board/cross` builds it, under an emulator.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use hound::{SampleFormat, WavSpec, WavWriter};
use image::{Rgb, RgbImage};
use lookhear_tests::{outcome, program, root};
use serde_json::Value;

/// JetPack 5 has this version of glibc; what runs there runs on every board that we name.
const NEWEST_GLIBC: (u32, u32) = (2, 31);
const RATE_HZ: u32 = 16_000;

/// The program for boards; `None` where it is not wanted.
fn cross_built() -> Result<Option<PathBuf>> {
    if std::env::var_os("LOOKHEAR_WITHOUT_AARCH64").is_some() {
        return Ok(None);
    }
    let program = root().join("target/cross/build/aarch64-unknown-linux-gnu/release/lookhear");
    ensure!(
        program.is_file(),
        "{} is not there: run board/cross first (as root; half an hour), or set LOOKHEAR_WITHOUT_AARCH64=1 to do \
         without this test",
        program.display()
    );
    Ok(Some(program))
}

/// Every version of glibc that a program names.
fn glibc_versions(program: &[u8]) -> Vec<(u32, u32)> {
    let name = b"GLIBC_";
    let starts = program
        .windows(name.len())
        .enumerate()
        .filter(|(_, window)| window == name);
    let versions = starts.filter_map(|(at, _)| {
        let rest = &program[at + name.len()..];
        let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
        let (major, minor) = std::str::from_utf8(&rest[..end]).ok()?.split_once('.')?;
        Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
    });
    versions.collect()
}

/// A directory of frames on which a bright square wanders, and a sound that goes with them.
fn make_clip(directory: &Path) -> Result<()> {
    let frames = directory.join("frames");
    fs::create_dir(&frames)?;
    for number in 0..3_u32 {
        let picture = RgbImage::from_fn(160, 120, |x, y| {
            let square = (20 + 40 * number..60 + 40 * number).contains(&x) && (40..80).contains(&y);
            if square {
                Rgb([250, 230, 90])
            } else {
                Rgb([(x % 90) as u8, 60, (y % 120) as u8])
            }
        });
        picture.save(frames.join(format!("{number}.png")))?;
    }
    let spec = WavSpec {
        channels: 1,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut sound = WavWriter::create(directory.join("sound.wav"), spec)?;
    for sample in 0..RATE_HZ * 3 / 2 {
        let seconds = sample as f32 / RATE_HZ as f32;
        let value = (seconds * 440.0 * std::f32::consts::TAU).sin() * (seconds * 9.0).cos();
        sound.write_sample((value * 9000.0) as i16)?;
    }
    Ok(sound.finalize()?)
}

/// What a program, given as the command that starts it, finds in the clip of a directory.
fn look(command: &mut Command, backend: &str, directory: &Path) -> Result<Vec<Value>> {
    let arguments = [
        "look",
        "frames",
        "sound.wav",
        "--frame-rate",
        "2",
        "--rate",
        "2",
        "--json",
        "--backend",
        backend,
    ];
    let said = outcome(command.current_dir(directory).args(arguments))?;
    ensure!(said.code == Some(0), "{said:?}");
    said.stdout
        .lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

#[test]
fn it_starts_on_the_oldest_board() -> Result<()> {
    let Some(program) = cross_built()? else { return Ok(()) };
    let newest = glibc_versions(&fs::read(program)?).into_iter().max();
    let newest = newest.context("the program names no version of glibc")?;
    assert!(newest <= NEWEST_GLIBC, "it needs glibc {}.{}", newest.0, newest.1);
    Ok(())
}

#[test]
fn it_finds_on_a_board_what_it_finds_here() -> Result<()> {
    let Some(cross_built) = cross_built()? else {
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    make_clip(directory.path())?;
    // In integers one rounding that goes the other way moves a value by a whole unit.
    for (backend, room) in [("cpu", 1e-3), ("cpu-int8", 0.02)] {
        let mut emulated = Command::new("qemu-aarch64-static");
        emulated
            .arg("-L")
            .arg(root().join("target/cross/root/opt/arm64"))
            .arg(&cross_built);
        let there = look(&mut emulated, backend, directory.path()).context("board/install-missing qemu-user-static")?;
        let here = look(&mut program("lookhear")?, backend, directory.path())?;
        assert_eq!(there.len(), here.len());
        assert!(here.iter().any(|line| line["similarity"].is_number()), "{here:?}");
        for (there, here) in there.iter().zip(&here) {
            assert_eq!(there["time"], here["time"]);
            assert_eq!(there["accepted"], here["accepted"]);
            match (there["similarity"].as_f64(), here["similarity"].as_f64()) {
                (Some(there), Some(here)) => {
                    assert!((there - here).abs() < room, "{backend}: {there} against {here}");
                }
                (there, here) => assert_eq!(there, here),
            }
        }
    }
    Ok(())
}
