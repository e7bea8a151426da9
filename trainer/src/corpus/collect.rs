//! Takes the listed files out of the sources, brings them into the one form, and notes where each came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::archive;
use super::catalogue::Catalogue;
use super::containers;
use super::copyright::{Copyright, Credit};
use super::error::CorpusError;
use super::folders;
use super::index::{Item, Kind, LabelledBox, Split};
use super::instruments;
use super::normalise;
use super::packages::{Package, digest};

/// The category of every spoken clip.
pub const SPEECH: &str = "person_speech";

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Package and path.
    pub file: String,
    /// Why, as a clause.
    pub cause: String,
}

/// A file of a source on its way into the corpus.
struct Found<'a> {
    package: &'a str,
    path: &'a str,
    group: String,
    credit: Credit,
}

/// What has been collected so far.
pub struct Collection<'a> {
    folder: PathBuf,
    catalogue: &'a Catalogue,
    /// The files, not yet split.
    pub items: Vec<Item>,
    /// The files that could not be used.
    pub skipped: Vec<Skipped>,
    taken_names: BTreeSet<String>,
}

impl<'a> Collection<'a> {
    /// An empty collection that writes into `folder`.
    pub fn new(folder: &Path, catalogue: &'a Catalogue) -> Self {
        Self {
            folder: folder.to_owned(),
            catalogue,
            items: Vec::new(),
            skipped: Vec::new(),
            taken_names: BTreeSet::new(),
        }
    }

    /// Takes the listed files of a package, its backgrounds and at most `speech_clips` spoken clips.
    pub fn add_package(&mut self, package: &Package, archive: &Path, speech_clips: usize) -> Result<(), CorpusError> {
        let mut wanted = self.wanted(package);
        for clip in self.choose_speech(package, archive, speech_clips)? {
            wanted.entry(clip).or_default().push(Role::Speech);
        }
        let first = self.items.len();
        let mut found = BTreeSet::new();
        let mut copyright = None;
        let catalogue = self.catalogue;
        archive::each_file(
            package,
            archive,
            |path| {
                wanted.contains_key(path)
                    || package
                        .containers
                        .iter()
                        .any(|container| path.starts_with(container.as_str()))
                    || is_copyright(package, path)
                    || is_background(package, catalogue, path)
            },
            |path, stream| {
                let mut take = |path: &str, bytes: Vec<u8>, credit: Credit| -> Result<(), CorpusError> {
                    found.insert(path.to_owned());
                    self.add(
                        package,
                        path,
                        wanted.get(path).map_or(&[], Vec::as_slice),
                        &bytes,
                        &credit,
                    )
                };
                if is_copyright(package, path) {
                    copyright = Some(String::from_utf8_lossy(&archive::read_all(package, path, stream)?).into_owned());
                    Ok(())
                } else if package
                    .containers
                    .iter()
                    .any(|container| path.starts_with(container.as_str()))
                {
                    containers::each_file(package, path, stream, &|path| wanted.contains_key(path), &mut take)
                } else {
                    let bytes = archive::read_all(package, path, stream)?;
                    take(path, bytes, Credit::default())
                }
            },
        )?;
        for path in wanted.keys().filter(|path| !found.contains(*path)) {
            self.skip(&package.name, path, "the package does not have it".to_owned());
        }
        self.credit(package, first, copyright.as_deref())
    }

    /// Takes the clips of an ESC-10 folder.
    pub fn add_esc10(&mut self, folder: &Path) -> Result<(), CorpusError> {
        for clip in folders::esc10(folder, self.catalogue)? {
            let bytes = read(&clip.path)?;
            let found = Found {
                package: "ESC-10",
                path: &clip.name,
                group: clip.recording,
                credit: clip.credit,
            };
            self.add_sound(found, &clip.category, bytes)?;
        }
        Ok(())
    }

    /// Takes the photographs of a COCO folder: those with things of our categories as scenes, the rest as backgrounds.
    pub fn add_coco(&mut self, folder: &Path) -> Result<(), CorpusError> {
        for photograph in folders::coco(folder, self.catalogue)? {
            let bytes = read(&photograph.path)?;
            let found = Found {
                package: "COCO",
                path: &photograph.name,
                group: format!("coco/{}", photograph.name),
                credit: Credit {
                    author: String::new(),
                    licence: "annotations CC-BY-4.0, photograph under Flickr terms: for training and development only"
                        .to_owned(),
                },
            };
            if photograph.boxes.is_empty() {
                self.add_background(found, &bytes)?;
            } else if let Err(error) = image::load_from_memory(&bytes) {
                self.skip("COCO", &photograph.name, error.to_string());
            } else {
                self.store(found, Kind::Photograph, None, &bytes, None, photograph.boxes)?;
            }
        }
        Ok(())
    }

