//! The model bundle `*.lookhear`: a plain zip, stored, of `model.toml`, `vision.onnx` and `audio.onnx`.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::log_mel;
use super::manifest::{FORMAT, Manifest, Part, SoundFrontEnd};

/// The manifest's name inside the bundle.
const MANIFEST: &str = "model.toml";
/// The vision network's key among the parts.
pub const VISION: &str = "vision";
/// The audio network's key among the parts.
pub const AUDIO: &str = "audio";
/// No bundle of ours comes near; a larger claim is an attack or damage.
const MOST_BYTES: u64 = 1 << 30;

/// Why a bundle is refused. None of these passes by trying again: bring another file.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file cannot be opened or read.
    #[error("the model bundle {path:?} cannot be read: {cause}; check the path and its permissions")]
    Unreadable {
        /// Of the file.
        path: PathBuf,
        /// In the system's words.
        cause: std::io::Error,
    },
    /// It is no zip, or is cut off.
    #[error("this is not a whole model bundle ({cause}); copy or download it again")]
    NotABundle {
        /// What the reader met.
        cause: String,
    },
    /// The zip is whole and yet no bundle of ours.
    #[error("the bundle lacks `{name}`: it is some other archive, or was packed by other means")]
    Missing {
        /// What is not there.
        name: String,
    },
    /// `model.toml` says something that this code does not understand.
    #[error("the bundle's model.toml is not understood: {cause}")]
    Manifest {
        /// Where and what.
        cause: String,
    },
    /// Written by another generation of the format.
    #[error(
        "the bundle has format {found}, this version of lookhear reads format {FORMAT}; use the release that wrote it, or export the model again"
    )]
    Format {
        /// The bundle's own.
        found: u32,
    },
    /// A part's bytes are not those that were written.
    #[error(
        "the bundle's `{name}` is damaged: its SHA-256 is {found}, {expected} was written; copy or download it again"
    )]
    Checksum {
        /// File inside the bundle.
        name: String,
        /// From the manifest.
        expected: String,
        /// Of the bytes at hand.
        found: String,
    },
    /// It cannot be written.
    #[error("the model bundle cannot be written: {cause}")]
    Write {
        /// In the system's words.
        cause: String,
    },
}

/// A checked model: its manifest and its networks.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// The contents of `model.toml`.
    pub manifest: Manifest,
    /// The vision network, ONNX.
    pub vision: Vec<u8>,
    /// The audio network, ONNX.
    pub audio: Vec<u8>,
}

impl Bundle {
    /// The model that ships with the product (feature `default-model`).
    #[cfg(feature = "default-model")]
    pub fn default_model() -> Result<Self, BundleError> {
        Self::from_bytes(include_bytes!("../../model/default.lookhear"))
    }

    /// The bundle in a file; where none is named, the model that ships with the product.
    #[cfg(feature = "default-model")]
    pub fn read_or_default(path: Option<&Path>) -> Result<Self, BundleError> {
        path.map_or_else(Self::default_model, Self::read)
    }

    /// Reads and checks a bundle file.
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let bytes = std::fs::read(path).map_err(|cause| BundleError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        Self::from_bytes(&bytes)
    }

