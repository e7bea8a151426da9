//! `lookhear`: the device.

fn main() {}
