//! An archive in S3, copied to this machine before it is looked at: what is verified cannot change meanwhile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use approvals_domain::limits;
use archive::bucket::{self, Access};
use audit_log::checkpoint::Checkpoint;
use audit_log::tile;
use audit_log::verify::Code;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use indicatif::ProgressBar;
use object_store::{ObjectStore, ObjectStoreExt, path};
use tempfile::TempDir;

use super::Error;
use super::shelf::tile_of;
use super::versions::{self, Listing, Rewritten};
use crate::progress;

/// What an address in S3 begins with.
const SCHEME: &str = "s3://";
/// Files fetched side by side.
const SIDE_BY_SIDE: usize = 16;
/// How long an archiver has to publish what it has uploaded.
const PUBLISHED_AFTER: Duration = Duration::from_secs(2);
/// Bytes of one part of a file's name, as file systems take them.
const PART_BYTES: usize = 200;
/// Parts of a file's name: no log has as many.
const PARTS: usize = 20;
/// Name of a log's checkpoint.
const CHECKPOINT: &str = "checkpoint";

/// An archive or a log on this machine, maybe a copy.
#[derive(Debug)]
pub(super) struct Here {
    /// Where it lies.
    pub(super) path: PathBuf,
    shown: String,
    copy: Option<TempDir>,
    /// Files with another content than they once had.
    pub(super) rewritten: Vec<Rewritten>,
}

impl Here {
    /// The place itself, or a copy of what lies in S3.
    ///
    /// # Errors
    /// If S3 does not answer, or nothing lies there.
    pub(super) fn of(place: &Path, latest_only: bool) -> Result<Self, Error> {
        let shown = place.display().to_string();
        let Some(address) = shown.strip_prefix(SCHEME) else {
            return Ok(Self { path: place.to_owned(), shown, copy: None, rewritten: Vec::new() });
        };
        let (name, prefix) = address.split_once('/').unwrap_or((address, ""));
        let access = access()?;
        let objects = bucket::open(name, &access).map_err(|error| Error::Wrong(error.to_string()))?;
        let copy = TempDir::new()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let bar = progress::of(0, "files");
        let prefix = prefix.trim_matches('/');
        let fetched = runtime.block_on(fetch((&objects, name, &access), prefix, copy.path(), &bar));
        bar.finish_and_clear();
        let (count, strays) = fetched?;
        if count == 0 {
            return Err(Error::Wrong(format!("nothing lies at `{shown}`")));
        }
        let mut rewritten = if latest_only { Vec::new() } else { runtime.block_on(versions::rewritten(name, &access, prefix))? };
        rewritten.extend(strays);
        // A bucket holds its logs in a folder of their own.
        let logs = copy.path().join(archive::archiver::LOGS);
        let path = if logs.is_dir() { logs } else { copy.path().to_owned() };
        Ok(Self { path, shown, copy: Some(copy), rewritten })
    }

    /// What is not what it was in a log's folder, or belongs to none, by names within that folder. `only`: whatever lies beside it, too.
    pub(super) fn rewritten_in(&self, folder: &Path, only: bool) -> Vec<Rewritten> {
        let within = self.copy.as_ref().and_then(|copy| folder.strip_prefix(copy.path()).ok());
        let within = within.map(|within| within.to_string_lossy().into_owned()).unwrap_or_default();
        let own = self.rewritten.iter().filter_map(|one| {
            let inside = one.file.strip_prefix(&within).filter(|rest| within.is_empty() || rest.starts_with('/'));
            let file = inside.map(|rest| rest.trim_start_matches('/')).or(only.then_some(one.file.as_str()))?;
            Some(Rewritten { file: file.to_owned(), ..one.clone() })
        });
        own.collect()
    }

    /// What to call a folder in it.
    pub(super) fn shown(&self, folder: &Path) -> String {
        let within = self.copy.as_ref().and_then(|copy| folder.strip_prefix(copy.path()).ok());
        match within {
            Some(within) if within.as_os_str().is_empty() => self.shown.clone(),
            Some(within) => format!("{}/{}", self.shown.trim_end_matches('/'), within.display()),
            None => folder.display().to_string(),
        }
    }
}

