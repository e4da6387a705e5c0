//! What a data folder must hold before a service starts on it. Whatever is damaged, missing or of another folder is refused: a service that
//! ran on it would write what nobody could ever make whole again. Nothing is written before all of this holds.

use std::collections::BTreeSet;
use std::path::Path;

use approvals::secrets::{Cursors, Keys, Links, ReceiptKeys, Tags};
use approvals::store::table::authentic;
use approvals::store::table::walk::{Look, Segment};
use approvals::store::{self, Freshness, Item, Table, keys};
use approvals_domain::ids::TenantId;
use archive::archiver::{Archiver, LOGS};
use archive::whole::Lack;

use super::archive::KEY;
use super::error::{Error, Unsound};
use super::gate;
use super::secrets::file;
use crate::engine;

/// Items looked at in one page of a start.
const LOOKED_AT: i32 = 200;
/// Items tried with the secret of tags before it is said to be none of theirs, and pages read at most.
const TRIED: usize = 50;
const PAGES: usize = 25;

fn unsound(place: &Path, what: impl Into<String>, mend: impl Into<String>) -> Error {
    Error::Folder(Unsound { place: place.display().to_string(), what: what.into(), mend: mend.into() })
}

/// The files of a folder, before anything is opened.
///
/// # Errors
/// [`Error::Unauthenticated`], [`Error::Folder`].
pub(super) fn files(folder: &Path) -> Result<(), Error> {
    let filled = engine::has_data(folder);
    if filled && !file(folder, Tags::NAME).exists() {
        return Err(Error::Unauthenticated(folder.to_owned()));
    }
    for (name, lost) in [
        (Tags::NAME, None),
        (Links::NAME, Some("links in mails that are out do nothing then, and secrets of endpoints must be rotated")),
        (Cursors::NAME, Some("lists that are being read begin anew then")),
        (ReceiptKeys::NAME, Some("receipts given out before cannot be checked any more then")),
    ] {
        secret(&file(folder, name), lost)?;
    }
    let key = folder.join(gate::FILE);
    if std::fs::read(&key).is_ok_and(|key| !gate::is_key(&key)) {
        let mend = "Put the file back, or delete it to have a new one: tokens given out before end then.";
        return Err(unsound(&key, "is no key of tokens", mend));
    }
    signing(folder)?;
    if !filled && has_logs(folder) {
        return Err(database_gone(folder, "holds signed leaves, and the database is gone"));
    }
    Ok(())
}

/// A secret's file, if there is one. `lost`: what a new one would cost; none: everything.
fn secret(file: &Path, lost: Option<&str>) -> Result<(), Error> {
    let text = match std::fs::read(file) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| "it is not text".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error.to_string()),
    };
    let Err(what) = text.and_then(|text| Keys::parse(&text)) else { return Ok(()) };
    let mend = match lost {
        None => "Put the file back from a copy: without it nothing in this folder can be told from what somebody else wrote.".to_owned(),
        Some(lost) => format!("Put the file back from a copy, or delete it to have a new one: {lost}."),
    };
    Err(unsound(file, format!("is no secret: {what}"), mend))
}

/// The key that signs the archive.
fn signing(folder: &Path) -> Result<(), Error> {
    let key = folder.join(KEY);
    let mend = "Put the file back from a copy: a log cannot go on under another key.";
    match std::fs::read(&key) {
        Ok(bytes) if bytes.is_empty() || bytes.len() % 32 != 0 => {
            Err(unsound(&key, format!("is no signing key: it has {} bytes", bytes.len()), mend))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !has_logs(folder) => Ok(()),
        Err(error) => Err(unsound(&key, format!("cannot be read, and there are logs signed with it: {error}"), mend)),
    }
}

/// Whether anything was ever archived here.
fn has_logs(folder: &Path) -> bool {
    let logs = std::fs::read_dir(folder.join(LOGS)).map_or_else(|_| Vec::new(), |logs| logs.flatten().collect());
    logs.iter().any(|log| log.path().join("checkpoint").exists())
}

fn database_gone(folder: &Path, what: &str) -> Error {
    let mend =
        "Put approvals.sqlite back from a copy of the same time; or keep that archive elsewhere, and start with another --data folder.";
    unsound(&folder.join(LOGS), what, mend)
}

/// Whether the secret of tags is this folder's: items of it carry tags that it makes. One item is enough, since others may be forged.
///
/// # Errors
/// [`Error::Unauthenticated`] if no item that should has a tag, [`Error::Folder`] if the tags are of another secret.
pub(super) async fn tags(folder: &Path, table: &Table, tags: &Tags) -> Result<(), Error> {
    let (checking, attributes) = (table.clone().with_tags(tags.clone()), &[keys::PK, keys::SK, authentic::TAG]);
    let (mut bare, mut tried, mut next) = (0, 0, None);
    for _ in 0..PAGES {
        let look = Look { attributes, partitions: &[], segment: Segment::WHOLE, freshness: Freshness::Strong, limit: Some(LOOKED_AT) };
        let page = table.walk(look, next).await?;
        for item in &page.items {
            let Some(key) = item.key().filter(keys::is_tagged) else { continue };
            if item.get(authentic::TAG).is_none() {
                bare += 1;
                continue;
            }
            match checking.get(&key, Freshness::Strong).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Damaged { .. }) => tried += 1,
                Err(error) => return Err(error.into()),
            }
            if tried == TRIED {
                return Err(of_another(folder));
            }
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    match (tried, bare) {
        (0, 0) => Ok(()),
        (0, _) => Err(Error::Unauthenticated(folder.to_owned())),
        _ => Err(of_another(folder)),
    }
}

fn of_another(folder: &Path) -> Error {
    let what = "is not the secret that this folder was written with: no tag in it is of this secret";
    let mend = "Put the folder's own file back from a copy, to the last character: with this one every item would be damaged.";
    unsound(&file(folder, Tags::NAME), what, mend)
}

/// Whether archive and database are of one history.
///
/// # Errors
/// [`Error::Folder`] if not, [`Error::Archive`] if they cannot be read.
pub(super) async fn archive(folder: &Path, archiver: &Archiver) -> Result<(), Error> {
    match archiver.lack(logs(archiver.locks()).await?).await? {
        None => Ok(()),
        Some(Lack::Database(tenant, what)) => Err(database_gone(folder, &format!("has a log of `{tenant}` that goes further: {what}"))),
        Some(Lack::Archive(tenant, what)) => {
            let what = format!("lacks what was signed for `{tenant}`: {what}");
            let mend = "Put the folder back from a copy of the same time. What was signed cannot be made again; without it, start with another --data folder.";
            Err(unsound(&folder.join(LOGS), what, mend))
        }
    }
}

/// Logs that the table of locks knows of.
async fn logs(locks: &Table) -> Result<BTreeSet<TenantId>, Error> {
    let (mut tenants, mut next) = (BTreeSet::new(), None);
    loop {
        let attributes = &[keys::PK, keys::SK];
        let look = Look { attributes, partitions: &[keys::LOGS], segment: Segment::WHOLE, freshness: Freshness::Strong, limit: None };
        let page = locks.walk(look, next).await?;
        tenants.extend(page.items.iter().filter_map(Item::key).filter_map(|key| keys::parse_log(&key)));
        match page.next {
            None => return Ok(tenants),
            more => next = more,
        }
    }
}
