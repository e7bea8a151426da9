//! From percepts to a target: what to look at, and when to let it go.
//!
//! ```text
//!          found           for min_evidence         silent            for hold          for return_home
//!   Idle ────────► Candidate ────────► Tracking ────────► Holding ────────► Idle ────────► Home
//!    ▲               │  contradicted      ▲                  │ found again
//!    └───────────────┘                    └──────────────────┘
//! ```
//!
//! Only accepted percepts count: silence, noise and sounds whose source is not in view move nothing. Attention thinks in
//! bearings, directions in the room, since the camera turns: [`optics`] brings places in the picture there and back. Everything
//! here is a pure function of percepts and of the clock that they bring along.

mod attender;
pub mod optics;
mod settings;
mod zone;

pub use attender::{Attender, Attention, Perceived, State};
pub use optics::{CameraView, Optics, OpticsSettings};
pub use settings::AttentionSettings;
pub(crate) use settings::seconds;
pub use zone::Zone;
