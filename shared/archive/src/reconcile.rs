//! What the stream did not bring, from the table itself: a consumer that was down for longer than the stream keeps its records, records that
//! were parked, a table that was restored, a data folder older than its archive.
//!
//! It reads the whole table page by page, and of each log the hashes of its leaves. A leaf that the log does not hold is appended; whoever
//! appends at the same time is seen by the swap, so no leaf is appended twice. If the log has another leaf in the same place of the same history, then
//! both cannot be: the leaf is appended with a violation beside it. Nothing is written to the table.

use std::collections::{BTreeMap, HashMap, HashSet};

use approvals::runtime::deadline::Deadline;
use approvals::runtime::metrics::{Unit, emit};
use approvals::store::keys::{PK, SK};
use approvals::store::table::authentic;
use approvals::store::table::walk::{Look, Segment};
use approvals::store::{self, Freshness, Item, Table};
use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use approvals_domain::limits;
use approvals_domain::time::Timestamp;
use audit_log::leaf::{self, Violation};
use audit_log::tile::{self, Kind};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::LOGGED;
use crate::archiver::{Archiver, Error};
use crate::held::Held;
use crate::rows::{self, Row, Told};
use crate::tiles::fetch;

pub use crate::rows::ATTRIBUTES;

/// Bundles of entries fetched side by side: each has up to 16 MB, and mostly 200 kB.
const BUNDLES: usize = 4;
/// Characters of a violation's words.
const WORDS: usize = 300;

/// Where in the table to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Partition.
    #[serde(rename = "PK")]
    pub pk: String,
    /// Within it.
    #[serde(rename = "SK")]
    pub sk: String,
}

impl Place {
    fn of(key: HashMap<String, AttributeValue>) -> Result<Self, store::Error> {
        let item = Item::from(key);
        Ok(Self { pk: item.s(PK)?.to_owned(), sk: item.s(SK)?.to_owned() })
    }

    fn key(self) -> HashMap<String, AttributeValue> {
        HashMap::from([(PK.to_owned(), AttributeValue::S(self.pk)), (SK.to_owned(), AttributeValue::S(self.sk))])
    }
}

/// What to reconcile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Only what was written then or later: so long the stream was whole.
    pub since: Option<Timestamp>,
    /// Where an earlier one stopped.
    pub place: Option<Place>,
}

/// What was found and done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Where to go on; none: it is through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Place>,
    /// Items of the table that tell leaves.
    pub items: u64,
    /// Leaves that stood in their log.
    pub held: u64,
    /// Leaves appended, violations among them.
    pub appended: u64,
    /// What the table says and the log does not, or the other way round; each is told once.
    pub violations: u64,
    /// Logs that are not sound and were passed over; the function's log says why.
    pub passed_over: u64,
}

/// Reads the table from a place on until it is through, or until the deadline.
///
/// # Errors
/// [`Error`]; what was appended until then stands, and the same place may be asked for again.
pub async fn reconcile(archiver: &Archiver, table: &Table, ask: Ask, until: Deadline) -> Result<Report, Error> {
    let mut work = Reconciliation::new(archiver, table, ask.since);
    let mut place = ask.place;
    loop {
        place = work.page(place).await?;
        if place.is_none() || until.has_come() {
            return Ok(Report { next: place, ..work.report });
        }
    }
}

/// One pass over the table, page by page.
#[derive(Debug)]
pub struct Reconciliation<'a> {
    archiver: &'a Archiver,
    table: &'a Table,
    since: Option<Timestamp>,
    logs: HashMap<TenantId, Log>,
    passed_over: HashSet<TenantId>,
    /// So far.
    pub report: Report,
}

/// What is known of a log.
#[derive(Debug, Default)]
struct Log {
    held: Held,
    places: Places,
}

impl<'a> Reconciliation<'a> {
    /// Of a table with its archive.
    pub fn new(archiver: &'a Archiver, table: &'a Table, since: Option<Timestamp>) -> Self {
        Self { archiver, table, since, logs: HashMap::new(), passed_over: HashSet::new(), report: Report::default() }
    }

    /// One page; gives the next one's place.
    ///
    /// # Errors
    /// [`Error`]: the page may be asked for again. A log that is not sound is no error, but passed over: its neighbours go on.
    pub async fn page(&mut self, place: Option<Place>) -> Result<Option<Place>, Error> {
        let (attributes, partitions, freshness) = (rows::ATTRIBUTES, LOGGED, Freshness::Eventual);
        let look = Look { attributes, partitions, segment: Segment::WHOLE, freshness, limit: None };
        let page = self.table.walk(look, place.map(Place::key)).await?;
        let mut by_tenant: BTreeMap<TenantId, Told> = BTreeMap::new();
        for item in &page.items {
            let Some((tenant, mut told)) = rows::of(item) else { continue };
            self.report.items += 1;
            rows::keep_ours(&mut told, &authentic::check_commits(&self.archiver.tags, item).await?);
            let all = by_tenant.entry(tenant).or_default();
            all.rows.extend(told.rows);
            all.wrong.extend(told.wrong);
        }
        for (tenant, told) in by_tenant {
            if self.passed_over.contains(&tenant) {
                continue;
            }
            match self.settle_at_last(&tenant, &told).await {
                Err(Error::Damaged { log, what }) => {
                    tracing::error!(log, what, "a log is not sound and was passed over");
                    self.passed_over.insert(tenant);
                    self.report.passed_over += 1;
                }
                done => done?,
            }
        }
        Ok(page.next.map(Place::of).transpose()?)
    }

