//! Give it a picture and the sound before it, get a percept.

use std::time::Duration;

use lookhear_board::{Picture, Sound};

use super::bundle::Bundle;
use super::encoder::{Backend, Encoder, EncoderError, SharedNetwork};
use super::listener::{Ear, SoundEmbedding, SoundError};
use super::manifest::Manifest;
use super::mean_shift::MeanShift;
use super::percept::Percept;
use super::picture::{PictureError, PictureFrontEnd};

/// Why there is no percept.
#[derive(Debug, thiserror::Error)]
pub enum LocaliserError {
    /// This picture cannot be used: go on with the next.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// This sound cannot be used: go on with the next.
    #[error(transparent)]
    Sound(#[from] SoundError),
    /// The networks cannot be used: choose another backend or another bundle.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The networks do not have the shapes that the bundle's `model.toml` states: bring another bundle.
    #[error(
        "the bundle's {network} network gives {found:?} where its model.toml states {stated:?}; export the model again"
    )]
    Shape {
        /// `vision` or `audio`.
        network: &'static str,
        /// From the network.
        found: Vec<usize>,
        /// From the manifest.
        stated: Vec<usize>,
    },
}

/// A model, ready to localise.
#[derive(Debug)]
pub struct Localiser {
    manifest: Manifest,
    front_end: PictureFrontEnd,
    vision: Encoder,
    ear: Ear,
    pixels: Vec<f32>,
    mean_shift: MeanShift,
}

impl Localiser {
    /// Prepares a bundle's networks for a backend.
    pub fn new(bundle: &Bundle, backend: &Backend) -> Result<Self, LocaliserError> {
        let manifest = bundle.manifest.clone();
        let input = &manifest.picture;
        let vision = Encoder::load(
            "vision.onnx",
            &bundle.vision,
            &[1, 3, input.side_pixels, input.side_pixels],
            backend,
        )?;
        let stated = vec![1, manifest.embedding_channels, input.map_cells, input.map_cells];
        if vision.output_shape() != stated {
            return Err(LocaliserError::Shape {
                network: "vision",
                found: vision.output_shape().to_vec(),
                stated,
            });
        }
        let ear = Ear::new(&manifest.sound, &bundle.audio, backend)?;
        if ear.embedding_channels() != manifest.embedding_channels {
            return Err(LocaliserError::Shape {
                network: "audio",
                found: vec![1, ear.embedding_channels()],
                stated: vec![1, manifest.embedding_channels],
            });
        }
        Ok(Self::of(manifest, vision, ear))
    }

    fn of(manifest: Manifest, vision: Encoder, ear: Ear) -> Self {
        let input = &manifest.picture;
        Self {
            front_end: PictureFrontEnd::new(input.side_pixels, input.transform, input.mean, input.deviation)
                .shared_by(vision.workers()),
            vision,
            ear,
            pixels: vec![0.0; 3 * input.side_pixels * input.side_pixels],
            mean_shift: MeanShift::default(),
            manifest,
        }
    }

    /// Another localiser for another camera: it shares the networks' weights, has the threads of `backend`, and hears nothing of
    /// what this one hears.
    ///
    /// # Errors
    /// When tract cannot begin the networks once more.
    pub fn sibling(&self, backend: &Backend) -> Result<Self, LocaliserError> {
        let ear = Ear::of(self.ear.encoder().sibling(backend)?, &self.manifest.sound);
        Ok(Self::of(self.manifest.clone(), self.vision.sibling(backend)?, ear))
    }

    /// Its networks, for others.
    pub fn share(&self) -> SharedModel {
        SharedModel {
            vision: self.vision.share(),
            audio: self.ear.encoder().share(),
        }
    }

    /// What the bundle says of the model.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The part that sees.
    pub fn vision(&self) -> &Encoder {
        &self.vision
    }

    /// The part that hears, for sound that comes in a stream.
    pub fn ear(&mut self) -> &mut Ear {
        &mut self.ear
    }

    /// Understands a whole sound of any rate and length at once.
    pub fn hear(&mut self, sound: &Sound) -> Result<SoundEmbedding, LocaliserError> {
        Ok(self.ear.hear(sound)?)
    }

