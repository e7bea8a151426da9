//! Pictures and films with what was found drawn over them.

use std::path::Path;

use embedded_graphics::pixelcolor::{Rgb888, WebColors};
use lookhear::actuation::heat::View;
use lookhear::actuation::overlay::{self, Overlay, Scene};
use lookhear::attention::State;
use lookhear::perception::manifest::Manifest;
use lookhear::pipeline::Moment;
use lookhear_board::Frame;
use lookhear_board::display::{Canvas, FilmSound, FilmWriter};

use super::case::Case;

/// Ending of an annotated picture, added to the name of what was looked at.
pub const PICTURE_ENDING: &str = "lookhear.png";

/// Writes the annotated picture of a case.
pub fn picture(case: &Case, manifest: &Manifest, path: &Path) -> anyhow::Result<()> {
    let (label, lamp) = match (case.percept.accepted, case.silent) {
        (true, _) => ("Found", overlay::state_label(State::Tracking).1),
        (false, true) => ("Silence", Rgb888::CSS_GRAY),
        (false, false) => ("Not in view", Rgb888::CSS_GRAY),
    };
    let mut canvas = Canvas::default();
    canvas.show(&case.picture);
    let scene = Scene {
        percept: (!case.silent).then_some(&case.percept),
        threshold: manifest.threshold.similarity,
        view: View::of_model(&manifest.picture, canvas.width(), canvas.height()),
        target: None,
        level: case.level,
        label,
        lamp,
        time: None,
    };
    Overlay::default().draw(&mut canvas, &scene);
    Ok(canvas.save(path)?)
}

/// A film in the making.
pub struct AnnotatedFilm {
    writer: FilmWriter,
    canvas: Canvas,
    overlay: Overlay,
    view: View,
    threshold: f32,
    size: (usize, usize),
}

impl AnnotatedFilm {
    /// Begins a film with pictures of the size of its first frame.
    pub fn create(
        path: &Path,
        first: &Frame,
        rate_hz: f64,
        sound: FilmSound,
        manifest: &Manifest,
    ) -> anyhow::Result<Self> {
        let (width, height) = (first.picture.width, first.picture.height);
        Ok(Self {
            writer: FilmWriter::create(path, width, height, rate_hz, sound)?,
            canvas: Canvas::default(),
            overlay: Overlay::default(),
            view: View::of_model(&manifest.picture, width, height),
            threshold: manifest.threshold.similarity,
            size: (width, height),
        })
    }

    /// Adds a frame with what is known at that moment; `false` for one of another size, which is left out.
    pub fn add(&mut self, frame: &Frame, moment: &Moment) -> anyhow::Result<bool> {
        if (frame.picture.width, frame.picture.height) != self.size {
            return Ok(false);
        }
        let (label, lamp) = overlay::state_label(moment.attention.state);
        self.canvas.show(&frame.picture);
        let scene = Scene {
            percept: moment.percept.filter(|_| !moment.silent),
            threshold: self.threshold,
            view: self.view,
            target: moment.attention.target,
            level: moment.meter,
            label,
            lamp,
            time: Some(frame.stamp),
        };
        self.overlay.draw(&mut self.canvas, &scene);
        self.writer.write(&self.canvas, frame.stamp)?;
        Ok(true)
    }

    /// Finishes the film.
    pub fn finish(self) -> anyhow::Result<()> {
        Ok(self.writer.finish()?)
    }
}
