//! What lies in the table, and how it is read and written. One request is one item; one command is one conditional write.
//!
//! - [`table`] is DynamoDB: every key, every call of the SDK, units and errors;
//! - [`request`] loads and commits requests; [`directory`], [`roles`], [`documents`], [`endpoints`], [`templates`] the rest; [`queries`] the lists.

pub mod delegations;
pub mod deliveries;
pub mod directory;
pub mod documents;
pub mod endpoint_log;
pub mod endpoints;
pub mod jobs;
pub mod links;
pub mod queries;
pub mod request;
pub mod roles;
pub mod table;
pub mod templates;

pub use crate::runtime::pause::pause;
pub use table::keys;
pub use table::{Ask, Condition, Error, Freshness, Item, Page, Range, Reason, Write, Written};

/// The table with the methods of every room.
pub type Store = table::Table;
