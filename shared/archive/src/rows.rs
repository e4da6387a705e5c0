//! An item of the table as the leaves it stands for, without a word of the stream: for reconciliations.
//!
//! Hashes are made again from the bytes, whatever they mean: what a newer build wrote is archived all the same.

use std::borrow::Cow;

use approvals::store::keys::{self, Key};
use approvals::store::table::authentic::COMMIT_TAGS;
use approvals::store::{Error, Item};
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::hash::{self, Hash};
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;
use audit_log::leaf::{self, Leaf, Violation};
use serde::Deserialize;

/// What a scan must read for this; nothing personal, and nothing secret.
pub const ATTRIBUTES: &[&str] = &[keys::PK, keys::SK, "c", "h", "y", "ch", COMMIT_TAGS];

/// A leaf that should stand in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) leaf: Vec<u8>,
    /// The one place in a history that it fills: two leaves of one slot contradict each other.
    pub(crate) slot: u64,
    /// What to call it.
    pub(crate) of: String,
    /// Its place in words.
    pub(crate) place: String,
    /// Its hash: of a chain, or of a content.
    pub(crate) hash: Hash,
    /// When it was written, if it says so.
    pub(crate) at: Option<Timestamp>,
}

/// What an item tells.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) rows: Vec<Row>,
    /// The thing and what is wrong with it: no command writes that.
    pub(crate) wrong: Vec<(String, String)>,
}

/// What every commit of a request has, whatever its events.
#[derive(Deserialize)]
struct Link<'a> {
    #[serde(rename = "t", borrow)]
    tenant: Cow<'a, str>,
    #[serde(rename = "r", borrow)]
    request: Cow<'a, str>,
    #[serde(rename = "v")]
    version: u64,
    #[serde(rename = "p")]
    prev: Hash,
    at: Timestamp,
}

/// The same of the directory.
#[derive(Deserialize)]
struct Word<'a> {
    #[serde(rename = "t", borrow)]
    tenant: Cow<'a, str>,
    #[serde(rename = "o", borrow)]
    object: Cow<'a, str>,
    #[serde(rename = "v")]
    version: u64,
    #[serde(rename = "p")]
    prev: Hash,
    at: Timestamp,
}

