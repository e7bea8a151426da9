//! The pinned public packages: what they are, how they are fetched, and that they are the right ones.
//!
//! Fetching is left to the clients that the system has (`apt-get`, `npm`), so that whatever mirror a machine is set to serves.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::CorpusError;

const LOCK: &str = include_str!("../../data/packages.toml");

/// The client that fetches a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registry {
    /// `apt-get download NAME=VERSION`.
    Debian,
    /// `npm pack NAME@VERSION`.
    Npm,
}

/// One pinned package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name in the registry.
    pub name: String,
    /// Who fetches it.
    pub registry: Registry,
    /// The pinned version.
    pub version: String,
    /// The file's name in the cache.
    pub file: String,
    /// The file's SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Licence of the files that the package itself says nothing about.
    pub licence: String,
    /// Author of the files that the package itself says nothing about.
    #[serde(default)]
    pub author: Option<String>,
    /// What the corpus takes from it.
    pub purpose: String,
    /// Prefix of the paths as listed, replaced by `source` to find a path in the package's copyright file.
    #[serde(default)]
    pub installed: String,
    /// See `installed`.
    #[serde(default)]
    pub source: String,
    /// Files of the package, or folders of them, that hold the listed files inside.
    #[serde(default)]
    pub containers: Vec<String>,
    /// Folders whose pictures serve as backgrounds.
    #[serde(default)]
    pub backgrounds: Vec<String>,
    /// The part of a file's name that marks a spoken clip; what follows up to the extension names its language.
    #[serde(default)]
    pub speech: Option<String>,
    /// Left out unless asked for.
    #[serde(default)]
    pub optional: bool,
}

/// Reads the pinned packages that come with the trainer.
pub fn pinned() -> Result<Vec<Package>, CorpusError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Lock {
        package: Vec<Package>,
    }
    toml::from_str::<Lock>(LOCK)
        .map(|lock| lock.package)
        .map_err(|error| CorpusError::List {
            list: "packages.toml",
            cause: error.to_string(),
        })
}

impl Package {
    /// Makes sure that the cache holds the pinned file, fetching it where it does not, and returns its path.
    ///
    /// A file that is there and verifies is not fetched again; one that does not verify is removed.
    pub fn obtain(&self, cache: &Path) -> Result<PathBuf, CorpusError> {
        let path = cache.join(&self.file);
        if path.is_file() && digest_of_file(&path)? == self.sha256 {
            return Ok(path);
        }
        let write = |source| CorpusError::Write {
            path: cache.to_owned(),
            source,
        };
        fs::create_dir_all(cache).map_err(write)?;
        let arrivals = tempfile::tempdir_in(cache).map_err(write)?;
        self.fetch(arrivals.path(), cache)?;
        let arrived = fs::read_dir(arrivals.path())
            .map_err(write)?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "deb" || extension == "tgz")
            })
            .ok_or_else(|| self.unavailable(cache, "the client reported success and left no file".to_owned()))?;
        self.accept(&arrived)?;
        fs::rename(&arrived, &path).map_err(write)?;
        Ok(path)
    }

    /// Refuses a file that is not the pinned one.
    fn accept(&self, arrived: &Path) -> Result<(), CorpusError> {
        let found = digest_of_file(arrived)?;
        if found == self.sha256 {
            return Ok(());
        }
        Err(CorpusError::Mismatch {
            package: self.name.clone(),
            version: self.version.clone(),
            expected: self.sha256.clone(),
            found,
        })
    }

    fn fetch(&self, folder: &Path, cache: &Path) -> Result<(), CorpusError> {
        let (program, arguments) = match self.registry {
            Registry::Debian => (
                "apt-get",
                ["download".to_owned(), format!("{}={}", self.name, self.version)],
            ),
            Registry::Npm => ("npm", ["pack".to_owned(), format!("{}@{}", self.name, self.version)]),
        };
        let output = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .output()
            .map_err(|source| CorpusError::Program {
                package: self.name.clone(),
                program: program.to_owned(),
                source,
            })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let cause = said
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .take(3)
            .collect::<Vec<_>>()
            .join("; ");
        Err(self.unavailable(cache, format!("{program}: {cause}")))
    }

    fn unavailable(&self, cache: &Path, cause: String) -> CorpusError {
        CorpusError::Unavailable {
            package: self.name.clone(),
            version: self.version.clone(),
            file: self.file.clone(),
            cache: cache.to_owned(),
            cause,
        }
    }
}

/// The SHA-256 of a file, in lower-case hexadecimal digits.
pub fn digest_of_file(path: &Path) -> Result<String, CorpusError> {
    let read = |source| CorpusError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(read)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(read)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// The SHA-256 of `bytes`, in lower-case hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn package(content: &[u8]) -> Package {
        let mut package = pinned().unwrap().remove(0);
        package.sha256 = digest(content);
        package
    }

    #[test]
    fn pinned_packages_are_complete_and_distinct() {
        let packages = pinned().unwrap();
        for (index, package) in packages.iter().enumerate() {
            assert_eq!(package.sha256.len(), 64, "{}", package.name);
            assert!(
                packages[..index]
                    .iter()
                    .all(|other| other.name != package.name && other.file != package.file)
            );
        }
    }

    #[test]
    fn what_the_cache_holds_and_verifies_is_not_fetched() {
        let cache = tempfile::tempdir().unwrap();
        let package = package(b"content");
        fs::write(cache.path().join(&package.file), b"content").unwrap();
        assert_eq!(package.obtain(cache.path()).unwrap(), cache.path().join(&package.file));
    }

    #[test]
    fn another_file_is_refused_with_both_digests() {
        let folder = tempfile::tempdir().unwrap();
        let package = package(b"content");
        let arrived = folder.path().join("arrived.deb");
        fs::write(&arrived, b"other").unwrap();
        let message = package.accept(&arrived).unwrap_err().to_string();
        for part in [&package.name, &package.version, &package.sha256, &digest(b"other")] {
            assert!(message.contains(part.as_str()), "{message}");
        }
        fs::write(&arrived, b"content").unwrap();
        package.accept(&arrived).unwrap();
    }

    #[test]
    fn a_missing_version_names_package_and_remedy() {
        let cache = tempfile::tempdir().unwrap();
        let mut package = package(b"content");
        package.version = "0.no-such-version".to_owned();
        let message = package.obtain(cache.path()).unwrap_err().to_string();
        assert!(
            message.contains(&package.name) && message.contains("--without"),
            "{message}"
        );
    }

    #[test]
    fn digest_is_sha256() {
        assert_eq!(
            digest(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
