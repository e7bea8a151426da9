//! Draws over a picture what was perceived in it: the heatmap, its peak, the target, and a strip that tells the rest.

use std::fmt::Write;
use std::time::Duration;

use embedded_graphics::Drawable;
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::pixelcolor::{Rgb888, WebColors};
use embedded_graphics::primitives::{Circle, Line, Primitive, PrimitiveStyle, Rectangle};
use lookhear_board::display::Canvas;
use lookhear_calibration::Level;

use super::gauge::{AMBER, GREEN, Gauge, LIGHT_SHADE, SHADE, WHITE, darken};
use super::heat::{Heat, View};
use super::text::Lettering;
use crate::attention::State;
use crate::perception::heatmap;
use crate::perception::percept::Percept;

/// What to show over a picture.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Of this picture or of the latest before; `None` where nothing was listened to, or there was nothing to hear.
    pub percept: Option<&'a Percept>,
    /// From which similarity on a percept counts.
    pub threshold: f32,
    /// Which part of the picture the percept's heatmap covers.
    pub view: View,
    /// What attention looks at.
    pub target: Option<heatmap::Point>,
    /// How loud it is.
    pub level: Level,
    /// What is going on, in a word or two.
    pub label: &'a str,
    /// The colour of the lamp beside it.
    pub lamp: Rgb888,
    /// Of the picture, for a film.
    pub time: Option<Duration>,
}

/// Draws scenes; keeps its tables from picture to picture.
#[derive(Debug, Default)]
pub struct Overlay {
    heat: Heat,
    text: String,
}

/// How a state is called, and the colour of its lamp.
pub fn state_label(state: State) -> (&'static str, Rgb888) {
    match state {
        State::Idle => ("Idle", Rgb888::CSS_GRAY),
        State::Candidate => ("Candidate", AMBER),
        State::Tracking => ("Tracking", GREEN),
        State::Holding => ("Holding", Rgb888::CSS_CORNFLOWER_BLUE),
        State::Home => ("Home", Rgb888::CSS_DARK_GRAY),
    }
}

impl Overlay {
    /// Draws a scene over a picture.
    pub fn draw(&mut self, canvas: &mut Canvas, scene: &Scene) {
        let lettering = Lettering::for_picture(canvas.width() as u32, canvas.height() as u32);
        self.draw_marks(canvas, &lettering, scene);
        self.draw_strip(canvas, &lettering, scene);
    }

    /// Draws only what belongs to places in the picture: heatmap, target and peak.
    pub fn draw_marks(&mut self, canvas: &mut Canvas, lettering: &Lettering, scene: &Scene) {
        if let Some(percept) = scene.percept {
            let width = canvas.width();
            self.heat
                .draw(canvas.bytes_mut(), width, &percept.heatmap, scene.view, scene.threshold);
        }
        let unit = lettering.height() as i32;
        if let Some(target) = scene.target {
            draw_brackets(canvas, on_canvas(canvas, target), unit);
        }
        if let Some(percept) = scene.percept.filter(|percept| percept.accepted) {
            self.draw_peak(canvas, lettering, percept);
        }
    }

    /// A ring with a cross in it, and how likely the source is there; where the model does not know, how similar picture and sound
    /// are.
    fn draw_peak(&mut self, canvas: &mut Canvas, lettering: &Lettering, percept: &Percept) {
        let unit = lettering.height() as i32;
        let centre = on_canvas(canvas, percept.peak);
        let stroke = (unit / 8).max(1);
        for (colour, stroke) in [(SHADE, stroke + 2), (WHITE, stroke)] {
            let style = PrimitiveStyle::with_stroke(colour, stroke as u32);
            let _ = Circle::with_center(centre, (unit * 2) as u32)
                .into_styled(style)
                .draw(canvas);
            for along in [Point::new(1, 0), Point::new(0, 1)] {
                let arm = along * (unit / 3);
                let _ = Line::new(centre - arm, centre + arm).into_styled(style).draw(canvas);
            }
        }
        self.text.clear();
        let _ = match percept.probability {
            Some(probability) => write!(self.text, "{:.0} %", 100.0 * probability),
            None => write!(self.text, "{:.2}", percept.similarity),
        };
        let size = Size::new(lettering.width(&self.text), lettering.height());
        let margin = unit / 4;
        let beside = centre.x + unit + 2 * margin;
        let fits = beside + size.width as i32 + margin <= canvas.width() as i32;
        let left = if fits {
            beside
        } else {
            centre.x - unit - 2 * margin - size.width as i32
        };
        let top_left = Point::new(left, centre.y - unit / 2);
        let plate = Rectangle::new(
            top_left - Point::new_equal(margin),
            size + Size::new_equal(2 * margin as u32),
        );
        darken(canvas, plate, LIGHT_SHADE);
        let _ = lettering.draw(canvas, &self.text, top_left, WHITE);
    }

