//! What lies between threads: the newest of something for the one who takes it, and the newest of something for all who look.
//!
//! Whoever writes is never held up: a lock is held for as long as it takes to swap two values or to copy a small one.

mod bulletin;
mod latest;
mod pulse;
mod viewfinder;

pub use bulletin::Bulletin;
pub use latest::Latest;
pub use pulse::Pulse;
pub use viewfinder::{Viewfinder, Watching};
