//! Ablations: variations of one plan, each trained and scored on the same data, side by side in one table.

pub mod arguments;
pub mod grid;
mod held_out;
pub mod page;
pub mod record;
pub mod rows;
pub mod table;
pub mod test_set;
#[cfg(test)]
mod tests;
