//! What training minimises: the tri-map contrast on both views, and the equivariance between them.

pub mod equivariance;
pub mod trimap;
