//! The word that opens the buttons.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::WebSettings;
use crate::actuation::secret::Secret;

/// Letters that are not taken for one another when read from one screen and typed on another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Letters in a token that is made up: 80 bits, too many to try.
const LENGTH: usize = 16;

/// The shortest that a person may choose.
const LEAST_LENGTH: usize = 8;

/// Why there is no token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file can be neither read nor written.
    #[error("{}: {cause}; set web.token, or web.token_file to a file that this program may write", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It would be guessed.
    #[error("the token in {place} is shorter than {LEAST_LENGTH} letters: choose a longer one")]
    TooShort {
        /// Where it stands.
        place: String,
    },
}

/// The token of the settings, or of its file, which is made where there is none.
///
/// # Errors
/// When the file can be neither read nor written, or the token is too short.
pub fn load_token(settings: &WebSettings) -> Result<Secret, TokenError> {
    let path = &settings.token_file;
    let (token, place) = match &settings.token {
        Some(token) => (token.reveal().to_owned(), "web.token".to_owned()),
        None => {
            let read = read_or_make(path).map_err(|cause| TokenError::File {
                path: path.clone(),
                cause,
            });
            (read?, path.display().to_string())
        }
    };
    if token.len() < LEAST_LENGTH {
        return Err(TokenError::TooShort { place });
    }
    Ok(token.into())
}

fn read_or_make(path: &Path) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    let mut random = [0; LENGTH];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let letters = random.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
    let words: Vec<String> = letters.chunks(4).map(|word| word.iter().collect()).collect();
    let token = words.join("-");
    // Under another name first, and for its owner alone from the start: nobody reads half a token, or one that is not theirs.
    let unfinished = path.with_extension("unfinished");
    let _ = std::fs::remove_file(&unfinished);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    Ok(token)
}

/// Whether two words are the same, found out in a time that does not tell where they differ.
pub(super) fn same(ours: &str, theirs: &str) -> bool {
    let difference = Sha256::digest(ours)
        .iter()
        .zip(Sha256::digest(theirs).iter())
        .fold(0, |difference, (a, b)| difference | (a ^ b));
    difference == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let settings = WebSettings {
            token_file: directory.path().join("token"),
            ..WebSettings::default()
        };
        let made = load_token(&settings).unwrap();
        assert_eq!(made.reveal().len(), LENGTH + 3);
        assert_eq!(load_token(&settings).unwrap(), made);
        let mode = settings.token_file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = WebSettings {
            token_file: directory.path().join("other"),
            ..WebSettings::default()
        };
        assert_ne!(load_token(&other).unwrap(), made);
    }

    #[test]
    fn a_token_that_cannot_be_had_is_an_error_with_a_remedy() {
        let nowhere = WebSettings {
            token_file: "/nonexistent/token".into(),
            ..WebSettings::default()
        };
        assert!(load_token(&nowhere).unwrap_err().to_string().contains("set web.token"));
        let short = WebSettings {
            token: Some("abc".to_owned().into()),
            ..WebSettings::default()
        };
        assert!(matches!(load_token(&short), Err(TokenError::TooShort { .. })));
    }

    #[test]
    fn only_the_same_is_the_same() {
        assert!(same("swordfish", "swordfish"));
        assert!(!same("swordfish", "swordfisk") && !same("swordfish", "") && !same("", "swordfish"));
    }
}
