//! The device as a whole: its stages assembled from a configuration, and what it tells systemd and itself.

pub mod assembly;
pub mod fitted;
pub mod memory;
pub mod models;
pub mod notify;
pub mod sources;
pub mod store;

pub use assembly::{Device, DeviceError};
pub use models::Models;
