//! `lookhear look`: the main job, on a recording.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use lookhear::actuation::events::write_line;
use lookhear::pipeline::OfflineSettings;
use lookhear_board::{Picture, PictureFileError, read_picture};

use super::annotate;
use super::case::Case;
use super::clip::Clip;
use super::model::ModelOptions;
use super::output::{write_json, write_text};
use super::pairs::Pairs;
use super::record::create_percepts;

/// `lookhear look`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Look {
    /// A film with sound, a picture, or a directory of frames
    #[arg(required_unless_present = "pairs")]
    input: Option<PathBuf>,
    /// The sound of a picture or of frames, or to hear in place of a film's own: WAV, FLAC, OGG, MP3 or a film
    sound: Option<PathBuf>,
    /// Look at many pictures with their sounds: a CSV file with the columns id, image and sound, relative to the file
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["input", "sound"])]
    pairs: Option<PathBuf>,
    /// Where the annotated film or picture and the percepts go [default: here; with --json or --pairs: nowhere]
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
    /// Print lines of JSON in place of the verdict
    #[arg(long)]
    json: bool,
    /// Percepts a second, at most
    #[arg(long, value_name = "HZ", default_value_t = 5.0, value_parser = rate)]
    rate: f64,
    /// Pictures a second of a directory of frames
    #[arg(long, value_name = "HZ", default_value_t = 25.0, value_parser = rate)]
    frame_rate: f64,
    #[command(flatten)]
    model: ModelOptions,
}

const EXAMPLES: &str = "\
Examples:
  lookhear look film.mp4                      writes film.lookhear.mp4 and film.percepts.jsonl
  lookhear look street.jpg street.wav         writes street.lookhear.png and street.percepts.jsonl
  lookhear look frames/ sound.flac --frame-rate 10 --out seen
  lookhear look street.jpg street.wav --json  prints one line of JSON
  lookhear look --pairs cases.csv --json      prints a line of JSON a case";

impl Look {
    /// Looks.
    pub fn run(self) -> anyhow::Result<()> {
        let out = self.prepare_out()?;
        if let Some(pairs) = &self.pairs {
            let pairs = Pairs::open(pairs)?;
            return pairs.run(&mut self.model.load()?, self.json, out);
        }
        let Some(input) = &self.input else {
            bail!("there is nothing to look at: give a film, a picture or frames")
        };
        if !input.is_dir() {
            match read_picture(input) {
                Ok(picture) => return self.look_at_picture(input, picture, out),
                // What is no picture may be a film.
                Err(PictureFileError::Unsupported { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let clip = Clip::open(input, self.sound.as_deref(), self.frame_rate)?;
        let settings = OfflineSettings {
            perception_period: Duration::from_secs_f64(1.0 / self.rate),
            ..OfflineSettings::default()
        };
        clip.run(
            self.model.load()?,
            settings,
            self.json,
            out.map(|folder| named(folder, input)),
        )
    }

    fn look_at_picture(&self, input: &Path, picture: Picture, out: Option<&Path>) -> anyhow::Result<()> {
        let Some(sound) = &self.sound else {
            bail!(
                "{} is a picture and has no sound of its own: give a sound file after it",
                input.display()
            );
        };
        let mut localiser = self.model.load()?;
        let case = Case::look(&mut localiser, picture, sound)?;
        let manifest = localiser.manifest();
        if let Some(folder) = out {
            let base = named(folder, input);
            annotate::picture(&case, manifest, &base.with_added_extension(annotate::PICTURE_ENDING))?;
            write_line(&mut create_percepts(&base)?, &case.event()).context("the percept cannot be written")?;
        }
        if self.json {
            write_json(&case.line(&stem(input)))
        } else {
            write_text(case.verdict(manifest.threshold.similarity).sentence(None))
        }
    }

    /// The folder that results go to, made if need be; `None` where only standard output gets any.
    fn prepare_out(&self) -> anyhow::Result<Option<&Path>> {
        match &self.out {
            Some(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("the directory {} cannot be made for the results", folder.display()))?;
                Ok(Some(folder))
            }
            None if self.json || self.pairs.is_some() => Ok(None),
            None => Ok(Some(Path::new("."))),
        }
    }
}

/// In a folder, the name of the input without its ending.
fn named(folder: &Path, input: &Path) -> PathBuf {
    folder.join(stem(input))
}

/// The name of a file without its ending; of a directory its whole name, be it given as `.` or `frames/..`.
fn stem(input: &Path) -> String {
    let whole = input.canonicalize().unwrap_or_else(|_| input.to_owned());
    let name = if whole.is_dir() {
        whole.file_name()
    } else {
        input.file_stem()
    };
    name.map_or_else(|| "clip".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A rate from the command line.
fn rate(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|cause| format!("{cause}"))?;
    if (0.01..=1000.0).contains(&value) {
        Ok(value)
    } else {
        Err("a rate lies between 0.01 and 1000 Hz".to_owned())
    }
}
