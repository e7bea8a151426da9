//! What ranges are found from, and what precisions are compared on.

use lookhear::perception::bundle::Bundle;
use lookhear::perception::log_mel::{BANDS, PATCH_FRAMES, log_mel_patches};
use lookhear::perception::manifest::{Manifest, SoundFrontEnd};
use lookhear::perception::picture::PictureFrontEnd;
use lookhear::perception::resample::resample;
use lookhear::perception::spectrogram::{MEL_BANDS, PaperSpectrogram};
use lookhear_board::Sound;

use super::variant::{Observed, ObservedNetwork};
use crate::corpus::{Corpus, Split};
use crate::dataset::{Composer, Scene, Settings};
use crate::export::quantise::{Layers, Network, balanced, channel_maxima, observe};

/// Side of the square pictures, in pixels.
const SIDE_PIXELS: u32 = 448;
/// Every so manieth scene is silence, noise or a sound of nothing in view.
const NEGATIVES: u64 = 4;
/// Patches that are heard of each sound.
const PATCHES: usize = 4;

/// Scenes of one part of a corpus, half of them photographs, every fourth a negative.
pub fn scenes(corpus: &Corpus, split: Split, seed: u64, count: usize) -> anyhow::Result<Vec<Scene>> {
    let settings = Settings {
        side: SIDE_PIXELS,
        seconds: 4.0,
        photograph_share: 0.5,
        ..Settings::default()
    };
    let composer = Composer::with_settings(corpus, split, seed, settings)?;
    (0..count as u64)
        .map(|index| {
            let negative = index % NEGATIVES == NEGATIVES - 1;
            Ok(if negative {
                composer.negative(index)?
            } else {
                composer.compose(index)?
            })
        })
        .collect()
}

/// The inputs that the networks of a bundle get of scenes.
#[derive(Debug)]
pub struct Inputs {
    front_end: PictureFrontEnd,
    manifest: Manifest,
}

impl Inputs {
    /// As the bundle's manifest has it.
    pub fn new(manifest: &Manifest) -> Self {
        let input = &manifest.picture;
        Self {
            front_end: PictureFrontEnd::new(input.side_pixels, input.transform, input.mean, input.deviation),
            manifest: manifest.clone(),
        }
    }

    /// Shape of what the picture's network takes.
    pub fn picture_shape(&self) -> [usize; 4] {
        let side = self.manifest.picture.side_pixels;
        [1, 3, side, side]
    }

    /// Shape of what the sound's network takes.
    pub fn sound_shape(&self) -> [usize; 4] {
        match self.manifest.sound.front_end {
            SoundFrontEnd::LogMel => [1, 1, PATCH_FRAMES, BANDS],
            SoundFrontEnd::Spectrogram => {
                let frames = PaperSpectrogram::new(self.manifest.sound.rate_hz).frames();
                [1, 1, MEL_BANDS, frames]
            }
        }
    }

    /// A picture as the network takes it.
    pub fn picture(&mut self, scene: &Scene) -> anyhow::Result<Vec<f32>> {
        let mut pixels = vec![0.0; self.front_end.output_values()];
        self.front_end.prepare(&scene.picture, &mut pixels)?;
        Ok(pixels)
    }

    /// A sound as the network takes it: its first patches, or its one spectrogram.
    pub fn sounds(&self, sound: &Sound) -> anyhow::Result<Vec<Vec<f32>>> {
        let rate_hz = self.manifest.sound.rate_hz;
        let sound = resample(sound, rate_hz)?;
        Ok(match self.manifest.sound.front_end {
            SoundFrontEnd::LogMel => {
                let patches = log_mel_patches(&sound.samples);
                let patches = patches.outer_iter().take(PATCHES);
                patches.map(|patch| patch.iter().copied().collect()).collect()
            }
            SoundFrontEnd::Spectrogram => {
                let decibels = PaperSpectrogram::new(rate_hz).compute(&sound.samples);
                vec![decibels.iter().copied().collect()]
            }
        })
    }
}

/// Takes both networks apart and counts their values on the scenes, once to balance the channels and once more for the ranges;
/// `step` is called for each scene that is looked at and for each that is listened to, [`STEPS`] times for each scene.
pub fn look_and_listen(
    bundle: &Bundle,
    scenes: &[Scene],
    percentile: f64,
    step: &dyn Fn(),
) -> anyhow::Result<Observed> {
    let inputs = Inputs::new(&bundle.manifest);
    let (picture_shape, sound_shape) = (inputs.picture_shape(), inputs.sound_shape());
    let pictures = || {
        let mut inputs = Inputs::new(&bundle.manifest);
        scenes.iter().map(move |scene| {
            step();
            inputs.picture(scene)
        })
    };
    let sounds = || {
        scenes.iter().flat_map(|scene| {
            step();
            match inputs.sounds(&scene.sound) {
                Ok(patches) => patches.into_iter().map(Ok).collect(),
                Err(cause) => vec![Err(cause)],
            }
        })
    };
    Ok(Observed {
        vision: twice(Network::decode(&bundle.vision)?, &picture_shape, pictures)?,
        audio: twice(Network::decode(&bundle.audio)?, &sound_shape, sounds)?,
        percentile,
    })
}

/// How often [`look_and_listen`] takes a step for each scene.
pub const STEPS: u64 = 4;

fn twice<Examples: Iterator<Item = anyhow::Result<Vec<f32>>>>(
    plain: Network,
    shape: &[usize],
    examples: impl Fn() -> Examples,
) -> anyhow::Result<ObservedNetwork> {
    let maxima = channel_maxima(&plain, &plain.convolved(Layers::All), shape, examples())?;
    let balanced = balanced(&plain, &maxima, Layers::All);
    let histograms = observe(&balanced, &balanced.convolved(Layers::All), shape, examples())?;
    Ok(ObservedNetwork {
        plain,
        balanced,
        histograms,
    })
}
