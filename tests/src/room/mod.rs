//! A room that is not there, to try the whole loop in: a wide photograph with things at known bearings and their sounds, a simulated
//! head that turns a camera in it, and the real model, attention and controller. No time passes but by a clock told to go on, so
//! that hours take minutes, and the same run twice is the same to the bit.

mod closed;
mod figures;
mod material;
mod photograph;
mod soundscape;

pub use closed::{Closed, Conditions, Record};
pub use figures::{Approach, approach, centred_degrees, movements, swings};
pub use material::{Material, recording};
pub use photograph::{Placed, Thing, panorama};
pub use soundscape::{Soundscape, Steady};
