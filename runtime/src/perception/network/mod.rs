//! Networks by operators of our own: convolutions, depthwise convolutions and poolings over channels in blocks of sixteen.

pub mod blocked;
pub mod dense;
pub mod depthwise;
pub mod integer;
mod lanes;
pub mod machine;
pub mod map;
pub mod max_pool;
pub mod planar;
pub mod product;
pub mod program;
pub mod read;
mod tile;
pub mod translate;
pub mod unpack;
pub mod window;
pub mod winograd;
pub mod workers;

#[cfg(test)]
mod tests;