fn slot(kind: &[u8], name: &str, number: u64) -> u64 {
    let hash = Hash::of(&[kind, b"\n", name.as_bytes(), b"\n", &number.to_be_bytes()]);
    hash.0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// The slot of a word about something wrong: it is said once.
pub(crate) fn violation_slot(of: &str, what: &str) -> u64 {
    slot(b"violation", &format!("{of}\n{what}"), 0)
}

/// The leaves of an item; `None`: nothing of it is archived.
pub(crate) fn of(item: &Item) -> Option<(TenantId, Told)> {
    let key = item.key()?;
    if let Some((tenant, id)) = keys::parse_request_pk(&key.pk) {
        let holds_commits = key.sk == keys::MAIN || keys::is_page(&key);
        return holds_commits.then(|| (tenant.clone(), request(item, &tenant, id.as_str())));
    }
    if let Some((tenant, object)) = keys::parse_directory_log(&key) {
        let told = directory(item, &tenant, &object, &key);
        return Some((tenant, told));
    }
    let (tenant, name) = keys::parse_template_version(&key)?;
    let number = keys::parse_template_number(&key)?;
    Some((tenant, template(item, &name, number)))
}

/// Takes away the commits that none of ours made, and says so instead. `ours` is of the item's commits in their order; if one of them could
/// not even be read, which is which is not known, and none is kept. Contents of templates have none: they are held to their hash.
pub(crate) fn keep_ours(told: &mut Told, ours: &[bool]) {
    if ours.iter().all(|ours| *ours) {
        return;
    }
    let (rows, each) = (std::mem::take(&mut told.rows), ours.len());
    let known = rows.len() == each;
    for (row, ours) in rows.into_iter().zip(ours) {
        if known && *ours {
            told.rows.push(row);
        } else {
            let what = format!("{} in the table has no tag of ours: the service did not make it: {}", row.place, row.hash);
            told.wrong.push((row.of, what));
        }
    }
}

fn request(item: &Item, tenant: &TenantId, id: &str) -> Told {
    let mut told = Told::default();
    let read = |bytes: &[u8]| -> Result<Row, String> {
        let link: Link<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if link.tenant != tenant.as_str() || link.request != id {
            return Err(format!("a commit of the request `{}`", link.request));
        }
        let hash = Hash::of(&[hash::COMMIT, &link.prev.0, bytes]);
        let (slot, place) = (slot(hash::COMMIT, id, link.version), format!("version {}", link.version));
        Ok(Row { leaf: leaf::commit(&hash, bytes), slot, of: id.to_owned(), place, hash, at: Some(link.at) })
    };
    match item.list_b("c") {
        Ok(commits) if commits.is_empty() => told.wrong.push((id.to_owned(), "an item without a commit".to_owned())),
        Ok(commits) => {
            for bytes in commits {
                match read(bytes) {
                    Ok(row) => told.rows.push(row),
                    Err(what) => told.wrong.push((id.to_owned(), format!("a commit in the table cannot be read: {what}"))),
                }
            }
        }
        Err(error) => told.wrong.push((id.to_owned(), plain(&error))),
    }
    told
}

fn directory(item: &Item, tenant: &TenantId, object: &str, key: &Key) -> Told {
    let read = || -> Result<Row, String> {
        let (bytes, said) = (item.b("c").map_err(|error| plain(&error))?, item.b("h").map_err(|error| plain(&error))?);
        let word: Word<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let hash = Hash::of(&[hash::DIRECTORY, &word.prev.0, bytes]);
        if word.tenant != tenant.as_str() || word.object != object || keys::directory_log(tenant, object, word.version) != *key {
            return Err("a commit of another object or version".to_owned());
        }
        if said != hash.0 {
            return Err(format!("version {} does not have the hash beside it", word.version));
        }
        let (slot, place) = (slot(hash::DIRECTORY, object, word.version), format!("version {}", word.version));
        Ok(Row { leaf: leaf::directory(&hash, bytes), slot, of: object.to_owned(), place, hash, at: Some(word.at) })
    };
    match read() {
        Ok(row) => Told { rows: vec![row], wrong: Vec::new() },
        Err(what) => {
            Told { rows: Vec::new(), wrong: vec![(object.to_owned(), format!("a commit of the directory cannot be read: {what}"))] }
        }
    }
}

fn template(item: &Item, name: &str, number: u32) -> Told {
    let of = format!("template/{name}");
    let Some(content) = item.opt_s("y") else {
        return Told { rows: Vec::new(), wrong: vec![(of, format!("version {number} has no content"))] };
    };
    let hash = Hash::of(&[content.as_bytes()]);
    let mut told = Told::default();
    if item.opt_b("ch") != Some(&hash.0) {
        told.wrong.push((of.clone(), format!("version {number} does not have the hash beside it")));
    }
    let (slot, place) = (slot(b"template", &of, u64::from(number)), format!("version {number}"));
    let row = |leaf| Row { leaf, slot, of: of.clone(), place: place.clone(), hash, at: None };
    told.rows = leaf::template(content.as_bytes()).into_iter().map(row).collect();
    told
}

fn plain(error: &Error) -> String {
    match error {
        Error::Damaged { what, .. } => what.clone(),
        other => other.to_string(),
    }
}

/// The slot that a leaf of the log fills, and the hash it has there. A template's number stands in the directory's word of it.
pub(crate) fn filled(leaf: &[u8]) -> Vec<(u64, Hash)> {
    match Leaf::read(leaf) {
        Ok(Leaf::Commit { hash, bytes }) => {
            let link: Option<Link<'_>> = serde_json::from_slice(bytes).ok();
            link.map(|link| (slot(hash::COMMIT, &link.request, link.version), hash)).into_iter().collect()
        }
        Ok(Leaf::Directory { hash, bytes }) => {
            let Ok(word) = serde_json::from_slice::<Word<'_>>(bytes) else { return Vec::new() };
            let mut filled = vec![(slot(hash::DIRECTORY, &word.object, word.version), hash)];
            if let Ok(DirectoryCommit { event: DirectoryEvent::Template { number, content }, .. }) = serde_json::from_slice(bytes) {
                filled.push((slot(b"template", &word.object, u64::from(number)), content));
            }
            filled
        }
        Ok(Leaf::Violation { hash, bytes }) => {
            let said: Option<Violation> = serde_json::from_slice(bytes).ok();
            said.map(|said| (violation_slot(&said.of, &said.what), hash)).into_iter().collect()
        }
        Ok(Leaf::Template { .. }) | Err(_) => Vec::new(),
    }
}
