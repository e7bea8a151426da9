//! Lettering that stays legible from a postage stamp to a full-size film: bitmap fonts, magnified in whole steps.

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{Dimensions, Point, Size};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle, iso_8859_1 as latin};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::primitives::Rectangle;
use embedded_graphics::text::{Baseline, Text};

/// Fonts with their magnification, from small to large.
const SIZES: [(&MonoFont<'static>, u32); 15] = [
    (&latin::FONT_4X6, 1),
    (&latin::FONT_5X8, 1),
    (&latin::FONT_6X10, 1),
    (&latin::FONT_7X13_BOLD, 1),
    (&latin::FONT_9X15_BOLD, 1),
    (&latin::FONT_9X18_BOLD, 1),
    (&latin::FONT_10X20, 1),
    (&latin::FONT_7X13_BOLD, 2),
    (&latin::FONT_9X15_BOLD, 2),
    (&latin::FONT_9X18_BOLD, 2),
    (&latin::FONT_10X20, 2),
    (&latin::FONT_9X18_BOLD, 3),
    (&latin::FONT_10X20, 3),
    (&latin::FONT_10X20, 4),
    (&latin::FONT_10X20, 6),
];

/// How many lines of text, and how many letters in a line, a picture has room for.
const LINES: u32 = 22;
const LETTERS: u32 = 36;
/// The same for a screen, on which the letters must be legible from where a person stands: on a small one that is held in the
/// hand, and on a larger one.
const SCREEN_LETTERS: u32 = 24;
const SMALL_SCREEN_LINES: u32 = 12;
const SCREEN_LINES: u32 = 16;
/// Up to so many pixels along its shorter edge a screen is small: they measure 3.5 inches at most.
const SMALL_SCREEN_PIXELS: u32 = 320;

/// A font at a magnification.
#[derive(Debug, Clone, Copy)]
pub struct Lettering {
    font: &'static MonoFont<'static>,
    scale: u32,
}

impl Lettering {
    /// What suits a picture of this size in pixels.
    pub fn for_picture(width: u32, height: u32) -> Self {
        Self::largest(width / LETTERS, height / LINES)
    }

    /// What suits a screen of this size in pixels, whichever way round it stands.
    pub fn for_screen(width: u32, height: u32) -> Self {
        let shorter = width.min(height);
        let lines = if shorter <= SMALL_SCREEN_PIXELS {
            SMALL_SCREEN_LINES
        } else {
            SCREEN_LINES
        };
        Self::largest(width / SCREEN_LETTERS, shorter / lines)
    }

    /// Two thirds as high or less, for what is secondary.
    pub fn smaller(&self) -> Self {
        Self::largest(u32::MAX, self.height() * 2 / 3)
    }

    /// The largest letters that are at most so wide and so high; the smallest there are where none are.
    fn largest(width: u32, height: u32) -> Self {
        let fits = |&(font, scale): &(&MonoFont<'static>, u32)| {
            font.character_size.height * scale <= height && font.character_size.width * scale <= width
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
    fn letters_on_a_screen_are_large() {
        let sizes = [
            (240, 240),
            (240, 320),
            (320, 240),
            (480, 320),
            (800, 480),
            (480, 800),
            (1280, 720),
            (1920, 1080),
        ];
        let heights = sizes.map(|(width, height)| Lettering::for_screen(width, height).height());
        assert_eq!(heights, [20, 20, 20, 26, 30, 30, 40, 60]);
        assert_eq!(Lettering::for_screen(320, 240).smaller().height(), 13);
        assert_eq!(Lettering::for_screen(1, 1).smaller().height(), 6);
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
