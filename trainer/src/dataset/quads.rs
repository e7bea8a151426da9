//! Quads: four pictures of four different kinds of things in a 2 × 2 grid, and the sound of one of them. In which quadrant does it sound?
//!
//! Chance is one in four, and where things usually stand in pictures does not help.

use image::{RgbImage, imageops};
use lookhear_board::{Picture, Sound};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::error::DatasetError;
use super::scene::{Composer, Stream, to_picture};
use super::view::{self, View};
use crate::corpus::Bounds;

/// Attempts at a photograph that shows nothing like what sounds.
const PHOTOGRAPH_ATTEMPTS: usize = 4;
/// Attempts at four categories that can stand together.
const CATEGORY_ATTEMPTS: usize = 20;
/// In a quadrant a thing is larger than in a scene: it stands alone.
const THING_SIZE: [f32; 2] = [0.45, 0.85];

/// Four pictures in a grid and the sound of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Quad {
    /// The grid: RGB, square.
    pub picture: Picture,
    /// The sound, mono, 16 kHz.
    pub sound: Sound,
    /// What the quadrants show: upper left, upper right, lower left, lower right.
    pub categories: [String; 4],
    /// Which of them sounds.
    pub quadrant: usize,
    /// Where what sounds is in the grid.
    pub boxes: Vec<Bounds>,
    /// The corpus files that show the four.
    pub picture_ids: [String; 4],
    /// The corpus file that is heard.
    pub sound_id: String,
    /// The recording that is heard.
    pub sound_group: String,
}

/// Makes quads out of the pictures and sounds of a composer.
#[derive(Debug, Clone, Copy)]
pub struct QuadComposer<'a> {
    composer: &'a Composer,
}

impl<'a> QuadComposer<'a> {
    /// Quads of the composer's part of the corpus, of its picture size and its length of sound.
    pub fn new(composer: &'a Composer) -> Self {
        Self { composer }
    }

    /// The quad of that number. The same seed and number give the same quad.
    pub fn compose(&self, index: u64) -> Result<Quad, DatasetError> {
        let composer = self.composer;
        let mut random = composer.random(Stream::Quad, index);
        let quadrant = random.random_range(0..4);
        let (categories, views) = self.draw_views(quadrant, &mut random)?;
        let side = composer.settings.side;
        let mut grid = RgbImage::new(side, side);
        for (place, view) in views.iter().enumerate() {
            let (left, top) = ((place % 2) as u32 * (side / 2), (place / 2) as u32 * (side / 2));
            imageops::replace(&mut grid, &view.pixels, i64::from(left), i64::from(top));
        }
        let heard = composer.draw_recording(&categories[quadrant], &mut random)?;
        let (right, down) = ((quadrant % 2) as f32, (quadrant / 2) as f32);
        let into_grid = |bounds: &Bounds| {
            [bounds[0] + right, bounds[1] + down, bounds[2] + right, bounds[3] + down].map(|edge| edge / 2.0)
        };
        Ok(Quad {
            picture: to_picture(grid),
            sound: heard.sound,
            quadrant,
            boxes: views[quadrant].boxes.iter().map(into_grid).collect(),
            picture_ids: views.map(|view| view.picture_id),
            categories,
            sound_id: heard.sound_id,
            sound_group: heard.sound_group,
        })
    }

    /// Four categories and a picture of each, of which only the one at `quadrant` shows anything like what sounds there.
    fn draw_views(&self, quadrant: usize, random: &mut ChaCha8Rng) -> Result<([String; 4], [View; 4]), DatasetError> {
        for _ in 0..CATEGORY_ATTEMPTS {
            let categories = self.draw_categories(quadrant, random)?;
            let mut views = Vec::with_capacity(4);
            for (place, category) in categories.iter().enumerate() {
                let avoid = (place != quadrant).then_some(categories[quadrant].as_str());
                let Some(view) = self.draw_view(category, avoid, random)? else {
                    break;
                };
                views.push(view);
            }
            if let Ok(views) = views.try_into() {
                return Ok((categories, views));
            }
        }
        Err(self
            .composer
            .library
            .too_little("too few pictures that show one kind of thing alone"))
    }

