//! The file that says what to vary.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::fit::plan::{Changes, Plan, PlanError};

/// The file that holds the whole table, which no row may be called.
pub const TABLE: &str = "ablation";
/// The row that the others are held against.
pub const REFERENCE: &str = "reference";

/// Variations of one plan, in the order of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// What all rows have in common.
    pub base: Changes,
    /// At least one; each name once.
    pub rows: Vec<Row>,
}

/// One variation.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Letters, digits, `-` and `_`: its files are called by it.
    pub name: String,
    /// The heading that it stands under.
    pub group: Option<String>,
    /// What is different.
    pub changes: Changes,
}

/// A row with all that decides what it comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRow {
    /// As in [`Row`].
    pub name: String,
    /// As in [`Row`].
    pub group: Option<String>,
    /// Checked.
    pub plan: Plan,
}

/// A grid cannot be used: correct the file, or the options beside it.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    /// The file cannot be read.
    #[error("the grid {path:?} cannot be read: {cause}")]
    Unreadable {
        /// Of the file.
        path: PathBuf,
        /// In the system's words.
        cause: String,
    },
    /// It is no grid.
    #[error("the grid is not understood: {0}; it consists of a `[base]` table and of `[[row]]` tables")]
    Malformed(String),
    /// Something in one row is wrong.
    #[error("row {row} of the grid: {cause}")]
    Row {
        /// Its name, or its place.
        row: String,
        /// What is wrong.
        cause: String,
    },
    /// A row cannot be followed with these options.
    #[error("row {row} of the grid: {cause}; change the row or the options, or leave it out with --only")]
    Plan {
        /// Its name.
        row: String,
        /// What is wrong.
        cause: PlanError,
    },
    /// A row was asked for that is not there.
    #[error("the grid has no row {name:?}; it has {rows}")]
    NoSuchRow {
        /// What was asked for.
        name: String,
        /// All names.
        rows: String,
    },
}

/// The file as it stands; rows are read one by one, so that what is wrong can be told with the row's name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    base: Changes,
    #[serde(default)]
    row: Vec<toml::Table>,
}

impl Grid {
    /// Reads a file.
    ///
    /// # Errors
    /// [`GridError`].
    pub fn read(path: &Path) -> Result<Self, GridError> {
        let text = std::fs::read_to_string(path).map_err(|cause| GridError::Unreadable {
            path: path.to_owned(),
            cause: cause.to_string(),
        })?;
        Self::parse(&text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`GridError::Malformed`] and [`GridError::Row`].
    pub fn parse(text: &str) -> Result<Self, GridError> {
        let File { base, row } = toml::from_str(text).map_err(|cause| GridError::Malformed(one_line(&cause)))?;
        if row.is_empty() {
            return Err(GridError::Malformed("it has no row".to_owned()));
        }
        let mut names = BTreeSet::new();
        let mut rows = Vec::with_capacity(row.len());
        for (index, table) in row.into_iter().enumerate() {
            let row = Row::of(table, index)?;
            if !names.insert(row.name.to_ascii_lowercase()) {
                return Err(row.wrong("another row has the same name"));
            }
            rows.push(row);
        }
        Ok(Self { base, rows })
    }

    /// The rows that are asked for (all, if `only` is empty), in the order of the grid. What a row changes goes before what
    /// `common` does, and that before the grid's base; each setting is replaced as a whole.
    ///
    /// # Errors
    /// [`GridError::Plan`] and [`GridError::NoSuchRow`].
    pub fn plan(&self, common: &Changes, only: &[String]) -> Result<Vec<PlannedRow>, GridError> {
        if let Some(name) = only.iter().find(|name| !self.rows.iter().any(|row| row.name == **name)) {
            let names: Vec<&str> = self.rows.iter().map(|row| row.name.as_str()).collect();
            return Err(GridError::NoSuchRow {
                name: name.clone(),
                rows: names.join(", "),
            });
        }
        let chosen = self
            .rows
            .iter()
            .filter(|row| only.is_empty() || only.contains(&row.name));
        chosen
            .map(|row| {
                let plan = together([&self.base, common, &row.changes])
                    .and_then(|changes| changes.apply(None))
                    .map_err(|cause| row.wrong(&one_line(&cause)))?;
                plan.check().map_err(|cause| GridError::Plan {
                    row: row.name.clone(),
                    cause,
                })?;
                Ok(PlannedRow {
                    name: row.name.clone(),
                    group: row.group.clone(),
                    plan,
                })
            })
            .collect()
    }
}

impl Row {
    fn of(mut table: toml::Table, index: usize) -> Result<Self, GridError> {
        let place = format!("number {}", index + 1);
        let mut text = |key: &str, row: &str| match table.remove(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(GridError::Row {
                row: row.to_owned(),
                cause: format!("`{key}` must be text, not {other}"),
            }),
        };
        let name = text("name", &place)?.ok_or_else(|| GridError::Row {
            row: place.clone(),
            cause: "it has no `name`".to_owned(),
        })?;
        let mut row = Self {
            group: text("group", &name)?,
            changes: Changes::default(),
            name,
        };
        let is_file_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if row.name.is_empty() || !row.name.bytes().all(is_file_name) {
            return Err(row.wrong("a name consists of letters, digits, `-` and `_`"));
        }
        if row.name.eq_ignore_ascii_case(TABLE) {
            return Err(row.wrong("the file of the whole table has that name; choose another"));
        }
        row.changes = table.try_into().map_err(|cause| row.wrong(&one_line(&cause)))?;
        Ok(row)
    }

