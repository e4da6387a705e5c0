//! Stream records live for a day, as on AWS, and here until each consumer has handled them besides.

use std::path::Path;

use dynoxide::storage_backend::Clock as _;

use super::database::Effect;
use super::{Engine, Error, position};

/// DynamoDB's own retention.
const KEPT_S: u64 = 24 * 60 * 60;

/// dynoxide shows the sequence number it stores plus this, to make it 21 digits long.
const SHOWN_OFFSET: u128 = 100_000_000_000_000_000_000;

/// The newest record always stays: dynoxide takes the next sequence number from it.
const DELETE: &str = "DELETE FROM _stream_records WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2 \
     AND created_at < ?3 AND CAST(sequence_number AS INTEGER) < \
     (SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1)";

impl Engine {
    /// Deletes the stream records of `table` that are older than a day by the engine's clock and that every consumer
    /// of this data folder has handled; gives their number. Without a consumer nothing is deleted.
    ///
    /// # Errors
    /// `Error::Folder` if the positions cannot be read, `Error::Failed` with the engine's reason.
    pub async fn trim(&self, table: &str) -> Result<usize, Error> {
        let Some(handled) = handled_by_all(&self.folder)? else {
            return Ok(0);
        };
        let before = i64::try_from(self.clock.now_unix_secs().saturating_sub(KEPT_S)).unwrap_or(i64::MAX);
        let table = table.to_owned();
        let deleted = self
            .operations
            .database()
            .run(Effect::OneCommit, move |storage| Ok(storage.conn().execute(DELETE, rusqlite::params![table, handled, before])?));
        deleted.await.map_err(|error| Error::Failed(error.to_string()))
    }
}

/// The stored sequence number up to which every known consumer has come.
fn handled_by_all(folder: &Path) -> std::io::Result<Option<i64>> {
    let handled = position::all(folder)?.into_iter().map(|shown| {
        let shown: Option<u128> = shown.and_then(|shown| shown.parse().ok());
        shown.and_then(|shown| i64::try_from(shown.checked_sub(SHOWN_OFFSET)?).ok()).unwrap_or(0)
    });
    Ok(handled.min())
}
