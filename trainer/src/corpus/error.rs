//! What can go wrong while a corpus is built or opened.

use std::path::PathBuf;

use thiserror::Error;

/// Why a corpus could not be built or opened, sorted by what to do about it.
#[derive(Debug, Error)]
pub enum CorpusError {
    /// A program that fetches or opens packages is missing: install it, or leave the package out.
    #[error(
        "package {package} needs the program `{program}`, which cannot be started ({source}); install it, or pass `--without {package}`"
    )]
    Program {
        /// The package in hand.
        package: String,
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The client could not fetch the pinned version: refresh the lists, place the file by hand, or leave the package out.
    #[error(
        "package {package} {version} cannot be fetched ({cause}); refresh the package lists (`apt-get update` on Debian 12, or look at npm's registry), \
         put {file} into {} yourself, or pass `--without {package}`", cache.display()
    )]
    Unavailable {
        /// The package.
        package: String,
        /// The pinned version.
        version: String,
        /// The file that the cache lacks.
        file: String,
        /// Where the file belongs.
        cache: PathBuf,
        /// What the client said.
        cause: String,
    },
    /// A fetched package is not the pinned one: it is refused and removed.
    #[error(
        "package {package} {version} has SHA-256 {found}, expected {expected}: it is not the file that was pinned, or it arrived damaged; \
         fetch it again from another mirror, or pass `--without {package}`"
    )]
    Mismatch {
        /// The package.
        package: String,
        /// The pinned version.
        version: String,
        /// Pinned digest, in hexadecimal digits.
        expected: String,
        /// Digest of what came.
        found: String,
    },
    /// A package or a container inside it cannot be unpacked.
    #[error("{file} cannot be unpacked: {cause}")]
    Damaged {
        /// The package, or the file inside it.
        file: String,
        /// What was wrong.
        cause: String,
    },
    /// A folder named by the user is not laid out as expected.
    #[error("{}: {cause}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is missing, and what is expected.
        cause: String,
    },
    /// A name given by the user is unknown.
    #[error("{0}")]
    Unknown(String),
    /// One of the lists that come with the trainer is inconsistent.
    #[error("the list {list} is inconsistent: {cause}")]
    List {
        /// Which list.
        list: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The index of a corpus is missing or cannot be read.
    #[error("{} is no corpus ({cause}); build one with `lookhear-train corpus --out DIR`", path.display())]
    Index {
        /// The index file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}; is the disk full, or the folder another person's?", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