/// Who calls S3: what AWS's own tools read from the environment.
fn access() -> Result<Access, Error> {
    let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let needed = |name: &str| {
        read(name).ok_or_else(|| {
            Error::Wrong(format!("`{name}` is not set; `eval \"$(aws configure export-credentials --format env)\"` sets credentials"))
        })
    };
    Ok(Access {
        region: read("AWS_REGION").or_else(|| read("AWS_DEFAULT_REGION")).map_or_else(|| needed("AWS_REGION"), Ok)?,
        key_id: needed("AWS_ACCESS_KEY_ID")?,
        secret_key: needed("AWS_SECRET_ACCESS_KEY")?,
        token: read("AWS_SESSION_TOKEN"),
        endpoint: read("AWS_ENDPOINT_URL_S3").or_else(|| read("AWS_ENDPOINT_URL")),
    })
}

/// Copies all below a prefix; gives the number of files. A log that grows meanwhile is copied until files and checkpoint belong together.
async fn fetch(
    (objects, name, access): (&impl ObjectStore, &str, &Access),
    prefix: &str,
    to: &Path,
    bar: &ProgressBar,
) -> Result<(usize, Vec<Rewritten>), Error> {
    let below = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let mut strays = Vec::new();
    let prefix = path::Path::parse(prefix).map_err(|error| Error::Wrong(error.to_string()))?;
    let mut here: BTreeMap<String, Option<String>> = BTreeMap::new();
    for _ in 0..limits::TRIES {
        let (listed, others): (Vec<Listing>, Vec<Listing>) =
            list(name, access, &below).await?.into_iter().partition(|(name, _)| is_plain(name));
        strays = others;
        let fresh: Vec<_> = listed.into_iter().filter(|(name, tag)| here.get(name) != Some(tag)).collect();
        match (fresh.is_empty(), settled(&here, to)) {
            (true, true) => break,
            (true, false) => tokio::time::sleep(PUBLISHED_AFTER).await,
            (false, _) => bar.set_length((here.len() + fresh.len()) as u64),
        }
        let prefix = &prefix;
        let copies = fresh.into_iter().map(|(name, tag)| async move {
            let at = path::Path::from_iter(prefix.parts().chain(path::Path::from(name.as_str()).parts()));
            copy(objects, &at, &to.join(&name)).await.map(|()| (name, tag))
        });
        let mut running = stream::iter(copies).buffer_unordered(SIDE_BY_SIDE);
        while let Some((name, tag)) = running.try_next().await? {
            here.insert(name, tag);
            bar.set_position(here.len() as u64);
        }
    }
    let what = "belongs to no log";
    let stray = |(file, _): Listing| Rewritten { code: Code::Unaccounted, file, what: what.to_owned() };
    let strays: Vec<Rewritten> = strays.into_iter().map(stray).collect();
    Ok((here.len() + strays.len(), strays))
}

/// Files below a prefix by their names from there, with what tells one content from another. The names are whatever somebody wrote.
async fn list(name: &str, access: &Access, below: &str) -> Result<Vec<Listing>, Error> {
    let failed = |error: object_store::Error| Error::Wrong(error.to_string());
    let (mut all, mut next) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("list-type", "2"), ("prefix", below)];
        query.extend(next.as_deref().map(|token| ("continuation-token", token)));
        let page = bucket::get(name, access, "", &query).await.map_err(failed)?;
        let (files, more) = versions::files(&String::from_utf8_lossy(&page))?;
        all.extend(files.into_iter().filter_map(|(key, tag)| Some((key.strip_prefix(below)?.to_owned(), tag))));
        next = more;
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// Whether a name can be one of a log's files, and so is copied. No such name leads out of the copy.
fn is_plain(name: &str) -> bool {
    let plain = |part: &str| {
        let letters = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._=-".contains(&byte));
        letters && !part.is_empty() && part.len() <= PART_BYTES && part != "." && part != ".."
    };
    name.split('/').all(plain) && name.split('/').count() <= PARTS
}

async fn copy(objects: &impl ObjectStore, at: &path::Path, file: &Path) -> Result<(), Error> {
    let failed = |error: object_store::Error| Error::Wrong(error.to_string());
    let bytes = objects.get(at).await.map_err(failed)?.bytes().await.map_err(failed)?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(file, bytes)?)
}

/// Whether no file is of a longer log than the checkpoint beside it signs: else its archiver is about to publish.
fn settled(here: &BTreeMap<String, Option<String>>, to: &Path) -> bool {
    here.keys().all(|name| {
        let Some((log, tile)) = tile_of(name) else { return true };
        let note = std::fs::read_to_string(to.join(log).join(CHECKPOINT)).unwrap_or_default();
        let text = note.rsplit_once("\n\n").map_or("", |(text, _)| text);
        let size = Checkpoint::parse(&format!("{text}\n")).map_or(0, |checkpoint| checkpoint.size);
        tile.width <= tile::width(tile.kind, tile.index, size)
    })
}
