//! The rules of the house, as ARCHITECTURE.md states them: who may know whom, what lies where, how long a file may be.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lookhear_tests::root;
use toml::{Table, Value};

/// Each room, and the crates of the workspace that it may depend on.
const ROOMS: [(&str, &[&str]); 5] = [
    ("calibration", &[]),
    ("board", &[]),
    ("runtime", &["lookhear-board", "lookhear-calibration"]),
    ("trainer", &["lookhear", "lookhear-board", "lookhear-calibration"]),
    (
        "tests",
        &["lookhear", "lookhear-board", "lookhear-calibration", "lookhear-trainer"],
    ),
];

/// What else may lie on the top level; what begins with a dot and the build directory are not looked at.
const TOP_LEVEL_FILES: [&str; 8] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "deny.toml",
];

/// The stages of the runtime in the order in which data passes them, after what lies between their threads; every other module
/// stands above them all.
const STAGES: [&str; 5] = ["exchange", "perception", "attention", "actuation", "pipeline"];

const LONGEST_FILE_LINES: usize = 500;

fn manifest(room: &str) -> Table {
    fs::read_to_string(root().join(room).join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap()
}

/// The dependencies of a room, of every kind: (name, what the manifest says of it).
fn dependencies(room: &str) -> Vec<(String, Value)> {
    let manifest = manifest(room);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let everywhere = kinds.iter().filter_map(|kind| manifest.get(*kind)?.as_table().cloned());
    let per_target = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values())
        .flat_map(|target| kinds.iter().filter_map(|kind| target.get(*kind)?.as_table().cloned()));
    everywhere.chain(per_target).flatten().collect()
}

/// Every Rust file below a directory, build directories left out.
fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn the_top_level_holds_the_rooms_and_nothing_else() {
    let allowed: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).chain(TOP_LEVEL_FILES).collect();
    let found: BTreeSet<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    assert_eq!(found, allowed.into_iter().map(String::from).collect());
}

#[test]
fn no_room_knows_one_above_it() {
    for (room, allowed) in ROOMS {
        for (name, _) in dependencies(room)
            .iter()
            .filter(|(name, _)| name.starts_with("lookhear"))
        {
            assert!(allowed.contains(&name.as_str()), "{room} may not depend on {name}");
        }
    }
}

#[test]
fn the_trainer_takes_the_runtime_without_its_devices() {
    let dependencies = dependencies("trainer");
    let (_, runtime) = dependencies.iter().find(|(name, _)| name == "lookhear").unwrap();
    let features = runtime.get("features").map(ToString::to_string).unwrap_or_default();
    assert!(
        !features.contains("devices") && !features.contains("default"),
        "{features}"
    );
    let table = manifest("");
    let shared = &table["workspace"]["dependencies"]["lookhear"];
    assert_eq!(shared.get("default-features"), Some(&Value::Boolean(false)), "{shared}");
}

#[test]
fn versions_stand_in_one_table_and_lints_hold_everywhere() {
    for (room, _) in ROOMS {
        for (name, says) in dependencies(room) {
            assert_eq!(
                says.get("workspace"),
                Some(&Value::Boolean(true)),
                "{name} in {room}: take it from the table"
            );
        }
        let lints = &manifest(room)["lints"];
        assert_eq!(
            lints.get("workspace"),
            Some(&Value::Boolean(true)),
            "the lints of {room}"
        );
    }
}

/// Whether a line of code names something of a module at the root of its crate: as `crate::module`, or as `module::`
/// within a list of imports.
fn names_module(line: &str, module: &str) -> bool {
    let in_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    !line.trim_start().starts_with("//")
        && line.match_indices(module).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + module.len()..]);
            let whole_word = !before.ends_with(in_name) && !after.starts_with(in_name);
            let is_path = before.ends_with("crate::") || after.starts_with("::") && !before.ends_with("::");
            whole_word && is_path
        })
}

#[test]
fn modules_are_recognised_in_paths_and_lists_of_imports() {
    for line in [
        "use crate::attention;",
        "    attention::Hold,",
        "let hold = crate::attention::Hold::new();",
    ] {
        assert!(names_module(line, "attention"), "{line}");
    }
    for line in [
        "let attention = 1;",
        "// crate::attention",
        "use other::attention::Hold;",
        "inattention::x()",
    ] {
        assert!(!names_module(line, "attention"), "{line}");
    }
}

#[test]
fn no_stage_of_the_runtime_knows_a_later_one() {
    let source = root().join("runtime/src");
    let modules: BTreeSet<String> = fs::read_dir(&source)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    for (floor, stage) in STAGES.iter().enumerate().filter(|(_, stage)| modules.contains(**stage)) {
        let earlier = &STAGES[..=floor];
        for file in rust_files(&source.join(stage)) {
            let text = fs::read_to_string(&file).unwrap();
            for later in modules.iter().filter(|module| !earlier.contains(&module.as_str())) {
                let line = text.lines().find(|line| names_module(line, later));
                assert_eq!(line, None, "{} knows {later}, which stands above it", file.display());
            }
        }
    }
}

#[test]
fn a_file_holds_one_idea() {
    for (room, _) in ROOMS {
        for file in rust_files(&root().join(room)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(
                lines <= LONGEST_FILE_LINES,
                "{} has {lines} lines: {LONGEST_FILE_LINES} at most",
                file.display()
            );
        }
    }
}