    /// Four categories of which none is like another; the one at `quadrant` is to sound.
    fn draw_categories(&self, quadrant: usize, random: &mut ChaCha8Rng) -> Result<[String; 4], DatasetError> {
        let mut all = self.composer.categories();
        let share = self.composer.settings.photograph_share;
        all.retain(|category| {
            let photographed = self.composer.photographs.contains_key(*category);
            let composable = self.composer.composable.iter().any(|composable| composable == category);
            (photographed && share > 0.0) || (composable && share < 1.0)
        });
        let mut chosen: Vec<&str> = self.composer.draw_category(&all, random).into_iter().collect();
        all.shuffle(random);
        for category in all {
            if chosen.len() < 4 && chosen.iter().all(|other| !self.composer.library.alike(category, other)) {
                chosen.push(category);
            }
        }
        if quadrant < chosen.len() {
            chosen.swap(0, quadrant);
        }
        let chosen: Result<[&str; 4], _> = chosen.try_into();
        chosen.map(|four| four.map(str::to_owned)).map_err(|_| {
            self.composer
                .library
                .too_little("fewer than four unlike categories that sound")
        })
    }

    /// A photograph without anything like `avoid` for the share of quadrants that the settings ask for, where there is one; else a thing alone on a background; `None` where
    /// only photographs show the category, and none of them will do.
    fn draw_view(
        &self,
        category: &str,
        avoid: Option<&str>,
        random: &mut ChaCha8Rng,
    ) -> Result<Option<View>, DatasetError> {
        let composer = self.composer;
        let side = composer.settings.side / 2;
        let share = composer.settings.photograph_share;
        let is_composable = share < 1.0 && composer.composable.iter().any(|composable| composable == category);
        if !is_composable || random.random_bool(share) {
            for _ in 0..PHOTOGRAPH_ATTEMPTS {
                let Some(view) = composer.draw_photograph(category, side, random)? else {
                    continue;
                };
                let clashes = |other: &str| avoid.is_some_and(|avoid| composer.library.alike(avoid, other));
                if !view.silent.iter().any(|silent| clashes(&silent.category)) {
                    return Ok(Some(view));
                }
            }
        }
        if !is_composable {
            return Ok(None);
        }
        view::compose(&composer.library, category, 0, side, THING_SIZE, random).map(Some)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::corpus::Split;
    use crate::dataset::fixture::corpus;
    use crate::dataset::scene::Settings;

    #[test]
    fn no_photograph_stands_in_a_quad_where_none_is_asked_for() {
        let (_folder, corpus) = corpus();
        let settings = Settings {
            side: 96,
            seconds: 0.5,
            photograph_share: 0.0,
            ..Settings::default()
        };
        let composer = Composer::with_settings(&corpus, Split::HeldOut, 9, settings).unwrap();
        for index in 0..20 {
            let quad = QuadComposer::new(&composer).compose(index).unwrap();
            assert!(
                quad.picture_ids
                    .iter()
                    .all(|picture| !picture.starts_with("photograph"))
            );
        }
    }

    #[test]
    fn the_truth_lies_in_its_quadrant_and_categories_are_unlike() {
        let (_folder, corpus) = corpus();
        let settings = Settings {
            side: 96,
            seconds: 0.5,
            ..Settings::default()
        };
        let composer = Composer::with_settings(&corpus, Split::HeldOut, 9, settings).unwrap();
        let quads = QuadComposer::new(&composer);
        let mut quadrants = [0; 4];
        for index in 0..40 {
            let quad = quads.compose(index).unwrap();
            assert_eq!(quad, quads.compose(index).unwrap());
            quadrants[quad.quadrant] += 1;
            let heard = &quad.categories[quad.quadrant];
            assert!(quad.sound_id.starts_with(heard.as_str()));
            for (place, category) in quad.categories.iter().enumerate() {
                assert!(
                    quad.categories[..place]
                        .iter()
                        .all(|other| !composer.library.alike(category, other))
                );
            }
            let (right, down) = ((quad.quadrant % 2) as f32 * 0.5, (quad.quadrant / 2) as f32 * 0.5);
            for bounds in &quad.boxes {
                assert!(bounds[0] >= right && bounds[2] <= right + 0.5 && bounds[1] >= down && bounds[3] <= down + 0.5);
            }
            // The photograph shows red and green: neither may sound beside it from another quadrant.
            for (place, picture) in quad.picture_ids.iter().enumerate() {
                let mixed = picture.starts_with("photograph") && place != quad.quadrant;
                assert!(!mixed || !["red", "green", "violet"].contains(&heard.as_str()));
            }
        }
        assert!(quadrants.iter().all(|count| *count > 2), "{quadrants:?}");
    }
}
