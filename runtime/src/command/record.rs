//! The files that a film leaves behind: the annotated film and its percepts.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use anyhow::Context;
use lookhear::actuation::PerceptEvent;
use lookhear::actuation::events::write_line;
use lookhear::attention::Attention;
use lookhear::perception::manifest::Manifest;
use lookhear::pipeline::Moment;
use lookhear_board::Frame;
use lookhear_board::display::FilmSound;

use super::annotate::AnnotatedFilm;
use super::output::warn;

/// Endings of the files, added to the name of what was looked at.
const FILM_ENDING: &str = "lookhear.mp4";
pub const PERCEPTS_ENDING: &str = "percepts.jsonl";

/// Writes the files, begun with the first frame.
pub struct Record {
    /// Their path without the ending.
    base: PathBuf,
    rate_hz: f64,
    sound: FilmSound,
    manifest: Manifest,
    files: Option<Files>,
    left_out: usize,
}

struct Files {
    film: AnnotatedFilm,
    percepts: BufWriter<File>,
}

impl Record {
    /// Nothing yet; `rate_hz` is about how many frames come in a second.
    pub fn new(base: PathBuf, rate_hz: f64, sound: FilmSound, manifest: Manifest) -> Self {
        Self {
            base,
            rate_hz,
            sound,
            manifest,
            files: None,
            left_out: 0,
        }
    }

    /// Adds a frame and, where they are of this very frame, perception and attention.
    pub fn add(&mut self, frame: &Frame, moment: &Moment) -> anyhow::Result<()> {
        let files = match &mut self.files {
            Some(files) => files,
            none => none.insert(Files {
                film: AnnotatedFilm::create(
                    &self.base.with_added_extension(FILM_ENDING),
                    frame,
                    self.rate_hz,
                    self.sound.clone(),
                    &self.manifest,
                )?,
                percepts: create_percepts(&self.base)?,
            }),
        };
        if moment.fresh {
            write_line(&mut files.percepts, &event(frame, moment)).context("the percepts cannot be written")?;
        }
        if !files.film.add(frame, moment)? {
            self.left_out += 1;
        }
        Ok(())
    }

    /// Finishes the files.
    pub fn finish(self) -> anyhow::Result<()> {
        if self.left_out > 0 {
            let left_out = self.left_out;
            let frames = if left_out == 1 {
                "1 frame".to_owned()
            } else {
                format!("{left_out} frames")
            };
            warn(format_args!(
                "the annotated film lacks {frames} of another size than the first"
            ));
        }
        self.files.map_or(Ok(()), |files| files.film.finish())
    }
}

/// Begins the file of percepts of what bears a name.
pub fn create_percepts(base: &std::path::Path) -> anyhow::Result<BufWriter<File>> {
    let path = base.with_added_extension(PERCEPTS_ENDING);
    let file = File::create(&path).with_context(|| format!("the percepts cannot be written to {}", path.display()))?;
    Ok(BufWriter::new(file))
}

/// What is known at a frame, as a line of JSON. It has no bearing: a clip does not tell how much its camera saw.
pub fn event(frame: &Frame, moment: &Moment) -> PerceptEvent {
    let attention = Attention {
        bearing: None,
        ..moment.attention
    };
    PerceptEvent::new(frame.stamp, moment.percept, &attention, moment.level).with_heatmap(moment.percept)
}
