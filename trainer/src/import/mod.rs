//! Takes checkpoints from elsewhere: the published ones of the paper, and ImageNet's for a start.
//!
//! Nothing in a checkpoint is ever run. A pickle is read as data by a parser that knows how PyTorch lays out tensors, and what
//! else it asks Python to call is refused by name.

pub mod arguments;
pub mod checkpoint;
pub mod error;
#[cfg(test)]
mod fixture;
pub mod published;
pub mod start;
pub mod verify;

pub use error::ImportError;

#[cfg(test)]
mod tests;
