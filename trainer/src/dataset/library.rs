//! The files of one part of a corpus, by category, read when first used and kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use image::{RgbImage, RgbaImage};

use super::error::DatasetError;
use crate::corpus::{CategoryEntry, Corpus, Item, Kind, Split};

/// A file of the corpus and, once it was used, what is in it.
#[derive(Debug)]
pub struct Asset<T> {
    /// What the corpus knows of it.
    pub item: Item,
    path: PathBuf,
    content: OnceLock<Arc<T>>,
}

/// How a kind of content is read.
pub trait Content: Sized {
    /// Reads a file; the error is a clause.
    fn read(path: &std::path::Path) -> Result<Self, String>;
}

impl Content for RgbaImage {
    fn read(path: &std::path::Path) -> Result<Self, String> {
        image::open(path)
            .map(|picture| picture.to_rgba8())
            .map_err(|error| error.to_string())
    }
}

impl Content for RgbImage {
    fn read(path: &std::path::Path) -> Result<Self, String> {
        image::open(path)
            .map(|picture| picture.to_rgb8())
            .map_err(|error| error.to_string())
    }
}

impl Content for Vec<i16> {
    fn read(path: &std::path::Path) -> Result<Self, String> {
        let mut reader = hound::WavReader::open(path).map_err(|error| error.to_string())?;
        let samples: Self = reader
            .samples()
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        if samples.is_empty() {
            Err("it is empty".to_owned())
        } else {
            Ok(samples)
        }
    }
}

impl<T: Content> Asset<T> {
    fn new(item: &Item, corpus: &Corpus) -> Self {
        Self {
            item: item.clone(),
            path: corpus.folder.join(&item.file),
            content: OnceLock::new(),
        }
    }

    /// What is in the file.
    pub fn get(&self) -> Result<Arc<T>, DatasetError> {
        if let Some(content) = self.content.get() {
            return Ok(Arc::clone(content));
        }
        let content = T::read(&self.path).map_err(|cause| DatasetError::File {
            path: self.path.clone(),
            cause,
        })?;
        Ok(Arc::clone(self.content.get_or_init(|| Arc::new(content))))
    }
}

/// Files by category.
pub type ByCategory<T> = BTreeMap<String, Vec<Asset<T>>>;

/// One part of a corpus.
#[derive(Debug)]
pub struct Library {
    /// Which part.
    pub split: Split,
    /// What is known of each category.
    pub categories: BTreeMap<String, CategoryEntry>,
    /// Cut-outs of the part.
    pub pictures: ByCategory<RgbaImage>,
    /// Cut-outs that may stand silent in a scene of the part, beside those of the part itself.
    pub silent: ByCategory<RgbaImage>,
    /// Sounds of the part.
    pub sounds: ByCategory<Vec<i16>>,
    /// Sounds that may lie under others.
    pub ambience: Vec<Asset<Vec<i16>>>,
    /// Pictures to compose on.
    pub backgrounds: Vec<Asset<RgbImage>>,
    /// Real scenes.
    pub photographs: Vec<Asset<RgbImage>>,
}

impl Library {
    /// The files of `split`. The part of unheard categories borrows backgrounds, ambience and silent things from the held-out part.
    pub fn new(corpus: &Corpus, split: Split) -> Self {
        let scenery = if split == Split::Unheard { Split::HeldOut } else { split };
        let categories: BTreeMap<_, _> = corpus
            .categories
            .iter()
            .map(|entry| (entry.name.clone(), entry.clone()))
            .collect();
        let items = |kind: Kind, split: Split| {
            corpus
                .items
                .iter()
                .filter(move |item| item.kind == kind && item.split == split)
        };
        let is_ambience = |item: &&Item| {
            item.category
                .as_ref()
                .and_then(|name| categories.get(name))
                .is_some_and(|entry| entry.ambience)
        };
        Self {
            split,
            pictures: by_category(items(Kind::Picture, split), corpus),
            silent: if scenery == split {
                BTreeMap::new()
            } else {
                by_category(items(Kind::Picture, scenery), corpus)
            },
            sounds: by_category(items(Kind::Sound, split), corpus),
            ambience: items(Kind::Sound, scenery)
                .filter(is_ambience)
                .map(|item| Asset::new(item, corpus))
                .collect(),
            backgrounds: items(Kind::Background, scenery)
                .map(|item| Asset::new(item, corpus))
                .collect(),
            photographs: items(Kind::Photograph, split)
                .map(|item| Asset::new(item, corpus))
                .collect(),
            categories,
        }
    }

    /// The error that says what the part lacks.
    pub fn too_little(&self, what: &'static str) -> DatasetError {
        DatasetError::TooLittle {
            split: self.split,
            what,
        }
    }

    /// Whether two categories are the same, or too much alike for one to stand silent beside the other.
    pub fn alike(&self, one: &str, other: &str) -> bool {
        one == other
            || self
                .categories
                .get(one)
                .is_some_and(|entry| entry.related.iter().any(|related| related == other))
    }

    /// Whether the sounds of a category are known to be what they are called.
    pub fn is_confirmed(&self, category: &str) -> bool {
        self.categories.get(category).is_some_and(|entry| entry.confirmed)
    }
}

fn by_category<'a, T: Content>(items: impl Iterator<Item = &'a Item>, corpus: &Corpus) -> ByCategory<T> {
    let mut files: ByCategory<T> = BTreeMap::new();
    for item in items {
        if let Some(category) = &item.category {
            files
                .entry(category.clone())
                .or_default()
                .push(Asset::new(item, corpus));
        }
    }
    files
}
