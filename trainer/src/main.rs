//! `lookhear-train`: the workbench.

fn main() {}
