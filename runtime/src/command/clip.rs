//! A clip: a film, or a directory of frames, with its sound.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use lookhear::perception::localiser::Localiser;
use lookhear::pipeline::{Offline, OfflineSettings, SoundFeed, Summary};
use lookhear_board::camera::open_film;
use lookhear_board::camera::pictures::Pictures;
use lookhear_board::display::FilmSound;
use lookhear_board::{Camera, CaptureError, Delivery, Frame, SoundTrack, read_sound_track};

use super::output::{warn, write_json, write_text};
use super::record::{Record, event};

/// What is assumed of a film that does not tell its frame rate.
const USUAL_RATE_HZ: f64 = 25.0;

/// A clip, open for reading.
pub struct Clip {
    name: String,
    camera: Box<dyn Camera>,
    sound: SoundTrack,
    sound_path: PathBuf,
}

impl Clip {
    /// Opens a film or a directory of frames; its sound is the film's own unless another is given.
    pub fn open(input: &Path, sound: Option<&Path>, frame_rate_hz: f64) -> anyhow::Result<Self> {
        let name = input.display().to_string();
        let camera: Box<dyn Camera> = if input.is_dir() {
            Box::new(Pictures::open(input, frame_rate_hz)?)
        } else {
            open_film(input)?
        };
        let sound_path = match sound {
            Some(sound) => sound,
            None if input.is_dir() => {
                bail!("the frames in {name} have no sound: give a sound file after the directory")
            }
            None => input,
        };
        Ok(Self {
            name,
            camera,
            sound: read_sound(sound_path)?,
            sound_path: sound_path.to_owned(),
        })
    }

    /// Looks at the whole of it. `base` is where results go, a path without an ending.
    pub fn run(
        mut self,
        mut localiser: Localiser,
        settings: OfflineSettings,
        json: bool,
        base: Option<PathBuf>,
    ) -> anyhow::Result<()> {
        let manifest = localiser.manifest().clone();
        let mut summary = Summary::new(manifest.threshold.similarity);
        let mut record =
            base.map(|base| Record::new(base, self.rate_hz(), FilmSound::Of(self.sound_path.clone()), manifest));
        let feed = SoundFeed::new(&self.sound.sound, self.sound.stamp, localiser.ear().rate_hz())?;
        let mut offline = Offline::new(localiser, feed, settings);
        let progress = self.progress(json);
        let mut frame = Frame::default();
        let mut first_stamp = None;
        while self.next_frame(&mut frame, &progress)? {
            first_stamp.get_or_insert(frame.stamp);
            let moment = offline.advance(&frame)?;
            if let Some(record) = &mut record {
                record.add(&frame, &moment)?;
            }
            if let Some(percept) = moment.percept.filter(|_| moment.fresh) {
                summary.add(percept, moment.silent);
            }
            if json && moment.fresh {
                write_json(&event(&frame, &moment))?;
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        let Some(first_stamp) = first_stamp else {
            bail!("{} holds no frame that can be read", self.name)
        };
        if let Some(record) = record {
            record.finish()?;
        }
        let duration = frame.stamp.saturating_sub(first_stamp) + Duration::from_secs_f64(1.0 / self.rate_hz());
        if json {
            Ok(())
        } else {
            write_text(summary.verdict().sentence(Some(duration)))
        }
    }

    /// Reads the next frame; `false` at the end, also where that comes early. Single frames that are lost are told.
    fn next_frame(&mut self, frame: &mut Frame, progress: &ProgressBar) -> anyhow::Result<bool> {
        loop {
            match self.camera.next_frame(frame) {
                Ok(Delivery::Fresh) => return Ok(true),
                Ok(Delivery::Ended) => return Ok(false),
                Err(lost @ CaptureError::Retry { .. }) => progress.suspend(|| warn(lost)),
                Err(early @ CaptureError::Incomplete { .. }) => {
                    progress.suspend(|| warn(early));
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// About how many frames come in a second.
    fn rate_hz(&self) -> f64 {
        let length = self.camera.length();
        match (length.frames, length.duration) {
            (Some(frames), Some(duration)) if frames > 0 && !duration.is_zero() => {
                frames as f64 / duration.as_secs_f64()
            }
            _ => USUAL_RATE_HZ,
        }
    }

    /// A bar on the terminal; none where standard error is not one, or the results go there as well.
    fn progress(&self, json: bool) -> ProgressBar {
        if json && std::io::stdout().is_terminal() {
            return ProgressBar::hidden();
        }
        let (bar, template) = match self.camera.length().frames {
            Some(frames) => (
                ProgressBar::new(frames as u64),
                "{wide_bar} {pos}/{len} frames, {eta} left",
            ),
            None => (ProgressBar::no_length(), "{spinner} {pos} frames, {elapsed}"),
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

/// Reads a sound, and tells what of it is missing.
pub fn read_sound(path: &Path) -> anyhow::Result<SoundTrack> {
    let track = read_sound_track(path)?;
    if let Some(damage) = &track.damage {
        warn(format_args!("{}: {damage}", path.display()));
    }
    Ok(track)
}
