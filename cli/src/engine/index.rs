//! What the engine adds to dynoxide's SQLite file: one index, one marker, and the say over syncing.

use rusqlite::Connection;

use super::Error;

/// dynoxide 3.2.0 finds a write's sequence number as `MAX(CAST(sequence_number AS INTEGER))` over all stream records of
/// the table, and keeps no index on that: each write reads the whole stream, and throughput falls with every write. On
/// this expression index the maximum and `GetRecords` are one descent each. dynoxide is pinned for it.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS approvals_stream_position \
     ON _stream_records(table_name, CAST(sequence_number AS INTEGER))";

/// A row whose commit carries the sync of a batch; see `database`.
const MARKER: &str = "CREATE TABLE IF NOT EXISTS approvals_sync (only INTEGER PRIMARY KEY CHECK (only = 1), batches INTEGER NOT NULL);
     INSERT OR IGNORE INTO approvals_sync (only, batches) VALUES (1, 0)";

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
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; {STREAM_INDEX}; {MARKER};"
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

/// Lets the commits that follow leave their sync to `sync_now`.
pub(super) fn sync_later(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = NORMAL")
}

/// Back to FULL, and one commit under it: SQLite then syncs its log, which holds every commit before this one.
pub(super) fn sync_now(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    if synchronous(connection)? != FULL {
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.prepare_cached("UPDATE approvals_sync SET batches = batches + 1")?.execute([]).map(|_| ())
}
