//! Listed files that lie in a container inside a package: a Qt resource, a sound set, a zip archive.

use std::io::{Read, Seek};

use super::archive;
use super::copyright::Credit;
use super::error::CorpusError;
use super::packages::Package;
use super::{qt_resource, sound_set};

/// Where a file taken out of a container goes: its path as listed, its content, and what the container says of its author and licence.
pub type Take<'a> = dyn FnMut(&str, Vec<u8>, Credit) -> Result<(), CorpusError> + 'a;

/// Hands the wanted files of the container `path` to `take`. Paths are those of the list: the package's mark, then the path inside the container.
pub fn each_file(
    package: &Package,
    path: &str,
    stream: &mut dyn Read,
    wanted: &dyn Fn(&str) -> bool,
    take: &mut Take<'_>,
) -> Result<(), CorpusError> {
    match path.rsplit('.').next() {
        Some("zip") => each_zipped(package, path, stream, wanted, take),
        Some("rcc") => each_resource(package, path, &archive::read_all(package, path, stream)?, wanted, take),
        _ => each_sound(package, path, &archive::read_all(package, path, stream)?, wanted, take),
    }
}

fn each_resource(
    package: &Package,
    container: &str,
    bytes: &[u8],
    wanted: &dyn Fn(&str) -> bool,
    take: &mut Take<'_>,
) -> Result<(), CorpusError> {
    let mut files = Vec::new();
    qt_resource::each_file(
        bytes,
        |path| wanted(&format!("rcc:{path}")),
        |path, content| files.push((format!("rcc:{path}"), content)),
    )
    .map_err(|error| damaged(package, container, &error))?;
    files
        .into_iter()
        .try_for_each(|(path, content)| take(&path, content, Credit::default()))
}

fn each_sound(
    package: &Package,
    container: &str,
    bytes: &[u8],
    wanted: &dyn Fn(&str) -> bool,
    take: &mut Take<'_>,
) -> Result<(), CorpusError> {
    for entry in sound_set::entries(bytes).map_err(|error| damaged(package, container, &error))? {
        let description = String::from_utf8_lossy(entry.description)
            .trim_end_matches('\0')
            .to_owned();
        let path = format!("{}{}", package.installed, sound_name(entry.index, &description));
        if wanted(&path) {
            let (author, licence) = description.split_once(" License: ").unwrap_or((&description, ""));
            let credit = Credit {
                author: author.to_owned(),
                licence: licence.trim_end_matches('.').to_owned(),
            };
            take(&path, entry.wave.to_vec(), credit)?;
        }
    }
    Ok(())
}

/// The name that the list gives a sound of a set: its number and its title, with underscores for all but letters and digits.
fn sound_name(index: usize, description: &str) -> String {
    let title = description.split('"').nth(1).unwrap_or_default();
    let title = title.split_once(" (").map_or(title, |(title, _)| title);
    let name: String = title
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    format!("{index:02}_{name}.wav")
}

fn each_zipped(
    package: &Package,
    container: &str,
    stream: &mut dyn Read,
    wanted: &dyn Fn(&str) -> bool,
    take: &mut Take<'_>,
) -> Result<(), CorpusError> {
    // A zip archive is read from its end, and these are too large for the memory.
    let mut file = tempfile::tempfile().map_err(|error| damaged(package, container, &error))?;
    std::io::copy(stream, &mut file)
        .and_then(|_| file.rewind())
        .map_err(|error| damaged(package, container, &error))?;
    let mut zip = zip::ZipArchive::new(file).map_err(|error| damaged(package, container, &error))?;
    let names: Vec<String> = zip
        .file_names()
        .filter_map(Result::ok)
        .map(|name| name.into_owned())
        .collect();
    for name in names {
        let path = format!("{}{name}", package.installed);
        if wanted(&path) {
            let mut entry = zip
                .by_name(&name)
                .map_err(|error| damaged(package, container, &error))?;
            let bytes = archive::read_all(package, &path, &mut entry)?;
            take(&path, bytes, Credit::default())?;
        }
    }
    Ok(())
}

fn damaged(package: &Package, container: &str, cause: &dyn std::fmt::Display) -> CorpusError {
    CorpusError::Damaged {
        file: format!("{container} in {}", package.file),
        cause: cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_of_a_set_are_named_as_listed() {
        let name = |index, title| sound_name(index, &format!("\"{title}\". By A. License: B."));
        assert_eq!(name(37, "Cow"), "37_Cow.wav");
        assert_eq!(name(66, "Tropical: Bird (1)"), "66_Tropical__Bird.wav");
        assert_eq!(name(59, "Mach 1+ Jet take off"), "59_Mach_1__Jet_take_off.wav");
        assert_eq!(sound_name(3, "no title"), "03_.wav");
    }
}
