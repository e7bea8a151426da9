//! From sound to its embedding: a whole sound at once, or a stream in which every stretch is heard once.

use std::collections::VecDeque;
use std::time::Duration;

use lookhear_board::Sound;

use super::encoder::{Backend, Encoder, EncoderError};
use super::heatmap::normalise;
use super::log_mel::{self, PATCH_HOP_SAMPLES, PATCH_SAMPLES, PatchStream};
use super::manifest::{SoundFrontEnd, SoundInput};
use super::resample::{ResampleError, resample};
use super::spectrogram::{self, PaperSpectrogram};

/// Seconds between two embeddings of a stream: YAMNet's patch hop.
const HOP_SECONDS: f64 = PATCH_HOP_SAMPLES as f64 / log_mel::RATE_HZ as f64;
/// Embeddings kept beyond the window, for pictures that come later than the sound they belong to.
const LATE_EMBEDDINGS: usize = 8;

/// Why a sound cannot be heard.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// There are no samples.
    #[error("the sound is empty; give one that lasts at least a few hundredths of a second")]
    Empty,
    /// Its rate cannot be brought to the model's.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// The audio network cannot be run.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
}

/// A sound as the model understands it: a unit vector, or zeros where there is nothing to hear.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SoundEmbedding(Vec<f32>);

impl SoundEmbedding {
    /// Scales the sum or mean of embeddings to unit length; nothing stays nothing.
    pub fn from_sum(mut sum: Vec<f32>) -> Self {
        normalise(&mut sum);
        Self(sum)
    }

    /// One value a channel.
    pub fn values(&self) -> &[f32] {
        &self.0
    }
}

/// The part of the model that hears.
pub struct Ear {
    rate_hz: u32,
    encoder: Encoder,
    front_end: FrontEnd,
    /// The newest embeddings of the stream, oldest first.
    heard: VecDeque<Heard>,
    /// Memory for those to come.
    spare: Vec<Vec<f32>>,
    /// How many of them make up a window.
    window_embeddings: usize,
}

enum FrontEnd {
    LogMel {
        stream: PatchStream,
        patches: u64,
    },
    Spectrogram {
        spectrogram: PaperSpectrogram,
        recent: VecDeque<f32>,
        heard_samples: u64,
        next_end: u64,
        window_samples: usize,
    },
}

/// One stretch of a stream, understood.
#[derive(Debug)]
struct Heard {
    /// Counted in samples from the start of the stream.
    end_sample: u64,
    embedding: Vec<f32>,
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Ear({} Hz, {:?})", self.rate_hz, self.encoder)
    }
}

impl FrontEnd {
    /// With the shape of what it gives to the network, and over how many embeddings the window reaches.
    fn new(input: &SoundInput) -> ([usize; 4], Self, usize) {
        match input.front_end {
            SoundFrontEnd::LogMel => {
                let embeddings = (f64::from(input.window_seconds) / HOP_SECONDS).round() as usize;
                let front_end = Self::LogMel {
                    stream: PatchStream::new(),
                    patches: 0,
                };
                (
                    [1, 1, log_mel::PATCH_FRAMES, log_mel::BANDS],
                    front_end,
                    embeddings.saturating_sub(1).max(1),
                )
            }
            SoundFrontEnd::Spectrogram => {
                let spectrogram = PaperSpectrogram::new(input.rate_hz);
                let shape = [1, 1, spectrogram::MEL_BANDS, spectrogram.frames()];
                let window_samples = (f64::from(input.window_seconds) * f64::from(input.rate_hz)).round() as usize;
                let front_end = Self::Spectrogram {
                    spectrogram,
                    recent: VecDeque::with_capacity(window_samples),
                    heard_samples: 0,
                    next_end: hop_samples(input.rate_hz),
                    window_samples,
                };
                (shape, front_end, 1)
            }
        }
    }
}

impl Ear {
    /// Prepares the audio network of a bundle.
    pub fn new(input: &SoundInput, onnx: &[u8], backend: &Backend) -> Result<Self, EncoderError> {
        let (shape, front_end, window_embeddings) = FrontEnd::new(input);
        let encoder = Encoder::load("audio.onnx", onnx, &shape, backend)?;
        Ok(Self::with(encoder, input, front_end, window_embeddings))
    }

    /// An ear of an audio network that is there, which has heard nothing yet. `input` is what the network was prepared for.
    pub fn of(encoder: Encoder, input: &SoundInput) -> Self {
        let (_, front_end, window_embeddings) = FrontEnd::new(input);
        Self::with(encoder, input, front_end, window_embeddings)
    }

