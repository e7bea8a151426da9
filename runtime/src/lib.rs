//! Finds what is making the sound in a picture.

pub mod actuation;
pub mod attention;
#[cfg(feature = "devices")]
pub mod calibrating;
#[cfg(feature = "devices")]
pub mod configuration;
#[cfg(feature = "devices")]
pub mod device;
pub mod exchange;
pub mod perception;
pub mod pipeline;
