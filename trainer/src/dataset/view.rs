//! The picture of a scene: things composed on a background, or a crop of a real photograph.

use image::{RgbImage, imageops};
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::colour::Jitter;
use super::cut_out::CutOut;
use super::error::DatasetError;
use super::library::{Asset, Library};
use crate::corpus::{Bounds, LabelledBox};

/// How much the colours of a background change.
const BACKGROUND_JITTER: [f32; 4] = [0.2, 0.2, 0.3, 0.03];
/// Two things may share so much of the smaller one's box.
const MAX_OVERLAP: f32 = 0.1;
/// Attempts at finding a free place, at shrinking sizes.
const PLACEMENTS: u32 = 40;
/// A thing that sounds in a photograph counts where at least this share of it is in the crop; of a silent one, any part.
const MIN_VISIBLE: f32 = 0.4;
/// What covers less of the crop than this is not listed.
pub const MIN_AREA: f32 = 0.004;
/// The sounding thing of a photograph must have an instance that covers at least this share of it.
pub const MIN_SOUNDING_AREA: f32 = 0.03;

/// A picture in which one kind of thing is about to sound.
#[derive(Debug, Clone)]
pub struct View {
    /// Square.
    pub pixels: RgbImage,
    /// Where the sounding things are: at least one.
    pub boxes: Vec<Bounds>,
    /// The other things.
    pub silent: Vec<LabelledBox>,
    /// The file that shows the sounding thing.
    pub picture_id: String,
}

/// Composes a thing of `category` and `silent` things of categories that are not like it, on a background.
pub fn compose(
    library: &Library,
    category: &str,
    silent: usize,
    side: u32,
    [smallest, largest]: [f32; 2],
    random: &mut impl Rng,
) -> Result<View, DatasetError> {
    let mut pixels = background(library, side, random)?;
    let own = library
        .pictures
        .get(category)
        .and_then(|pictures| pictures.choose(random))
        .ok_or_else(|| library.too_little("no picture of a category"))?;
    let mut things = vec![(category.to_owned(), own)];
    let mut others: Vec<&str> = library
        .pictures
        .keys()
        .chain(library.silent.keys())
        .map(String::as_str)
        .filter(|other| !library.alike(category, other))
        .collect();
    others.sort_unstable();
    others.dedup();
    others.shuffle(random);
    for other in others.into_iter().take(silent) {
        let pool: Vec<_> = [&library.pictures, &library.silent]
            .into_iter()
            .filter_map(|pool| pool.get(other))
            .flatten()
            .collect();
        if let Some(picture) = pool.choose(random) {
            things.push((other.to_owned(), picture));
        }
    }

    let mut taken: Vec<Bounds> = Vec::new();
    let mut placed = Vec::new();
    for (name, picture) in things {
        let picture = picture.get()?;
        let longest = (random.random_range(smallest..=largest) * side as f32) as u32;
        let found = find_place(&picture, longest, side, &taken, random);
        if let Some((thing, left, top)) = found {
            let bounds = [left, top, left + thing.width(), top + thing.height()].map(|edge| edge as f32 / side as f32);
            taken.push(bounds);
            placed.push((name, thing, left, top, bounds));
        } else if taken.is_empty() {
            return Err(DatasetError::File {
                path: own.item.file.clone().into(),
                cause: "it shows nothing opaque".to_owned(),
            });
        }
    }
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.shuffle(random);
    for index in order {
        let (_, thing, left, top, _) = &placed[index];
        thing.lay_over(&mut pixels, *left, *top);
    }
    let mut labelled = placed
        .into_iter()
        .map(|(category, _, _, _, bounds)| LabelledBox { category, bounds });
    let boxes = labelled.next().into_iter().map(|sounding| sounding.bounds).collect();
    Ok(View {
        pixels,
        boxes,
        silent: labelled.collect(),
        picture_id: own.item.file.clone(),
    })
}

