//! Finds what is making the sound in a picture.

pub mod perception;
