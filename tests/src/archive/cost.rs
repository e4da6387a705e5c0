//! What an append to the archive costs, counted at its two doors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Vault, tenant, words};
use crate::stage::seam::Fault;

/// Calls of one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Append {
    /// To the table of locks, reads.
    pub(crate) lock_reads: u64,
    /// To the table of locks, writes.
    pub(crate) lock_writes: u64,
    /// Objects written.
    pub(crate) puts: u64,
    /// Objects read.
    pub(crate) gets: u64,
}

/// An append of `leaves` to a log that holds `before`, by a writer that was at it before.
pub(crate) async fn append(before: usize, leaves: usize) -> Append {
    let vault = Vault::new().await;
    let (archiver, seam, objects) = vault.archiver();
    for first in (0..before).step_by(1_000) {
        archiver.append(&tenant(), &words(first..before.min(first + 1_000))).await.unwrap();
    }
    let (puts, gets) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (put, get) = (Arc::clone(&puts), Arc::clone(&gets));
    objects.script(move |what| {
        let of = if what == "put" { &put } else { &get };
        of.fetch_add(1, Ordering::Relaxed);
        Fault::None
    });
    seam.take();
    archiver.append(&tenant(), &words(before..before + leaves)).await.unwrap();
    let calls = seam.take().calls;
    let count = |name: &str| calls.iter().filter(|call| *call == name).count() as u64;
    let (puts, gets) = (puts.load(Ordering::Relaxed), gets.load(Ordering::Relaxed));
    Append { lock_reads: count("GetItem"), lock_writes: count("PutItem"), puts, gets }
}
