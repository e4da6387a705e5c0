//! Whether one of ours wrote what a record of the stream brings. Whatever else writes to the table is told with its place, as a violation.
//!
//! - A tag that is missing, or not of what the item says: somebody else wrote it.
//! - A fact that is gone: the service takes none away, but for delegations that ended long ago, which expire.
//! - A version or generation that goes back or jumps: an older item was put back, or one was left out.
//! - A commit that says another time than the table's own clock: somebody wrote it into the past.

use approvals::secrets::Tags;
use approvals::store::keys::{self, Key};
use approvals::store::requests::erasure;
use approvals::store::table::authentic;
use approvals::store::{Error, Item};
use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;
use audit_log::leaf::TIME;
use aws_lambda_events::event::dynamodb::EventRecord;

use crate::leaves::{Images, violation};

/// How far a commit's time may be from the time of its record: clocks differ, and a command may be tried for a while.
const APART_MILLIS: i64 = 10 * 60_000;
/// Who takes away what has expired.
const EXPIRY: &str = "dynamodb.amazonaws.com";
/// Attributes of a request that no command changes without a commit.
const CONTENT: &[&str] = &["ti", "sa", "md", "at", "x", "cb", "ik"];

/// What is wrong with a record.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Violations, for the tenant's log.
    pub(crate) violations: Option<(TenantId, Vec<Vec<u8>>)>,
    /// The service did not write what the record brings: nothing else of it is archived, and nothing of it is waited for.
    pub(crate) forged: bool,
}

/// Looks at a record.
///
/// # Errors
/// [`Error`] if the record's keys, or the secret of tags, cannot be read: it comes again.
pub(crate) async fn over(record: &EventRecord, tags: &Tags, now: Timestamp) -> Result<Seen, Error> {
    let (key, images) = Images::of(record)?;
    if !keys::is_tagged(&key) {
        return Ok(Seen::default());
    }
    let Some((tenant, of)) = whose(&key, &images) else { return Ok(Seen::default()) };
    let mut forged = false;
    let created = Timestamp::from_millis(record.change.approximate_creation_date_time.timestamp_millis());
    let mut wrong = Vec::new();
    match &images.new {
        None if !told_elsewhere(&key) && !expired(record, &key, &images) => wrong.push("it was removed".to_owned()),
        None => {}
        Some(new) => {
            match authentic::check(tags, new, Some(created)).await {
                Ok(()) => {}
                Err(Error::Damaged { what, .. }) => {
                    forged = true;
                    wrong.push(what);
                }
                Err(error) => return Err(error),
            }
            wrong.extend(order(&key, images.old.as_ref(), new, created));
            // A page holds commits of before.
            if !keys::is_page(&key) {
                wrong.extend(late(images.old.as_ref(), new, created));
            }
        }
    }
    let hash = |image: &Option<Item>| image.as_ref().and_then(|item| Some(Hash(item.opt_b("h")?.try_into().ok()?)));
    let hashes = (hash(&images.old), hash(&images.new));
    let leaves: Vec<Vec<u8>> = wrong.into_iter().map(|what| violation(&of, what, hashes, now)).collect();
    Ok(Seen { violations: Some((tenant, leaves)).filter(|(_, leaves)| !leaves.is_empty()), forged })
}

/// In whose log an item is told of, and by which name. A session says whose it is, and its key does not.
fn whose(key: &Key, images: &Images) -> Option<(TenantId, String)> {
    #[derive(serde::Deserialize)]
    struct Of {
        t: TenantId,
    }
    if !keys::is_session(key) {
        return keys::name(key);
    }
    let tenant = |item: &Item| match item.opt_s("t") {
        Some(tenant) => TenantId::new(tenant).ok(),
        None => serde_json::from_str::<Of>(item.opt_s("d")?).ok().map(|of| of.t),
    };
    let tenant = images.old.as_ref().and_then(tenant).or_else(|| images.new.as_ref().and_then(tenant))?;
    Some((tenant, format!("{}/{}", key.pk.replacen('#', "/", 1), key.sk)))
}

/// Whose removal and order `leaves` tells: requests, commits of the directory, contents of templates.
fn told_elsewhere(key: &Key) -> bool {
    let request = keys::parse_request_pk(&key.pk).is_some() && key.sk == keys::MAIN;
    request || keys::parse_directory_log(key).is_some() || keys::parse_template_version(key).is_some()
}

/// Whether an item went because its time was over, as the service had said.
fn expired(record: &EventRecord, key: &Key, images: &Images) -> bool {
    let by_expiry = record.user_identity.as_ref().is_some_and(|by| by.principal_id == EXPIRY);
    by_expiry && (keys::is_delegation(key) || keys::is_session(key)) && images.old.as_ref().is_some_and(|old| old.opt_n("ttl").is_some())
}

/// What is wrong with an item as a successor of the one before.
fn order(key: &Key, old: Option<&Item>, new: &Item, created: Timestamp) -> Option<String> {
    if keys::parse_request_pk(&key.pk).is_some() {
        if old.is_some_and(erasure::is_mark) && !erasure::is_mark(new) {
            return Some("what was erased was put back".to_owned());
        }
        let old = old.filter(|old| key.sk == keys::MAIN && old.opt_n("v") == new.opt_n("v"))?;
        let changed = CONTENT.iter().find(|name| old.get(name) != new.get(name))?;
        return Some(format!("`{changed}` was changed without a commit"));
    }
    if told_elsewhere(key) {
        return None;
    }
    if keys::is_session(key) {
        return session_order(old, new, created);
    }
    let (v, g) = (new.opt_n("v"), new.opt_n("g"));
    let Some(old) = old else {
        // What has a chain of its own begins at its beginning.
        let begins = keys::is_chained(key) && v != Some(1);
        return begins.then(|| format!("it began with version {}", v.unwrap_or(0)));
    };
    let (before, generation) = (old.opt_n("v"), old.opt_n("g"));
    if v < before || v > before.map(|before| before + 1) {
        return Some(format!("version {} was followed by version {}", before.unwrap_or(0), v.unwrap_or(0)));
    }
    (g < generation).then(|| "an older state of it was put back".to_owned())
}

/// The same of a session: it begins when it says, and its last use does not go back.
fn session_order(old: Option<&Item>, new: &Item, created: Timestamp) -> Option<String> {
    let used = new.opt_n("at")?;
    let late = u64::try_from(created.millis() - APART_MILLIS).unwrap_or(0);
    let back = match old.and_then(|old| old.opt_n("at")) {
        Some(before) => used < before,
        None => used < late,
    };
    back.then(|| "an older state of it was put back".to_owned())
}

/// What is wrong with the time of a commit that is new in an item.
fn late(old: Option<&Item>, new: &Item, created: Timestamp) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct At {
        at: Timestamp,
    }
    if old.is_some_and(|old| old.get("c") == new.get("c")) {
        return None;
    }
    let commits = new.list_b("c").unwrap_or_default();
    let last = commits.last().copied().or_else(|| new.opt_b("c"))?;
    let At { at } = serde_json::from_slice(last).ok()?;
    let apart = created.millis().abs_diff(at.millis());
    let minutes = apart / 60_000;
    (apart > APART_MILLIS.unsigned_abs())
        .then(|| format!("{TIME}the commit says {at}, and was written at {created}, {minutes} minutes apart"))
}
