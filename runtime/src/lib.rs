//! Finds what is making the sound in a picture.

pub mod actuation;
pub mod attention;
pub mod exchange;
pub mod perception;
pub mod pipeline;
