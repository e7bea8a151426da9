//! From frames and sound to percepts and attention, in time with each other.

#[cfg(feature = "devices")]
pub mod live;
pub mod offline;
pub mod sound_feed;
pub mod summary;

pub use offline::{Moment, Offline, OfflineSettings};
pub use sound_feed::SoundFeed;
pub use summary::{Summary, Verdict};
