//! docs/access-patterns.md lists every key that `shared/src/store/table/keys.rs` builds, and no other.

use super::{none, root};

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Functions that build a primary key, whole or in part: they answer `Key`, or are named for the partition they build.
fn builders(source: &str) -> Vec<&str> {
    let signatures = source.lines().filter_map(|line| line.strip_prefix("pub fn "));
    let named = signatures.filter_map(|signature| Some((signature.split(['(', '<']).next()?, signature)));
    named.filter(|(name, signature)| signature.contains("-> Key ") || name.starts_with("inbox_")).map(|(name, _)| name).collect()
}

#[test]
fn every_key_is_in_the_access_patterns() {
    let (source, document) = (read("shared/src/store/table/keys.rs"), read("docs/access-patterns.md"));
    let built = builders(&source);
    assert!(built.len() > 10, "few key builders found: {built:?}");
    let missing = built.iter().filter(|name| !document.contains(&format!("`keys::{name}`")));
    let mut findings: Vec<_> =
        missing.map(|name| format!("`keys::{name}` is not in docs/access-patterns.md: which question does it answer?")).collect();
    let named = document.split("`keys::").skip(1).filter_map(|rest| rest.split('`').next());
    let gone = named.filter(|name| !source.contains(&format!("pub fn {name}")) && !source.contains(&format!("pub const {name}:")));
    findings.extend(gone.map(|name| format!("docs/access-patterns.md: `keys::{name}` is not in shared/src/store/table/keys.rs")));
    none(findings);
}

#[test]
fn every_kind_of_partition_is_in_the_access_patterns() {
    let (source, document) = (read("shared/src/store/table/keys.rs"), read("docs/access-patterns.md"));
    let kinds =
        source.match_indices("!(\"").filter_map(|(at, start)| source.get(at + start.len()..)?.split_once('#').map(|(kind, _)| kind));
    let kinds = kinds.filter(|kind| kind.len() == 3 && kind.bytes().all(|b| b.is_ascii_uppercase()));
    none(
        kinds
            .filter(|kind| !document.contains(&format!("`{kind}#")))
            .map(|kind| format!("`{kind}#` is not in docs/access-patterns.md"))
            .collect(),
    );
}
