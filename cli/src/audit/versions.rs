//! The old versions of an archive's files in S3. A file of a log is written once; one that has two contents was rewritten, whoever had the key.
//! A checkpoint is written often, and never signs two roots of one size.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::hash::Hash;
use archive::bucket::{self, Access};
use audit_log::checkpoint::Checkpoint;
use audit_log::verify::Code;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::Error;
use super::shelf::tile_of;

/// Checkpoints fetched side by side: a log has one for each append and each hour.
const SIDE_BY_SIDE: usize = 16;

/// A file that is not what it was, or of no log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// What is wrong with it.
    pub(super) code: Code,
    /// Its name below the prefix.
    pub(super) file: String,
    /// In words.
    pub(super) what: String,
}

/// One version of an object, or the mark of its deletion.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Version {
    key: String,
    id: String,
    deleted: bool,
}

/// A page of versions.
#[derive(Debug, Default, PartialEq, Eq)]
struct Listed {
    versions: Vec<Version>,
    /// Where the next page begins: key and version.
    next: Option<(String, String)>,
}

/// The files of logs below a prefix that have more than one content, or were deleted.
///
/// # Errors
/// If S3 does not answer, or does not show versions to the caller.
pub(super) async fn rewritten(name: &str, access: &Access, prefix: &str) -> Result<Vec<Rewritten>, Error> {
    let refused = |error: object_store::Error| {
        Error::Wrong(format!(
            "the versions of `s3://{name}` cannot be read (s3:ListBucketVersions and s3:GetObjectVersion; --latest-only does without): {error}"
        ))
    };
    let mut objects: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    let mut next: Option<(String, String)> = None;
    loop {
        let mut query = vec![("versions", ""), ("prefix", prefix)];
        if let Some((key, version)) = &next {
            query.extend([("key-marker", key.as_str()), ("version-id-marker", version.as_str())]);
        }
        let page = bucket::get(name, access, "", &query).await.map_err(refused)?;
        let page = listed(&String::from_utf8_lossy(&page))?;
        for version in page.versions {
            objects.entry(version.key.clone()).or_default().push(version);
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let mut found = Vec::new();
    for (key, versions) in objects {
        let file = key.strip_prefix(prefix).unwrap_or(&key).trim_start_matches('/').to_owned();
        let is_checkpoint = file == "checkpoint" || file.ends_with("/checkpoint");
        if !is_checkpoint && tile_of(&file).is_none() {
            continue;
        }
        let code = Code::Rewritten;
        if versions.iter().any(|version| version.id == UNVERSIONED) {
            let what = "the bucket kept no versions when it was written: what stood here before is not known".to_owned();
            found.push(Rewritten { code, file, what });
            continue;
        }
        if versions.iter().any(|version| version.deleted) {
            found.push(Rewritten { code, file, what: "it was deleted; its old versions are still there".to_owned() });
            continue;
        }
        if versions.len() < 2 {
            continue;
        }
        if is_checkpoint {
            let get = |version: &Version| {
                let id = version.id.clone();
                let key = &key;
                async move { bucket::get(name, access, key, &[("versionId", &id)]).await }
            };
            let calls: Vec<_> = versions.iter().map(get).collect();
            let notes: Vec<_> = stream::iter(calls).buffered(SIDE_BY_SIDE).try_collect().await.map_err(refused)?;
            found.extend(two_roots(notes.iter().map(AsRef::as_ref)).map(|what| Rewritten { code, file, what }));
            continue;
        }
        let mut contents = BTreeSet::new();
        for version in &versions {
            let bytes = bucket::get(name, access, &key, &[("versionId", &version.id)]).await.map_err(refused)?;
            contents.insert(Hash::of(&[&bytes]));
        }
        if contents.len() > 1 {
            let (versions, contents) = (versions.len(), contents.len());
            found.push(Rewritten {
                code,
                file,
                what: format!("it has {versions} versions with {contents} contents: somebody wrote over it"),
            });
        }
    }
    Ok(found)
}

/// The version of what a bucket without versions holds.
const UNVERSIONED: &str = "null";

/// What is wrong with the versions of a checkpoint, newest first: two roots of one size, or a size that went back.
fn two_roots<'a>(notes: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut roots: BTreeMap<u64, Hash> = BTreeMap::new();
    let mut newer = u64::MAX;
    for note in notes {
        let text = String::from_utf8_lossy(note);
        let Some(checkpoint) = text.rsplit_once("\n\n").and_then(|(text, _)| Checkpoint::parse(&format!("{text}\n")).ok()) else {
            return Some("one of its versions is no checkpoint".to_owned());
        };
        if *roots.entry(checkpoint.size).or_insert(checkpoint.root) != checkpoint.root {
            return Some(format!("its versions sign two roots of {} leaves", checkpoint.size));
        }
        if checkpoint.size > newer {
            return Some(format!("{newer} leaves were signed after {}", checkpoint.size));
        }
        newer = checkpoint.size;
    }
    None
}

/// A file in a list, with what tells one content from another.
pub(super) type Listing = (String, Option<String>);

/// Reads `ListBucketResult`: files, and where the next page begins.
///
/// # Errors
/// If it is not of that form.
pub(super) fn files(xml: &str) -> Result<(Vec<Listing>, Option<String>), Error> {
    let (mut all, mut key, mut tag, mut next) = (Vec::new(), String::new(), None, None);
    read(
        xml,
        |_| {},
        |name, text| match name {
            "Key" => text.clone_into(&mut key),
            "ETag" => tag = Some(text.to_owned()),
            "NextContinuationToken" => next = Some(text.to_owned()),
            "Contents" => all.push((std::mem::take(&mut key), tag.take())),
            _ => {}
        },
    )?;
    Ok((all, next))
}

/// Reads `ListVersionsResult`.
fn listed(xml: &str) -> Result<Listed, Error> {
    let (mut page, now) = (Listed::default(), RefCell::new(Version::default()));
    let (mut cut, mut key, mut version) = (false, String::new(), String::new());
    let begin = |name: &str| {
        if matches!(name, "Version" | "DeleteMarker") {
            *now.borrow_mut() = Version { deleted: name == "DeleteMarker", ..Version::default() };
        }
    };
    read(xml, begin, |name, text| match name {
        "Key" => text.clone_into(&mut now.borrow_mut().key),
        "VersionId" => text.clone_into(&mut now.borrow_mut().id),
        "IsTruncated" => cut = text == "true",
        "NextKeyMarker" => text.clone_into(&mut key),
        "NextVersionIdMarker" => text.clone_into(&mut version),
        "Version" | "DeleteMarker" => page.versions.push(std::mem::take(&mut *now.borrow_mut())),
        _ => {}
    })?;
    page.next = cut.then_some((key, version));
    Ok(page)
}

/// Reads XML as S3 writes it: tells each element's beginning, and its end with its text.
fn read(xml: &str, mut begins: impl FnMut(&str), mut ends: impl FnMut(&str, &str)) -> Result<(), Error> {
    let wrong = |what: &str| Error::Wrong(format!("the bucket's list: {what}"));
    let (mut reader, mut text) = (Reader::from_str(xml), String::new());
    loop {
        match reader.read_event().map_err(|error| wrong(&error.to_string()))? {
            Event::Start(tag) => {
                text.clear();
                begins(tag.local_name().as_ref());
            }
            Event::Text(words) => text.push_str(words.as_ref()),
            Event::GeneralRef(name) => text.push(character(name.as_ref()).ok_or_else(|| wrong("a character nobody knows"))?),
            Event::End(tag) => {
                ends(tag.local_name().as_ref(), &text);
                text.clear();
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        number => {
            let number = number.strip_prefix('#')?;
            let code = number.strip_prefix('x').map_or_else(|| number.parse(), |hex| u32::from_str_radix(hex, 16)).ok()?;
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_versions_is_read_page_by_page() {
        let xml = r#"<?xml version="1.0"?><ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>
            <NextKeyMarker>a/tile/0/000</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>
            <Version><Key>a/tile/0/000</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest></Version>
            <DeleteMarker><Key>a&amp;b</Key><VersionId>null</VersionId></DeleteMarker></ListVersionsResult>"#;
        let version = |key: &str, id: &str, deleted| Version { key: key.to_owned(), id: id.to_owned(), deleted };
        let page = listed(xml).unwrap();
        assert_eq!(page.versions, [version("a/tile/0/000", "v2", false), version("a&b", "null", true)]);
        assert_eq!(page.next, Some(("a/tile/0/000".to_owned(), "v1".to_owned())));
    }
}
