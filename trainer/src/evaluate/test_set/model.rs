//! A bundle's networks apart, so that a picture is seen once for all the sounds that are put to it.

use lookhear::actuation::heat::View;
use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::{Backend, Encoder};
use lookhear::perception::heatmap::{Heatmap, Point};
use lookhear::perception::listener::{Ear, SoundEmbedding};
use lookhear::perception::localiser::LocaliserError;
use lookhear::perception::manifest::PictureInput;
use lookhear::perception::picture::{PictureFrontEnd, PictureTransform};
use lookhear_board::{Picture, Sound};

/// The networks and front ends of a bundle, the same that serve it.
#[derive(Debug)]
pub struct Model {
    input: PictureInput,
    front_end: PictureFrontEnd,
    vision: Encoder,
    ear: Ear,
    pixels: Vec<f32>,
}

/// A picture as the model understands it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// Unit vectors, `[channels, cells, cells]`.
    values: Vec<f32>,
    cells: usize,
    /// Which part of the picture the model saw.
    pub view: View,
}

impl Model {
    /// Prepares the bundle on the CPU, to be shown that part of pictures which `transform` leaves.
    ///
    /// # Errors
    /// [`LocaliserError::Encoder`] and [`LocaliserError::Shape`].
    pub fn new(bundle: &Bundle, transform: PictureTransform) -> Result<Self, LocaliserError> {
        let manifest = &bundle.manifest;
        let input = PictureInput {
            transform,
            ..manifest.picture.clone()
        };
        let (side, cells, channels) = (input.side_pixels, input.map_cells, manifest.embedding_channels);
        let vision = Encoder::load("vision.onnx", &bundle.vision, &[1, 3, side, side], &Backend::default())?;
        let ear = Ear::new(&manifest.sound, &bundle.audio, &Backend::default())?;
        let shapes = [
            (
                "vision",
                vision.output_shape().to_vec(),
                vec![1, channels, cells, cells],
            ),
            ("audio", vec![1, ear.embedding_channels()], vec![1, channels]),
        ];
        for (network, found, stated) in shapes {
            if found != stated {
                return Err(LocaliserError::Shape { network, found, stated });
            }
        }
        Ok(Self {
            front_end: PictureFrontEnd::new(side, transform, input.mean, input.deviation),
            vision,
            ear,
            pixels: vec![0.0; 3 * side * side],
            input,
        })
    }

    /// What a picture is brought to, and how.
    pub fn input(&self) -> &PictureInput {
        &self.input
    }

    /// Understands a whole sound.
    ///
    /// # Errors
    /// [`LocaliserError::Sound`].
    pub fn hear(&mut self, sound: &Sound) -> Result<SoundEmbedding, LocaliserError> {
        Ok(self.ear.hear(sound)?)
    }

    /// Understands a picture.
    ///
    /// # Errors
    /// [`LocaliserError::Picture`] and [`LocaliserError::Encoder`].
    pub fn see(&mut self, picture: &Picture) -> Result<Sight, LocaliserError> {
        self.front_end.prepare(picture, &mut self.pixels)?;
        Ok(Sight {
            values: self.vision.run(&self.pixels)?.to_vec(),
            cells: self.input.map_cells,
            view: View::of_model(&self.input, picture.width, picture.height),
        })
    }
}

impl Sight {
    /// Where in what the model saw a sound is.
    pub fn heatmap(&self, sound: &SoundEmbedding) -> Heatmap {
        let mut heatmap = Heatmap::default();
        heatmap.fill(&self.values, self.cells, self.cells, sound.values());
        heatmap
    }

    /// A point of what the model saw as a point of the picture.
    pub fn in_picture(&self, point: Point) -> Point {
        let View { top_left, bottom_right } = self.view;
        Point {
            x: top_left.x + point.x * (bottom_right.x - top_left.x),
            y: top_left.y + point.y * (bottom_right.y - top_left.y),
        }
    }
}

/// Whether the picture or the sound is at fault, and others may do.
pub fn concerns_one_item(error: &LocaliserError) -> bool {
    use lookhear::perception::listener::SoundError;
    match error {
        LocaliserError::Picture(_) => true,
        LocaliserError::Sound(cause) => !matches!(cause, SoundError::Encoder(_)),
        LocaliserError::Encoder(_) | LocaliserError::Shape { .. } => false,
    }
}
