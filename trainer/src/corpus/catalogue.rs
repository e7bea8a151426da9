//! Which files of which packages show or sound which category, and how the categories relate to each other.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::error::CorpusError;

const CATEGORIES: &str = include_str!("../../data/categories.json");
const RELATIONS: &str = include_str!("../../data/relations.toml");

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Listed {
    /// The package's name; `npm:NAME@VERSION` for npm.
    pub package: String,
    /// The path inside the package; with a container's mark (`rcc:`, `opensfx.cat:`, `public.zip:`) the path inside that.
    pub path: String,
}

impl Listed {
    /// The package's name as [`super::packages::Package`] has it.
    pub fn package_name(&self) -> &str {
        match self.package.strip_prefix("npm:") {
            Some(npm) => npm.rsplit_once('@').map_or(npm, |(name, _)| name),
            None => &self.package,
        }
    }
}

/// A kind of sounding thing with the files that show and sound it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Category {
    /// Its name, lower case with underscores.
    #[serde(rename = "category")]
    pub name: String,
    /// Files that show it alone.
    pub images: Vec<Listed>,
    /// Files that sound it alone.
    pub sounds: Vec<Listed>,
    /// An AudioSet tagger recognises its sounds.
    pub sound_confirmed: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SameRecording {
    #[serde(rename = "reason")]
    _reason: String,
    sounds: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ambience {
    categories: BTreeSet<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeftOut {
    leave_out: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Relations {
    unheard: BTreeMap<String, String>,
    families: BTreeMap<String, BTreeSet<String>>,
    same_recording: Vec<SameRecording>,
    esc10: BTreeMap<String, String>,
    coco: BTreeMap<String, String>,
    ambience: Ambience,
    pictures: LeftOut,
    backgrounds: LeftOut,
}

/// All that is known about the categories before any file is read.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The listed categories.
    pub categories: Vec<Category>,
    relations: Relations,
}

impl Catalogue {
    /// The catalogue that comes with the trainer.
    pub fn built_in() -> Result<Self, CorpusError> {
        #[derive(Deserialize)]
        struct File {
            categories: Vec<Category>,
        }
        let file: File = serde_json::from_str(CATEGORIES).map_err(|error| CorpusError::List {
            list: "categories.json",
            cause: error.to_string(),
        })?;
        let relations: Relations = toml::from_str(RELATIONS).map_err(|error| CorpusError::List {
            list: "relations.toml",
            cause: error.to_string(),
        })?;
        let mut catalogue = Self {
            categories: file.categories,
            relations,
        };
        for category in &mut catalogue.categories {
            category
                .images
                .retain(|listed| !catalogue.relations.pictures.leave_out.contains(&listed.path));
        }
        let known = catalogue.category_names();
        let families = catalogue.relations.families.values().flatten();
        match families
            .chain(catalogue.relations.unheard.keys())
            .find(|name| !known.contains(*name))
        {
            Some(unknown) => Err(CorpusError::List {
                list: "relations.toml",
                cause: format!("it names the unknown category `{unknown}`"),
            }),
            None => Ok(catalogue),
        }
    }

    /// Every category that may occur in a corpus: the listed ones and those of ESC-10 and COCO.
    pub fn category_names(&self) -> BTreeSet<String> {
        let listed = self.categories.iter().map(|category| &category.name);
        listed
            .chain(self.relations.esc10.values())
            .chain(self.relations.coco.values())
            .cloned()
            .collect()
    }

    /// Whether the category is kept out of training as a whole.
    pub fn is_unheard(&self, category: &str) -> bool {
        self.relations.unheard.contains_key(category)
    }

    /// Whether a tagger recognises the category's sounds; those of ESC-10 were labelled by people.
    pub fn is_confirmed(&self, category: &str) -> bool {
        match self.categories.iter().find(|candidate| candidate.name == category) {
            Some(category) => category.sound_confirmed,
            None => true,
        }
    }

    /// Categories that sound or look too much like this one to stand silent beside it.
    pub fn related(&self, category: &str) -> BTreeSet<String> {
        let families = self
            .relations
            .families
            .values()
            .filter(|family| family.contains(category));
        families.flatten().filter(|other| *other != category).cloned().collect()
    }

    /// Whether the category's sounds may lie under another sound.
    pub fn is_ambience(&self, category: &str) -> bool {
        self.relations.ambience.categories.contains(category)
    }

    /// Our category for an ESC-10 folder.
    pub fn of_esc10(&self, folder: &str) -> Option<&str> {
        self.relations.esc10.get(folder).map(String::as_str)
    }

    /// The ESC-10 folders that are expected.
    pub fn esc10_folders(&self) -> impl Iterator<Item = &str> {
        self.relations.esc10.keys().map(String::as_str)
    }

    /// Our category for a COCO class number of a YOLO label file.
    pub fn of_coco(&self, class: &str) -> Option<&str> {
        self.relations.coco.get(class).map(String::as_str)
    }

    /// Whether a picture in a folder of backgrounds may serve as one.
    pub fn is_background(&self, path: &str) -> bool {
        let suffix = path.rsplit('.').next().unwrap_or_default();
        matches!(suffix, "jpg" | "jpeg" | "png" | "gif")
            && !self
                .relations
                .backgrounds
                .leave_out
                .iter()
                .any(|part| path.contains(part.as_str()))
    }

    /// Names the recording that a listed sound was cut from: sounds of one recording share a split.
    pub fn recording_of(&self, package: &str, path: &str) -> String {
        let same = self
            .relations
            .same_recording
            .iter()
            .find(|same| same.sounds.iter().any(|sound| sound == path));
        let path = same.and_then(|same| same.sounds.first()).map_or(path, String::as_str);
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        // 0 A.D. numbers the pieces that it cut from one take.
        let stem = if path.starts_with("public.zip:") {
            stem.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_')
        } else {
            stem
        };
        format!("{package}/{}", stem.trim_start_matches('/'))
    }

    /// Names the thing that a listed picture shows: pictures of one person or thing share a split.
    pub fn picture_of(&self, package: &str, path: &str) -> String {
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        // Scratch shows one person in several poses: `anna-1`, `anna-2`, `boy1-walking`.
        let name = if folder.ends_with("/Costumes/People") {
            name.split('-').next().unwrap_or(name)
        } else {
            name
        };
        format!("{package}/{}/{name}", folder.trim_start_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn lists_agree_with_each_other() {
        let catalogue = Catalogue::built_in().unwrap();
        assert_eq!(catalogue.categories.len(), 95);
        assert_eq!(
            catalogue
                .categories
                .iter()
                .map(|category| category.images.len())
                .sum::<usize>(),
            325
        );
        assert_eq!(
            catalogue
                .categories
                .iter()
                .map(|category| category.sounds.len())
                .sum::<usize>(),
            211
        );
        let names: BTreeSet<_> = super::super::packages::pinned()
            .unwrap()
            .into_iter()
            .map(|package| package.name)
            .collect();
        for listed in catalogue
            .categories
            .iter()
            .flat_map(|category| category.images.iter().chain(&category.sounds))
        {
            assert!(names.contains(listed.package_name()), "{}", listed.package);
        }
        for unheard in catalogue.relations.unheard.keys() {
            assert!(
                catalogue.is_confirmed(unheard),
                "{unheard} cannot be held out: its sound is not recognised"
            );
        }
    }

    #[test]
    fn pieces_of_one_recording_are_known() {
        let catalogue = Catalogue::built_in().unwrap();
        let recording = |path: &str| catalogue.recording_of("p", path);
        let mammals = "/usr/share/tuxpaint/stamps/animals/mammals";
        assert_eq!(
            recording(&format!("{mammals}/badger.ogg")),
            recording(&format!("{mammals}/rodents/beaver.ogg"))
        );
        assert_eq!(
            recording("public.zip:audio/cattle_01.ogg"),
            recording("public.zip:audio/cattle_07.ogg")
        );
        assert_ne!(recording("/a/Dog1.wav"), recording("/a/Dog2.wav"));
    }

    #[test]
    fn relation_is_mutual() {
        let catalogue = Catalogue::built_in().unwrap();
        for category in catalogue.category_names() {
            for other in catalogue.related(&category) {
                assert!(catalogue.related(&other).contains(&category));
            }
        }
    }
}
