//! A live device: capture, perception, attention and action, each a thread of its own, and a supervisor over them.
//!
//! ```text
//! camera ──── FrameLine ───┐
//!                          ├─► perception ── Perceived ─► attention ── Attention ─► ptz
//! microphone ─ sound line ─┘         └──────────── Status ─────┴──────────────────► screen, web, MQTT, lines
//! ```
//!
//! Between two stages lies either the newest value or a bounded queue; whoever is late misses something, and nobody waits for a
//! later stage.

pub mod aim;
pub mod capture;
pub mod head;
pub mod hearing;
pub mod perceive;
pub mod rate;
pub mod sound_line;
pub mod supervisor;
pub mod throttle;
