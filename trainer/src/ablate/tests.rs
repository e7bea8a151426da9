//! From a grid and a folder of pictures and sounds to the table.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::sync::atomic::AtomicBool;

use clap::Parser;

use super::arguments::{AblateArguments, carry_out};
use super::grid::{Grid, PlannedRow, REFERENCE};
use super::record::{CaseRecord, Origin, Record, Scores, State, TestRecord};
use super::rows::Ending;
use super::table::Table;
use crate::dataset::Profile;
use crate::evaluate::scores::Localisation;
use crate::evaluate::test_set::fixture::items;
use crate::fit::data::DataRecord;
use crate::fit::plan::Changes;
use crate::fit::record::Start;
use crate::report::well_formed::assert_well_formed;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    arguments: AblateArguments,
}

/// Twelve pairs with boxes, and a grid of two rows.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut pairs = "image,sound,boxes,class\n".to_owned();
    for item in items(folder.path(), 12) {
        pairs += &format!(
            "{0}.png,{0}.wav,0.17 0.22 0.5 0.67,{1}\n",
            item.id,
            item.category.unwrap()
        );
    }
    std::fs::write(folder.path().join("pairs.csv"), pairs).unwrap();
    grid(folder.path(), "1");
    folder
}

fn grid(folder: &Path, weight: &str) {
    let grid = format!(
        "[base]\nnetwork = \"paper\"\n[[row]]\nname = \"plain\"\ngroup = \"One\"\nwithout = [\"crop\"]\nequivariance = {weight}\n[[row]]\nname = \"reference\"\ngroup = \"Two\"\n"
    );
    std::fs::write(folder.join("grid.toml"), grid).unwrap();
}

fn arguments(folder: &Path, further: &[&str]) -> AblateArguments {
    let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (root, grid, out) = (at(""), at("grid.toml"), at("out"));
    let options = [
        "ablate",
        &grid,
        "--out",
        &out,
        "--data",
        "pairs",
        "--root",
        &root,
        "--test",
        "pairs",
        "--test-root",
        &root,
        "--width",
        "4",
        "--side",
        "64",
        "--seconds",
        "1",
        "--batch",
        "4",
        "--epochs",
        "1",
        "--validation",
        "0",
    ];
    Command::try_parse_from(options.iter().chain(further))
        .unwrap()
        .arguments
}

fn carried_out(folder: &Path, further: &[&str], stopped: bool) -> anyhow::Result<(Ending, Vec<Table>)> {
    let mut tables = Vec::new();
    let ending = carry_out(&arguments(folder, further), &AtomicBool::new(stopped), &mut |table| {
        tables.push(table.clone());
        Ok(())
    })?;
    Ok((ending, tables))
}

#[test]
fn rows_are_trained_scored_and_told_of_once() {
    let folder = folder();
    let out = folder.path().join("out");
    let (ending, tables) = carried_out(folder.path(), &["--only", "plain"], true).unwrap();
    assert_eq!((ending, tables.len()), (Ending::Interrupted, 0));
    let (ending, tables) = carried_out(folder.path(), &["--only", "plain"], false).unwrap();
    assert_eq!((ending, tables.len()), (Ending::Done { failed: 0 }, 1));
    let weights = std::fs::read(out.join("plain.lookhear")).unwrap();
    std::fs::remove_file(out.join("plain.lookhear")).unwrap();

    let (ending, tables) = carried_out(folder.path(), &[], false).unwrap();
    assert_eq!(
        (ending, tables.len()),
        (Ending::Done { failed: 0 }, 1),
        "one row was left to do"
    );
    assert!(!out.join("plain.lookhear").exists() && !weights.is_empty());
    let names: Vec<&str> = tables[0].lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(
        names,
        ["whole picture", "centred disk", "most possible", "plain", REFERENCE]
    );
    for line in &tables[0].lines[3..] {
        assert!(
            line.ciou.is_some() && line.auc.is_some() && line.quads.is_some(),
            "{line:?}"
        );
        assert!(
            line.minutes.unwrap() > 0.0 && line.epochs == Some(1) && line.remark.is_empty(),
            "{line:?}"
        );
        assert_eq!(line.above_reference.is_some(), line.name != REFERENCE);
    }
    assert_well_formed(&std::fs::read_to_string(out.join("ablation.html")).unwrap());
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("ablation.json")).unwrap()).unwrap();
    assert_eq!(json["lines"][3]["plan"]["without"][0], "crop");

    grid(folder.path(), "0.5");
    let refused = carried_out(folder.path(), &[], false).unwrap_err().to_string();
    assert!(
        refused.contains("plain.json") && refused.contains("another plan"),
        "{refused}"
    );
}

