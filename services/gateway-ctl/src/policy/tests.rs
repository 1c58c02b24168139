//! The transition table, row by row, and the laws that hold whatever comes.

mod conflicts;
mod laws;
mod people;
pub(crate) mod run;
mod starts;
mod table;
mod troubles;
