//! What can be wrong with the folder of a data set.

use std::path::PathBuf;

use clap::ValueEnum;
use thiserror::Error;

use super::DataSet;

/// Why a folder gives no items, sorted by what to do about it.
#[derive(Debug, Error)]
pub enum LayoutError {
    /// A file or folder cannot be read: look at the path, or choose another data set.
    #[error(
        "cannot read {} ({source}); give the folder that holds it, or choose the data set that the folder is",
        path.display()
    )]
    Unreadable {
        /// What was looked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The content of a list or an annotation is not what it should be: correct it.
    #[error("{} cannot be used: {cause}; correct the file, or leave the id out with a list of the others", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        cause: String,
    },
    /// The open set is nothing but a choice of ids: give it.
    #[error(
        "the open set is a list of ids over the folder of VGG-SS: give the list of the heard or of the unheard ids"
    )]
    ListNeeded,
    /// No item has all of its files: look at the folder and at the list.
    #[error(
        "{} has no item of the data set `{}` ({listed} ids were looked for, each lacks its picture, its sound or its annotation); \
         check that it is the right folder and that list and folder name their ids alike",
        root.display(),
        name(*data_set)
    )]
    Nothing {
        /// The folder.
        root: PathBuf,
        /// What it was taken for.
        data_set: DataSet,
        /// How many ids were looked for.
        listed: usize,
    },
}

/// The name of a data set on the command line.
fn name(data_set: DataSet) -> String {
    data_set
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
