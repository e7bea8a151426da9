//! The device as a whole: its stages assembled from a configuration, and what it tells systemd and itself.

pub mod assembly;
pub mod memory;
pub mod notify;
pub mod sources;
pub mod store;

pub use assembly::{Device, DeviceError};
