//! Why a checkpoint is not imported.

use std::path::PathBuf;

use lookhear::perception::bundle::BundleError;
use lookhear::perception::encoder::EncoderError;

use crate::model::named::Misshapen;
use crate::model::weights::WeightsError;

/// How many names a message lists.
const LISTED: usize = 6;

/// Why a checkpoint is not imported, by what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read: mend the path or its permissions.
    #[error("the checkpoint {path:?} cannot be read: {cause}; check the path and its permissions")]
    Unreadable {
        /// Of the file.
        path: PathBuf,
        /// In the system's words.
        cause: std::io::Error,
    },
    /// The file is damaged, cut off or something else: bring another copy.
    #[error(
        "{path:?} is no whole checkpoint: {cause}; copy or download it again (PyTorch and safetensors files are read)"
    )]
    NotACheckpoint {
        /// Of the file.
        path: PathBuf,
        /// In the reader's words.
        cause: String,
    },
    /// The pickle asks for calls that no checkpoint needs: distrust its source.
    #[error(
        "the checkpoint {path:?} asks Python to call `{call}`, which no weights need; nothing of it was run. Take it from where it was \
         published, or have its owner save the bare state_dict"
    )]
    Suspicious {
        /// Of the file.
        path: PathBuf,
        /// Python's name of what it would have called.
        call: String,
    },
    /// The checkpoint is whole and another network's: bring the right one.
    #[error(
        "the checkpoint {path:?} is not of the {network}: {}{}; it has {found} tensors",
        listed("missing", missing.iter().cloned()),
        listed("of another shape", misshapen.iter().map(|Misshapen { name, expected, found }| format!("{name} {found:?} instead of {expected:?}")))
    )]
    Foreign {
        /// Of the file.
        path: PathBuf,
        /// What it was taken for.
        network: &'static str,
        /// Tensors that the network has and the checkpoint does not.
        missing: Vec<String>,
        /// Tensors that do not fit.
        misshapen: Vec<Misshapen>,
        /// How many tensors the checkpoint has.
        found: usize,
    },
    /// A ResNet-18 for pictures alone: use it as a start.
    #[error(
        "{path:?} is a ResNet-18 as torchvision names it: a start for the picture's encoder, not a whole model, as it hears nothing; \
         train from it with `lookhear-train fit --start {}`", path.display()
    )]
    OnlyAStart {
        /// Of the file.
        path: PathBuf,
    },
    /// A weight is infinite or no number at all: the training that wrote it went astray, bring an earlier checkpoint.
    #[error(
        "the checkpoint's `{name}` holds numbers that are infinite or none at all; take a checkpoint from before the training went astray"
    )]
    NotFinite {
        /// Of the tensor.
        name: String,
    },
    /// What was written does not compute what the networks compute: a fault of this program.
    #[error(
        "the bundle differs from the networks by {difference:.2e} ({what}), more than the {allowed:.0e} allowed; it was not written. This is a fault of lookhear-train: please report it"
    )]
    Verification {
        /// Which numbers.
        what: &'static str,
        /// The largest absolute one.
        difference: f32,
        /// The most that passes.
        allowed: f32,
    },
    /// The networks cannot be made from the weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The bundle cannot be written or read back.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle cannot be served.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
}

/// `; missing: a, b and 3 more`, or nothing.
fn listed(what: &str, names: impl ExactSizeIterator<Item = String>) -> String {
    let count = names.len();
    if count == 0 {
        return String::new();
    }
    let shown: Vec<String> = names.take(LISTED).collect();
    let more = count - shown.len();
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{what} {}{rest}; ", shown.join(", "))
}
