//! What the frozen backbones say of pictures and sounds, computed once by the very engine that serves them.

use std::sync::atomic::{AtomicUsize, Ordering};

use half::f16;
use lookhear::perception::encoder::{Backend, Encoder, EncoderError};
use lookhear::perception::log_mel::{BANDS, PATCH_FRAMES, log_mel_patches};
use lookhear::perception::picture::{
    IMAGENET_DEVIATION, IMAGENET_MEAN, PictureError, PictureFrontEnd, PictureTransform,
};
use lookhear_board::Picture;

use crate::model::bridge::Bridge;
use crate::model::networks::{Backbones, sound_features, vision_features};
use crate::model::weights::WeightsError;
use crate::model::{efficient_net, yam_net};

/// Why features cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FeaturesError {
    /// The pretrained weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The backbones cannot be run.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// A picture cannot be used.
    #[error(transparent)]
    Picture(#[from] PictureError),
}

/// Of one picture, in half precision: `[1280 + channels, cells]`, the features and then the bridged class probabilities.
#[derive(Debug, Clone)]
pub struct VisionFeatures(pub Vec<f16>);

/// Of one sound: for each patch the 1,024 features and the 521 class probabilities.
#[derive(Debug, Clone)]
pub struct SoundFeatures(pub Vec<Vec<f32>>);

/// Runs both backbones. One for each thread.
#[derive(Debug)]
pub struct Extractor {
    front_end: PictureFrontEnd,
    pixels: Vec<f32>,
    vision: Encoder,
    sound: Encoder,
}

/// The backbones as ONNX, ready for any number of extractors.
#[derive(Debug)]
pub struct FeatureNetworks {
    vision: Vec<u8>,
    sound: Vec<u8>,
    side_pixels: usize,
}

impl FeatureNetworks {
    /// Exports the backbones with the same storage of weights that the bundle will have, so that the projections learn on what
    /// they will meet.
    pub fn new(
        backbones: &Backbones,
        bridge: &Bridge,
        side_pixels: usize,
        storage: crate::export::graph::Storage,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            vision: vision_features(backbones, bridge, side_pixels, storage)?,
            sound: sound_features(backbones, storage)?,
            side_pixels,
        })
    }

    /// Cells of the vision map along an edge.
    pub fn map_cells(&self) -> usize {
        self.side_pixels / efficient_net::STRIDE
    }

    /// Edge of the square input, in pixels.
    pub fn side_pixels(&self) -> usize {
        self.side_pixels
    }

    /// Computes `count` things on `threads` threads, in order; `work` is given an extractor and the index.
    pub fn map<T: Send, E: From<FeaturesError> + Send>(
        &self,
        count: usize,
        threads: usize,
        work: impl Fn(&mut Extractor, usize) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        let next = AtomicUsize::new(0);
        let run = || -> Result<Vec<(usize, T)>, E> {
            let mut extractor = Extractor::new(self)?;
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return Ok(done);
                }
                done.push((index, work(&mut extractor, index)?));
            }
        };
        let mut all = Vec::with_capacity(count);
        std::thread::scope(|scope| -> Result<(), E> {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(run)).collect();
            for worker in workers {
                match worker.join() {
                    Ok(done) => all.extend(done?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(())
        })?;
        all.sort_unstable_by_key(|(index, _)| *index);
        Ok(all.into_iter().map(|(_, thing)| thing).collect())
    }
}

impl Extractor {
    /// Prepares both backbones.
    pub fn new(networks: &FeatureNetworks) -> Result<Self, FeaturesError> {
        let side = networks.side_pixels;
        Ok(Self {
            front_end: PictureFrontEnd::new(side, PictureTransform::FullFrame, IMAGENET_MEAN, IMAGENET_DEVIATION),
            pixels: vec![0.0; 3 * side * side],
            vision: Encoder::load(
                "vision_features",
                &networks.vision,
                &[1, 3, side, side],
                &Backend::default(),
            )?,
            sound: Encoder::load(
                "sound_features",
                &networks.sound,
                &[1, 1, PATCH_FRAMES, BANDS],
                &Backend::default(),
            )?,
        })
    }

    /// The features of a picture.
    pub fn see(&mut self, picture: &Picture) -> Result<VisionFeatures, FeaturesError> {
        self.front_end.prepare(picture, &mut self.pixels)?;
        let values = self.vision.run(&self.pixels)?;
        Ok(VisionFeatures(
            values.iter().map(|&value| f16::from_f32(value)).collect(),
        ))
    }

    /// The features of a sound at 16 kHz, of at most `most_patches` patches.
    pub fn hear(&mut self, samples: &[f32], most_patches: usize) -> Result<SoundFeatures, FeaturesError> {
        let patches = log_mel_patches(samples);
        let mut features = Vec::with_capacity(patches.dim().0.min(most_patches));
        for patch in patches.outer_iter().take(most_patches) {
            features.push(self.sound.run(patch.as_slice().unwrap_or_default())?.to_vec());
        }
        Ok(SoundFeatures(features))
    }
}

/// Values of one patch in [`SoundFeatures`].
pub const SOUND_VALUES: usize = yam_net::FEATURES + yam_net::CLASSES;
