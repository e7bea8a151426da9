//! From a corpus to what the loop learns from: scenes and quads are composed, augmented, transformed and seen once.

use std::collections::{BTreeMap, BTreeSet};

use lookhear::perception::log_mel::PATCH_HOP_SAMPLES;
use lookhear_board::Picture;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::features::{Extractor, FeatureNetworks, FeaturesError, SoundFeatures};
use super::steps::{Example, Examples};
use crate::corpus::Corpus;
use crate::dataset::{Augmentation, Composer, DatasetError, QuadComposer, SceneKind, Warp};

/// Why examples cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// The corpus does not give what is needed.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The backbones cannot see or hear it.
    #[error(transparent)]
    Features(#[from] FeaturesError),
}

/// How much to compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Pairs of a picture and a sound; every other one is a quad.
    pub pairs: usize,
    /// Sounds of no picture.
    pub strays: usize,
    /// Threads that see and hear.
    pub threads: usize,
}

/// Grey of the ImageNet mean: what comes in from outside a transformed picture.
const OUTSIDE: [u8; 3] = [124, 116, 104];

/// Composes and sees the training part of a corpus. `progress` hears how many of how many are done.
pub fn examples(
    corpus: &Corpus,
    composer: &Composer,
    networks: &FeatureNetworks,
    channels: usize,
    amount: Amount,
    seed: u64,
    progress: impl Fn(usize) + Sync,
) -> Result<Examples, ExamplesError> {
    let sorts = Sorts::of(corpus);
    let quads = QuadComposer::new(composer);
    let cells = networks.map_cells();
    let pairs = networks.map(amount.pairs, amount.threads, |extractor, index| {
        let (picture, sounding, in_view, sound) = if index % 2 == 0 {
            let scene = composer.compose(index as u64)?;
            let in_view: Vec<String> = scene.silent.iter().map(|thing| thing.category.clone()).collect();
            (scene.picture, scene.category.unwrap_or_default(), in_view, scene.sound)
        } else {
            let quad = quads.compose(index as u64)?;
            let sounding = quad.categories.get(quad.quadrant).cloned().unwrap_or_default();
            (quad.picture, sounding, quad.categories.to_vec(), quad.sound)
        };
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let side = networks.side_pixels() as u32;
        let view = Augmentation::draw(picture.width, picture.height, &mut random)
            .apply(&picture, side)
            .unwrap_or(picture);
        let warp = Warp::draw(&mut random);
        let (height, width) = (view.height, view.width);
        let pixels = warp.apply_to_pixels(&view.bytes, height, width, OUTSIDE);
        let transformed = Picture::rgb(width, height, pixels);
        progress(1);
        let example = Example {
            transformed: see(extractor, transformed.as_ref().unwrap_or(&view))?,
            view: see(extractor, &view)?,
            transform: warp.matrix(cells, cells),
            valid: warp.valid(cells, cells),
            sound: hear(extractor, &sound.samples)?,
            in_view: sorts.like(in_view.iter().chain([&sounding])),
            sounding: sorts.number(&sounding),
        };
        Ok::<_, ExamplesError>(example)
    })?;
    let strays = networks.map(amount.strays, amount.threads, |extractor, index| {
        progress(1);
        let scene = composer.negative(index as u64)?;
        // What is heard off screen belongs to other pictures of the batch, and is a negative there already.
        let stray = matches!(scene.kind, SceneKind::Silence | SceneKind::Noise);
        stray.then(|| hear(extractor, &scene.sound.samples)).transpose()
    })?;
    Ok(Examples {
        pairs,
        strays: strays.into_iter().flatten().collect(),
        channels,
        cells: cells * cells,
    })
}

fn see(extractor: &mut Extractor, picture: &Picture) -> Result<super::features::VisionFeatures, ExamplesError> {
    Ok(extractor.see(picture)?)
}

/// At most as many patches as the longest training sound has.
fn hear(extractor: &mut Extractor, samples: &[f32]) -> Result<SoundFeatures, ExamplesError> {
    Ok(extractor.hear(samples, samples.len() / PATCH_HOP_SAMPLES + 1)?)
}

/// Numbers for the sorts of things, and which of them are too much alike to be told apart.
struct Sorts {
    numbers: BTreeMap<String, u32>,
    related: BTreeMap<u32, Vec<u32>>,
}

impl Sorts {
    fn of(corpus: &Corpus) -> Self {
        let numbers: BTreeMap<String, u32> = corpus
            .categories
            .iter()
            .zip(0..)
            .map(|(category, number)| (category.name.clone(), number))
            .collect();
        let mut related: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (category, number) in corpus.categories.iter().zip(0..) {
            for other in category.related.iter().filter_map(|name| numbers.get(name)) {
                related.entry(number).or_default().push(*other);
                related.entry(*other).or_default().push(number);
            }
        }
        Self { numbers, related }
    }

    fn number(&self, name: &str) -> u32 {
        self.numbers.get(name).copied().unwrap_or(u32::MAX)
    }

    /// The numbers of these and of all that are like them.
    fn like<'a>(&self, names: impl Iterator<Item = &'a String>) -> Vec<u32> {
        let mut all = BTreeSet::new();
        for number in names.map(|name| self.number(name)) {
            all.insert(number);
            all.extend(self.related.get(&number).into_iter().flatten());
        }
        all.into_iter().collect()
    }
}
