//! What a run computes on.

use std::str::FromStr;

use burn::tensor::Device;

/// A device by name: `cpu`, `cuda`, `cuda:1`, `libtorch`, `libtorch-cuda:0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceName {
    /// The processor, with burn's own kernels: the same numbers to the bit in every run.
    Cpu,
    /// An NVIDIA GPU, with kernels compiled at run time.
    Cuda(usize),
    /// The processor, with PyTorch's kernels.
    Libtorch,
    /// An NVIDIA GPU, with PyTorch's kernels.
    LibtorchCuda(usize),
}

/// A device cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// Choose one of those there are.
    #[error("there is no device {0:?}; give cpu, cuda, cuda:1, libtorch or libtorch-cuda:0")]
    Unknown(String),
    /// Build the program with it, or choose another.
    #[error("this program is built without {0}; build it with `--features {0}`, or choose --device cpu")]
    NotBuilt(&'static str),
}

impl FromStr for DeviceName {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown(text.to_owned());
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number.parse().map_err(|_| unknown())?)),
            None => (text, None),
        };
        match (name, number) {
            ("cpu", None) => Ok(Self::Cpu),
            ("libtorch", None) => Ok(Self::Libtorch),
            ("cuda", number) => Ok(Self::Cuda(number.unwrap_or(0))),
            ("libtorch-cuda", number) => Ok(Self::LibtorchCuda(number.unwrap_or(0))),
            _ => Err(unknown()),
        }
    }
}

impl DeviceName {
    /// The device itself.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            Self::Cuda(number) => Ok(Device::cuda(number)),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda(_) => Err(DeviceError::NotBuilt("cuda")),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => Ok(libtorch::processor()),
            #[cfg(feature = "libtorch")]
            Self::LibtorchCuda(number) => Ok(libtorch::gpu(number)),
            #[cfg(not(feature = "libtorch"))]
            Self::Libtorch | Self::LibtorchCuda(_) => Err(DeviceError::NotBuilt("libtorch")),
        }
    }
}

/// burn means to give up libtorch for kernels of its own, which are not as fast on processors yet.
#[cfg(feature = "libtorch")]
#[allow(deprecated)]
mod libtorch {
    use burn::tensor::Device;

    pub fn processor() -> Device {
        keep_memory();
        Device::libtorch()
    }

    /// Keeps the memory that a step gives back for the next one. As the C library does it, large tensors are handed back to the
    /// system each time, and to clear the pages of new ones takes 6 % of a step; kept, a quarter more memory is resident.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code)]
    fn keep_memory() {
        // SAFETY: both only set a number inside the allocator, under its own lock.
        unsafe {
            libc::mallopt(libc::M_MMAP_MAX, 0);
            libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        }
    }

    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    fn keep_memory() {}

    pub fn gpu(number: usize) -> Device {
        Device::libtorch_cuda(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_with_their_number() {
        assert_eq!("cpu".parse(), Ok(DeviceName::Cpu));
        assert_eq!("cuda:2".parse(), Ok(DeviceName::Cuda(2)));
        assert_eq!("libtorch-cuda".parse(), Ok(DeviceName::LibtorchCuda(0)));
        for wrong in ["", "gpu", "cuda:x", "cpu:0", "cuda:-1"] {
            assert_eq!(wrong.parse::<DeviceName>(), Err(DeviceError::Unknown(wrong.to_owned())));
        }
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn what_is_not_built_is_said() {
        let error = DeviceName::Cuda(0).open().err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("--features cuda")));
    }
}
