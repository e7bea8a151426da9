//! How well a model finds what sounds: scores on public protocols and on the raw map, beside what needs no input at all.

pub mod arguments;
pub mod baselines;
pub mod development;
mod development_table;
pub mod scores;
pub mod test_set;