    /// State, time, level and similarity along the lower edge; in two rows where one is too narrow.
    fn draw_strip(&mut self, canvas: &mut Canvas, lettering: &Lettering, scene: &Scene) {
        let (width, height) = (canvas.width() as i32, canvas.height() as i32);
        let unit = lettering.height() as i32;
        let margin = unit / 2;
        let letter = lettering.width("m") as i32;
        let single_row = width >= 60 * letter;
        let row_height = unit + margin;
        let strip_height = row_height * if single_row { 1 } else { 2 } + margin / 2;
        let top = height - strip_height;
        darken(
            canvas,
            Rectangle::new(Point::new(0, top), Size::new(width as u32, strip_height as u32)),
            LIGHT_SHADE,
        );

        let first_row = top + margin / 2 + margin / 4;
        let lamp = Circle::new(Point::new(margin, first_row + unit / 6), (unit * 2 / 3) as u32);
        let _ = lamp.into_styled(PrimitiveStyle::with_fill(scene.lamp)).draw(canvas);
        let _ = lettering.draw(canvas, scene.label, Point::new(margin + unit, first_row), WHITE);
        if let Some(time) = scene.time {
            self.text.clear();
            write_time(&mut self.text, time);
            let left = width - margin - lettering.width(&self.text) as i32;
            let _ = lettering.draw(canvas, &self.text, Point::new(left, first_row), WHITE);
        }

        let second_row = if single_row { first_row } else { first_row + row_height };
        let (left, right) = if single_row {
            (width / 5, width * 4 / 5)
        } else {
            (margin, width - margin)
        };
        let middle = (left + right) / 2;
        let gauge = Gauge::of_level(scene.level, &mut self.text);
        gauge.draw(
            canvas,
            lettering,
            &self.text,
            Point::new(left, second_row),
            middle - margin,
        );
        self.text.clear();
        match scene.percept {
            Some(percept) => {
                let _ = write!(self.text, "{:.2}", percept.similarity);
            }
            None => self.text.push_str("-.--"),
        }
        let gauge = Gauge {
            share: scene.percept.map_or(0.0, |percept| percept.similarity),
            mark: Some(scene.threshold),
            colour: if scene.percept.is_some_and(|percept| percept.accepted) {
                WHITE
            } else {
                Rgb888::CSS_GRAY
            },
        };
        gauge.draw(
            canvas,
            lettering,
            &self.text,
            Point::new(middle + margin, second_row),
            right,
        );
    }
}

/// Four corners around the target.
fn draw_brackets(canvas: &mut Canvas, centre: Point, unit: i32) {
    let (half, arm, stroke) = (unit * 2, unit * 3 / 4, (unit / 8).max(1));
    for (colour, stroke) in [(SHADE, stroke + 2), (GREEN, stroke)] {
        let style = PrimitiveStyle::with_stroke(colour, stroke as u32);
        for (x, y) in [(-1, -1), (1, -1), (-1, 1), (1, 1)] {
            let corner = centre + Point::new(x * half, y * half);
            for inward in [Point::new(-x * arm, 0), Point::new(0, -y * arm)] {
                let _ = Line::new(corner, corner + inward).into_styled(style).draw(canvas);
            }
        }
    }
}

/// Where a point of the picture lies on the canvas, in pixels.
fn on_canvas(canvas: &Canvas, point: heatmap::Point) -> Point {
    let at = |share: f32, pixels: usize| (share.clamp(0.0, 1.0) * pixels.saturating_sub(1) as f32).round() as i32;
    Point::new(at(point.x, canvas.width()), at(point.y, canvas.height()))
}

