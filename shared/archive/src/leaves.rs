//! A record of the stream as leaves.
//!
//! A request's item holds the commits since its last page, and the write of a commit always holds it inline, so the two images of a record
//! say what is new: one commit more, after exactly those of before. Anything else no command does, and the archive says so itself.
//!
//! What a newer build wrote is no such thing: its chain holds, but this build does not know its words. It comes again until this one is
//! deployed too, or is parked.

use approvals::outbox::image::item;
use approvals::store::keys;
use approvals::store::requests::Record;
use approvals::store::{Error, Item};
use approvals_domain::commit::Sealed;
use approvals_domain::directory::DirectoryCommit;
use approvals_domain::hash::{self, Hash};
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;
use audit_log::leaf::{self, Violation};
use aws_lambda_events::event::dynamodb::EventRecord;

/// Leaves of one tenant.
type Found = Option<(TenantId, Vec<Vec<u8>>)>;

/// The two images of an item; missing: it was not, or is not, there.
struct Images {
    old: Option<Item>,
    new: Option<Item>,
}

/// The leaves that a record adds; `None`: it tells nothing that is archived.
///
/// # Errors
/// [`Error`] if the record's keys cannot be read: it is parked.
pub fn of(record: &EventRecord, now: Timestamp) -> Result<Found, Error> {
    let keys = item(&record.change.keys);
    let Some(key) = keys.key() else { return Err(keys.wrong("a record without keys")) };
    let there = |image: &serde_dynamo::Item| Some(item(image)).filter(|item| item.key().is_some());
    let images = Images { old: there(&record.change.old_image), new: there(&record.change.new_image) };
    if let Some((tenant, id)) = keys::parse_request_pk(&key.pk).filter(|_| key.sk == keys::MAIN) {
        return Ok(some(tenant, request(&images, id.as_str(), now)?));
    }
    if let Some((tenant, object)) = keys::parse_directory_log(&key) {
        return Ok(some(tenant, directory(&images, &object, now)?));
    }
    if let Some((tenant, name)) = keys::parse_template_version(&key) {
        return Ok(some(tenant, template(&images, &name, now)));
    }
    Ok(None)
}

fn some(tenant: TenantId, leaves: Vec<Vec<u8>>) -> Found {
    Some((tenant, leaves)).filter(|(_, leaves)| !leaves.is_empty())
}

fn violation(of: &str, what: impl Into<String>, hashes: (Option<Hash>, Option<Hash>), now: Timestamp) -> Vec<u8> {
    leaf::violation(&Violation { at: now.millis(), of: of.to_owned(), what: what.into(), before: hashes.0, after: hashes.1 })
}

fn request(images: &Images, id: &str, now: Timestamp) -> Result<Vec<Vec<u8>>, Error> {
    let read = |image: &Option<Item>| image.as_ref().map(Record::read);
    let (old, new) = (read(&images.old), read(&images.new));
    let hash =
        |record: &Option<Result<Record, Error>>| record.as_ref().and_then(|record| record.as_ref().ok()).map(|record| record.state.hash);
    let hashes = (hash(&old), hash(&new));
    let tell = |what: String| vec![violation(id, what, hashes, now)];
    for (read, item) in [(&old, &images.old), (&new, &images.new)] {
        if let (Some(Err(_)), Some(item)) = (read, item)
            && holds_together(item)
        {
            return Err(item.wrong("a newer build wrote it, in words that this one does not know"));
        }
    }
    let new = match new {
        None => return Ok(tell("the request was removed".to_owned())),
        Some(Err(error)) => return Ok(tell(format!("the request's item cannot be read: {error}"))),
        Some(Ok(new)) => new,
    };
    let Some(Ok(old)) = old else {
        // It is new, or what stood there before could not be read: then that was told when it was written.
        let mut leaves: Vec<Vec<u8>> = if new.state.version == 1 || images.old.is_some() {
            Vec::new()
        } else {
            tell(format!("the request began with version {}", new.state.version))
        };
        leaves.extend(new.commits.iter().map(commit));
        return Ok(leaves);
    };
    Ok(match follows(&old, &new) {
        Ok(None) => Vec::new(),
        Ok(Some(last)) => vec![commit(last)],
        Err(what) => {
            let mut leaves = tell(what);
            leaves.extend(new.commits.iter().filter(|sealed| sealed.commit.version > old.state.version).map(commit));
            leaves
        }
    })
}