    fn wrong(&self, cause: &str) -> GridError {
        GridError::Row {
            row: self.name.clone(),
            cause: cause.to_owned(),
        }
    }
}

/// Changes after changes: of each setting the last counts.
fn together<'a>(all: impl IntoIterator<Item = &'a Changes>) -> Result<Changes, toml::de::Error> {
    let mut table = toml::Table::new();
    for changes in all {
        table.extend(toml::Table::try_from(changes).map_err(|error| serde::de::Error::custom(error.to_string()))?);
    }
    table.try_into()
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fit::plan::{Change, Network};
    use proptest::prelude::*;

    const PAPER: &str = include_str!("../../data/ablation.toml");

    #[test]
    fn the_committed_grid_can_be_followed() {
        let rows = Grid::parse(PAPER).unwrap().plan(&Changes::default(), &[]).unwrap();
        let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap();
        assert_eq!(row(REFERENCE).plan, Plan::of(Network::Paper));
        assert_eq!(
            row("mixing").plan,
            Plan {
                mixing: true,
                ..Plan::of(Network::Paper)
            }
        );
        let nothing = row("nothing").plan.augmentations();
        assert!(!nothing.picture.crop && !nothing.picture.flip && !nothing.picture.colour && !nothing.picture.grey);
        assert!(!nothing.picture.blur && !nothing.masks && !nothing.transform.rotation && !nothing.transform.scale);
        assert_eq!(row("nothing").plan.equivariance, 0.0);
        let rotation = &row("rotation").plan;
        assert_eq!(rotation.without, [Change::Scale, Change::SecondFlip]);
        assert_eq!(rotation.equivariance, 1.0);
        for one in &rows {
            let twins: Vec<&str> = rows
                .iter()
                .filter(|other| other.plan == one.plan)
                .map(|row| row.name.as_str())
                .collect();
            assert_eq!(twins.len(), 1, "{twins:?} are the same");
        }
    }

    #[test]
    fn the_row_goes_before_the_options_and_they_before_the_base() {
        let grid = Grid::parse(
            "[base]\nnetwork = \"paper\"\nepochs = 7\nbatch = 4\nside_pixels = 64\n[[row]]\nname = \"a\"\n[[row]]\nname = \"b\"\nepochs = 9\nwithout = [\"blur\"]",
        )
        .unwrap();
        let common = Changes {
            epochs: Some(8),
            batch: Some(6),
            without: Some(vec![Change::Flip]),
            ..Changes::default()
        };
        let rows = grid.plan(&common, &[]).unwrap();
        let settings = |row: &PlannedRow| {
            (
                row.plan.epochs,
                row.plan.batch,
                row.plan.side_pixels,
                row.plan.without.clone(),
            )
        };
        assert_eq!(settings(&rows[0]), (8, 6, 64, vec![Change::Flip]));
        assert_eq!(settings(&rows[1]), (9, 6, 64, vec![Change::Blur]));
        let one = grid.plan(&common, &["b".to_owned()]).unwrap();
        assert_eq!(one, rows[1..]);
        let refused = grid.plan(&common, &["c".to_owned()]).unwrap_err().to_string();
        assert!(refused.contains("\"c\"") && refused.contains("a, b"), "{refused}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_row() {
        for (text, told) in [
            ("[[row]]\nname = \"warm\"\nwarmth = 3", ["row warm", "warmth"]),
            ("[[row]]\nname = \"wide\"\nwidth = \"much\"", ["row wide", "string"]),
            ("[[row]]\nname = \"a\"\n[[row]]\nepochs = 3", ["row number 2", "`name`"]),
            ("[[row]]\nname = \"a\"\n[[row]]\nname = \"A\"", ["row A", "same name"]),
            ("[[row]]\nname = \"../a\"", ["row ../a", "letters"]),
            ("[[row]]\nname = \"ablation\"", ["row ablation", "whole table"]),
            (
                "[base]\nwarmth = 3\n[[row]]\nname = \"a\"",
                ["not understood", "warmth"],
            ),
            ("", ["not understood", "no row"]),
        ] {
            let refused = Grid::parse(text).unwrap_err().to_string();
            assert!(told.iter().all(|part| refused.contains(part)), "{text}: {refused}");
        }
        let grid = Grid::parse("[[row]]\nname = \"mixed\"\nmixing = true").unwrap();
        let refused = grid.plan(&Changes::default(), &[]).unwrap_err().to_string();
        assert!(refused.contains("row mixed") && refused.contains("--only"), "{refused}");
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read(
            text in prop_oneof!["\\PC{0,60}", "(\\[base\\]\n)?(\\[\\[row\\]\\]\n(name|group|epochs|without) = (\"[a-z/]{0,3}\"|[0-9]{1,3}|\\[\\])\n){0,4}"]
        ) {
            if let Ok(grid) = Grid::parse(&text) {
                let _ = grid.plan(&Changes::default(), &[]);
            }
        }
    }
}