/// A place for a thing where it hardly covers others; the thing shrinks where there is no room.
fn find_place(
    picture: &image::RgbaImage,
    longest: u32,
    side: u32,
    taken: &[Bounds],
    random: &mut impl Rng,
) -> Option<(CutOut, u32, u32)> {
    let mut longest = longest;
    for _ in 0..3 {
        let thing = CutOut::prepare(picture, longest, random)?;
        if thing.width() <= side && thing.height() <= side {
            for _ in 0..PLACEMENTS {
                let left = random.random_range(0..=side - thing.width());
                let top = random.random_range(0..=side - thing.height());
                let bounds =
                    [left, top, left + thing.width(), top + thing.height()].map(|edge| edge as f32 / side as f32);
                if taken.iter().all(|other| overlap(&bounds, other) <= MAX_OVERLAP) {
                    return Some((thing, left, top));
                }
            }
        }
        longest = longest * 3 / 4;
    }
    None
}

fn background(library: &Library, side: u32, random: &mut impl Rng) -> Result<RgbImage, DatasetError> {
    let Some(asset) = library.backgrounds.choose(random) else {
        return Err(library.too_little("no background"));
    };
    let picture = asset.get()?;
    let shorter = picture.width().min(picture.height());
    let width = random.random_range(shorter / 2..=shorter).max(1);
    let left = random.random_range(0..=picture.width() - width);
    let top = random.random_range(0..=picture.height() - width);
    let crop = imageops::crop_imm(&*picture, left, top, width, width);
    let mut crop = imageops::resize(&crop.to_image(), side, side, imageops::FilterType::Triangle);
    if random.random_bool(0.5) {
        imageops::flip_horizontal_in_place(&mut crop);
    }
    Jitter::draw(BACKGROUND_JITTER, random).apply(&mut crop, 3, |_| true);
    Ok(crop)
}

/// A crop of a photograph that keeps its largest thing of `category`, brought to `side × side` pixels, flipped for every other one.
///
/// `None` where no instance of the category stays large enough.
pub fn crop_photograph(
    asset: &Asset<RgbImage>,
    category: &str,
    side: u32,
    random: &mut impl Rng,
) -> Result<Option<View>, DatasetError> {
    let instances = asset.item.boxes.iter().filter(|labelled| labelled.category == category);
    let Some(largest) = instances
        .map(|labelled| labelled.bounds)
        .max_by(|one, other| area(one).total_cmp(&area(other)))
    else {
        return Ok(None);
    };
    let crop = draw_crop(&largest, random);
    let flip = random.random_bool(0.5);
    let mut boxes = Vec::new();
    let mut silent = Vec::new();
    for labelled in &asset.item.boxes {
        let visible = if labelled.category == category {
            MIN_VISIBLE
        } else {
            0.0
        };
        let Some(bounds) = into_crop(&labelled.bounds, visible, &crop, flip) else {
            continue;
        };
        if labelled.category == category {
            boxes.push(bounds);
        } else {
            silent.push(LabelledBox {
                category: labelled.category.clone(),
                bounds,
            });
        }
    }
    if !boxes.iter().any(|bounds| area(bounds) >= MIN_SOUNDING_AREA) {
        return Ok(None);
    }
    let picture = asset.get()?;
    let pixel = |share: f32, length: u32| ((share * length as f32).round() as u32).min(length);
    let (left, top) = (pixel(crop[0], picture.width()), pixel(crop[1], picture.height()));
    let (right, bottom) = (pixel(crop[2], picture.width()), pixel(crop[3], picture.height()));
    let pixels = imageops::crop_imm(&*picture, left, top, (right - left).max(1), (bottom - top).max(1)).to_image();
    let mut pixels = imageops::resize(&pixels, side, side, imageops::FilterType::Triangle);
    if flip {
        imageops::flip_horizontal_in_place(&mut pixels);
    }
    Ok(Some(View {
        pixels,
        boxes,
        silent,
        picture_id: asset.item.file.clone(),
    }))
}

/// The whole frame for every other one, else a part of it, at least 60 % of each side, that holds `keep`.
fn draw_crop(keep: &Bounds, random: &mut impl Rng) -> Bounds {
    if random.random_bool(0.5) {
        return [0.0, 0.0, 1.0, 1.0];
    }
    let mut along = |from: f32, to: f32| {
        let length = random.random_range((to - from).max(0.6)..=1.0_f32);
        let start = random.random_range((to - length).max(0.0)..=from.min(1.0 - length).max((to - length).max(0.0)));
        (start, (start + length).min(1.0))
    };
    let ((left, right), (top, bottom)) = (along(keep[0], keep[2]), along(keep[1], keep[3]));
    [left, top, right, bottom]
}

