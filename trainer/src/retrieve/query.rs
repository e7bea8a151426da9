//! One sound and what is nearest to it.

use std::fmt::Write;
use std::num::NonZero;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::Backend;
use lookhear::perception::localiser::Localiser;
use lookhear_board::read_sound;

use super::collection::Collection;
use super::gallery::Neighbour;
use super::summary::Embedded;

/// The nearest of both kinds.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The nearest pictures.
    pub pictures: Vec<Neighbour>,
    /// The nearest sounds.
    pub sounds: Vec<Neighbour>,
    /// How long hearing the sound took.
    pub hearing: Duration,
    /// How long both searches took together.
    pub searching: Duration,
}

/// Hears a sound file and finds the `count` nearest pictures and sounds.
///
/// # Errors
/// A file that cannot be decoded or in which there is nothing to hear, and a bundle that cannot be run.
pub fn find(
    bundle: &Bundle,
    embedded: &Embedded,
    file: &Path,
    count: usize,
    threads: NonZero<usize>,
) -> anyhow::Result<Found> {
    let sound = read_sound(file).context("the query cannot be used")?;
    let mut localiser = Localiser::new(bundle, &Backend::default())?;
    let before = Instant::now();
    let heard = localiser.hear(&sound)?;
    let hearing = before.elapsed();
    let nearest = |collection: &Collection| {
        let found = collection.gallery.nearest(heard.values(), count, threads, |_| false);
        found.with_context(|| format!("nothing can be heard in {}", file.display()))
    };
    let before = Instant::now();
    let (pictures, sounds) = (nearest(&embedded.pictures)?, nearest(&embedded.sounds)?);
    Ok(Found {
        pictures,
        sounds,
        hearing,
        searching: before.elapsed(),
    })
}

/// The answer as a table for the terminal.
pub fn table(found: &Found, embedded: &Embedded) -> String {
    let mut text = String::new();
    let collections = [
        ("pictures", &found.pictures, &embedded.pictures),
        ("sounds", &found.sounds, &embedded.sounds),
    ];
    for (name, neighbours, collection) in collections {
        let _ = writeln!(text, "nearest {name}, of {}", collection.gallery.len());
        for neighbour in neighbours {
            if let Some(member) = collection.members.get(neighbour.index) {
                let class = member.class.as_deref().unwrap_or("–");
                let _ = writeln!(
                    text,
                    "  {:6.3}  {class:20}  {}",
                    neighbour.similarity,
                    member.file.display()
                );
            }
        }
    }
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
    let _ = writeln!(
        text,
        "heard in {:.1} ms, searched in {:.3} ms",
        milliseconds(found.hearing),
        milliseconds(found.searching)
    );
    text
}
