//! What lies in the table, and how it is read and written. One request is one item; one command is one conditional write.
//!
//! The table is one; its rooms are few. Each is a struct that touches its own kinds of keys, so that a function's fields say what it may
//! touch; a test holds them against its rights in `template.yaml`. [`table`] is DynamoDB below all of them: every key, every call of the SDK.

pub mod deliveries;
pub mod directory;
pub mod inboxes;
pub mod jobs;
pub mod links;
pub mod requests;
pub mod table;
pub mod webhook;

use std::sync::Arc;

pub use crate::runtime::pause::pause;
use directory::templates::Cache;
pub use table::cursor::Cursors;
pub use table::keys;
pub use table::walk::KeyWalk;
pub use table::{Ask, Condition, Error, Freshness, Item, Page, Range, Reason, Table, Write, Written};

/// Requests with their pages, texts and guards, and the indexes that list them.
#[derive(Debug, Clone)]
pub struct Requests {
    table: Table,
}

/// Hints: where a person's, a role's and the blocked steps are found.
#[derive(Debug, Clone)]
pub struct Inboxes {
    table: Table,
}

/// Persons, roles, delegations, endpoints with their secrets, calendars, settings, preferences and templates; each with its commits.
#[derive(Debug, Clone)]
pub struct Directory {
    table: Table,
    cache: Arc<Cache>,
}

/// Jobs, and the index of what is due.
#[derive(Debug, Clone)]
pub struct Jobs {
    table: Table,
}

/// Notices on their way to people and systems.
#[derive(Debug, Clone)]
pub struct Deliveries {
    table: Table,
}

/// Action links, and the keys that make them.
#[derive(Debug, Clone)]
pub struct Links {
    table: Table,
}

/// All rooms over one table: for wiring alone, which hands each function its own.
#[derive(Debug, Clone)]
pub struct Stores {
    /// The table below, with the meter that all rooms share.
    pub table: Table,
    /// See [`Requests`].
    pub requests: Requests,
    /// See [`Inboxes`].
    pub inboxes: Inboxes,
    /// See [`Directory`].
    pub directory: Directory,
    /// See [`Jobs`].
    pub jobs: Jobs,
    /// See [`Deliveries`].
    pub deliveries: Deliveries,
    /// See [`Links`].
    pub links: Links,
    /// See [`KeyWalk`].
    pub keys: KeyWalk,
}

impl Stores {
    /// Over a table.
    pub fn new(table: Table) -> Self {
        Self::with(table, Arc::default())
    }

    /// The same rooms through another client, with the same memory of templates.
    #[must_use]
    pub fn through(&self, table: Table) -> Self {
        Self::with(table, Arc::clone(&self.directory.cache))
    }

    /// The same with a meter of its own.
    #[must_use]
    pub fn metered(&self) -> Self {
        self.through(self.table.metered())
    }

    fn with(table: Table, cache: Arc<Cache>) -> Self {
        Self {
            requests: Requests { table: table.clone() },
            inboxes: Inboxes { table: table.clone() },
            directory: Directory { table: table.clone(), cache },
            jobs: Jobs { table: table.clone() },
            deliveries: Deliveries { table: table.clone() },
            links: Links { table: table.clone() },
            keys: KeyWalk::new(table.clone()),
            table,
        }
    }
}
