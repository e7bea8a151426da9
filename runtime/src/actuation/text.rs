//! Lettering that stays legible from a postage stamp to a full-size film: bitmap fonts, magnified in whole steps.

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{Dimensions, Point, Size};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle, ascii};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::primitives::Rectangle;
use embedded_graphics::text::{Baseline, Text};

/// Fonts with their magnification, from small to large.
const SIZES: [(&MonoFont<'static>, u32); 15] = [
    (&ascii::FONT_4X6, 1),
    (&ascii::FONT_5X8, 1),
    (&ascii::FONT_6X10, 1),
    (&ascii::FONT_7X13_BOLD, 1),
    (&ascii::FONT_9X15_BOLD, 1),
    (&ascii::FONT_9X18_BOLD, 1),
    (&ascii::FONT_10X20, 1),
    (&ascii::FONT_7X13_BOLD, 2),
    (&ascii::FONT_9X15_BOLD, 2),
    (&ascii::FONT_9X18_BOLD, 2),
    (&ascii::FONT_10X20, 2),
    (&ascii::FONT_9X18_BOLD, 3),
    (&ascii::FONT_10X20, 3),
    (&ascii::FONT_10X20, 4),
    (&ascii::FONT_10X20, 6),
];

/// How many lines of text, and how many letters in a line, a picture has room for.
const LINES: u32 = 22;
const LETTERS: u32 = 36;

/// A font at a magnification.
#[derive(Debug, Clone, Copy)]
pub struct Lettering {
    font: &'static MonoFont<'static>,
    scale: u32,
}

impl Lettering {
    /// What suits a picture of this size in pixels.
    pub fn for_picture(width: u32, height: u32) -> Self {
        let fits = |&(font, scale): &(&MonoFont<'static>, u32)| {
            font.character_size.height * scale <= height / LINES && font.character_size.width * scale <= width / LETTERS
        };
        let (font, scale) = SIZES.into_iter().rfind(fits).unwrap_or(SIZES[0]);
        Self { font, scale }
    }

    /// Height of a line in pixels.
    pub fn height(&self) -> u32 {
        self.font.character_size.height * self.scale
    }

    /// Width of a text in pixels.
    pub fn width(&self, text: &str) -> u32 {
        let advance = self.font.character_size.width + self.font.character_spacing;
        (text.chars().count() as u32 * advance).saturating_sub(self.font.character_spacing) * self.scale
    }

    /// Writes a line; what lies outside the target is left out.
    pub fn draw<D: DrawTarget<Color = Rgb888>>(
        &self,
        target: &mut D,
        text: &str,
        top_left: Point,
        colour: Rgb888,
    ) -> Result<(), D::Error> {
        use embedded_graphics::Drawable;
        let mut magnified = Magnified {
            target,
            origin: top_left,
            scale: self.scale,
        };
        let style = MonoTextStyle::new(self.font, colour);
        Text::with_baseline(text, Point::zero(), style, Baseline::Top)
            .draw(&mut magnified)
            .map(|_| ())
    }
}

/// A target on which each pixel becomes a square.
struct Magnified<'a, D> {
    target: &'a mut D,
    origin: Point,
    scale: u32,
}

impl<D: DrawTarget> Dimensions for Magnified<'_, D> {
    fn bounding_box(&self) -> Rectangle {
        let whole = self.target.bounding_box();
        Rectangle::new(
            (whole.top_left - self.origin) / self.scale as i32,
            whole.size / self.scale + Size::new(1, 1),
        )
    }
}

impl<D: DrawTarget> DrawTarget for Magnified<'_, D> {
    type Color = D::Color;
    type Error = D::Error;

    fn draw_iter<I: IntoIterator<Item = Pixel<Self::Color>>>(&mut self, pixels: I) -> Result<(), Self::Error> {
        let side = Size::new_equal(self.scale);
        pixels.into_iter().try_for_each(|Pixel(point, colour)| {
            self.target
                .fill_solid(&Rectangle::new(self.origin + point * self.scale as i32, side), colour)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_grow_with_the_picture() {
        let heights: Vec<u32> = [(240, 240), (640, 360), (1280, 720), (1920, 1080), (3840, 2160)]
            .map(|(width, height)| Lettering::for_picture(width, height).height())
            .to_vec();
        assert_eq!(heights, [10, 15, 30, 40, 80]);
    }

    #[test]
    fn a_line_of_letters_fits_the_picture() {
        for (width, height) in [(240, 240), (320, 1200), (1080, 1920), (1920, 400)] {
            let lettering = Lettering::for_picture(width, height);
            assert!(lettering.width(&"m".repeat(LETTERS as usize)) <= width);
            assert!(lettering.height() * LINES <= height);
        }
    }
}
