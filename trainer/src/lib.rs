//! Learns where in a picture a sound comes from, without labels, and writes the bundle that the device serves.
