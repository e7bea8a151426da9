//! The folders that people have on disk: VGG-Sound, VGG-SS, Flickr-SoundNet, the open set, and a plain list of pairs.

use std::path::PathBuf;

/// A picture that belongs to a sound, as files.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Name of the recording, unique in its data set.
    pub id: String,
    /// JPEG, PNG or WebP.
    pub picture: PathBuf,
    /// WAV, MP3, FLAC or OGG.
    pub sound: PathBuf,
    /// Only so much of the sound belongs to the picture, in seconds from its start; `None` for all of it.
    pub first_seconds: Option<f64>,
    /// The kind of thing that sounds, where the data set says so.
    pub category: Option<String>,
    /// Where it is, where people have drawn it.
    pub annotation: Option<Annotation>,
}

/// Boxes that people drew around what sounds, each left, top, right, bottom.
#[derive(Debug, Clone, PartialEq)]
pub enum Annotation {
    /// Shares of the frame; the truth is their union.
    Union(Vec<[f64; 4]>),
    /// One of each annotator, in a frame of 256 pixels; the truth is their consensus.
    Consensus(Vec<[f64; 4]>),
}
