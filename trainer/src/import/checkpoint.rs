//! Tensors by name from a file of PyTorch's (zip, legacy or tar, pickled) or of safetensors.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader, Tensor};
use safetensors::{Dtype, SafeTensors};

use super::ImportError;
use crate::model::named::NamedTensor;

/// The key under which training code keeps the weights beside the optimiser's state.
const STATE: &str = "state_dict";
/// What `DataParallel` puts before every name.
const PARALLEL: &str = "module.";
/// No safetensors file of these networks comes near.
const MOST_BYTES: u64 = 4 << 30;
/// The longest header that the safetensors format allows.
const MOST_HEADER_BYTES: u64 = 100_000_000;
/// What checkpoints hold beside tensors, by the start of its Python name: numbers of NumPy's, kinds of numbers, devices, dates,
/// settings, schedules. Whatever else a pickle wants called has no place in one.
const HARMLESS: [&str; 27] = [
    "torch.Tensor",
    "torch.TypedStorage",
    "torch.UntypedStorage",
    "torch.Size",
    "torch.device",
    "torch.bool",
    "torch.float",
    "torch.bfloat16",
    "torch.int",
    "torch.uint",
    "torch.nn.modules.",
    "torch.nn.parameter.",
    "torch.optim.",
    "numpy.core.multiarray.",
    "numpy._core.multiarray.",
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.float",
    "numpy.int",
    "collections.",
    "datetime.",
    "pathlib.",
    "argparse.Namespace",
    "_codecs.encode",
    "copyreg._reconstructor",
    "copy_reg._reconstructor",
    // An integer too wide for 64 bits.
    "int",
];

/// A checkpoint whose table of contents has been read, and none of its numbers yet.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    tensors: BTreeMap<String, Entry>,
    /// Numbers that stand beside the weights: `epoch`, `best_miou`, `iteration`.
    pub facts: BTreeMap<String, f64>,
}

/// One tensor, not read yet.
#[derive(Debug)]
enum Entry {
    Pickled(Tensor),
    Plain {
        element: Element,
        shape: Vec<usize>,
        bytes: Vec<u8>,
    },
}

/// How a number is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    F64,
    F32,
    F16,
    Bf16,
    /// Integers and others, which are no weights.
    Other,
}

impl Checkpoint {
    /// Opens a file and reads what is in it, but for the numbers.
    ///
    /// # Errors
    /// [`ImportError::Unreadable`], [`ImportError::NotACheckpoint`] and [`ImportError::Suspicious`].
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let (tensors, facts) = if is_safetensors(path)? {
            (read_safetensors(path)?, BTreeMap::new())
        } else {
            read_pickled(path)?
        };
        let tensors = tensors.into_iter().map(|(name, entry)| {
            let bare = name.strip_prefix(PARALLEL).map(str::to_owned);
            (bare.unwrap_or(name), entry)
        });
        Ok(Self {
            path: path.to_owned(),
            tensors: tensors.collect(),
            facts,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensors' names, without `module.`.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Extents of a tensor, outermost first.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(match self.tensors.get(name)? {
            Entry::Pickled(tensor) => tensor.shape(),
            Entry::Plain { shape, .. } => shape,
        })
    }

    /// The numbers of a tensor as f32, from any kind of float; `None` when there is no such tensor, or it holds no floats.
    ///
    /// # Errors
    /// [`ImportError::NotACheckpoint`] and [`ImportError::Unreadable`] when the file does not give them,
    /// [`ImportError::NotFinite`].
    pub fn read(&self, name: &str) -> Result<Option<NamedTensor>, ImportError> {
        let Some(entry) = self.tensors.get(name) else {
            return Ok(None);
        };
        let (element, shape, values) = match entry {
            Entry::Plain { element, shape, bytes } => (*element, shape.as_slice(), floats(bytes, *element)),
            Entry::Pickled(tensor) => {
                let bytes = tensor.read().map_err(|cause| failed(&self.path, cause))?;
                let element = Element::from(tensor.dtype());
                (element, tensor.shape(), floats(&bytes, element))
            }
        };
        if element == Element::Other {
            return Ok(None);
        }
        if values.len() != shape.iter().product::<usize>() {
            return Err(ImportError::NotACheckpoint {
                path: self.path.clone(),
                cause: format!("`{name}` has {} numbers where its shape is {shape:?}", values.len()),
            });
        }
        if !values.iter().all(|value| value.is_finite()) {
            return Err(ImportError::NotFinite { name: name.to_owned() });
        }
        let shape = shape.to_vec();
        Ok(Some(NamedTensor { shape, values }))
    }
}

