//! The precisions that a model is made in.

use lookhear::perception::bundle::Bundle;
use lookhear::perception::encoder::{Backend, CPU, CPU_INT8};
use lookhear_calibration::quantisation::RangeChoice;
use serde::Serialize;

use crate::export::graph::Storage;
use crate::export::quantise::{Histograms, Layers, Network, QuantiseError, in_half_precision, in_integers};

/// One way to store and compute a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Stored and computed in f32: what the others are held against
    Float32,
    /// Stored in f16, computed in f32
    Float16Weights,
    /// Stored in int8, computed in f32
    Int8Weights,
    /// Stored in int8, computed in int8 by the runtime's backend `cpu-int8`, without calibration
    Int8Backend,
    /// Convolutions computed in f16
    Float16,
    /// Dense convolutions in integers, ranges from the least to the greatest value
    Int8MinMax,
    /// Dense convolutions in integers, ranges that leave out the outermost values
    Int8Percentile,
    /// Dense convolutions in integers, ranges of least squared error
    Int8MeanSquare,
    /// All convolutions in integers, ranges of least squared error
    Int8AllLayers,
}

/// A network taken apart, and the same balanced, with what its values are on the calibration scenes.
#[derive(Debug)]
pub struct ObservedNetwork {
    /// As it is.
    pub plain: Network,
    /// With what goes into its convolutions balanced.
    pub balanced: Network,
    /// Of the balanced one.
    pub histograms: Histograms,
}

/// Both networks of a bundle.
#[derive(Debug)]
pub struct Observed {
    /// The picture's network.
    pub vision: ObservedNetwork,
    /// The sound's network.
    pub audio: ObservedNetwork,
    /// Share of an activation's values kept by [`Variant::Int8Percentile`], inside 0.5..1.
    pub percentile: f64,
}

impl Variant {
    /// All, as they stand in the table.
    pub const ALL: [Self; 9] = [
        Self::Float32,
        Self::Float16Weights,
        Self::Int8Weights,
        Self::Int8Backend,
        Self::Float16,
        Self::Int8MinMax,
        Self::Int8Percentile,
        Self::Int8MeanSquare,
        Self::Int8AllLayers,
    ];

    /// As it stands in file names and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float16Weights => "float16-weights",
            Self::Int8Weights => "int8-weights",
            Self::Int8Backend => "int8-backend",
            Self::Float16 => "float16",
            Self::Int8MinMax => "int8-min-max",
            Self::Int8Percentile => "int8-percentile",
            Self::Int8MeanSquare => "int8-mean-square",
            Self::Int8AllLayers => "int8-all-layers",
        }
    }

    /// As it stands in `model.toml`.
    pub fn precision(self) -> &'static str {
        match self {
            Self::Float32 => "f32",
            Self::Float16Weights => "f16 weights, computed in f32",
            Self::Int8Weights => "int8 weights with a scale per channel, computed in f32",
            Self::Int8Backend => "int8 weights with a scale per channel, fitted for the backend cpu-int8",
            Self::Float16 => "f16, convolutions computed in f16",
            Self::Int8MinMax => "int8, dense convolutions computed in int8, min-max ranges",
            Self::Int8Percentile => "int8, dense convolutions computed in int8, percentile ranges",
            Self::Int8MeanSquare => "int8, dense convolutions computed in int8, mean-square-error ranges",
            Self::Int8AllLayers => "int8, all convolutions computed in int8, mean-square-error ranges",
        }
    }

    /// Whether it computes in integers.
    pub fn is_integer(self) -> bool {
        matches!(
            self,
            Self::Int8Backend | Self::Int8MinMax | Self::Int8Percentile | Self::Int8MeanSquare | Self::Int8AllLayers
        )
    }

    /// What runs it.
    ///
    /// # Errors
    /// When the processor has no instructions for it.
    pub fn backend(self) -> anyhow::Result<Backend> {
        let backend = Backend::new(if self == Self::Int8Backend { CPU_INT8 } else { CPU }, 1)?;
        if let Some(caveat) = backend.caveat() {
            anyhow::bail!("`{}` cannot be measured: {caveat}", self.name());
        }
        Ok(backend)
    }

    /// The bundle in this precision, with the threshold and the scores of the one that it comes from.
    pub fn bundle(self, source: &Bundle, observed: &Observed) -> Result<Bundle, QuantiseError> {
        let network = |of: &ObservedNetwork| {
            let network = &of.plain;
            let integers = |choice, layers| in_integers(&of.balanced, &of.histograms, choice, layers);
            let share = observed.percentile;
            match self {
                Self::Float32 => Ok(network.encode(Storage::Float32)),
                Self::Float16Weights => Ok(network.encode(Storage::Float16)),
                Self::Int8Weights | Self::Int8Backend => Ok(network.encode(Storage::Int8)),
                Self::Float16 => in_half_precision(network),
                Self::Int8MinMax => integers(RangeChoice::MinMax, Layers::Dense),
                Self::Int8Percentile => integers(RangeChoice::Percentile { share }, Layers::Dense),
                Self::Int8MeanSquare => integers(RangeChoice::MeanSquareError, Layers::Dense),
                Self::Int8AllLayers => integers(RangeChoice::MeanSquareError, Layers::All),
            }
        };
        let mut manifest = source.manifest.clone();
        manifest.precision = self.precision().to_owned();
        Ok(Bundle {
            manifest,
            vision: network(&observed.vision)?,
            audio: network(&observed.audio)?,
        })
    }
}
