//! From pixels and samples to a percept: front ends, encoders, heatmap.