impl From<DType> for Element {
    fn from(kind: DType) -> Self {
        match kind {
            DType::F64 => Self::F64,
            DType::F32 => Self::F32,
            DType::F16 => Self::F16,
            DType::BF16 => Self::Bf16,
            _ => Self::Other,
        }
    }
}

impl From<Dtype> for Element {
    fn from(kind: Dtype) -> Self {
        match kind {
            Dtype::F64 => Self::F64,
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::Bf16,
            _ => Self::Other,
        }
    }
}

/// Both readers give the bytes of little-endian machines.
fn floats(bytes: &[u8], element: Element) -> Vec<f32> {
    fn each<const N: usize>(bytes: &[u8], float: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|&bytes| float(bytes)).collect()
    }
    match element {
        Element::F64 => each(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
        Element::F32 => each(bytes, f32::from_le_bytes),
        Element::F16 => each(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
        Element::Bf16 => each(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        Element::Other => Vec::new(),
    }
}

/// The format has no magic: a header's length, then the header, which is JSON.
fn is_safetensors(path: &Path) -> Result<bool, ImportError> {
    let unreadable = |cause| ImportError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(9).read_to_end(&mut start).map_err(unreadable)?;
    Ok(match start.split_first_chunk::<8>() {
        Some((length, b"{")) => u64::from_le_bytes(*length) <= MOST_HEADER_BYTES,
        _ => false,
    })
}

fn read_safetensors(path: &Path) -> Result<BTreeMap<String, Entry>, ImportError> {
    let not_whole = |cause: String| ImportError::NotACheckpoint {
        path: path.to_owned(),
        cause,
    };
    let unreadable = |cause| failed(path, cause);
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MOST_BYTES {
        return Err(not_whole(format!(
            "it has {length} bytes, more than any of these networks"
        )));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|cause| not_whole(cause.to_string()))?;
    let tensors = file.iter().map(|(name, view)| {
        let entry = Entry::Plain {
            element: view.dtype().into(),
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        };
        (name.to_owned(), entry)
    });
    Ok(tensors.collect())
}

type Pickled = (BTreeMap<String, Entry>, BTreeMap<String, f64>);

fn read_pickled(path: &Path) -> Result<Pickled, ImportError> {
    let failed = |cause: PytorchError| match cause {
        PytorchError::Io(cause) => failed(path, cause),
        cause => ImportError::NotACheckpoint {
            path: path.to_owned(),
            cause: cause.to_string(),
        },
    };
    let contents = PytorchReader::read_pickle_data(path, None).map_err(failed)?;
    if let Some(call) = suspicious(&contents) {
        return Err(ImportError::Suspicious {
            path: path.to_owned(),
            call: call.to_owned(),
        });
    }
    let PickleValue::Dict(contents) = contents else {
        return Err(ImportError::NotACheckpoint {
            path: path.to_owned(),
            cause: "it holds something else than tensors with names".to_owned(),
        });
    };
    let reader = match contents.get(STATE) {
        Some(PickleValue::Dict(_)) => PytorchReader::with_top_level_key(path, STATE),
        _ => PytorchReader::new(path),
    }
    .map_err(failed)?;
    let tensors = reader.into_tensors().into_iter();
    let facts = contents.into_iter().filter_map(|(name, value)| match value {
        PickleValue::Int(number) => Some((name, number as f64)),
        PickleValue::Float(number) if number.is_finite() => Some((name, number)),
        _ => None,
    });
    Ok((
        tensors.map(|(name, tensor)| (name, Entry::Pickled(tensor))).collect(),
        facts.collect(),
    ))
}

/// The first thing that the pickle would have had Python call, beyond what checkpoints hold. What the reader keeps no trace of
/// (the arguments of such calls) was not run either.
fn suspicious(value: &PickleValue) -> Option<&str> {
    match value {
        PickleValue::Unsupported(name) => (!HARMLESS.iter().any(|start| name.starts_with(start))).then_some(name),
        PickleValue::List(values) => values.iter().find_map(suspicious),
        PickleValue::Dict(values) => values.values().find_map(suspicious),
        _ => None,
    }
}

/// Tells a file that the system does not give from one that contradicts itself.
fn failed(path: &Path, cause: std::io::Error) -> ImportError {
    let path = path.to_owned();
    match cause.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => {
            ImportError::NotACheckpoint {
                path,
                cause: cause.to_string(),
            }
        }
        _ => ImportError::Unreadable { path, cause },
    }
}

#[cfg(test)]
mod tests;