    /// Adds instruments played by a sound font.
    pub fn add_instruments(&mut self, seed: u64) -> Result<(), CorpusError> {
        for clip in instruments::clips(seed)? {
            let found = Found {
                package: instruments::PACKAGE,
                path: &clip.name,
                group: clip.recording.clone(),
                credit: Credit {
                    author: "Frank Wen (Fluid R3 GM)".to_owned(),
                    licence: "MIT".to_owned(),
                },
            };
            self.add_sound(found, &clip.category, clip.play()?)?;
        }
        Ok(())
    }

    fn wanted(&self, package: &Package) -> BTreeMap<String, Vec<Role>> {
        let mut wanted: BTreeMap<String, Vec<Role>> = BTreeMap::new();
        for category in &self.catalogue.categories {
            for listed in category
                .images
                .iter()
                .filter(|listed| listed.package_name() == package.name)
            {
                wanted
                    .entry(listed.path.clone())
                    .or_default()
                    .push(Role::Picture(category.name.clone()));
            }
            for listed in category
                .sounds
                .iter()
                .filter(|listed| listed.package_name() == package.name)
            {
                wanted
                    .entry(listed.path.clone())
                    .or_default()
                    .push(Role::Sound(category.name.clone()));
            }
        }
        wanted
    }

    /// Spoken clips in equal parts of every language, the same ones every time.
    fn choose_speech(&self, package: &Package, archive: &Path, count: usize) -> Result<Vec<String>, CorpusError> {
        if package.speech.is_none() || count == 0 {
            return Ok(Vec::new());
        }
        let mut languages: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let note = |path: &str| {
            if let Some(language) = language_of(package, path) {
                languages.entry(language.to_owned()).or_default().push(path.to_owned());
            }
            false
        };
        archive::each_file(package, archive, note, |_, _| Ok(()))?;
        let quota = count.div_ceil(languages.len().max(1));
        let chosen = languages.into_values().flat_map(|mut clips| {
            clips.sort_by_cached_key(|path| digest(path.as_bytes()));
            clips.truncate(quota);
            clips
        });
        Ok(chosen.collect())
    }

    fn add(
        &mut self,
        package: &Package,
        path: &str,
        roles: &[Role],
        bytes: &[u8],
        credit: &Credit,
    ) -> Result<(), CorpusError> {
        let found = |group: String| Found {
            package: &package.name,
            path,
            group,
            credit: credit.clone(),
        };
        for role in roles {
            match role {
                Role::Picture(category) => {
                    self.add_picture(found(self.catalogue.picture_of(&package.name, path)), category, bytes)?
                }
                Role::Sound(category) => {
                    self.add_sound(
                        found(self.catalogue.recording_of(&package.name, path)),
                        category,
                        bytes.to_vec(),
                    )?;
                }
                Role::Speech => {
                    // One speaker recorded most of a language: whoever is held out must be unknown.
                    let language = language_of(package, path).unwrap_or_default();
                    self.add_sound(
                        found(format!("{}/speech/{language}", package.name)),
                        SPEECH,
                        bytes.to_vec(),
                    )?;
                }
            }
        }
        if roles.is_empty() && is_background(package, self.catalogue, path) {
            self.add_background(found(format!("{}/{path}", package.name)), bytes)?;
        }
        Ok(())
    }

    fn add_picture(&mut self, found: Found<'_>, category: &str, bytes: &[u8]) -> Result<(), CorpusError> {
        match normalise::cut_out(bytes, found.path) {
            Ok(png) => self.store(found, Kind::Picture, Some(category), &png, None, Vec::new()),
            Err(cause) => {
                self.skip(found.package, found.path, cause);
                Ok(())
            }
        }
    }

    fn add_sound(&mut self, found: Found<'_>, category: &str, bytes: Vec<u8>) -> Result<(), CorpusError> {
        let sound =
            normalise::sound(bytes, found.path).and_then(|samples| Ok((normalise::wave(&samples)?, samples.len())));
        match sound {
            Ok((wave, length)) => {
                let seconds = length as f32 / normalise::SOUND_RATE_HZ as f32;
                self.store(found, Kind::Sound, Some(category), &wave, Some(seconds), Vec::new())
            }
            Err(cause) => {
                self.skip(found.package, found.path, cause);
                Ok(())
            }
        }
    }