    /// What runs the audio network.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    fn with(encoder: Encoder, input: &SoundInput, front_end: FrontEnd, window_embeddings: usize) -> Self {
        let most = window_embeddings + LATE_EMBEDDINGS;
        let channels: usize = encoder.output_shape().iter().product();
        Self {
            rate_hz: input.rate_hz,
            encoder,
            front_end,
            heard: VecDeque::with_capacity(most),
            spare: (0..most).map(|_| Vec::with_capacity(channels)).collect(),
            window_embeddings,
        }
    }

    /// Shape of what the audio network takes.
    pub fn input_shape(&self) -> &[usize] {
        self.encoder.input_shape()
    }

    /// Length of the embedding, in channels.
    pub fn embedding_channels(&self) -> usize {
        self.encoder.output_shape().iter().product()
    }

    /// Samples a second that [`push`](Self::push) takes.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Understands a whole sound of any rate: the mean over its patches.
    pub fn hear(&mut self, sound: &Sound) -> Result<SoundEmbedding, SoundError> {
        if sound.samples.is_empty() {
            return Err(SoundError::Empty);
        }
        let sound = resample(sound, self.rate_hz)?;
        let mut sum = vec![0.0; self.embedding_channels()];
        match &mut self.front_end {
            FrontEnd::LogMel { .. } => {
                for patch in log_mel::log_mel_patches(&sound.samples).outer_iter() {
                    add(&mut sum, self.encoder.run(patch.as_slice().unwrap_or_default())?);
                }
            }
            FrontEnd::Spectrogram { spectrogram, .. } => {
                add(
                    &mut sum,
                    self.encoder
                        .run(spectrogram.compute(&sound.samples).as_slice().unwrap_or_default())?,
                );
            }
        }
        Ok(SoundEmbedding::from_sum(sum))
    }

    /// Hears the next samples of a stream at [`rate_hz`](Self::rate_hz). Each stretch of it is understood once, and no picture
    /// pays for it again.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), SoundError> {
        let Self {
            encoder,
            front_end,
            heard,
            spare,
            window_embeddings,
            rate_hz,
        } = self;
        let most = *window_embeddings + LATE_EMBEDDINGS;
        let mut keep = |end_sample: u64, embedding: &[f32]| {
            let oldest = if heard.len() >= most { heard.pop_front() } else { None };
            let kept = oldest.map(|oldest| oldest.embedding).or_else(|| spare.pop());
            let mut kept = kept.unwrap_or_default();
            kept.clear();
            kept.extend_from_slice(embedding);
            heard.push_back(Heard {
                end_sample,
                embedding: kept,
            });
        };
        match front_end {
            FrontEnd::LogMel { stream, patches } => {
                let mut outcome = Ok(());
                stream.push(samples, |patch| {
                    let end_sample = PATCH_SAMPLES as u64 + *patches * PATCH_HOP_SAMPLES as u64;
                    *patches += 1;
                    match encoder.run(patch) {
                        Ok(embedding) => keep(end_sample, embedding),
                        Err(cause) => outcome = Err(cause.into()),
                    }
                });
                outcome
            }
            FrontEnd::Spectrogram {
                spectrogram,
                recent,
                heard_samples,
                next_end,
                window_samples,
            } => {
                for &sample in samples {
                    if recent.len() >= *window_samples {
                        recent.pop_front();
                    }
                    recent.push_back(sample);
                    *heard_samples += 1;
                    if *heard_samples == *next_end {
                        *next_end += hop_samples(*rate_hz);
                        let decibels = spectrogram.compute(recent.make_contiguous());
                        keep(*heard_samples, encoder.run(decibels.as_slice().unwrap_or_default())?);
                    }
                }
                Ok(())
            }
        }
    }

    /// Forgets the stream: after a gap the window across it is not to be trusted.
    pub fn reset(&mut self) {
        self.spare.extend(self.heard.drain(..).map(|heard| heard.embedding));
        match &mut self.front_end {
            FrontEnd::LogMel { stream, patches } => {
                stream.reset();
                *patches = 0;
            }
            FrontEnd::Spectrogram {
                recent,
                heard_samples,
                next_end,
                ..
            } => {
                recent.clear();
                *heard_samples = 0;
                *next_end = hop_samples(self.rate_hz);
            }
        }
    }

    /// What the stream sounded like in the window that ends at a moment, counted from the start of the stream; `None` before
    /// the first whole patch.
    pub fn embedding_until(&self, moment: Duration) -> Option<SoundEmbedding> {
        let mut embedding = SoundEmbedding::default();
        self.embed_until(moment, &mut embedding).then_some(embedding)
    }

    /// The same, into an embedding that is there; `false`, and nothing of worth in it, before the first whole patch.
    pub fn embed_until(&self, moment: Duration, into: &mut SoundEmbedding) -> bool {
        let last_sample = (moment.as_secs_f64() * f64::from(self.rate_hz)).round() as u64;
        let SoundEmbedding(sum) = into;
        sum.clear();
        sum.resize(self.embedding_channels(), 0.0);
        let within = self
            .heard
            .iter()
            .rev()
            .filter(|heard| heard.end_sample <= last_sample)
            .take(self.window_embeddings);
        let embeddings = within.map(|heard| add(sum, &heard.embedding)).count();
        normalise(sum);
        embeddings > 0
    }
}

fn hop_samples(rate_hz: u32) -> u64 {
    ((HOP_SECONDS * f64::from(rate_hz)).round() as u64).max(1)
}

fn add(sum: &mut [f32], embedding: &[f32]) {
    sum.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += value);
}
