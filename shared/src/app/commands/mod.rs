//! Commands of the directory: each object says how it is read, decided and written; one loop executes them.

mod amend;
pub mod authority;
pub mod delegations;
pub mod documents;
pub mod endpoints;
pub mod people;
pub mod templates;

pub use amend::{Amend, Amended};
