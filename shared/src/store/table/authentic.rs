//! Tags of items: who wrote an item was one of ours. Every item that decides or entitles carries one. The table makes it with each write and
//! checks it at each read, so that no room above can forget either.
//!
//! | attribute | holds |
//! |---|---|
//! | `tg` | tag over tenant, kind, key, version and all other attributes |
//! | `ct` | a tag of each commit in `c`, one after the other: a reconciliation reads commits without what lies beside them |
//!
//! Who has no secret reads without checking and writes nothing that carries a tag: relay, which writes hints and jobs, and `queries`.

use std::collections::HashMap;

use approvals_domain::hash::Hash;
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256};

use super::keys::{self, Key};
use super::{Error, Item, Table};
use crate::secrets::{self, Subject, Tag, Tags};

/// An item's tag.
pub const TAG: &str = "tg";
/// Tags of an item's commits.
pub const COMMIT_TAGS: &str = "ct";
/// Bytes of one of them.
const TAG_BYTES: usize = 20;
/// Kind of a commit's tag.
const COMMIT: &str = "commit";

impl From<secrets::Error> for Error {
    fn from(error: secrets::Error) -> Self {
        match error {
            // No further try helps: a human puts the secret right.
            secrets::Error::Malformed(..) => Self::Refused(error.to_string()),
            secrets::Error::Unreadable(..) | secrets::Error::Unknown(..) => Self::Unavailable(error.to_string()),
        }
    }
}

impl Table {
    /// The item with its tags, if its kind carries them.
    pub(super) async fn signed(&self, item: Item) -> Result<Item, Error> {
        let Some(key) = item.key().filter(keys::is_tagged) else { return Ok(item) };
        match &self.tags {
            Some(tags) => sign(tags, item).await,
            None => Err(Error::Refused(format!("`{}` is written by nobody without a secret", key.pk))),
        }
    }

    /// The item, if there is one and one of ours wrote it.
    pub(super) async fn checked(&self, item: Option<Item>) -> Result<Option<Item>, Error> {
        if let Some(item) = &item {
            self.authentic(item).await?;
        }
        Ok(item)
    }

    /// Nothing, if one of ours wrote the item, or if nobody here can tell.
    ///
    /// # Errors
    /// [`Error::Damaged`] if not; [`Error::Unavailable`] if the secret cannot be had.
    pub(in crate::store) async fn authentic(&self, item: &Item) -> Result<(), Error> {
        match &self.tags {
            Some(tags) => check(tags, item, None).await,
            None => Ok(()),
        }
    }
}

/// The item with its tags, if its kind carries them.
///
/// # Errors
/// [`Error::Unavailable`] if the secret cannot be had.
pub async fn sign(tags: &Tags, item: Item) -> Result<Item, Error> {
    let Some(key) = item.key().filter(keys::is_tagged) else { return Ok(item) };
    let mut item = item;
    let commits = commits_of(&item)?;
    if !commits.is_empty() {
        let mut all = Vec::with_capacity(commits.len() * TAG_BYTES);
        for commit in &commits {
            all.extend(tags.tag(&of_commit(&key, commit)).await?.bytes());
        }
        item = item.bytes(COMMIT_TAGS, all);
    }
    let content = content(&item);
    let tag = tags.tag(&subject(&key, &item, &content)).await?;
    Ok(item.bytes(TAG, tag.bytes()))
}

/// Whether one of ours wrote an item, at that time if it is known. What carries no tag is nobody's.
///
/// # Errors
/// [`Error::Damaged`] if not; [`Error::Unavailable`] if the secret cannot be had.
pub async fn check(tags: &Tags, item: &Item, written_at: Option<Timestamp>) -> Result<(), Error> {
    let Some(key) = item.key().filter(keys::is_tagged) else { return Ok(()) };
    let tag = item.opt_b(TAG).and_then(Tag::read).ok_or_else(|| item.wrong("it has no tag: the service did not write it"))?;
    let content = content(item);
    if tags.check(&subject(&key, item, &content), &tag, written_at).await? {
        return Ok(());
    }
    Err(item.wrong("its tag is not of what it says: the service did not write it so"))
}