    /// Reads and checks a bundle: the whole of it is there, its format is known, every part has the bytes that were written,
    /// and its numbers make sense.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|cause| BundleError::NotABundle {
            cause: cause.to_string(),
        })?;
        let manifest = entry(&mut archive, MANIFEST)?;
        let text = String::from_utf8(manifest).map_err(|cause| BundleError::Manifest {
            cause: cause.to_string(),
        })?;
        let manifest = parse(&text)?;
        let mut part = |key: &str| {
            let part = manifest.parts.get(key).ok_or_else(|| BundleError::Missing {
                name: format!("parts.{key}"),
            })?;
            let bytes = entry(&mut archive, &part.file)?;
            let found = hexadecimal_sha256(&bytes);
            if found == part.sha256 {
                Ok(bytes)
            } else {
                Err(BundleError::Checksum {
                    name: part.file.clone(),
                    expected: part.sha256.clone(),
                    found,
                })
            }
        };
        let vision = part(VISION)?;
        let audio = part(AUDIO)?;
        Ok(Self {
            manifest,
            vision,
            audio,
        })
    }

    /// Writes the bundle, its parts named and summed anew; the same bundle gives the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let failed = |cause: &dyn std::fmt::Display| BundleError::Write {
            cause: cause.to_string(),
        };
        let mut manifest = self.manifest.clone();
        let part = |file: &str, bytes: &[u8]| Part {
            file: file.to_owned(),
            sha256: hexadecimal_sha256(bytes),
        };
        manifest.parts = BTreeMap::from([
            (VISION.to_owned(), part("vision.onnx", &self.vision)),
            (AUDIO.to_owned(), part("audio.onnx", &self.audio)),
        ]);
        check(&manifest)?;
        let text = toml::to_string_pretty(&manifest).map_err(|cause| failed(&cause))?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let parts: [(&str, &[u8]); 3] = [
            (MANIFEST, text.as_bytes()),
            ("vision.onnx", &self.vision),
            ("audio.onnx", &self.audio),
        ];
        for (name, bytes) in parts {
            writer.start_file(name, options).map_err(|cause| failed(&cause))?;
            writer.write_all(bytes).map_err(|cause| failed(&cause))?;
        }
        Ok(writer.finish().map_err(|cause| failed(&cause))?.into_inner())
    }

    /// Writes the bundle beside its name and renames it there, so that a reader meets the old one or the new one whole.
    pub fn write(&self, path: &Path) -> Result<(), BundleError> {
        let failed = |cause: &dyn std::fmt::Display| BundleError::Write {
            cause: format!("{path:?}: {cause}"),
        };
        lookhear_board::write_whole(path, &self.to_bytes()?).map_err(|cause| failed(&cause))
    }
}

/// One file of the archive, no larger than any bundle of ours.
fn entry(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>, BundleError> {
    let damaged = |cause: &dyn std::fmt::Display| BundleError::NotABundle {
        cause: format!("{name}: {cause}"),
    };
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(zip::result::ZipError::FileNotFound) => return Err(BundleError::Missing { name: name.to_owned() }),
        Err(cause) => return Err(damaged(&cause)),
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|cause| damaged(&cause))?;
    Ok(bytes)
}

/// Tells a bundle of another format before the unknown keys that it may have.
fn parse(text: &str) -> Result<Manifest, BundleError> {
    #[derive(serde::Deserialize)]
    struct Generation {
        format: u32,
    }
    let not_understood = |cause: toml::de::Error| BundleError::Manifest {
        cause: cause.to_string(),
    };
    let Generation { format } = toml::from_str(text).map_err(not_understood)?;
    if format != FORMAT {
        return Err(BundleError::Format { found: format });
    }
    let manifest = toml::from_str(text).map_err(not_understood)?;
    check(&manifest)?;
    Ok(manifest)
}

/// Refuses numbers that no network of ours has, before memory is asked for on their word.
fn check(manifest: &Manifest) -> Result<(), BundleError> {
    let Manifest {
        picture,
        sound,
        threshold,
        ..
    } = manifest;
    let wrong = |what: &str| {
        Err(BundleError::Manifest {
            cause: format!("{what} is out of range"),
        })
    };
    if !(32..=2048).contains(&picture.side_pixels) {
        return wrong("picture.side_pixels");
    }
    if !(1..=256).contains(&picture.map_cells) {
        return wrong("picture.map_cells");
    }
    if !picture
        .deviation
        .iter()
        .chain(&picture.mean)
        .all(|value| value.is_finite())
        || picture.deviation.iter().any(|&value| value <= 0.0)
    {
        return wrong("picture.mean or picture.deviation");
    }
    if !(1..=65_536).contains(&manifest.embedding_channels) {
        return wrong("embedding_channels");
    }
    let known_rate = match sound.front_end {
        SoundFrontEnd::LogMel => sound.rate_hz == log_mel::RATE_HZ,
        SoundFrontEnd::Spectrogram => (8_000..=96_000).contains(&sound.rate_hz),
    };
    if !known_rate {
        return wrong("sound.rate_hz");
    }
    if !(0.1..=60.0).contains(&sound.window_seconds) {
        return wrong("sound.window_seconds");
    }
    if !(-1.0..=1.0).contains(&threshold.similarity) {
        return wrong("threshold.similarity");
    }
    if manifest.confidence.as_ref().is_some_and(|fit| !fit.is_possible()) {
        return wrong("confidence");
    }
    Ok(())
}

/// Lower-case hexadecimal SHA-256.
pub fn hexadecimal_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