#[test]
fn a_row_that_fails_leaves_the_others_alone() {
    let folder = folder();
    std::fs::create_dir_all(folder.path().join("out/plain.run")).unwrap();
    std::fs::write(folder.path().join("out/plain.run/last.safetensors"), b"damaged").unwrap();
    let (ending, tables) = carried_out(folder.path(), &[], false).unwrap();
    assert_eq!((ending, tables.len()), (Ending::Done { failed: 1 }, 2));
    let lines = &tables[1].lines;
    assert!(
        lines[3].remark.contains("failed: ") && lines[3].remark.contains("last.safetensors"),
        "{:?}",
        lines[3]
    );
    assert!(lines[3].ciou.is_none() && lines[4].ciou.is_some());
}

#[test]
fn what_rows_are_scored_on_must_be_named() {
    let folder = folder();
    std::fs::write(folder.path().join("out-of-boxes.csv"), "image,sound\nc0.png,c0.wav\n").unwrap();
    let mut without = arguments(folder.path(), &[]);
    without.test.test_root = Some(folder.path().join("out-of-boxes.csv"));
    let refused = carry_out(&without, &AtomicBool::new(false), &mut |_| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("has a box"), "{refused}");
    without.test.test = None;
    let refused = carry_out(&without, &AtomicBool::new(false), &mut |_| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("--test LAYOUT"), "{refused}");
}

fn row_of(planned: &PlannedRow, test: &TestRecord, cious: &[f64]) -> Record {
    let case = |(index, &ciou): (usize, &f64)| CaseRecord {
        id: index.to_string(),
        ciou,
        peak_in_box: ciou > 0.9,
        centred_disk: 0.5,
        whole_picture: 0.2,
        ceiling: 1.0,
        centre_in_box: true,
    };
    Record {
        origin: Origin {
            plan: planned.plan.clone(),
            data: data(),
            start: Start::default(),
        },
        seconds: 90.0,
        state: State::Finished {
            epochs: 3,
            test: test.clone(),
            scores: Scores {
                cases: cious.iter().enumerate().map(case).collect(),
                quads: vec![true, false],
            },
        },
    }
}

fn data() -> DataRecord {
    DataRecord {
        kind: "pairs".to_owned(),
        items: 4,
        missing: 0,
        sha256: String::new(),
    }
}

#[test]
fn the_table_keeps_the_order_and_compares_item_by_item() {
    let grid = "[[row]]\nname = \"z\"\ngroup = \"Late\"\n[[row]]\nname = \"a\"\ngroup = \"Late\"\n[[row]]\nname = \"reference\"\ngroup = \"Early\"";
    let rows = Grid::parse(grid).unwrap().plan(&Changes::default(), &[]).unwrap();
    let test = TestRecord {
        kind: "vgg-ss".to_owned(),
        items: 4,
        missing: 0,
        profile: Profile::Default,
        sha256: "1".to_owned(),
    };
    let cious = [0.95, 0.6, 0.3, 0.52];
    let records = [
        (&rows[0], Some(row_of(&rows[0], &test, &cious))),
        (&rows[1], None),
        (&rows[2], Some(row_of(&rows[2], &test, &[0.4, 0.6, 0.3]))),
    ];
    let table = Table::of(&data(), &test, &records);
    let whole = Localisation::over(&cious).unwrap();
    let first = &table.lines[3];
    assert_eq!(first.ciou.unwrap().mean, whole.success);
    assert!((first.auc.unwrap().mean - whole.area).abs() < 1e-12);
    assert_eq!(first.peak_in_box.unwrap().mean, 0.25);
    assert_eq!(
        first.above_reference.unwrap().mean,
        1.0 / 3.0,
        "of the three items that both have"
    );
    assert_eq!(table.lines[1].above_reference.unwrap().mean, 2.0 / 3.0);
    assert_eq!(
        (table.lines[4].ciou, table.lines[4].remark.as_str()),
        (None, "not begun")
    );
    let text = table.text();
    let places: Vec<usize> = ["Without looking", "Late", "\n  z ", "\n  a ", "Early", "\n  reference"]
        .iter()
        .map(|part| text.rfind(part).unwrap_or_else(|| panic!("{part} in {text}")))
        .collect();
    assert!(places.is_sorted() && text.matches("Late").count() == 1, "{text}");

    let other = TestRecord {
        sha256: "2".to_owned(),
        ..test
    };
    let unscored = Table::of(&data(), &other, &records);
    assert_eq!(
        (unscored.lines.len(), unscored.lines[0].remark.as_str()),
        (3, "not scored")
    );
}