    /// Where one archiver keeps a folder lean, a narrow file may go while it is read: a wider one has come.
    async fn settle_at_last(&mut self, tenant: &TenantId, told: &Told) -> Result<(), Error> {
        for _ in 1..limits::TRIES {
            match self.settle(tenant, told).await {
                Err(Error::Archive(object_store::Error::NotFound { .. })) => drop(self.logs.remove(tenant)),
                done => return done,
            }
        }
        self.settle(tenant, told).await
    }

    /// Appends what one tenant's log lacks of a page.
    async fn settle(&mut self, tenant: &TenantId, told: &Told) -> Result<(), Error> {
        let (archiver, now, since) = (self.archiver, self.archiver.now(), self.since);
        let log = self.logs.entry(tenant.clone()).or_default();
        let rows = || told.rows.iter().filter(|row| row.at.is_none_or(|at| since.is_none_or(|since| at >= since)));
        if let Some(head) = archiver.finished_head(tenant).await? {
            archiver.catch_up(&mut log.held, tenant, &head).await?;
        }
        let missing: Vec<&Row> = rows().filter(|row| !log.held.has(&row.leaf)).collect();
        self.report.held += rows().count() as u64 - missing.len() as u64;
        if missing.is_empty() && told.wrong.is_empty() {
            return Ok(());
        }
        log.places.catch_up(archiver, tenant, log.held.size()).await?;
        let (mut leaves, mut violations) = (Vec::new(), 0);
        let mut tell = |places: &Places, of: &str, what: &str, hashes: (Option<Hash>, Option<Hash>), leaves: &mut Vec<Vec<u8>>| {
            let what: String = what.chars().take(WORDS).collect();
            // It is said once, however often somebody looks.
            if places.at(rows::violation_slot(of, &what)).next().is_none() {
                leaves.push(leaf::violation(&Violation { at: now.millis(), of: of.to_owned(), what, before: hashes.0, after: hashes.1 }));
                violations += 1;
            }
        };
        for (of, what) in &told.wrong {
            tell(&log.places, of, what, (None, None), &mut leaves);
        }
        for row in missing {
            let mut others = log.places.at(row.slot).peekable();
            let before = others.peek().copied();
            if let Some(before) = before.filter(|_| others.all(|hash| hash != row.hash)) {
                let what = format!("{} in the table is not the one in the log: {}", row.place, row.hash);
                tell(&log.places, &row.of, &what, (Some(before), Some(row.hash)), &mut leaves);
            }
            leaves.push(leaf::late(&row.leaf));
        }
        let appended = archiver.extend(tenant, leaves.iter().collect(), Some(&mut log.held)).await? as u64;
        self.report.appended += appended;
        self.report.violations += violations;
        emit("audit", now, &[("LeavesAppended", appended, Unit::Count), ("ArchiveViolations", violations, Unit::Count)]);
        Ok(())
    }
}

/// Which place of which history has which leaf in a log: read only once something is missing.
#[derive(Debug, Default)]
struct Places {
    size: u64,
    /// Sorted by slot.
    filled: Vec<(u64, Hash)>,
}

impl Places {
    /// The hashes that fill a slot: one, if all is well.
    fn at(&self, slot: u64) -> impl Iterator<Item = Hash> {
        let from = self.filled.partition_point(|(filled, _)| *filled < slot);
        self.filled.iter().skip(from).take_while(move |(filled, _)| *filled == slot).map(|(_, hash)| *hash)
    }

    /// Reads on to a size whose files are uploaded.
    async fn catch_up(&mut self, archiver: &Archiver, tenant: &TenantId, size: u64) -> Result<(), Error> {
        if self.size >= size {
            return Ok(());
        }
        let mut indexes = self.size / u64::from(tile::WIDTH)..tile::count(Kind::Entries, size);
        while !indexes.is_empty() {
            let some: Vec<u64> = indexes.by_ref().take(BUNDLES).collect();
            for (tile, bytes) in fetch(archiver, tenant, Kind::Entries, &some, size).await? {
                let entries = tile::entries(&bytes, tile.width).map_err(|error| archiver.damaged(tenant, format!("`{tile}`: {error}")))?;
                let known = self.size.saturating_sub(tile.index * u64::from(tile::WIDTH));
                for entry in entries.into_iter().skip(usize::try_from(known).unwrap_or(usize::MAX)) {
                    self.filled.extend(rows::filled(entry));
                    self.size += 1;
                }
            }
        }
        self.filled.sort_unstable();
        Ok(())
    }
}
