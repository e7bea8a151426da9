//! Sounds or pictures with their embeddings.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::heatmap::normalise;
use lookhear::perception::localiser::{Localiser, LocaliserError};
use lookhear_board::read_picture;
use serde::Serialize;

use super::answers::{Label, Labelled};
use super::gallery::{Gallery, GalleryError};
use super::material::Member;
use crate::evaluate::test_set::model::concerns_one_item;

/// What members are embedded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// Sounds: the mean over the patches.
    Hearing,
    /// Pictures: the maximum over the cells, channel by channel.
    Sight,
}

/// Why nothing can be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The bundle cannot be run: bring another.
    #[error(transparent)]
    Localiser(#[from] LocaliserError),
    /// The networks give embeddings that do not fit each other: export the bundle again.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// The bundle states no channels at all.
    #[error("the bundle states embeddings of 0 channels; export it again")]
    NoChannels,
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Name of the member.
    pub id: String,
    /// Why.
    pub cause: String,
}

/// A unit vector, or why there is none.
type Embedding = Result<Vec<f32>, String>;

/// Members and their embeddings, in the same order.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// What is embedded.
    pub members: Vec<Member>,
    /// One unit vector each.
    pub gallery: Gallery,
}

impl Collection {
    /// Embeds members on so many threads, each with networks of its own; `advance` is called after each. Files that cannot be
    /// decoded, and sounds in which nothing can be heard, are skipped.
    ///
    /// # Errors
    /// [`EmbedError`].
    pub fn embed(
        bundle: &Bundle,
        sense: Sense,
        members: &[Member],
        threads: NonZero<usize>,
        advance: &(impl Fn() + Sync),
    ) -> Result<(Self, Vec<Skipped>), EmbedError> {
        let channels = NonZero::new(bundle.manifest.embedding_channels).ok_or(EmbedError::NoChannels)?;
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Embedding)>, EmbedError> {
            let mut localiser = Localiser::new(bundle, &Backend::default())?;
            let mut found = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(member) = members.get(index) else {
                    return Ok(found);
                };
                found.push((index, embed(&mut localiser, sense, member)?));
                advance();
            }
        };
        let threads = threads.get().min(members.len());
        let parts: Vec<Result<_, EmbedError>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let mut found = Vec::with_capacity(members.len());
        for part in parts {
            found.extend(part?);
        }
        found.sort_by_key(|&(index, _)| index);
        let mut collection = Self {
            members: Vec::new(),
            gallery: Gallery::new(channels),
        };
        let mut skipped = Vec::new();
        for (index, embedding) in found {
            let member = &members[index];
            match embedding {
                Ok(embedding) => {
                    collection.gallery.push(&embedding)?;
                    collection.members.push(member.clone());
                }
                Err(cause) => {
                    tracing::warn!(id = %member.id, %cause, "skipped");
                    skipped.push(Skipped {
                        id: member.id.clone(),
                        cause,
                    });
                }
            }
        }
        Ok((collection, skipped))
    }

    /// The embeddings with `labels` of [`Names::labels`].
    pub fn labelled<'a>(&'a self, labels: &'a [Label]) -> Labelled<'a> {
        Labelled {
            gallery: &self.gallery,
            labels,
        }
    }
}

/// One member's unit vector, or why it has none; an error where the networks themselves fail.
fn embed(localiser: &mut Localiser, sense: Sense, member: &Member) -> Result<Embedding, LocaliserError> {
    let embedding = match sense {
        Sense::Hearing => match member.read_sound() {
            Ok(sound) => localiser.hear(&sound).map(|heard| heard.values().to_vec()),
            Err(cause) => return Ok(Err(cause.to_string())),
        },
        Sense::Sight => match read_picture(&member.file) {
            Ok(picture) => {
                let channels = localiser.manifest().embedding_channels;
                localiser.see(&picture).map(|map| pooled(map, channels))
            }
            Err(cause) => return Ok(Err(cause.to_string())),
        },
    };
    match embedding {
        Ok(embedding) if embedding.iter().all(|&value| value == 0.0) => Ok(Err(match sense {
            Sense::Hearing => "there is nothing to hear in it".to_owned(),
            Sense::Sight => "there is nothing to see in it".to_owned(),
        })),
        Ok(embedding) => Ok(Ok(embedding)),
        Err(cause) if concerns_one_item(&cause) => Ok(Err(cause.to_string())),
        Err(cause) => Err(cause),
    }
}

/// The greatest value of every channel of a map `[channels, rows, columns]`, scaled to unit length.
pub fn pooled(map: &[f32], channels: usize) -> Vec<f32> {
    let cells = (map.len() / channels.max(1)).max(1);
    let mut pooled: Vec<f32> = map
        .chunks_exact(cells)
        .map(|plane| plane.iter().copied().fold(f32::NEG_INFINITY, f32::max))
        .collect();
    normalise(&mut pooled);
    pooled
}

/// The names of classes and groups as numbers that several collections share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Names {
    classes: BTreeMap<String, usize>,
    groups: BTreeMap<String, usize>,
}

impl Names {
    /// Numbers the members of a collection.
    pub fn labels(&mut self, members: &[Member]) -> Vec<Label> {
        let number = |names: &mut BTreeMap<String, usize>, name: &String| {
            let next = names.len();
            *names.entry(name.clone()).or_insert(next)
        };
        members
            .iter()
            .map(|member| Label {
                class: member.class.as_ref().map(|class| number(&mut self.classes, class)),
                group: number(&mut self.groups, &member.group),
            })
            .collect()
    }

    /// The name of a class.
    pub fn class(&self, number: usize) -> String {
        let found = self.classes.iter().find(|&(_, &class)| class == number);
        found.map(|(name, _)| name.clone()).unwrap_or_default()
    }

    /// How many classes there are.
    pub fn class_count(&self) -> usize {
        self.classes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_the_greatest_of_every_channel() {
        let pooled = pooled(&[0.1, 0.6, -0.2, -0.9, -0.3, -0.4, 0.0, 0.8], 2);
        assert!(
            (pooled[0] - 0.6).abs() < 1e-6 && (pooled[1] - 0.8).abs() < 1e-6,
            "{pooled:?}"
        );
    }

    #[test]
    fn collections_share_their_numbers() {
        let member = |class: Option<&str>, group: &str| Member {
            id: String::new(),
            file: std::path::PathBuf::new(),
            class: class.map(str::to_owned),
            group: group.to_owned(),
            novel: false,
            first_seconds: None,
            picture: None,
        };
        let mut names = Names::default();
        let one = names.labels(&[member(Some("dog"), "a"), member(None, "b"), member(Some("cat"), "a")]);
        let other = names.labels(&[member(Some("cat"), "b"), member(Some("cow"), "c")]);
        assert_eq!(
            (one[2].class, one[1]),
            (
                other[0].class,
                Label {
                    class: None,
                    group: other[0].group
                }
            )
        );
        assert_eq!(one[0].group, one[2].group);
        assert_eq!((names.class_count(), names.class(2)), (3, "cow".to_owned()));
    }
}
