//! How far a consumer has read, kept in the data folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The last handled record of each shard. The file may lag behind what was handled, never lead: records are then
/// delivered again, which every handler bears.
#[derive(Debug)]
pub(super) struct Position {
    file: PathBuf,
    kept: Kept,
    /// Since when something is handled that the file does not say.
    behind_since: Option<Instant>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// A table made anew has a new stream; what stands here of another stream is void.
    stream: String,
    shards: BTreeMap<String, String>,
}

impl Position {
    /// The position of `consumer` on `stream`; from the beginning if nothing (legible) is kept.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub(super) fn load(folder: &Path, consumer: &str, stream: &str) -> std::io::Result<Self> {
        let folder = folder.join("positions");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{consumer}.json"));
        let kept = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error),
        };
        let kept = if kept.stream == stream { kept } else { Kept { stream: stream.to_owned(), shards: BTreeMap::new() } };
        Ok(Self { file, kept, behind_since: None })
    }

    /// The last handled sequence number of `shard`.
    pub(super) fn after(&self, shard: &str) -> Option<&str> {
        self.kept.shards.get(shard).map(String::as_str)
    }

    /// Notes that everything of `shard` up to `sequence_number` is handled.
    pub(super) fn advance(&mut self, shard: &str, sequence_number: &str) {
        self.kept.shards.insert(shard.to_owned(), sequence_number.to_owned());
        self.behind_since.get_or_insert_with(Instant::now);
    }

    /// Whether the file says all that was handled.
    pub(super) fn is_kept(&self) -> bool {
        self.behind_since.is_none()
    }

    /// Whether the file has been behind for so long.
    pub(super) fn is_due(&self, after: Duration) -> bool {
        self.behind_since.is_some_and(|since| since.elapsed() >= after)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If the folder takes no file; it stays due then.
    pub(super) fn keep(&mut self) -> std::io::Result<()> {
        let fresh = self.file.with_extension("json.new");
        std::fs::write(&fresh, serde_json::to_vec(&self.kept)?)?;
        std::fs::rename(&fresh, &self.file)?;
        self.behind_since = None;
        Ok(())
    }
}

/// For each consumer of this folder, the lowest of its handled sequence numbers, or nothing if it has handled none.
///
/// # Errors
/// If the folder cannot be read.
pub(super) fn all(folder: &Path) -> std::io::Result<Vec<Option<String>>> {
    let folder = folder.join("positions");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            let kept: Kept = serde_json::from_slice(&std::fs::read(file)?).unwrap_or_default();
            // All numbers have the same length, so the order of text is the order of numbers.
            all.push(kept.shards.into_values().min());
        }
    }
    Ok(all)
}
