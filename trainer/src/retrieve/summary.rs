//! A whole measurement of retrieval: three directions over one pair of collections.

use std::collections::BTreeMap;
use std::num::NonZero;

use serde::Serialize;

use super::answers::{Answers, ask};
use super::collection::{Collection, Names, Skipped};
use super::gallery::GalleryError;
use super::scores::RetrievalScores;

/// What is asked of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Sounds, of the other sounds.
    SoundToSound,
    /// Sounds, of the pictures.
    SoundToPicture,
    /// Pictures, of the sounds.
    PictureToSound,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SoundToSound, Self::SoundToPicture, Self::PictureToSound];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::SoundToSound => "sound → sound",
            Self::SoundToPicture => "sound → picture",
            Self::PictureToSound => "picture → sound",
        }
    }

    /// Those that ask.
    pub fn queries(self, embedded: &Embedded) -> &Collection {
        match self {
            Self::SoundToSound | Self::SoundToPicture => &embedded.sounds,
            Self::PictureToSound => &embedded.pictures,
        }
    }

    /// Those that answer.
    pub fn gallery(self, embedded: &Embedded) -> &Collection {
        match self {
            Self::SoundToSound | Self::PictureToSound => &embedded.sounds,
            Self::SoundToPicture => &embedded.pictures,
        }
    }
}

/// Sounds and pictures of one bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// The sounds.
    pub sounds: Collection,
    /// The pictures.
    pub pictures: Collection,
    /// Files that could not be used.
    pub skipped: Vec<Skipped>,
}

/// The answers and scores of every direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// By direction.
    pub directions: BTreeMap<Direction, (Answers, RetrievalScores)>,
    /// The classes of sounds and pictures together.
    pub classes: usize,
}

/// Asks in every direction; with `novel_only` only what is of classes that training never met asks, the galleries stay whole.
///
/// # Errors
/// Where sounds and pictures have embeddings of different length.
pub fn measure(embedded: &Embedded, novel_only: bool, threads: NonZero<usize>) -> Result<Measurement, GalleryError> {
    let mut names = Names::default();
    let sounds = names.labels(&embedded.sounds.members);
    let pictures = names.labels(&embedded.pictures.members);
    let (sounds, pictures) = (embedded.sounds.labelled(&sounds), embedded.pictures.labelled(&pictures));
    let mut directions = BTreeMap::new();
    for direction in Direction::ALL {
        let (queries, gallery) = match direction {
            Direction::SoundToSound => (sounds, sounds),
            Direction::SoundToPicture => (sounds, pictures),
            Direction::PictureToSound => (pictures, sounds),
        };
        let members = &direction.queries(embedded).members;
        let is_asked = |index: usize| !novel_only || members.get(index).is_some_and(|member| member.novel);
        let answers = ask(queries, gallery, is_asked, threads)?;
        let scores = RetrievalScores::of(&answers, |class| names.class(class));
        directions.insert(direction, (answers, scores));
    }
    Ok(Measurement {
        directions,
        classes: names.class_count(),
    })
}

/// All that is told of a measurement.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    /// Name of the bundle.
    pub bundle: &'a str,
    /// SHA-256 of its file.
    pub bundle_sha256: String,
    /// What was asked, in words.
    pub material: String,
    /// Only classes that training never met were asked.
    pub novel_only: bool,
    /// Sounds in the gallery.
    pub sounds: usize,
    /// Pictures in the gallery.
    pub pictures: usize,
    /// Classes of both.
    pub classes: usize,
    /// Length of an embedding.
    pub channels: usize,
    /// The scores.
    pub directions: BTreeMap<Direction, &'a RetrievalScores>,
    /// Files that were not used, counted by the reason.
    pub left_out: &'a BTreeMap<&'static str, usize>,
    /// Files that could not be used.
    pub skipped: &'a [Skipped],
    /// Items of the data set of which a file is not there.
    pub missing: &'a [String],
}
