//! What the screen looks like at one moment.

use std::fmt::Write;

use embedded_graphics::Drawable;
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::primitives::{Circle, Primitive, PrimitiveStyle, Rectangle};
use lookhear_board::{Canvas, Frame};

use super::super::gauge::{AMBER, DEEP_SHADE, Gauge, LIGHT_SHADE, WHITE, darken};
use super::super::preview::{Preview, status_label};
use super::super::status::Status;
use super::layout::{Area, Layout};
use super::message::{lines, messages};
use crate::perception::manifest::PictureInput;
use crate::perception::picture::PictureError;

/// From this temperature on people should look after the machine, in degrees Celsius.
const HOT_CELSIUS: f32 = 80.0;
/// How many lines a message gets.
const MOST_MESSAGE_LINES: usize = 3;
/// The share of the height that messages may cover.
const MESSAGES_COVER: f32 = 0.4;

/// What the camera gives.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// A frame.
    Frame(&'a Frame),
    /// Frames, but none that can be shown.
    Damaged(&'a PictureError),
    /// No frames.
    Nothing,
}

/// Draws what a screen shows; keeps its tables and its memory from picture to picture.
#[derive(Debug)]
pub struct Face {
    preview: Preview,
    canvas: Canvas,
    text: String,
    line: String,
}

impl Face {
    /// For a screen of a size in pixels, and percepts of a model with this input.
    pub fn new(input: PictureInput, width: usize, height: usize) -> Self {
        Self {
            preview: Preview::new(input),
            canvas: Canvas::new(width, height),
            text: String::new(),
            line: String::new(),
        }
    }

    /// Draws the whole screen.
    ///
    /// # Errors
    /// Every [`PictureError`] but [`PictureError::Output`]: drop the frame.
    pub fn draw(&mut self, seen: Seen, status: &Status) -> Result<&Canvas, PictureError> {
        let size = (self.canvas.width(), self.canvas.height());
        let layout = match seen {
            Seen::Frame(frame) => Layout::new(size, (frame.picture.width, frame.picture.height)),
            Seen::Damaged(_) | Seen::Nothing => Layout::new(size, (0, 0)),
        };
        match seen {
            Seen::Frame(frame) => {
                let Area { width, height, .. } = layout.picture;
                let marks = layout.lettering.smaller();
                let picture = self.preview.draw_marked(frame, status, (width, height), &marks)?;
                self.canvas.bytes_mut().fill(0);
                paste(picture, &mut self.canvas, layout.picture);
            }
            Seen::Damaged(_) | Seen::Nothing => self.canvas.bytes_mut().fill(0),
        }
        let free_from = self.draw_messages(&layout, status);
        self.text.clear();
        match seen {
            Seen::Frame(_) => {}
            Seen::Damaged(error) => {
                let _ = write!(self.text, "No picture: {error}");
            }
            Seen::Nothing => self.text.push_str("No camera"),
        }
        self.draw_centred(&layout, free_from);
        self.draw_panel(&layout, status);
        Ok(&self.canvas)
    }

    /// Writes `text` into the middle of what is free from a row on to the panel.
    fn draw_centred(&mut self, layout: &Layout, free_from: i32) {
        let lettering = &layout.lettering;
        let (unit, letter) = (lettering.height() as i32, lettering.width("m").max(1));
        let letters = (self.canvas.width() as u32 / letter) as usize;
        let count = lines(&self.text, letters).count() as i32;
        let mut top = (free_from + layout.panel.top as i32 - count * unit) / 2;
        for line in lines(&self.text, letters) {
            let left = (self.canvas.width() as i32 - lettering.width(line) as i32) / 2;
            let _ = lettering.draw(&mut self.canvas, line, Point::new(left, top), WHITE);
            top += unit;
        }
    }

    /// Says along the upper edge what is wrong, each message with a bar of its colour before it; gives the row below them.
    fn draw_messages(&mut self, layout: &Layout, status: &Status) -> i32 {
        let Self { canvas, text, line, .. } = self;
        let lettering = &layout.lettering;
        let (unit, letter) = (lettering.height() as i32, lettering.width("m").max(1) as i32);
        let margin = unit / 4;
        let left = 3 * margin;
        let letters = ((canvas.width() as i32 - left - margin) / letter).max(1) as usize;
        let lowest = (canvas.height() as f32 * MESSAGES_COVER) as i32;
        let mut top = 0;
        messages(status, text, |message, colour| {
            let room = ((lowest - top - margin) / unit).clamp(0, MOST_MESSAGE_LINES as i32) as usize;
            let count = lines(message, letters).count().min(room);
            if count == 0 {
                return;
            }
            let height = count as i32 * unit + margin;
            darken(canvas, rectangle(0, top, canvas.width() as i32, height), DEEP_SHADE);
            let bar = rectangle(0, top, margin, height).into_styled(PrimitiveStyle::with_fill(colour));
            let _ = bar.draw(canvas);
            let mut rest = lines(message, letters).peekable();
            for row in 0..count {
                line.clear();
                line.push_str(rest.next().unwrap_or_default());
                if row + 1 == count && rest.peek().is_some() {
                    shorten(line, letters);
                }
                let place = Point::new(left, top + margin / 2 + row as i32 * unit);
                let _ = lettering.draw(canvas, line, place, WHITE);
            }
            top += height + margin / 2;
        });
        top
    }

    /// State, level, rate and temperature; in two rows where one is too narrow.
    fn draw_panel(&mut self, layout: &Layout, status: &Status) {
        let Self { canvas, text, .. } = self;
        let (lettering, panel) = (&layout.lettering, layout.panel);
        let (unit, letter) = (lettering.height() as i32, lettering.width("m") as i32);
        let (top, right) = (panel.top as i32, panel.width as i32);
        darken(canvas, rectangle(0, top, right, panel.height as i32), LIGHT_SHADE);

        let margin = unit / 2;
        let row = top + unit / 4 + unit / 8;
        let (label, lamp) = status_label(status);
        let style = PrimitiveStyle::with_fill(lamp);
        let _ = Circle::new(Point::new(margin, row + unit / 8), (unit * 3 / 4) as u32)
            .into_styled(style)
            .draw(canvas);
        let label_left = margin + unit;
        let _ = lettering.draw(canvas, label, Point::new(label_left, row), WHITE);

        text.clear();
        let mut end = right - margin;
        if let Some(celsius) = status.temperature_celsius {
            let _ = write!(text, "{celsius:.0}°C");
            let is_hot = status.throttled || celsius >= HOT_CELSIUS;
            end -= lettering.width(text) as i32;
            let _ = lettering.draw(canvas, text, Point::new(end, row), if is_hot { AMBER } else { WHITE });
            end -= letter;
        }
        text.clear();
        let rate = status.percepts_per_second;
        let _ = match rate {
            slow if slow < 9.95 => write!(text, "{slow:.1}/s"),
            fast => write!(text, "{fast:.0}/s"),
        };
        end -= lettering.width(text) as i32;
        let _ = lettering.draw(canvas, text, Point::new(end, row), WHITE);

        let gauge = Gauge::of_level(status.meter, text);
        let (from, to) = if layout.rows == 1 {
            // Room for the longest state and the longest numbers, so that the meter does not jump about.
            (Point::new(label_left + 10 * letter, row), right - margin - 11 * letter)
        } else {
            (Point::new(margin, row + layout.row_height as i32), right - margin)
        };
        gauge.draw(canvas, lettering, text, from, to);
    }
}

fn rectangle(left: i32, top: i32, width: i32, height: i32) -> Rectangle {
    let side = |length: i32| u32::try_from(length).unwrap_or(0);
    Rectangle::new(Point::new(left, top), Size::new(side(width), side(height)))
}

/// Copies a picture to an area of its size.
fn paste(picture: &Canvas, canvas: &mut Canvas, area: Area) {
    let width = canvas.width();
    let columns = area.left.min(width)..(area.left + area.width).min(width);
    let rows = canvas.bytes_mut().chunks_exact_mut(width.max(1) * 3).skip(area.top);
    for (to, from) in rows.zip(picture.bytes().chunks_exact(area.width.max(1) * 3)) {
        let to = &mut to[columns.start * 3..columns.end * 3];
        let bytes = to.len().min(from.len());
        to[..bytes].copy_from_slice(&from[..bytes]);
    }
}

/// Ends a line with dots, within so many letters.
fn shorten(line: &mut String, letters: usize) {
    let kept = letters.saturating_sub(3);
    if let Some((end, _)) = line.char_indices().nth(kept) {
        line.truncate(end);
    }
    line.push_str("...");
}