    fn add_background(&mut self, found: Found<'_>, bytes: &[u8]) -> Result<(), CorpusError> {
        match normalise::background(bytes) {
            Ok(jpeg) => self.store(found, Kind::Background, None, &jpeg, None, Vec::new()),
            Err(cause) => {
                self.skip(found.package, found.path, cause);
                Ok(())
            }
        }
    }

    fn store(
        &mut self,
        found: Found<'_>,
        kind: Kind,
        category: Option<&str>,
        bytes: &[u8],
        seconds: Option<f32>,
        boxes: Vec<LabelledBox>,
    ) -> Result<(), CorpusError> {
        let extension = match kind {
            Kind::Picture => "png",
            Kind::Sound => "wav",
            Kind::Background | Kind::Photograph => "jpg",
        };
        let is_speech = found.group.contains("/speech/");
        let folder = match (kind, category) {
            (Kind::Picture, Some(category)) => format!("pictures/{category}"),
            (Kind::Sound, Some(_)) if is_speech => found.group.replace(&format!("{}/", found.package), ""),
            (Kind::Sound, Some(category)) => format!("sounds/{category}"),
            (Kind::Photograph, _) => "photographs".to_owned(),
            _ => "backgrounds".to_owned(),
        };
        let file = self.free_name(
            &folder,
            &format!("{}-{}", slug(found.package), slug(stem(found.path))),
            extension,
        );
        let path = self.folder.join(&file);
        let write = |source| CorpusError::Write {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(self.folder.join(&folder)).map_err(write)?;
        fs::write(&path, bytes).map_err(write)?;
        self.items.push(Item {
            kind,
            category: category.map(str::to_owned),
            file,
            package: found.package.to_owned(),
            path: found.path.to_owned(),
            author: found.credit.author,
            licence: found.credit.licence,
            sha256: digest(bytes),
            split: Split::Train,
            group: found.group,
            seconds,
            boxes,
        });
        Ok(())
    }

    fn free_name(&mut self, folder: &str, name: &str, extension: &str) -> String {
        let mut file = format!("{folder}/{name}.{extension}");
        let mut number = 2;
        while !self.taken_names.insert(file.clone()) {
            file = format!("{folder}/{name}-{number}.{extension}");
            number += 1;
        }
        file
    }

    fn skip(&mut self, package: &str, path: &str, cause: String) {
        self.skipped.push(Skipped {
            file: format!("{package}: {path}"),
            cause,
        });
    }

    /// Fills in what the package's copyright file states, or what was pinned with it, and keeps that file.
    fn credit(&mut self, package: &Package, first: usize, copyright: Option<&str>) -> Result<(), CorpusError> {
        let statement = copyright.map(Copyright::parse).unwrap_or_default();
        for item in &mut self.items[first..] {
            let source = match item.path.strip_prefix(&package.installed) {
                Some(rest) => format!("{}{rest}", package.source),
                None => item.path.clone(),
            };
            let stated = statement.credit(&source).unwrap_or_default();
            for (field, choices) in [
                (
                    &mut item.author,
                    [stated.author, package.author.clone().unwrap_or_default()],
                ),
                (&mut item.licence, [stated.licence, package.licence.clone()]),
            ] {
                if field.is_empty() {
                    *field = choices
                        .into_iter()
                        .find(|choice| !choice.is_empty())
                        .unwrap_or_default();
                }
            }
        }
        let Some(text) = copyright else { return Ok(()) };
        let folder = self.folder.join("licences");
        let path = folder.join(format!("{}.txt", slug(&package.name)));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|source| CorpusError::Write { path, source })
    }
}

/// What a listed file is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    Picture(String),
    Sound(String),
    Speech,
}

fn is_copyright(package: &Package, path: &str) -> bool {
    path == format!("/usr/share/doc/{}/copyright", package.name)
}

fn is_background(package: &Package, catalogue: &Catalogue, path: &str) -> bool {
    package
        .backgrounds
        .iter()
        .any(|folder| path.starts_with(folder.as_str()))
        && catalogue.is_background(path)
}

/// The language of a spoken clip (`…_desc_fr.ogg`); English clips name none.
fn language_of<'a>(package: &Package, path: &'a str) -> Option<&'a str> {
    let (_, rest) = path.strip_suffix(".ogg")?.rsplit_once(package.speech.as_deref()?)?;
    match rest.split('.').next()? {
        "" => Some("en"),
        language => language.strip_prefix('_'),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CorpusError> {
    fs::read(path).map_err(|source| CorpusError::Read {
        path: path.to_owned(),
        source,
    })
}

fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', ':']).next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Lower-case letters and digits, anything else as single hyphens.
fn slug(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
