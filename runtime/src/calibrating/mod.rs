//! Procedures that drive the devices to fit the numbers of this very device. None of them prints.

pub mod listening;
pub mod room;