/// Minutes, seconds and tenths; hours where there are any.
fn write_time(text: &mut String, time: Duration) {
    let tenths = time.as_millis() / 100;
    let (hours, minutes) = (tenths / 36_000, tenths / 600 % 60);
    if hours > 0 {
        let _ = write!(text, "{hours}:{minutes:02}");
    } else {
        let _ = write!(text, "{minutes}");
    }
    let _ = write!(text, ":{:02}.{}", tenths / 10 % 60, tenths % 10);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::perception::heatmap::Heatmap;

    fn percept(peak: heatmap::Point, similarity: f32) -> Percept {
        let heatmap = Heatmap {
            width: 14,
            height: 14,
            values: vec![similarity; 196],
        };
        Percept {
            heatmap,
            peak,
            centre: peak,
            similarity,
            probability: None,
            accepted: true,
            stamp: Duration::ZERO,
        }
    }

    fn scene(percept: Option<&Percept>) -> Scene<'_> {
        Scene {
            percept,
            threshold: 0.4,
            view: View::WHOLE,
            target: None,
            level: Level::SILENCE,
            label: "Idle",
            lamp: GREEN,
            time: Some(Duration::from_millis(61_250)),
        }
    }

    #[test]
    fn without_a_percept_only_the_strip_is_drawn() {
        let mut canvas = Canvas::new(320, 240);
        canvas.bytes_mut().fill(200);
        Overlay::default().draw(&mut canvas, &scene(None));
        let touched = canvas
            .bytes()
            .iter()
            .position(|&value| value != 200)
            .unwrap_or_default()
            / (320 * 3);
        assert!((200..220).contains(&touched), "from row {touched} on");
    }

    #[test]
    fn the_ring_is_where_the_peak_is() {
        let mut canvas = Canvas::new(400, 300);
        let percept = percept(heatmap::Point { x: 0.25, y: 0.5 }, 0.41);
        let mut without = canvas.clone();
        Overlay::default().draw(
            &mut without,
            &scene(Some(&Percept {
                accepted: false,
                ..percept.clone()
            })),
        );
        Overlay::default().draw(&mut canvas, &scene(Some(&percept)));
        let pixels = canvas
            .bytes()
            .chunks_exact(3)
            .zip(without.bytes().chunks_exact(3))
            .enumerate();
        let white = pixels.filter(|(_, (with, without))| with != without && *with == [255, 255, 255]);
        let (rows, columns): (Vec<usize>, Vec<usize>) = white
            .map(|(index, _)| (index / 400, index % 400))
            .filter(|(row, _)| *row < 250)
            .unzip();
        let middle = |values: &[usize]| (values.iter().min().copied(), values.iter().max().copied());
        assert!(
            matches!(middle(&rows), (Some(135..=145), Some(155..=165))),
            "{:?}",
            middle(&rows)
        );
        assert!(
            matches!(middle(&columns), (Some(85..=95), Some(110..=180))),
            "{:?}",
            middle(&columns)
        );
    }

    #[test]
    fn time_is_written_as_people_do() {
        for (milliseconds, written) in [
            (0, "0:00.0"),
            (12_340, "0:12.3"),
            (61_250, "1:01.2"),
            (3_723_999, "1:02:03.9"),
        ] {
            let mut text = String::new();
            write_time(&mut text, Duration::from_millis(milliseconds));
            assert_eq!(text, written);
        }
    }

    proptest! {
        #[test]
        fn a_canvas_of_any_size_is_drawn_on(
            (width, height) in (0usize..300, 0usize..300), (x, y) in (-1.0f32..2.0, -1.0f32..2.0), similarity in -1.0f32..1.0,
            decibels in -200.0f32..20.0,
        ) {
            let mut canvas = Canvas::new(width, height);
            let point = heatmap::Point { x, y };
            let percept = percept(point, similarity);
            let level = Level::from_decibels(decibels);
            let scene = Scene { target: Some(point), level, ..scene(Some(&percept)) };
            Overlay::default().draw(&mut canvas, &scene);
            prop_assert_eq!(canvas.bytes().len(), width * height * 3);
        }
    }
}
