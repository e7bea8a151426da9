//! `lookhear look --pairs`: many pictures and sounds, one model.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use csv::{ByteRecord, ReaderBuilder, Trim};
use lookhear::perception::localiser::Localiser;

use super::annotate;
use super::case::{Case, CaseFailure};
use super::output::{warn, write_json, write_text};

/// What a list of cases is headed by.
const COLUMNS: [&str; 3] = ["id", "image", "sound"];

/// A list of cases, open for reading.
pub struct Pairs {
    reader: csv::Reader<File>,
    /// Where the columns `id`, `image` and `sound` are.
    columns: [usize; 3],
    folder: PathBuf,
}

/// One line of the list.
struct Pair {
    id: String,
    image: PathBuf,
    sound: PathBuf,
}

impl Pairs {
    /// Opens a list and finds its columns.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("the list of pairs {shown} cannot be opened"))?;
        let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(file);
        let headers = reader
            .byte_headers()
            .with_context(|| format!("the list of pairs {shown} cannot be read"))?;
        let column = |name: &str| {
            headers
                .iter()
                .position(|header| header.eq_ignore_ascii_case(name.as_bytes()))
        };
        let [Some(id), Some(image), Some(sound)] = COLUMNS.map(column) else {
            bail!("the list of pairs {shown} lacks a column: its first line must name id, image and sound");
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self {
            reader,
            columns: [id, image, sound],
            folder,
        })
    }

    /// Looks at every case in order, and tells each as it is done.
    pub fn run(mut self, localiser: &mut Localiser, json: bool, out: Option<&Path>) -> anyhow::Result<()> {
        let mut record = ByteRecord::new();
        let threshold = localiser.manifest().threshold.similarity;
        while self
            .reader
            .read_byte_record(&mut record)
            .context("the list of pairs cannot be read to its end")?
        {
            let id = self.field(&record, 0).unwrap_or_default();
            let outcome = self.pair(&record, &id).and_then(|pair| {
                let case = Case::read(localiser, &pair.image, &pair.sound)?;
                if let Some(folder) = out {
                    annotate::picture(&case, localiser.manifest(), &annotated_path(folder, &pair.id))?;
                }
                Ok(case)
            });
            match outcome {
                Ok(case) if json => write_json(&case.line(&id))?,
                Ok(case) => write_text(format_args!("{id}: {}", case.verdict(threshold).sentence(None)))?,
                Err(error) if json => write_json(&CaseFailure {
                    id: &id,
                    error: format!("{error:#}"),
                })?,
                Err(error) => warn(format_args!("{id}: {error:#}")),
            }
        }
        Ok(())
    }

    fn pair(&self, record: &ByteRecord, id: &str) -> anyhow::Result<Pair> {
        let file = |column: usize| match self.field(record, column) {
            Some(name) if !name.is_empty() => Ok(self.folder.join(name)),
            _ => {
                let line = record.position().map_or(0, csv::Position::line);
                bail!(
                    "line {line} of the list of pairs names no {}; every line needs id, image and sound",
                    COLUMNS[column]
                )
            }
        };
        Ok(Pair {
            id: id.to_owned(),
            image: file(1)?,
            sound: file(2)?,
        })
    }

    fn field(&self, record: &ByteRecord, column: usize) -> Option<String> {
        record
            .get(self.columns[column])
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Where the annotated picture of a case goes; an id is not to lead out of the folder.
fn annotated_path(folder: &Path, id: &str) -> PathBuf {
    let name: String = id
        .chars()
        .map(|letter| {
            if matches!(letter, '/' | '\\' | '\0') {
                '_'
            } else {
                letter
            }
        })
        .collect();
    folder.join(format!("{name}.{}", annotate::PICTURE_ENDING))
}
