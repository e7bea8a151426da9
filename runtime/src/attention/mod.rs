//! From percepts to a target: what to look at, and when to let it go.
//!
//! ```text
//!          found           for min_evidence         silent            for hold          for return_home
//!   Idle ────────► Candidate ────────► Tracking ────────► Holding ────────► Idle ────────► Home
//!    ▲               │  contradicted      ▲                  │ found again
//!    └───────────────┘                    └──────────────────┘
//! ```
//!
//! Only accepted percepts count: silence, noise and sounds whose source is not in view move nothing. Everything here is a
//! pure function of percepts and of the clock that they bring along.

mod attender;
mod settings;

pub use attender::{Attender, Attention, State};
pub use settings::AttentionSettings;
