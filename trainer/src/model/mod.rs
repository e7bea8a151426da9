//! The networks: two pretrained backbones, and the projections that bring them into a common space.

pub mod affinity;
pub mod bridge;
pub mod efficient_net;
pub mod folding;
#[cfg(test)]
pub mod golden;
pub mod named;
pub mod networks;
pub mod paper;
pub mod projection;
pub mod weights;
pub mod yam_net;
