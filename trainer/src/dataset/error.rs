//! What can go wrong while scenes are composed.

use std::path::PathBuf;

use thiserror::Error;

use crate::corpus::Split;

/// Why a scene could not be composed, sorted by what to do about it.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// The corpus has too little of something: build it with more sources.
    #[error(
        "the {split:?} part of the corpus has {what}; build the corpus with more packages, with `--esc10` and with `--coco`"
    )]
    TooLittle {
        /// The part.
        split: Split,
        /// What is missing.
        what: &'static str,
    },
    /// A file of the corpus is missing or damaged: build the corpus again.
    #[error("{} cannot be used ({cause}); build the corpus again", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
}
