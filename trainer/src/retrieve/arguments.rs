//! `lookhear-train retrieve`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, bail};
use clap::ValueEnum;
use lookhear::perception::bundle::Bundle;
use lookhear_board::write_whole;
use sha2::{Digest, Sha256};

use super::collection::{Collection, Sense};
use super::material::{Material, Part};
use super::summary::{Document, Embedded, measure};
use super::{page, query, store, terminal};
use crate::corpus::Corpus;
use crate::dataset::layouts::{self, DataSet};
use crate::evaluate::arguments::bar;

/// Draws the queries that the report shows.
const SEED: u64 = 0;

/// Find sounds and pictures of the same class by their embeddings, and measure how well that goes.
#[derive(Debug, Clone, clap::Args)]
#[command(group = clap::ArgGroup::new("material").required(true).args(["corpus", "data"]))]
pub struct RetrieveArguments {
    /// The bundle that hears and sees
    bundle: PathBuf,
    /// The data set to search, by the layout of its folder
    #[arg(long, value_enum, value_name = "SET", requires = "root")]
    data: Option<DataSet>,
    /// The folder of the data set
    #[arg(long, value_name = "DIR", requires = "data")]
    root: Option<PathBuf>,
    /// Only the ids in this file, one a line, or a CSV file with the ids first and perhaps a column of classes
    #[arg(long, value_name = "FILE", requires = "data")]
    list: Option<PathBuf>,
    /// A text file of the classes that training met, one a line; all others are novel
    #[arg(long, value_name = "FILE", requires = "data")]
    heard: Option<PathBuf>,
    /// The corpus to search: what training never saw of it
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// Only this part of the corpus
    #[arg(long, value_enum, requires = "corpus")]
    part: Option<Part>,
    /// Ask only what is of classes that training never met; they look among all classes
    #[arg(long)]
    novel_only: bool,
    /// Write a page with tables, queries and answers
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write every number
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
    /// Write the embeddings of all sounds and pictures
    #[arg(long, value_name = "FILE.safetensors")]
    save_gallery: Option<PathBuf>,
    /// Tell what is nearest to this sound, instead of measuring
    #[arg(long, value_name = "SOUND_FILE", conflicts_with_all = ["report", "json", "novel_only"])]
    query: Option<PathBuf>,
    /// How many of the nearest `--query` tells
    #[arg(long, value_name = "COUNT", default_value_t = 5, requires = "query")]
    top: usize,
}

/// What is searched, what of it is not there, and what it is called.
struct Searched {
    material: Material,
    missing: Vec<String>,
    name: String,
}

/// Embeds, then answers the query or measures, and writes what was asked for.
pub fn run(arguments: RetrieveArguments) -> anyhow::Result<()> {
    let bundle = Bundle::read(&arguments.bundle)?;
    let sha256 = sha256_of(&arguments.bundle)?;
    let searched = searched(&arguments)?;
    let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let embedded = embed(&bundle, &searched.material, threads)?;
    if let Some(path) = &arguments.save_gallery {
        store::write(&embedded, &sha256, path)?;
    }
    let text = if let Some(file) = &arguments.query {
        let found = query::find(&bundle, &embedded, file, arguments.top, threads)?;
        query::table(&found, &embedded)
    } else {
        measured(&arguments, &bundle, sha256, &searched, &embedded, threads)?
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to the terminal")
}

/// Measures, writes the report and the numbers, and gives the table.
fn measured(
    arguments: &RetrieveArguments,
    bundle: &Bundle,
    bundle_sha256: String,
    searched: &Searched,
    embedded: &Embedded,
    threads: NonZero<usize>,
) -> anyhow::Result<String> {
    let measurement = measure(embedded, arguments.novel_only, threads)?;
    let directions: BTreeMap<_, _> = measurement
        .directions
        .iter()
        .map(|(&direction, (_, scores))| (direction, scores))
        .collect();
    if directions.values().all(|scores| scores.queries == 0) {
        bail!(
            "no sound or picture has another of its class to be found; {}",
            if measurement.classes == 0 {
                "bring the classes with `--list FILE.csv`, which has a column `class`"
            } else {
                "take more of the data in"
            }
        );
    }
    let document = Document {
        bundle: &bundle.manifest.name,
        bundle_sha256,
        material: searched.name.clone(),
        novel_only: arguments.novel_only,
        sounds: embedded.sounds.gallery.len(),
        pictures: embedded.pictures.gallery.len(),
        classes: measurement.classes,
        channels: embedded.sounds.gallery.channels(),
        directions,
        left_out: &searched.material.left_out,
        skipped: &embedded.skipped,
        missing: &searched.missing,
    };
    if let Some(path) = &arguments.json {
        write_whole(path, &serde_json::to_vec_pretty(&document)?)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if let Some(path) = &arguments.report {
        let page = page::page(&document, &measurement, embedded, SEED)?;
        page.write(path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(terminal::table(&document))
}

fn searched(arguments: &RetrieveArguments) -> anyhow::Result<Searched> {
    if let Some(folder) = &arguments.corpus {
        let corpus = Corpus::open(folder).context("the corpus cannot be used")?;
        let part = match arguments.part {
            Some(Part::HeldOut) => "held-out part of the corpus",
            Some(Part::Unheard) => "unheard part of the corpus",
            None => "held-out and unheard parts of the corpus",
        };
        return Ok(Searched {
            material: Material::of_corpus(&corpus, arguments.part),
            missing: Vec::new(),
            name: part.to_owned(),
        });
    }
    let (Some(data), Some(root)) = (arguments.data, &arguments.root) else {
        bail!("give `--corpus DIR`, or `--data SET --root DIR`");
    };
    if arguments.novel_only && arguments.heard.is_none() {
        bail!("which classes are novel is not known; name those that training met with `--heard FILE`");
    }
    let heard = arguments.heard.as_deref().map(classes_in).transpose()?;
    let found = layouts::open(data, root, arguments.list.as_deref()).context("the data set cannot be used")?;
    let name = data.to_possible_value();
    Ok(Searched {
        material: Material::of_items(&found.items, heard.as_ref()),
        missing: found.missing,
        name: name.map_or_else(String::new, |name| name.get_name().to_owned()),
    })
}

fn embed(bundle: &Bundle, material: &Material, threads: NonZero<usize>) -> anyhow::Result<Embedded> {
    let bar = bar(
        (material.sounds.len() + material.pictures.len()) as u64,
        "hearing and seeing",
    )?;
    let advance = || bar.inc(1);
    let (sounds, mut skipped) = Collection::embed(bundle, Sense::Hearing, &material.sounds, threads, &advance)?;
    let (pictures, more) = Collection::embed(bundle, Sense::Sight, &material.pictures, threads, &advance)?;
    bar.finish_and_clear();
    skipped.extend(more);
    Ok(Embedded {
        sounds,
        pictures,
        skipped,
    })
}

/// One class a line; empty lines do not count.
fn classes_in(path: &Path) -> anyhow::Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let classes = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(classes.map(str::to_owned).collect())
}

fn sha256_of(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
