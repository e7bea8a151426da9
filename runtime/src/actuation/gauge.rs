//! What the instruments over a picture are made of: colours, bars, and shade to write on.

use std::fmt::Write;

use embedded_graphics::Drawable;
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::primitives::{Line, Primitive, PrimitiveStyle, Rectangle};
use lookhear_board::display::Canvas;
use lookhear_calibration::Level;

use super::text::Lettering;

pub(super) const WHITE: Rgb888 = Rgb888::WHITE;
pub(super) const SHADE: Rgb888 = Rgb888::new(16, 16, 20);
const GROOVE: Rgb888 = Rgb888::new(70, 70, 78);
pub(super) const GREEN: Rgb888 = Rgb888::new(70, 220, 110);
pub(super) const AMBER: Rgb888 = Rgb888::new(255, 190, 60);
pub(super) const RED: Rgb888 = Rgb888::new(255, 80, 70);
/// The least level that the meter shows, in dBFS.
const METER_FLOOR_DECIBELS: f32 = -60.0;
/// From which levels on the meter warns, in dBFS.
const METER_LOUD_DECIBELS: f32 = -12.0;
const METER_CLIPPING_DECIBELS: f32 = -3.0;
/// How much of the picture shines through a shade, of 256: where little is written, and where much is.
pub(super) const LIGHT_SHADE: u16 = 90;
pub(super) const DEEP_SHADE: u16 = 40;

/// A bar with a text before it.
pub(super) struct Gauge {
    /// How full it is, 0..1 (clamped).
    pub(super) share: f32,
    /// Where a line stands across it, 0..1.
    pub(super) mark: Option<f32>,
    pub(super) colour: Rgb888,
}

impl Gauge {
    /// The meter of a level, and its text.
    pub(super) fn of_level(level: Level, text: &mut String) -> Self {
        let decibels = level.decibels();
        text.clear();
        if decibels > METER_FLOOR_DECIBELS {
            let _ = write!(text, "{decibels:.0} dB");
        } else {
            text.push_str("silent");
        }
        Self {
            share: 1.0 - decibels / METER_FLOOR_DECIBELS,
            mark: None,
            colour: match decibels {
                loud if loud >= METER_CLIPPING_DECIBELS => RED,
                loud if loud >= METER_LOUD_DECIBELS => AMBER,
                _ => GREEN,
            },
        }
    }

    /// Draws it from `top_left` on, as far as the column `right`.
    pub(super) fn draw(&self, canvas: &mut Canvas, lettering: &Lettering, text: &str, top_left: Point, right: i32) {
        let unit = lettering.height() as i32;
        let _ = lettering.draw(canvas, text, top_left, WHITE);
        // Room for the longest text, so that the bar does not jump about.
        let left = top_left.x + lettering.width(if self.mark.is_some() { "-0.00" } else { "-60 dB" }) as i32 + unit / 2;
        let thickness = (unit * 2 / 5).max(2);
        let top = top_left.y + (unit - thickness) / 2;
        let bar = |share: f32, colour: Rgb888, canvas: &mut Canvas| {
            let length = ((right - left).max(0) as f32 * share.clamp(0.0, 1.0)) as u32;
            let area = Rectangle::new(Point::new(left, top), Size::new(length, thickness as u32));
            let _ = area.into_styled(PrimitiveStyle::with_fill(colour)).draw(canvas);
        };
        bar(1.0, GROOVE, canvas);
        bar(self.share, self.colour, canvas);
        if let Some(mark) = self.mark {
            let x = left + ((right - left).max(0) as f32 * mark.clamp(0.0, 1.0)) as i32;
            let overhang = unit / 5;
            let line = Line::new(
                Point::new(x, top - overhang),
                Point::new(x, top + thickness + overhang - 1),
            );
            let style = PrimitiveStyle::with_stroke(AMBER, (unit / 8).max(1) as u32);
            let _ = line.into_styled(style).draw(canvas);
        }
    }
}

/// Lays a shade over a part of the canvas, for what is written there to be legible on any picture; so much of which, of 256,
/// shines through.
pub(super) fn darken(canvas: &mut Canvas, area: Rectangle, transparency: u16) {
    let (width, height) = (canvas.width() as i32, canvas.height() as i32);
    let (left, top) = (area.top_left.x.clamp(0, width), area.top_left.y.clamp(0, height));
    let right = (area.top_left.x + area.size.width as i32).clamp(left, width) as usize;
    let bottom = (area.top_left.y + area.size.height as i32).clamp(top, height) as usize;
    let shade = [SHADE.r(), SHADE.g(), SHADE.b()].map(|value| u16::from(value) * (256 - transparency));
    let rows = canvas.bytes_mut().chunks_exact_mut(width.max(1) as usize * 3);
    for row in rows.take(bottom).skip(top as usize) {
        for pixel in row[left as usize * 3..right * 3].chunks_exact_mut(3) {
            for (value, shade) in pixel.iter_mut().zip(shade) {
                *value = ((u16::from(*value) * transparency + shade) >> 8) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_fills_and_warns() {
        let mut text = String::new();
        for (decibels, written, share, colour) in [
            (-80.0, "silent", 0.0, GREEN),
            (-30.0, "-30 dB", 0.5, GREEN),
            (-6.0, "-6 dB", 0.9, AMBER),
            (0.0, "0 dB", 1.0, RED),
        ] {
            let gauge = Gauge::of_level(Level::from_decibels(decibels), &mut text);
            assert_eq!((text.as_str(), gauge.colour), (written, colour));
            assert!(
                (gauge.share.clamp(0.0, 1.0) - share).abs() < 1e-6,
                "{decibels} dB: {}",
                gauge.share
            );
        }
    }

    #[test]
    fn shade_covers_its_area_alone() {
        let mut canvas = Canvas::new(8, 4);
        canvas.bytes_mut().fill(200);
        darken(
            &mut canvas,
            Rectangle::new(Point::new(6, -2), Size::new(20, 4)),
            LIGHT_SHADE,
        );
        let darkened = |index: usize| canvas.bytes()[index * 3] < 200;
        let found: Vec<usize> = (0..32).filter(|&index| darkened(index)).collect();
        assert_eq!(found, [6, 7, 14, 15]);
    }
}
