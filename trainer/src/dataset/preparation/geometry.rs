//! The second view of a picture, and where each cell of its map comes from in the map of the first.

use rand::Rng;

use super::super::profile::Profile;
use super::super::published::PublishedWarp;
use super::super::transform::Warp;
use super::settings::TransformParts;

/// Pixels of the picture that a cell of the map stands for, along either side.
pub const CELL_PIXELS: usize = 16;

/// What all transforms of a batch have in common in [`Profile::Paper`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchTransform {
    /// Scale ½ instead of 1.
    pub half: bool,
    /// Mirrored.
    pub flip: bool,
}

impl BatchTransform {
    /// As everything is.
    pub const IDENTITY: Self = Self {
        half: false,
        flip: false,
    };

    /// Draws scale and flip, each for every other batch.
    pub fn draw(random: &mut impl Rng) -> Self {
        Self {
            half: random.random_bool(0.5),
            flip: random.random_bool(0.5),
        }
    }
}

/// The transform of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Transform {
    Identity,
    Published(PublishedWarp),
    Mended(Warp),
}

impl Transform {
    /// Draws the transform of a sample. What is switched off is drawn all the same, so that the rest stays as it was.
    pub fn draw(profile: Profile, parts: TransformParts, batch: BatchTransform, random: &mut impl Rng) -> Self {
        let (angle_degrees, mended) = (PublishedWarp::draw_angle(random), Warp::draw(random));
        match profile {
            _ if parts == TransformParts::NONE => Self::Identity,
            Profile::Paper => Self::Published(PublishedWarp {
                angle_degrees: if parts.rotation { angle_degrees } else { 0 },
                half: parts.scale && batch.half,
                flip: parts.flip && batch.flip,
            }),
            Profile::Default => Self::Mended(Warp {
                angle_degrees: if parts.rotation { mended.angle_degrees } else { 0.0 },
                scale: if parts.scale { mended.scale } else { 1.0 },
                flip: parts.flip && mended.flip,
            }),
        }
    }

    /// Side of what a square of `side` becomes.
    pub fn side(&self, side: usize) -> usize {
        match self {
            Self::Published(warp) => warp.shrunk(side),
            Self::Identity | Self::Mended(_) => side,
        }
    }

    /// The second view of `planes`, `[3, side, side]`; zeros come from outside.
    pub fn apply(&self, planes: &[f32], side: usize) -> Vec<f32> {
        match self {
            Self::Identity => planes.to_vec(),
            Self::Published(warp) => warp.apply_to_square(planes, side),
            Self::Mended(warp) => warp.apply(planes, side, side),
        }
    }

    /// What becomes of a map of `side × side` cells: a matrix `[cells of the second map, cells of the first]`, row-major.
    pub fn matrix(&self, side: usize) -> Vec<f32> {
        match self {
            Self::Identity => Warp::IDENTITY.matrix(side, side),
            Self::Published(warp) => warp.matrix(side),
            Self::Mended(warp) => warp.matrix(side, side),
        }
    }

    /// 1 for the cells of the second map that count in the equivariance term, 0 for the others. The published code counts all.
    pub fn valid(&self, side: usize) -> Vec<f32> {
        match self {
            Self::Mended(warp) => warp.valid(side, side),
            Self::Identity | Self::Published(_) => vec![1.0; self.side(side).pow(2)],
        }
    }
}
