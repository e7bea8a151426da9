//! From pairs of pictures and sounds to what `edge` learns from: each is augmented, transformed and seen once.

use lookhear::perception::log_mel::{PATCH_HOP_SAMPLES, RATE_HZ};
use lookhear::perception::resample::{ResampleError, resample};
use lookhear_board::Picture;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::edge::{Example, Examples};
use super::features::{Extractor, FeatureNetworks, FeaturesError, SoundFeatures};
use super::plan::Plan;
use crate::dataset::loader::PairSource;
use crate::dataset::{Augmentation, Composer, DatasetError, SceneKind, Warp};

/// Why examples cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// The corpus does not give what is needed.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The backbones cannot see or hear it.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// A sound cannot be brought to the backbone's rate.
    #[error(transparent)]
    Sound(#[from] ResampleError),
}

/// How much to see and hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Sounds of no picture to compose.
    pub strays: usize,
    /// Threads that see and hear.
    pub threads: usize,
}

/// Grey of the ImageNet mean: what comes in from outside a transformed picture.
const OUTSIDE: [u8; 3] = [124, 116, 104];
/// The crop that keeps everything.
const WHOLE: [f32; 4] = [0.0, 0.0, 1.0, 1.0];

/// Sees and hears all pairs of a source once, and sounds of no picture where a composer makes them. Pairs that cannot be read are
/// left out. `progress` hears that one more is done.
pub fn examples(
    source: &dyn PairSource,
    strays: Option<&Composer>,
    networks: &FeatureNetworks,
    channels: usize,
    amount: Amount,
    plan: &Plan,
    progress: impl Fn() + Sync,
) -> Result<Examples, ExamplesError> {
    let sorts = source.sorts();
    let number = |name: &String| sorts.binary_search(name).ok().map(|number| number as u32);
    let cells = networks.map_cells();
    let changes = plan.augmentations();
    let pairs = networks.map(source.len(), amount.threads, |extractor, index| {
        progress();
        let pair = match source.pair(index) {
            Ok(pair) => pair,
            Err(cause) => {
                tracing::warn!("pair {} is left out: {cause}", source.id(index));
                return Ok(None);
            }
        };
        let mut random = ChaCha8Rng::seed_from_u64(plan.seed ^ (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let side = networks.side_pixels() as u32;
        let picture = pair.picture;
        let view = Augmentation::draw(picture.width, picture.height, &mut random)
            .only(changes.picture, WHOLE)
            .apply(&picture, side)
            .unwrap_or(picture);
        let warp = Warp::draw(&mut random);
        let warp = Warp {
            angle_degrees: if changes.transform.rotation {
                warp.angle_degrees
            } else {
                0.0
            },
            scale: if changes.transform.scale { warp.scale } else { 1.0 },
            flip: warp.flip && changes.transform.flip,
        };
        let (height, width) = (view.height, view.width);
        let pixels = warp.apply_to_pixels(&view.bytes, height, width, OUTSIDE);
        let transformed = Picture::rgb(width, height, pixels);
        let sound = resample(&pair.sound, RATE_HZ)?;
        let example = Example {
            transformed: extractor.see(transformed.as_ref().unwrap_or(&view))?,
            view: extractor.see(&view)?,
            transform: warp.matrix(cells, cells),
            valid: warp.valid(cells, cells),
            sound: hear(extractor, &sound.samples)?,
            in_view: pair.in_view.iter().filter_map(number).collect(),
            sounding: pair.sort.as_ref().and_then(number),
            index,
        };
        Ok::<_, ExamplesError>(Some(example))
    })?;
    let count = strays.map_or(0, |_| amount.strays);
    let strays = networks.map(count, amount.threads, |extractor, index| {
        progress();
        let Some(composer) = strays else { return Ok(None) };
        let scene = composer.negative(index as u64)?;
        // What is heard off screen belongs to other pictures of the batch, and is a negative there already.
        let stray = matches!(scene.kind, SceneKind::Silence | SceneKind::Noise);
        stray.then(|| hear(extractor, &scene.sound.samples)).transpose()
    })?;
    Ok(Examples {
        pairs: pairs.into_iter().flatten().collect(),
        strays: strays.into_iter().flatten().collect(),
        channels,
        cells: cells * cells,
    })
}

/// At most as many patches as the longest training sound has.
fn hear(extractor: &mut Extractor, samples: &[f32]) -> Result<SoundFeatures, ExamplesError> {
    Ok(extractor.hear(samples, samples.len() / PATCH_HOP_SAMPLES + 1)?)
}
