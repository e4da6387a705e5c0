//! What the engine adds to dynoxide's SQLite file: durability that is checked, one index, and group commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::Error;

/// dynoxide 3.2.0 finds a write's sequence number as `MAX(CAST(sequence_number AS INTEGER))` over all stream records of
/// the table, and keeps no index on that: each write reads the whole stream, and throughput falls with every write. On
/// this expression index the maximum and `GetRecords` are one descent each. dynoxide is pinned for it.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS approvals_stream_position \
     ON _stream_records(table_name, CAST(sequence_number AS INTEGER))";

/// The pages of the write-ahead log (4 kB each) after which SQLite copies them into the file.
const CHECKPOINT_PAGES: u32 = 4_000;

/// SQLite's page cache, in kB: enough that the hot part of a development log stays in memory.
const CACHE_KB: u32 = 64_000;

/// `PRAGMA synchronous` as a number: SQLite syncs its log at every commit.
const FULL: i64 = 2;

/// Makes a fresh or old file ready. FULL is set and then read back, since SQLite ignores a pragma it does not like.
pub(super) fn prepare(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -{CACHE_KB}; \
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; {STREAM_INDEX};"
    ))?;
    match synchronous(connection)? {
        FULL => Ok(()),
        other => Err(Error::NotDurable(other)),
    }
}

/// SQLite's own answer: 0 OFF, 1 NORMAL, 2 FULL, 3 EXTRA.
pub(super) fn synchronous(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA synchronous", [], |row| row.get(0))
}

/// Several requests in one SQLite transaction, each a savepoint of it: one commit and one sync for all.
///
/// dynoxide begins and commits a transaction per request by itself. While a group is open, SQLite's authorizer
/// passes over those statements (`Ignore` makes them do nothing), and `attempt` does their work with savepoints.
pub(super) struct Group(Arc<AtomicBool>);

impl Group {
    /// Takes the authorizer of `connection`; once per connection.
    pub(super) fn on(connection: &Connection) -> Self {
        let open = Arc::new(AtomicBool::new(false));
        let is_open = Arc::clone(&open);
        connection.authorizer(Some(move |asked: AuthContext<'_>| match asked.action {
            AuthAction::Transaction { .. } if is_open.load(Ordering::Relaxed) => Authorization::Ignore,
            _ => Authorization::Allow,
        }));
        Self(open)
    }

    /// Opens the transaction of a group.
    pub(super) fn begin(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Runs `work` inside the group; if it fails (says `false`), what it wrote is undone and the group goes on.
    pub(super) fn attempt(&self, connection: &Connection, work: impl FnOnce() -> bool) -> rusqlite::Result<()> {
        connection.prepare_cached("SAVEPOINT request")?.execute([])?;
        if !work() {
            connection.prepare_cached("ROLLBACK TO request")?.execute([])?;
        }
        connection.prepare_cached("RELEASE request")?.execute([]).map(|_| ())
    }

    /// Commits the group; when this returns, all of it is on disk, or nothing.
    pub(super) fn commit(&self, connection: &Connection) -> rusqlite::Result<()> {
        self.0.store(false, Ordering::Relaxed);
        let committed = connection.execute_batch("COMMIT");
        if committed.is_err() && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        committed
    }
}