/// Whether an item's commits are a chain that ends as the item says, whatever they mean.
fn holds_together(item: &Item) -> bool {
    #[derive(serde::Deserialize)]
    struct Link {
        #[serde(rename = "v")]
        version: u64,
        #[serde(rename = "p")]
        prev: Hash,
    }
    let mut last: Option<(u64, Hash)> = None;
    for bytes in item.list_b("c").unwrap_or_default() {
        let Ok(link) = serde_json::from_slice::<Link>(bytes) else { return false };
        if last.is_some_and(|(version, hash)| (link.version, link.prev) != (version + 1, hash)) {
            return false;
        }
        last = Some((link.version, Hash::of(&[hash::COMMIT, &link.prev.0, bytes])));
    }
    last.is_some_and(|(version, hash)| item.opt_n("v") == Some(version) && item.opt_b("h") == Some(&hash.0))
}

fn commit(sealed: &Sealed) -> Vec<u8> {
    leaf::commit(&sealed.hash, &sealed.bytes)
}

/// The one commit that is new; none if only what is not hashed changed: the index, a text that was erased. `Err`: no command does that.
fn follows<'a>(old: &Record, new: &'a Record) -> Result<Option<&'a Sealed>, String> {
    let (before, after) = (&old.state, &new.state);
    if (before.version, before.hash) == (after.version, after.hash) {
        return Ok(None);
    }
    if after.version != before.version + 1 {
        return Err(format!("version {} was followed by version {}", before.version, after.version));
    }
    let (last, rest) = new.commits.split_last().ok_or("a version without its commit")?;
    if last.commit.prev_hash != before.hash {
        return Err(format!("version {} does not follow version {}", after.version, before.version));
    }
    let kept = rest.len() == old.commits.len() && rest.iter().zip(&old.commits).all(|(a, b)| a.hash == b.hash) && new.base == old.base;
    let paged = rest.is_empty() && new.base.as_ref() == Some(before);
    if kept || paged { Ok(Some(last)) } else { Err(format!("commits before version {} were changed", after.version)) }
}

fn directory(images: &Images, object: &str, now: Timestamp) -> Result<Vec<Vec<u8>>, Error> {
    let read =
        |image: &Option<Item>| image.as_ref().and_then(|item| Some((item.opt_b("c")?.to_vec(), Hash(item.opt_b("h")?.try_into().ok()?))));
    let (old, new) = (read(&images.old), read(&images.new));
    let hashes = (old.as_ref().map(|(_, hash)| *hash), new.as_ref().map(|(_, hash)| *hash));
    let tell = |what: &str| vec![violation(object, what, hashes, now)];
    Ok(match (&images.old, &new) {
        (_, None) => tell("a commit of the directory was removed, or cannot be read"),
        (Some(_), Some(now)) if old.as_ref() == Some(now) => Vec::new(),
        (Some(_), Some(_)) => tell("a commit of the directory was changed"),
        (None, Some((bytes, hash))) => {
            let read = serde_json::from_slice::<DirectoryCommit>(bytes);
            if let (Err(error), Some(item)) = (&read, &images.new)
                && chained(bytes) == Some(*hash)
            {
                return Err(item.wrong(&format!("a newer build wrote it, in words that this one does not know: {error}")));
            }
            let sealed = read.ok().map(|commit| commit.seal());
            if sealed.as_ref() == Some(&(bytes.clone(), *hash)) {
                vec![leaf::directory(hash, bytes)]
            } else {
                tell("a commit of the directory is not of its form")
            }
        }
    })
}

/// The hash that a commit of the directory has, whatever it means.
fn chained(bytes: &[u8]) -> Option<Hash> {
    #[derive(serde::Deserialize)]
    struct Link {
        #[serde(rename = "p")]
        prev: Hash,
    }
    let link: Link = serde_json::from_slice(bytes).ok()?;
    Some(Hash::of(&[hash::DIRECTORY, &link.prev.0, bytes]))
}

fn template(images: &Images, name: &str, now: Timestamp) -> Vec<Vec<u8>> {
    let content = |image: &Option<Item>| image.as_ref().and_then(|item| item.opt_s("y").map(str::to_owned));
    let (old, new) = (content(&images.old), content(&images.new));
    let of = format!("template/{name}");
    match (&images.old, new) {
        (_, None) => vec![violation(&of, "a version's content was removed", (None, None), now)],
        (Some(_), new) if old == new => Vec::new(),
        (Some(_), Some(_)) => vec![violation(&of, "a version's content was changed", (None, None), now)],
        (None, Some(content)) => leaf::template(content.as_bytes()),
    }
}
