//! The old versions of an archive's files in S3. A file of a log is written once; one that has two contents was rewritten, whoever had the key.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::hash::Hash;
use archive::bucket::{self, Access};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::Error;
use super::shelf::tile_of;

/// A file that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewritten {
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
        // Checkpoints are written anew each hour.
        if tile_of(&file).is_none() {
            continue;
        }
        if versions.iter().any(|version| version.deleted) {
            found.push(Rewritten { file, what: "it was deleted; its old versions are still there".to_owned() });
            continue;
        }
        if versions.len() < 2 {
            continue;
        }
        let mut contents = BTreeSet::new();
        for version in &versions {
            let bytes = bucket::get(name, access, &key, &[("versionId", &version.id)]).await.map_err(refused)?;
            contents.insert(Hash::of(&[&bytes]));
        }
        if contents.len() > 1 {
            let (versions, contents) = (versions.len(), contents.len());
            found.push(Rewritten { file, what: format!("it has {versions} versions with {contents} contents: somebody wrote over it") });
        }
    }
    Ok(found)
}

/// Reads `ListVersionsResult`.
fn listed(xml: &str) -> Result<Listed, Error> {
    let wrong = |what: &str| Error::Wrong(format!("the list of versions: {what}"));
    let mut reader = Reader::from_str(xml);
    let (mut page, mut now, mut text) = (Listed::default(), Version::default(), String::new());
    let (mut cut, mut key, mut version) = (false, String::new(), String::new());
    loop {
        match reader.read_event().map_err(|error| wrong(&error.to_string()))? {
            Event::Start(tag) => {
                text.clear();
                if matches!(tag.local_name().as_ref(), "Version" | "DeleteMarker") {
                    now = Version { deleted: tag.local_name().as_ref() == "DeleteMarker", ..Version::default() };
                }
            }
            Event::Text(words) => text.push_str(words.as_ref()),
            Event::GeneralRef(name) => text.push(match name.as_ref() {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => return Err(wrong("a character nobody knows")),
            }),
            Event::End(tag) => match tag.local_name().as_ref() {
                "Key" => now.key.clone_from(&text),
                "VersionId" => now.id.clone_from(&text),
                "IsTruncated" => cut = text == "true",
                "NextKeyMarker" => key.clone_from(&text),
                "NextVersionIdMarker" => version.clone_from(&text),
                "Version" | "DeleteMarker" => page.versions.push(std::mem::take(&mut now)),
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    page.next = cut.then_some((key, version));
    Ok(page)
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
