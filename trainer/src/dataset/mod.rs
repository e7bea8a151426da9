//! Training and measuring material made out of a corpus: composed scenes, quads, and the transforms that training puts them through.
//!
//! Everything is a function of the corpus, a seed and an index: the same three give the same bytes on every machine.

pub mod augment;
mod colour;
mod cut_out;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
pub mod layouts;
mod library;
pub mod loader;
pub mod preparation;
mod profile;
mod published;
pub mod quads;
pub mod scene;
pub(crate) mod soundscape;
pub mod transform;
mod view;

pub use augment::Augmentation;
pub use error::DatasetError;
pub use profile::Profile;
pub use published::PublishedWarp;
pub use quads::{Quad, QuadComposer};
pub use scene::{Composer, Scene, SceneKind, Settings};
pub use transform::Warp;
