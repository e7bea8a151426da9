//! How well a model finds what sounds: scores on public protocols and on the raw map, beside what needs no input at all.

pub mod arguments;
pub mod baselines;
pub mod confidence;
pub mod corpus_report;
pub mod development;
mod development_table;
pub mod false_fires;
mod room_sound;
pub mod scores;
pub mod test_set;
