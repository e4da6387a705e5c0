//! What lies in the table, and how it is read and written. One request is one item; one command is one conditional write.
//!
//! The table is one; its rooms are few. Each is a struct that touches its own kinds of keys, so that a function's fields say what it may
//! touch; a test holds them against its rights in `template.yaml`. [`table`] is DynamoDB below all of them: every key, every call of the SDK.

pub mod deliveries;
pub mod directory;
pub mod inboxes;
pub mod jobs;
pub mod paces;
pub mod requests;
pub mod sessions;
pub mod table;
pub mod webhook;

use std::sync::Arc;

pub use crate::runtime::pause::pause;
use deliveries::Underway;
use directory::templates::Cache;
pub use table::keys;
pub use table::walk::KeyWalk;
pub use table::{Ask, Condition, Error, Freshness, Item, Page, Range, Reason, Table, Write, Written};

/// Requests with their pages, texts and guards, and the indexes that list them.
#[derive(Debug, Clone)]
pub struct Requests {
    table: Table,
}

/// Hints: where a person's, a role's and the blocked steps are found; and lists of requests by entity, voter and whom they went back to.
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
    underway: Arc<Underway>,
}

/// Sessions of people in a browser.
#[derive(Debug, Clone)]
pub struct Sessions {
    table: Table,
}

/// How many commands of each person came lately, for who sends more than a few.
#[derive(Debug, Clone)]
pub struct Paces {
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
    /// See [`Sessions`].
    pub sessions: Sessions,
    /// See [`Paces`].
    pub paces: Paces,
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
            deliveries: Deliveries { table: table.clone(), underway: Arc::default() },
            sessions: Sessions { table: table.clone() },
            paces: Paces { table: table.clone() },
            keys: KeyWalk::new(table.clone()),
            table,
        }
    }
}
