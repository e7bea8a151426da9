//! The sounds and pictures that are put to each other, as files with their classes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use lookhear_board::{Sound, SoundFileError, read_sound};

use crate::corpus::{self, Corpus, Kind, Split};
use crate::dataset::layouts;

/// A sound or a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name.
    pub id: String,
    /// The sound's or the picture's file.
    pub file: PathBuf,
    /// The kind of thing, where it is known.
    pub class: Option<String>,
    /// The recording or picture it was made from: of two members of one group neither is an answer to the other.
    pub group: String,
    /// Training never met its class.
    pub novel: bool,
    /// Only so much of the sound belongs to it, in seconds from its start.
    pub first_seconds: Option<f64>,
    /// Of a sound: the picture that belongs to it.
    pub picture: Option<PathBuf>,
}

/// What can be asked of what.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Material {
    /// The sounds.
    pub sounds: Vec<Member>,
    /// The pictures.
    pub pictures: Vec<Member>,
    /// Files that are not used, counted by the reason.
    pub left_out: BTreeMap<&'static str, usize>,
}

/// Which part of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Files that training never saw, of categories that it did.
    HeldOut,
    /// Of categories that training never met.
    Unheard,
}

impl Part {
    fn split(self) -> Split {
        match self {
            Self::HeldOut => Split::HeldOut,
            Self::Unheard => Split::Unheard,
        }
    }
}

impl Member {
    /// Reads the file of a sound, as far as it belongs to the member.
    ///
    /// # Errors
    /// Those of [`read_sound`].
    pub fn read_sound(&self) -> Result<Sound, SoundFileError> {
        read_sound_of(&self.file, self.first_seconds)
    }
}

/// Reads a sound, or only its first seconds.
///
/// # Errors
/// Those of [`read_sound`].
pub fn read_sound_of(file: &Path, first_seconds: Option<f64>) -> Result<Sound, SoundFileError> {
    let mut sound = read_sound(file)?;
    if let Some(seconds) = first_seconds {
        sound
            .samples
            .truncate((seconds * f64::from(sound.rate_hz)).round() as usize);
    }
    Ok(sound)
}

impl Material {
    /// The items of a data set; those whose class is not among the `heard` ones are novel. What belongs to one item is one group.
    pub fn of_items(items: &[layouts::Item], heard: Option<&BTreeSet<String>>) -> Self {
        let mut material = Self::default();
        for item in items {
            let sound = Member {
                id: item.id.clone(),
                file: item.sound.clone(),
                class: item.category.clone(),
                group: item.id.clone(),
                novel: heard
                    .zip(item.category.as_ref())
                    .is_some_and(|(heard, class)| !heard.contains(class)),
                first_seconds: item.first_seconds,
                picture: Some(item.picture.clone()),
            };
            material.pictures.push(Member {
                file: item.picture.clone(),
                first_seconds: None,
                picture: None,
                ..sound.clone()
            });
            material.sounds.push(sound);
        }
        material
    }

    /// The files of a corpus that were kept from training: sounds of categories that are known to be what they are called, cut-outs,
    /// and photographs that show one category alone.
    pub fn of_corpus(corpus: &Corpus, part: Option<Part>) -> Self {
        let mut material = Self::default();
        let is_wanted = |item: &&corpus::Item| match part {
            Some(part) => item.split == part.split(),
            None => item.split != Split::Train,
        };
        for item in corpus.items.iter().filter(is_wanted) {
            let (kept, class) = match item.kind {
                Kind::Background => continue,
                Kind::Sound => (&mut material.sounds, item.category.clone()),
                Kind::Picture => (&mut material.pictures, item.category.clone()),
                Kind::Photograph => (&mut material.pictures, shown_alone(item)),
            };
            let Some(class) = class else {
                *material
                    .left_out
                    .entry("photographs that show things of several categories, or none")
                    .or_default() += 1;
                continue;
            };
            let entry = corpus.category(&class);
            if item.kind == Kind::Sound && !entry.is_some_and(|entry| entry.confirmed) {
                *material
                    .left_out
                    .entry("sounds of categories that are not confirmed")
                    .or_default() += 1;
                continue;
            }
            kept.push(Member {
                id: item.file.clone(),
                file: corpus.folder.join(&item.file),
                class: Some(class),
                group: item.group.clone(),
                novel: entry.is_some_and(|entry| entry.unheard),
                first_seconds: None,
                picture: None,
            });
        }
        material
    }
}

