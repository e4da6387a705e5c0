//! Reads a log's tiles: many side by side, and on to what the log holds now.

use approvals_domain::ids::TenantId;
use audit_log::tile::{self, Kind, Tile};
use futures_util::future::try_join_all;
use object_store::ObjectStoreExt;

use crate::archiver::{Archiver, Error, Head, file};
use crate::held::Held;

/// Files fetched side by side.
const SIDE_BY_SIDE: usize = 16;

impl Archiver {
    /// Reads on to a head whose files are uploaded.
    pub(crate) async fn catch_up(&self, held: &mut Held, tenant: &TenantId, head: &Head) -> Result<(), Error> {
        let from = held.size();
        if from >= head.size {
            return Ok(());
        }
        // The size read, cut to a whole tile.
        let first = from / u64::from(tile::WIDTH);
        let mut indexes = first..tile::count(Kind::Hashes(0), head.size);
        while !indexes.is_empty() {
            let some: Vec<u64> = indexes.by_ref().take(SIDE_BY_SIDE).collect();
            for (tile, bytes) in fetch(self, tenant, Kind::Hashes(0), &some, head.size).await? {
                let hashes = tile::hashes(&bytes, tile.width).map_err(|error| self.damaged(tenant, format!("`{tile}`: {error}")))?;
                let known = held.size().saturating_sub(tile.index * u64::from(tile::WIDTH));
                for hash in hashes.into_iter().skip(usize::try_from(known).unwrap_or(usize::MAX)) {
                    held.push(hash);
                }
            }
        }
        // A tile that was tampered with must not pass for leaves that are there.
        if held.settle() == head.root { Ok(()) } else { Err(self.damaged(tenant, "its tiles do not have the root that was signed")) }
    }
}

/// Files of one kind in the order of their places.
pub(crate) async fn fetch(
    archiver: &Archiver,
    tenant: &TenantId,
    kind: Kind,
    indexes: &[u64],
    size: u64,
) -> Result<Vec<(Tile, Vec<u8>)>, Error> {
    let files = indexes.iter().map(|index| async {
        let tile = Tile { kind, index: *index, width: tile::width(kind, *index, size) };
        let bytes = archiver.objects.get(&file(tenant, &tile.to_string())).await?.bytes().await?.to_vec();
        Ok::<_, Error>((tile, bytes))
    });
    let mut found = try_join_all(files).await?;
    found.sort_unstable_by_key(|(tile, _)| tile.index);
    Ok(found)
}
