//! Quads of a test set's own pictures: four in a 2 × 2 grid, and the sound of one. In which quadrant is it found?
//!
//! Chance is one in four, and where sources lie in pictures does not help.

use image::RgbImage;
use image::imageops::{self, FilterType};
use lookhear::perception::listener::SoundEmbedding;
use lookhear::perception::localiser::LocaliserError;
use lookhear::perception::picture::PictureTransform;
use lookhear_board::{Picture, read_picture};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::measure::{Case, Settings};
use super::model::Model;
use crate::evaluate::scores::Quadrant;

/// Upper left, upper right, lower left, lower right.
const QUADRANTS: [Quadrant; 4] = [
    Quadrant::TopLeft,
    Quadrant::TopRight,
    Quadrant::BottomLeft,
    Quadrant::BottomRight,
];

/// One grid and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quad {
    /// What the quadrants show: upper left, upper right, lower left, lower right.
    pub ids: [String; 4],
    /// Whose sound is heard.
    pub sounding: Quadrant,
    /// Where the peak lies.
    pub found: Quadrant,
}

/// Makes at most as many quads as there are cases, each with the sound of another; `sounds` are those of the cases. None where
/// there are not four of different classes.
pub(super) fn measure_quads(
    model: &mut Model,
    cases: &[Case],
    sounds: &[&SoundEmbedding],
    settings: &Settings,
    advance: &mut dyn FnMut(),
) -> Result<Vec<Quad>, LocaliserError> {
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.shuffle(&mut random);
    let mut quads = Vec::new();
    for (turn, &heard) in order.iter().take(settings.quads).enumerate() {
        advance();
        let mut candidates = order.clone();
        candidates.shuffle(&mut random);
        let place = turn % 4;
        let Some(members) = four_apart(cases, heard, place, &candidates) else {
            continue;
        };
        let Some(grid) = compose(members.map(|member| &cases[member]), model) else {
            continue;
        };
        let sight = model.see(&grid)?;
        let peak = sight.in_picture(sight.heatmap(sounds[heard]).peak());
        quads.push(Quad {
            ids: members.map(|member| cases[member].id.clone()),
            sounding: QUADRANTS[place],
            found: Quadrant::of(peak),
        });
    }
    Ok(quads)
}

/// `heard` at `place`, and the first three candidates that are apart from it and from each other.
fn four_apart(cases: &[Case], heard: usize, place: usize, candidates: &[usize]) -> Option<[usize; 4]> {
    let mut members = vec![heard];
    for &candidate in candidates {
        if members.len() < 4 && members.iter().all(|&member| apart(&cases[member], &cases[candidate])) {
            members.push(candidate);
        }
    }
    let mut members: [usize; 4] = members.try_into().ok()?;
    members.swap(0, place);
    Some(members)
}

/// Of different classes, or of different ids where a class is not known.
fn apart(first: &Case, second: &Case) -> bool {
    match (&first.category, &second.category) {
        (Some(first), Some(second)) => first != second,
        _ => first.id != second.id,
    }
}

/// The four pictures in a grid as large as the model's input; `None` where one can no longer be read.
fn compose(members: [&Case; 4], model: &Model) -> Option<Picture> {
    let half = (model.input().side_pixels / 2) as u32;
    let mut grid = RgbImage::new(2 * half, 2 * half);
    for (place, case) in members.into_iter().enumerate() {
        let picture = read_picture(&case.picture).ok()?;
        let full = RgbImage::from_raw(picture.width as u32, picture.height as u32, picture.bytes)?;
        let shown = match model.input().transform {
            PictureTransform::FullFrame => full,
            PictureTransform::CentreCrop => {
                let side = full.width().min(full.height());
                let (left, top) = ((full.width() - side) / 2, (full.height() - side) / 2);
                imageops::crop_imm(&full, left, top, side, side).to_image()
            }
        };
        let small = imageops::resize(&shown, half, half, FilterType::Triangle);
        let (left, top) = ((place % 2) as u32 * half, (place / 2) as u32 * half);
        imageops::replace(&mut grid, &small, i64::from(left), i64::from(top));
    }
    Picture::rgb(grid.width() as usize, grid.height() as usize, grid.into_raw())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::fixture::case;
    use super::*;

    #[test]
    fn four_of_different_classes_with_the_sounding_one_in_its_place() {
        let of = |id: &str, class: &str| case(id, class, 0.5, &[], [0.0, 0.0, 1.0, 1.0]);
        let mut cases = vec![
            of("0", "a"),
            of("1", "a"),
            of("2", "b"),
            of("3", "c"),
            of("4", "b"),
            of("5", "d"),
        ];
        let candidates = [1, 0, 2, 4, 3, 5];
        for place in 0..4 {
            let members = four_apart(&cases, 0, place, &candidates).unwrap();
            assert_eq!(members[place], 0);
            let mut sorted = members;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 2, 3, 5]);
        }
        assert_eq!(four_apart(&cases[..5], 0, 0, &candidates[..5]), None);
        cases.iter_mut().for_each(|case| case.category = None);
        assert_eq!(four_apart(&cases, 0, 0, &candidates), Some([0, 1, 2, 4]));
    }
}