fn shown_alone(item: &corpus::Item) -> Option<String> {
    let shown: BTreeSet<&String> = item.boxes.iter().map(|labelled| &labelled.category).collect();
    let mut shown = shown.into_iter();
    shown.next().filter(|_| shown.next().is_none()).cloned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::corpus::{CategoryEntry, INDEX_VERSION, LabelledBox};

    fn item(kind: Kind, split: Split, category: Option<&str>, shown: &[&str]) -> corpus::Item {
        corpus::Item {
            kind,
            category: category.map(str::to_owned),
            file: format!("{kind:?}-{split:?}-{category:?}-{}", shown.len()),
            package: String::new(),
            path: String::new(),
            author: String::new(),
            licence: String::new(),
            sha256: String::new(),
            split,
            group: "g".to_owned(),
            seconds: None,
            boxes: shown
                .iter()
                .map(|&category| LabelledBox {
                    category: category.to_owned(),
                    bounds: [0.0, 0.0, 1.0, 1.0],
                })
                .collect(),
        }
    }

    #[test]
    fn a_corpus_gives_what_training_never_saw_and_one_class_each() {
        let category = |name: &str, confirmed: bool, unheard: bool| CategoryEntry {
            name: name.to_owned(),
            confirmed,
            unheard,
            ambience: false,
            related: Vec::new(),
        };
        let corpus = Corpus {
            version: INDEX_VERSION,
            categories: vec![
                category("dog", true, false),
                category("frog", true, true),
                category("deer", false, false),
            ],
            items: vec![
                item(Kind::Sound, Split::Train, Some("dog"), &[]),
                item(Kind::Sound, Split::HeldOut, Some("dog"), &[]),
                item(Kind::Sound, Split::HeldOut, Some("deer"), &[]),
                item(Kind::Sound, Split::Unheard, Some("frog"), &[]),
                item(Kind::Picture, Split::HeldOut, Some("deer"), &[]),
                item(Kind::Photograph, Split::HeldOut, None, &["dog", "dog"]),
                item(Kind::Photograph, Split::HeldOut, None, &["dog", "deer", "frog"]),
                item(Kind::Photograph, Split::Unheard, None, &[]),
                item(Kind::Background, Split::HeldOut, None, &[]),
            ],
            folder: PathBuf::from("/corpus"),
        };
        let classes = |members: &[Member]| {
            let named = members
                .iter()
                .map(|member| (member.class.clone().unwrap(), member.novel));
            named.collect::<Vec<_>>()
        };
        let (dog, frog, deer) = (
            ("dog".to_owned(), false),
            ("frog".to_owned(), true),
            ("deer".to_owned(), false),
        );
        let both = Material::of_corpus(&corpus, None);
        assert_eq!(classes(&both.sounds), [dog.clone(), frog.clone()]);
        assert_eq!(classes(&both.pictures), [deer, dog.clone()]);
        assert_eq!(both.left_out.values().sum::<usize>(), 3);
        assert_eq!(both.sounds[0].file.parent().unwrap(), Path::new("/corpus"));
        assert_eq!(
            classes(&Material::of_corpus(&corpus, Some(Part::HeldOut)).sounds),
            [dog]
        );
        assert_eq!(
            classes(&Material::of_corpus(&corpus, Some(Part::Unheard)).sounds),
            [frog]
        );
    }

    #[test]
    fn an_item_is_one_group_and_novel_where_its_class_was_not_heard() {
        let item = |id: &str, category: Option<&str>| layouts::Item {
            id: id.to_owned(),
            picture: PathBuf::from(format!("{id}.jpg")),
            sound: PathBuf::from(format!("{id}.wav")),
            first_seconds: Some(4.0),
            category: category.map(str::to_owned),
            annotation: None,
        };
        let heard = BTreeSet::from(["dog".to_owned()]);
        let items = [item("a", Some("dog")), item("b", Some("frog")), item("c", None)];
        let material = Material::of_items(&items, Some(&heard));
        let novel = |members: &[Member]| members.iter().map(|member| member.novel).collect::<Vec<_>>();
        assert_eq!(
            (novel(&material.sounds), novel(&material.pictures)),
            (vec![false, true, false], vec![false, true, false])
        );
        assert_eq!(
            material.sounds[1].picture.as_deref(),
            Some(material.pictures[1].file.as_path())
        );
        assert_eq!(material.sounds[1].group, material.pictures[1].group);
        assert!(
            novel(&Material::of_items(&items, None).sounds)
                .iter()
                .all(|&novel| !novel)
        );
    }
}