/// Which of an item's commits one of ours made, in their order.
///
/// # Errors
/// [`Error`] if the secret cannot be had.
pub async fn check_commits(tags: &Tags, item: &Item) -> Result<Vec<bool>, Error> {
    let (Some(key), commits) = (item.key(), commits_of(item)?) else { return Ok(Vec::new()) };
    let mut all = item.opt_b(COMMIT_TAGS).unwrap_or_default().chunks(TAG_BYTES).map(Tag::read);
    let mut held = Vec::with_capacity(commits.len());
    for commit in &commits {
        held.push(match all.next().flatten() {
            Some(tag) => tags.check(&of_commit(&key, commit), &tag, None).await?,
            None => false,
        });
    }
    Ok(held)
}

/// SHA-256 of the commits in an item: one, or a list.
fn commits_of(item: &Item) -> Result<Vec<Hash>, Error> {
    Ok(match item.get("c") {
        Some(AttributeValue::B(bytes)) => vec![Hash::of(&[bytes.as_ref()])],
        Some(AttributeValue::L(_)) => item.list_b("c")?.into_iter().map(|bytes| Hash::of(&[bytes])).collect(),
        _ => Vec::new(),
    })
}

/// A commit names its object, version and predecessor itself; its tag binds it to the partition it lies in.
fn of_commit<'a>(key: &'a Key, content: &'a Hash) -> Subject<'a> {
    Subject { tenant: tenant(&key.pk), kind: COMMIT, key: &key.pk, version: 0, content }
}

fn subject<'a>(key: &'a Key, item: &Item, content: &'a Hash) -> Subject<'a> {
    Subject { tenant: tenant(&key.pk), kind: kind(&key.pk), key: &key.sk, version: item.opt_n("v").unwrap_or(0), content }
}

/// What stands between the first two separators of every partition.
fn tenant(pk: &str) -> &str {
    pk.split('#').nth(1).unwrap_or_default()
}

fn kind(pk: &str) -> &str {
    pk.split('#').next().unwrap_or_default()
}

/// SHA-256 over all attributes but the tag itself, in the order of their names; keys are attributes like all others.
fn content(item: &Item) -> Hash {
    let mut sha = Sha256::new();
    map(&mut sha, item.attributes(), Some(TAG));
    Hash(sha.finalize().into())
}

/// One letter for the type, and the length of each text, so that no two values are the same bytes.
fn value(sha: &mut Sha256, value: &AttributeValue) {
    match value {
        AttributeValue::S(text) => text_of(sha, b"S", text.as_bytes()),
        AttributeValue::N(number) => text_of(sha, b"N", number.as_bytes()),
        AttributeValue::B(bytes) => text_of(sha, b"B", bytes.as_ref()),
        AttributeValue::Bool(yes) => text_of(sha, b"?", &[u8::from(*yes)]),
        AttributeValue::Null(_) => text_of(sha, b"0", &[]),
        AttributeValue::L(list) => {
            text_of(sha, b"L", &(list.len() as u64).to_be_bytes());
            list.iter().for_each(|one| self::value(sha, one));
        }
        AttributeValue::M(members) => map(sha, members, None),
        // Sets, and whatever is new: nothing of ours.
        other => text_of(sha, b"!", format!("{other:?}").as_bytes()),
    }
}

fn map(sha: &mut Sha256, members: &HashMap<String, AttributeValue>, but: Option<&str>) {
    let mut sorted: Vec<_> = members.iter().filter(|(name, _)| Some(name.as_str()) != but).collect();
    sorted.sort_unstable_by_key(|(name, _)| name.as_str());
    text_of(sha, b"M", &(sorted.len() as u64).to_be_bytes());
    for (name, one) in sorted {
        text_of(sha, b"=", name.as_bytes());
        value(sha, one);
    }
}

fn text_of(sha: &mut Sha256, kind: &[u8; 1], bytes: &[u8]) {
    sha.update(kind);
    sha.update((bytes.len() as u64).to_be_bytes());
    sha.update(bytes);
}
