//! Retrieval: which sounds and pictures are of the same kind as a sound or a picture, by the cosine of their embeddings (METHOD
//! "Scores").

pub mod answers;
pub mod arguments;
pub mod collection;
pub mod gallery;
pub mod material;
pub mod page;
pub mod query;
pub mod scores;
pub mod store;
pub mod summary;
pub mod terminal;
mod thumbnails;
