//! Examples side by side, as a device takes them.

use super::super::preparation::{PaperExample, Preparation};

/// A batch of B examples, row-major.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PaperBatch {
    /// The numbers of the pairs in their source. A number that is there twice (a stand-in may be) is one pair, no negative of itself.
    pub indices: Vec<usize>,
    /// Side of the pictures, in pixels.
    pub side: usize,
    /// Side of the transformed pictures, in pixels.
    pub transformed_side: usize,
    /// Frames of the spectrograms.
    pub frames: usize,
    /// The pictures: `[B, 3, side, side]`.
    pub pictures: Vec<f32>,
    /// The pictures after the transform T: `[B, 3, transformed side, transformed side]`.
    pub transformed: Vec<f32>,
    /// The sounds, in decibels: `[B, 1, 257, frames]`.
    pub spectrograms: Vec<f32>,
    /// Take maps of the pictures to maps of the transformed ones: `[B, transformed cells, cells]`.
    pub transforms: Vec<f32>,
    /// 1 where the equivariance term counts, else 0: `[B, transformed cells]`.
    pub valid: Vec<f32>,
    /// Number of the sort that sounds, of those of the source, where it is known: B of them.
    pub sorts: Vec<Option<u32>>,
    /// Numbers of the sorts whose sounds may belong to the picture too, ascending: B lists. A picture and the sound of another pair are
    /// known to be no negative where the sound's sort is among the picture's.
    pub in_view: Vec<Vec<u32>>,
}

/// An example and what is known of it.
#[derive(Debug)]
pub(super) struct Known {
    pub index: usize,
    pub sort: Option<u32>,
    pub in_view: Vec<u32>,
    pub example: PaperExample,
}

impl PaperBatch {
    /// No example yet, and room for `examples`.
    pub(super) fn with_room(examples: usize, preparation: &Preparation) -> Self {
        let (side, frames) = (preparation.settings().side_pixels, preparation.frames());
        Self {
            indices: Vec::with_capacity(examples),
            side,
            frames,
            pictures: Vec::with_capacity(examples * 3 * side * side),
            ..Self::default()
        }
    }

    /// How many examples it has: B.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    pub(super) fn push(&mut self, known: Known, room: usize) {
        let Known {
            index,
            sort,
            in_view,
            example,
        } = known;
        if self.is_empty() {
            self.transformed.reserve_exact(example.transformed.len() * room);
            self.spectrograms.reserve_exact(example.spectrogram.len() * room);
            self.transforms.reserve_exact(example.transform.len() * room);
        }
        self.indices.push(index);
        self.sorts.push(sort);
        self.in_view.push(in_view);
        self.transformed_side = example.transformed_side;
        self.pictures.extend_from_slice(&example.view);
        self.transformed.extend_from_slice(&example.transformed);
        self.spectrograms.extend_from_slice(&example.spectrogram);
        self.transforms.extend_from_slice(&example.transform);
        self.valid.extend_from_slice(&example.valid);
    }
}
