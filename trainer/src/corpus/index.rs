//! The index of a corpus on the disk: every file with its category, source, licence and split.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::CorpusError;
use super::packages::digest;

/// The index's file name inside the corpus folder.
pub const INDEX_FILE: &str = "corpus.json";
/// The version of the index's format.
pub const INDEX_VERSION: u32 = 1;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One thing alone: an RGBA cut-out (PNG).
    Picture,
    /// One thing sounding alone: 16 kHz, mono, 16 bits (WAV).
    Sound,
    /// A picture to compose scenes on (JPEG).
    Background,
    /// A real scene with boxes (JPEG).
    Photograph,
}

/// Who may see a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Training.
    Train,
    /// Measuring, on recordings and pictures that training never saw, of categories that it did.
    HeldOut,
    /// Measuring, on categories that training never met.
    Unheard,
}

/// An axis-aligned box in fractions of the picture: left, top, right, bottom, each in 0..1.
pub type Bounds = [f32; 4];

/// A thing in a photograph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelledBox {
    /// What it is.
    pub category: String,
    /// Where it is.
    pub bounds: Bounds,
}

/// A kind of sounding thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryEntry {
    /// Its name.
    pub name: String,
    /// Its sounds are recognised as what they are: fit to be trained on and measured.
    pub confirmed: bool,
    /// Kept out of training as a whole.
    pub unheard: bool,
    /// Its sounds may lie quietly under another sound.
    pub ambience: bool,
    /// Categories too much like it to stand silent beside it.
    pub related: Vec<String>,
}

/// One file of the corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What it is for.
    pub kind: Kind,
    /// What it shows or sounds; none for backgrounds and photographs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The file, relative to the corpus folder; names the item.
    pub file: String,
    /// The package or data set it comes from.
    pub package: String,
    /// Where it lies in there.
    pub path: String,
    /// Who made it, as far as the package tells.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// Under which licence it came.
    pub licence: String,
    /// SHA-256 of the file in the corpus.
    pub sha256: String,
    /// Who may see it.
    pub split: Split,
    /// The recording or picture it was made from: files of one group share a split, and sounds of one group sound alike.
    pub group: String,
    /// Length of a sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f32>,
    /// What a photograph shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boxes: Vec<LabelledBox>,
}

/// A corpus: a folder of files and what is known of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Corpus {
    /// The version of the format, [`INDEX_VERSION`].
    pub version: u32,
    /// All categories, by name.
    pub categories: Vec<CategoryEntry>,
    /// All files.
    pub items: Vec<Item>,
    /// Where the corpus lies; not part of the index.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Corpus {
    /// Opens the corpus in `folder`.
    pub fn open(folder: &Path) -> Result<Self, CorpusError> {
        let path = folder.join(INDEX_FILE);
        let index = |cause: String| CorpusError::Index {
            path: path.clone(),
            cause,
        };
        let text = fs::read_to_string(&path).map_err(|error| index(error.to_string()))?;
        let mut corpus: Self = serde_json::from_str(&text).map_err(|error| index(error.to_string()))?;
        if corpus.version != INDEX_VERSION {
            return Err(index(format!(
                "its format is version {}, this program reads {INDEX_VERSION}",
                corpus.version
            )));
        }
        if let Some(item) = corpus.items.iter().find(|item| !stays_inside(&item.file)) {
            return Err(index(format!("`{}` leads out of the folder", item.file)));
        }
        corpus.folder = folder.to_owned();
        Ok(corpus)
    }

    /// Writes the index, whole or not at all.
    pub fn save(&self) -> Result<(), CorpusError> {
        let path = self.folder.join(INDEX_FILE);
        let write = |source| CorpusError::Write {
            path: path.clone(),
            source,
        };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| write(error.into()))?;
        text.push('\n');
        let unfinished = path.with_extension("json.part");
        fs::write(&unfinished, text).map_err(write)?;
        fs::rename(&unfinished, &path).map_err(write)
    }

    /// SHA-256 over what every file holds, is for and who may see it: two corpora with the same fingerprint teach the same.
    pub fn fingerprint(&self) -> String {
        let mut lines: Vec<String> = self
            .items
            .iter()
            .map(|item| format!("{} {} {:?} {:?}\n", item.sha256, item.file, item.kind, item.split))
            .collect();
        lines.sort_unstable();
        digest(lines.concat().as_bytes())
    }

    /// The category of that name.
    pub fn category(&self, name: &str) -> Option<&CategoryEntry> {
        self.categories.iter().find(|category| category.name == name)
    }
}

fn stays_inside(file: &str) -> bool {
    Path::new(file)
        .components()
        .all(|component| matches!(component, std::path::Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn corpus(folder: &Path) -> Corpus {
        Corpus {
            version: INDEX_VERSION,
            categories: Vec::new(),
            items: vec![Item {
                kind: Kind::Photograph,
                category: None,
                file: "photographs/a.jpg".to_owned(),
                package: "coco".to_owned(),
                path: "images/a.jpg".to_owned(),
                author: String::new(),
                licence: "x".to_owned(),
                sha256: String::new(),
                split: Split::HeldOut,
                group: "coco/a".to_owned(),
                seconds: None,
                boxes: vec![LabelledBox {
                    category: "dog".to_owned(),
                    bounds: [0.1, 0.2, 0.3, 0.4],
                }],
            }],
            folder: folder.to_owned(),
        }
    }

    #[test]
    fn what_is_saved_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        let corpus = corpus(folder.path());
        corpus.save().unwrap();
        assert_eq!(Corpus::open(folder.path()).unwrap(), corpus);
    }

    #[test]
    fn the_fingerprint_follows_content_and_split_only() {
        let folder = tempfile::tempdir().unwrap();
        let (one, mut other) = (corpus(folder.path()), corpus(Path::new("/elsewhere")));
        assert_eq!(one.fingerprint(), other.fingerprint());
        other.items[0].split = Split::Train;
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn foreign_and_unsafe_indices_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            Corpus::open(folder.path())
                .unwrap_err()
                .to_string()
                .contains("lookhear-train corpus")
        );
        let mut newer = corpus(folder.path());
        newer.version = 99;
        newer.save().unwrap();
        assert!(
            Corpus::open(folder.path())
                .unwrap_err()
                .to_string()
                .contains("version 99")
        );
        let mut leading_out = corpus(folder.path());
        leading_out.items[0].file = "../secret".to_owned();
        leading_out.save().unwrap();
        assert!(
            Corpus::open(folder.path())
                .unwrap_err()
                .to_string()
                .contains("leads out")
        );
    }
}