    /// Understands a picture alone: the unit vector of each cell of the map, `[channels, map_cells, map_cells]`, row-major.
    pub fn see(&mut self, picture: &Picture) -> Result<&[f32], LocaliserError> {
        self.front_end.prepare(picture, &mut self.pixels)?;
        Ok(self.vision.run(&self.pixels)?)
    }

    /// Runs the vision network once more on the picture before: what the network alone takes.
    ///
    /// # Errors
    /// When the network cannot be run.
    pub fn see_again(&mut self) -> Result<&[f32], LocaliserError> {
        Ok(self.vision.run(&self.pixels)?)
    }

    /// Finds where in a picture a sound comes from.
    ///
    /// # Errors
    /// When the picture cannot be read, or the networks cannot be run.
    pub fn localise(
        &mut self,
        picture: &Picture,
        sound: &SoundEmbedding,
        stamp: Duration,
    ) -> Result<Percept, LocaliserError> {
        let mut percept = Percept::default();
        self.localise_into(picture, sound, stamp, &mut percept)?;
        Ok(percept)
    }

    /// The same, into a percept that is there: on picture after picture of one size nothing is allocated, but for what the JPEG
    /// decoder and tract need.
    ///
    /// # Errors
    /// As for [`localise`](Self::localise); the percept is then as it was.
    pub fn localise_into(
        &mut self,
        picture: &Picture,
        sound: &SoundEmbedding,
        stamp: Duration,
        into: &mut Percept,
    ) -> Result<(), LocaliserError> {
        self.front_end.prepare(picture, &mut self.pixels)?;
        let seen = self.vision.run(&self.pixels)?;
        agreement(&self.manifest, &mut self.mean_shift, seen, sound, stamp, into);
        in_frame(&self.front_end, into, (picture.width, picture.height));
        Ok(())
    }

    /// Finds where another sound comes from in a picture that [`Localiser::see`] has understood; `size` is the picture's width and
    /// height in pixels.
    pub fn localise_again(
        &mut self,
        seen: &[f32],
        size: (usize, usize),
        sound: &SoundEmbedding,
        stamp: Duration,
    ) -> Percept {
        let mut percept = Percept::default();
        agreement(&self.manifest, &mut self.mean_shift, seen, sound, stamp, &mut percept);
        in_frame(&self.front_end, &mut percept, size);
        percept
    }
}

/// A model that localisers share for as long as one of them lives.
#[derive(Debug, Clone)]
pub struct SharedModel {
    vision: SharedNetwork,
    audio: SharedNetwork,
}

impl SharedModel {
    /// One more of them, as by [`Localiser::sibling`], with a manifest of its own: its threshold may be another. `None` where
    /// none is left.
    ///
    /// # Errors
    /// When tract cannot begin the networks once more.
    pub fn localiser(&self, manifest: &Manifest, backend: &Backend) -> Result<Option<Localiser>, LocaliserError> {
        let networks = self.vision.encoder(backend)?.zip(self.audio.encoder(backend)?);
        Ok(networks.map(|(vision, audio)| {
            let ear = Ear::of(audio, &manifest.sound);
            Localiser::of(manifest.clone(), vision, ear)
        }))
    }
}

/// Where what was seen and what was heard agree, in the coordinates of the map.
fn agreement(
    manifest: &Manifest,
    mean_shift: &mut MeanShift,
    seen: &[f32],
    sound: &SoundEmbedding,
    stamp: Duration,
    into: &mut Percept,
) {
    let mut heatmap = std::mem::take(&mut into.heatmap);
    let cells = manifest.picture.map_cells;
    heatmap.fill(seen, cells, cells, sound.values());
    let similarity = heatmap.similarity();
    *into = Percept {
        accepted: similarity >= manifest.threshold.similarity,
        peak: heatmap.peak(),
        centre: mean_shift.centre(&heatmap),
        probability: manifest.confidence.as_ref().map(|fit| fit.probability(similarity)),
        similarity,
        heatmap,
        stamp,
    };
}

/// Brings its places into the coordinates of the whole frame.
fn in_frame(front_end: &PictureFrontEnd, percept: &mut Percept, (width, height): (usize, usize)) {
    for point in [&mut percept.peak, &mut percept.centre] {
        (point.x, point.y) = front_end.to_frame(width, height, point.x, point.y);
    }
}
