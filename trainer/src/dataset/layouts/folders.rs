//! What layouts of one picture and one sound for each id have in common.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::LayoutError;
use super::id_list::IdList;
use super::{Annotation, Item, Items};

/// Where the files of an id lie.
pub(super) struct Layout<'a> {
    pub root: &'a Path,
    /// Path of the picture of an id, from the root.
    pub picture: fn(&str) -> String,
    /// Path of the sound of an id, from the root.
    pub sound: fn(&str) -> String,
    /// How much of the sound belongs to the picture, in seconds.
    pub first_seconds: Option<f64>,
}

impl Layout<'_> {
    /// The item of an id, where both of its files are there.
    pub fn item(&self, id: &str, category: Option<String>, annotation: Option<Annotation>) -> Option<Item> {
        let (picture, sound) = (self.root.join((self.picture)(id)), self.root.join((self.sound)(id)));
        (picture.is_file() && sound.is_file()).then(|| Item {
            id: id.to_owned(),
            picture,
            sound,
            first_seconds: self.first_seconds,
            category,
            annotation,
        })
    }

    /// The listed ids; without a list all those of which there is a file `folder/<id>.<extension>` and the rest.
    pub fn unlabelled(&self, list: Option<&IdList>, folder: &str, extension: &str) -> Result<Items, LayoutError> {
        let mut found = Items::default();
        let Some(list) = list else {
            let ids = stems(&self.root.join(folder), extension)?;
            found.items = ids.iter().filter_map(|id| self.item(id, None, None)).collect();
            return Ok(found);
        };
        for (id, category) in &list.entries {
            match self.item(id, category.clone(), None) {
                Some(item) => found.items.push(item),
                None => found.missing.push(id.clone()),
            }
        }
        Ok(found)
    }

    /// The listed ids, or all annotated ones, with the boxes of `anno/<id>.xml`.
    pub fn annotated(
        &self,
        list: Option<&IdList>,
        annotation: impl Fn(&str) -> Result<Annotation, String>,
    ) -> Result<Items, LayoutError> {
        let folder = self.root.join("anno");
        let all;
        let entries = match list {
            Some(list) => &list.entries,
            None => {
                all = stems(&folder, "xml")?.into_iter().map(|id| (id, None)).collect();
                &all
            }
        };
        let mut found = Items::default();
        for (id, category) in entries {
            let path = folder.join(format!("{id}.xml"));
            let item = self.item(id, category.clone(), None).filter(|_| path.is_file());
            let Some(item) = item else {
                found.missing.push(id.clone());
                continue;
            };
            let annotation = annotation(&read_text(&path)?).map_err(|cause| LayoutError::Malformed { path, cause })?;
            found.items.push(Item {
                annotation: Some(annotation),
                ..item
            });
        }
        Ok(found)
    }
}

/// The content of a file, of whatever encoding; what is not UTF-8 is replaced.
pub(super) fn read_text(path: &Path) -> Result<String, LayoutError> {
    let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Names of the files of one extension, without it, sorted.
fn stems(folder: &Path, extension: &str) -> Result<Vec<String>, LayoutError> {
    let ending = format!(".{extension}");
    let mut stems = Vec::new();
    for entry in fs::read_dir(folder).map_err(|source| unreadable(folder, source))? {
        let name = entry.map_err(|source| unreadable(folder, source))?.file_name();
        stems.extend(
            name.to_str()
                .and_then(|name| name.strip_suffix(&ending))
                .map(str::to_owned),
        );
    }
    stems.sort_unstable();
    Ok(stems)
}

fn unreadable(path: &Path, source: std::io::Error) -> LayoutError {
    LayoutError::Unreadable {
        path: PathBuf::from(path),
        source,
    }
}
