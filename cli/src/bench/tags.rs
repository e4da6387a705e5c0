//! What tags and hashes cost in processor time, measured on a request of the run itself.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use approvals::store::requests::Record;
use approvals::store::table::authentic;
use approvals::store::table::walk::{Look, Segment};
use approvals::store::{Freshness, Item, Stores, keys};

use crate::dev::secrets::Secrets;

/// How often each is done.
const TIMES: u32 = 500;

/// Microseconds for one item each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tags {
    /// To tag an item and its commits.
    pub(super) made: f64,
    /// To check its tag.
    pub(super) checked: f64,
    /// To read it with its chain and its payload's hash.
    pub(super) read: f64,
    /// To check its tag and those of its commits, as the archive does.
    pub(super) archived: f64,
}

/// Writes of a request in a lifecycle: each is tagged, and each is archived.
const WRITES: f64 = 3.0;

impl Tags {
    /// Microseconds of a lifecycle at most: its writes are tagged and archived, every other call is checked, and the request is read before
    /// each vote and for its history.
    pub(super) fn of_lifecycle(&self, calls: f64) -> f64 {
        WRITES * (self.made + self.read + self.archived) + (calls - WRITES).max(0.0) * self.checked
    }
}

/// Measures; none if the run left no request.
pub(super) async fn measure(stores: &Stores, folder: &Path) -> Option<Tags> {
    let tags = Secrets::open(folder).ok()?.tags;
    let item = some_request(stores).await?;
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(authentic::sign(&tags, item.clone()).await.ok()?);
    }
    let made = each(began);
    let began = Instant::now();
    for _ in 0..TIMES {
        authentic::check(&tags, black_box(&item), None).await.ok()?;
    }
    let checked = each(began);
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(Record::read(&item).ok()?);
    }
    let read = each(began);
    let began = Instant::now();
    for _ in 0..TIMES {
        authentic::check(&tags, black_box(&item), None).await.ok()?;
        black_box(authentic::check_commits(&tags, &item).await.ok()?);
    }
    Some(Tags { made, checked, read, archived: each(began) })
}

fn each(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}

/// A request as the run left it: three commits.
async fn some_request(stores: &Stores) -> Option<Item> {
    let (partitions, attributes) = (&[keys::REQUESTS][..], &[keys::PK, keys::SK][..]);
    let mut next = None;
    loop {
        let look = Look { attributes, partitions, segment: Segment::WHOLE, freshness: Freshness::Eventual, limit: None };
        let page = stores.table.walk(look, next).await.ok()?;
        if let Some(key) = page.items.iter().filter_map(Item::key).find(|key| key.sk == keys::MAIN) {
            return stores.table.get(&key, Freshness::Strong).await.ok()?;
        }
        next = Some(page.next?);
    }
}
