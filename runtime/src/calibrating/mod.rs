//! Procedures that drive devices to measure what is fitted: which device to move, when to look, and when to refuse. They print
//! nothing, wait for nothing but the devices, and leave these as they were.

pub mod optics;