/// A box in the crop's own fractions, where at least the `visible` share of it is inside.
fn into_crop(bounds: &Bounds, visible: f32, crop: &Bounds, flip: bool) -> Option<Bounds> {
    let inside = [
        bounds[0].max(crop[0]),
        bounds[1].max(crop[1]),
        bounds[2].min(crop[2]),
        bounds[3].min(crop[3]),
    ];
    if inside[0] >= inside[2] || inside[1] >= inside[3] || area(&inside) < visible * area(bounds) {
        return None;
    }
    let (width, height) = (crop[2] - crop[0], crop[3] - crop[1]);
    let moved = [
        (inside[0] - crop[0]) / width,
        (inside[1] - crop[1]) / height,
        (inside[2] - crop[0]) / width,
        (inside[3] - crop[1]) / height,
    ];
    let moved = moved.map(|edge| edge.clamp(0.0, 1.0));
    let moved = if flip {
        [1.0 - moved[2], moved[1], 1.0 - moved[0], moved[3]]
    } else {
        moved
    };
    (area(&moved) >= MIN_AREA).then_some(moved)
}

/// Share of the frame.
pub fn area(bounds: &Bounds) -> f32 {
    (bounds[2] - bounds[0]).max(0.0) * (bounds[3] - bounds[1]).max(0.0)
}

/// Share of the smaller box that both cover.
fn overlap(one: &Bounds, other: &Bounds) -> f32 {
    let both = [
        one[0].max(other[0]),
        one[1].max(other[1]),
        one[2].min(other[2]),
        one[3].min(other[3]),
    ];
    if both[0] >= both[2] || both[1] >= both[3] {
        return 0.0;
    }
    area(&both) / area(one).min(area(other)).max(f32::EPSILON)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    proptest! {
        #[test]
        fn a_crop_keeps_what_it_must(x in 0.0_f32..0.9, y in 0.0_f32..0.9, width in 0.05_f32..1.0, height in 0.05_f32..1.0, seed: u64) {
            let keep = [x, y, (x + width).min(1.0), (y + height).min(1.0)];
            let crop = draw_crop(&keep, &mut ChaCha8Rng::seed_from_u64(seed));
            prop_assert!(crop.iter().all(|edge| (0.0..=1.0).contains(edge)));
            prop_assert!(crop[2] - crop[0] > 0.59 && crop[3] - crop[1] > 0.59);
            prop_assert!(crop[0] <= keep[0] + 1e-5 && crop[1] <= keep[1] + 1e-5 && crop[2] >= keep[2] - 1e-5 && crop[3] >= keep[3] - 1e-5);
        }

        #[test]
        fn boxes_follow_the_crop(x in 0.0_f32..0.9, y in 0.0_f32..0.9, width in 0.05_f32..1.0, height in 0.05_f32..1.0, flip: bool) {
            let bounds = [x, y, (x + width).min(1.0), (y + height).min(1.0)];
            prop_assert_eq!(into_crop(&bounds, MIN_VISIBLE, &[0.0, 0.0, 1.0, 1.0], false).is_some(), area(&bounds) >= MIN_AREA);
            if let Some(moved) = into_crop(&bounds, MIN_VISIBLE, &[0.2, 0.1, 0.9, 0.8], flip) {
                prop_assert!(moved.iter().all(|edge| (0.0..=1.0).contains(edge)) && moved[0] < moved[2] && moved[1] < moved[3]);
            }
        }
    }

    #[test]
    fn overlap_is_of_the_smaller() {
        let large = [0.0, 0.0, 0.5, 0.5];
        assert!((overlap(&large, &[0.4, 0.0, 0.6, 0.2]) - 0.5).abs() < 1e-6);
        assert!(overlap(&large, &[0.6, 0.6, 0.9, 0.9]) == 0.0);
    }
}
