//! Where pairs of a picture and a sound come from.

use std::collections::BTreeSet;

use lookhear_board::{Picture, PictureFileError, Sound, SoundFileError, read_picture, read_sound};
use thiserror::Error;

use super::super::error::DatasetError;
use super::super::layouts::Item;
use super::super::quads::QuadComposer;
use super::super::scene::Composer;

/// Why a pair cannot be had.
#[derive(Debug, Error)]
pub enum SourceError {
    /// Its picture cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureFileError),
    /// Its sound cannot be read.
    #[error(transparent)]
    Sound(#[from] SoundFileError),
    /// It cannot be composed.
    #[error(transparent)]
    Composed(#[from] DatasetError),
    /// There are not so many pairs: ask for less.
    #[error("there is no pair {index}: the data set has {len}")]
    Beyond {
        /// What was asked for.
        index: usize,
        /// How many there are.
        len: usize,
    },
}

/// A decoded picture and the sound that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Its name in the data set.
    pub id: String,
    /// Packed RGB.
    pub picture: Picture,
    /// Only what belongs to the picture.
    pub sound: Sound,
    /// The sort of thing that sounds, where it is known.
    pub sort: Option<String>,
    /// The sorts whose sound may belong to this picture too: what is in view, what sounds among it, and what is too much like either.
    pub in_view: Vec<String>,
}

/// Pairs by number: the same number gives the same pair.
pub trait PairSource: Send + Sync {
    /// How many pairs there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of a pair, without decoding it.
    fn id(&self, index: usize) -> String;

    /// Every sort that pairs name, sorted.
    fn sorts(&self) -> Vec<String>;

    /// Decodes a pair.
    ///
    /// # Errors
    /// [`SourceError`]: what cannot be decoded, and a number beyond the last.
    fn pair(&self, index: usize) -> Result<Pair, SourceError>;

    /// Decodes the sound of a pair alone.
    ///
    /// # Errors
    /// As [`pair`](Self::pair).
    fn sound(&self, index: usize) -> Result<Sound, SourceError> {
        self.pair(index).map(|pair| pair.sound)
    }
}

/// The files of a data set.
#[derive(Debug, Clone)]
pub struct FileSource {
    items: Vec<Item>,
}

impl FileSource {
    /// Pairs in the order of the items.
    pub fn new(items: Vec<Item>) -> Self {
        Self { items }
    }

    /// As given.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    fn item(&self, index: usize) -> Result<&Item, SourceError> {
        let len = self.items.len();
        self.items.get(index).ok_or(SourceError::Beyond { index, len })
    }
}

impl PairSource for FileSource {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn id(&self, index: usize) -> String {
        self.items.get(index).map(|item| item.id.clone()).unwrap_or_default()
    }

    fn sorts(&self) -> Vec<String> {
        let sorts: BTreeSet<_> = self.items.iter().filter_map(|item| item.category.as_ref()).collect();
        sorts.into_iter().cloned().collect()
    }

    fn pair(&self, index: usize) -> Result<Pair, SourceError> {
        let item = self.item(index)?;
        Ok(Pair {
            id: item.id.clone(),
            picture: read_picture(&item.picture)?,
            sound: self.sound(index)?,
            sort: item.category.clone(),
            in_view: item.category.iter().cloned().collect(),
        })
    }

    fn sound(&self, index: usize) -> Result<Sound, SourceError> {
        let item = self.item(index)?;
        let mut sound = read_sound(&item.sound)?;
        if let Some(seconds) = item.first_seconds {
            sound
                .samples
                .truncate((seconds * f64::from(sound.rate_hz)).round() as usize);
        }
        Ok(sound)
    }
}

/// Scenes and quads composed of a corpus, in turns.
#[derive(Debug)]
pub struct ComposedSource {
    composer: Composer,
    len: usize,
}

impl ComposedSource {
    /// The first `len` of the composer's scenes (of even number) and quads (of odd).
    ///
    /// # Errors
    /// A corpus that gives no scene or no quad.
    pub fn new(composer: Composer, len: usize) -> Result<Self, DatasetError> {
        composer.compose(0)?;
        QuadComposer::new(&composer).compose(1)?;
        Ok(Self { composer, len })
    }
}

impl PairSource for ComposedSource {
    fn len(&self) -> usize {
        self.len
    }

    fn id(&self, index: usize) -> String {
        format!("{}-{index}", if index % 2 == 0 { "scene" } else { "quad" })
    }

    fn sorts(&self) -> Vec<String> {
        self.composer.library.categories.keys().cloned().collect()
    }

    fn pair(&self, index: usize) -> Result<Pair, SourceError> {
        if index >= self.len {
            return Err(SourceError::Beyond { index, len: self.len });
        }
        let (picture, sound, sort, mut shown) = if index % 2 == 0 {
            let scene = self.composer.compose(index as u64)?;
            let silent: Vec<_> = scene.silent.into_iter().map(|thing| thing.category).collect();
            (scene.picture, scene.sound, scene.category, silent)
        } else {
            let quad = QuadComposer::new(&self.composer).compose(index as u64)?;
            let sounding = quad.categories.get(quad.quadrant).cloned();
            (quad.picture, quad.sound, sounding, quad.categories.to_vec())
        };
        shown.extend(sort.clone());
        let library = &self.composer.library;
        let alike = |other: &&String| {
            shown
                .iter()
                .any(|shown| library.alike(shown, other) || library.alike(other, shown))
        };
        Ok(Pair {
            id: self.id(index),
            picture,
            sound,
            in_view: library.categories.keys().filter(alike).cloned().collect(),
            sort,
        })
    }
}

/// Some of the pairs of another source: one part of a split.
#[derive(Debug)]
pub struct Subset<S> {
    source: S,
    indices: Vec<usize>,
}

impl<S: PairSource> Subset<S> {
    /// The pairs of these numbers, in this order; their own numbers begin at 0.
    pub fn new(source: S, indices: Vec<usize>) -> Self {
        Self { source, indices }
    }

    fn index(&self, index: usize) -> Result<usize, SourceError> {
        let len = self.indices.len();
        self.indices
            .get(index)
            .copied()
            .ok_or(SourceError::Beyond { index, len })
    }
}

impl<S: PairSource> PairSource for Subset<S> {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn id(&self, index: usize) -> String {
        self.index(index).map(|index| self.source.id(index)).unwrap_or_default()
    }

    fn sorts(&self) -> Vec<String> {
        self.source.sorts()
    }

    fn pair(&self, index: usize) -> Result<Pair, SourceError> {
        self.source.pair(self.index(index)?)
    }

    fn sound(&self, index: usize) -> Result<Sound, SourceError> {
        self.source.sound(self.index(index)?)
    }
}

impl<S: PairSource + ?Sized> PairSource for std::sync::Arc<S> {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn id(&self, index: usize) -> String {
        (**self).id(index)
    }

    fn sorts(&self) -> Vec<String> {
        (**self).sorts()
    }

    fn pair(&self, index: usize) -> Result<Pair, SourceError> {
        (**self).pair(index)
    }

    fn sound(&self, index: usize) -> Result<Sound, SourceError> {
        (**self).sound(index)
    }
}
