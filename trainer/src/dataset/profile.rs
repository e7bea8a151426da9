//! Which reading of the method to follow where the published code is odd.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How pictures are cut and transformed: the published code to the letter, or mended (METHOD, last table).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// As the published code does it, oddities included: to reproduce the paper.
    Paper,
    /// With the oddities mended: for everything else.
    #[default]
    Default,
}
